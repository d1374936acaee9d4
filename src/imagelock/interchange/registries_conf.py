"""``registries.conf`` (version 2) of podman, skopeo, buildah and CRI-O: each repository with its mirror.

containers-registries.conf(5).  Names and places are references, whose characters need no escape in TOML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.base import Option
from imagelock.interchange.mirrors import MAP, MIRROR, registry, repositories

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "registries-conf"
summary = "a containers registries.conf with mirrors"
is_marked = True
options: tuple[Option, ...] = (
    MIRROR,
    MAP,
    Option(
        name="only-mirror",
        help="Never ask the original registry.",
        choices=("yes", "no"),
        default=("no",),
    ),
)

_HEAD = "# Written by imagelock; for /etc/containers/registries.conf.d/50-imagelock.conf\n"


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the file."""
    to = registry(asked)
    insecure = "insecure = true\n" if to.plain else ""
    places = repositories(lock, to)
    if asked.one("only-mirror") == "yes":
        # A place of its own instead of a mirror: there is no original left that could be asked.
        blocks = [
            f'\n[[registry]]\nprefix = "{one}"\nlocation = "{place}"\n{insecure}' for one, place in places
        ]
    else:
        blocks = [
            f'\n[[registry]]\nprefix = "{one}"\nlocation = "{one}"\n'
            f'\n[[registry.mirror]]\nlocation = "{place}"\n{insecure}'
            for one, place in places
        ]
    return _HEAD + "".join(blocks)
