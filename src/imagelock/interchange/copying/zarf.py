"""A ``ZarfPackageConfig`` with one component that holds the lock's images, for ``zarf package create``.

Follows the schema of Zarf's packages.  References keep their tag, because Zarf's registry is addressed by
tag inside the cluster; the digest decides what is fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.copying.package import NAME, in_full, package_name
from imagelock.interchange.mirrors import documents

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "zarf"
summary = "a ZarfPackageConfig that holds the lock's images"
is_marked = True
options: tuple[Option, ...] = (NAME,)


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return ``zarf.yaml``."""
    component = {"name": "images", "required": True, "images": in_full(lock)}
    return documents(
        [
            {
                "kind": "ZarfPackageConfig",
                "metadata": {"name": package_name(asked)},
                "components": [component],
            }
        ]
    )
