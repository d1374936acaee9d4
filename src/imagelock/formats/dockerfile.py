"""Dockerfiles and Containerfiles: the images of ``FROM``.

Read: ``FROM [--platform=…] image [AS stage]`` with the escape directive, continued lines, comments
inside them, and heredocs (whose lines are no instructions).  Earlier stages and ``scratch`` are no
images.  ``FROM $BASE`` leads to the default of a global ``ARG BASE=…``; ``${BASE:-default}`` to its own
default.  Follows the Dockerfile reference of Docker's documentation.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import TYPE_CHECKING

from imagelock.errors import ValueFormError
from imagelock.formats.candidates import SHOWN_CHARS, is_template
from imagelock.model.place import Damaged, Place, Skipped, Slot, Span
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.base import Text
    from imagelock.model.place import Found

name = "dockerfile"
summary = "Dockerfiles and Containerfiles: FROM, and the ARG defaults it uses"

_FILE_NAME = re.compile(r"(?:.+\.)?(?:dockerfile|containerfile)(?:[._-].+)?", re.IGNORECASE | re.ASCII)
_ESCAPE_DIRECTIVE = re.compile(r"#[ \t]*escape[ \t]*=[ \t]*([\\`])[ \t\r]*", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#[ \t]*(?:syntax|escape|check)[ \t]*=", re.IGNORECASE)
_HEREDOC = re.compile(r"(?<!\S)[0-9]*<<(?P<chomp>-?)(?P<quote>[\"']?)(?P<name>[^\s<\"']+)(?P=quote)(?!\S)")
_HEREDOC_INSTRUCTIONS = ("RUN", "COPY", "ADD")
_READ_INSTRUCTIONS = ("FROM", "ARG")
_CHOMPED = "\t\n"
"""Stands before a line whose tabs were taken away; no line of a file looks like it."""
_NEVER = 1 << 62
_WORDS_READ = 1000
"""Words of one instruction that are read; nobody writes as many, and a hostile line has millions."""
_WORD = re.compile(r"\S+")
_VARIABLE = re.compile(
    r"\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^{}$]*))?\})", re.ASCII
)
_OTHER_FILES = (".md", ".yaml", ".yml", ".json", ".py", ".sh", ".go", ".dockerignore", ".txt", ".tmpl")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continued lines joined.

    ``words`` are those of ``FROM`` and ``ARG``, with where each was written; others have none.
    """

    keyword: str
    words: tuple[tuple[str, Span], ...]


def claims(text: Text) -> bool:
    """Take files called Dockerfile or Containerfile, with any prefix or suffix."""
    lower = text.file_name.lower()
    return _FILE_NAME.fullmatch(lower) is not None and not lower.endswith(_OTHER_FILES)


def find(text: Text) -> Iterator[Found]:
    """Yield the base image of every stage."""
    stages: set[str] = set()
    defaults: dict[str, tuple[str, Span]] = {}
    before_from = True
    taken: set[int] = set()
    for instruction in instructions(text.content):
        if instruction.keyword == "ARG" and before_from:
            defaults.update(_arguments(instruction))
        elif instruction.keyword == "FROM":
            before_from = False
            words = [word for word in instruction.words if not word[0].startswith("--")]
            if words:
                for found, at in _base(text, words[0], stages, defaults):
                    if at not in taken:
                        yield found
                    taken.add(at)
            if len(words) >= 3 and words[1][0].upper() == "AS":
                stages.add(words[2][0].lower())


def _arguments(instruction: Instruction) -> Iterator[tuple[str, tuple[str, Span]]]:
    for word, span in instruction.words:
        variable, equals, value = word.partition("=")
        if equals:
            start = len(variable) + 1
            if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
                start, value = start + 1, value[1:-1]
            yield variable, (value, span.cut(start, start + len(value)))


def _base(
    text: Text, word: tuple[str, Span], stages: set[str], defaults: dict[str, tuple[str, Span]]
) -> Iterator[tuple[Found, int]]:
    written, span = word
    if len(written) >= 2 and written[0] == written[-1] and written[0] in "\"'":
        written, span = written[1:-1], span.cut(1, len(written) - 1)
    if written.lower() in stages or written.lower() == "scratch":
        return
    variable = _VARIABLE.fullmatch(written)
    if variable is not None:
        resolved = _default(variable, span, defaults)
        if resolved is None:
            yield _skip(text, written, span, "a build argument without a default"), span.at
            return
        written, span = resolved
        if written.lower() in stages or written.lower() == "scratch":
            return
    yield _judge(text, written, span), span.at


def _default(
    variable: re.Match[str], span: Span, defaults: dict[str, tuple[str, Span]]
) -> tuple[str, Span] | None:
    """Return the text a variable stands for: the ARG's default, else the one written in place."""
    declared = defaults.get(variable["bare"] or variable["name"])
    if declared is not None and declared[0]:
        return declared
    if variable["default"]:
        return variable["default"], span.cut(variable.start("default"), variable.end("default"))
    return None


def _judge(text: Text, written: str, span: Span) -> Found:
    line, column = text.position(span.at)
    try:
        reference = Reference.parse(written)
    except ValueFormError as error:
        if "$" in written:
            return _skip(text, written, span, "built from build arguments")
        if is_template(written):
            return _skip(text, written, span, "a template")
        return Damaged(
            text=written[:SHOWN_CHARS],
            line=line,
            column=column,
            reason=error.message,
            hint=error.hint,
            format=name,
        )
    return Place(
        reference=reference,
        slots=(Slot(span=span, text=written),),
        line=line,
        column=column,
        document=0,
        path=f"FROM[{line}]",
        format=name,
    )


def _skip(text: Text, written: str, span: Span, reason: str) -> Skipped:
    line, column = text.position(span.at)
    return Skipped(text=written[:SHOWN_CHARS], line=line, column=column, reason=reason, format=name)


def instructions(content: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile, heredocs and comments left out."""
    lines = list(_lines(content))
    escape = _escape_character(content, lines)
    heredocs = _Heredocs(content, lines)
    i = 0
    while i < len(lines):
        start, end = lines[i]
        i += 1
        if not content[start:end].strip() or content[start:end].lstrip().startswith("#"):
            continue
        pieces = [(start, end)]
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
        i = heredocs.behind(joined, i)


def _lines(content: str) -> Iterator[tuple[int, int]]:
    """Yield the range of each line without its break."""
    at = 1 if content.startswith("\ufeff") else 0
    while at < len(content):
        end = content.find("\n", at)
        end = len(content) if end < 0 else end
        yield at, end - (1 if content[at:end].endswith("\r") else 0)
        at = end + 1


def _escape_character(content: str, lines: list[tuple[int, int]]) -> str:
    """Read the ``escape`` directive; directives stand before everything else."""
    for start, end in lines:
        line = content[start:end]
        match = _ESCAPE_DIRECTIVE.fullmatch(line)
        if match:
            return match[1]
        if not _DIRECTIVE.match(line):
            break
    return "\\"


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
    keyword = joined.split(maxsplit=1)[0].upper() if joined.strip() else ""
    if keyword not in _READ_INSTRUCTIONS:
        return Instruction(keyword, ())
    bounds = list(accumulate((end - start for start, end in pieces), initial=0))
    words = [
        (match[0], _word_span(match.start(), match.end(), pieces, bounds))
        for match in islice(_WORD.finditer(joined), 1, _WORDS_READ)
    ]
    return Instruction(keyword, tuple(words))


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
        if "<<" not in joined or words[1 if onbuild else 0].upper() not in _HEREDOC_INSTRUCTIONS:
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
