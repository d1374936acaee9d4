"""Lists of images under any name: what a file that the user named himself holds, when no format knows its name.

Taken as a list is only what is one from begin to end: lines of references, with comments and blank lines; a list or
mapping of JSON or YAML whose texts are references, or whose mappings say name and tag; a Dockerfile.  One text at
least must be sure to be an image by a registry's host, a digest, or a tag that looks like one, so that no list of
files, versions or ports is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.build import dockerfile
from imagelock.formats.classify.by_value import is_image
from imagelock.formats.classify.candidates import judge_words, possible
from imagelock.formats.classify.prose import DATA, language_of
from imagelock.formats.classify.unmatched import ALGORITHMS
from imagelock.formats.lists import plain
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.formats.values.chart_values import value_images
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, Span
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Found

name = "list-document"
_FROM = lazy_regex(r"(?:[ \t]*(?:#[^\n]*)?\n|[ \t]*ARG[ \t][^\n]*\n)*[ \t]*FROM[ \t]+\S")
_WORD = lazy_regex(r"\S+")
_TAG = lazy_regex(
    r"v?[0-9]+(?:[._-].*)?|.*[0-9].*|latest|stable|edge|main|master|nightly|alpine|slim|debug|nonroot"
)
_REGISTRY = lazy_regex(
    r"(?:[\w-]+\.)?(?:docker|quay|gcr|ghcr|pkg)\.(?:io|dev)|registry[\w-]*\..+|.+\.(?:azurecr\.(?:io|cn)|amazonaws\.com)"
    r"|public\.ecr\.aws|mcr\.microsoft\.com|localhost|.+:[0-9]+"
)
"""Hosts of registries, which need no tag behind them to be known."""
_LIST_BYTES = 1024 * 1024
"""Nobody names a longer list; the other formats have no such end."""


def find(text: Text) -> list[Found]:
    """Return the images of a list; nothing for what is no list from begin to end."""
    if len(text.content) > _LIST_BYTES or language_of(text) not in (DATA, None):
        return []
    if _FROM.match(text.content) is not None:
        return [item for item in dockerfile.find(text) if isinstance(item, Place)]
    return _of_lines(text) or list(_of_documents(text))


def _of_lines(text: Text) -> list[Found]:
    """Return the references of lines that hold nothing else, one or several a line."""
    found: list[Found] = []
    for start, end in plain.bodies(text.content):
        for word in _WORD.finditer(text.content, start, end):
            where = text.position(word.start())
            found.append(
                judge_words(
                    word[0],
                    span=Span.plain(*word.span()),
                    where=where,
                    path=f"[{where[0]}]",
                    document=0,
                    format_name=plain.name,
                )
            )
    return found if _is_list([item.reference if isinstance(item, Place) else None for item in found]) else []


def _of_documents(text: Text) -> Iterator[Found]:
    for chunk in chunks(text):
        try:
            document = compose(text, chunk)
        except FormatError:
            return
        if document is None or document.top.scalar is not None:
            return
        apart = [item for item in value_images(document.top, name) if isinstance(item, Place)]
        if apart:
            yield from apart
            continue
        leaves = list(_leaves(document.top))
        if _is_list([Reference.parse_or_none(node.text) for node in leaves]):
            yield from (place for node in leaves if (place := possible(node, name)) is not None)


def _leaves(top: Node) -> Iterator[Node]:
    """Yield every scalar of a document, keys left out."""
    for node in top.walk():
        if node.scalar is not None:
            yield node


def _is_list(references: list[Reference | None]) -> bool:
    """Whether all of these are references and one at least is sure to be an image."""
    known = [each for each in references if each is not None]
    if not known or len(known) < len(references):
        return False
    return not any(map(_is_other, known)) and any(map(_is_sure, known))


def _is_sure(reference: Reference) -> bool:
    if reference.digest is not None or is_image(str(reference)):
        return True
    if reference.tag is None:
        host, slash, _ = reference.written_name.partition("/")
        return slash == "/" and _REGISTRY.fullmatch(host) is not None
    return _TAG.fullmatch(reference.tag) is not None


def _is_other(reference: Reference) -> bool:
    """Whether this is a pair of ports, a line of a source file, or a digest alone, and no image."""
    path = reference.written_name.rpartition("/")[2]
    is_number = reference.tag is not None and reference.tag.isdecimal()
    if reference.written_name in ALGORITHMS:
        return True
    return reference.written_name.isdecimal() or (is_number and "." in path)
