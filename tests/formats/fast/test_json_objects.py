"""JSON read by json itself gives what the parser gives, or is left to it."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from imagelock.formats import scan as formats
from imagelock.formats.all import DOCUMENT_FORMATS
from imagelock.formats.fast.json_objects import quick_json, shallow
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.yaml_text import chunks
from imagelock.model.place import Place

if TYPE_CHECKING:
    from imagelock.model.place import Found

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "annotations": {"text": "an image: of words"}},
    "spec": {
        "initContainers": [{"image": "quay.io/acme/init:1", "name": "i"}],
        "containers": [
            {"name": "a", "image": "quay.io/acme/app:1.0", "env": [{"name": "X", "value": "y"}]},
            {"name": "b", "image": "redis"},
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
    },
    "status": {"containerStatuses": [{"image": "quay.io/acme/app:1.0", "imageID": "x"}]},
}


def _text(value: Any, **more: Any) -> Text:
    return Text("a.json", json.dumps(value, **more))


def _parsed(text: Text, monkeypatch: pytest.MonkeyPatch, *, always: bool = False) -> list[Found]:
    """Read with the parser; ``always`` parses documents without any format's mark too."""
    with monkeypatch.context() as patch:
        # A Pod with a status is a dump; read like any other object it has the hardest keys.
        patch.setattr(formats, "dumped", lambda _text, _chunk: None)
        patch.setattr(formats, "quick_json", lambda _text, _chunk: None)
        patch.setattr(formats, "shallow", lambda _text, _chunk: None)
        if always:
            patch.setattr(formats, "_may_hold_images", lambda _text, _chunk, _formats: True)
        return formats.find(text)


def _quick(text: Text) -> list[Found] | None:
    return quick_json(text, next(chunks(text)))


@pytest.mark.parametrize("more", [{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}])
def test_a_pod_and_a_list_need_no_parser(more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (POD, {"apiVersion": "v1", "kind": "List", "items": [POD, POD]}):
        text = _text(value, **more)
        found = _quick(text)
        assert found is not None
        assert sorted(map(str, found)) == sorted(map(str, _parsed(text, monkeypatch)))
        assert any(isinstance(item, Place) for item in found)


@pytest.mark.parametrize(
    "change",
    [
        '"kind": "Widget"',
        '"kind": "Pod", "kind": "Pod"',
        '"kind": "Pod", "image": "a/b:\\u0031"',
        '"kind": "Pod", "x": "image: a/b:1"',
        '"kind": "Pod", "x": "spec:\\n  image: a/b:1\\n"',
        '"kind": "Pod", "x": "{\\n \\"image\\": \\"a/b:1\\"}"',
        '"kind": "Pod", "x": "RELATED_IMAGE_X"',
        '"kind": "Pod", "containers": [{"image": "a/b:1:2"}]',
        '"kind": "Pod", "containers": [{"image": "{{ x }}"}]',
        '"kind": "Pod", "containers": [{"image": 1.5}]',
        '"kind": "Pod", "containers": [{"image": {}}]',
        '"kind": "Pod", "containers": [{"env": [{"value": "{\\"image\\": \\"a/b:1\\"}"}]}]',
        '"kind": "Pod", "volumes": [{"image": {"reference": "a/b:1"}}]',
        '"kind": "List", "items": [{"apiVersion": "v1", "kind": "Widget"}]',
        '"kind": "List", "items": [{"apiVersion": "acme.com/v1", "kind": "Service"}]',
        '"kind": "Pod", "x": {"baseimage": "a/b:1"}',
        '"kind": "Pod", "x": "a\\u000aimage: a/b:1"',
        '"kind": "Pod", "x": "a\\n\\u0069mage: a/b:1"',
        '"kind": "Pod", "x": "RELATED\\u005fIMAG\\u0045_X"',
        '"kind": "Pod", "": {"containers": [{"image": "a/b:1"}]}',
        '"kind": "Pod", "x": {"image": "a/b:1"}, "y": {"image": "c/d:1"}, "x": {"image": "a/b:1"}',
    ],
)
def test_what_is_not_plain_is_left_to_the_parser(change: str) -> None:
    assert _quick(Text("a.json", f'{{"apiVersion": "v1", {change}, "z": 1}}')) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"sidecars": [{"image": "quay.io/a/b:1"}]},
        {"initContainer": {"image": "quay.io/a/b:1"}},
        {"containers": [], "image": {"repository": "quay.io/a/b", "tag": "1"}},
    ],
)
def test_a_kind_of_another_group_is_left_to_the_parser(
    spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _text({"apiVersion": "acme.com/v1", "kind": "Service", "spec": spec})
    assert _quick(text) is None
    assert formats.find(text) == _parsed(text, monkeypatch, always=True)


def test_a_text_that_is_no_json_is_left_to_the_parser() -> None:
    for content in ("{", '{"kind": "Pod",}', '{"a": NaN} x', "{" + '"a":{' * 5000):
        assert _quick(Text("a.json", content)) is None


def test_what_no_format_reads_is_not_parsed() -> None:
    text = _text(
        {"openapi": "3.0", "containers": "words", "paths": {"/images": {"image": {"type": "string"}}}}
    )
    document = shallow(text, next(chunks(text)))
    assert document is not None
    assert not any(item.claims(document) for item in DOCUMENT_FORMATS)


@pytest.mark.parametrize(
    "value",
    [{"a": {"image": "quay.io/a/b:1"}}, {"a": "x\n  image: quay.io/a/b:1"}, {"a": {"image": "a\\b"}}],
)
def test_what_nobody_reads_and_may_be_an_image_is_told_with_its_line(
    value: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _text({**value, "containers": 1})
    assert shallow(text, next(chunks(text))) is None
    assert formats.find(text) == _parsed(text, monkeypatch)


WORDS = ("image", "containers", "initContainers", "volumes", "env", "value", "spec", "items", "kind", "name")
VALUES = (
    "quay.io/a/b:1",
    "redis",
    "",
    None,
    3,
    True,
    "two words",
    "image: x/y:1",
    "line\n  image: x/y:1\n",
    '{"image": "x/y:1"}',
    "${TAG}",
    'a"b',
    "Pod",
)


def _made(source: random.Random, depth: int) -> Any:
    roll = source.random()
    if depth == 0 or roll < 0.3:
        return source.choice(VALUES)
    if roll < 0.6:
        return [_made(source, depth - 1) for _ in range(source.randrange(3))]
    return {source.choice(WORDS): _made(source, depth - 1) for _ in range(source.randrange(4))}


@pytest.mark.parametrize("seed", range(40))
def test_objects_made_at_random_read_the_same_with_and_without_a_parser(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(seed)
    quick = 0
    for _ in range(60):
        spec = {source.choice(WORDS): _made(source, 5) for _ in range(4)}
        kind = source.choice(("Pod", "ConfigMap", "Deployment", "Widget"))
        head = {"apiVersion": "v1", "kind": kind} if source.random() < 0.8 else {}
        text = _text({**head, "spec": spec}, indent=source.choice((None, 2)))
        is_quick = _quick(text) is not None
        quick += is_quick
        assert formats.find(text) == _parsed(text, monkeypatch, always=is_quick), text.content
    assert quick
