"""Read one reference written in several keys: registry, repository, tag and digest.

Such places are joined for reading, and only the digest is ever filled: in a ``digest`` key that is there,
else behind the tag.  What the chart makes of it is proved by rendering, not here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.classify.candidates import NO_SPAN, SHOWN_CHARS, has_variable, is_template
from imagelock.formats.values.added_keys import digest_slot, insertion
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Damaged, Place, SkipKind, Skipped, Slot
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagelock.formats.syntax.text import Chart
    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Found, Part

NULL_DIGEST = 'the digest key has no value; write "" there to have it filled'
NULL_TAG = 'the tag key has no value; write "" or a tag there to have it filled'
NO_TAG = "there is no tag here: another file or the chart decides"
NO_APP_VERSION = "the tag is empty, and the chart with the appVersion it defaults to is not available"
TAG_IS_DIGEST = "a digest is in place of the tag: write the tag, and pinning appends the digest"
TWO_TAGS = "the repository includes a tag, but there is also a key for the tag"
CHART_DIGEST = (
    "the chart's own values have a key {}, whose digest would count with this tag too: "
    "say it here as well, or have `pin --insert-keys` add it"
)
SHARED = "an alias: several images with different digests share these characters"
_NULLS = ("", "~", "null", "Null", "NULL")
HEX = lazy_regex(r"[0-9a-f]{64}")
_DIGEST_STARTS = ("sha256:", "sha512:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The nodes that hold one reference.

    ``host`` is a registry given elsewhere, ``default_tag`` what an empty tag means, ``refusal`` why the
    place must not be written.  ``is_sure`` says that nothing but an image can stand here, ``missing`` is what adds
    a key for the digest.
    """

    repository: Node
    registry: Node | None = None
    tag: Node | None = None
    digest: Node | None = None
    host: str = ""
    default_tag: str | None = None
    refusal: str | None = None
    is_sure: bool = True
    missing: Slot | None = None

    def with_key_of(self, chart: Chart | None, path: str) -> Parts:
        """Return the parts with the key for a digest that the chart's own values have and that is missing here.

        Those values hold a digest once they are pinned, and one behind this tag would be a second one.
        """
        is_missing = self.digest is None and "@" not in text_of(self.tag)
        for at, key, written in chart.digest_keys if chart is not None and is_missing else ():
            if at == path and (written or key == "digest"):
                part: Part = "hex" if HEX.fullmatch(written) is not None else "digest"
                missing = None if self.refusal else insertion(self.tag or self.repository, key, part=part)
                refusal = self.refusal or CHART_DIGEST.format(f"{path}.{key}")
                return replace(self, refusal=refusal, missing=missing)
        return self

    @property
    def filled(self) -> Node:
        """The node that pinning would write."""
        return self.digest or self.tag or self.repository

    @property
    def name(self) -> str:
        """Registry and repository as written, joined."""
        return "/".join(filter(None, (self.host or text_of(self.registry), text_of(self.repository))))

    @property
    def text(self) -> str:
        """The reference these parts make, an empty tag replaced by what it means."""
        tag, digest = self.tag_text, self.digest_text
        if tag.startswith(_DIGEST_STARTS):
            tag, digest = "", digest or tag
        return self.name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")

    @property
    def digest_part(self) -> Part:
        """How the digest's key writes it: with its algorithm, or the hexadecimal digits alone."""
        return "hex" if HEX.fullmatch(text_of(self.digest)) is not None else "digest"

    @property
    def digest_text(self) -> str:
        """The digest as written, with the algorithm that its key leaves out."""
        text = text_of(self.digest)
        return f"sha256:{text}" if self.digest_part == "hex" else text

    @property
    def tag_text(self) -> str:
        """The tag as written, or what an empty one means."""
        text = text_of(self.tag)
        if not text and self.tag is not None:
            return self.default_tag or ""
        return text


def all_joined(candidates: Iterable[Parts | Found | None], format_name: str) -> Iterator[Found]:
    """Judge the parts among the candidates; characters that several images share are not to be written."""
    items = [item for item in candidates if item is not None]
    texts: dict[int, set[str]] = {}
    for item in items:
        if isinstance(item, Parts):
            texts.setdefault(id(item.filled.raw), set()).add(item.text)
    for item in items:
        if not isinstance(item, Parts):
            yield item
            continue
        is_shared = len(texts[id(item.filled.raw)]) > 1
        found = joined(replace(item, refusal=SHARED, missing=None) if is_shared else item, format_name)
        if found is not None:
            yield found


def joined(parts: Parts, format_name: str) -> Found | None:
    """Judge a reference in several keys; None when no repository is written, or no image may be meant."""
    if not text_of(parts.repository):
        return None
    for node in (parts.repository, parts.registry, parts.tag, parts.digest):
        if node is not None:
            node.document.taken.add(node.offset)
    parts.filled.is_image()
    line, column = parts.repository.position
    text = parts.text
    try:
        reference = Reference.parse(text)
    except InvalidValueError as error:
        shown = text[:SHOWN_CHARS]
        if parts.is_sure and not is_template(text) and not has_variable(text):
            return Damaged(
                text=shown,
                line=line,
                column=column,
                reason=error.message,
                hint=error.hint,
                format=format_name,
            )
        templated = is_template(text) or has_variable(text)
        return Skipped(
            text=shown,
            line=line,
            column=column,
            reason="a template" if templated else error.message,
            format=format_name,
            kind=SkipKind.TEMPLATE if templated else SkipKind.CANDIDATE,
        )
    slot, refusal = _slot(parts, reference)
    refusal = parts.refusal or refusal
    return Place(
        reference=reference,
        slots=() if slot is None or refusal is not None else (slot,),
        line=line,
        column=column,
        document=parts.repository.document.index,
        path=parts.repository.path,
        format=format_name,
        refusal=refusal,
        insertion=parts.missing,
        tag_slot=_tag_slot(parts, reference),
        tag_is_known=reference.tag is not None or reference.digest is not None,
    )


def _slot(parts: Parts, reference: Reference) -> tuple[Slot | None, str | None]:
    """Return where the digest goes, or why it can go nowhere."""
    if parts.digest is not None and "@" not in text_of(parts.tag):
        if parts.digest.is_null:
            return None, NULL_DIGEST
        if reference.tag is None and reference.digest is None:
            return None, NO_TAG if parts.tag is None else NO_APP_VERSION
        slot = digest_slot(parts.digest, parts.digest_part)
        return slot, NO_SPAN if slot is None else None
    return _behind_repository(parts) if parts.tag is None else _behind_tag(parts, parts.tag)


def _behind_tag(parts: Parts, tag: Node) -> tuple[Slot | None, str | None]:
    text = text_of(tag)
    if text.startswith(_DIGEST_STARTS):
        return None, TAG_IS_DIGEST
    if text:
        is_default = parts.default_tag and text.startswith(f"{parts.default_tag}@") and tag.is_quoted
        return _cut(tag, 0, "tag@digest") if is_default else _cut(tag, _before_digest(text), "@digest")
    own = Reference.parse(parts.name)
    if own.tag is not None or own.digest is not None:
        return None, TWO_TAGS
    if tag.is_null:
        return None, NULL_TAG
    return _cut(tag, 0, "tag@digest") if parts.default_tag else (None, NO_APP_VERSION)


def _behind_repository(parts: Parts) -> tuple[Slot | None, str | None]:
    own = Reference.parse(parts.name)
    if own.tag is None and own.digest is None:
        return None, NO_TAG
    return _cut(parts.repository, _before_digest(text_of(parts.repository)), "@digest")


def _tag_slot(parts: Parts, reference: Reference) -> Slot | None:
    """Return where the tag is written, if all of it is in its key."""
    text = text_of(parts.tag)
    end = _before_digest(text)
    span = parts.tag.span() if parts.tag is not None and reference.tag == text[:end] else None
    return None if span is None else Slot(span=span.cut(0, end), text=text[:end], part="tag")


def _before_digest(text: str) -> int:
    at = text.find("@")
    return len(text) if at < 0 else at


def _cut(node: Node, start: int, part: Part) -> tuple[Slot | None, str | None]:
    span = node.span()
    if span is None:
        return None, NO_SPAN
    text = text_of(node)
    return Slot(span=span.cut(start, len(text)), text=text[start:], part=part), None


def text_of(node: Node | None) -> str:
    """Return a scalar as it is written; nothing for what is absent, null or no scalar."""
    text = "" if node is None else node.scalar or ""
    return "" if node is not None and text in _NULLS and node.is_null else text
