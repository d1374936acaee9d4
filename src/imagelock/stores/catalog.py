"""The catalog of a local store: repositories, their tags and manifests, as immutable values.

Readers keep the snapshot they took, so nothing is locked while reading; a change makes a new snapshot and
the store replaces the old one as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from imagelock.model.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagelock.model.manifest import Descriptor
    from imagelock.model.strictjson import Json

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?", re.ASCII)
_PATH_CHARS = 255


def is_path(text: str) -> bool:
    """Whether ``text`` is a repository's name (OCI distribution specification, "Pulling manifests")."""
    return len(text) <= _PATH_CHARS and _PATH.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether a local store takes this name: a path, or a canonical name whose host has a port.

    Bundles keep images under their full names (``localhost:5000/app``); a registry serves paths only.
    """
    host, slash, path = text.partition("/")
    return is_path(text) or bool(slash and _HOST.fullmatch(host) and is_path(path))


def has_host(name: str) -> bool:
    """Whether a repository's name begins with a registry's host, as canonical names do."""
    host, slash, _ = name.partition("/")
    return bool(slash) and (host == "localhost" or any(mark in host for mark in ".:"))


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The manifests of one repository: those with tags, and those that only have a digest.

    Children of a recorded index are part of the repository without a record of their own.
    """

    tags: Mapping[str, Descriptor] = field(default_factory=lambda: MappingProxyType({}))
    untagged: Mapping[Digest, Descriptor] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def recorded(self) -> Mapping[Digest, Descriptor]:
        """Every manifest that has a record, by digest."""
        return {one.digest: one for one in (*self.untagged.values(), *self.tags.values())}

    def find(self, target: str | Digest) -> Descriptor | None:
        """Return the record of a tag or a digest."""
        return self.recorded.get(target) if isinstance(target, Digest) else self.tags.get(target)

    def put(self, manifest: Descriptor, tag: str | None, covered: Iterable[Digest] = ()) -> Repository:
        """Record a manifest; what a moved tag pointed to stays reachable by digest.

        ``covered`` are an index's children: they need no record of their own any more.
        """
        if tag is None:
            tags, old = self.tags, None
            untagged = {**self.untagged}
            if manifest.digest not in self._tagged:
                untagged[manifest.digest] = manifest
        else:
            tags, old = {**self.tags, tag: manifest}, self.tags.get(tag)
            untagged = {key: one for key, one in self.untagged.items() if key != manifest.digest}
        changed = Repository(tags=tags, untagged=untagged)
        changed = changed.keep(old) if old is not None else changed
        gone = set(covered)
        return replace(changed, untagged={k: one for k, one in changed.untagged.items() if k not in gone})

    def drop_tag(self, tag: str) -> Repository:
        """Forget a tag; its manifest stays reachable by digest."""
        tags = {name: one for name, one in self.tags.items() if name != tag}
        return replace(self, tags=tags).keep(self.tags[tag])

    def drop(self, digest: Digest, children: Iterable[Descriptor] = ()) -> Repository:
        """Forget a manifest and its tags; ``children`` it covered get records of their own."""
        tags = {name: one for name, one in self.tags.items() if one.digest != digest}
        untagged = {key: one for key, one in self.untagged.items() if key != digest}
        changed = Repository(tags=tags, untagged=untagged)
        for child in children:
            changed = changed.keep(child)
        return changed

    @cached_property
    def _tagged(self) -> frozenset[Digest]:
        return frozenset(one.digest for one in self.tags.values())

    def keep(self, manifest: Descriptor) -> Repository:
        """Record a manifest without a tag, unless it has a record already."""
        if manifest.digest in self._tagged or manifest.digest in self.untagged:
            return self
        return replace(self, untagged={**self.untagged, manifest.digest: manifest})


@dataclass(frozen=True, slots=True)
class Foreign:
    """A record that another tool wrote: what it points to, and its JSON as it was."""

    descriptor: Descriptor
    json: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Every repository of a store, by name; an empty repository does not exist.

    ``foreign`` are records that other tools left and that name no repository: kept as they are,
    and so is what they point to.
    """

    repositories: Mapping[str, Repository] = field(default_factory=lambda: MappingProxyType({}))
    foreign: tuple[Foreign, ...] = ()

    def repository(self, name: str) -> Repository:
        """Return a repository; one that does not exist is empty."""
        return self.repositories.get(name, _EMPTY)

    def put(self, name: str, repository: Repository) -> Catalog:
        """Return the catalog with one repository replaced."""
        repositories = {key: one for key, one in self.repositories.items() if key != name}
        if repository.tags or repository.untagged:
            repositories[name] = repository
        return replace(self, repositories=repositories)


_EMPTY = Repository()
