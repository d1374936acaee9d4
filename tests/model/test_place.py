"""Spans: where each character of a decoded text is written, through one text or two."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imagelock.model.digest import Digest
from imagelock.model.place import Place, Slot, Span
from imagelock.model.reference import Reference

DIGEST = Digest.of(b"an image")


def test_a_plain_span_is_its_own_text() -> None:
    span = Span.plain(3, 7)
    assert len(span) == 4
    assert [span.offset(i) for i in range(5)] == [3, 4, 5, 6, 7]
    assert span.cut(1, 3).offset(0) == 4
    assert Span.plain(5, 5).offset(0) == 5


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_composing_plain_spans_equals_composing_them_written_out(
    at: int, size: int, first: int, length: int
) -> None:
    first, length = min(first, size), min(length, max(size - first, 0))
    outer, inner = Span.plain(at, at + size), Span.plain(first, first + length)
    written = Span(tuple(outer.starts), tuple(outer.ends), outer.at)
    assert tuple(outer.through(inner).starts) == written.through(inner).starts
    assert tuple(outer.through(inner).ends) == written.through(inner).ends


def test_an_empty_text_inside_another_has_a_place() -> None:
    outer = Span((2, 5, 9), (5, 9, 10), 2)
    assert outer.through(Span.plain(1, 1)).offset(0) == 5
    assert outer.through(Span.plain(3, 3)).offset(0) == 10


def _place(*slots: Slot) -> Place:
    reference = Reference.parse("a/b:1")
    return Place(reference=reference, slots=slots, line=1, column=1, document=0, path="x", format="f")


def test_a_place_without_slots_is_found_and_not_pinnable() -> None:
    assert not _place().pinnable
    assert _place(Slot(span=Span.plain(0, 5), text="a/b:1")).pinnable


def test_a_slot_holds_its_part_of_a_reference() -> None:
    pinned = Reference.parse("a/b:1").with_digest(DIGEST)
    span = Span.plain(0, 0)
    assert Slot(span=span, text="").words(pinned) == f"a/b:1@{DIGEST}"
    assert Slot(span=span, text="", part="digest").words(pinned) == str(DIGEST)
    assert Slot(span=span, text="", part="digest").words(pinned.with_tag("1")) == ""
    assert Slot(span=span, text="", part="tag").words(pinned) == "1"
    assert _place(Slot(span=span, text="", part="digest")).keeps_tag
