"""One text at a known place judged: a reference, a template, nothing, or damage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.errors import ValueFormError
from imagelock.model.place import Damaged, Place, Skipped, Slot
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from imagelock.formats.tree import Node
    from imagelock.model.place import Found

_TEMPLATE = re.compile(r"\{\{|\{%|###|<[^<>@]+>|%\(|\[\[")
_VARIABLE = re.compile(r"\$\{|\$\(|\$[A-Za-z_]")
NO_SPAN = "the characters of this scalar cannot be followed exactly"


def is_template(text: str) -> bool:
    """Whether a text holds a template of Helm, Jinja or the like, filled in by another tool."""
    return _TEMPLATE.search(text) is not None


def has_variable(text: str) -> bool:
    """Whether a text holds ``${VAR}``, ``$(VAR)`` or ``$VAR``."""
    return _VARIABLE.search(text) is not None


def required(node: Node, format_name: str) -> Found | None:
    """Judge a scalar where a reference must stand; None when nothing is written there."""
    text = node.scalar
    if text is None or node.is_null or not text:
        return None
    return _judge(node, text, format_name, damage=True)


def possible(node: Node, format_name: str) -> Place | None:
    """Judge a scalar that may be a reference: a place, or None."""
    text = node.text
    if not text:
        return None
    found = _judge(node, text, format_name, damage=False)
    return found if isinstance(found, Place) else None


def _judge(node: Node, text: str, format_name: str, *, damage: bool) -> Found:
    line, column = node.position
    node.document.taken.add(node.offset)
    try:
        reference = Reference.parse(text)
    except ValueFormError as error:
        if is_template(text):
            return Skipped(text=text, line=line, column=column, reason="a template", format=format_name)
        if not damage:
            return Skipped(text=text, line=line, column=column, reason=error.message, format=format_name)
        return Damaged(
            text=text, line=line, column=column, reason=error.message, hint=error.hint, format=format_name
        )
    return place_of(node, reference, format_name)


def place_of(node: Node, reference: Reference, format_name: str) -> Place:
    """Return the place of a reference that fills a whole scalar."""
    span = node.span()
    line, column = node.position
    return Place(
        reference=reference,
        slots=() if span is None else (Slot(span=span, text=str(reference)),),
        line=line,
        column=column,
        document=node.document.index,
        path=node.path,
        format=format_name,
        refusal=NO_SPAN if span is None else None,
    )
