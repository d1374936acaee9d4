"""The user's own rules (``[[scan.rule]]``): scalars at a path, or matches of a regular expression."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING

from imagelock.configured_regex import configured_regex
from imagelock.formats.classify.candidates import judge_words, required
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found
    from imagelock.model.rule import ScanRule

name = "rule"

_STEP = lazy_regex(r"((?:[^.\\\[\]]|\\.)+)|(\[\])|\.")


def find_in_document(document: Document, rules: Sequence[ScanRule]) -> Iterator[Found]:
    """Yield what the rules for documents find; scalars that a format has taken are left to it."""
    for rule in rules:
        if rule.reads_documents and _is_meant(document.top, rule):
            for node in _nodes(document.top, rule):
                if node.offset not in document.taken:
                    yield from _found(node, rule)


def find_in_text(text: Text, rules: Sequence[ScanRule], taken: Sequence[range]) -> Iterator[Found]:
    """Yield what the rules for raw text find outside the characters that are ``taken``, each once."""
    used = sorted((each.start, each.stop) for each in taken)
    for rule in rules:
        if rule.regex is None or rule.reads_documents:
            continue
        for start, end in configured_regex(rule.regex, multiline=True).spans(text.content, "image"):
            i = bisect_left(used, (end,))
            if start < end and not (i and used[i - 1][1] > start):
                used.insert(i, (start, end))
                line, column = text.position(start)
                span = Span.plain(start, end)
                yield _judge(text.content[start:end], span, (line, column), f"[{line}:{column}]", 0)


def _is_meant(top: Node, rule: ScanRule) -> bool:
    api_version = top.get("apiVersion")
    group = (api_version.text or "").rpartition("/")[0] if api_version is not None else ""
    facts = (
        (rule.kind, top.get("kind")),
        (rule.name, top.get("metadata", "name")),
        (rule.namespace, top.get("metadata", "namespace")),
    )
    if rule.group is not None and rule.group != group:
        return False
    return all(wanted is None or (node is not None and node.text == wanted) for wanted, node in facts)


def _nodes(top: Node, rule: ScanRule) -> Iterator[Node]:
    if rule.path is None:
        yield from (node for node in top.walk() if node.text is not None)
        return
    nodes = [top]
    for step in _steps(rule.path):
        if step is None:
            nodes = [item for node in nodes for item in node.items()]
        else:
            nodes = [value for node in nodes if (value := node.get(step)) is not None]
    yield from nodes


@lru_cache
def _steps(path: str) -> tuple[str | None, ...]:
    """Split a dotted path into keys, and None for each ``[]``."""
    steps: list[str | None] = []
    for match in _STEP.finditer(path):
        if match[1]:
            steps.append(re.sub(r"\\(.)", r"\1", match[1]))
        elif match[2]:
            steps.append(None)
    return tuple(steps)


def _found(node: Node, rule: ScanRule) -> Iterator[Found]:
    if rule.regex is None:
        found = required(node, name)
        if found is not None:
            yield found
        return
    text = node.text or ""
    span = node.span()
    for start, end in configured_regex(rule.regex, multiline=True).spans(text, "image"):
        if start < end:
            at = None if span is None else span.cut(start, end)
            where = node.document.text.position(node.offset if at is None else at.offset(0))
            yield _judge(text[start:end], at, where, f"{node.path} > [{start}]", node.document.index)


def _judge(written: str, span: Span | None, where: tuple[int, int], path: str, document: int) -> Found:
    return judge_words(written, span=span, where=where, path=path, document=document, format_name=name)
