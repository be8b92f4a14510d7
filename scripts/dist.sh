#!/bin/sh
# Makes what a release would hand out, into <target directory>/dist: the wheel, the npm package and the archive for C; and puts each
# into an empty environment, to try it or to measure it there.
#
# Usage: dist.sh build                 the three packages, in release builds
#        dist.sh try                   the README's quick start in each language, out of the packages alone
#        dist.sh check                 the same with packages of the development builds that the tests of the languages made
#        dist.sh bench [argument ...]  `language-bench` over the packages; arguments go to it
# Needs libduckdb (make libduckdb).
set -eu

cd "$(dirname "$0")/.."
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
export CARGO_TARGET_DIR="$target" DUCKDB_LIB_DIR="${DUCKDB_LIB_DIR:-$target/duckdb}"
dist=$target/dist
room=$target/dist-room
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
features=
[ "$(cat "$target/duckdb/mode" 2>/dev/null)" != bundled ] || features="--features bundled"

build() {
    scripts/bootstrap.sh python node patchelf pkg-config
    scripts/build.sh --release
    scripts/python.sh wheel >/dev/null
    scripts/node.sh pack >/dev/null
    scripts/c.sh archive "$target/release" "$dist"
    ls -l "$dist"
}

# What `python.sh test` and `node.sh test` have built, packed as a release would be.
gather() {
    dist=$target/dist-check
    rm -rf "$dist"
    mkdir -p "$dist"
    cp "$target"/python/wheels/*.whl "$target"/node/*.tgz "$dist/"
    scripts/build.sh --quiet
    scripts/c.sh archive "$target/debug" "$dist"
}

# Prints the README's block of a language.
block() {
    awk -v open="\`\`\`$1" '$0 == open { shown = 1; next } /^```$/ { shown = 0 } shown' README.md
}

# Runs the quick starts beside the demonstration's store, one after the other.
quick_starts() {
    block python >"$room/quickstart.py"
    block js >"$room/node/quickstart.mjs"
    block c >"$room/quickstart.c"
    compile "$room/quickstart.c" "$room/quickstart-c"
    axis=$target/release/axis
    [ -x "$axis" ] || axis=$target/debug/axis
    cd "$room"
    LD_LIBRARY_PATH=$DUCKDB_LIB_DIR "$axis" demo --once >/dev/null 2>&1
    for program in "python/bin/python quickstart.py" "node node/quickstart.mjs" "./quickstart-c"; do
        echo "dist: $program"
        # shellcheck disable=SC2086
        $program >answer.txt
        cat answer.txt
        grep -q relevancy answer.txt || {
            echo "dist: $program has not shown the metrics" >&2
            exit 1
        }
    done
}

# Fills an empty room with what the packages hold, and nothing else of this tree.
unpack() {
    rm -rf "$room"
    mkdir -p "$room/node"
    python3 -m venv "$room/python"
    "$room/python/bin/pip" install --quiet --disable-pip-version-check "$@" "$dist"/axis_engine-"$version"-*.whl
    (cd "$room/node" && npm init --yes >/dev/null && npm install --silent --no-fund --no-audit "$dist/axis-engine-$version.tgz" apache-arrow)
    tar -C "$room" -xzf "$dist"/axis-"$version"-linux-*.tar.gz
    mv "$room"/axis-"$version"-linux-* "$room/c"
}

# Compiles a program against the unpacked archive, wherever that lies.
compile() {
    # shellcheck disable=SC2046
    PKG_CONFIG_PATH="$room/c/lib/pkgconfig" sh -c '${CC:-cc} -O2 -Wall -Wextra "$1" $(pkg-config --define-variable=prefix="$2" --cflags --libs axis) \
        -Wl,-rpath,"$2/lib" -o "$3"' sh "$1" "$room/c" "$2"
}

task=${1:-}
[ $# = 0 ] || shift
# What a package needs, it must find by itself.
unset LD_LIBRARY_PATH
case $task in
    build)
        build
        ;;
    try)
        unpack
        quick_starts
        ;;
    check)
        gather
        unpack
        quick_starts
        ;;
    bench)
        unpack pyarrow
        cp benches/languages/bench.mjs "$room/node/"
        compile benches/languages/bench.c "$room/bench-c"
        # shellcheck disable=SC2086
        cargo run --locked --release -p axis-bench --bin language-bench $features -- --json \
            --program "python=$room/python/bin/python benches/languages/bench.py" \
            --program "node=node $room/node/bench.mjs" \
            --program "c=$room/bench-c" "$@"
        ;;
    *)
        echo "usage: dist.sh build | try | check | bench [argument ...]" >&2
        exit 2
        ;;
esac
