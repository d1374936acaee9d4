"""How imagelock recognises what it wrote itself: an export is made from the lock and is never a source of it."""

from __future__ import annotations

_START = "# Written by `imagelock export "
_HEAD_CHARS = 1024


def mark(export: str) -> str:
    """Return the comment line that an export begins with."""
    return f"{_START}{export}` from the lock: change the lock and export again.\n"


def is_export(content: str) -> bool:
    """Whether a text begins with that line, perhaps below other comments and the start of a document."""
    at = content.find(_START, 0, _HEAD_CHARS)
    if at < 0:
        return False
    above = content[:at].removeprefix("\ufeff")
    if above and not above.endswith("\n"):
        return False
    return all(not line.strip() or line.startswith(("#", "---")) for line in above.splitlines())
