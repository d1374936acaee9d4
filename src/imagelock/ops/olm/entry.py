"""``olm entrypoint``: pin a registry's tree from the environment alone, all files or none.

The operator passes variables whose names contain the tag in base32 and whose values contain the
digest; no lock, configuration or registry is used.  Imports nothing of :mod:`imagelock.registry`:
this starts with every pod.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import FileError, FormatError, InvalidValueError, UsageError
from imagelock.files import Write, decode, encode, read_bytes
from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import DOCUMENT_SUFFIXES, find
from imagelock.formats.syntax.text import Text
from imagelock.model.olm import ENCODED_PREFIX, decode_name, decode_sample
from imagelock.model.place import Place
from imagelock.model.reference import DEFAULT_DOMAIN, Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imagelock.model.digest import Digest

_TEMPORARY = ".imagelock-tmp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What replaces parts of names: the registry, the parts between it and the last one, the tag.

    A tag takes a digest away, so that must be allowed by ``drop_digests``.
    """

    registry: str | None = None
    organization: str | None = None
    tag: str | None = None
    drop_digests: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is replaced."""
        return self.registry is None and self.organization is None and self.tag is None

    def applied(self, reference: Reference) -> Reference:
        """Return a reference with its parts replaced; raise :class:`InvalidValueError` for no reference."""
        first, slash, rest = reference.written_name.partition("/")
        has_host = bool(slash) and (reference.domain != DEFAULT_DOMAIN or first.endswith(DEFAULT_DOMAIN))
        host, path = (first, rest) if has_host else ("", reference.written_name)
        middle, _, last = path.rpartition("/")
        host = host if self.registry is None else self.registry.strip("/")
        middle = middle if self.organization is None else self.organization.strip("/")
        name = "/".join(part for part in (host, middle, last) if part)
        named = replace(Reference.parse(name), tag=reference.tag, digest=reference.digest)
        if self.tag is None or (named.digest is not None and not self.drop_digests):
            return named
        return Reference.parse(str(named.with_tag(self.tag)))


@dataclass(frozen=True, slots=True)
class Known:
    """What the environment says: digests by canonical name and tag, how many variables came with a digest.

    ``unread`` are the variables that name no image or no tag.
    """

    digests: Mapping[tuple[str, str | None], Digest]
    came_with_digest: int
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPlan:
    """What will be written, and how many places are pinned, had a digest already, or stay without one."""

    writes: tuple[Write, ...]
    pinned: int
    had_digest: int
    left: tuple[str, ...]
    known: Known


@dataclass(slots=True)
class _Counts:
    pinned: int = 0
    had_digest: int = 0
    left: list[str] = field(default_factory=list)


def known_images(environ: Mapping[str, str], pattern: str, *, allow_empty: bool = False) -> Known:
    """Read the variables that a pattern finds.

    Raises :class:`UsageError` when two of them disagree and, without ``allow_empty``, when none names an image.
    """
    try:
        wanted = re.compile(pattern, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"--env-match is not a usable regular expression: {error}", where=pattern) from error
    digests: dict[tuple[str, str | None], Digest] = {}
    named: dict[tuple[str, str | None], str] = {}
    came, unread = 0, []
    for name in sorted(environ):
        if wanted.search(name) is None:
            continue
        decoded, reference = decode_name(name), Reference.parse_or_none(environ[name])
        if decoded is None or reference is None or reference.digest is None:
            unread.append(name)
            continue
        if decoded.digest is not None:
            came += 1
            continue
        # A sample's variable says which image it is for; the others leave that to their value.
        image = decode_sample(name) if name.startswith(ENCODED_PREFIX) else None
        key = ((image or reference).name, decoded.tag)
        if digests.setdefault(key, reference.digest) != reference.digest:
            raise UsageError(
                f"{named[key]} and {name} give two digests for {reference.name}:{decoded.tag}",
                hint="correct the operator's environment",
            )
        named.setdefault(key, name)
    if not digests and not came and not allow_empty:
        raise UsageError(
            f"{len(unread)} variables match, and none names an image by tag and digest"
            if unread
            else "no variable of the environment matches",
            where=pattern,
            hint="correct --env-match or the operator's variables; --allow-empty starts without any",
        )
    return Known(digests, came, tuple(unread))


def plan_entry(folders: Iterable[Path], known: Known, override: Override) -> EntryPlan:
    """Decide what every place of the trees should hold; raise before anything is written.

    Raises :class:`FileError` for a tree that cannot be read, :class:`UsageError` for an override that makes
    no reference of a name, or that would take a digest away.
    """
    counts = _Counts()
    writes = []
    for path in _files(folders):
        data = read_bytes(path)
        text = Text(str(path), decode(data))
        wanted = list(_wanted(text, known, override, counts))
        if wanted:
            try:
                content = fill(text, wanted)
            except FormatError as error:
                raise FileError(error.message, where=f"{path}:{error.line}", hint=error.hint) from error
            writes.append(Write(path, data, encode(content, data)))
    return EntryPlan(
        writes=tuple(writes),
        pinned=counts.pinned,
        had_digest=counts.had_digest,
        left=tuple(counts.left),
        known=known,
    )


def _wanted(
    text: Text, known: Known, override: Override, counts: _Counts
) -> Iterator[tuple[Place, Reference]]:
    for place in find(text):
        if not isinstance(place, Place):
            continue
        old = place.reference
        digest = known.digests.get((old.name, old.tag)) if old.digest is None else None
        new = old if digest is None else old.with_digest(digest, keep_tag=place.keeps_tag)
        if old.digest is not None:
            counts.had_digest += 1
        elif digest is None:
            counts.left.append(f"{text.path}:{place.line}: {old}")
        else:
            counts.pinned += 1
        new = _overridden(text, place, new, override)
        if new != old:
            if not place.pinnable:
                raise FileError(
                    f"{old} cannot be written here: {place.refusal}", where=f"{text.path}:{place.line}"
                )
            yield place, new


def _overridden(text: Text, place: Place, new: Reference, override: Override) -> Reference:
    if override.is_empty:
        return new
    where = f"{text.path}:{place.line}"
    if override.tag is not None and new.digest is not None and not override.drop_digests:
        raise UsageError(
            f"--tag would remove the digest of {new}", where=where, hint="--drop-digests allows it"
        )
    try:
        return override.applied(new)
    except InvalidValueError as error:
        raise UsageError(f"{new} cannot be rewritten: {error.message}", where=where) from error


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the YAML and JSON files of the trees, each once; links are followed to files, not to folders."""
    seen: set[str] = set()
    for folder in folders:
        if not folder.is_dir():
            raise FileError("no such directory", where=str(folder))
        for name in _walk(str(folder)):
            real = os.path.realpath(name)
            if real not in seen:
                seen.add(real)
                yield Path(name)


def _walk(folder: str) -> Iterator[str]:
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            raise FileError((error.strerror or str(error)).lower(), where=str(error.filename)) from error
        waiting += [entry.path for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]
        for entry in entries:
            if (
                entry.name.lower().endswith(DOCUMENT_SUFFIXES)
                and entry.is_file()
                and _TEMPORARY not in entry.name
            ):
                yield entry.path
