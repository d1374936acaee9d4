"""Web addresses that a server names: realms, redirects, upload locations, pages.

:func:`urllib.parse.urlsplit` takes ``http:// /`` and ``http://../`` for addresses with a host; a host that is
none must neither reach a resolver nor become part of a file's path.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_AUTHORITY = lazy_regex(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\])(?::[0-9]{1,5})?",
    re.ASCII,
)
"""A host name or address and a port: letters, digits, hyphens, no empty label, nothing before a ``@``."""
SCHEMES = ("http", "https")


def split_web_address(url: str) -> SplitResult:
    """Split an absolute http or https address; raise :class:`ValueError` with words for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("not an address") from error
    if parts.scheme not in SCHEMES or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not a web address")
    if _AUTHORITY.fullmatch(parts.netloc) is None or port == 0:
        raise ValueError("not the address of a host")
    return parts
