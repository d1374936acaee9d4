"""Helpers of the exports for a mirror: their options, and each repository with its place there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from imagelock.errors import UsageError
from imagelock.interchange.base import Option
from imagelock.model.destination import destination

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelock.interchange.base import ExportOptions
    from imagelock.model.destination import Destination
    from imagelock.model.lock import Lock

MIRROR = Option(
    name="mirror",
    help="The registry given to `imagelock mirror --to`: host[:port][/prefix].",
    metavar="REGISTRY",
    required=True,
)
MAP = Option(
    name="map",
    help="The --map rules given to `imagelock mirror` (repeatable).",
    metavar="PATTERN=PATH",
    multiple=True,
)


def registry(asked: ExportOptions) -> Destination:
    """Return the mirror; raise :class:`UsageError` when it is none."""
    mirror = asked.one(MIRROR.name)
    if mirror is None:
        raise UsageError("--mirror is missing", hint="name the registry that the images were mirrored to")
    return destination(mirror, asked.all(MAP.name))


def repositories(lock: Lock, to: Destination) -> tuple[tuple[str, str], ...]:
    """Return every repository of the lock with its place at the mirror, sorted."""
    return tuple((name, to.name_of(name)) for name in sorted({image.name for image in lock.images}))


def documents(objects: Sequence[Mapping[str, object]]) -> str:
    """Write Kubernetes objects as YAML."""
    return yaml.dump_all(
        objects, Dumper=_Dumper, sort_keys=False, width=2**20, explicit_start=len(objects) > 1
    )


class _Dumper(yaml.CSafeDumper):
    """Writes lists of images as blocks that people can read."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def mirror_set(kind: str, key: str, asked: ExportOptions, lock: Lock) -> str:
    """Return one of OpenShift's mirror sets (config.openshift.io/v1), which differ in two words."""
    return mirror_objects("config.openshift.io/v1", kind, key, asked, lock)


def mirror_objects(version: str, kind: str, key: str, asked: ExportOptions, lock: Lock) -> str:
    """Return an object that lists the mirrors of each repository below ``spec.<key>``."""
    policy = asked.one("policy")
    entries = [
        {"source": name, "mirrors": [place], **({"mirrorSourcePolicy": policy} if policy else {})}
        for name, place in repositories(lock, registry(asked))
    ]
    return documents(
        [
            {
                "apiVersion": version,
                "kind": kind,
                "metadata": {"name": asked.one("name") or "imagelock"},
                "spec": {key: entries},
            }
        ]
    )


NAMED = (
    MIRROR,
    MAP,
    Option(name="name", help="The object's name.", metavar="NAME", default=("imagelock",)),
)
SET_OPTIONS = (
    *NAMED,
    Option(
        name="policy",
        help="Whether a node may also pull from the original registry.",
        choices=("NeverContactSource", "AllowContactingSource"),
    ),
)
