"""Compile regular expressions when they are first used.

A command uses few of the hundred patterns that its modules hold; compiling them all took a third of the
time of `imagelock check` on one file.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _Lazy:
    """Stands for a pattern: the first use of a method compiles it and keeps the method."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(self._pattern, self._flags), name)
        self.__dict__[name] = value
        return value


def lazy_regex(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return what behaves as ``re.compile(pattern, flags)``; a mistake in it is raised at its first use."""
    return cast("re.Pattern[str]", _Lazy(pattern, flags))
