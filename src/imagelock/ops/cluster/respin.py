"""``cluster respin``: which workloads run which content of an image, oldest first.

The list that one needs on the day a vulnerability is published: what must be deployed again, where, and what
of it is not what the lock says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.cluster.imageid import parse_image_id
from imagelock.errors import InvalidValueError, UsageError
from imagelock.model.identity import identities, identities_of
from imagelock.model.outcome import Outcome, finding
from imagelock.ops.cluster.check import not_seen
from imagelock.ops.cluster.pods import reference_of
from imagelock.ops.cluster.seen import see
from imagelock.ops.compare import matches_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imagelock.cluster.running import Observed
    from imagelock.model.identity import KnownDigest
    from imagelock.model.lock import Lock
    from imagelock.model.outcome import Finding
    from imagelock.ops.cluster.seen import Use

_DIGEST = re.compile(r"sha(?:256|512):[0-9a-f]{6,128}…?", re.ASCII)
"""A digest, or its beginning as tables show it."""
_NEVER = "9999"
"""Sorts what has no date behind everything that has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spin:
    """One container of one workload that has the image: which content, since when, in how many pods.

    ``digest`` is what its nodes report, else what its spec names; empty when neither says one.  ``locked`` is
    the entry of the lock that has this content.
    """

    since: str
    use: Use
    digest: str
    locked: str | None

    @property
    def state(self) -> str:
        """Whether it is what the lock says."""
        if not self.digest:
            return "unknown: no digest"
        return f"locked as {self.locked}" if self.locked else "not in the lock"


@dataclass(frozen=True, slots=True)
class Spins:
    """What was found, oldest first, and the same as an outcome."""

    rows: tuple[Spin, ...]
    outcome: Outcome


def respin(observed: Iterable[Observed], image: str, lock: Lock, namespaces: Sequence[str] = ()) -> Spins:
    """Return every workload with an image of this name, or with this content.

    ``image`` is a name, name:tag, a glob on either, or a digest or its first six digits and more.  Raises :class:`UsageError` for what is none.
    """
    seen = see(observed, namespaces)
    known = identities(lock)
    wanted = _Wanted(image, known)
    rows = tuple(sorted((_spin(use, known) for use in seen.uses() if wanted.has(use)), key=_age))
    digests = {row.digest for row in rows if row.digest}
    summary = {
        "workloads": len({(row.use.namespace, row.use.workload) for row in rows}),
        "pods": sum(row.use.pods for row in rows),
        "digests": len(digests),
        "not_locked": sum(1 for row in rows if row.digest and row.locked is None),
        "unseen": len(seen.unseen),
    }
    advice = () if rows or seen.unseen else (f"nothing here runs {image}",)
    findings = (*(item for row in rows for item in _findings(row)), *map(not_seen, seen.unseen))
    return Spins(rows, Outcome(command="cluster-respin", findings=findings, summary=summary, advice=advice))


class _Wanted:
    """Decides whether a use is about the image that was asked for."""

    def __init__(self, image: str, known: Mapping[str, tuple[KnownDigest, ...]]) -> None:
        self._image = image
        self._prefix = ""
        self._digests: frozenset[str] = frozenset()
        if _DIGEST.fullmatch(image):
            self._prefix = image.removesuffix("…")
            # Nodes may report any digest of the image: the index means its platforms and configs too.
            named = (items for digest, items in known.items() if digest.startswith(self._prefix))
            entries = {item.image for items in named for item in items}
            self._digests = frozenset(str(item.digest) for entry in entries for item in identities_of(entry))
        elif image.startswith(("sha256:", "sha512:")):
            raise UsageError("not a digest", where=image, hint="give six of its hexadecimal digits, or more")
        else:
            matches_image(image, "", None)  # A mistake is one even in an empty cluster.

    def has(self, use: Use) -> bool:
        """Whether the spec names the image, or the node reports it."""
        spec = reference_of(use.subject.image)
        name, running = _running(use)
        if self._prefix:
            named = (running, str(spec.digest) if spec is not None and spec.digest is not None else None)
            return any(
                digest is not None and (digest in self._digests or digest.startswith(self._prefix))
                for digest in named
            )
        if spec is not None and matches_image(self._image, spec.name, spec.pulled_tag):
            return True
        return name is not None and matches_image(self._image, name, None)


def _running(use: Use) -> tuple[str | None, str | None]:
    """Return name and digest of what the node reports."""
    try:
        running = parse_image_id(use.subject.image_id) if use.subject.image_id else None
    except InvalidValueError:
        running = None
    return (running.name, str(running.digest)) if running is not None else (None, None)


def _spin(use: Use, known: Mapping[str, tuple[KnownDigest, ...]]) -> Spin:
    spec = reference_of(use.subject.image)
    running = _running(use)[1]
    digest = running or (str(spec.digest) if spec is not None and spec.digest is not None else "")
    entries = known.get(digest, ())
    return Spin(
        since=use.since, use=use, digest=digest, locked=entries[0].image.reference if entries else None
    )


def _age(row: Spin) -> tuple[str, bool, str, str, str]:
    use = row.use
    return (row.since or _NEVER, use.pods == 0, use.namespace, str(use.workload), use.container)


def _findings(row: Spin) -> Iterable[Finding]:
    if row.locked is None:
        untold = "IL302" if row.use.subject.has_status else "IL202"
        yield finding(
            "IL201" if row.digest else untold,
            f"{row.use.workload} in {row.use.namespace}: {row.use.subject.image}: {row.state}",
            reference=row.use.subject.image,
            hint="check again when it runs"
            if not row.digest and row.use.subject.has_status
            else "deploy the pinned files again",
        )
