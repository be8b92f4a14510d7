#!/bin/sh
# Builds what the tests and the packages of the languages share: always the same crates together, because cargo builds a dependency
# anew for every other selection that asks for other features of it.
#
# Usage: build.sh [--release] [argument of cargo build ...]
# AXIS_WHOLE asks for what `cargo test` builds, too: whoever runs both finds everything built, and nothing is replaced meanwhile.
# The module for Python is left to maturin, for which pyo3 would be built again.
# Needs libduckdb (make libduckdb), or AXIS_DUCKDB=bundled, which compiles DuckDB into each of them.
set -eu

cd "$(dirname "$0")/.."
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
DUCKDB_LIB_DIR=${DUCKDB_LIB_DIR:-$target/duckdb}
export DUCKDB_LIB_DIR
features=
[ "$(cat "$target/duckdb/mode" 2>/dev/null || echo "${AXIS_DUCKDB:-prebuilt}")" != bundled ] || features="--features bundled"
packages="-p axis-ffi -p axis-node -p axis-py"
[ "${1:-}" = --release ] || packages="-p axis-ffi -p axis-node -p axis-http -p axis-conformance -p axis-testkit"
[ "${1:-}" = --release ] || [ -z "${AXIS_WHOLE:-}" ] || packages="--workspace --all-targets --exclude axis-py"
# shellcheck disable=SC2086
exec cargo build --locked $packages $features "$@"
