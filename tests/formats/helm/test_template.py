"""Templates: literal images are places, what an action makes is told, nothing else is touched."""

from __future__ import annotations

import pytest

from imagelock.formats.helm.template import ACTION, INSIDE_TEXT, NOT_ALONE
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from support.formats import DIGEST, pinned, places, reasons, references, unpinned

START = "{{- if .Values.on }}\n"


def text(content: str, path: str = "web/templates/pod.yaml") -> Text:
    return Text(path, START + content)


@pytest.mark.parametrize(
    "line",
    [
        "image: acme/web:1",
        "- image: acme/web:1",
        "      - - image: acme/web:1",
        'image: "acme/web:1"',
        "image: 'acme/web:1'   # kept",
        '"image": "acme/web:1"',
        "image:\tacme/web:1",
        "image: acme/web:1\r",
        "  image:    acme/web:1  ",
    ],
)
def test_a_literal_alone_on_its_line_is_pinned_and_put_back(line: str) -> None:
    before = text(f"spec:\n{line}\n  imagePullPolicy: Always\n{{{{- end }}}}\n")

    assert references(before) == ["acme/web:1"]
    after = Text(before.path, pinned(before))
    assert after.content == before.content.replace("acme/web:1", f"acme/web:1@{DIGEST}")
    assert unpinned(after) == before.content


def test_related_images_in_the_environment_are_places() -> None:
    env = "env:\n- name: RELATED_IMAGE_a\n  value: acme/a:1\n- name: B\n  value: acme/b:1\n"

    assert references(text(env)) == ["acme/a:1"]


@pytest.mark.parametrize(
    "value",
    [
        "{{ .Values.image }}",
        '"{{ .Values.image.repository }}:{{ .Values.image.tag }}"',
        "acme/web:{{ .Chart.AppVersion }}",
    ],
)
def test_what_an_action_puts_together_is_told(value: str) -> None:
    before = text(f"image: {value}\n")

    assert places(before) == []
    assert reasons(before) == [(value, ACTION)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("data:\n  x: |\n    image: acme/web:1\n", INSIDE_TEXT),
        ("- >-\n  a\n   image: acme/web:1\n", INSIDE_TEXT),
        ("- {name: a, image: acme/web:1}\n", NOT_ALONE),
    ],
)
def test_an_image_at_another_place_is_told(content: str, reason: str) -> None:
    assert places(text(content)) == []
    assert reasons(text(content)) == [("acme/web:1", reason)]


@pytest.mark.parametrize(
    "content",
    [
        "# image: acme/web:1\n",
        "{{/* image: acme/web:1 */}}\n",
        "{{/*\nimage: acme/web:1\n*/}}\n",
        "{{- $x := dict\n  image: acme/web:1\n}}\n",
        'text: "begins\n  image: acme/web:1\n  ends"\n',
        "image:\n  repository: x\n",
        "image: &anchor acme/web:1\n",
        "image: *alias\n",
        "image: |\n  acme/web:1\n",
        "image: a b\n",
        "image: logo.png\n",
        "backgroundImage: acme/web:1\n",
        "imagePullPolicy: Always\n",
    ],
)
def test_what_is_no_plain_literal_is_not_taken(content: str) -> None:
    assert places(text(content)) == []


def test_a_block_ends_where_its_indentation_ends() -> None:
    content = "a:\n  text: |\n    one\n\n  {{ .Values.x }}\n    image: acme/no:1\n  image: acme/web:1\n"

    assert references(text(content)) == ["acme/web:1"]


@pytest.mark.parametrize(
    ("path", "content", "is_template"),
    [
        ("templates/a.yaml", "{{ .Values.x }}\nimage: a/b:1\n", True),
        ("chart/templates/tests/a.yml", '{{- include "x" . }}\nimage: a/b:1\n', True),
        ("chart/_helpers.tpl", '{{ define "x" }}\nimage: a/b:1\n{{ end }}\n', True),
        ("templates/a.yaml", "image: a/b:1\n", False),
        ("templates/a.yaml", "x: '{{ jinja }}'\nimage: a/b:1\n", False),
        ("templates/NOTES.txt", "{{ .Values.x }}\nimage: a/b:1\n", False),
        ("other/a.yaml", "# {{ .Values.x }}\nimage: a/b:1\n", False),
    ],
)
def test_a_template_is_known_by_its_folder_and_its_actions(
    path: str, content: str, *, is_template: bool
) -> None:
    assert [place.format for place in places(Text(path, content))] == (
        ["helm-template"] if is_template else []
    )


def test_an_action_without_an_end_takes_the_rest() -> None:
    assert places(text("{{ " * 1000 + "\nimage: acme/web:1\n")) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "piece", ["{{", "{{ .V }}", "image: ", 'a: "b\n', "a: |\n", "- ", " ", "| ", "image: a/b:1\n"]
)
def test_hostile_templates_cost_what_was_typed(piece: str) -> None:
    assert len(find(text(piece * 20_000))) <= 20_000


def test_containers_in_one_line_are_read_as_a_document() -> None:
    before = text("containers: [{name: a, image: acme/web:1}]\n")

    assert [str(item.reference) for item in places(before)] == ["acme/web:1"]
    assert reasons(before) == []
