#!/bin/sh
# kubelet.sh build|up|down|status|import IMAGE[=NAME]...   a real kubelet 1.20.2 with static pods, without an API server.
# Root. State in $KUBE (default /var/tmp/supervice-kubelet): kubelet (105 MB, keep it as a cache), manifests/ (what lies there runs).
# It lives in a mount and a network namespace of its own: no port, sysctl, log directory or hosts file of the machine is touched.
set -eu
K=${KUBE:-/var/tmp/supervice-kubelet}; here=$(cd "$(dirname "$0")" && pwd)
node() { nsenter -t "$(cat "$K/node.pid")" -n -m "$@"; }
build() { # 3 minutes on 2 cores under nice; 2.6 GB of work, removed at the end
  [ ! -x "$K/kubelet" ] || return 0
  w=$K/build; mkdir -p "$w/lists/partial" "$w/x"; cd "$w"
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' | awk '$2 == "bookworm" { print $1; exit }')
  apt-get download golang-1.19-go golang-1.19-src
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:?no bookworm mirror in the sources of apt} bookworm main" >sources.list
  o="-o Dir::Etc::sourcelist=$w/sources.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$w/lists"
  apt-get $o -qq update; apt-get $o -qq source --download-only kubernetes
  for d in golang-1.19-*.deb; do dpkg-deb -x "$d" x; done
  mkdir -p goroot go/src/k8s.io/kubernetes
  cp -rL x/usr/lib/go-1.19/bin x/usr/lib/go-1.19/pkg x/usr/lib/go-1.19/VERSION goroot/; cp -r x/usr/share/go-1.19/src goroot/
  tar xzf kubernetes_*.orig.tar.gz -C go/src/k8s.io/kubernetes --strip-components=1
  cd go/src/k8s.io/kubernetes
  GOROOT=$w/goroot PATH=$w/goroot/bin:$PATH GOPATH=$w/go GOCACHE=$w/cache GOFLAGS=-p=2 GO111MODULE=off CGO_ENABLED=0 \
    nice go build -o "$K/kubelet" -ldflags '-s -w -X k8s.io/component-base/version.gitVersion=v1.20.2' ./cmd/kubelet
  rm -rf "$w"
}
image() { # the pause image: PID 1 of shared PID namespaces, collects orphans
  docker image inspect kube-pause:1 >/dev/null 2>&1 && return 0
  t=$(mktemp -d); cc -static -Os -s -o "$t/pause" "$here/pause.c"; tar -C "$t" -c pause | docker import -c 'ENTRYPOINT ["/pause"]' - kube-pause:1 >/dev/null; rm -r "$t"
}
inside() { # the first process of the node; exec'd by up
  ip link set lo up
  # An address that is not loopback: the kubelet refuses 127.0.0.1 as the node's (and so as the pods'). `dummy` is not in every kernel.
  ip link add kbr0 type bridge; ip addr add 10.99.0.1/24 dev kbr0; ip link set kbr0 up; ip route add default via 10.99.0.254
  over() { mkdir -p "$K/over"; f=$K/over/$(echo "$1" | tr / _); printf '%b' "$2" >"$f"; mount --bind "$f" "$1"; }
  # What the kubelet would otherwise write into the machine.
  over /proc/sys/vm/overcommit_memory '1\n'; over /proc/sys/vm/panic_on_oom '0\n'; over /proc/sys/kernel/panic '10\n'
  over /proc/sys/kernel/panic_on_oops '1\n'; over /proc/sys/kernel/keys/root_maxkeys '1000000\n'; over /proc/sys/kernel/keys/root_maxbytes '25000000\n'
  # Without these each look at the node's name costs seconds of DNS, several times a sync (seen: 20 s to the first pod).
  over /etc/hosts '127.0.0.1 localhost\n10.99.0.1 node1\n'; over "$(readlink -f /etc/resolv.conf)" 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n'
  mkdir -p "$K/log"; mount --bind "$K/log" /var/log       # /var/log/pods, /var/log/containers
  cat >"$K/containerd.toml" <<E
version = 2
root = "$K/cri/root"
state = "$K/cri/state"
[grpc]
  address = "$K/cri/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/kube-pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$K/cri/cni-bin"
    conf_dir = "$K/cri/cni-conf"
E
  containerd -c "$K/containerd.toml" >"$K/containerd.log" 2>&1 & echo $! >"$K/containerd.pid"
  i=0; until ctr -a "$K/cri/c.sock" version >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 100 ]; sleep 0.1; done
  "$K/kubelet" --container-runtime=remote --container-runtime-endpoint="unix://$K/cri/c.sock" --pod-manifest-path="$K/manifests" \
    --file-check-frequency=1s --root-dir="$K/root" --cert-dir="$K/root/pki" --fail-swap-on=false --cgroup-driver=cgroupfs \
    --cgroups-per-qos=false --enforce-node-allocatable= --hostname-override=node1 --make-iptables-util-chains=false \
    --address=127.0.0.1 --healthz-bind-address=127.0.0.1 --read-only-port=10255 --authorization-mode=AlwaysAllow --eviction-hard= \
    --image-gc-high-threshold=100 --image-gc-low-threshold=99 --v=2 >"$K/kubelet.log" 2>&1 & echo $! >"$K/kubelet.pid"
  exec sleep infinity
}
up() {
  mkdir -p "$K/manifests"; build; image
  setsid unshare -m -n --propagation private "$0" inside >"$K/node.log" 2>&1 </dev/null & echo $! >"$K/node.pid"
  i=0; until node curl -sf http://127.0.0.1:10255/pods >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 300 ] || { tail -20 "$K"/*.log >&2; exit 1; }; sleep 0.1; done
  import kube-pause:1
}
import() { # IMAGE or IMAGE=NAME: an image of the engine, under NAME
  for one; do i=${one%%=*} n=${one#*=}
    docker save "$i" | ctr -a "$K/cri/c.sock" -n k8s.io images import - >/dev/null
    [ "$i" = "$n" ] || ctr -a "$K/cri/c.sock" -n k8s.io images tag --force "docker.io/library/$i" "docker.io/library/$n" >/dev/null
  done
}
down() {
  [ -s "$K/node.pid" ] || return 0
  c() { node ctr -a "$K/cri/c.sock" -n k8s.io "$@"; }
  kill "$(cat "$K/kubelet.pid")" || :; sleep 1
  for t in $(c task ls -q); do c task kill -s KILL "$t" || :; done; sleep 1
  for t in $(c task ls -q); do c task rm "$t" >/dev/null || :; done
  for t in $(c container ls -q); do c container rm "$t" || :; done
  kill "$(cat "$K/containerd.pid")"; sleep 1; kill "$(cat "$K/node.pid")"; rm -f "$K"/*.pid
  find /sys/fs/cgroup/*/k8s.io -depth -type d -exec rmdir {} + 2>/dev/null || :
  rm -rf "$K/cri" "$K/root" "$K/over" "$K/log" "$K/manifests"
}
case ${1:-} in
  build|up|down) "$1" ;; inside) inside ;; import) shift; import "$@" ;;
  status) node curl -sS http://127.0.0.1:10255/pods ;;
  *) echo "usage: $0 build|up|down|status|import IMAGE[=NAME]..." >&2; exit 2 ;;
esac
