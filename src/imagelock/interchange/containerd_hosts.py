"""containerd's ``certs.d``: one ``hosts.toml`` for each registry host of the lock, one after the other.

containerd's ``docs/hosts.md``.  containerd chooses a mirror by the host alone, so every image must lie at
its default place; there is no ``--map``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.mirrors import MIRROR, registry
from imagelock.model.destination import default_path
from imagelock.model.reference import DEFAULT_DOMAIN

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "containerd-hosts"
summary = "containerd's hosts.toml for each registry, with its path in a comment"
is_marked = True
options: tuple[Option, ...] = (MIRROR,)

_HUB = "registry-1.docker.io"


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return every file, each after a line with its path below ``/etc/containerd/certs.d``."""
    to = registry(asked)
    host, _, prefix = to.registry.partition("/")
    scheme = "http" if to.plain else "https"
    files = []
    for origin in sorted({image.name.partition("/")[0] for image in lock.images}):
        folder = default_path(f"{origin}/").rstrip("/")
        path = "/".join(part for part in ("v2", prefix, folder) if part)
        server = _HUB if origin == DEFAULT_DOMAIN else origin
        files.append(
            f"# file: /etc/containerd/certs.d/{origin}/hosts.toml\n"
            f'server = "https://{server}"\n\n'
            f'[host."{scheme}://{host}/{path}"]\n'
            'capabilities = ["pull", "resolve"]\n'
            "override_path = true\n"
        )
    return "\n".join(files)
