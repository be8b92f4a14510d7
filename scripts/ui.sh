#!/bin/sh
# Builds the dashboard in axis-http/ui, tests it in a browser, or takes pictures of it. Quick when nothing has changed.
#
# Usage: ui.sh build|test|shots [argument ...]
#   build  dist/, which the program embeds
#   test   format, types, units, and every page in headless Chromium against the program; arguments go to `node --test` in place of all files
#   shots  the two pictures of the README, and with a directory as argument one of every page
# `test` and `shots` need target/debug/axis, built after dist/; AXIS names another one.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
ui=$root/axis-http/ui
target=$(cd "$root" && mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
task=${1:-}
[ $# = 0 ] || shift

say() {
    echo "ui: $*" >&2
}

packages() {
    "$root/scripts/bootstrap.sh" node
    if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
        npm ci --no-audit --no-fund --no-progress --loglevel=error >&2
        touch node_modules/.package-lock.json
    fi
}

build() {
    packages
    if [ ! -f dist/index.html ] || [ -n "$(find src index.html package-lock.json tsconfig.json vite.config.ts -newer dist/index.html)" ]; then
        node_modules/.bin/vite build --logLevel warn
    fi
}

program() {
    AXIS=${AXIS:-$target/debug/axis}
    if [ ! -x "$AXIS" ]; then
        say "there is no $AXIS; \`cargo build -p axis-http\` makes it"
        exit 1
    fi
    "$root/scripts/bootstrap.sh" chromium
    export AXIS
}

cd "$ui"
case $task in
    build)
        build
        ;;
    test)
        build
        program
        node_modules/.bin/prettier --check --log-level warn .
        node_modules/.bin/tsc
        node_modules/.bin/vitest run --silent
        [ $# != 0 ] || set -- test/*.test.mjs
        node --test --test-concurrency=2 "$@"
        ;;
    shots)
        build
        program
        node test/shots.mjs "$@"
        ;;
    *)
        say "there is no \`$task\`; there are: build, test, shots"
        exit 2
        ;;
esac
