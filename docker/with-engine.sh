#!/bin/sh
# with-engine.sh COMMAND [ARG...]: runs COMMAND with what container tests need in its environment.
#
# Makes sure of an engine (engine.sh) and of the base images in $SUPERVICE_TEST_BASES (default:
# python:3.13-slim). The first of them has to be there; one of the others that cannot be had is
# said and taken off the list. Sets SUPERVICE_TEST_REQUIRE_ENGINE=1, so that a test that finds no
# engine fails instead of being skipped; only where there is no way to have an engine at all
# COMMAND runs without, and this says so.
set -eu

here=$(dirname "$0")
status=0
host=$("$here/engine.sh" up) || status=$?
case $status in
    0)
        export DOCKER_HOST="$host"
        export SUPERVICE_TEST_REQUIRE_ENGINE=1
        export TESTCONTAINERS_RYUK_DISABLED=true   # its image comes from a registry, which not every machine can reach
        have=
        for tag in ${SUPERVICE_TEST_BASES:-python:3.13-slim}; do
            if "$here/base-image.sh" "$tag"; then
                have="$have $tag"
            elif [ -z "$have" ]; then
                exit 1
            else
                echo "with-engine: $tag could not be had, so nothing is tested on it" >&2
            fi
        done
        export SUPERVICE_TEST_BASES="${have# }"
        ;;
    3)
        echo "with-engine: no container engine can be had on this machine: container tests are skipped" >&2
        export SUPERVICE_TEST_REQUIRE_ENGINE=0
        ;;
    *) exit "$status" ;;
esac
exec "$@"
