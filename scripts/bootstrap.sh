#!/bin/sh
# Installs what the tests need and the machine lacks; whatever is there stays as it is.
#
# Usage: bootstrap.sh postgresql|rust|cxx ...
#   postgresql  `initdb` and `postgres`, for the throw-away servers of the tests
#   rust        rustfmt and clippy
#   cxx         a C++ compiler, only needed to compile DuckDB itself
#   python      Python 3 that can make virtual environments
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

have_python() {
    "${PYTHON:-python3}" -c 'import ensurepip, venv' >/dev/null 2>&1
}

have_cxx() {
    command -v "${CXX:-c++}" >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1
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
        python) have_python || install "Python" python3 python3-venv ;;
        rust) rust ;;
        *)
            say "there is no \`$need\`; there are: postgresql, rust, cxx, python"
            exit 2
            ;;
    esac
done
