"""Read plain Kubernetes objects in JSON, as ``kubectl get -o json`` prints them, with ``json`` itself.

The standard library's reader is many times faster than a parser that keeps positions, and forgets where
things stand.  What is needed of that comes back by counting: the ``image`` keys of the tree, in its order,
are the ``"image":`` of the text, in its order, with the same values.  Whatever does not agree, and whatever
is not of the plainest shape, is left to the parser by returning None.  A test compares the two.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from imagelock.errors import InvalidValueError
from imagelock.formats.classify.unmatched import UNMATCHED, loose_line
from imagelock.formats.fast.plain import HOST, KINDS, NeedsParser, is_built_in_version
from imagelock.formats.kubernetes.objects import CONTAINER_KEYS
from imagelock.formats.kubernetes.objects import name as FORMAT  # noqa: N812 - a constant of that module
from imagelock.formats.syntax.json_nodes import ATOM_TAGS, NUMBER_TAG
from imagelock.formats.syntax.scalars import JSON_STYLE
from imagelock.formats.syntax.tree import MAP_TAG, SEQ_TAG, STRING_TAG, Document
from imagelock.lazy_regex import lazy_regex
from imagelock.limits import JSON_DEPTH
from imagelock.model.place import Place, Slot, Span
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import RawNode
    from imagelock.formats.syntax.yaml_text import Chunk
    from imagelock.model.place import Found

# A value with a backslash is not captured: its characters would not be those of the file.
_KEY = lazy_regex(r'"image"[ \t\r\n]*:[ \t\r\n]*(?:"(?P<text>[^"\\]*)")?')
# A cheap search that may find too much: it only sends the text to the slower, exact reader.
_NAMED = lazy_regex(
    r"image(?:[\w.-]{0,200}=|(?<!\"image)\"[ \t\r\n]*:)|Image(?:[-_]?Name)?(?:\"[ \t\r\n]*:|=)|imagename\"[ \t\r\n]*:"
)
_NAMED_KEY = lazy_regex(
    r"(?:image|Image|IMAGE)(?:[-_]?(?:name|Name|NAME))?\"[ \t\r\n]*:[ \t\r\n]*(?:\"(?P<text>[^\"\\]*)\")?|image[\w.-]{0,200}="
)
# An argument counts by its value: a host with a dot, a port or localhost, as in the exact reader.
_ARGUMENT = lazy_regex(rf"={HOST}")
_VALUE = lazy_regex(rf"\"value\"[ \t\r\n]*:[ \t\r\n]*\"{HOST}")
_TEXT_KEY = lazy_regex(r"image(?:\\[\"']|')?[ \t]*:")
_TEXT_LINE = lazy_regex(r"(?:\\[nr]|\")(?:[ \t-]|\\t)*(?:\\[\"']|')?image(?:\\[\"']|')?[ \t]*:")
"""A line inside a string that begins with ``image:``."""

_ESCAPED = lazy_regex(r"\\u00(?:0[9adAD]|2[027dD]|3[aA]|[4-7])")
"""An escape that may stand for a part of such a line; ``<``, ``>`` and ``&``, which Go escapes, are none."""

_TAGS = {bool: ATOM_TAGS["true"], type(None): ATOM_TAGS["null"]}
_NESTED = (dict, list)
_Image: TypeAlias = tuple[str, Any, bool]
"""The path of an ``image`` key, its value, and whether it is a container's."""


def quick_json(text: Text, chunk: Chunk) -> list[Found] | None:
    """Return what a JSON object of built-in kinds holds, or None when only a parser can tell."""
    content, start, end = text.content, chunk.start, chunk.end
    # RELATED_IMAGE_* and IMAGE_default_* hold references, what else says image is reported.
    if content.find("IMAGE", start, end) >= 0 or _NAMED.search(content, start, end):
        return None
    if _has_text_line(content, start, end) or _has_other_image(content, start, end):
        return None
    try:
        top = json.loads(content[start:end], object_pairs_hook=_object)
        if not _is_plain(top):
            return None
        images: list[_Image] = []
        _walk(top, "", 0, images)
        return list(_judged(text, chunk, images))
    except (ValueError, RecursionError, NeedsParser):
        return None


def shallow(text: Text, chunk: Chunk) -> Document | None:
    """Return a JSON document to be asked what it is, or None when only the parser can tell.

    Its nodes are made when they are looked at and have no positions.  What names an image outside of every
    format's places must be reported with its line, so a text that may have such a place gives None too.
    """
    content, start, end = text.content, chunk.start, chunk.end
    keys = _NAMED_KEY.finditer(content, start, end)
    if _has_text_line(content, start, end) or any(map(_may_be_left_over, keys)):
        return None
    if _has_other_image(content, start, end):
        return None
    try:
        top = json.loads(content[start:end], object_pairs_hook=_object)
    except (ValueError, RecursionError, NeedsParser):
        return None
    return Document(text, content, _node(top), chunk.index, start)


def _may_be_left_over(match: re.Match[str]) -> bool:
    """Whether the value of a key that says image is an image, or is not a plain string; or whether it is an argument."""
    if match["text"] is None:
        return match.string.startswith('"', match.end()) or match[0].endswith("=")
    return loose_line(match["text"], (1, 1), "") is not None


def _has_other_image(content: str, start: int, end: int) -> bool:
    """Whether a variable or an argument is an image by its registry's host."""
    return any(pattern.search(content, start, end) is not None for pattern in (_ARGUMENT, _VALUE))


def _has_text_line(content: str, start: int, end: int) -> bool:
    if content.find("\\u00", start, end) >= 0 and _ESCAPED.search(content, start, end):
        return True
    # The first expression has a fixed begin and is quick, the second says what is meant.
    return (
        _TEXT_KEY.search(content, start, end) is not None
        and _TEXT_LINE.search(content, start, end) is not None
    )


class _LazyMapping(yaml.MappingNode):
    """A JSON object whose keys and values become nodes when they are asked for."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.tag = MAP_TAG
        self._data = data

    def __getattr__(self, name: str) -> Any:
        if name != "value":
            raise AttributeError(name)
        self.value = [(_node(key), _node(item)) for key, item in self._data.items()]
        return self.value


class _LazySequence(yaml.SequenceNode):
    """A JSON array whose items become nodes when they are asked for."""

    def __init__(self, data: list[Any]) -> None:
        self.tag = SEQ_TAG
        self._data = data

    def __getattr__(self, name: str) -> Any:
        if name != "value":
            raise AttributeError(name)
        self.value = [_node(item) for item in self._data]
        return self.value


def _node(data: Any) -> RawNode:
    if isinstance(data, dict):
        return _LazyMapping(data)
    if isinstance(data, list):
        return _LazySequence(data)
    if isinstance(data, str):
        return yaml.ScalarNode(STRING_TAG, data, style=JSON_STYLE)
    return yaml.ScalarNode(_TAGS.get(type(data), NUMBER_TAG), json.dumps(data), style=JSON_STYLE)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; one that has a key twice is not for us."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NeedsParser
    return made


def _is_plain(top: Any) -> bool:
    """Whether this is an object of a built-in kind, or a List of nothing else."""
    if not _is_object(top):
        return False
    items = top.get("items")
    if top["kind"] == "List" and isinstance(items, list):
        return all(_is_object(item) and item["kind"] in KINDS for item in items)
    return top["kind"] in KINDS


def _is_object(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("kind"), str)
        and isinstance(value.get("apiVersion"), str)
        and is_built_in_version(value["apiVersion"])
    )


def _walk(value: Any, path: str, depth: int, images: list[_Image], *, is_container: bool = False) -> None:
    """Collect the ``image`` keys at or below a value, in the order of the text."""
    if depth > JSON_DEPTH // 2:
        raise NeedsParser
    if isinstance(value, list):
        _walk_items(value, path, depth, images, are_containers=False)
        return
    if is_container:
        _check_variables(value.get("env"))
    for key, item in value.items():
        if not key:
            raise NeedsParser
        if key == "image":
            images.append((f"{path}.image" if path else key, item, is_container))
        if isinstance(item, dict):
            _walk(item, f"{path}.{key}" if path else key, depth + 1, images)
        elif isinstance(item, list):
            if key == "volumes":
                _check_volumes(item)
            here = f"{path}.{key}" if path else key
            _walk_items(item, here, depth + 1, images, are_containers=key in CONTAINER_KEYS)


def _walk_items(
    items: list[Any], path: str, depth: int, images: list[_Image], *, are_containers: bool
) -> None:
    for i, item in enumerate(items):
        if isinstance(item, _NESTED):
            is_container = are_containers and isinstance(item, dict)
            _walk(item, f"{path}[{i}]", depth + 1, images, is_container=is_container)


def _check_variables(variables: Any) -> None:
    """Raise where a variable of a container may hold an image, or JSON with images in it."""
    for variable in variables if isinstance(variables, list) else ():
        value = variable.get("value") if isinstance(variable, dict) else None
        if isinstance(value, str) and (
            ("image" in value and value.lstrip()[:1] in ("{", "[")) or "/" in value
        ):
            raise NeedsParser


def _check_volumes(volumes: list[Any]) -> None:
    """Raise where a volume is an image."""
    if any(isinstance(item, dict) and "image" in item for item in volumes):
        raise NeedsParser


def _judged(text: Text, chunk: Chunk, images: list[_Image]) -> Iterator[Found]:
    matches = list(_KEY.finditer(text.content, chunk.start, chunk.end))
    if len(matches) != len(images):
        raise NeedsParser
    for match, (path, value, is_container) in zip(matches, images, strict=True):
        if value is None or not (is_container or isinstance(value, str)):
            continue
        if value != match["text"] or not value:
            raise NeedsParser
        start, end = match.span("text")
        position = text.position(start)
        if is_container:
            yield _place(value, (start, end), position, path, chunk.index)
        elif skipped := loose_line(value, position, UNMATCHED):
            yield skipped


def _place(value: str, where: tuple[int, int], position: tuple[int, int], path: str, document: int) -> Place:
    try:
        reference = Reference.parse(value)
    except InvalidValueError as error:
        raise NeedsParser from error
    line, column = position
    return Place(
        reference=reference,
        slots=(Slot(span=Span.plain(*where), text=value),),
        line=line,
        column=column,
        document=document,
        path=path,
        format=FORMAT,
    )
