#!/bin/sh
# engine.sh up|down: a Docker engine for this machine.
#
#   up    prints the DOCKER_HOST of an engine that answers. One that already answers is used as it
#         is; otherwise (root, apt) docker.io is installed if need be and dockerd is started.
#   down  stops the engine that `up` started, and no other.
#
# Exit status: 0 an engine answers; 3 there is no way to have one here (said on stderr in one
# line); 1 there should have been one and something failed. Only the address goes to stdout.
#
# There must never be two engines in one network namespace: each manages docker0 and the iptables
# rules as if it were alone, and the second takes the first one's bridge away. Hence the lock, and
# hence a dockerd that runs but does not answer yet is waited for, never doubled.
set -eu

run=${SUPERVICE_ENGINE_STATE:-/run/supervice-engine}   # pid file and log of the engine that we started
data=${SUPERVICE_ENGINE_DATA:-/var/lib/docker}
sock=${SUPERVICE_ENGINE_SOCKET:-/var/run/docker.sock}
patience=${SUPERVICE_ENGINE_TIMEOUT:-60}               # seconds for an engine to answer

say() { printf 'engine: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
no_way() { say "no engine here: $*"; exit 3; }

# The server has to answer: `docker version` alone is content with a client.
reachable() { timeout 10 docker -H "$1" version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Is pid $1 a live $2? kill -0 would also say yes to a zombie and to a pid used again.
alive() {
    [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ] && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"
}

# The first live dockerd that shares our network namespace (one in another rivals none here).
running_engine() {
    ours=$(readlink /proc/self/ns/net 2>/dev/null || :)
    for comm in /proc/[0-9]*/comm; do
        pid=${comm#/proc/}; pid=${pid%/comm}
        if alive "$pid" dockerd && [ "$(readlink "/proc/$pid/ns/net" 2>/dev/null || :)" = "$ours" ]; then
            echo "$pid"; return 0
        fi
    done
    return 1
}

# After a kill -9 the pid files of both daemons block the next start.
drop_stale() {
    if [ -s "$1" ] && ! alive "$(cat "$1")" "$2"; then rm -f "$1"; fi
}

# Gone or a zombie: also true of a daemon of ours that failed, which we do not collect.
ended() {
    ! [ -d "/proc/$1" ] || grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"
}

# Polls until $1 answers; $2 is the pid of the engine, whose end ends the wait.
await() {
    tries=$((patience * 10))
    until reachable "$1"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        if ended "$2"; then return 1; fi
        sleep 0.1
    done
}

# The engine that the caller means: $DOCKER_HOST, the client's own context, the usual socket.
answering() {
    command -v docker >/dev/null 2>&1 || return 1
    if [ -n "${DOCKER_HOST:-}" ]; then
        reachable "$DOCKER_HOST" && echo "$DOCKER_HOST"
        return
    fi
    if reachable "unix://$sock"; then echo "unix://$sock"; return; fi
    host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || return 1
    [ -n "$host" ] && reachable "$host" && echo "$host"
}

# Mounts, bridges and iptables need both of these, and root in a plain container has neither.
capable() {
    caps=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
    [ $((0x$caps >> 21 & 1)) = 1 ] && [ $((0x$caps >> 12 & 1)) = 1 ]   # CAP_SYS_ADMIN, CAP_NET_ADMIN
}

install_engine() {
    if command -v dockerd >/dev/null 2>&1 && command -v docker >/dev/null 2>&1 &&
        command -v iptables >/dev/null 2>&1; then return 0; fi
    command -v apt-get >/dev/null 2>&1 || no_way "docker is not installed and there is no apt-get to install it with"
    say "installing docker.io with apt"
    apt-get update -qq >&2 || say "apt-get update failed; trying with the lists that are there"
    set -- docker.io iptables ca-certificates
    # From Debian 13 on the client is a package of its own, and docker.io only recommends it.
    if apt-cache show docker-cli >/dev/null 2>&1; then set -- "$@" docker-cli; fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$run/apt" 2>&1 </dev/null || {
        tail -n 20 "$run/apt" >&2
        fail "docker.io could not be installed"
    }
}

# A bare namespace or a minimal VM may come without any cgroup mount, and runc needs one.
mount_cgroups() {
    if ! grep -qs '[[:space:]]/sys/fs/cgroup' /proc/mounts && [ -d /sys/fs/cgroup ]; then
        mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null || say "no cgroup hierarchy could be mounted; going on without"
    fi
}

up() {
    if host=$(answering); then echo "$host"; return; fi
    if [ -n "${DOCKER_HOST:-}" ]; then fail "DOCKER_HOST is $DOCKER_HOST, and nothing answers there; unset it or start that engine"; fi
    [ "$(id -u)" = 0 ] || no_way "nothing answers, and starting one takes root"
    capable || no_way "nothing answers, and this root may not mount or set up a bridge (an unprivileged container?)"

    mkdir -p "$run"
    exec 9>"$run/lock"
    flock 9
    if host=$(answering); then echo "$host"; return; fi     # another caller was faster
    install_engine

    if [ -d /run/systemd/system ]; then systemctl start docker >&2 || :; fi
    if pid=$(running_engine); then                          # the package's own start script, or systemd
        await "unix://$sock" "$pid" || fail "dockerd runs as pid $pid and does not answer on $sock"
        echo "unix://$sock"; return
    fi

    mount_cgroups
    drop_stale "$run/pid" dockerd
    drop_stale /var/run/docker.pid dockerd
    drop_stale /var/run/docker/containerd/containerd.pid containerd
    # Descriptor 9 is the lock: the daemon must not keep it.
    setsid dockerd -H "unix://$sock" --data-root "$data" --pidfile "$run/pid" >"$run/log" 2>&1 </dev/null 9>&- &
    if ! await "unix://$sock" $!; then
        tail -n 20 "$run/log" >&2
        fail "dockerd did not come up; its log is $run/log"
    fi
    say "started dockerd (pid $!), log in $run/log"
    echo "unix://$sock"
}

down() {
    [ -s "$run/pid" ] || return 0
    pid=$(cat "$run/pid")
    alive "$pid" dockerd || return 0
    kill "$pid"
    tries=$((patience * 10))
    while alive "$pid" dockerd; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "dockerd (pid $pid) did not stop in $patience s"
        sleep 0.1
    done
}

case ${1:-} in
    up) up ;;
    down) down ;;
    *) echo "usage: ${0##*/} up|down" >&2; exit 2 ;;
esac
