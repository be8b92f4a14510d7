#!/bin/sh
# Fuzzes every target for a while, beginning with the seeds; what is found stays in fuzz/artifacts.
#
# Usage: fuzz/run.sh [seconds for each target, 60 by default]
#   AXIS_NIGHTLY  the toolchain, `nightly` by default: the fuzzers need instrumentation that stable compilers do not offer
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
nightly=${AXIS_NIGHTLY:-nightly}

if ! rustup run "$nightly" rustc --version >/dev/null 2>&1; then
    echo "fuzz: the toolchain $nightly is missing; installing it" >&2
    rustup toolchain install "$nightly" --profile minimal
fi
if ! command -v cargo-fuzz >/dev/null 2>&1; then
    echo "fuzz: cargo-fuzz is missing; installing it" >&2
    cargo install --locked cargo-fuzz
fi
for target in fuzz_targets/*.rs; do
    target=$(basename "$target" .rs)
    mkdir -p "corpus/$target"
    # There is next to no `unsafe` below the targets, so an address sanitizer would only cost time.
    cargo +"$nightly" fuzz run --fuzz-dir . --sanitizer none "$target" "corpus/$target" "seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10
done
