"""Leads links out of the book to the repository, so that the pages can be read there and here."""

import posixpath
import re

LINK = re.compile(r"\]\((\.\./[^)\s]*)\)")


def on_page_markdown(markdown, page, config, files):
    """Rewrites relative links that leave the folder of the book."""
    folder = posixpath.dirname(posixpath.join("docs", page.file.src_uri))

    def replace(match):
        path, mark, anchor = match.group(1).partition("#")
        target = posixpath.normpath(posixpath.join(folder, path))
        if target.startswith("docs/"):
            return match.group(0)
        return f"]({config.extra['repository']}/blob/main/{target}{mark}{anchor})"

    return LINK.sub(replace, markdown)
