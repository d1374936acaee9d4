"""Helpers of the exports for a mirror: their options, and each repository with its place there."""

from __future__ import annotations

import hashlib
import json
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

_HASH_CHARS = 10
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


def applied(objects: Sequence[Mapping[str, object]], leftovers: str | None = None) -> str:
    """Write objects with a head that says how to apply them, and how to remove what an older release left.

    Server-side apply takes every object that fits into the API; plain apply keeps a copy of each in an annotation of
    at most 256 KiB.  ``leftovers`` is what ``kubectl delete`` is given: kinds, and a selector.
    """
    head = ["Apply with: kubectl apply --server-side -f FILE"]
    if leftovers is not None:
        head.append(f"Then remove what an older lock left behind: kubectl delete {leftovers}")
    return "".join(f"# {line}\n" for line in head) + documents(objects)


def lock_hash(*parts: object) -> str:
    """Return a short name for what something was made of: equal parts have equal names."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_HASH_CHARS]


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
