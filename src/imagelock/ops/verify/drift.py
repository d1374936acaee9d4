"""``drift``: compare the registries with the lock, one HEAD per entry; only a difference costs more.

A HEAD's digest is a claim: when it is the lock's, nothing has moved as far as the registry says; when it
is another, the manifest is read and our own hash decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.errors import DigestConflictError, NotFoundError, RegistryError
from imagelock.model.digest import same_digest
from imagelock.model.outcome import Change, Outcome, finding
from imagelock.ops.parallel import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelock.model.digest import Digest
    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.outcome import Finding
    from imagelock.ops.parallel import Progress
    from imagelock.stores.base import ManifestReader


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is known of one entry: the count it belongs to, the findings, the digest it has now."""

    count: str
    findings: tuple[Finding, ...] = ()
    now: Digest | None = None


_COUNTS = ("same", "moved", "tag_gone", "gone", "disagreed", "could_not_tell")


def drift(lock: Lock, reader: ManifestReader, *, jobs: int, progress: Progress | None = None) -> Outcome:
    """Ask for every entry of the lock and tell what moved, is gone, or could not be determined."""
    names: dict[str, list[LockedImage]] = {}
    for entry in lock.images:
        names.setdefault(str(entry.digest), []).append(entry)

    def ask(image: LockedImage) -> _Verdict:
        try:
            return _with_names(_judge(image, reader), image, names)
        except DigestConflictError as error:
            return _Verdict("disagreed", (_disagreed(image, error),))
        except RegistryError as error:
            return _Verdict("could_not_tell", (could_not_tell(image, error),))

    hosts = len({image.name.partition("/")[0] for image in lock.images})
    verdicts = map_concurrently(lock.images, ask, jobs=jobs, hosts=hosts, progress=progress)
    counts = {name: sum(1 for verdict in verdicts if verdict.count == name) for name in _COUNTS}
    return Outcome(
        command="drift",
        changes=tuple(
            Change(reference=image.reference, before=str(image.digest), after=str(verdict.now))
            for image, verdict in zip(lock.images, verdicts, strict=True)
            if verdict.now is not None
        ),
        findings=tuple(item for verdict in verdicts for item in verdict.findings),
        summary={"entries": len(verdicts), **counts},
        images=tuple(image.reference for image in lock.images),
    )


def _judge(image: LockedImage, reader: ManifestReader) -> _Verdict:
    if image.tag is None:
        has = _has(reader, image.name, image.digest)
        return _Verdict("same") if has else _Verdict("gone", (_digest_gone(image),))
    try:
        digest = _now(image, image.tag, reader)
    except NotFoundError:
        if _has(reader, image.name, image.digest):
            return _Verdict("tag_gone", (_tag_gone(image),))
        return _Verdict("gone", (_digest_gone(image),))
    if same_digest(digest, image.digest):
        return _Verdict("same")
    moved = _moved(image, digest)
    if _has(reader, image.name, image.digest):
        return _Verdict("moved", (moved,), digest)
    return _Verdict("gone", (moved, _digest_gone(image)), digest)


def _with_names(
    verdict: _Verdict, image: LockedImage, names: Mapping[str, Sequence[LockedImage]]
) -> _Verdict:
    """Say under which other names the lock has the content that an entry lost, or that its tag is now."""
    if not verdict.findings:
        return verdict
    notes = [
        f"{what} as {other.reference}: the same content under another name"
        for digest, what in (
            (str(image.digest), "it is locked"),
            (str(verdict.now), "what it is now is locked"),
        )
        for other in names.get(digest, ())
        if other.name != image.name
    ]
    findings = tuple(replace(item, notes=(*item.notes, *notes)) for item in verdict.findings)
    return replace(verdict, findings=findings)


def _moved(image: LockedImage, now: Digest) -> Finding:
    return finding(
        "IL102",
        f"{image.reference} has moved",
        reference=image.reference,
        notes=[f"the lock has {image.digest}", f"the registry has {now}"],
        hint=f"`imagelock update {image.reference}` takes the new one",
    )


def _now(image: LockedImage, tag: str, reader: ManifestReader) -> Digest:
    """Return what the tag points to: the claim when it agrees with the lock, else our own hash."""
    claim = reader.head(image.name, tag)
    if claim.digest is not None and same_digest(claim.digest, image.digest):
        return claim.digest
    return reader.get_manifest(image.name, tag).digest


def _has(reader: ManifestReader, name: str, digest: Digest) -> bool:
    try:
        reader.head(name, digest)
    except NotFoundError:
        return False
    return True


def _digest_gone(image: LockedImage) -> Finding:
    return finding(
        "IL303",
        f"{image.image_id} is gone: it can no longer be pulled",
        reference=image.reference,
        hint=f"load it from a mirror or bundle, or take a new one with `imagelock update {image.reference}`",
    )


def _tag_gone(image: LockedImage) -> Finding:
    return finding(
        "IL304",
        f"the tag of {image.reference} is gone; its digest is still there",
        reference=image.reference,
        hint="mirror the image or set the tag again: registries delete untagged digests",
    )


def _disagreed(image: LockedImage, error: DigestConflictError) -> Finding:
    return finding(
        "IL104",
        f"{image.reference}: {error.message}",
        reference=image.reference,
        notes=[f"the lock has {image.digest}"],
        hint=error.hint,
    )


def could_not_tell(image: LockedImage, error: RegistryError) -> Finding:
    """Report an entry that could not be asked (IL302), with what was tried."""
    return finding(
        "IL302",
        f"{image.reference}: {error.kind}: {error.message}",
        reference=image.reference,
        notes=[f"tried {line}" for line in error.tried],
        hint=error.hint,
        cause=f"{error.kind}: {error.message}",
    )
