#!/bin/sh
# setup.sh: makes sure of podman, and of a user whose containers have ids of their own. Root, on Debian or Ubuntu; elsewhere it
# says what is missing. What it makes stays: a user without a password, and its lines in /etc/subuid and /etc/subgid.
set -eu
user=supervice-podman
if ! command -v podman >/dev/null || ! command -v newuidmap >/dev/null; then
    command -v apt-get >/dev/null || { echo 'setup.sh: install podman, uidmap and runc (or crun)' >&2; exit 1; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends podman uidmap runc >/dev/null
fi
id "$user" >/dev/null 2>&1 || useradd --system --create-home --shell /usr/sbin/nologin "$user"
for file in /etc/subuid /etc/subgid; do
    grep -q "^$user:" "$file" 2>/dev/null || echo "$user:1000000:65536" >>"$file"
done
home=$(getent passwd "$user" | cut -d: -f6)
install -d -m 700 -o "$user" -g "$(id -gn "$user")" "$home/run"
