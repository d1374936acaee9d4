"""The ways in which one repository is written, for tools that compare names as text."""

from __future__ import annotations

_HUB = "docker.io/"
_OFFICIAL = "docker.io/library/"


def spellings(name: str) -> tuple[str, ...]:
    """Return every usual spelling of a canonical name, the shortest first and the name itself last.

    Only Docker Hub may be left out of a name, and ``library`` only there.
    """
    if name.startswith(_OFFICIAL):
        short = name.removeprefix(_OFFICIAL)
        return (short, f"library/{short}", f"docker.io/{short}", name)
    if name.startswith(_HUB):
        return (name.removeprefix(_HUB), name)
    return (name,)
