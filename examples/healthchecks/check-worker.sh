#!/bin/sh
# check-worker.sh FILE SECONDS: fails when FILE was not touched for so long. What it prints is the
# reason that `supervicectl status` and the log show.
set -eu
age=$(($(date +%s) - $(stat -c %Y "$1")))
if [ "$age" -gt "$2" ]; then
    echo "no sign of life for $age s"
    exit 1
fi
