"""Templates of Helm charts: literal images among Go template actions.

Such a file is not YAML before Helm has run, so it is read line by line: ``image: name:tag`` alone on its
line, and ``value:`` below the name of a ``RELATED_IMAGE_*`` variable.  What an action puts together is
told; lines of block scalars, of quoted texts over several lines, of comments and of actions are not places.
Follows "Template Functions and Pipelines" of Helm's documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.classify.candidates import SHOWN_CHARS
from imagelock.formats.kubernetes.objects import IMAGE_ENV
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, SkipKind, Skipped, Slot, Span
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "helm-template"
summary = "templates of Helm charts and their helpers: images written literally, outside of {{ }}"

ACTION = "a template: the image is put together when the chart is rendered"
INSIDE_TEXT = "inside a text"
NOT_ALONE = "in a template, and not alone on its line"
_SUFFIXES = (".yaml", ".yml", ".tpl")
# Actions that only Go templates have; `{{ name }}` alone may be Jinja, whose files are not charts.
_GO_TEMPLATE = lazy_regex(
    r"\{\{-?\s*(?:/\*|[.$\"]|(?:if|range|with|define|include|template|block|end|else|default|tpl|toYaml|printf"
    r"|required|lookup|quote|fail|not|eq|and|or)\b)"
)
# One key on a line, in or outside a list; the number of dashes is bounded to keep matching linear.
_LINE = lazy_regex(
    r"(?P<indent>[ \t]*)(?P<dashes>(?:-[ \t]+){0,50})(?P<quote>[\"']?)(?P<key>[\w./-]+)(?P=quote)[ \t]*:(?:[ \t]+|$)"
)
# The header of a block scalar: the lines below it are text and not keys.
_BLOCK = lazy_regex(r"(?:^|[ \t:-])[|>][-+0-9]{0,2}[ \t]*(?:#.*)?$")
# No brace may be in it: what a template writes there is not literal.
_LITERAL = lazy_regex(
    r"(?P<quote>[\"']?)(?P<text>[^\s\"'#{}\[\],&*!|>%@`][^\s\"'{}]*)(?P=quote)[ \t]*(?:[ \t]#.*)?"
)
# An image that is not alone on its line is reported as skipped, so the search must find it anywhere.
_ANYWHERE = lazy_regex(r"(?<![\w.-])[\"']?image[\"']?[ \t]*:[ \t]*[\"']?(?P<text>[^\s\"'{},]+)")
_FILES = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".ico", ".webp")


@dataclass(frozen=True, slots=True)
class _Row:
    """One line: its number, where it begins, and whether actions take part of it."""

    number: int
    start: int
    has_action: bool


def claims(text: Text) -> bool:
    """Take files below ``templates`` and helpers (``.tpl``) that hold actions of Go templates."""
    lower = text.path.lower()
    if not lower.endswith(_SUFFIXES):
        return False
    is_there = lower.endswith(".tpl") or "/templates/" in f"/{lower}"
    return is_there and "{{" in text.content and _GO_TEMPLATE.search(text.content) is not None


def find(text: Text) -> Iterator[Found]:
    """Yield the literal images of a template, and each image that is none yet."""
    signs = _signs(text.content)
    if signs is None:
        return
    block: int | None = None
    quote: str | None = None
    variable = ""
    for number, at, line, has_action in _lines(text.content):
        bare = line.strip()
        if not bare or bare[0] == "#" or (has_action and bare.startswith("{{") and bare.endswith("}}")):
            continue
        if quote is not None:
            quote = None if quote in line else quote
            continue
        row = _Row(number, at, has_action)
        if block is not None and len(line) - len(line.lstrip()) > block:
            yield from _loose(text, row, line, INSIDE_TEXT)
            continue
        block = None
        if signs and not any(sign in line for sign in signs):
            continue
        match = _LINE.match(line)
        if match is None:
            block = len(line) - len(line.lstrip()) if _BLOCK.search(line) and bare.startswith("-") else None
            yield from _loose(text, row, line, NOT_ALONE)
            continue
        if _BLOCK.search(line, match.end() - 1):
            block = match.start("quote")
            continue
        quote = _open_quote(line[match.end() :])
        yield from _key(text, row, line, match, variable)
        variable = _variable(line, match, variable)


def _signs(content: str) -> tuple[str, ...] | None:
    """Return what a line must have to matter: nothing where every line does, None where none can.

    A line holds an image, opens a text that runs on, or names the variable that a value belongs to.
    """
    if "IMAGE_" in content:
        return ()
    return ("image", "|", ">", '"', "'") if "image" in content else None


def _lines(content: str) -> Iterator[tuple[int, int, str, bool]]:
    """Yield number, begin, text and whether it has an action of each line not inside an earlier action."""
    at, inside = 1 if content.startswith("\ufeff") else 0, False
    for number, line in enumerate(content[at:].split("\n"), 1):
        was_inside, had_action = inside, False
        if inside or "{{" in line:
            here = line.find("}}" if inside else "{{")
            while here >= 0:
                inside, had_action = not inside, True
                here = line.find("}}" if inside else "{{", here + 2)
        if not was_inside:
            yield number, at, line.removesuffix("\r"), had_action
        at += len(line) + 1


def _key(text: Text, row: _Row, line: str, match: re.Match[str], variable: str) -> Iterator[Found]:
    """Judge the value of a key that may hold an image."""
    is_image = match["key"] == "image"
    if not is_image and not (match["key"] == "value" and IMAGE_ENV.fullmatch(variable)):
        yield from _loose(text, row, line, NOT_ALONE) if match["key"] != "image" else ()
        return
    value = line[match.end() :]
    if "{{" in value:
        yield _skip(text, row, match.end(), value.strip(), ACTION, SkipKind.TEMPLATE)
        return
    literal = _LITERAL.fullmatch(value.rstrip())
    if literal is None or literal["text"].lower().endswith(_FILES):
        return
    start = row.start + match.end() + literal.start("text")
    try:
        reference = Reference.parse(literal["text"])
    except InvalidValueError as error:
        yield _skip(text, row, match.end(), literal["text"], error.message)
        return
    yield Place(
        reference=reference,
        slots=(Slot(span=Span.plain(start, start + len(literal["text"])), text=literal["text"]),),
        line=row.number,
        column=start - _line_start(text, row) + 1,
        document=0,
        path=f"{match['key']}[{row.number}]",
        format=name,
    )


def _line_start(text: Text, row: _Row) -> int:
    """Return where the line begins, a byte-order mark counted as its first character."""
    return 0 if row.number == 1 and text.content.startswith("\ufeff") else row.start


def _variable(line: str, match: re.Match[str], before: str) -> str:
    """Return the name of the variable that a list item is about."""
    if match["key"] == "name":
        return line[match.end() :].strip().strip("\"'")
    return "" if match["dashes"] else before


def _open_quote(value: str) -> str | None:
    """Return the quote of a text that goes on behind the line."""
    first = value[:1]
    if first not in ("'", '"') or "{{" in value:
        return None
    return None if first in value[1:] else first


def _loose(text: Text, row: _Row, line: str, reason: str) -> Iterator[Skipped]:
    """Report an image at a place where it cannot be pinned."""
    match = _ANYWHERE.search(line) if "image" in line else None
    if match is None:
        return
    reference = Reference.parse_or_none(match["text"])
    if reference is not None and (reference.is_versioned or "/" in match["text"]):
        yield _skip(text, row, match.start("text"), match["text"], reason)


def _skip(
    text: Text, row: _Row, at: int, written: str, reason: str, kind: SkipKind = SkipKind.CANDIDATE
) -> Skipped:
    column = row.start + at - _line_start(text, row) + 1
    return Skipped(
        text=written[:SHOWN_CHARS],
        line=row.number,
        column=column,
        reason=reason,
        format=name,
        kind=kind,
    )
