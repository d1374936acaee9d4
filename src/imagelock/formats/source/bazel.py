"""Bazel: base images that ``oci.pull``, ``oci_pull`` and ``container_pull`` take from a registry.

Read in ``MODULE.bazel``, ``WORKSPACE``, ``BUILD`` and ``*.bzl``: ``image``, or ``registry`` with ``repository``, and
``tag`` and ``digest``.  rules_oci takes a tag or a digest and not both, so an image with a tag is found and not written;
one with ``digest`` moves with the lock.  Other keys that say image, with a tag or digest, are found.  Follows the
reference of rules_oci and rules_docker.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from imagelock.formats.source.says_image import literal, says_image
from imagelock.formats.syntax.quoted_text import HASHES, quoted
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, Slot, Span
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.formats.syntax.quoted_text import Quoted
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "bazel"
summary = "Bazel: oci.pull, oci_pull and container_pull; a digest that is written moves with the lock"

_NAMES = ("build", "workspace", "build.bazel", "workspace.bazel", "module.bazel")
_SUFFIXES = (".bzl", ".module.bazel")
_CALL = lazy_regex(r"\b(?P<rule>\w+\.pull|\w*_pull)\s*\(")
_BRACKET = lazy_regex(r"[()]")
_CALL_CHARS = 16384
_TAKES_BOTH = "container_pull"
TAG_OR_DIGEST = "rules_oci takes a tag or a digest and not both: write digest instead of tag to have it moved"
OTHERS = "what other rules make of it is not known here: a [[scan.rule]] with a regex pins it"


def claims(text: Text) -> bool:
    """Take files by their name."""
    lower = text.file_name.lower()
    return lower in _NAMES or lower.endswith(_SUFFIXES)


def find(text: Text) -> Iterator[Found]:
    """Yield the images of calls, and those behind other keys."""
    content = text.content
    if "pull" not in content and "image" not in content:
        return
    texts = [item for item in quoted(content, HASHES) if not item.is_block]
    starts = [item.start for item in texts]
    pulled: set[int] = set()
    for begin, end, rule in _calls(content, texts):
        inside = texts[bisect_left(starts, begin) : bisect_left(starts, end)]
        pulled.update(item.start for item in inside)
        arguments = {item.key: item for item in inside if item.sign == "="}
        found = _pulled(text, arguments, takes_both=rule == _TAKES_BOTH)
        if found is not None:
            yield found
    for item in texts:
        if item.start not in pulled and says_image(item.key):
            other = literal(text, item.start, item.end, name, OTHERS)
            if other is not None:
                yield other


def _calls(content: str, texts: Sequence[Quoted]) -> Iterator[tuple[int, int, str]]:
    """Yield where the arguments of each call begin and end, and its rule; brackets in texts do not count."""
    pieces, at = [], 0
    for item in texts:
        pieces += [content[at : item.start], " " * (item.end - item.start)]
        at = item.end
    bare = "".join([*pieces, content[at:]])
    end = 0
    for match in _CALL.finditer(bare):
        if match.start() < end:
            continue
        depth, end = 1, match.end()
        for bracket in _BRACKET.finditer(bare, match.end(), match.end() + _CALL_CHARS):
            depth += 1 if bracket[0] == "(" else -1
            end = bracket.end()
            if depth == 0:
                break
        yield match.end(), end, match["rule"]


def _pulled(text: Text, arguments: Mapping[str, Quoted], *, takes_both: bool) -> Place | None:
    def value(key: str) -> str:
        item = arguments.get(key)
        return "" if item is None else text.content[item.start : item.end]

    image = value("image") or "/".join(filter(None, (value("registry"), value("repository"))))
    tag, digest = value("tag"), value("digest")
    written = image + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    reference = Reference.parse_or_none(written)
    where = arguments.get("image") or arguments.get("repository")
    if reference is None or where is None:
        return None
    line, column = text.position(where.start)
    filled = arguments.get("digest")
    slots = () if filled is None or (tag and not takes_both) else (_slot(text, filled),)
    if filled is None and reference.digest is not None:
        slots = (Slot(span=Span.plain(where.start, where.end), text=image),)
    return Place(
        reference=reference,
        slots=slots,
        line=line,
        column=column,
        document=0,
        path=f"[{line}:{column}]",
        format=name,
        refusal=None if slots else TAG_OR_DIGEST,
    )


def _slot(text: Text, item: Quoted) -> Slot:
    return Slot(
        span=Span.plain(item.start, item.end), text=text.content[item.start : item.end], part="digest"
    )
