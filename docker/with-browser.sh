#!/bin/sh
# with-browser.sh COMMAND [ARG...]: runs COMMAND where the browser tests find what they need.
#
# That is Debian's chromium with its driver, and nginx. As root on a machine with apt what is missing is
# installed; SUPERVICE_TEST_REQUIRE_BROWSER=1 then has a test that finds none fail instead of being skipped.
# Only where there is no way to have them COMMAND runs without, and this says so.
set -eu

has() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]
}

export SUPERVICE_TEST_REQUIRE_BROWSER=1
if ! { { has chromium || has google-chrome; } && has chromedriver && has nginx; }; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq &&
        apt-cache show chromium-driver >/dev/null 2>&1; then
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            chromium chromium-driver nginx-light fonts-dejavu-core >/dev/null
    else
        echo "with-browser: no chromium can be had on this machine: browser tests are skipped" >&2
        SUPERVICE_TEST_REQUIRE_BROWSER=0
    fi
fi
# Tests of clocks are skipped without it.
if ! ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libfaketime >/dev/null ||
        echo "with-browser: no libfaketime can be had on this machine: some tests of clocks are skipped" >&2
fi
exec "$@"
