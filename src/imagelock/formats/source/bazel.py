"""Bazel: base images that ``oci.pull``, ``oci_pull`` and ``container_pull`` take from a registry.

Read in ``MODULE.bazel``, ``WORKSPACE``, ``BUILD`` and ``*.bzl``: ``image``, or ``registry`` with ``repository``, and
``tag`` and ``digest``.  rules_oci takes a tag or a digest and not both, so an image with a tag is found and not written;
one with ``digest`` moves with the lock.  Other keys that say image, with a tag or digest, are found.  Follows the
reference of rules_oci and rules_docker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.source.says_image import literal, says_image
from imagelock.formats.syntax.quoted_text import HASHES, quoted
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, Slot, Span
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.formats.syntax.quoted_text import Quoted
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "bazel"
summary = "Bazel: oci.pull, oci_pull and container_pull; a digest that is written moves with the lock"

_NAMES = ("build", "workspace", "build.bazel", "workspace.bazel", "module.bazel")
_SUFFIXES = (".bzl", ".module.bazel")
_CALL = lazy_regex(r"\b(?P<rule>\w+\.pull|\w*_pull)\s*\(")
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
    calls = {
        range(match.end(), _closing(content, match.end(), texts)): match["rule"] == _TAKES_BOTH
        for match in _CALL.finditer(content)
    }
    for call, takes_both in calls.items():
        arguments = {item.key: item for item in texts if item.start in call and item.sign == "="}
        found = _pulled(text, arguments, takes_both=takes_both)
        if found is not None:
            yield found
    for item in texts:
        if says_image(item.key) and not any(item.start in call for call in calls):
            other = literal(text, item.start, item.end, name, OTHERS)
            if other is not None:
                yield other


def _closing(content: str, at: int, texts: list[Quoted]) -> int:
    """Return where the bracket is closed that was opened before ``at``; brackets in texts do not count."""
    inside = {
        i for item in texts if item.start >= at for i in range(item.start, min(item.end, item.start + 512))
    }
    depth = 1
    while at < len(content) and depth:
        if at not in inside:
            depth += {"(": 1, ")": -1}.get(content[at], 0)
        at += 1
    return at


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
