"""Match files with the patterns of a configuration, as ``.gitignore`` has them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from imagelock.files import as_utf8

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


def matches_file(patterns: tuple[str, ...], name: str) -> bool:
    """Whether a file, by its path from the project, is one of these patterns."""
    return _spec(patterns).match_file(as_utf8(name))


@lru_cache(maxsize=256)
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - only for settings that name files

    return GitIgnoreSpec.from_lines(patterns)
