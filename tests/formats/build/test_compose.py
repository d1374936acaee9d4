"""Compose files: which images a project runs, and where their digests go."""

from __future__ import annotations

import pytest

from formats.reading import damage, pinned, reasons, references, refusals

PATH = "compose.yaml"


def _service(image: str) -> str:
    return f"services:\n  web:\n    image: {image}\n"


@pytest.mark.parametrize(
    ("image", "reference", "after"),
    [
        ("nginx:1.2", "nginx:1.2", "nginx:1.2@DIGEST"),
        ("nginx:${TAG:-1.2}", "nginx:1.2", "nginx:${TAG:-1.2@DIGEST}"),
        ("nginx:${TAG-1.2}", "nginx:1.2", "nginx:${TAG-1.2@DIGEST}"),
        ("${IMG:-nginx:1}", "nginx:1", "${IMG:-nginx:1@DIGEST}"),
        ("${IMG:-nginx}", "nginx", "${IMG:-nginx@DIGEST}"),
        ('"${R:-quay.io}/a/b:1"', "quay.io/a/b:1", '"${R:-quay.io}/a/b:1@DIGEST"'),
        ("${R:-quay.io/}a/b:1", "quay.io/a/b:1", "${R:-quay.io/}a/b:1@DIGEST"),
        ("${A:-${B:-nginx:1}}", "nginx:1", "${A:-${B:-nginx:1@DIGEST}}"),
        ("${A:-nginx:${T:-1}}", "nginx:1", "${A:-nginx:${T:-1@DIGEST}}"),
        ("nginx:1.${MINOR:-25}", "nginx:1.25", "nginx:1.${MINOR:-25@DIGEST}"),
        ("a:${TAG:-1@sha256:" + "0" * 64 + "}", "a:1@sha256:" + "0" * 64, "a:${TAG:-1@DIGEST}"),
    ],
)
def test_the_digest_goes_where_the_end_of_the_reference_is_written(
    image: str, reference: str, after: str
) -> None:
    assert references(_service(image), PATH) == [reference]
    assert pinned(_service(image), PATH) == _service(after)


@pytest.mark.parametrize("image", ["${NAME:-nginx}:1", "node:${V:-20}-alpine", "${N:-a}:${T:-1}"])
def test_a_variable_before_the_end_is_found_and_not_pinned(image: str) -> None:
    (refusal,) = refusals(_service(image), PATH).values()
    assert refusal is not None
    assert "another value of a variable" in refusal
    assert pinned(_service(image), PATH) == _service(image)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("$IMAGE", "the variable IMAGE has no default"),
        ("nginx:${TAG}", "the variable TAG has no default"),
        ("nginx:${TAG:?set it}", "a form that has no default"),
        ("nginx:${TAG:+1}", "a form that has no default"),
        ("a$$b:1", "a form that has no default"),
        ('"nginx:${TAG:-1"', "not closed"),
        ("Nginx:${TAG:-1}", "lower case"),
        ("a/${B:-" * 9 + "x" + "}" * 9, "a form that has no default"),
    ],
)
def test_what_no_default_completes_is_skipped_with_the_reason(image: str, reason: str) -> None:
    assert references(_service(image), PATH) == []
    (given,) = reasons(_service(image), PATH).values()
    assert reason in given
    assert damage(_service(image), PATH) == []


def test_an_image_that_the_file_builds_is_no_reference() -> None:
    content = "services:\n  web:\n    image: acme/web:1\n    build: .\n"
    assert references(content, PATH) == []
    assert reasons(content, PATH) == {"acme/web:1": "the name given to an image that is built here"}


@pytest.mark.parametrize("build", ["", " null", " ~"])
def test_an_empty_build_builds_nothing(build: str) -> None:
    assert references(f"services:\n  web:\n    image: a/b:1\n    build:{build}\n", PATH) == ["a/b:1"]


def test_an_extension_is_edited_once_at_its_anchor() -> None:
    content = "x-a: &a {image: a/b:1}\nservices:\n  one: {<<: *a}\n  two: {<<: [*a]}\n  three: {<<: *a, image: c:1}\n"
    assert references(content, PATH) == ["a/b:1", "c:1"]
    assert pinned(content, PATH).count("@DIGEST") == 2


def test_an_extension_that_no_service_uses_is_told() -> None:
    content = "x-a: {image: a/b:1}\nservices:\n  one: {image: c:1}\n"
    assert references(content, PATH) == ["c:1"]
    assert list(reasons(content, PATH)) == ["a/b:1"]


def test_build_contexts_and_image_mounts_are_read() -> None:
    content = (
        "services:\n  a:\n    build:\n      additional_contexts:\n        x: docker-image://a/b:1\n"
        "        y: ../src\n        z: docker-image://\n  b:\n    build:\n      additional_contexts:\n"
        "      - x=docker-image://c/d:2\n      - y=https://example.org\n    volumes:\n"
        "    - {type: image, source: e/f:3}\n    - {type: bind, source: g/h:4}\n    - i/j:5\n"
    )
    assert references(content, PATH) == ["a/b:1", "c/d:2", "e/f:3"]
    assert "docker-image://a/b:1@DIGEST" in pinned(content, PATH)
    assert "x=docker-image://c/d:2@DIGEST" in pinned(content, PATH)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("conf.yaml", "services:\n  web:\n    image: {repository: a/b, tag: '1'}\n"),
        ("conf.yaml", "services: [a, b]\nimage: x\n"),
        ("conf.yaml", "services:\n  web: {image: a/b:1}\nother: 1\n"),
        ("conf.yaml", "services:\n  web: {owner: me}\n"),
        ("conf.yaml", "services:\n  web: text\n"),
        ("conf.yaml", "services:\n"),
    ],
)
def test_other_documents_with_services_are_no_compose_files(path: str, content: str) -> None:
    assert references(content, path) == []


def test_a_file_named_compose_may_have_keys_nobody_knows() -> None:
    content = "services:\n  web: {image: a/b:1}\nother: 1\n"
    assert references(content, "docker-compose.prod.yml") == ["a/b:1"]


def test_json_and_quoted_keys_are_read() -> None:
    assert references('{"services": {"web": {"image": "a/b:${T:-1}"}}}', "x.json") == ["a/b:1"]
    assert references("'services':\n  web: {image: a/b:1}\n", "x.yaml") == ["a/b:1"]


def test_a_default_written_with_escapes_is_pinned_inside_them() -> None:
    content = 'services:\n  web:\n    image: "nginx:${TAG:-\\x31.2}"\n'
    assert references(content, PATH) == ["nginx:1.2"]
    assert pinned(content, PATH) == content.replace("1.2}", "1.2@DIGEST}")
