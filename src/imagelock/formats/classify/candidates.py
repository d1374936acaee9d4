"""Classify one text at a known place: a reference, a template, nothing, or damage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.syntax.masked import MASK
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Damaged, Place, SkipKind, Skipped, Slot
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Found, Span

# Tags of Go, Jinja, ERB, Python, Concourse and the placeholders seen in the field (`###X###`, `<tag>`, `[[x]]`);
# none of them can be in a reference.
_TEMPLATE = lazy_regex(MASK + r"|\{\{|\{%|###|<[^<>@]+>|<%|%\(|\[\[|\(\([\w.:/\"' -]+\)\)")
# Shell, Kubernetes and compose spell variables in these three ways; a lone `$` is left to be damage.
_VARIABLE = lazy_regex(r"\$\{|\$\(|\$[A-Za-z_]")
# A line that begins with a tag is never YAML, while `key: {{ x }}` may be: so this alone proves a
# template.
_TEMPLATE_LINE = lazy_regex(r"[ \t]*(?:-[ \t]+)?(?:\{\{|\{%|<%|###\w+###)")
# `${{ x }}` is an expression of a CI service in sound YAML, so it does not explain why a text broke.
_TEMPLATE_TAG = lazy_regex(r"(?<!\$)\{\{|\{%|<%|###\w+###")
NO_SPAN = "the characters of this scalar cannot be located exactly"
SHOWN_CHARS = 200
"""How many characters are shown of a text that is not a reference; a megabyte in a message does not help."""


def is_template(text: str) -> bool:
    """Whether a text holds a template of Helm, Jinja or the like, filled in by another tool."""
    return _TEMPLATE.search(text) is not None


def has_variable(text: str) -> bool:
    """Whether a text holds ``${VAR}``, ``$(VAR)`` or ``$VAR``."""
    return _VARIABLE.search(text) is not None


def is_templated(content: str, line: int) -> bool:
    """Whether a whole text that broke at ``line`` (from 1) did so because it is a template.

    A template has lines that begin with a tag, or a tag where it broke; a comment or a string with
    braces elsewhere does not make a broken file a template.
    """
    lines = content.split("\n")
    near = lines[max(line - 2, 0) : line]
    return any(map(_TEMPLATE_TAG.search, near)) or any(map(_TEMPLATE_LINE.match, lines))


def required(node: Node, format_name: str, *, variables: str | None = None) -> Found | None:
    """Judge what is where a reference must be; None when nothing is written there.

    ``variables`` is the reason for which a text with ``$VAR`` is skipped where the format has variables;
    without it such a text is damage.
    """
    return required_behind(node, "", format_name, variables=variables)


def required_behind(
    node: Node, prefix: str, format_name: str, *, variables: str | None = None
) -> Found | None:
    """Judge a reference that is behind a fixed prefix (``docker://``); None when it is not there."""
    node.is_image()
    if not node.document.is_first("judged", node.raw):
        return None
    if node.scalar is None:
        return _no_scalar(node, format_name)
    if node.is_null or not node.scalar.startswith(prefix) or node.scalar == prefix:
        return None
    found = _judge(node, node.scalar, format_name, damage=True, start=len(prefix))
    if variables is not None and isinstance(found, Damaged) and has_variable(found.text):
        return skipped(node, variables, format_name, SkipKind.TEMPLATE)
    return found


def skipped(node: Node, reason: str, format_name: str, kind: SkipKind = SkipKind.CANDIDATE) -> Skipped:
    """Say why a scalar that looks like a reference is none, and what kind of reason that is."""
    node.document.taken.add(node.offset)
    line, column = node.position
    text = (node.scalar or node.document.raw_text(node.raw)).partition("\n")[0][:SHOWN_CHARS]
    return Skipped(text=text, line=line, column=column, reason=reason, format=format_name, kind=kind)


def possible(node: Node, format_name: str) -> Place | None:
    """Judge a scalar that may be a reference: a place, or None."""
    text = node.text
    if not text:
        return None
    node.is_image()
    if not node.document.is_first("judged", node.raw):
        return None
    found = _judge(node, text, format_name, damage=False)
    return found if isinstance(found, Place) else None


def _no_scalar(node: Node, format_name: str) -> Skipped:
    """Report a mapping or a list at the place of a reference; ``{{ x }}`` is a mapping to YAML."""
    raw = node.document.raw_text(node.raw)[:SHOWN_CHARS]
    templated = is_template(raw)
    reason = "a template" if templated else "a mapping or a list, not a string"
    line, column = node.document.text.position(node.offset)
    return Skipped(
        text=raw.partition("\n")[0],
        line=line,
        column=column,
        reason=reason,
        format=format_name,
        kind=SkipKind.TEMPLATE if templated else SkipKind.CANDIDATE,
    )


def _judge(node: Node, text: str, format_name: str, *, damage: bool, start: int = 0) -> Found:
    """Judge the decoded text from ``start`` on."""
    span = node.span()
    if start:
        text, span = text[start:], None if span is None else span.cut(start, len(span))
    line, column = node.document.text.position(node.offset if not span else span.offset(0))
    node.document.taken.add(node.offset)
    try:
        reference = Reference.parse(text)
    except InvalidValueError as error:
        if not damage and not is_template(text):
            shown = text[:SHOWN_CHARS]
            return Skipped(text=shown, line=line, column=column, reason=error.message, format=format_name)
        return _no_reference(text, error, (line, column), format_name)
    if damage and node.text is None:
        return Damaged(
            text=text,
            line=line,
            column=column,
            reason="a number, a date or a boolean in YAML, not a string",
            hint=f'write it in quotes: "{text}"',
            format=format_name,
        )
    return Place(
        reference=reference,
        slots=() if span is None else (Slot(span=span, text=text),),
        line=line,
        column=column,
        document=node.document.index,
        path=node.path,
        format=format_name,
        refusal=NO_SPAN if span is None else None,
    )


def judge_words(
    written: str,
    *,
    span: Span | None,
    where: tuple[int, int],
    path: str,
    document: int,
    format_name: str,
) -> Found:
    """Judge words that a lexical reader cut out where a reference must be; ``where`` is line and column."""
    line, column = where
    try:
        reference = Reference.parse(written)
    except InvalidValueError as error:
        return _no_reference(written, error, where, format_name)
    return Place(
        reference=reference,
        slots=() if span is None else (Slot(span=span, text=written),),
        line=line,
        column=column,
        document=document,
        path=path,
        format=format_name,
        refusal=NO_SPAN if span is None else None,
    )


def _no_reference(
    text: str, error: InvalidValueError, where: tuple[int, int], format_name: str
) -> Skipped | Damaged:
    """Return what a text is where a reference must be: a template that becomes one, or damage."""
    shown, (line, column) = text[:SHOWN_CHARS], where
    if is_template(text):
        return Skipped(
            text=shown,
            line=line,
            column=column,
            reason="a template",
            format=format_name,
            kind=SkipKind.TEMPLATE,
        )
    return Damaged(
        text=shown, line=line, column=column, reason=error.message, hint=error.hint, format=format_name
    )
