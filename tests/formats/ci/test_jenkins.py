"""Jenkinsfiles: what is code, and what only looks like it."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import pinned, reasons, references

PATH = "Jenkinsfile"


def test_agents_steps_and_pod_templates_are_read() -> None:
    assert references(samples.JENKINSFILE, PATH) == [
        "quay.io/acme/web:1",
        "quay.io/acme/one:1",
        "quay.io/acme/two:1",
        "quay.io/acme/three:1",
        "quay.io/acme/four:1",
        "quay.io/acme/five:1",
    ]
    assert reasons(samples.JENKINSFILE, PATH) == {
        "quay.io/acme/built:1": "an image that the pipeline builds and pushes",
        "quay.io/acme/later:${TAG}": "put together when the pipeline runs",
        "quay.io/acme/other:1": "the name of an image that is built here",
        "quay.io/acme/said:1": "an image at a place that no format reads",
    }


@pytest.mark.parametrize(
    "path", ["Jenkinsfile", "Jenkinsfile.release", "build.jenkinsfile", "ci/nightly-Jenkinsfile"]
)
def test_files_are_known_by_name(path: str) -> None:
    assert references("agent { docker { image 'a/b:1' } }\n", path) == ["a/b:1"]


def test_groovy_elsewhere_is_read_where_a_tag_shows_that_it_is_an_image() -> None:
    assert references("agent { docker { image 'a/b:1' } }\n", "build.groovy") == ["a/b:1"]
    assert references("image 'a/b'\n", "build.groovy") == []


@pytest.mark.parametrize(
    "code",
    [
        "// image 'a/b:1'",
        "/* docker.image('a/b:1') */",
        "sh 'docker run --image \"a/b:1\"'",
        'echo "image \\"a/b:1\\""',
        "sh '''\n  docker pull a/b:1\n'''",
        "tools { docker 'latest' }",
        "docker.build('a/b:1')",
        "image 'unclosed\n",
        "thumbnail 'a/b:1'",
        "url = 'http://a/b' // image: 'a/b:1'",
    ],
)
def test_texts_comments_and_other_words_are_no_images(code: str) -> None:
    assert references(f"{code}\n", PATH) == []


@pytest.mark.parametrize(
    "code",
    [
        "docker.image('a/b:1').inside {}",
        'docker.image( "a/b:1" ).withRun {}',
        "containerTemplate(image:'a/b:1')",
        'image  "a/b:1"',
        'yaml """\n  - image: a/b:1\n"""',
        "x = 'it\\'s'; image 'a/b:1'",
        "'''image''' // '\nimage 'a/b:1'",
    ],
)
def test_only_the_characters_of_the_image_change(code: str) -> None:
    content = f"{code}\r\n"
    assert pinned(content, PATH) == content.replace("a/b:1", "a/b:1@DIGEST")
    assert "@DIGEST" in pinned(content, PATH)
