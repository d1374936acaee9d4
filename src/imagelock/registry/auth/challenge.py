"""Read ``WWW-Authenticate``: any number of challenges in any number of headers.

Follows RFC 9110, section 11.6.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ITEM = lazy_regex(
    r"""[\s,]*
    (?:(?<=[0-9A-Za-z][ ])(?P<opaque>[0-9A-Za-z._~+/-]+=*)(?=\s*(?:,|$))|
    (?P<name>[!\#$%&'*+.^_`|~0-9A-Za-z-]+)
    (?:[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]*)))?)""",
    re.ASCII | re.VERBOSE,
)
_ESCAPE = lazy_regex(r"\\(.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a registry asks for: ``scheme`` in lower case (``bearer``, ``basic``), and its parameters."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Return every challenge in order; what cannot be read ends its header."""
    found: list[tuple[str, dict[str, str]]] = []
    for header in headers:
        for name, value in _items(header):
            if value is None:
                found.append((name.lower(), {}))
            elif found:
                # The first of two equal parameters wins, so that nothing behind it overrides it.
                found[-1][1].setdefault(name.lower(), value)
    return tuple(
        Challenge(
            scheme=scheme,
            realm=fields.get("realm", ""),
            service=fields.get("service", ""),
            scope=fields.get("scope", ""),
        )
        for scheme, fields in found
    )


def _items(header: str) -> Iterator[tuple[str, str | None]]:
    """Yield scheme names (value None) and parameters."""
    position = 0
    while match := _ITEM.match(header, position):
        position = match.end()
        if match["opaque"] is not None:
            continue  # the one-word form (Negotiate, NTLM) has no parameters
        quoted, plain = match["quoted"], match["plain"]
        yield match["name"], _ESCAPE.sub(r"\1", quoted) if quoted is not None else plain
