"""What else than a chart's own values is traced: Applications, releases, overlays, sub-charts, configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from imagelock.cli.main import cli
from imagelock.tracefile.reader import parse_trace
from support.charts import SHAPES, write_chart
from support.helm import provide_builder, provide_helm

if TYPE_CHECKING:
    from pathlib import Path

    from imagelock.model.trace import TraceRecord

DIGEST = "sha256:" + "5a" * 32


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    if not provide_helm(monkeypatch):
        pytest.skip("no helm")


def run(project: Path, *words: str) -> str:
    """Run imagelock in a project; return its data and findings."""
    result = CliRunner().invoke(cli, [words[0], "-C", str(project), *words[1:]])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def traced(project: Path) -> TraceRecord:
    """Trace a project and return its record."""
    (project / "imagelock.toml").touch()
    run(project, "trace", "-q")
    return parse_trace((project / "images.trace").read_text(), "images.trace")


def edits(project: Path, file: str) -> set[tuple[str, str, str]]:
    """Return image, kind and path of the edits that a project's record has for one file."""
    return {
        (image.image, image.edit.kind, image.edit.path)
        for target in traced(project).targets
        for image in target.images
        if image.edit is not None and image.edit.file == file
    }


def pin(project: Path, *images: str) -> None:
    """Pin a project with one digest for all images."""
    blocks = ["version = 1\n"]
    for image in sorted(images):
        name, _, tag = image.rpartition(":")
        blocks.append(f'[[image]]\nname = "{name}"\ntag = "{tag}"\ndigest = "{DIGEST}"\n')
    (project / "images.lock").write_text("\n".join(blocks))
    run(project, "pin")


APPLICATION = """apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web
spec:
  source:
    repoURL: https://example.com/repo.git
    path: web
    helm:
"""


@pytest.mark.parametrize(
    ("helm", "path"),
    [
        (
            "      values: |\n        image:\n          tag: 7.7.7\n",
            "spec.source.helm.values > .image.tag",
        ),
        (
            "      valuesObject:\n        image:\n          tag: 7.7.7\n",
            "spec.source.helm.valuesObject.image.tag",
        ),
        (
            "      parameters:\n        - name: image.tag\n          value: 7.7.7\n          forceString: true\n",
            "spec.source.helm.parameters[0].value",
        ),
    ],
)
def test_the_leaf_that_wins_is_the_application_s(tmp_path: Path, helm: str, path: str) -> None:
    write_chart(tmp_path / "web", SHAPES["digest-key-that-is-ignored"])
    (tmp_path / "app.yaml").write_text(APPLICATION + helm)
    assert edits(tmp_path, "app.yaml") == {("quay.io/a/web:7.7.7", "tag", path)}
    assert edits(tmp_path, "web/values.yaml") == {("quay.io/a/web:1.2", "tag", "image.tag")}
    pin(tmp_path, "quay.io/a/web:7.7.7", "quay.io/a/web:1.2")
    assert f"7.7.7@{DIGEST}" in (tmp_path / "app.yaml").read_text()
    assert "stale" not in run(tmp_path, "trace", "--check")


def test_values_files_of_an_application_are_traced_where_they_are(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["digest-key-that-is-ignored"])
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "prod.yaml").write_text("image:\n  tag: 8.8.8\n")
    (tmp_path / "app.yaml").write_text(f"{APPLICATION}      valueFiles: [../env/prod.yaml]\n")
    assert edits(tmp_path, "env/prod.yaml") == {("quay.io/a/web:8.8.8", "tag", "image.tag")}


def test_a_flux_release_of_a_chart_in_the_repository(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["digest-key-that-is-ignored"])
    (tmp_path / "release.yaml").write_text(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web\nspec:\n  chart:\n    spec:\n"
        "      chart: ./web\n      sourceRef:\n        kind: GitRepository\n        name: repo\n"
        "  values:\n    image:\n      repository: quay.io/b/web\n      tag: 7.7.7\n"
    )
    assert edits(tmp_path, "release.yaml") == {("quay.io/b/web:7.7.7", "tag", "spec.values.image.tag")}


def test_releases_of_a_helmfile_with_values_files_and_values_in_place(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["digest-key-that-is-ignored"])
    (tmp_path / "prod.yaml").write_text("image:\n  tag: 8.8.8\n")
    (tmp_path / "helmfile.yaml").write_text(
        "releases:\n  - name: one\n    chart: ./web\n    values:\n      - image:\n          tag: 7.7.7\n"
        "  - name: two\n    chart: ./web\n    values:\n      - prod.yaml\n"
    )
    assert edits(tmp_path, "helmfile.yaml") == {
        ("quay.io/a/web:7.7.7", "tag", "releases[0].values[0].image.tag")
    }
    assert ("quay.io/a/web:8.8.8", "tag", "image.tag") in edits(tmp_path, "prod.yaml")


def test_what_the_configuration_deploys_is_traced_with_its_values(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["digest-key-that-is-ignored"])
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "prod.yaml").write_text("image:\n  tag: 8.8.8\n")
    (tmp_path / "imagelock.toml").write_text(
        '[[helm]]\nchart = "web"\nvalues = ["env/prod.yaml"]\nrelease = "web"\nnamespace = "prod"\n'
        'kube-version = "1.21.0"\napi-versions = ["a/v1"]\nset = ["image.repository=quay.io/c/web"]\n'
    )
    assert edits(tmp_path, "env/prod.yaml") == {("quay.io/c/web:8.8.8", "tag", "image.tag")}


def test_a_chart_that_is_not_in_the_project_is_reported_and_its_values_are_judged_by_keys(
    tmp_path: Path,
) -> None:
    (tmp_path / "imagelock.toml").touch()
    (tmp_path / "app.yaml").write_text(
        APPLICATION.replace("path: web", "chart: web") + "      values: |\n        image:\n"
        "          repository: quay.io/a/web\n          tag: 7.7.7\n"
    )
    assert "its chart is not in this project" in run(tmp_path, "trace")
    assert run(tmp_path, "scan", "-o", "list") == "quay.io/a/web:7.7.7\n"


def sub_chart(project: Path, alias: str = "") -> None:
    """Write a chart with a sub-chart whose values are its own."""
    write_chart(project / "web", SHAPES["one-leaf"])
    write_chart(project / "web" / "charts" / "db", SHAPES["digest-key-that-is-ignored"])
    (project / "web" / "charts" / "db" / "templates" / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: db\nspec:\n  containers:\n    - name: db\n"
        '      image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"\n'
    )
    with (project / "web" / "Chart.yaml").open("a") as file:
        file.write(
            f"dependencies:\n  - name: db\n    version: 1.0.0\n{f'    alias: {alias}' if alias else ''}\n"
        )


@pytest.mark.parametrize("alias", ["", "store"])
def test_the_parent_s_override_of_a_sub_chart_is_the_leaf_that_wins(tmp_path: Path, alias: str) -> None:
    sub_chart(tmp_path, alias)
    with (tmp_path / "web" / "values.yaml").open("a") as file:
        file.write(f"{alias or 'db'}:\n  image:\n    tag: 9.9.9\n")
    assert ("quay.io/a/web:9.9.9", "tag", f"{alias or 'db'}.image.tag") in edits(tmp_path, "web/values.yaml")


def kustomize(project: Path) -> None:
    """Write a base, a component and an overlay with every way of naming an image."""
    files = {
        "base/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n"
        "    - name: web\n      image: acme/web:1.0\n    - name: own\n      image: acme/own:1.0\n"
        "    - name: patched\n      image: acme/patched:1.0\n    - name: replaced\n      image: acme/replaced:1.0\n"
        "    - name: added\n      image: acme/added:1.0\n    - name: moved\n      image: acme/moved:1.0\n",
        "base/kustomization.yaml": "resources: [pod.yaml]\n",
        "component/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n"
        '  - name: acme/added\n    newTag: "3.0"\n',
        "prod/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  image: acme/replaced:4.0\n",
        "prod/patch.yaml": "- op: replace\n  path: /spec/containers/2/image\n  value: acme/patched:2.0\n",
        "prod/kustomization.yaml": "resources: [../base, settings.yaml]\ncomponents: [../component]\nimages:\n"
        '  - name: acme/web\n    newTag: "2.0"\n  - name: acme/moved\n    newName: corp.example/moved\n'
        "    newTag: 5.0.0\npatches:\n  - path: patch.yaml\n    target: {kind: Pod}\nreplacements:\n"
        "  - source: {kind: ConfigMap, fieldPath: data.image}\n    targets:\n"
        "      - select: {kind: Pod}\n        fieldPaths: ['spec.containers.[name=replaced].image']\n",
    }
    for name, content in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(content)


def test_a_kustomization_is_traced_to_the_places_that_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not provide_builder(monkeypatch):
        pytest.skip("no kustomize")
    kustomize(tmp_path)
    record = traced(tmp_path)
    target = record.named("prod/kustomization.yaml")
    assert target is not None
    assert target.problem is None
    found = {image.image: image.edit and (image.edit.file, image.edit.path) for image in target.images}
    assert found == {
        "acme/web:2.0": ("prod/kustomization.yaml", "images[0].newTag"),
        "corp.example/moved:5.0.0": ("prod/kustomization.yaml", "images[1].newTag"),
        "acme/added:3.0": ("component/kustomization.yaml", "images[0].newTag"),
        "acme/own:1.0": ("base/pod.yaml", "spec.containers[1].image"),
        "acme/patched:2.0": ("prod/patch.yaml", "[0].value"),
        "acme/replaced:4.0": ("prod/settings.yaml", "data.image"),
    }


def test_remote_bases_and_charts_of_a_kustomization_are_reported_and_never_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not provide_builder(monkeypatch):
        pytest.skip("no kustomize")
    (tmp_path / "remote").mkdir()
    (tmp_path / "remote" / "kustomization.yaml").write_text(
        "resources: [https://127.0.0.1:9/base.yaml]\nimages: [{name: a/b, newTag: '1'}]\n"
    )
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "kustomization.yaml").write_text(
        "helmCharts: [{name: web, repo: 'https://127.0.0.1:9', version: 1.0.0}]\n"
    )
    record = traced(tmp_path)
    problems = {target.name: target.problem or "" for target in record.targets}
    assert "127.0.0.1" in problems["remote/kustomization.yaml"]
    assert "--enable-helm" in problems["charts/kustomization.yaml"]
