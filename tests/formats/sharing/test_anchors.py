"""Characters that an alias repeats are pinned only where every use is an image's."""

from __future__ import annotations

import pytest

from formats.reading import pinned, refusals
from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {{origin: {label}}}
spec:
  containers:
  - name: web
    image: &web acme/web:1
    env:
    - name: {name}
      value: {value}
  - name: other
    image: *web
"""


def test_an_alias_at_another_image_is_pinned_and_put_back() -> None:
    content = POD.format(label="x", name="X", value="y")
    after = pinned(content, "pod.yaml")

    assert after == content.replace("acme/web:1", "acme/web:1@DIGEST")


@pytest.mark.parametrize(
    ("label", "name", "value", "path", "line"),
    [
        ("x", "SELF", "*web", "spec.containers[0].env[0].value", 12),
        ("x", "SELF", "&more 1", None, 0),
    ],
)
def test_an_alias_in_the_environment_is_refused_with_its_line(
    label: str, name: str, value: str, path: str | None, line: int
) -> None:
    found = refusals(POD.format(label=label, name=name, value=value), "pod.yaml")

    if path is None:
        assert found == {}
    else:
        assert found == {
            "acme/web:1": f"an alias repeats these characters as something else: {path} (pod.yaml:{line})"
        }


def test_an_alias_in_a_variable_that_names_an_image_is_an_image() -> None:
    content = POD.format(label="x", name="RELATED_IMAGE_web", value="*web")

    assert refusals(content, "pod.yaml") == {}


def test_the_anchor_may_be_the_other_use() -> None:
    content = "services:\n  db:\n    labels: {a: &db 'acme/db:1'}\n    image: *db\n"

    assert refusals(content, "compose.yaml") == {
        "acme/db:1": "an alias repeats these characters as something else: services.db.labels.a (compose.yaml:3)"
    }


def test_an_alias_under_a_label_named_image_is_no_image() -> None:
    content = "services:\n  db:\n    image: &db acme/db:1\n    labels: {image: *db}\n"

    assert list(refusals(content, "compose.yaml")) == ["acme/db:1"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("compose.yaml", "x-db: &db acme/db:1\nservices:\n  a: {image: *db}\n  b: {image: *db}\n"),
        ("compose.yaml", "x-db: &db {image: 'acme/db:1'}\nservices:\n  a:\n    <<: *db\n  b:\n    <<: *db\n"),
        (
            ".gitlab-ci.yml",
            ".images:\n  db: &db acme/db:1\na: {image: *db, script: [x]}\nb: {image: *db, script: [x]}\n",
        ),
        (
            ".circleci/config.yml",
            "version: 2.1\ndb: &db acme/db:1\njobs:\n  a: {docker: [{image: *db}]}\n  b: {docker: [{image: *db}]}\n",
        ),
        (
            "values.yaml",
            "a:\n  image: {repository: acme/db, tag: &v '1'}\nb:\n  image: {repository: acme/db, tag: *v}\n",
        ),
    ],
)
def test_what_only_keeps_an_anchor_is_no_other_use(path: str, content: str) -> None:
    text = Text(path, content)
    places = [item for item in find(text) if isinstance(item, Place)]
    after = pinned(content, path)

    assert refusals(content, path) == {}
    assert after.count("@DIGEST") == 1
    assert fill(text, [(place, place.reference) for place in places]) == content


def test_a_tag_that_a_label_repeats_is_refused() -> None:
    content = "web:\n  image: {repository: acme/web, tag: &v '1.4'}\n  labels:\n    version: *v\n"

    assert refusals(content, "values.yaml") == {
        "acme/web:1.4": "an alias repeats these characters as something else: web.labels.version (values.yaml:4)"
    }


def test_an_alias_of_a_list_item_is_named_with_its_line() -> None:
    content = (
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n"
        "  - image: &web acme/web:1\n    args:\n    - run\n    - *web\n"
    )

    assert refusals(content, "pod.yaml") == {
        "acme/web:1": "an alias repeats these characters as something else: spec.containers[0].args[1] (pod.yaml:8)"
    }


def test_anchors_inside_a_text_are_asked_as_well() -> None:
    content = "app:\n  text: |\n    image: &a acme/web:1\n    label: *a\n"

    assert list(refusals(content, "values.yaml")) == ["acme/web:1"]
