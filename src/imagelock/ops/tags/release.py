"""``tags plan`` and ``tags apply``: set release tags from the builds that tag files name.

One HEAD for the wanted tag and one for its source; only where they differ are both read, and our own hash
decides.  A tag is set by putting the source's own manifest bytes under it: every platform comes along,
the digest stays, and no layer moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from imagelock.errors import NotFoundError, RegistryError, UsageError
from imagelock.model.digest import same_digest
from imagelock.model.finding_codes import Level
from imagelock.model.outcome import Change, Outcome, finding_in
from imagelock.ops.parallel import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from imagelock.model.digest import Digest
    from imagelock.model.outcome import Finding
    from imagelock.model.tagfile import TagEntry
    from imagelock.ops.parallel import Progress
    from imagelock.ops.tags.rules import Linted
    from imagelock.stores.base import Content, ManifestReader


class TagStore(Protocol):
    """What applying needs besides reading: to put a manifest under a tag."""

    def put_manifest(self, repository: str, content: Content, tag: str | None = None) -> None:
        """Store a manifest under its digest and, given one, a tag."""


class Action(Enum):
    """What one entry needs; every entry has exactly one."""

    CREATE = "create"
    KEEP = "keep"
    REPUSH = "repush"
    MOVE = "move"
    CONFLICT = "conflict"
    NO_SOURCE = "no source"
    SOURCE_DIFFERS = "source differs"
    UNKNOWN = "could not tell"

    @property
    def writes(self) -> bool:
        """Whether the registry has to be changed."""
        return self in (Action.CREATE, Action.REPUSH, Action.MOVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagResult:
    """What one entry needs, what its tag is ``now`` and should be (``wanted``), and what there is to tell."""

    entry: TagEntry
    action: Action
    now: Digest | None = None
    wanted: Digest | None = None
    finding: Finding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRequest:
    """Which tags may be moved to another digest, and which are put again although they are right."""

    move: tuple[str, ...] = ()
    repush: tuple[str, ...] = ()


def plan(
    entries: Sequence[TagEntry],
    reader: ManifestReader,
    request: TagRequest,
    *,
    jobs: int,
    progress: Progress | None = None,
) -> tuple[TagResult, ...]:
    """Ask the registry what each entry needs; changes nothing.

    Raises :class:`UsageError` for a name that ``request`` gives and that means no entry, or several images.
    """
    judge = _judging(entries, reader, request)
    return tuple(map_concurrently(entries, judge, jobs=jobs, hosts=_hosts(entries), progress=progress))


def apply(
    entries: Sequence[TagEntry],
    reader: ManifestReader,
    store: TagStore,
    request: TagRequest,
    *,
    jobs: int,
    progress: Progress | None = None,
) -> tuple[TagResult, ...]:
    """Set the tags that :func:`plan` would want; a failure is reported in its verdict and stops no other.

    Each tag is set right after it was asked, so that little time is left in which someone else could.
    """
    judge = _judging(entries, reader, request)

    def carry_out(entry: TagEntry) -> TagResult:
        result = judge(entry)
        if not result.action.writes:
            return result
        try:
            return _set(result, reader, store)
        except RegistryError as error:
            return replace(result, action=Action.UNKNOWN, finding=_not_set(entry, error))

    return tuple(map_concurrently(entries, carry_out, jobs=jobs, hosts=_hosts(entries), progress=progress))


def _judging(
    entries: Sequence[TagEntry], reader: ManifestReader, request: TagRequest
) -> Callable[[TagEntry], TagResult]:
    movable, repushed = _named(entries, request.move), _named(entries, request.repush)

    def judge(entry: TagEntry) -> TagResult:
        try:
            result = _judge(entry, reader)
        except RegistryError as error:
            return TagResult(entry=entry, action=Action.UNKNOWN, finding=_could_not_tell(entry, error))
        return _allowed(result, move=entry in movable, repush=entry in repushed)

    return judge


def _hosts(entries: Sequence[TagEntry]) -> int:
    return len({entry.reference.domain for entry in entries})


def outcome(command: str, linted: Linted, results: Sequence[TagResult], *, done: bool) -> Outcome:
    """Return verdicts as an outcome; ``done`` says that what they want has been carried out."""
    counts = {action: sum(1 for result in results if result.action is action) for action in Action}
    words = _DONE if done else _WANTED
    return Outcome(
        command=command,
        changes=tuple(
            Change(
                reference=result.entry.shown,
                before=None if result.now is None else str(result.now),
                after=str(result.wanted),
                file=result.entry.file,
                line=result.entry.line,
            )
            for result in results
            if result.action.writes
        ),
        findings=(*linted.findings, *(item.finding for item in results if item.finding is not None)),
        summary={**linted.counts, **{words[action]: count for action, count in counts.items()}},
    )


_WANTED = {
    Action.CREATE: "to_create",
    Action.KEEP: "kept",
    Action.REPUSH: "to_repush",
    Action.MOVE: "to_move",
    Action.CONFLICT: "conflict",
    Action.NO_SOURCE: "no_source",
    Action.SOURCE_DIFFERS: "source_differs",
    Action.UNKNOWN: "could_not_tell",
}
_DONE = {**_WANTED, Action.CREATE: "created", Action.REPUSH: "repushed", Action.MOVE: "moved"}


def _named(entries: Sequence[TagEntry], names: Iterable[str]) -> frozenset[TagEntry]:
    """Return the entries that names mean: in full, with the tag, or by a last part that is one image's."""
    found: set[TagEntry] = set()
    for text in names:
        meant = [entry for entry in entries if text in _names_of(entry)]
        images = sorted({entry.name for entry in meant})
        if not images:
            raise UsageError("no tag file has this image", where=text, hint="give its full name")
        if len(images) > 1:
            raise UsageError(
                f"this matches several images: {', '.join(images)}", where=text, hint="give the full name"
            )
        found.update(meant)
    return frozenset(found)


def _names_of(entry: TagEntry) -> set[str]:
    names = {entry.name, entry.reference.written_name, entry.name.rpartition("/")[2]}
    if entry.listed is not None:
        names |= {entry.listed.name, entry.listed.written_name}
    return names | {f"{name}:{entry.tag}" for name in names}


def _judge(entry: TagEntry, reader: ManifestReader) -> TagResult:
    now = _digest(reader, entry.name, entry.tag)
    source = _digest(reader, entry.name, entry.source_tag) if entry.source_tag != entry.tag else now
    wanted = entry.digest or source
    if wanted is None or (now is None and source is None):
        return _no_source(entry, now)
    if now is not None and _is(reader, entry, entry.tag, now, wanted):
        return TagResult(entry=entry, action=Action.KEEP, now=now, wanted=wanted)
    if source is not None and not _is(reader, entry, entry.source_tag, source, wanted):
        differs = _source_differs(entry, source)
        return TagResult(entry=entry, action=Action.SOURCE_DIFFERS, now=now, finding=differs)
    if now is None:
        return TagResult(entry=entry, action=Action.CREATE, wanted=wanted)
    conflict = _conflict(entry, now, wanted)
    return TagResult(entry=entry, action=Action.CONFLICT, now=now, wanted=wanted, finding=conflict)


def _digest(reader: ManifestReader, name: str, tag: str) -> Digest | None:
    """Return what a tag points to as the registry claims it, None for a true 404."""
    try:
        claim = reader.head(name, tag)
        return claim.digest or reader.get_manifest(name, tag).digest
    except NotFoundError:
        return None


def _is(reader: ManifestReader, entry: TagEntry, tag: str, claimed: Digest, wanted: Digest) -> bool:
    """Whether a tag is ``wanted``; a claim may agree, but only our own hash says that it does not."""
    return same_digest(claimed, wanted) or wanted.matches(reader.get_manifest(entry.name, tag).body)


def _allowed(result: TagResult, *, move: bool, repush: bool) -> TagResult:
    if move and result.action is Action.CONFLICT:
        return replace(result, action=Action.MOVE, finding=None)
    if repush and result.action is Action.KEEP:
        return replace(result, action=Action.REPUSH)
    return result


def _set(result: TagResult, reader: ManifestReader, store: TagStore) -> TagResult:
    """Put the source's bytes under the tag; a tag that is moved must still be what was judged."""
    entry = result.entry
    if result.wanted is None:
        raise ValueError("a verdict that writes knows its digest")
    content = reader.get_manifest(entry.name, result.wanted)
    if result.action is Action.MOVE:
        now = _digest(reader, entry.name, entry.tag)
        if now is None or result.now is None or not same_digest(now, result.now):
            return replace(result, action=Action.CONFLICT, now=now, finding=_moved_meanwhile(result, now))
    store.put_manifest(entry.name, content, entry.tag)
    return result


def _no_source(entry: TagEntry, now: Digest | None) -> TagResult:
    if now is None:
        message, level = f"{entry.shown} cannot be created: there is no {entry.name}:{entry.source_tag}", None
    else:
        message = f"{entry.shown} exists, and there is no {entry.name}:{entry.source_tag} to compare it with"
        level = Level.WARNING
    missing = finding_in(
        entry,
        "IL403",
        message,
        reference=entry.shown,
        level=level,
        hint="correct src_build_tag, or build the image again"
        if now is None
        else f"add the key `digest: {now}` to check against it",
    )
    return TagResult(entry=entry, action=Action.NO_SOURCE, now=now, finding=missing)


def _source_differs(entry: TagEntry, source: Digest) -> Finding:
    return finding_in(
        entry,
        "IL404",
        f"{entry.name}:{entry.source_tag} does not have the digest that the file gives for {entry.shown}",
        reference=entry.shown,
        notes=[f"the file has {entry.digest}", f"the registry has {source}"],
        hint="find out why the build's tag has moved, then correct src_build_tag or digest",
    )


def _conflict(entry: TagEntry, now: Digest, wanted: Digest) -> Finding:
    return finding_in(
        entry,
        "IL401",
        f"{entry.shown} exists and is a different image",
        reference=entry.shown,
        notes=[f"the tag is {now}", f"{entry.source_tag} is {wanted}"],
        hint=f"choose another tag, or move this one on purpose with --move {entry.name}:{entry.tag}",
    )


def _moved_meanwhile(result: TagResult, now: Digest | None) -> Finding:
    return finding_in(
        result.entry,
        "IL401",
        f"{result.entry.shown} changed while imagelock was running; it was not moved",
        reference=result.entry.shown,
        notes=[f"the tag was {result.now}", f"it is now {now or 'gone'}"],
        hint="look at the new image, then run again",
    )


def _could_not_tell(entry: TagEntry, error: RegistryError) -> Finding:
    return finding_in(
        entry,
        "IL302",
        f"{entry.shown}: {error.kind}: {error.message}",
        reference=entry.shown,
        notes=[f"tried {line}" for line in error.tried],
        hint=error.hint,
        cause=f"{error.kind}: {error.message}",
    )


def _not_set(entry: TagEntry, error: RegistryError) -> Finding:
    return finding_in(
        entry,
        "IL302",
        f"{entry.shown} could not be set: {error.kind}: {error.message}",
        reference=entry.shown,
        notes=[f"tried {line}" for line in error.tried],
        hint=error.hint or "run the same command again: tags that are set are kept",
    )
