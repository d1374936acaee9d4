"""Texts inside texts: found and pinned where they stand, quoting and folding intact."""

from __future__ import annotations

import json

import pytest
import yaml

from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.limits import TEXT_NESTING
from imagelock.model.digest import Digest
from imagelock.model.place import Place

DIGEST = Digest.of(b"an image")
PINNED = f"quay.io/acme/web:1@{DIGEST}"


def _yaml(value: str) -> str:
    return f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - env:\n    - name: X\n      value: {value}\n"


def _places(text: Text) -> list[Place]:
    return [item for item in find(text) if isinstance(item, Place)]


def _pin(content: str, path: str = "a.yaml") -> str:
    text = Text(path, content)
    return fill(text, [(place, place.reference.with_digest(DIGEST)) for place in _places(text)])


@pytest.mark.parametrize(
    "value",
    [
        """'{"image": "quay.io/acme/web:1"}'""",
        '''"{\\"image\\": \\"quay.io/acme/web:1\\"}"''',
        '''"{\\"image\\": \\"quay.io\\\\/acme\\\\/web:1\\"}"''',
        '''"{\\"image\\":\\n\\t\\"\\x71uay.io/acme/web:1\\"}"''',
        """|\n        {"image":\n          "quay.io/acme/web:1"}""",
        """>-\n        {"image":\n        "quay.io/acme/web:1"}""",
        """'{"image":\n        "quay.io/acme/web:1"}'""",
        '''"{\\"image\\": \\"quay.io/acme\\\n        /web:1\\"}"''',
        """&a !!str '{"image": "quay.io/acme/web:1"}'""",
        """'[{"a": {"image": "quay.io/acme/web:1"}, "it''s": 1}]'""",
    ],
)
def test_json_in_a_scalar_is_pinned_where_it_stands(value: str) -> None:
    content = _yaml(value)
    pinned = _pin(content)
    inner = yaml.safe_load(pinned)["spec"]["containers"][0]["env"][0]["value"]
    assert json.dumps(json.loads(inner)).count(PINNED) == 1
    # Only the digest came in: taken away, the file is as it was.
    assert pinned.replace(f"@{DIGEST}", "") == content


def _nest(depth: int) -> str:
    text = json.dumps({"image": "quay.io/acme/web:1"})
    for _ in range(depth - 1):
        text = json.dumps({"more": text})
    return text


@pytest.mark.parametrize("depth", range(1, TEXT_NESTING + 1))
def test_json_in_json_is_pinned(depth: int) -> None:
    content = _yaml(yaml.dump(_nest(depth), default_style='"', width=30).strip().replace("\n", "\n       "))
    (place,) = _places(Text("a.yaml", content))
    assert place.path.count(" > ") == depth
    value = yaml.safe_load(_pin(content))["spec"]["containers"][0]["env"][0]["value"]
    for _ in range(depth - 1):
        value = json.loads(value)["more"]
    assert json.loads(value) == {"image": PINNED}


def test_texts_nested_deeper_are_not_read() -> None:
    assert _places(Text("a.yaml", _yaml(f"'{_nest(TEXT_NESTING + 1)}'"))) == []


def test_json_in_a_json_file_is_pinned() -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {
            "containers": [{"env": [{"name": "X", "value": json.dumps({"image": "quay.io/acme/web:1"})}]}]
        },
    }
    for content in (json.dumps(document), json.dumps(document, indent="\t")):
        pinned = json.loads(_pin(content, "a.json"))
        assert json.loads(pinned["spec"]["containers"][0]["env"][0]["value"]) == {"image": PINNED}


def test_several_images_of_one_text_are_pinned_together() -> None:
    content = _yaml("""'[{"image": "a/b:1"}, {"image": "c/d:1"}, {"image": "a/b:1"}]'""")
    assert len(_places(Text("a.yaml", content))) == 3
    assert _pin(content).count(str(DIGEST)) == 3


def test_a_text_that_cannot_be_followed_is_shown_and_never_edited() -> None:
    content = _yaml("""'{"image": "a/b:1",\x85 "it''s": [{"image": "c/d:1"}]}'""")
    places = _places(Text("a.yaml", content))
    assert [str(place.reference) for place in places] == ["a/b:1", "c/d:1"]
    assert not any(place.pinnable for place in places)
    assert all(place.refusal for place in places)
    assert _pin(content) == content


@pytest.mark.parametrize(
    "value", ["'{\"image\": '", "'{image}'", "'[1, 2'", '\'see {"image": "a/b:1"}\'', "'\"a/b:1\"'"]
)
def test_prose_with_braces_is_no_document(value: str) -> None:
    assert _places(Text("a.yaml", _yaml(value))) == []
