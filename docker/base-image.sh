#!/bin/sh
# base-image.sh [TAG...]: makes sure that these images exist locally (default: python:3.13-slim).
#
# An image that is there is used; otherwise it is pulled; otherwise, where no registry can be
# reached, an equivalent is bootstrapped from Debian's packages:
#
#   python:3.11-slim  bookworm      python:3.13-slim  trixie      python:3.14-slim  sid
#   debian:bookworm-slim            debian:trixie-slim
#
# Variables: DEBIAN_MIRROR  where the packages come from; default: the mirror that apt of this
#                           host uses if the host is a Debian, else Debian's public one
#            SUPERVICE_PULL=0  do not try a registry
# docker has to find its engine (see engine.sh). Bootstrapping needs root and apt.
set -eu

say() { printf 'base-image: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

exists() { docker image inspect "$1" >/dev/null 2>&1; }

# A machine without a route to the registry must not cost minutes, and a slow download must not be
# cut short: 20 s for the first layer to be announced, ten minutes for the rest.
pull() {
    [ "${SUPERVICE_PULL:-1}" != 0 ] || return 1
    timeout 600 docker pull "$1" >"$work/pull" 2>&1 &
    puller=$!
    tries=200
    while kill -0 "$puller" 2>/dev/null; do
        if grep -qs -e 'Pulling fs layer' -e 'Already exists' "$work/pull"; then break; fi
        tries=$((tries - 1))
        if [ "$tries" -le 0 ]; then kill "$puller" 2>/dev/null || :; break; fi
        sleep 0.1
    done
    wait "$puller" && exists "$1"
}

host_is_debian() {
    # shellcheck source=/dev/null
    (. /etc/os-release && [ "${ID:-}" = debian ]) 2>/dev/null
}

# `apt-get indextargets` knows every format that sources can have. The security archive is another
# tree, without the suites that are wanted here.
mirror() {
    if [ -n "${DEBIAN_MIRROR:-}" ]; then echo "$DEBIAN_MIRROR"; return; fi
    found=
    if host_is_debian; then
        # shellcheck disable=SC2016  # $(...) is apt's own notation
        found=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' 2>/dev/null |
            awk '$1 ~ /^https?:/ && $1 !~ /security/ && $2 !~ /-/ { print $1; exit }')
    fi
    echo "${found:-http://deb.debian.org/debian}"
}

install_tools() {
    if command -v mmdebstrap >/dev/null 2>&1 && [ -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then return 0; fi
    [ "$(id -u)" = 0 ] || fail "mmdebstrap is not installed, and installing it takes root"
    command -v apt-get >/dev/null 2>&1 || fail "mmdebstrap is not installed, and there is no apt-get to install it with"
    say "installing mmdebstrap with apt"
    apt-get update -qq >&2 || say "apt-get update failed; trying with the lists that are there"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        mmdebstrap debian-archive-keyring ca-certificates >"$work/apt" 2>&1 </dev/null || {
        tail -n 20 "$work/apt" >&2
        fail "mmdebstrap could not be installed"
    }
}

# What the official python images promise and Debian's packages do not: `python` and `pip` under
# /usr/local/bin, and a pip that may install. The CA bundle of this host goes into the local
# image, since a host behind a TLS proxy of its own would otherwise have images that cannot reach
# a package index; the Dockerfiles stay free of any such thing.
customize() {
    cat <<'HOOK'
#!/bin/sh
set -eu
root=$1
if [ -s /etc/ssl/certs/ca-certificates.crt ]; then
    cat /etc/ssl/certs/ca-certificates.crt >"$root/etc/ssl/certs/ca-certificates.crt"
fi
if [ -e "$root/usr/bin/python3" ]; then
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    ln -sf /usr/bin/python3 "$root/usr/local/bin/python3"
    ln -sf /usr/bin/python3 "$root/usr/local/bin/python"
fi
if [ -e "$root/usr/bin/pip3" ]; then ln -sf /usr/bin/pip3 "$root/usr/local/bin/pip"; fi
HOOK
}

bootstrap() { # bootstrap SUITE TAG PACKAGES
    install_tools
    from=$(mirror)
    say "bootstrapping $2 from Debian $1 ($from)"
    customize >"$work/customize"
    chmod +x "$work/customize"
    proxy=
    if command -v apt-config >/dev/null 2>&1; then eval "$(apt-config shell proxy Acquire::http::Proxy)"; fi
    # A file, not a pipe into docker import: when the first half of a pipe fails, the second half
    # still makes an image, an empty one. The mode is explicit, since as root mmdebstrap needs no
    # user namespaces, which many containers and kernels do not allow.
    rm -f "$work/root.tar"
    mode=auto
    if [ "$(id -u)" = 0 ]; then mode=root; fi
    # Check-Valid-Until: a mirror some days behind is good enough for a test image.
    mmdebstrap --quiet --mode="$mode" --variant=minbase --include="ca-certificates${3:+,$3}" \
        --keyring=/usr/share/keyrings \
        --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='Acquire::Languages "none"' \
        --aptopt='Acquire::Retries "3"' \
        ${proxy:+--aptopt="Acquire::http::Proxy \"$proxy\""} \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --customize-hook="$work/customize" \
        "$1" "$work/root.tar" "$from" >&2 || return 1
    docker import -c 'CMD ["bash"]' \
        -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        "$work/root.tar" "$2" >/dev/null
    rm -f "$work/root.tar"
}

ensure() {
    if exists "$1"; then return; fi
    say "$1 is not here; trying to pull it"
    if pull "$1"; then return; fi
    say "could not pull $1: $(tail -n 1 "$work/pull" 2>/dev/null || :)"
    python=python3,python3-pip,python3-venv
    case $1 in
        python:3.11-slim) bootstrap bookworm "$1" "$python" ;;
        python:3.13-slim) bootstrap trixie "$1" "$python" ;;
        python:3.14-slim) bootstrap sid "$1" "$python" ;;
        debian:bookworm-slim) bootstrap bookworm "$1" "" ;;
        debian:trixie-slim) bootstrap trixie "$1" "" ;;
        *) fail "cannot bootstrap $1: no Debian suite is known for it" ;;
    esac || fail "could not make $1"
    # sid moves on: a tag must not promise a Python that is not in the image.
    case $1 in
        python:*) want=${1#python:}; want=${want%-slim}
            got=$(docker run --rm --network none "$1" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
            if [ "$got" != "$want" ]; then docker rmi "$1" >/dev/null; fail "Debian has Python $got now where $1 was wanted"; fi ;;
    esac
}

command -v docker >/dev/null 2>&1 || fail "docker is not installed (docker/engine.sh up installs it)"
[ $# -gt 0 ] || set -- python:3.13-slim
for tag; do ensure "$tag"; done
