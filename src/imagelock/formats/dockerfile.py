"""Dockerfiles and Containerfiles: the images of ``FROM``.

Read: ``FROM [--platform=…] image [AS stage]`` with the escape directive, continued lines, comments
inside them, and heredocs (whose lines are no instructions).  Earlier stages and ``scratch`` are no
images.  ``FROM $BASE`` leads to the default of a global ``ARG BASE=…``; ``${BASE:-default}`` to its own
default.  Follows the Dockerfile reference of Docker's documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import ValueFormError
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
_DIRECTIVE = re.compile(r"#[ \t]*[A-Za-z]+[ \t]*=")
_HEREDOC = re.compile(r"<<-?[ \t]*([\"']?)([A-Za-z_][A-Za-z0-9_]*)\1", re.ASCII)
_HEREDOC_INSTRUCTIONS = ("RUN", "COPY", "ADD")
_WORD = re.compile(r"\S+")
_VARIABLE = re.compile(
    r"\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^{}$]*))?\})", re.ASCII
)
_OTHER_FILES = (".md", ".yaml", ".yml", ".json", ".py", ".sh", ".go", ".dockerignore", ".txt", ".tmpl")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continued lines joined; ``words`` keep where each was written."""

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
        if "{{" in written or "{%" in written or "###" in written:
            return _skip(text, written, span, "a template")
        return Damaged(
            text=written, line=line, column=column, reason=error.message, hint=error.hint, format=name
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
    return Skipped(text=written, line=line, column=column, reason=reason, format=name)


def instructions(content: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile, heredocs and comments left out."""
    lines = list(_lines(content))
    escape = _escape_character(content, lines)
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
        instruction = _instruction(content, pieces)
        if instruction is None:
            continue
        yield instruction
        if instruction.keyword in _HEREDOC_INSTRUCTIONS:
            i = _after_heredocs(content, lines, i, pieces)


def _lines(content: str) -> Iterator[tuple[int, int]]:
    """Yield the range of each line without its break."""
    at = 0
    while at < len(content):
        end = content.find("\n", at)
        end = len(content) if end < 0 else end
        yield at, end - (1 if content[at:end].endswith("\r") else 0)
        at = end + 1


def _escape_character(content: str, lines: list[tuple[int, int]]) -> str:
    """Read the ``escape`` directive; directives stand before everything else."""
    for start, end in lines:
        line = content[start:end].strip("\ufeff")
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


def _instruction(content: str, pieces: list[tuple[int, int]]) -> Instruction | None:
    """Join the pieces and cut them into words; a word may run over a continued line."""
    joined = "".join(content[start:end] for start, end in pieces)
    offsets = [at for start, end in pieces for at in range(start, end)]
    words = []
    for match in _WORD.finditer(joined):
        first, last = match.span()
        at = offsets[first:last]
        contiguous = at[-1] - at[0] == len(at) - 1
        span = (
            Span.plain(at[0], at[0] + len(at))
            if contiguous
            else Span(tuple(at), tuple(offset + 1 for offset in at), at[0])
        )
        words.append((match[0], span))
    if not words:
        return None
    keyword = words[0][0].strip("\ufeff").upper()
    return Instruction(keyword, tuple(words[1:]))


def _after_heredocs(content: str, lines: list[tuple[int, int]], i: int, pieces: list[tuple[int, int]]) -> int:
    """Return the line behind the heredocs that an instruction opens."""
    joined = "".join(content[start:end] for start, end in pieces)
    for match in _HEREDOC.finditer(joined):
        begin = i
        while i < len(lines) and content[lines[i][0] : lines[i][1]].strip("\t") != match[2]:
            i += 1
        # An unclosed heredoc is none: a shell's here-string or a shift must not swallow the file.
        i = begin if i >= len(lines) else i + 1
    return i
