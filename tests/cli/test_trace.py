"""``imagelock trace`` end to end: the record, and what scan, lock, pin and check make of it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from imagelock.cli.main import cli
from support.charts import SHAPES, write_chart
from support.helm import provide_helm

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

DIGEST = "sha256:" + "5a" * 32


@pytest.fixture(autouse=True)
def _helm(monkeypatch: pytest.MonkeyPatch) -> None:
    if not provide_helm(monkeypatch):
        pytest.skip("no helm")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project with a chart whose tag is empty."""
    (tmp_path / "imagelock.toml").write_text("")
    write_chart(tmp_path / "web", SHAPES["empty-tag"])
    return tmp_path


def run(project: Path, *words: str) -> Result:
    """Run imagelock in a project."""
    return CliRunner().invoke(cli, [words[0], "-C", str(project), *words[1:]])


def lock(project: Path, *images: str) -> None:
    """Write a lock with one digest for all images."""
    blocks = ["version = 1\n"]
    for image in sorted(images):
        name, _, tag = image.rpartition(":")
        blocks.append(f'[[image]]\nname = "{name}"\ntag = "{tag}"\ndigest = "{DIGEST}"\n')
    (project / "images.lock").write_text("\n".join(blocks))


def rendered(project: Path, chart: str) -> str:
    """Return what Helm makes of a chart on disk."""
    done = subprocess.run(
        ["helm", "template", "x", str(project / chart)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_trace_writes_a_record_that_a_second_run_keeps(project: Path) -> None:
    result = run(project, "trace", "-o", "json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["schema"] == "imagelock/trace/v1"
    assert document["summary"]["proved"] == 1
    record = (project / "images.trace").read_bytes()
    again = json.loads(run(project, "trace", "-o", "json").stdout)
    assert again["summary"]["renders"] == 0
    assert (project / "images.trace").read_bytes() == record
    assert run(project, "trace", "--fresh", "-q").exit_code == 0
    assert (project / "images.trace").read_bytes() == record


def test_trace_check_exits_1_for_a_changed_chart_and_renders_nothing(project: Path) -> None:
    assert run(project, "trace", "--check").exit_code == 1
    run(project, "trace")
    assert run(project, "trace", "--check").exit_code == 0
    (project / "web" / "templates" / "pod.yaml").write_text("kind: Pod\n")
    result = run(project, "trace", "--check")
    assert result.exit_code == 1
    assert "IL127" in result.stdout


def test_scan_lists_the_name_that_is_rendered_and_not_what_the_keys_suggest(project: Path) -> None:
    write_chart(project / "pre", SHAPES["tag-with-a-prefix"])
    write_chart(project / "hub", SHAPES["hub"])
    assert "quay.io/a/web:2.20.0\n" in run(project, "scan", "-o", "list").stdout
    run(project, "trace")
    listed = set(run(project, "scan", "-o", "list").stdout.split())
    assert listed == {"quay.io/a/web:v2.20.0", "quay.io/a/pilot:1.2.3"}


@pytest.mark.parametrize("shape", sorted(name for name, shape in SHAPES.items() if shape.edit is not None))
def test_pin_by_the_record_pins_what_is_rendered_and_check_agrees(tmp_path: Path, shape: str) -> None:
    (tmp_path / "imagelock.toml").write_text("")
    write_chart(tmp_path / "web", SHAPES[shape])
    image = SHAPES[shape].rendered[0]
    lock(tmp_path, image)
    assert run(tmp_path, "trace").exit_code == 0
    assert run(tmp_path, "check").exit_code == 1
    before = (tmp_path / "web" / "values.yaml").read_bytes()
    pinned = run(tmp_path, "pin")
    assert pinned.exit_code == 0, pinned.stdout
    assert f"@{DIGEST}" in rendered(tmp_path, "web")
    assert run(tmp_path, "check", "--strict").exit_code == 0
    assert run(tmp_path, "trace", "--check").exit_code == 0
    assert run(tmp_path, "pin", "--check").exit_code == 0
    if SHAPES[shape].edit[0] != "empty-tag":  # type: ignore[index]  # those without an edit are left out above
        assert run(tmp_path, "unpin").exit_code == 0
        assert (tmp_path / "web" / "values.yaml").read_bytes() == before


def test_a_refused_image_is_never_pinned_by_its_keys(tmp_path: Path) -> None:
    (tmp_path / "imagelock.toml").write_text("")
    write_chart(tmp_path / "web", SHAPES["leaf-is-a-label-too"])
    lock(tmp_path, "quay.io/a/web:1.2.3")
    run(tmp_path, "trace")
    before = (tmp_path / "web" / "values.yaml").read_bytes()
    result = run(tmp_path, "pin")
    assert "IL113" in result.stdout
    assert (tmp_path / "web" / "values.yaml").read_bytes() == before


def test_a_stale_record_warns_and_says_nothing_about_images(project: Path) -> None:
    write_chart(project / "pre", SHAPES["tag-with-a-prefix"])
    run(project, "trace")
    (project / "pre" / "templates" / "pod.yaml").write_text("kind: Pod\n")
    result = run(project, "scan")
    assert "IL127" in result.stdout
    assert "quay.io/a/web:2.20.0" in result.stdout
    assert "quay.io/a/web:v2.20.0" in result.stdout


def test_a_chart_that_does_not_render_takes_no_other_with_it(project: Path) -> None:
    write_chart(project / "bad", SHAPES["one-leaf"])
    (project / "bad" / "templates" / "pod.yaml").write_text('{{ required "name a host" .Values.host }}\n')
    result = run(project, "trace")
    assert result.exit_code == 0
    assert "name a host" in result.stdout
    assert "quay.io/a/web:v2.20.0" in result.stdout
    assert run(project, "trace", "--strict").exit_code == 1


def test_a_record_that_is_damaged_is_an_error_with_line_and_way_out(project: Path) -> None:
    run(project, "trace")
    path = project / "images.trace"
    path.write_text(path.read_text().replace("kind =", "kinds =", 1))
    result = CliRunner().invoke(cli, ["scan", "-C", str(project)])
    assert result.exit_code != 0
    assert result.exception is not None
    assert "images.trace" in str(result.exception)


def test_pin_renders_before_it_writes_and_holds_back_a_chart_that_changes_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "imagelock.toml").write_text("")
    write_chart(tmp_path / "bad", SHAPES["leaf-is-a-label-too"])
    write_chart(tmp_path / "good", SHAPES["one-leaf"])
    lock(tmp_path, "quay.io/a/web:1.2.3", "quay.io/a/web:1.2")
    run(tmp_path, "trace")
    record = tmp_path / "images.trace"
    edit = 'edit = { kind = "tag", file = "bad/values.yaml", path = "image.tag" }'
    lines = [edit if line.startswith("reason =") else line for line in record.read_text().split("\n")]
    record.write_text("\n".join(lines))
    before = (tmp_path / "bad" / "values.yaml").read_bytes()
    result = run(tmp_path, "pin")
    assert result.exit_code == 1
    assert "metadata.labels.version" in result.stdout
    assert (tmp_path / "bad" / "values.yaml").read_bytes() == before
    assert DIGEST in (tmp_path / "good" / "values.yaml").read_text()


def test_without_a_renderer_the_record_is_enough_to_scan_pin_and_check(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(project, "quay.io/a/web:v2.20.0")
    run(project, "trace")
    monkeypatch.setenv("PATH", "/nowhere")
    assert run(project, "pin").exit_code == 0
    assert f'tag: "v2.20.0@{DIGEST}"' in (project / "web" / "values.yaml").read_text()
    assert run(project, "check", "--strict").exit_code == 0
    assert run(project, "trace", "--check").exit_code == 0


@pytest.mark.parametrize(
    "shape", ["leaf-is-a-label-too", "one-tag-for-two-images", "only-app-version", "literal-in-a-template"]
)
def test_with_edit_templates_the_line_of_the_template_is_pinned(tmp_path: Path, shape: str) -> None:
    (tmp_path / "imagelock.toml").write_text("")
    write_chart(tmp_path / "web", SHAPES[shape])
    lock(tmp_path, *SHAPES[shape].rendered)
    values = (tmp_path / "web" / "values.yaml").read_bytes()
    before = rendered(tmp_path, "web")
    assert run(tmp_path, "trace", "--edit-templates", "--strict").exit_code == 0
    assert run(tmp_path, "pin").exit_code == 0
    assert (tmp_path / "web" / "values.yaml").read_bytes() == values
    after = rendered(tmp_path, "web")
    assert after.count(f"@{DIGEST}") == len(SHAPES[shape].rendered)
    assert after.replace(f"@{DIGEST}", "") == before
    assert run(tmp_path, "check", "--strict").exit_code == 0
    assert run(tmp_path, "trace", "--check").exit_code == 0
    assert run(tmp_path, "trace", "-q").exit_code == 0
    assert run(tmp_path, "check", "--strict").exit_code == 0


def test_references_of_parts_that_are_switched_off_are_named(tmp_path: Path) -> None:
    (tmp_path / "imagelock.toml").write_text("")
    write_chart(tmp_path / "web", SHAPES["one-leaf"])
    with (tmp_path / "web" / "values.yaml").open("a") as file:
        file.write("metrics:\n  image: quay.io/a/metrics:2.0\n")
    document = json.loads(run(tmp_path, "trace", "-o", "json").stdout)
    unreached = ["web/values.yaml metrics.image: quay.io/a/metrics:2.0"]
    assert document["targets"][0]["unreached"] == unreached
    assert "quay.io/a/metrics:2.0" in run(tmp_path, "scan", "-o", "list").stdout
