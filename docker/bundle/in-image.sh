#!/bin/sh
# in-image.sh interpreter|program: the bundle, inside an image build (stage `bundle` of the Dockerfile).
#
# What `make bundle` has made of these very sources comes with the context and is unpacked. Otherwise everything is
# built here, which takes five minutes and Debian: the interpreter in a layer of its own, so that only the first build
# pays for it.
set -eu

case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) echo "in-image: there is no bundle for $(uname -m)" >&2; exit 1 ;;
esac

# As digest_of_inputs in build.py.
inputs() {
    find supervice docker/bundle -type f ! -name '*.pyc' | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d ' ' -f 1
}

builder() {
    if [ -x /venv/bin/python ]; then return; fi
    command -v apt-get >/dev/null || { echo "in-image: run 'make bundle' first, or build on a Debian (--build-arg BUILDER=debian:trixie-slim)" >&2; exit 1; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        ca-certificates debian-archive-keyring make patch python3-venv >/dev/null
    python3 -m venv /venv
}

case $1 in
    interpreter)
        [ -f "$arch.tar" ] || { builder; /venv/bin/python docker/bundle/interpreter.py /cache; } ;;
    program)
        mkdir -p /image/opt /image/links
        if [ -f "$arch.tar" ] && [ "$(inputs)" = "$(cat "$arch.inputs")" ]; then
            tar -x -C /image -f "$arch.tar"
        else
            builder
            /venv/bin/python docker/bundle/build.py --cache /cache /bundle
            cp -a "/bundle/$arch/opt/supervice" /image/opt/
        fi
        ln -s /opt/supervice/bin/supervice /opt/supervice/bin/supervicectl /image/links/ ;;
esac
