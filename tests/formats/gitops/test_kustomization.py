"""Kustomizations: entries with newTag and digest, patches in place, and what kustomize makes of pinned ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.formats.gitops.kustomization import RENAMED
from imagelock.formats.syntax.text import Text
from imagelock.formats.values.split_reference import NULL_DIGEST
from support import peers
from support.formats import DIGEST, OLD, pinned, places, reasons, references, unpinned
from support.helm import provide_kustomize

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
ENTRIES = """\
images:
- name: nginx
  newTag: "1.27"   # the release
- name: app
  newName: quay.io/acme/app
  newTag: v1
- name: keyed
  newTag: v2
  digest: ""
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: pod}
spec:
  containers:
  - {name: a, image: nginx}
  - {name: b, image: app}
  - {name: c, image: "keyed:old"}
"""


def text(content: str, path: str = "kustomization.yaml") -> Text:
    return Text(path, content)


@pytest.mark.parametrize("head", [HEAD, HEAD.replace("Kustomization", "Component"), ""])
def test_entries_are_found_pinned_and_put_back(head: str) -> None:
    content = head + ENTRIES

    assert references(text(content)) == ["nginx:1.27", "quay.io/acme/app:v1", "keyed:v2"]
    after = pinned(text(content))
    assert f'  newTag: "1.27@{DIGEST}"   # the release\n' in after
    assert f'  newTag: v2\n  digest: "{DIGEST}"\n' in after
    assert pinned(text(after)) == after
    assert unpinned(text(after)) == content


def test_kustomize_takes_what_pinning_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both forms, the digest behind the tag and in a key of its own, reach the pod."""
    if not provide_kustomize(monkeypatch):
        return
    (tmp_path / "pod.yaml").write_text(POD)
    (tmp_path / "kustomization.yaml").write_text(pinned(text(f"{HEAD}resources: [pod.yaml]\n{ENTRIES}")))

    built = peers.run("kustomize", "build", str(tmp_path)).decode()

    for image in ("nginx:1.27", "quay.io/acme/app:v1", "keyed:v2"):
        assert f"image: {image}@{DIGEST}\n" in built


def test_a_digest_alone_is_an_image_too() -> None:
    content = f"{HEAD}images:\n- {{name: nginx, digest: {OLD}}}\n"

    assert references(text(content)) == [f"nginx@{OLD}"]
    assert pinned(text(content)) == content.replace(str(OLD), str(DIGEST))


def test_what_is_only_renamed_has_no_version_to_pin() -> None:
    content = (
        f"{HEAD}images:\n- {{name: a, newName: quay.io/acme/a}}\n- {{name: b, newName: b, newTag: ''}}\n"
    )

    assert reasons(text(content)) == [("quay.io/acme/a", RENAMED), ("b", RENAMED)]
    assert places(text(content)) == []


def test_a_digest_key_without_a_value_is_told() -> None:
    (place,) = places(text(f"{HEAD}images:\n- name: a\n  newTag: v1\n  digest:\n"))

    assert place.refusal == NULL_DIGEST


def test_patches_in_place_are_read_in_both_dialects() -> None:
    content = f"""{HEAD}patches:
- patch: |-
    - {{op: replace, path: /spec/template/spec/containers/0/image, value: "acme/a:1"}}
    - op: add
      path: /spec/template/spec/initContainers
      value: [{{name: x, image: acme/b:1}}]
- path: patch.yaml
patchesStrategicMerge:
- other.yaml
- |
  apiVersion: v1
  kind: Pod
  spec:
    containers:
    - name: x
      image: acme/c:1   # merged
patchesJson6902:
- patch: '[{{"op": "replace", "path": "/spec/containers/0/image", "value": "acme/d:1"}}]'
"""
    assert references(text(content)) == ["acme/a:1", "acme/b:1", "acme/c:1", "acme/d:1"]
    assert f"image: acme/c:1@{DIGEST}   # merged" in pinned(text(content))
    assert unpinned(text(pinned(text(content)))) == content


def test_values_of_helm_charts_are_read_as_values() -> None:
    content = (
        f"{HEAD}helmCharts:\n- name: web\n  valuesInline:\n    image: {{repository: acme/web, tag: '1'}}\n"
    )

    assert references(text(content)) == ["acme/web:1"]


@pytest.mark.parametrize(
    "content",
    [
        "images:\n- {name: a, tag: v1}\n",
        "apiVersion: example.com/v1\nkind: Kustomization\nimages:\n- {name: a, newTag: v1}\n",
        f"{HEAD}configMapGenerator:\n- literals: [newTag=1]\nresources: [newTag.yaml]\n",
        f"{HEAD}patches:\n- patch: |-\n    - {{op: replace, path: /metadata/name, value: 'acme/a:1'}}\n",
        f"{HEAD}patches:\n- patch: '- broken: [image'\n",
        f"{HEAD}images: newTag\n",
        f"{HEAD}images:\n- newTag: v1\n- name: {{}}\n  newTag: v1\n",
    ],
)
def test_what_only_looks_like_an_entry_is_not_taken(content: str) -> None:
    assert places(text(content, "some.yaml")) == []


def test_built_in_transformers_and_generators_are_read() -> None:
    tag = "apiVersion: builtin\nkind: ImageTagTransformer\nimageTag: {name: a/b, newTag: '1'}\n"
    patch = (
        "apiVersion: builtin\nkind: PatchTransformer\npatch: |-\n"
        "  - {op: replace, path: /spec/template/spec/containers/0/image, value: 'c/d:1'}\n"
    )
    chart = "apiVersion: builtin\nkind: HelmChartInflationGenerator\nvaluesInline: {image: 'e/f:1'}\n"
    content = f"{tag}---\n{patch}---\n{chart}"
    assert references(Text("x.yaml", content)) == ["a/b:1", "c/d:1", "e/f:1"]
    assert pinned(Text("x.yaml", content)).count(f"1@{DIGEST}") == 3
