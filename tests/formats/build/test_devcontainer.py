"""devcontainer.json: JSON with comments and commas at the end."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import pinned, places, reasons, references
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Unreadable

PATH = ".devcontainer/devcontainer.json"


def test_comments_and_last_commas_stay_as_they_are() -> None:
    (place,) = places(samples.DEVCONTAINER, PATH)
    assert (str(place.reference), place.line, place.path) == ("quay.io/acme/web:1", 4, "image")
    assert pinned(samples.DEVCONTAINER, PATH) == samples.DEVCONTAINER.replace(
        '"quay.io/acme/web:1"', '"quay.io/acme/web:1@DIGEST"'
    )


@pytest.mark.parametrize(
    "content",
    [
        '{"image": "a/b:1"}',
        '{"image": "a/b:1", /* * ** */}',
        '{"x": "// no comment", "image": "a/b:1" // "',
        '{"x": "\\\\", "y": "\\"//", "z": [1, ], "image": "a/b:1",\n}',
        '\ufeff// first\n{"image": "a/b:1"}',
    ],
)
def test_strings_and_comments_are_told_apart(content: str) -> None:
    wanted = ["a/b:1"] if not content.endswith('// "') else []
    assert references(content, PATH) == wanted


def test_other_keys_and_other_files_are_no_places() -> None:
    content = '{"build": {"image": "a/b:1"}, "features": {"a/b:1": {}}}'
    assert references(content, PATH) == []
    assert references('{"image": "a/b:1"}', "other.json") == []


def test_a_variable_is_told_and_a_broken_file_unreadable() -> None:
    content = '{"image": "a/b:${localEnv:TAG}"}'
    assert reasons(content, PATH) == {"a/b:${localEnv:TAG}": "a variable of the development container"}
    (broken,) = find(Text(PATH, '{"image": // nothing\n}'))
    assert isinstance(broken, Unreadable)
    assert broken.line == 2
