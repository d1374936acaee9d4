"""The one function that finds: which texts are read, in which order, and what is said of the rest."""

from __future__ import annotations

import pytest

from imagelock.formats.all import names
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place, Skipped, Unreadable

POD = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a/b:1}]}\n"


@pytest.mark.parametrize("path", ["a.yaml", "a.yml", "A.YAML", "a.json", "a.txt", "README", "deploy/x.tpl"])
def test_objects_are_known_by_content_and_not_by_name(path: str) -> None:
    assert [item.line for item in find(Text(path, POD)) if isinstance(item, Place)] == [3]


def test_a_text_that_is_nothing_known_gives_nothing() -> None:
    for content in ("", "hello image: a/b:1\n", "def f():\n    image = 'a/b:1'\n", "\x00\x01"):
        assert find(Text("a.py", content)) == []


def test_image_lines_of_a_document_nobody_knows_are_skipped_with_the_reason() -> None:
    found = find(
        Text(
            "a.yaml",
            "web:\n  image: quay.io/acme/web:1 # why\n  'image': \"nginx:1\"\n- image: word\n  image: {{ x }}\n",
        )
    )
    assert [(item.text, item.line) for item in found if isinstance(item, Skipped)] == [
        ("quay.io/acme/web:1", 2),
        ("nginx:1", 3),
        ("{{ x", 5),
    ]
    assert all(item.reason for item in found if isinstance(item, Skipped))


def test_what_is_found_comes_in_the_order_of_the_file() -> None:
    found = find(Text("a.yaml", f"{POD}---\nx:\n  image: c/d:1\n---\n{POD}"))
    assert [item.line for item in found] == sorted(item.line for item in found)
    assert len(found) == 3


def test_forcing_a_format_reads_what_it_would_not_claim() -> None:
    content = "spec:\n  containers:\n  - image: a/b:1\n"
    assert [type(item) for item in find(Text("a.yaml", content))] == [Skipped]
    assert [type(item) for item in find(Text("a.yaml", content), "kubernetes")] == [Place]
    assert [type(item) for item in find(Text("web", "a/b:1\n"), "image-list")] == [Place]
    assert [type(item) for item in find(Text("web", "FROM a/b:1\n"), "dockerfile")] == [Place]
    assert [type(item) for item in find(Text("images.txt", POD), "kubernetes")] == [Place]


def test_every_name_can_be_forced_on_every_text() -> None:
    for name in names():
        for content in ("", POD, "FROM a/b:1\n", "a/b:1\n", "[", "\udcff"):
            find(Text("a", content), name)


def test_a_broken_document_is_told_once_with_its_line() -> None:
    found = find(Text("a.yaml", f"{POD}---\nkind: x\ncontainers: [\n  image: a/b:1\n"))
    unreadable = [item for item in found if isinstance(item, Unreadable)]
    assert len(unreadable) == 1
    assert unreadable[0].line > 4
    assert "not YAML" in unreadable[0].reason


def test_lines_and_columns_count_from_one_in_characters() -> None:
    text = Text("a", "é\n\U0001f600x\r\ny")
    assert [text.position(at) for at in range(7)] == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (2, 4), (3, 1)]
    assert Text("a", "").position(0) == (1, 1)
    assert Text("folder/name.x", "").file_name == "name.x"


MIXED = """\
apiVersion: v1
kind: List
items:
- apiVersion: tekton.dev/v1
  kind: Task
  spec: {steps: [{name: s, image: "quay.io/acme/step:1"}]}
- apiVersion: source.toolkit.fluxcd.io/v1
  kind: OCIRepository
  spec:
    url: oci://ghcr.io/acme/chart
    ref: {tag: "1.0"}
- apiVersion: apps/v1
  kind: Deployment
  spec: {template: {spec: {containers: [{name: c, image: "quay.io/acme/app:1"}]}}}
"""


def test_of_a_list_every_format_reads_its_own_objects_and_none_twice() -> None:
    found = find(Text("list.yaml", MIXED))
    assert [str(item.reference) for item in found if isinstance(item, Place)] == [
        "quay.io/acme/step:1",
        "ghcr.io/acme/chart:1.0",
        "quay.io/acme/app:1",
    ]


SCRIPT = """\
#!/bin/sh
# creates a pod
kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
spec:
  containers:
  - image: quay.io/acme/app:1
EOF
if [ "$x" ]; then echo "y: z"; fi
"""


@pytest.mark.parametrize("path", ["run.sh", "run"])
def test_objects_inside_scripts_are_read(path: str) -> None:
    (place,) = find(Text(path, SCRIPT))
    assert isinstance(place, Place)
    assert (str(place.reference), place.line, place.pinnable) == ("quay.io/acme/app:1", 8, True)


@pytest.mark.parametrize("path", ["docs/pods.md", "x_test.go"])
def test_objects_inside_documentation_and_code_are_reported_and_no_damage(path: str) -> None:
    (skipped,) = find(Text(path, SCRIPT))
    assert isinstance(skipped, Skipped)
    assert (skipped.text, skipped.line) == ("quay.io/acme/app:1", 8)
    assert skipped.reason == "in a text that is not YAML as a whole"


@pytest.mark.parametrize(
    ("path", "begin"),
    [("a.yaml", ""), ("a.yaml", "x: 1\n"), ("a.txt", ""), ("a", "# why\n\n---\n"), ("a.tpl", "\ufeff")],
)
def test_a_broken_text_that_is_yaml_by_its_name_or_begin_is_damage(path: str, begin: str) -> None:
    found = find(Text(path, begin + "kind: Pod\nspec: {containers: [\n"))
    assert any(isinstance(item, Unreadable) for item in found)
