"""Argo CD: every way a source sets an image, in Applications, ApplicationSets and Applications inside."""

from __future__ import annotations

import pytest

from imagelock.formats.syntax.text import Text
from imagelock.formats.values.chart_values import NO_REPOSITORY
from imagelock.formats.values.split_reference import NO_TAG
from support.formats import DIGEST, OLD, pinned, places, reasons, references, unpinned


def text(content: str) -> Text:
    return Text("apps/app.yaml", content)


def application(source: str, key: str = "source") -> Text:
    first, then = ("    ", "    ") if key == "source" else ("  - ", "    ")
    item = "".join(f"{then if i else first}{line}\n" for i, line in enumerate(source.splitlines()))
    return text(
        f"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  {key}:\n{item}"
    )


def test_parameters_of_one_image_are_joined() -> None:
    before = application(
        "repoURL: https://git.example/a\nhelm:\n  parameters:\n"
        "  - {name: web.image.registry, value: quay.io}\n"
        "  - {name: web.image.repository, value: acme/web}\n"
        "  - name: web.image.tag\n    value: '1.2'   # kept\n"
        "  - {name: web.replicas, value: '2'}\n"
        "  - {name: side.image, value: acme/side:1}\n"
    )

    assert references(before) == ["quay.io/acme/web:1.2", "acme/side:1"]
    after = pinned(before)
    assert f"    value: '1.2@{DIGEST}'   # kept\n" in after
    assert unpinned(text(after)) == before.content


def test_a_digest_parameter_is_filled() -> None:
    before = application(
        "repoURL: x\nhelm:\n  parameters:\n  - {name: image.repository, value: acme/web}\n"
        "  - {name: image.tag, value: v1}\n  - {name: image.digest, value: ''}\n"
    )

    assert pinned(before) == before.content.replace(
        "image.digest, value: ''", f"image.digest, value: '{DIGEST}'"
    )


def test_a_tag_alone_and_a_name_alone_are_told() -> None:
    tag = application("repoURL: x\nhelm: {parameters: [{name: image.tag, value: v1}]}")
    (place,) = places(
        application("repoURL: x\nhelm: {parameters: [{name: image.repository, value: acme/web}]}")
    )

    assert reasons(tag) == [("v1", NO_REPOSITORY)]
    assert (place.refusal, place.tag_is_known) == (NO_TAG, False)


@pytest.mark.parametrize("style", ["|", "|-", ">-"])
def test_values_in_a_string_are_pinned_inside_it(style: str) -> None:
    before = application(
        f"repoURL: x\nhelm:\n  values: {style}\n    image:\n      repository: acme/web\n      tag: v1\n\n"
        "    more: {image: 'acme/more:1'}\n"
    )
    if style == ">-":
        before = application(
            "repoURL: x\nhelm:\n  values: >-\n    {image: {repository: acme/web, tag: v1},\n    more: {image: 'acme/more:1'}}\n"
        )

    assert references(before) == ["acme/web:v1", "acme/more:1"]
    assert references(text(pinned(before))) == [f"acme/web:v1@{DIGEST}", f"acme/more:1@{DIGEST}"]
    assert unpinned(text(pinned(before))) == before.content


def test_values_objects_are_read_in_sources() -> None:
    before = application(
        "repoURL: x\nhelm:\n  valuesObject:\n    image: {repository: acme/web, tag: v1}", key="sources"
    )

    assert references(before) == ["acme/web:v1"]
    assert unpinned(text(pinned(before))) == before.content


def test_kustomize_images_are_read_in_every_form() -> None:
    before = application(
        "repoURL: x\nkustomize:\n  images:\n  - acme/one:1\n  - two=acme/two:1\n  - acme/three\n"
        f"  - four=acme/four@{OLD}\n  - five=acme/five:1@{OLD}\n"
    )

    assert references(before) == [
        "acme/one:1",
        "acme/two:1",
        "acme/three",
        f"acme/four@{OLD}",
        f"acme/five:1@{OLD}",
    ]
    assert f"- two=acme/two:1@{DIGEST}\n" in pinned(before)
    assert f"- four=acme/four@{DIGEST}\n" in pinned(before)


def test_an_application_set_is_read_through_its_template() -> None:
    before = text(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  template:\n    spec:\n      source:\n"
        "        repoURL: x\n        helm:\n          values: |\n            image: acme/web:1\n"
        "  templatePatch: |\n    spec:\n      source:\n        repoURL: y\n        helm:\n"
        "          parameters: [{name: image, value: 'acme/patched:1'}]\n"
    )

    assert references(before) == ["acme/web:1", "acme/patched:1"]


def test_a_template_patch_with_control_lines_is_read_and_pinned_around_them() -> None:
    before = text(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  goTemplate: true\n"
        '  templatePatch: |\n    spec:\n      {{- if eq .env "prod" }}\n      source:\n        repoURL: y\n        helm:\n'
        "          parameters:\n          - {name: image, value: 'acme/patched:1'}\n          {{- range .more }}\n"
        "          - name: {{ .name }}\n            value: acme/{{ .name }}\n          {{- end }}\n"
        "          valuesObject:\n            image: acme/web:2\n      {{- end }}\n"
    )

    assert references(before) == ["acme/patched:1", "acme/web:2"]
    assert unpinned(text(pinned(before))) == before.content


def test_an_application_inside_the_values_of_another_is_read_once() -> None:
    before = application(
        "repoURL: x\nhelm:\n  valuesObject:\n    applications:\n      web:\n        source:\n          repoURL: y\n"
        "          helm:\n            parameters: [{name: image, value: 'acme/inner:1'}]\n"
        "            valuesObject: {image: {repository: acme/object, tag: v1}}\n"
        "            values: |\n              image: acme/string:1\n              sidecar: acme/x\n"
    )

    assert sorted(references(before)) == ["acme/inner:1", "acme/object:v1", "acme/string:1"]
    assert unpinned(text(pinned(before))) == before.content


def test_templates_of_an_application_set_are_no_references() -> None:
    before = application(
        "repoURL: x\nhelm:\n  valuesObject:\n    image: {repository: acme/web, tag: '{{tag}}'}"
    )

    assert places(before) == []
    assert reasons(before) == [("acme/web:{{tag}}", "a template")]


@pytest.mark.parametrize(
    "source",
    [
        "repoURL: x\ntargetRevision: v1\npath: image",
        "repoURL: x\nhelm: {valueFiles: [image.yaml]}",
        "repoURL: x\nhelm: {parameters: [{name: image.pullPolicy, value: Always}]}",
        "repoURL: x\nhelm: {parameters: image}",
        "repoURL: x\nhelm: {values: 'image: [broken'}",
        "repoURL: x\nkustomize: {namePrefix: image-}",
    ],
)
def test_what_sets_no_image_gives_none(source: str) -> None:
    assert places(application(source)) == []
