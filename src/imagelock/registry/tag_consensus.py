"""Check that all sources of a tag agree: two sources with two digests are an error.

ADR 0008.  A *voice* is what has one say: a mirror, an origin or an alternate of our own configuration, or
all places that another tool's files name for one repository, because by those tools' rules the first of
them that answers counts.  What is not there, or cannot be asked, contradicts no one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

from imagelock.errors import (
    AccessDeniedError,
    DigestConflictError,
    IntegrityError,
    NotFoundError,
    RegistryError,
)
from imagelock.model.digest import same_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from imagelock.model.digest import Digest
    from imagelock.registry.hosts.endpoints import Endpoint

    Voice: TypeAlias = tuple[Endpoint, ...]
    Ask: TypeAlias = Callable[[Endpoint], Digest | None]
    """Return what a place says of the tag; None where it does not say."""

_HINT = (
    "make them agree, or configure which one decides: resolve = false for a mirror that lags, "
    "fallback = false if only the mirrors count, or a narrower match for an alternate"
)
_LEAVE_OUT = "a mirror with resolve = false, or a registry with fallback = false, is not asked"


def tag_sources(groups: Iterable[Sequence[Endpoint]]) -> Iterator[Voice]:
    """Yield the voices of the places of each name, in order, those that are asked for tags."""
    for places in groups:
        resolving = tuple(at for at in places if at.resolves)
        if any(at.first_counts for at in resolving):
            yield resolving
        else:
            yield from ((at,) for at in resolving)


class TagConsensus:
    """Ask the other voices; ``label`` names a place for messages, ``warn`` hears who could not be asked.

    A place that did not answer is not asked again in this run: it would cost its deadline for every tag.
    """

    def __init__(self, label: Callable[[Endpoint], str], warn: Callable[[str], None]) -> None:
        self._label = label
        self._warn = warn
        self._lock = threading.Lock()
        self._silent: set[tuple[str, str]] = set()
        self._told: set[tuple[str, str]] = set()

    def is_claimed(self, others: Iterable[Voice], digest: Digest, claim: Ask) -> bool:
        """Whether every other voice that knows the tag claims the same digest."""
        answers = self._answers(others, claim)
        return all(said is not None and same_digest(said, digest) for _, said in answers)

    def require(
        self, first: Endpoint, digest: Digest, others: Iterable[Voice], claim: Ask, read: Ask
    ) -> None:
        """Raise :class:`DigestConflictError` when another voice has another digest, by our own hash.

        ``claim`` asks cheaply; only where that is not the same digest does ``read`` decide.
        """

        def verified(at: Endpoint) -> Digest | None:
            claimed = claim(at)
            return claimed if claimed is not None and same_digest(claimed, digest) else read(at)

        said = [(first, digest), *self._answers(others, verified)]
        if all(other is not None and same_digest(other, digest) for _, other in said):
            return
        lines = tuple(f"{self._label(at)}: {other}" for at, other in said)
        words = " and ".join(f"{self._label(at)} has {other}" for at, other in said)
        raise DigestConflictError(f"two digests for one tag: {words}", hint=_HINT, tried=lines)

    def mark_unreachable(self, at: Endpoint, error: RegistryError) -> None:
        """Take note of a place that gave no answer; each host's each trouble is reported once."""
        retryable = (at.authority, error.kind)
        with self._lock:
            known = retryable in self._told
            self._told.add(retryable)
            self._silent.add(self._key(at, error))
        if not known:
            self._warn(
                f"{self._label(at)} did not say whether it has the same digest: "
                f"{error.kind}: {error.message} ({_LEAVE_OUT})"
            )

    def _answers(self, others: Iterable[Voice], ask: Ask) -> Iterator[tuple[Endpoint, Digest | None]]:
        """Yield what each voice says, by the first of its places that knows the tag."""
        for source in others:
            for at in source:
                if {(at.authority, ""), (at.authority, at.repository)} & self._silent:
                    continue
                try:
                    said = ask(at)
                except NotFoundError:
                    continue
                except IntegrityError:
                    raise
                except RegistryError as error:
                    self.mark_unreachable(at, error)
                    continue
                yield at, said
                break

    def _key(self, at: Endpoint, error: RegistryError) -> tuple[str, str]:
        """Return what is not asked again: a host that is down, or a repository that is private."""
        return at.authority, at.repository if isinstance(error, AccessDeniedError) else ""
