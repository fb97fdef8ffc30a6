#!/bin/sh
# image.sh [--pip] TAG BASE [ARGUMENT...]: builds the image of this repository on BASE.
#
#   image.sh supervice:dev debian:trixie-slim            of the bundle, which is built first if it has to be
#   image.sh --pip supervice:pip python:3.13-slim        of a virtual environment
#
# Where the bundle cannot be built the image is one of a virtual environment, and this says so. ARGUMENTs are for
# `docker build`. The classic builder builds every stage above the wanted one, needed or not, so the stages of the other
# kind are taken out of the Dockerfile first.
set -eu

cd "$(dirname "$0")/.."
kind=bundle
if [ "$1" = --pip ]; then kind=pip; shift; fi
tag=$1 base=$2
shift 2
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' supervice/__init__.py)
set -- --build-arg "VERSION=$version" --tag "$tag" "$@"

if [ "$kind" = bundle ]; then
    python=.venv/bin/python
    [ -x "$python" ] || python=python3
    status=0
    "$python" docker/bundle/build.py >&2 || status=$?
    case $status in
        0) ;;
        3) kind=pip
            case $base in *python*) ;; *) base=python:3.13-slim ;; esac
            echo "image: without the bundle $tag is made of a virtual environment, on $base" >&2
            docker/base-image.sh "$base" ;;
        *) exit "$status" ;;
    esac
fi

# Unpacking takes a shell and no more: no second base image for that.
builder=$base
if [ "$base" = scratch ]; then builder=${IMAGE_BUILDER:-debian:trixie-slim}; fi

build() {
    case $kind in
        pip) docker build --file Dockerfile --target pip --build-arg "PYTHON=$base" "$@" . ;;
        bundle) sed '/^# begin pip$/,/^# end pip$/d' Dockerfile |
            docker build --file - --build-arg "BASE=$base" --build-arg "BUILDER=$builder" "$@" . ;;
    esac
}

# The classic builder says on standard error that it is deprecated, each time, and what went wrong.
if docker buildx version >/dev/null 2>&1; then
    build "$@"
else
    errors=$(mktemp)
    trap 'rm -f "$errors"' EXIT
    build "$@" 2>"$errors" || { cat "$errors" >&2; exit 1; }
fi
