#!/bin/sh
# Puts the official prebuilt libduckdb into <target directory>/duckdb, where the build and the run path look for it.
#
# Compiling DuckDB takes about a quarter of an hour; this takes seconds, and nothing when the library is there already.
# The library comes out of an npm package, through whatever registry npm is configured for, and is checked against the
# sums below. Prints what it does on stderr.
#
# Exit codes: 0 it is there; 3 it cannot be had, so DuckDB must be compiled (`--features bundled`); anything else is a
# mistake of ours.
# AXIS_DUCKDB=bundled asks for compiling; AXIS_CACHE_DIR is where the download is kept.
set -eu

version=1.5.5-r.5

sum_of() {
    case $1 in
        linux-x64) echo 86d2bda909785550e8a14a57a8a4584827aff0e268d8f1a58c3fd48559f7020e ;;
        linux-arm64) echo 3b85f3ea438f7dc3691d7b5e6e4222ffe9127fd17885f96ca72e0c99925c348e ;;
        darwin-x64) echo 1266f62ac7c02f7971554a2b0b2c4c19923a97258bfdf1b203873e174e7a28c4 ;;
        darwin-arm64) echo 08b3cfd7d4d620a5fb67ef49db28551b767107266af3a8e2600e49d99ee59456 ;;
    esac
}

say() {
    echo "libduckdb: $*" >&2
}

# Ends with the code that means: compile it.
without() {
    say "$*"
    exit 3
}

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$1"
    else
        shasum -a 256 "$1"
    fi | cut -d ' ' -f 1
}

platform() {
    case $(uname -m) in
        x86_64 | amd64) arch=x64 ;;
        aarch64 | arm64) arch=arm64 ;;
        *) return 1 ;;
    esac
    case $(uname -s) in
        Linux)
            # The prebuilt library is linked with the C library of GNU.
            for musl in /lib/ld-musl-*; do
                [ ! -e "$musl" ] || return 1
            done
            echo "linux-$arch"
            ;;
        Darwin) echo "darwin-$arch" ;;
        *) return 1 ;;
    esac
}

# Downloads into the cache; what is in the cache is complete and checked.
fetch() {
    command -v npm >/dev/null 2>&1 || scripts/bootstrap.sh node || without "npm is not installed, so the prebuilt library cannot be fetched"
    command -v tar >/dev/null 2>&1 || without "tar is not installed, so the prebuilt library cannot be unpacked"
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    say "fetching $package@$version (about 25 MB)"
    if ! (cd "$work" && npm pack --loglevel error "$package@$version" >packed 2>npm.log </dev/null); then
        tail -n 8 "$work/npm.log" >&2
        without "npm could not fetch $package@$version"
    fi
    archive=$(ls "$work"/*.tgz)
    found=$(sha256 "$archive")
    [ "$found" = "$sum" ] || without "$package@$version has the SHA-256 sum $found; expected is $sum"
    tar -xzf "$archive" -C "$work" "package/$library" package/LICENSE ||
        without "$package@$version holds no $library"
    mv -f "$work/package/LICENSE" "$cache/LICENSE"
    mv -f "$work/package/$library" "$cache/$library"
    rm -rf "$work"
    trap - EXIT INT TERM
}

target=${CARGO_TARGET_DIR:-target}
directory=$target/duckdb

[ "${AXIS_DUCKDB:-prebuilt}" != bundled ] || without "AXIS_DUCKDB=bundled asks for compiling DuckDB"
platform=$(platform) || without "there is no prebuilt library for $(uname -s) on $(uname -m)"
sum=$(sum_of "$platform")
package=@duckdb/node-bindings-$platform
case $platform in
    linux-*) library=libduckdb.so ;;
    *) library=libduckdb.dylib ;;
esac
cache=${AXIS_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/axis}/libduckdb/$version-$platform
stamp=$directory/stamp

# The stamp names the package's sum and the library's size: enough to notice another version, or half a copy.
size() {
    wc -c <"$1" | tr -d ' '
}
if [ -f "$directory/$library" ] && [ -f "$directory/LICENSE" ] && [ -f "$stamp" ] &&
    [ "$(cat "$stamp")" = "$sum $(size "$directory/$library")" ]; then
    exit 0
fi

[ -f "$cache/$library" ] && [ -f "$cache/LICENSE" ] || fetch
mkdir -p "$directory"
# A library that is the same already keeps its time, so that nothing is linked anew.
if ! cmp -s "$cache/$library" "$directory/$library"; then
    # A new file under the old name: programs that run go on with the old one.
    new=$directory/.$library.$$
    ln "$cache/$library" "$new" 2>/dev/null || cp "$cache/$library" "$new"
    mv -f "$new" "$directory/$library"
fi
# Whoever hands the library on hands this on with it.
cp -f "$cache/LICENSE" "$directory/LICENSE"
echo "$sum $(size "$directory/$library")" >"$stamp"
say "DuckDB ${version%%-*} for $platform is in $directory"
