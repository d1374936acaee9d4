"""The splice: the smallest edit, proved by reading again, refused when it cannot be exact."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelock.errors import FormatError
from imagelock.formats.edit.edits import Edit, edit_of
from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Place, Slot, Span
from imagelock.model.reference import Reference

DIGEST, OTHER = Digest.of(b"an image"), Digest.of(b"another image")
POD = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: a/b:1"


def _places(text: Text) -> list[Place]:
    return [item for item in find(text) if isinstance(item, Place)]


def _slot(content: str, written: str, text: str | None = None) -> Slot:
    at = content.index(written)
    return Slot(span=Span.plain(at, at + len(written)), text=written if text is None else text)


@given(st.text("ab:@", max_size=8), st.text("ab:@", max_size=8), st.text("x", max_size=2))
def test_an_edit_replaces_only_what_differs(old: str, new: str, before: str) -> None:
    content = before + old + "x"
    edit = edit_of(Slot(span=Span.plain(len(before), len(before) + len(old)), text=old), new)
    if edit is None:
        assert old == new
        return
    assert content[: edit.start] + edit.words + content[edit.end :] == before + new + "x"
    # What is inserted before the first character takes it along: nothing stands there to be inserted behind.
    if old and new.endswith(old) and new[0] != old[0]:
        assert (edit.start, edit.end, edit.words) == (
            len(before),
            len(before) + 1,
            new[: len(new) - len(old) + 1],
        )
        return
    removed = content[edit.start : edit.end]
    assert not (removed and edit.words and (removed[0] == edit.words[0] or removed[-1] == edit.words[-1]))


def test_an_insertion_stands_right_behind_the_character_before_it() -> None:
    # The value goes on in the next line: what is inserted must not.
    slot = Slot(span=Span((0, 1, 6), (1, 2, 7), 0), text="abc")
    assert edit_of(slot, "abXc") == Edit(2, 2, "X")
    assert edit_of(Slot(span=Span.plain(4, 4), text=""), "x") == Edit(4, 4, "x")


@pytest.mark.parametrize("end", ["", "\n", "\r\n", " # comment\n", "\n...\n", "\n---\nx: 1\n"])
def test_the_last_place_of_a_file_is_proved_like_any_other(end: str) -> None:
    text = Text("a.yaml", POD + end)
    (place,) = _places(text)
    assert fill(text, [(place, place.reference.with_digest(DIGEST))]) == f"{POD}@{DIGEST}{end}"


def test_an_insertion_at_the_very_end_is_proved_too() -> None:
    content = f"{POD}\nz: [a]"
    text = Text("a.yaml", content)
    (place,) = _places(text)
    slot = Slot(span=Span.plain(len(content), len(content)), text="")
    with pytest.raises(FormatError, match="does not read back"):
        fill(text, [(replace(place, slots=(slot,)), Reference.parse("x"))])


@pytest.mark.parametrize("written", [":", "\n  ", "- ", "#", "apiVersion: v1\nkind"])
def test_an_edit_that_changes_more_than_its_scalar_is_refused(written: str) -> None:
    content = POD + " # comment\n"
    text = Text("a.yaml", content)
    (place,) = _places(text)
    wrong = replace(place, slots=(_slot(content, written),))
    with pytest.raises(FormatError, match="does not read back") as refusal:
        fill(text, [(wrong, Reference.parse("x/y:1"))])
    assert refusal.value.where == "a.yaml"
    assert refusal.value.line >= 1


def test_two_edits_of_one_place_that_disagree_are_refused() -> None:
    text = Text("a.yaml", POD)
    (place,) = _places(text)
    pairs = [(place, place.reference.with_digest(digest)) for digest in (DIGEST, OTHER)]
    with pytest.raises(FormatError, match="two edits of one place contradict each other"):
        fill(text, pairs)
    assert fill(text, [pairs[0], pairs[0]]) == f"{POD}@{DIGEST}"


@pytest.mark.parametrize(
    ("path", "content"), [("images.txt", "a/b:1\nc/d:1\n"), ("Dockerfile", "FROM a/b:1\nFROM c/d:1\n")]
)
def test_a_list_or_dockerfile_is_proved_by_finding_again(path: str, content: str) -> None:
    text = Text(path, content)
    first, second = _places(text)
    wrong = replace(first, slots=(replace(first.slots[0], span=Span.plain(1, 1), text=""),))
    with pytest.raises(FormatError, match="does not read back"):
        fill(text, [(wrong, Reference.parse("x"))])
    pinned = fill(text, [(second, second.reference.with_digest(DIGEST))])
    assert pinned == content.replace("c/d:1", f"c/d:1@{DIGEST}")


def test_nothing_wanted_is_nothing_changed() -> None:
    for path in ("a.yaml", "images.txt", "Dockerfile", "none"):
        assert fill(Text(path, POD), []) == POD


def test_documents_before_and_behind_an_edit_may_be_broken() -> None:
    content = f"kind: [\ncontainers: 1\n---\n{POD}\n---\n}}{{\ncontainers: 1\n---\n{POD}\n"
    text = Text("a.yaml", content)
    pinned = fill(text, [(place, place.reference.with_digest(DIGEST)) for place in _places(text)])
    assert pinned == content.replace("a/b:1", f"a/b:1@{DIGEST}")


def test_a_forced_format_is_proved_by_its_own_reader() -> None:
    content = "spec:\n  containers:\n  - image: a/b:1\n"
    text = Text("no suffix", content)
    places = [item for item in find(text, "kubernetes") if isinstance(item, Place)]
    assert (
        fill(text, [(place, place.reference.with_digest(DIGEST)) for place in places]).count(str(DIGEST)) == 1
    )


def test_names_and_digests_are_replaced_as_they_are_asked_for() -> None:
    text = Text("a.yaml", f"{POD}@{OTHER}\n")
    (place,) = _places(text)
    for wanted in (
        place.reference.with_digest(DIGEST),
        place.reference.with_digest(DIGEST, keep_tag=False),
        place.reference.with_tag("1"),
        place.reference.with_tag(None),
    ):
        after = Text("a.yaml", fill(text, [(place, wanted)]))
        assert [item.reference for item in _places(after)] == [wanted]


_REFERENCES = st.sampled_from(
    [
        "nginx",
        "nginx:1.27",
        "quay.io/acme/web:v1",
        "localhost:5000/a/b",
        "a/b_c:1-x",
        f"quay.io/acme/web:1@{OTHER}",
        "0:1",
        "1e3",
        "null/x",
        "y",
    ]
)
_SCALARS = st.one_of(
    _REFERENCES,
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=12),
    st.sampled_from(["{{ x }}", "${X}", "a\nb", "#x", "- y"]),
)
_ENV = st.builds(
    lambda name, value: {"name": name, "value": value},
    st.sampled_from(["RELATED_IMAGE_x", "IMAGE_default_y", "OTHER"]),
    st.one_of(_SCALARS, _REFERENCES.map('{{"image": "{}", "x": "é"}}'.format)),
)
_CONTAINER = st.fixed_dictionaries(
    {"image": _SCALARS}, optional={"env": st.lists(_ENV, max_size=3), "name": _SCALARS}
)
_SPEC = st.fixed_dictionaries(
    {},
    optional={
        "containers": st.lists(_CONTAINER, max_size=4),
        "initContainers": st.lists(_CONTAINER, max_size=2),
    },
)
_OBJECT = st.builds(
    lambda spec, more: {"apiVersion": "v1", "kind": "Pod", "more": more, "spec": spec}, _SPEC, _SCALARS
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(_OBJECT, min_size=1, max_size=3),
    st.sampled_from([None, "'", '"', "|", ">"]),
    st.sampled_from([True, False, None]),
    st.integers(10, 90),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\ufeff", "# head\n"]),
)
def test_random_documents_are_pinned_and_nothing_else(
    objects: list[object],
    style: str | None,
    flow: bool | None,  # noqa: FBT001 - drawn
    width: int,
    line_break: str,
    start: str,
) -> None:
    content = start + yaml.dump_all(
        objects,
        default_style=style,
        default_flow_style=flow,
        width=width,
        line_break=line_break,
        sort_keys=False,
    )
    text = Text("a.yaml", content)
    places = [place for place in _places(text) if place.pinnable]
    wanted = [(place, place.reference.with_digest(DIGEST)) for place in places]
    pinned = Text("a.yaml", fill(text, wanted))
    after = [place for place in _places(pinned) if place.pinnable]
    assert [(place.path, place.document) for place in after] == [
        (place.path, place.document) for place in places
    ]
    assert [place.reference for place in after] == [new for _, new in wanted]
    before_values = list(yaml.safe_load_all(content.removeprefix("\ufeff")))
    after_values = list(yaml.safe_load_all(pinned.content.removeprefix("\ufeff")))
    assert _without_digests(after_values) == _without_digests(before_values)
    assert fill(pinned, [(place, old.reference) for place, old in zip(after, places, strict=True)]) == content


def _without_digests(values: list[object]) -> str:
    return repr(values).replace(f"@{DIGEST}", "").replace(f"@{OTHER}", "")
