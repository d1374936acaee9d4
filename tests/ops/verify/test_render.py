"""``check --render``: real charts and kustomizations, rendered by helm and kubectl before and after pinning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.ops.verify import render_targets as rendering
from imagelock.ops.verify.render import NOT_AT_HAND, SWITCHED_OFF
from support.helm import provide_builder, provide_helm

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import Result, World

REPOSITORY, TAG, DIGEST = (".Values.image." + key for key in ("repository", "tag", "digest"))
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: {{{{ .Release.Name }}}}
  labels: {{version: "{label}"}}
spec:
  containers:
    - name: app
      image: "{image}"
"""
VALUES = 'image:\n  repository: docker.io/acme/app\n  tag: "1.0"\n'
KEYED = VALUES + '  digest: ""\n'
JOINED = "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
GOOD = {
    "a tag with its digest": (JOINED, VALUES),
    "an empty tag": (
        "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}",
        VALUES.replace('"1.0"', '""'),
    ),
    "a digest key": (JOINED + "{{ with .Values.image.digest }}@{{ . }}{{ end }}", KEYED),
    "a digest instead of the tag": (
        "{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag }}{{ end }}",
        KEYED,
    ),
    "one text": ("{{ .Values.image }}", "image: docker.io/acme/app:1.0\n"),
    "a registry apart": (
        "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}",
        "image: {registry: docker.io, repository: acme/app, tag: '1.0'}\n",
    ),
    "imageTag": (
        "{{ .Values.image }}:{{ .Values.imageTag }}",
        "image: docker.io/acme/app\nimageTag: '1.0'\n",
    ),
    "a literal": ("docker.io/acme/app:1.0", "replicas: 1\n"),
}


def chart(world: World, image: str, values: str, *, label: str = "x", folder: str = "web") -> None:
    world.write(f"{folder}/Chart.yaml", 'apiVersion: v2\nname: web\nversion: 0.1.0\nappVersion: "1.0"\n')
    world.write(f"{folder}/values.yaml", values)
    world.write(f"{folder}/templates/pod.yaml", POD.format(image=image, label=label))


def locked(world: World, *images: str) -> None:
    for image in images or ("acme/app:1.0",):
        world.push(image)
    assert world.run("lock").code == 0


def check(world: World) -> Result:
    return world.json("check", "--render")


def findings(result: Result, code: str) -> list[dict[str, str]]:
    return [item for item in result.document["findings"] if item["code"] == code]


@pytest.mark.parametrize("shape", GOOD)
def test_each_shape_of_values_reaches_the_pod(
    world: World, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    chart(world, *GOOD[shape])
    locked(world)
    has_helm = provide_helm(monkeypatch)

    before = check(world)
    assert world.run("pin").code == 0
    after = check(world)

    assert findings(before, "IL123") == findings(after, "IL123") == []
    if has_helm:
        assert findings(after, "IL124") == []
        assert (after.code, after.document["summary"]["images rendered"]) == (0, 1)


BAD = {
    "the tag behind the digest": (
        "{{ .Values.image.repository }}@{{ .Values.image.digest }}:{{ .Values.image.tag }}",
        KEYED,
        "x",
        "is not an image reference",
        "image.digest: sha256",
    ),
    "a digest that is not used": (JOINED, KEYED, "x", "without a digest", "image.tag: 1.0@sha256:"),
    "a tag in a label": (
        JOINED + "{{ with .Values.image.digest }}@{{ . }}{{ end }}",
        VALUES,
        "{{ .Values.image.tag }}",
        "is used in a label",
        "image.tag: 1.0, image.digest: sha256:",
    ),
    "the characters alone": (
        JOINED + "{{ with .Values.image.sha }}@sha256:{{ . }}{{ end }}",
        KEYED,
        "{{ .Values.image.tag }}",
        "without a digest",
        "image.tag: 1.0, image.sha: ",
    ),
    "the tag behind the image's own": (
        "{{ .Values.image }}:{{ .Values.imageTag }}",
        "image: docker.io/acme/app\nimageTag: '1.0'\n",
        "{{ .Values.imageTag }}",
        "is used in a label",
        "",
    ),
}


@pytest.mark.parametrize("shape", BAD)
def test_a_chart_that_breaks_the_digest_is_named_with_the_form_that_works(
    world: World, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    image, values, label, reason, form = BAD[shape]
    chart(world, image, values, label=label)
    locked(world)
    if not provide_helm(monkeypatch):
        return
    for state in ("before", "after"):
        result = check(world)
        (item,) = findings(result, "IL123")
        assert (result.code, item["file"]) == (1, "web/values.yaml"), state
        assert reason in item["message"]
        assert form in (item.get("hint") or "")
        world.run("pin")


def test_a_number_that_helm_reads_otherwise_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chart(world, JOINED, VALUES.replace('"1.0"', "1.20"))
    locked(world, "acme/app:1.20")
    if provide_helm(monkeypatch):
        (item,) = findings(check(world), "IL123")
        assert "docker.io/acme/app:1.2 is no longer rendered" in item["message"]


def test_further_values_files_are_rendered_each(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chart(world, JOINED, VALUES)
    world.write("web/values-prod.yaml", "image: {repository: docker.io/acme/prod, tag: '2'}\n")
    locked(world, "acme/app:1.0", "acme/prod:2")
    if provide_helm(monkeypatch):
        summary = check(world).document["summary"]
        assert (summary["rendered"], summary["images rendered"], summary["not proven"]) == (2, 2, 0)


def test_an_application_with_a_chart_of_the_project_is_rendered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart(world, JOINED, VALUES)
    world.write("env/prod.yaml", "other: 1\n")
    world.write(
        "app.yaml",
        """\
apiVersion: argoproj.io/v1alpha1
kind: Application
spec:
  sources:
  - repoURL: https://git.example/a.git
    path: web
    helm:
      valueFiles: [../env/prod.yaml, $values/web/values.yaml]
      values: |
        image: {repository: docker.io/acme/overruled, tag: '2'}
      parameters:
      - {name: image.repository, value: docker.io/acme/parameter}
      - {name: image.tag, value: '3', forceString: true}
  - repoURL: https://git.example/values.git
    ref: values
""",
    )
    locked(world, "acme/app:1.0", "acme/overruled:2", "acme/parameter:3")
    if provide_helm(monkeypatch):
        result = check(world)
        assert findings(result, "IL123") == []
        (item,) = findings(result, "IL124")
        assert item["message"] == f"docker.io/acme/overruled:2 is not proven by rendering: {SWITCHED_OFF}"
        assert result.document["summary"]["rendered"] == 2


def test_a_release_with_a_chart_of_the_project_is_rendered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart(world, JOINED, VALUES)
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  chart:\n    spec:\n"
        "      chart: ./web\n      sourceRef: {kind: GitRepository, name: a}\n"
        "  values:\n    image: {repository: docker.io/acme/flux, tag: '4'}\n"
    )
    world.write("release.yaml", release)
    locked(world, "acme/app:1.0", "acme/flux:4")
    if provide_helm(monkeypatch):
        result = check(world)
        assert findings(result, "IL123") == findings(result, "IL124") == []
        assert result.document["summary"]["images rendered"] == 2


REMOTE = {
    "a remote chart": (
        (
            "kind: Application\nspec:\n  source:\n    repoURL: https://charts.example\n    chart: web\n"
            "    helm: {valuesObject: {image: 'acme/app:1.0'}}\n"
        ),
        rendering.REMOTE_CHART,
    ),
    "a template": (
        (
            "kind: ApplicationSet\nspec:\n  template:\n    spec:\n      source:\n        repoURL: x\n        path: '{{path}}'\n"
            "        helm: {valuesObject: {image: 'acme/app:1.0'}}\n"
        ),
        rendering.IS_TEMPLATE,
    ),
    "images of kustomize": (
        "kind: Application\nspec:\n  source:\n    repoURL: x\n    path: k\n    kustomize: {images: ['acme/app:1.0']}\n",
        rendering.IMAGES_OF_ARGO,
    ),
    "a missing values file": (
        (
            "kind: Application\nspec:\n  source:\n    repoURL: x\n    path: web\n"
            "    helm: {valueFiles: [../../outside.yaml], valuesObject: {image: 'acme/app:1.0'}}\n"
        ),
        rendering.REMOTE_VALUES,
    ),
}


@pytest.mark.parametrize("case", REMOTE)
def test_what_cannot_be_rendered_is_told_with_the_reason(world: World, case: str) -> None:
    content, reason = REMOTE[case]
    world.write("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
    world.write("app.yaml", f"apiVersion: argoproj.io/v1alpha1\n{content}")
    locked(world)
    world.run("pin")

    result = check(world)
    # Where no helm is installed, the chart beside it is not proven either.
    (item,) = (item for item in findings(result, "IL124") if item["file"] == "app.yaml")
    assert reason in item["message"]
    assert result.code == 0
    assert world.run("check", "--render", "--strict").code == 1


def test_values_without_a_chart_and_values_from_a_cluster_are_told(world: World) -> None:
    world.write("values.yaml", VALUES)
    world.write(
        "release.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  valuesFrom: [{kind: Secret, name: a}]\n"
        "  values: {image: 'acme/app:1.0'}\n",
    )
    locked(world)

    messages = [item["message"] for item in findings(check(world), "IL124")]
    assert len(messages) == 2
    assert any(rendering.VALUES_FROM in message for message in messages)


def test_without_helm_the_output_says_what_was_not_proven(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chart(world, JOINED, VALUES)
    locked(world)
    world.run("pin")
    monkeypatch.setenv("PATH", str(tmp_path))

    (item,) = findings(check(world), "IL124")
    assert "helm is not installed" in item["message"]


def test_a_chart_that_does_not_render_is_not_proven(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chart(world, '{{ required "say where" .Values.nowhere }}' + JOINED, VALUES)
    locked(world)
    if provide_helm(monkeypatch):
        (item,) = findings(check(world), "IL124")
        assert "say where" in item["message"]


def test_what_does_not_render_is_not_proven_whatever_its_images_look_like(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.write(
        "other.yaml", "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: docker.io/acme/app:1.0}]}\n"
    )
    chart(world, "{{ .Values.hub }}/{{ .Values.name }}", "hub: quay.io\nname: app\n")
    world.write("base/kustomization.yaml", "resources: [missing.yaml]\n")
    library = "apiVersion: v2\nname: lib\nversion: 0.1.0\ntype: library\n"
    world.write("lib/Chart.yaml", library)
    locked(world)
    world.run("pin")
    monkeypatch.setenv("PATH", str(tmp_path))

    result = check(world)
    files = {item["file"] for item in findings(result, "IL124")}
    assert (result.code, files) == (0, {"web/Chart.yaml", "base/kustomization.yaml"})
    assert world.run("check", "--render", "--strict").code == 1


def test_exempt_images_and_ignored_places_are_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart(world, JOINED, KEYED.replace("acme/app", "acme/app   # imagelock: ignore"))
    chart(world, "docker.io/acme/exempt:1", "a: 1\n", folder="other")
    world.configure('[[exempt]]\nimage = "acme/exempt:1"\nreason = "floating on purpose"\n')
    locked(world)
    if provide_helm(monkeypatch):
        assert findings(check(world), "IL123") == []


def test_a_chart_inside_another_is_rendered_with_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chart(world, JOINED, VALUES)
    chart(world, JOINED, VALUES.replace("acme/app", "acme/db"), folder="web/charts/db")
    world.write("web/charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 0.1.0\n")
    locked(world, "acme/app:1.0", "acme/db:1.0")
    if provide_helm(monkeypatch):
        result = check(world)
        summary = result.document["summary"]
        assert (summary["rendered"], summary["images rendered"], summary["not proven"]) == (1, 2, 0)


def test_rendering_changes_nothing_in_the_project(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chart(world, JOINED, VALUES)
    locked(world)
    provide_helm(monkeypatch)
    before = world.tree()

    check(world)

    assert world.tree() == before


def test_a_kustomization_is_built_with_its_base(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(
        "base/pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: 'acme/app:1.0'}]}\n",
    )
    world.write("base/kustomization.yaml", "resources: [pod.yaml]\n")
    world.write(
        "prod/kustomization.yaml", "resources: [../base]\nimages: [{name: acme/app, newTag: '2.0'}]\n"
    )
    locked(world, "acme/app:1.0", "acme/app:2.0")
    if not provide_builder(monkeypatch):
        return
    before = check(world)
    assert world.run("pin").code == 0
    after = check(world)

    assert findings(before, "IL123") == findings(before, "IL124") == []
    assert after.code == 0
    assert after.document["summary"]["images rendered"] == 2


def test_an_image_that_is_switched_off_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chart(world, JOINED, VALUES + "sidecar: {enabled: false, image: 'acme/sidecar:1'}\n")
    locked(world, "acme/app:1.0", "acme/sidecar:1")
    if provide_helm(monkeypatch):
        (item,) = findings(check(world), "IL124")
        assert item["message"] == f"acme/sidecar:1 is not proven by rendering: {SWITCHED_OFF}"


def test_a_component_proves_nothing_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(
        "part/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages: [{name: acme/app, newTag: '1.0'}]\n",
    )
    locked(world)
    if provide_builder(monkeypatch):
        (item,) = findings(check(world), "IL124")
        assert SWITCHED_OFF in item["message"]


def test_kustomize_is_quoted_without_time_and_process(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(
        "a/kustomization.yaml", "resources: [nowhere.yaml]\nimages: [{name: acme/app, newTag: '1.0'}]\n"
    )
    world.write(
        "flux/kustomization.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n"
        "  images: [{name: acme/app, newTag: '1.0'}]\n",
    )
    locked(world)
    if provide_builder(monkeypatch):
        messages = [item["message"] for item in findings(check(world), "IL124")]
        assert len(messages) == 2
        assert ": accumulating resources" in messages[0]
        assert "command failed" not in messages[0]
        assert messages[1].endswith(NOT_AT_HAND)


def test_a_document_that_grows_by_its_aliases_is_left(world: World) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
    )
    world.write(
        "app.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {source: {repoURL: x, path: web, helm: "
        f"{{valuesObject: {{image: 'acme/app:1.0'}}}}}}}}\n{bomb}",
    )
    locked(world)

    assert len(findings(check(world), "IL124")) == 1
