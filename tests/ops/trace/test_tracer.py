"""Each way of putting an image together is traced to its leaves, and its edit is proved by rendering."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.ops.trace.targets import TraceTarget
from imagelock.ops.trace.tracer import trace
from imagelock.ops.trace.workspace import Workspace
from imagelock.ops.verify.render_targets import Target
from support.charts import SHAPES, Shape, write_chart
from support.helm import provide_helm

if TYPE_CHECKING:
    from pathlib import Path

    from imagelock.model.trace import TracedTarget


@pytest.fixture(autouse=True)
def _helm(monkeypatch: pytest.MonkeyPatch) -> None:
    if not provide_helm(monkeypatch):
        pytest.skip("no helm")


def traced(root: Path, folder: str, *, edit_templates: bool = False) -> TracedTarget:
    """Trace one chart of a folder."""
    item = TraceTarget(target=Target(name=folder, folder=folder))
    with Workspace(root, item) as work:
        return trace(work, item, "helm", edit_templates=edit_templates)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_chart_of_this_shape_is_traced_and_its_edit_proved_or_refused(tmp_path: Path, name: str) -> None:
    shape = SHAPES[name]
    write_chart(tmp_path / "web", shape)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = traced(tmp_path, "web")
    assert tuple(image.image for image in found.images) == shape.rendered
    for image in found.images:
        edit = image.edit and (image.edit.kind, image.edit.path)
        assert edit == shape.edit
        assert (image.reason or "").startswith(shape.reason)
        assert image.proved != bool(image.reason)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_roles_of_the_leaves_are_recorded_in_the_order_of_the_image(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["three-keys-joined"])
    parts = traced(tmp_path, "web").images[0].parts
    assert [(part.role, part.path) for part in parts] == [
        ("registry", "image.registry"),
        ("prefix", "image.organization"),
        ("name", "image.name"),
        ("tag", "image.version"),
    ]


def test_a_line_of_a_template_is_edited_only_on_request(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["literal-in-a-template"])
    (image,) = traced(tmp_path, "web", edit_templates=True).images
    assert image.edit is not None
    assert (image.edit.kind, image.edit.file, image.edit.path) == (
        "template",
        "web/templates/pod.yaml",
        "[10]",
    )


def test_the_app_version_is_never_edited(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["empty-tag"])
    (image,) = traced(tmp_path, "web").images
    assert [part.path for part in image.parts] == ["image.repository", "appVersion"]
    assert image.edit is not None
    assert (image.edit.file, image.edit.tag) == ("web/values.yaml", "v2.20.0")


def test_a_chart_that_breaks_on_one_mark_is_bisected(tmp_path: Path) -> None:
    shape = Shape(
        values="kind: quay\nimage:\n  repository: quay.io/a/web\n  tag: 1.2.3\n",
        image='"{{ .Values.image.repository }}:{{ .Values.image.tag }}"{{ if ne .Values.kind "quay" }}{{ fail "kind" }}{{ end }}',
        rendered=("quay.io/a/web:1.2.3",),
        edit=("tag", "image.tag"),
    )
    write_chart(tmp_path / "web", shape)
    (image,) = traced(tmp_path, "web").images
    assert [part.path for part in image.parts] == ["image.repository", "image.tag"]
    assert image.proved


def test_a_pinned_chart_is_traced_to_the_same_edit(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["digest-key"])
    plain = traced(tmp_path, "web")
    values = tmp_path / "web" / "values.yaml"
    values.write_text(values.read_text().replace('digest: ""', f'digest: "sha256:{"a1" * 32}"'))
    pinned = traced(tmp_path, "web")
    assert [image.edit for image in pinned.images] == [image.edit for image in plain.images]
    assert [image.image for image in pinned.images] == ["quay.io/a/web:1.2"]
    assert pinned.inputs == plain.inputs
