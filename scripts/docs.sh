#!/bin/sh
# Builds the book of docs/ with MkDocs, in a virtual environment below the target directory.
#
# Usage: docs.sh build    builds it into <target directory>/docs-book
#        docs.sh test     the same, and fails for a page that would ask another host for something
#        docs.sh serve    shows it on http://127.0.0.1:8000 and follows changes
# PYTHON names the interpreter; python3 by default. Needs nothing that is compiled.
set -eu

cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
venv=$target/docs/venv
book=$target/docs-book
python=${PYTHON:-python3}
# The theme prints an advertisement of its makers otherwise.
export NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true

say() {
    echo "docs: $*" >&2
}

want="$("$python" --version 2>&1) $(cat scripts/docs-requirements.txt)"
if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$want" ]; then
    say "making $venv"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/docs-requirements.txt
    echo "$want" >"$venv/stamp"
fi

build() {
    # Warnings are errors; with --quiet nobody would count them.
    "$venv/bin/mkdocs" build --strict --clean --site-dir "$book" >"$venv/log" 2>&1 || {
        grep -v '^INFO' "$venv/log" >&2
        exit 1
    }
}

case ${1:-} in
    build)
        build
        echo "$book/index.html"
        ;;
    test)
        build
        # Links to elsewhere are fine; what a browser would load by itself is not.
        loads='<(script|img|iframe|source)[^>]*src="?(https?:)?//|<link[^>]*href="?(https?:)?//|url\(["'\'']?(https?:)?//|@import'
        if grep -rEno --include='*.html' --include='*.css' "$loads" "$book"; then
            say "these pages would ask another host"
            exit 1
        fi
        pages=$(find "$book" -name '*.html' | wc -l)
        [ "$pages" -ge 20 ] || { say "there are only $pages pages"; exit 1; }
        say "$pages pages, every link leads somewhere, nothing is loaded from elsewhere"
        ;;
    serve)
        exec "$venv/bin/mkdocs" serve --dev-addr 127.0.0.1:8000
        ;;
    *)
        say "usage: docs.sh build | test | serve"
        exit 2
        ;;
esac
