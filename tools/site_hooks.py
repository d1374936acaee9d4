"""Hooks of the documentation's site: a link that leads out of docs/ is its text there, since a site has no such file."""

from __future__ import annotations

import re

_OUTSIDE = re.compile(
    r"\[(?P<text>[^\]]+)\]\((?:\.\./)+(?:plugins|examples|README\.md|CHANGELOG\.md|tests)[^)]*\)"
)


def on_page_markdown(markdown: str, **_: object) -> str:
    """Return a page whose links all lead to pages of the site."""
    return _OUTSIDE.sub(lambda match: match["text"], markdown)
