"""Lists are cut into their items without being read whole, and never cut wrongly."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelock.cluster.jsonstream import JsonStream
from imagelock.errors import FormatError
from imagelock.limits import CLUSTER_OBJECT_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXTS = st.text(alphabet='abc"\\{}[]:, \n\u00e4', max_size=8)


def _is_no_items(key: str) -> bool:
    return key != "items"


def _around(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)


# Named functions: hypothesis reads the source of lambdas, and deep in a recursion Python 3.11 fails at that.
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, _around, max_leaves=8)
OBJECTS = st.dictionaries(TEXTS.filter(_is_no_items), VALUES, max_size=4)


class Trickle:
    """Gives a few bytes at a time, whatever is asked for."""

    def __init__(self, data: bytes, size: int) -> None:
        self._stream = io.BytesIO(data)
        self._size = size

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, self._size))


def cut(data: bytes, size: int = 7) -> list[object]:
    return [json.loads(piece.data) for piece in JsonStream(Trickle(data, size)).pieces()]


@settings(deadline=None)
@given(items=st.lists(OBJECTS, max_size=4), indent=st.sampled_from([None, 4]), size=st.integers(1, 40))
def test_a_list_gives_exactly_its_items(items: list[object], indent: int | None, size: int) -> None:
    whole = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": "}"}}
    assert cut(json.dumps(whole, indent=indent).encode(), size) == items


def alike(inner: Sequence[object]) -> dict[str, object]:
    """Return an object that begins as every other."""
    return {"apiVersion": "v1", "inner": inner, "text": '},{"apiVersion":"v1"'}


def _inside(deeper: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[dict[str, object]]:
    return st.lists(deeper, max_size=4).map(alike)


ALIKE = st.recursive(st.builds(alike, st.just([])), _inside, max_leaves=40)


@settings(deadline=None)
@given(items=st.lists(ALIKE, max_size=8), indent=st.sampled_from([None, 4]), size=st.integers(1, 4000))
def test_what_looks_like_the_next_item_inside_of_one_does_not_end_it(
    items: list[object], indent: int | None, size: int
) -> None:
    separators = (",", ":") if indent is None else None
    text = json.dumps({"kind": "List", "items": items}, indent=indent, separators=separators)
    assert cut(text.encode(), size) == items


def test_items_are_found_without_counting_braces(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [alike([alike([])] * 3) for _ in range(100)]
    counted: list[int] = []
    real = JsonStream._skip_value

    def count(stream: JsonStream) -> None:
        counted.append(1)
        real(stream)

    monkeypatch.setattr(JsonStream, "_skip_value", count)
    assert cut(json.dumps({"items": items}, indent=4).encode(), 1 << 20) == items
    assert len(counted) <= 3


@settings(deadline=None)
@given(documents=st.lists(OBJECTS, min_size=1, max_size=3), size=st.integers(1, 40))
def test_concatenated_documents_are_each_given(documents: list[object], size: int) -> None:
    assert cut("\n".join(map(json.dumps, documents)).encode(), size) == documents


@settings(deadline=None)
@given(items=st.lists(OBJECTS, min_size=1, max_size=3), data=st.data())
def test_a_text_that_ends_early_is_never_a_smaller_list(items: list[object], data: st.DataObject) -> None:
    text = json.dumps({"items": items, "kind": "List"}).encode()
    end = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(FormatError, match="ends in the middle"):
        cut(text[:end])


def test_a_typed_list_tells_the_kind_of_its_items() -> None:
    stream = JsonStream(io.BytesIO(b'{"kind":"PodList","metadata":{"continue":"x"},"items":[{},{}]}'))
    assert [piece.of for piece in stream.pieces()] == ["Pod", "Pod"]
    assert stream.members["metadata"] == b'{"continue":"x"}'


def test_metadata_behind_the_items_is_found_too() -> None:
    stream = JsonStream(io.BytesIO(b'{"items":[{}],"metadata":{"continue":"y"}}'))
    assert [piece.of for piece in stream.pieces()] == [None]
    assert stream.members["metadata"] == b'{"continue":"y"}'


@pytest.mark.parametrize("text", [b"[1]", b'"a"', b"nonsense", b'{"items":[1]}', b'{"items":[{}]}x'])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        cut(text)


def test_one_object_cannot_eat_the_memory() -> None:
    class Endless:
        def __init__(self) -> None:
            self.given = 0

        def read(self, size: int, /) -> bytes:
            self.given += size
            return b'{"a":"' if self.given == size else b"x" * size

    endless = Endless()
    with pytest.raises(FormatError, match="larger than 16 MiB"):
        list(JsonStream(endless).pieces())
    assert endless.given < 2 * CLUSTER_OBJECT_BYTES
