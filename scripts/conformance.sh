#!/bin/sh
# Runs the scenarios of conformance/ in Python, Node and C, with what scripts/python.sh and scripts/node.sh have built for tests.
#
# Usage: conformance.sh [python|node|c ...]   all of them by default
set -eu

cd "$(dirname "$0")/.."
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
scripts/build.sh --quiet
run=$target/debug/axis-conformance

[ $# != 0 ] || set -- python node c
for language in "$@"; do
    case $language in
        python) "$run" -- "$target/python/venv/bin/python" axis-py/tests/conformance_driver.py ;;
        node) "$run" -- node axis-node/test/conformance-driver.mjs ;;
        c)
            driver=$target/debug/axis-conformance-c
            "${CC:-cc}" -std=c11 -Wall -Wextra -pthread -Iinclude axis-ffi/tests/c/conformance_driver.c -o "$driver" \
                -L"$target/debug" -laxis -Wl,-rpath,"$target/debug"
            "$run" -- "$driver"
            ;;
        *)
            echo "conformance: there is no \`$language\`; there are: python, node, c" >&2
            exit 2
            ;;
    esac
done
