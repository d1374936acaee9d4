"""Places: where a reference is written, and the characters that pinning fills.

A finder returns :data:`Found` values: a :class:`Place`, something :class:`Skipped` with the reason, or
something :class:`Damaged` where a reference must be.  They say nothing of files on disk; the caller
knows which text it gave.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.model.reference import Reference

Part: TypeAlias = Literal["reference", "tag", "digest", "hex", "@digest", "tag@digest"]


@dataclass(frozen=True, slots=True)
class Span:
    """Where each character of a decoded text is in the file's text.

    Character ``i`` of the decoded text is written at ``starts[i]`` to ``ends[i]`` (offsets in
    characters of the file).  Text written as it is has two ranges; escapes, folding and indentation
    make tuples.  ``at`` is where an empty text is.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    at: int

    @classmethod
    def plain(cls, start: int, end: int) -> Span:
        """Return the span of text that is written one to one."""
        return cls(range(start, end), range(start + 1, end + 1), start)

    def cut(self, start: int, end: int) -> Span:
        """Return the span of the decoded characters ``start`` to ``end``."""
        return Span(self.starts[start:end], self.ends[start:end], self.offset(start))

    def offset(self, index: int) -> int:
        """Return where decoded character ``index`` is written; the text's end for its length."""
        if index < len(self.starts):
            return self.starts[index]
        return self.ends[-1] if self.ends else self.at

    def through(self, inner: Span) -> Span:
        """Compose: ``inner`` counts in our decoded text, the result counts in the file."""
        if isinstance(inner.starts, range) and isinstance(self.starts, range):
            return Span.plain(self.starts.start + inner.at, self.starts.start + inner.at + len(inner.starts))
        return Span(
            tuple(self.starts[i] for i in inner.starts),
            tuple(self.ends[i - 1] for i in inner.ends),
            self.offset(inner.at),
        )

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Characters that pinning fills: ``text`` as decoded, and where each character is written.

    ``part`` is what is there: the whole reference, the tag or digest that has a key of its own, or
    the digest with its ``@`` behind a tag that is put together elsewhere (nothing, as long as there is none).
    ``hex`` is a digest without its algorithm, ``tag@digest`` is a tag that is left empty, so that a default counts: pinning writes both.
    """

    span: Span
    text: str
    part: Part = "reference"
    lead: str = ""
    """Written before the words where there are any: a blank, or a whole key that is there for the digest alone."""
    tail: str = ""
    """Written behind the words where there are any: what closes the mapping that ``lead`` opens."""

    @property
    def adds_key(self) -> bool:
        """Whether filling the slot writes a key, and emptying it takes the key away again."""
        return bool(self.lead.strip())

    def words(self, reference: Reference) -> str:
        """Return what the slot holds when the place says ``reference``."""
        words = self._words(reference)
        return self.lead + words + self.tail if words else ""

    def _words(self, reference: Reference) -> str:
        if self.part == "tag":
            return reference.tag or ""
        if self.part == "digest":
            return "" if reference.digest is None else str(reference.digest)
        if self.part == "hex":
            return "" if reference.digest is None else str(reference.digest).partition(":")[2]
        if self.part == "@digest":
            return "" if reference.digest is None else f"@{reference.digest}"
        if self.part == "tag@digest":
            tag = reference.tag or ""
            return tag if reference.digest is None else f"{tag}@{reference.digest}"
        return str(reference)


@dataclass(frozen=True, slots=True)
class Build:
    """Which build made an image, where the file says it: the build's tag and the revision it was built from."""

    tag: str
    revision: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One reference in one text; without slots it is found and not pinnable (``refusal`` says why).

    ``line`` and ``column`` count from 1, ``document`` (of a YAML stream) from 0; ``path`` is dotted
    (``spec.containers[0].image``), with `` > `` where a text inside a text begins.
    """

    reference: Reference
    slots: tuple[Slot, ...]
    line: int
    column: int
    document: int
    path: str
    format: str
    refusal: str | None = None
    build: Build | None = None
    recorded: tuple[Reference, ...] = ()
    """What the file itself says, in another place, that this digest was before it was pinned."""
    insertion: Slot | None = None
    """What adds the key that the digest needs here; it counts only where the project inserts keys."""
    tag_slot: Slot | None = None
    """Where the tag alone is written, if it has a key of its own: what gives a place another tag fills it."""
    tag_is_known: bool = True
    """False when only the name is written here and the tag is decided elsewhere, so nothing can be locked."""

    @property
    def with_key(self) -> Place:
        """This place as it is where the project inserts keys."""
        return self if self.insertion is None else replace(self, slots=(self.insertion,), refusal=None)

    @property
    def keeps_tag(self) -> bool:
        """Whether the tag stays whatever the pinned form: it is apart from what pinning fills."""
        return any(slot.part in ("digest", "hex", "@digest", "tag@digest") for slot in self.slots)

    @property
    def pinnable(self) -> bool:
        """Whether pinning can write here."""
        return bool(self.slots)


class SkipKind(Enum):
    """Why a candidate was not taken, as far as ``check`` cares; the reason says it in words.

    The first two may be images: ``check`` reports a text of theirs that is an image by its value (IL117).
    The others are expected, and never a finding.
    """

    IMAGE = "image"
    """An image by its value, at a place that no format reads."""
    CANDIDATE = "candidate"
    """Something that a key or a place calls an image; whether it is one, only its text can say."""
    TEMPLATE = "template"
    """Put together by a template, a variable or a parameter: `check --render` looks at what it becomes."""
    PLACEHOLDER = "placeholder"
    """Stands for an image that another tool writes here."""
    BUILT = "built"
    """The name of an image that this project builds."""
    REPLACED = "replaced"
    """A name for which another place or file gives the image that counts."""
    NOT_A_SOURCE = "not-a-source"
    """A whole document that is never a source: a dump of a cluster, or what imagelock exported."""
    PROSE = "prose"
    """An example in documentation."""
    UNREADABLE = "unreadable"
    """In a file of which a part cannot be read: the finding about that part (IL114) comes first."""

    @property
    def is_expected(self) -> bool:
        """Whether a skip of this kind needs no one's attention."""
        return self not in (SkipKind.IMAGE, SkipKind.CANDIDATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A candidate that looked like an image and was not taken."""

    text: str
    line: int
    column: int
    reason: str
    format: str = ""
    kind: SkipKind = SkipKind.CANDIDATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A text that is not a reference where a reference must be (finding IL111)."""

    text: str
    line: int
    column: int
    reason: str
    hint: str | None = None
    format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A part of a file that cannot be read as what it is (finding IL114)."""

    line: int
    column: int
    reason: str
    hint: str | None = None
    format: str = ""


Found: TypeAlias = Place | Skipped | Damaged | Unreadable
"""What a finder yields."""
