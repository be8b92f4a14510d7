#!/bin/sh
# Builds the program that `deploy/` puts in place, and tests what is in there.
#
# Usage: deploy.sh program DIRECTORY       the release build of `axis` with its library into <DIRECTORY>/bin and duckdb
#        deploy.sh test [argument ...]     the files of deploy/ at work, by pytest, which gets the arguments
#        deploy.sh replay                  the Dockerfile's last stage in a root of Debian's own, as far as that goes
#                                          without a container engine; needs root and debootstrap
set -eu

cd "$(dirname "$0")/.."
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
DUCKDB_LIB_DIR=${DUCKDB_LIB_DIR:-$target/duckdb}
export DUCKDB_LIB_DIR
venv=$target/deploy/venv
packages="check-jsonschema dockerfile-parse kubernetes-validate pytest pyyaml trustme"

say() {
    echo "deploy: $*" >&2
}

bundled() {
    [ "$(cat "$target/duckdb/mode" 2>/dev/null || echo "${AXIS_DUCKDB:-prebuilt}")" = bundled ]
}

# The program looks for its library in ../duckdb.
put() {
    install -d "$2/bin"
    install -m 0755 "$1" "$2/bin/axis"
    if ! bundled; then
        install -d "$2/duckdb"
        install -m 0644 "$DUCKDB_LIB_DIR"/libduckdb.* "$DUCKDB_LIB_DIR/LICENSE" "$2/duckdb/"
    fi
}

program() {
    features=
    ! bundled || features="--features bundled"
    # shellcheck disable=SC2086
    cargo build --locked --release -p axis-http --bin axis $features
    put "$target/release/axis" "$1"
    # What names the lines in backtraces is four fifths of the file.
    strip -S "$1/bin/axis"
    say "axis is in $1/bin"
}

# Makes the virtual environment, unless it is there with these packages for this interpreter.
environment() {
    python=${PYTHON:-python3}
    want="$("$python" --version 2>&1) $packages"
    [ "$(cat "$venv/stamp" 2>/dev/null)" != "$want" ] || return 0
    say "making $venv with: $packages"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    # shellcheck disable=SC2086
    "$venv/bin/pip" install --quiet --disable-pip-version-check $packages
    echo "$want" >"$venv/stamp"
}

case ${1:-} in
    program)
        [ $# = 2 ] || {
            say "usage: deploy.sh program DIRECTORY"
            exit 2
        }
        program "$2"
        ;;
    test)
        shift
        scripts/bootstrap.sh postgresql python nginx caddy systemd-analyze
        environment
        scripts/build.sh --quiet
        AXIS_TARGET="$target" "$venv/bin/python" -m pytest -p no:cacheprovider deploy/tests "$@"
        ;;
    replay)
        scripts/bootstrap.sh python debootstrap
        environment
        scripts/build.sh --quiet
        rm -rf "$target/deploy/program"
        put "$target/debug/axis" "$target/deploy/program"
        "$venv/bin/python" deploy/tests/replay.py deploy/Dockerfile "$target/deploy/program"
        ;;
    *)
        say "usage: deploy.sh program DIRECTORY | test [argument ...] | replay"
        exit 2
        ;;
esac
