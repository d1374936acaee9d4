"""Variables with defaults: properties that hold for every text, however it is put together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.reading import DIGEST
from imagelock.formats.classify.interpolation import Declared, Piece, UnresolvedError, assemble, resolve
from imagelock.model.place import Span

_LITERALS = st.sampled_from(["quay.io/", "acme/", "web", "-x", ":", "1", ".2", "a"])


def _texts() -> st.SearchStrategy[str]:
    """Return texts of literals and variables with defaults, nested."""
    return st.recursive(
        _LITERALS,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=4).map("".join),
            inner.map(lambda text: f"${{V:-{text}}}"),
            inner.map(lambda text: f"${{W-{text}}}"),
        ),
        max_leaves=8,
    )


def _plain(text: str) -> Span:
    return Span.plain(0, len(text))


@given(_texts())
def test_pieces_stand_where_they_say(text: str) -> None:
    for piece in resolve(text, _plain(text)):
        assert "".join(text[at] for at in piece.span.starts) == piece.text


@given(_texts())
def test_a_digest_written_into_the_slot_is_read_back(text: str) -> None:
    try:
        found = assemble(resolve(text, _plain(text)))
    except UnresolvedError:
        return
    new = found.reference.with_digest(DIGEST)
    for slot in found.slots:
        start, end = slot.span.offset(0), slot.span.offset(len(slot.span))
        after = text[:start] + slot.words(new) + text[end:]
        again = assemble(resolve(after, _plain(after)))
        assert again.reference == new
        assert [item.words(found.reference) for item in again.slots] == [slot.text]


@given(st.text(alphabet="${}:-+?aV1/", max_size=30))
def test_any_text_is_resolved_or_refused(text: str) -> None:
    try:
        pieces = resolve(text, _plain(text))
    except UnresolvedError as error:
        assert str(error)  # noqa: PT017 - either way out is right
    else:
        assert "$" not in "".join(piece.text for piece in pieces)


def test_a_default_declared_elsewhere_comes_before_the_one_in_place() -> None:
    declared = {"V": Declared((Piece("2", Span.plain(90, 91), ()),)), "E": Declared(())}
    text = "a:${V:-1}"
    assert str(assemble(resolve(text, _plain(text), declared.get)).reference) == "a:2"
    text = "a:${E:-1}"
    assert str(assemble(resolve(text, _plain(text), declared.get)).reference) == "a:1"
    text = "a:${E-1}"
    with pytest.raises(UnresolvedError, match="empty by default"):
        resolve(text, _plain(text), declared.get)


def test_thousands_of_braces_are_refused() -> None:
    text = "${A:-" * 5000
    with pytest.raises(UnresolvedError):
        resolve(text, _plain(text))
    text = "${A:-" * 5000 + "}" * 5000
    with pytest.raises(UnresolvedError):
        resolve(text, _plain(text))
