"""Make one error of what several endpoints answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import (
    AccessDeniedError,
    IntegrityError,
    NotFoundError,
    RateLimitedError,
    TLSError,
    UnreachableError,
)

if TYPE_CHECKING:
    from imagelock.errors import RegistryError


def failure_of(where: str, tried: list[tuple[str, RegistryError]]) -> RegistryError:
    """Return the error to report: not found only when every endpoint that may answer said so."""
    if not tried:
        return UnreachableError(
            "nothing can resolve a tag: no mirror resolves tags and fallback is off",
            where=where,
            hint="set resolve = true for a mirror, or set fallback = true",
        )
    lines = tuple(f"{label}: {_short(error)}" for label, error in tried)
    label, worst = min(tried, key=lambda each: _badness(each[1]))
    missing = isinstance(worst, NotFoundError)
    hints = [worst.hint] if worst.hint else []
    if len(tried) > 1:
        hints.insert(0, f"tried: {'; '.join(lines)}")
    return type(worst)(
        f"{worst.message} at {label}" if missing else f"{label}: {worst.message}",
        where=where,
        hint="; ".join(hints) or None,
        tried=lines,
    )


def _badness(error: RegistryError) -> int:
    """Rank errors, the one to report first: the less an error says about the image, the worse it is."""
    order: tuple[type[RegistryError], ...] = (
        IntegrityError,
        TLSError,
        AccessDeniedError,
        RateLimitedError,
        UnreachableError,
    )
    ranks = [rank for rank, kind in enumerate(order) if isinstance(error, kind)]
    if ranks:
        return ranks[0]
    return len(order) + isinstance(error, NotFoundError)


def _short(error: RegistryError) -> str:
    return "404" if isinstance(error, NotFoundError) else f"{error.kind} ({error.message})"
