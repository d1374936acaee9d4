"""Yield the Kubernetes objects in a document: one, or those of a List or an OpenShift Template."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document, Node

TEMPLATE_PARAMETER = "a parameter of an OpenShift Template"


def objects(document: Document) -> Iterator[Node]:
    """Yield the document's object, or the objects that a List or Template holds."""
    top = document.top
    kind = kind_of(top)
    if kind == "Template":
        inner = top.get("objects")
    elif kind.endswith("List"):
        inner = top.get("items")
    else:
        inner = None
    yield top
    yield from inner.items() if inner is not None else ()


def kind_of(node: Node) -> str:
    """Return the object's kind, or nothing."""
    kind = node.get("kind")
    return (kind.text or "") if kind is not None else ""


def group_of(node: Node) -> str:
    """Return the group of the object's apiVersion; the core group has no name."""
    version = node.get("apiVersion")
    group, slash, _ = (version.text or "").partition("/") if version is not None else ("", "", "")
    return group if slash else ""


def parameter_reason(document: Document) -> str | None:
    """Return why ``${VAR}`` is not damage in this document, or None where it is."""
    return TEMPLATE_PARAMETER if kind_of(document.top) == "Template" else None
