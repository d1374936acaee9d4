"""Cut a Dockerfile into instructions: join continued lines, leave out comments and heredocs.

The escape directive, comments inside continued instructions and heredocs are those of the Dockerfile
reference; the words of an instruction know where they are written, over continued lines too.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice, takewhile
from typing import TYPE_CHECKING, TypeAlias

from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

Word: TypeAlias = tuple[str, Span]
"""One word and where its characters are written."""

# Directives are only what BuildKit takes for one: a single word and `=` in a comment at the top.
_DIRECTIVE = lazy_regex(r"#[ \t]*(?P<name>[A-Za-z]+)[ \t]*=[ \t]*(?P<value>[^\r\n]*?)[ \t\r]*", re.ASCII)
# As the Dockerfile frontend reads it: a word of its own, so `a<<b` in a shell expression is not one.
_HEREDOC = lazy_regex(r"(?<!\S)[0-9]*<<(?P<chomp>-?)(?P<quote>[\"']?)(?P<name>[^\s<\"']+)(?P=quote)(?!\S)")
_HEREDOC_INSTRUCTIONS = ("RUN", "COPY", "ADD")
_WHOLE_INSTRUCTIONS = ("FROM", "ARG")
_FLAG_INSTRUCTIONS = ("COPY", "RUN")
_TRIGGER = "ONBUILD"
_CHOMPED = "\t\n"
"""Stands before a line whose tabs were taken away; no line of a file looks like it."""
_NEVER = 1 << 62
_WORDS_READ = 1000
"""Words of one instruction that are read; no one writes as many, and a hostile line has millions."""
_WORD = lazy_regex(r"\S+")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continued lines joined.

    ``words`` are all words of ``FROM`` and ``ARG`` and the leading flags of ``COPY`` and ``RUN``, with
    where each was written; others have none.  ``triggered`` says that it is behind ``ONBUILD``.
    """

    keyword: str
    words: tuple[Word, ...]
    triggered: bool = False


def instructions(content: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile, heredocs and comments left out."""
    lines = list(_lines(content))
    escape = _escape_character(content)
    heredocs = _Heredocs(content, lines)
    i = 0
    while i < len(lines):
        start, end = lines[i]
        i += 1
        joined = content[start:end]
        bare = joined.strip()
        if not bare or bare[0] == "#":
            continue
        pieces = [(start, end)]
        if bare[-1] == escape:
            while _continues(content, pieces[-1], escape):
                first, last = pieces[-1]
                pieces[-1] = (first, first + content[first:last].rstrip().rindex(escape))
                i = _skip_comments(content, lines, i)
                if i >= len(lines):
                    break
                pieces.append(lines[i])
                i += 1
            joined = "".join(content[start:end] for start, end in pieces)
        yield _instruction(joined, pieces)
        if "<<" in joined:
            i = heredocs.behind(joined, i)


def _lines(content: str) -> Iterator[tuple[int, int]]:
    """Yield the range of each line without its break."""
    at = 1 if content.startswith("\ufeff") else 0
    lines = content[at:].split("\n")
    if not lines[-1]:
        lines.pop()
    for line in lines:
        end = at + len(line)
        yield at, end - line.endswith("\r")
        at = end + 1


def directives(content: str) -> Iterator[tuple[str, Word]]:
    """Yield the parser directives (``# syntax=…``) with their values; they stand before everything else."""
    for start, end in _lines(content):
        match = _DIRECTIVE.fullmatch(content, start, end)
        if match is None:
            return
        yield match["name"].lower(), (match["value"], Span.plain(*match.span("value")))


def _escape_character(content: str) -> str:
    values = [value for name, (value, _) in directives(content) if name == "escape"]
    return "`" if values and values[0] == "`" else "\\"


def _continues(content: str, piece: tuple[int, int], escape: str) -> bool:
    return content[piece[0] : piece[1]].rstrip().endswith(escape)


def _skip_comments(content: str, lines: list[tuple[int, int]], i: int) -> int:
    """Step over comment and blank lines inside a continued instruction."""
    while i < len(lines):
        line = content[lines[i][0] : lines[i][1]].strip()
        if line and not line.startswith("#"):
            break
        i += 1
    return i


def _instruction(joined: str, pieces: list[tuple[int, int]]) -> Instruction:
    """Cut the joined pieces into words; a word may run over a continued line."""
    first, *rest = joined.split(maxsplit=2) or [""]
    keyword = first.upper()
    triggered = keyword == _TRIGGER
    if triggered:
        keyword = rest[0].upper() if rest else ""
    if keyword in _FLAG_INSTRUCTIONS:
        only_flags = True
    elif keyword in _WHOLE_INSTRUCTIONS:
        only_flags = False
    else:
        return _wordless(keyword, triggered=triggered)
    if only_flags and "--" not in joined:
        return _wordless(keyword, triggered=triggered)
    matches: Iterator[re.Match[str]] = islice(
        _WORD.finditer(joined), 1 + triggered, 1 + triggered + _WORDS_READ
    )
    if only_flags:
        matches = takewhile(lambda match: match[0].startswith("--"), matches)
    bounds = list(accumulate((end - start for start, end in pieces), initial=0))
    words = [(match[0], _word_span(match.start(), match.end(), pieces, bounds)) for match in matches]
    return Instruction(keyword, tuple(words), triggered)


@lru_cache(maxsize=64)
def _wordless(keyword: str, *, triggered: bool) -> Instruction:
    return Instruction(keyword, (), triggered)


def _word_span(first: int, last: int, pieces: list[tuple[int, int]], bounds: list[int]) -> Span:
    """Return where the joined characters ``first`` to ``last`` are written."""
    i = bisect_right(bounds, first) - 1
    shift = pieces[i][0] - bounds[i]
    if last <= bounds[i + 1]:
        return Span.plain(first + shift, last + shift)
    offsets: list[int] = []
    while bounds[i] < last:
        start = pieces[i][0] + max(first - bounds[i], 0)
        offsets += range(start, pieces[i][0] + min(last, bounds[i + 1]) - bounds[i])
        i += 1
    return Span(tuple(offsets), tuple(at + 1 for at in offsets), offsets[0])


class _Heredocs:
    """Finds where the heredocs of an instruction end; each line is looked up, never searched for."""

    def __init__(self, content: str, lines: list[tuple[int, int]]) -> None:
        self._ends: dict[str, list[int]] = defaultdict(list)
        if "<<" in content:
            for i, (start, end) in enumerate(lines):
                # A line with its tabs is another end than the same line without.
                line = content[start:end]
                self._ends[line].append(i)
                if line.startswith("\t"):
                    self._ends[_CHOMPED + line.lstrip("\t")].append(i)

    def behind(self, joined: str, i: int) -> int:
        """Return the line behind the heredocs that an instruction opens; ``i`` is the one behind itself."""
        words = joined.split(maxsplit=2)
        onbuild = len(words) > 1 and words[0].upper() == "ONBUILD"
        if words[1 if onbuild else 0].upper() not in _HEREDOC_INSTRUCTIONS:
            return i
        for match in _HEREDOC.finditer(joined):
            found = self._next(self._ends.get(match["name"], []), i)
            if match["chomp"]:
                found = min(found, self._next(self._ends.get(_CHOMPED + match["name"], []), i))
            # An unclosed heredoc is none: a here-string or a shift must not swallow the file.
            i = i if found == _NEVER else found + 1
        return i

    @staticmethod
    def _next(ends: list[int], i: int) -> int:
        at = bisect_left(ends, i)
        return ends[at] if at < len(ends) else _NEVER


def base_images(content: str) -> Iterator[str]:
    """Yield the images of ``FROM`` lines that variables stand in, as written."""
    for line in instructions(content):
        words = [word for word, _ in line.words if not word.startswith("--")]
        if line.keyword == "FROM" and words and "$" in words[0]:
            yield words[0].strip("\"'")
