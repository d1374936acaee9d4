"""Words proved where they stand: whatever is accepted there, reading the whole text accepts as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from formats.samples import SAMPLES
from imagelock.errors import FormatError
from imagelock.formats.edit import splice
from imagelock.formats.edit.edits import Edit, applied, edit_of
from imagelock.formats.edit.local import is_local, is_local_word
from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Place, Slot, Span

if TYPE_CHECKING:
    from formats.samples import Sample

DIGEST = Digest.of(b"an image")
PINNED = f"a/b:1@{DIGEST}"


def _filled(content: str, old: str, new: str) -> tuple[int, Edit]:
    at = content.index(old)
    edit = edit_of(Slot(span=Span.plain(at, at + len(old)), text=old), new)
    assert edit is not None
    return at, edit


def _is_proved_by_parsing(content: str, edit: Edit) -> bool:
    new = Text("a.yaml", applied(content, [edit]))
    try:
        splice._prove_by_events(Text("a.yaml", content), new, [edit])
    except FormatError:
        return False
    return True


@pytest.mark.parametrize(
    ("content", "old", "new"),
    [
        ("image: a/b:1\n", "a/b:1", PINNED),
        ("image: a/b:1", "a/b:1", PINNED),
        ("- - image: a/b:1  # why\n", "a/b:1", PINNED),
        ("image: 'a/b:1'\n", "a/b:1", PINNED),
        ('x: {image: "a/b:1"}\n', "a/b:1", PINNED),
        ('x: "{\\"image\\": \\"a/b:1\\"}"\n', "a/b:1", PINNED),
        ("tag: 1.20\n", "1.20", f"1.20@{DIGEST}"),
        ("tag: '1.20'\n", "1.20", f"1.20@{DIGEST}"),
        (f"image: {PINNED}\n", PINNED, "a/b:1"),
        ("x: {y: 1}\nimage: a/b:1\n", "a/b:1", PINNED),
    ],
)
def test_a_word_that_stays_one_needs_no_parser(content: str, old: str, new: str) -> None:
    at, edit = _filled(content, old, new)
    assert is_local(content, at, edit, new)
    assert _is_proved_by_parsing(content, edit)


@pytest.mark.parametrize(
    ("content", "old", "new"),
    [
        ("x: {image: a/b:1}\n", "a/b:1", PINNED),
        ("x: {\n  image: a/b:1\n}\n", "a/b:1", PINNED),
        ("x: [{y: {z: 1},\n  image: a/b:1\n}]\n", "a/b:1", PINNED),
        ("image: &a a/b:1\n", "a/b:1", PINNED),
        ("image: a/b:1 more\n", "a/b:1", PINNED),
        ("image: a/b:1#no\n", "a/b:1", PINNED),
        ("image:\n  a/b:1\n", "a/b:1", PINNED),
        ("- a/b:1\n", "a/b:1", PINNED),
        ("a/b:1: x\n", "a/b:1", PINNED),
        ("image: a/b:1\n", "a/b:1", "a/b: 1"),
        ("image: a/b:1\n", "a/b:1", "a/b:1:"),
        ("image: a/b:1\n", "a/b:1", "@a"),
        ("image: a/b:1\n", "a/b:1", "a/b:1 # x"),
        ("image: 'a/b:1'\n", "a/b:1", "it's"),
        (f"tag: 1.20@{DIGEST}\n", f"1.20@{DIGEST}", "1.20"),
        (f"tag: 2020-01-01@{DIGEST}\n", f"2020-01-01@{DIGEST}", "2020-01-01"),
    ],
)
def test_anything_else_is_read_as_a_whole(content: str, old: str, new: str) -> None:
    at, edit = _filled(content, old, new)
    assert not is_local(content, at, edit, new)


def test_a_word_must_become_what_the_slot_shall_hold() -> None:
    content = "image: a/b:1\n"
    assert not is_local(content, 7, Edit(12, 12, "x"), PINNED)
    assert not is_local(content, 9, Edit(8, 8, "x"), PINNED)
    assert not is_local(content, 7, Edit(13, 13, f"@{DIGEST}"), PINNED)


@pytest.mark.parametrize("around", ["{} AS x", "FROM {}", "FROM {}\r", "{}"])
def test_a_text_of_words_needs_blanks_around_one(around: str) -> None:
    content = around.format("a/b:1")
    at, edit = _filled(content, "a/b:1", PINNED)
    assert is_local_word(content, at, edit, PINNED)


@pytest.mark.parametrize("around", ["FROM ${{X}}{}", "FROM {}$X", "--from={}", '"{}"', "# {}x,"])
def test_a_part_of_a_word_is_read_as_a_whole(around: str) -> None:
    content = around.format("a/b:1")
    at, edit = _filled(content, "a/b:1", PINNED)
    assert not is_local_word(content, at, edit, PINNED)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_reading_every_sample_as_a_whole_proves_the_same(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Text(sample.path, sample.content)
    places = [item for item in find(text) if isinstance(item, Place) and item.pinnable]
    wanted = [(place, place.reference.with_digest(DIGEST)) for place in places]
    pinned = fill(text, wanted)
    monkeypatch.setattr(splice, "is_local", lambda *_: False)
    monkeypatch.setattr(splice, "is_local_word", lambda *_: False)
    assert fill(text, wanted) == pinned


KEYS = st.sampled_from(
    ["image: ", "- image: ", "  tag: ", "? ", "- ", "x: {image: ", "x: [", "'image': ", ""]
)
QUOTES = st.sampled_from(["", "'", '"'])
WORDS = st.text("ab1.:/@-_+", min_size=1, max_size=6) | st.text("a1:@#{}'\", ", min_size=1, max_size=6)
REST = st.sampled_from(["", "\n", "}\n", "]\n", " # x\n", "\n  more\n", ": y\n", ",\n", "\n- image: c\n"])
BEFORE = st.sampled_from(["", "a: 1\n", "a: |\n", "a: >-\n ", 'a: "\n', "a: '\n", "{\n", "a: [b,\n", "# {\n"])


@given(BEFORE, KEYS, QUOTES, WORDS, WORDS, REST)
def test_what_is_proved_at_a_word_is_proved_by_parsing(
    before: str, key: str, quote: str, old: str, new: str, rest: str
) -> None:
    start = f"{before}{key}{quote}"
    content = f"{start}{old}{quote}{rest}"
    edit = edit_of(Slot(span=Span.plain(len(start), len(start) + len(old)), text=old), new)
    if edit is None or not is_local(content, len(start), edit, new):
        return
    # A format found a scalar that says the old word there, which is what the slot is made of.
    events = [event.scalar for event in _events(content) if event.scalar]
    if any(scalar[2] == old and scalar[0] <= edit.start <= scalar[1] for scalar in events):
        assert _is_proved_by_parsing(content, edit)


def _events(content: str) -> list[splice._Event]:
    try:
        return list(splice._scalars(content))
    except (yaml.YAMLError, ValueError):
        return []
