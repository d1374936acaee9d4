"""Lists of mappings edited by whole lines: everything around stays, and what cannot be exact is refused."""

from __future__ import annotations

import pytest
import yaml

from imagelock.errors import FormatError
from imagelock.formats.edit.blocks import edit_lists
from imagelock.formats.edit.list_items import Item, ListEdit
from imagelock.formats.syntax.text import Text

A, B = (Item((("name", name), ("image", f"quay.io/acme/{name}@sha256:1"))) for name in "ab")


def _edited(
    content: str, *, drop: tuple[int, ...] = (), add: tuple[Item, ...] = (A,), document: int = 0
) -> str:
    edit = ListEdit(document=document, way=("spec",), key="list", drop=drop, add=add)
    return edit_lists(Text("a.yaml", content), [edit])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("spec:\n  list:\n  - name: x\n  z: 1\n", "spec:\n  list:\n  - name: x\n  - {A}\n  z: 1\n"),
        ("spec:\n  list:\n    - name: x # why\n", "spec:\n  list:\n    - name: x # why\n    - {A}\n"),
        ("spec:\n  list:\n  -   name: x\n", "spec:\n  list:\n  -   name: x\n  -   {A}\n"),
        ("spec:\n  list: []\n  z: 1\n", "spec:\n  list:\n  - {A}\n  z: 1\n"),
        ("spec:\n  list:\n  z: 1\n", "spec:\n  list:\n  - {A}\n  z: 1\n"),
        ("spec:\n  z: 1\n", "spec:\n  z: 1\n  list:\n  - {A}\n"),
        ("spec:\n  z: 1", "spec:\n  z: 1\n  list:\n  - {A}"),
        ("spec:\n  z:\n    - 1\nmore: 2\n", "spec:\n  z:\n    - 1\n  list:\n    - {A}\nmore: 2\n"),
        ("spec:\n  z: |\n    text\n\nmore: 2\n", "spec:\n  z: |\n    text\n  list:\n  - {A}\n\nmore: 2\n"),
        ("spec:\r\n  z: 1\r\n", "spec:\r\n  z: 1\r\n  list:\r\n  - {A}\r\n"),
    ],
)
def test_an_item_is_added_below_the_last_as_the_file_is_written(before: str, after: str) -> None:
    written = _edited(before)
    column = after[: after.index("{A}")].rpartition("\n")[2].replace("-", " ")
    broken = "\r\n" if "\r\n" in before else "\n"
    assert written == after.replace("{A}", f"name: a{broken}{column}image: quay.io/acme/a@sha256:1")
    assert yaml.safe_load(written)["spec"]["list"][-1] == dict(A.fields)


def test_quotes_are_those_of_the_file() -> None:
    written = _edited("spec:\n  list:\n  - name: 'x'\n    image: \"y\"\n")
    assert written.endswith("  - name: 'a'\n    image: \"quay.io/acme/a@sha256:1\"\n")


def test_what_yaml_would_not_read_as_text_is_quoted() -> None:
    item = Item((("name", "2020-01-01"), ("image", "x")))
    assert _edited("spec:\n  list:\n  - name: x\n", add=(item,)).endswith(
        "- name: '2020-01-01'\n    image: x\n"
    )


def test_items_go_with_their_tag_comment_and_every_other_line_stays() -> None:
    before = "# head\nspec:\n  list:\n  # first\n  - name: x\n    # tag: q/x:1\n  # second\n  - name: y\n  - name: z\n"
    assert (
        _edited(before, drop=(0, 2), add=()) == "# head\nspec:\n  list:\n  # first\n  # second\n  - name: y\n"
    )


def test_a_list_is_written_anew_where_it_stands() -> None:
    before = "spec:\n  list:\n    - image: old\n      name: ''\n  z: 1 # kept\n"
    assert _edited(before, drop=(0,), add=(A, B)) == (
        "spec:\n  list:\n    - name: 'a'\n      image: quay.io/acme/a@sha256:1\n"
        "    - name: 'b'\n      image: quay.io/acme/b@sha256:1\n  z: 1 # kept\n"
    )


def test_where_only_values_differ_only_these_are_written() -> None:
    before = "spec:\n  list: [{image: 'quay.io/acme/a@sha256:0', name: a}] # flow\n"
    assert _edited(before, drop=(0,)) == before.replace("sha256:0", "sha256:1")


FLOW_A = '{name: "a", image: "quay.io/acme/a@sha256:1"}'
JSON_A = FLOW_A.replace("name:", '"name":').replace("image:", '"image":')


@pytest.mark.parametrize(
    ("before", "drop", "after"),
    [
        ("spec: {z: 1}\n", (), f"spec: {{z: 1, list: [{FLOW_A}]}}\n"),
        ("spec: {}\n", (), f"spec: {{list: [{FLOW_A}]}}\n"),
        (
            "spec: {list: [{name: x}, {name: y}], z: 1}\n",
            (0,),
            f"spec: {{list: [{{name: y}}, {FLOW_A}], z: 1}}\n",
        ),
        ("spec: {list: [], z: 1} # kept\n", (), f"spec: {{list: [{FLOW_A}], z: 1}} # kept\n"),
        (
            "spec:\n  list: [{name: x, valueFrom: {a: b}}, {name: y}] # kept\n  z: 1\n",
            (1,),
            "spec:\n  list: # kept\n  - {name: x, valueFrom: {a: b}}\n  - name: a\n    image: quay.io/acme/a@sha256:1\n  z: 1\n",
        ),
        (
            "spec:\n  list: [\n    {name: x},\n  ]\n",
            (0,),
            "spec:\n  list:\n  - name: a\n    image: quay.io/acme/a@sha256:1\n",
        ),
        ('{"spec": {"list": [{"name": "x"}]}}\n', (0,), f'{{"spec": {{"list": [{JSON_A}]}}}}\n'),
        ('{"spec": {"z": 1}}', (), f'{{"spec": {{"z": 1, "list": [{JSON_A}]}}}}'),
        (
            '{\n    "spec": {\n        "z": 1\n    }\n}\n',
            (),
            (
                '{\n    "spec": {\n        "z": 1,\n        "list": [\n            {\n                "name": "a",\n'
                '                "image": "quay.io/acme/a@sha256:1"\n            }\n        ]\n    }\n}\n'
            ),
        ),
        (
            '{\n\t"spec": {\n\t\t"list": [\n\t\t\t{\n\t\t\t\t"name": "x"\n\t\t\t}\n\t\t]\n\t}\n}\n',
            (),
            (
                '{\n\t"spec": {\n\t\t"list": [\n\t\t\t{\n\t\t\t\t"name": "x"\n\t\t\t},\n\t\t\t{\n\t\t\t\t"name": "a",\n'
                '\t\t\t\t"image": "quay.io/acme/a@sha256:1"\n\t\t\t}\n\t\t]\n\t}\n}\n'
            ),
        ),
    ],
)
def test_lists_between_brackets_are_written_again(before: str, drop: tuple[int, ...], after: str) -> None:
    assert _edited(before, drop=drop) == after


def test_a_list_that_would_become_empty_between_brackets_is_refused() -> None:
    with pytest.raises(FormatError):
        _edited("spec: {list: [{name: x}]}\n", drop=(0,), add=())


def test_the_other_documents_of_a_stream_stay() -> None:
    before = "spec: {broken\n---\nspec:\n  z: 1\n---\nlast: true\n"
    assert _edited(before, document=1).startswith("spec: {broken\n---\nspec:\n  z: 1\n  list:\n")
    assert _edited(before, document=1).endswith("---\nlast: true\n")


@pytest.mark.parametrize(
    "content",
    [
        "spec:\n  z: |+\n    text\n\n\n",
        "spec: 1\n",
        "other: 1\n",
        "",
    ],
)
def test_what_cannot_be_exact_is_refused(content: str) -> None:
    with pytest.raises(FormatError):
        _edited(content)
