"""A text with the facts that formats ask of it: its path, its lines, the chart around it, its marks."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelock.model.context import FileContext


@dataclass(frozen=True, slots=True)
class Chart:
    """What is known of the Helm chart that a text belongs to: a format reads no other file itself.

    ``folder`` is the chart's, as the text's path begins.  ``app_version`` is None unless a template takes it as
    a tag; ``version_paths`` are the values whose empty tag it stands for, None where the templates do not say.
    ``dependencies`` are the keys of values that go to other charts.
    """

    folder: str = ""
    app_version: str | None = None
    version_paths: frozenset[str] | None = None
    dependencies: frozenset[str] = frozenset()
    digest_keys: tuple[tuple[str, str, str], ...] = ()
    """The keys for digests in the values that the file at hand overrides: path of the image, key, what it holds."""

    def default_tag(self, path: str) -> str | None:
        """Return what an empty tag means of the image at ``path`` in the chart's values, if that is known."""
        if path.partition(".")[0] in self.dependencies:
            return None
        is_taken = self.version_paths is None or path in self.version_paths
        return self.app_version if is_taken else None


_SMALL = 32 * 1024


@dataclass(frozen=True)
class Text:
    """One text and the path it is known by (relative, with ``/``); offsets count characters.

    ``chart`` is the chart whose folder the text lies in, ``context`` what other files say of this one, as far as the
    caller knows; ``file_name`` is the last
    part of the path, which every format asks for.
    """

    path: str
    content: str
    chart: Chart | None = None
    context: FileContext | None = None
    file_name: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "file_name", self.path.rpartition("/")[2])

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        at = self.content.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.content.find("\n", at + 1)
        return starts

    def is_said_to_be(self, format_name: str) -> bool:
        """Whether another file says that this one is of a format, whatever its name."""
        return self.context is not None and self.context.read_as == format_name

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line and column, both counted from 1."""
        return self._line_starts[line - 1] + column - 1

    def position(self, offset: int) -> tuple[int, int]:
        """Return the line and column of an offset, both counted from 1."""
        if len(self.content) < _SMALL:
            # A few places in a small text: counting is quicker than a table of its lines.
            line = self.content.count("\n", 0, offset) + 1
            return line, offset - self.content.rfind("\n", 0, offset)
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line_start(self, line: int) -> int:
        """Return the offset at which a line begins; lines count from 1."""
        return self._line_starts[line - 1]


Mark: TypeAlias = str | re.Pattern[str]
"""A word or an expression that begins with one.

Searching for a word is by far the quickest; one that begins with a line break stands for the begin of a
line, the document's first as well.
"""


class Marks:
    """The marks of several formats, each looked for once, the quickest way first."""

    def __init__(self, marks: Iterable[Mark]) -> None:
        distinct = tuple(dict.fromkeys(marks))
        self._words = tuple(mark for mark in distinct if isinstance(mark, str))
        self._heads = tuple(word[1:] for word in self._words if word.startswith("\n"))
        self._expressions = tuple(mark for mark in distinct if not isinstance(mark, str))

    def stand_in(self, content: str, start: int, end: int) -> bool:
        """Whether one of the marks is in ``content[start:end]``."""
        for word in self._words:
            if content.find(word, start, end) >= 0:
                return True
        if self._heads and content.startswith(
            self._heads, start + content.startswith("\ufeff", start, end), end
        ):
            return True
        return any(mark.search(content, start, end) is not None for mark in self._expressions)
