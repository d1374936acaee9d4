"""Choose tags of a repository: by a range of versions, by a regular expression, the newest so many.

A selection decides what is locked; what is copied is decided by the lock alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from imagelock.configured_regex import configured_regex

if TYPE_CHECKING:
    from collections.abc import Iterable

ORIGIN = "[[mirror.select]]"
"""What the sources of entries that a selection made begin with."""
SEMVER, REGEX = "semver:", "regex:"

_VERSION = re.compile(
    r"v?(?P<major>0|[1-9][0-9]{0,14})(?:\.(?P<minor>0|[1-9][0-9]{0,14}))?(?:\.(?P<patch>0|[1-9][0-9]{0,14}))?"
    r"(?P<pre>-[0-9A-Za-z.-]+)?",
    re.ASCII,
)
_PART = re.compile(r"\.?([0-9]+)|([^0-9]+)", re.ASCII)
_ARTIFACT = re.compile(r"sha(?:256|512)-[0-9a-f]{32,}(?:\.[a-z]+)?|imagelock-[0-9a-f]{12}", re.ASCII)
"""Tags that stand for signatures, lists of referrers and images without a tag: no release of anything."""

_Key: TypeAlias = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One ``[[mirror.select]]``: a canonical name, what tags must be (None: anything), how many of the newest."""

    name: str
    tags: str | None = None
    newest: int | None = None

    @property
    def origin(self) -> str:
        """What the lock records as the source of the entries; another rule is another origin."""
        newest = () if self.newest is None else (f"newest={self.newest}",)
        return " ".join((ORIGIN, self.name, *((self.tags,) if self.tags else ()), *newest))

    @property
    def shown(self) -> str:
        """What is selected, in words."""
        wanted = f"tags that are {self.tags}" if self.tags else "tags"
        return f"{wanted} of {self.name}"


def choose(selection: Selection, tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags that fit, the newest first."""
    fitting = [tag for tag in tags if _ARTIFACT.fullmatch(tag) is None and _fits(selection.tags, tag)]
    ordered = sorted(fitting, key=lambda tag: (age_key(tag), tag), reverse=True)
    return tuple(ordered if selection.newest is None else ordered[: selection.newest])


def require_range(text: str) -> None:
    """Raise :class:`ValueError` for what is not a range of versions."""
    import nodesemver  # type: ignore[import-untyped]  # noqa: PLC0415  # has no annotations; few runs need it

    if not text.strip() or nodesemver.valid_range(text, loose=False) is None:
        raise ValueError(f"{text!r} is not a range of versions")


def age_key(tag: str) -> _Key:
    """Return what sorts tags by age as their numbers say it: ``1.9`` before ``1.10-rc1`` before ``1.10``."""
    parts = _PART.findall(tag.removeprefix("v"))
    key = [(2, int(number), "") if number else (0, 0, word) for number, word in parts]
    return (*key, (1, 0, ""))


def _fits(wanted: str | None, tag: str) -> bool:
    if wanted is None:
        return True
    if wanted.startswith(REGEX):
        return configured_regex(wanted.removeprefix(REGEX)).fullmatch(tag) is not None
    version = _version(tag)
    return version is not None and _satisfies(version, wanted.removeprefix(SEMVER))


def _version(tag: str) -> str | None:
    """Return a tag as a version of three numbers; a tag of one or two counts as if zeros followed."""
    match = _VERSION.fullmatch(tag)
    if match is None:
        return None
    return f"{match['major']}.{match['minor'] or 0}.{match['patch'] or 0}{match['pre'] or ''}"


def _satisfies(version: str, wanted: str) -> bool:
    import nodesemver  # noqa: PLC0415  # few runs need it

    try:
        return bool(nodesemver.satisfies(version, wanted, loose=False))
    except ValueError:  # A pre-release that semantic versioning does not know, such as 1.0.0-01.
        return False
