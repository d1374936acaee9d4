"""What files say about files, end to end: each project is scanned as a user scans it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.limits import SHARED_FILES
from imagelock.ops.scan import workers

if TYPE_CHECKING:
    from support.world import World

DEPLOY = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{template: {{spec: {{containers: [{{name: web, image: '{}'}}]}}}}}}\n"
SHOP = "image: {repository: ghcr.io/acme/shop, tag: '1.4'}\n"
APPLICATION = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  "


def scan(world: World, files: dict[str, str], *arguments: str) -> tuple[list[str], dict[str, str]]:
    for name, content in files.items():
        world.write(name, content)
    found = world.json("scan", *arguments).document
    return (
        [f"{item['file']} {item['reference']}" for item in found["references"]],
        {item["text"]: item["reason"] for item in found["skipped"]},
    )


READ = {
    "a values file of a chart in a kustomization": {
        "kustomization.yaml": "helmCharts: [{name: shop, valuesFile: shop.yaml, additionalValuesFiles: [a/more.yaml]}]\n",
        "shop.yaml": SHOP,
        "a/more.yaml": "web: {image: 'ghcr.io/acme/shop:2'}\n",
    },
    "a JSON patch in a file": {
        "kustomization.yaml": "resources: []\npatches: [{path: p.yaml}]\n",
        "p.yaml": "- {op: add, path: /template/spec/containers/0/image, value: 'ghcr.io/acme/shop:1.4'}\n",
    },
    "a JSON patch in a file of the older key": {
        "kustomization.yml": "patchesJson6902: [{path: p.json, target: {kind: Deployment, name: web}}]\n",
        "p.json": '[{"op": "replace", "path": "/spec/image", "value": "ghcr.io/acme/shop:1.4"}]\n',
    },
    "variables that a generator hands on": {
        "kustomization.yaml": "configMapGenerator: [{name: params, envs: [params.env]}]\n",
        "params.env": "# images\nshop-image=ghcr.io/acme/shop:1.4\nlevel=debug\n",
    },
    "values of an Application, from the top of its repository": {
        "apps/a.yaml": f"{APPLICATION}source: {{path: charts/shop, helm: {{valueFiles: [../../env/prod.yaml]}}}}\n",
        "env/prod.yaml": SHOP,
    },
    "values of an Application, behind the name of a repository": {
        "apps/a.yaml": f"{APPLICATION}sources: [{{helm: {{valueFiles: [$deploy/env/prod.yaml]}}}}, {{ref: deploy}}]\n",
        "env/prod.yaml": SHOP,
    },
    "values of Applications that a pattern names": {
        "apps/a.yaml": f"{APPLICATION}source: {{helm: {{valueFiles: [/env/*.yaml]}}}}\n",
        "env/prod.yaml": SHOP,
    },
    "values that Flux takes from a generated object": {
        "release.yaml": (
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: shop}\n"
            "spec: {valuesFrom: [{kind: ConfigMap, name: shop-config}]}\n"
        ),
        "kustomization.yaml": "configMapGenerator: [{name: shop-config, files: [values.yaml=shop.yaml]}]\n",
        "shop.yaml": SHOP,
    },
    "values that Flux takes from a key of a ConfigMap": {
        "release.yaml": (
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: shop}\n"
            "spec: {valuesFrom: [{kind: ConfigMap, name: shop-config, valuesKey: prod}]}\n"
        ),
        "config.yaml": (
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {a: b}\n  name: shop-config\ndata:\n  prod: |\n"
            + "".join(f"    {line}\n" for line in SHOP.splitlines())
        ),
    },
    "a Kubernetes file that a unit of Quadlet names": {
        "web.kube": "[Kube]\nYaml=web.pod\n",
        "web.pod": "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: ghcr.io/acme/shop:1.4}]}\n",
    },
    "a Containerfile that a unit of Quadlet names": {
        "web.build": "[Build]\nImageTag=localhost/web:1\nFile=./recipe\n",
        "recipe": "FROM ghcr.io/acme/shop:1.4\n",
    },
    "a Dockerfile that a Compose file names": {
        "compose.yaml": "services: {web: {build: {context: ., dockerfile: recipe, args: {A: b}}}}\n",
        "recipe": "FROM ghcr.io/acme/shop:1.4\n",
    },
    "values of a helmfile": {
        "helmfile.yaml": "releases:\n- name: shop\n  chart: acme/shop\n  values:\n  - env/prod.yaml\n",
        "env/prod.yaml": SHOP,
    },
    "values of a helmfile that is a template": {
        "helmfile.yaml.gotmpl": (
            "{{ if true }}\nreleases:\n  - name: shop\n    values:\n      - env/{{ .Environment.Name }}.yaml\n{{ end }}\n"
        ),
        "env/prod.yaml": SHOP,
    },
    "values of a release of Skaffold": {
        "skaffold.yaml": (
            "apiVersion: skaffold/v4beta6\nkind: Config\n"
            "deploy: {helm: {releases: [{name: shop, valuesFiles: [env/prod.yaml]}]}}\n"
        ),
        "env/prod.yaml": SHOP,
    },
}


@pytest.mark.parametrize("name", READ)
def test_a_file_is_read_as_what_another_file_says(world: World, name: str) -> None:
    references, _ = scan(world, READ[name])

    assert any("ghcr.io/acme/shop" in item for item in references)


def test_what_nobody_names_is_read_by_its_own_name_alone(world: World) -> None:
    assert scan(world, {"env/prod.yaml": SHOP, "params.env": "A=ghcr.io/acme/shop:1.4\n"})[0] == []


def test_only_the_key_that_a_release_takes_holds_values(world: World) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata:\n  prod: |\n    image: {repository: ghcr.io/acme/a, tag: v1}\n"
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        "spec: {valuesFrom: [{kind: ConfigMap, name: config, valuesKey: prod}]}\n"
    )
    assert scan(world, {"release.yaml": release, "config.yaml": config})[0] == []


def test_what_a_unit_of_quadlet_builds_is_no_reference_beside_it(world: World) -> None:
    files = {
        "web.build": "[Build]\nImageTag=localhost/acme/web:1\nFile=Containerfile\n",
        "web.container": "[Container]\nImage=localhost/acme/web:1\n",
    }
    references, skipped = scan(world, files)
    assert references == []
    assert set(skipped) == {"localhost/acme/web:1"}


ENTRY = "images: [{{name: controller, {}}}]\n"
OVERLAY = "resources: [../base]\n"


def test_a_version_that_every_overlay_replaces_is_locked_where_it_is_set(world: World) -> None:
    references, skipped = scan(
        world,
        {
            "base/kustomization.yaml": "resources: [deploy.yaml]\n",
            "base/deploy.yaml": DEPLOY.format("controller:latest"),
            "one/kustomization.yaml": OVERLAY + ENTRY.format("newName: quay.io/acme/op, newTag: '1'"),
            "two/kustomization.yaml": OVERLAY + ENTRY.format("newName: quay.io/acme/op, newTag: '2'"),
        },
    )

    assert references == [
        "one/kustomization.yaml quay.io/acme/op:1",
        "two/kustomization.yaml quay.io/acme/op:2",
    ]
    assert skipped == {"controller:latest": "one/kustomization.yaml replaces it with quay.io/acme/op:1"}


def test_a_version_that_one_overlay_leaves_alone_still_counts(world: World) -> None:
    references, _ = scan(
        world,
        {
            "base/kustomization.yaml": "resources: [deploy.yaml]\n",
            "base/deploy.yaml": DEPLOY.format("controller:3"),
            "one/kustomization.yaml": OVERLAY + ENTRY.format("newTag: '1'"),
            "two/kustomization.yaml": OVERLAY,
        },
    )

    assert references == ["base/deploy.yaml controller:3", "one/kustomization.yaml controller:1"]


def test_a_name_that_is_only_replaced_is_locked_and_pinned_with_its_own_tag(world: World) -> None:
    world.write("kustomization.yaml", "resources: [deploy.yaml]\n" + ENTRY.format("newName: acme/op"))
    world.write("deploy.yaml", DEPLOY.format("controller:7"))
    digest = world.push("acme/op:7")

    assert world.run("lock").code == 0
    assert [f"{image.name}:{image.tag}" for image in world.lock.images] == ["docker.io/acme/op:7"]
    assert world.run("pin").code == 0
    assert world.read("deploy.yaml") == DEPLOY.format(f"controller:7@{digest}")
    assert world.run("check").code == 0
    assert world.run("unpin").code == 0
    assert world.read("deploy.yaml") == DEPLOY.format("controller:7")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("digest: 'sha256:" + "a" * 64 + "'", "replaces it with"),
        ("newTag: v2", "replaces it with controller:v2"),
    ],
)
def test_a_digest_or_a_tag_of_kustomize_decides_the_version(world: World, entry: str, reason: str) -> None:
    _, skipped = scan(
        world,
        {
            "kustomization.yaml": "resources: [deploy.yaml]\n" + ENTRY.format(entry),
            "deploy.yaml": DEPLOY.format("controller:7"),
        },
    )

    assert reason in skipped["controller:7"]


def test_a_suffix_that_drops_the_digest_is_reported_and_nothing_is_locked(world: World) -> None:
    world.write("kustomization.yaml", "resources: [deploy.yaml]\n" + ENTRY.format("tagSuffix: -alpine"))
    world.write("deploy.yaml", DEPLOY.format("controller:7"))
    world.write("other.yaml", DEPLOY.format("acme/other:1"))
    world.push("acme/other:1")

    assert world.run("lock").code == 0
    assert [image.name for image in world.lock.images] == ["docker.io/acme/other"]
    assert world.run("pin").code == 0
    result = world.json("check")
    assert result.codes == ["IL113"]
    assert "tagSuffix in kustomization.yaml" in result.document["findings"][0]["message"]


def test_a_component_and_a_base_pass_their_names_on_to_the_overlay(world: World) -> None:
    references, skipped = scan(
        world,
        {
            "base/kustomization.yaml": "resources: [deploy.yaml]\n" + ENTRY.format("newName: acme/op"),
            "base/deploy.yaml": DEPLOY.format("controller:7"),
            "part/kustomization.yaml": "kind: Component\nimages: [{name: acme/op, newName: corp/op}]\n",
            "prod/kustomization.yaml": (
                "resources: [../base]\ncomponents: [../part]\nimages: [{name: corp/op, newTag: v9}]\n"
            ),
        },
    )

    assert references == ["prod/kustomization.yaml corp/op:v9"]
    assert skipped["controller:7"] == "prod/kustomization.yaml replaces it with corp/op:v9"


def test_kustomizations_in_a_circle_end(world: World) -> None:
    references, _ = scan(
        world,
        {
            "a/kustomization.yaml": "resources: [../b, deploy.yaml]\n" + ENTRY.format("newTag: '1'"),
            "b/kustomization.yaml": "resources: [../a]\n" + ENTRY.format("newTag: '2'"),
            "a/deploy.yaml": DEPLOY.format("other:1"),
        },
    )

    assert "a/deploy.yaml other:1" in references


def test_a_folder_that_flux_or_argo_deploys_gets_their_names(world: World) -> None:
    flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {path: ./app, images: [{name: web, newTag: '3'}]}\n"
    _, skipped = scan(
        world,
        {
            "clusters/app.yaml": flux,
            "app/kustomization.yaml": "resources: [deploy.yaml]\n",
            "app/deploy.yaml": DEPLOY.format("web:1"),
        },
    )

    assert skipped["web:1"] == "clusters/app.yaml replaces it with web:3"


BUILT = {
    "Skaffold, whatever the tag": {
        "skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\nbuild: {artifacts: [{image: ghcr.io/acme/shop}]}\n",
        "k8s/web.yaml": DEPLOY.format("ghcr.io/acme/shop:v1"),
    },
    "a profile of Skaffold": {
        "skaffold.yaml": (
            "apiVersion: skaffold/v4beta6\nkind: Config\nprofiles: [{name: a, patches: [{op: add, "
            "path: /build/artifacts/-, value: {image: shop}}]}]\n"
        ),
        "k8s/web.yaml": DEPLOY.format("shop:v1"),
    },
    "Compose, in the same file": {
        "compose.yaml": (
            "services:\n  a: {build: ., image: 'ghcr.io/acme/shop:v1'}\n  b: {image: 'ghcr.io/acme/shop:v1'}\n"
        ),
    },
    "Compose, a word anywhere": {
        "compose.yaml": "services:\n  a: {build: ., image: 'shop:v1'}\n",
        "k8s/web.yaml": DEPLOY.format("shop:v1"),
    },
    "a Makefile": {
        "Makefile": "image:\n\tdocker build --pull \\\n\t  -t shop:v1 .\n",
        "k8s/web.yaml": DEPLOY.format("shop:v1"),
    },
    "a workflow": {
        ".github/workflows/e2e.yml": (
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - uses: docker/build-push-action@v6\n      with:\n"
            "        tags: |\n          shop:v1\n          ghcr.io/acme/other:1\n"
        ),
        "k8s/web.yaml": DEPLOY.format("shop:v1"),
    },
}


@pytest.mark.parametrize("name", BUILT)
def test_a_name_that_is_built_here_is_skipped_with_the_file_that_builds_it(world: World, name: str) -> None:
    references, skipped = scan(world, BUILT[name])

    assert references == []
    reasons = [reason for text, reason in skipped.items() if "shop" in text]
    assert any("builds an image of this name" in reason for reason in reasons)


@pytest.mark.parametrize(
    "image", ["shop:v2", "acme/shop:v1", "ghcr.io/acme/shop:v1", f"shop:v1@sha256:{'a' * 64}"]
)
def test_another_image_than_the_one_that_is_built_stays_a_reference(world: World, image: str) -> None:
    references, _ = scan(
        world,
        {
            "compose.yaml": "services:\n  a: {build: ., image: 'shop:v1'}\n  b: {build: ., image: 'ghcr.io/acme/shop:v1'}\n",
            "k8s/web.yaml": DEPLOY.format(image),
        },
    )

    assert references == [f"k8s/web.yaml {image}"]


def test_what_a_folder_builds_says_nothing_of_its_neighbours(world: World) -> None:
    references, _ = scan(
        world,
        {
            "a/skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\nbuild: {artifacts: [{image: web}]}\n",
            "b/web.yaml": DEPLOY.format("web:1"),
        },
    )

    assert references == ["b/web.yaml web:1"]


def compose(image: str, more: str = "") -> str:
    return f"services:\n  web:\n    image: {image}\n{more}"


@pytest.mark.parametrize(
    ("image", "env", "reference", "after"),
    [
        ("${IMAGE}", "IMAGE=acme/web:5\n", "acme/web:5", "IMAGE=acme/web:5@DIGEST\n"),
        ("acme/web:${TAG}", "A=1\nTAG='5' # x\n", "acme/web:5", "A=1\nTAG='5@DIGEST' # x\n"),
        ("acme/web:${TAG:-4}", "TAG=5\n", "acme/web:5", "TAG=5@DIGEST\n"),
        ('"$IMAGE:$TAG"', "IMAGE=acme/web\nTAG=5\n", "acme/web:5", None),
        ("${IMAGE}", "export IMAGE=acme/web:4\nIMAGE=acme/web:5\n", "acme/web:5", None),
    ],
)
def test_a_variable_of_compose_is_followed_into_the_environment_file(
    world: World, image: str, env: str, reference: str, after: str | None
) -> None:
    references, _ = scan(world, {"compose.yaml": compose(image), ".env": env})
    assert references == [f".env {reference}"]
    if after is not None:
        digest = world.push("acme/web:5")
        assert world.run("lock").code == 0
        assert world.run("pin").code == 0
        assert world.read(".env").replace(str(digest), "DIGEST") == after
        assert world.run("check").code == 0
        assert world.run("unpin").code == 0
        assert world.read(".env") == env


@pytest.mark.parametrize(
    "more",
    [
        "    environment: {IMAGE: '${IMAGE}'}\n",
        "    command: echo $IMAGE\n",
        "    env_file: .env\n",
        "    env_file: [{path: .env, required: false}]\n",
        "  api: {image: 'acme/api:${IMAGE}'}\n",
    ],
)
def test_a_variable_that_is_used_for_more_than_one_image_is_not_written(world: World, more: str) -> None:
    world.write("compose.yaml", compose("acme/web:${IMAGE}", more))
    world.write(".env", "IMAGE=5\n")

    found = world.json("scan").document["references"]
    assert {item["pinnable"] for item in found} == {False}
    assert found[0]["file"] == ".env"


def test_the_literal_end_of_an_image_is_pinned_where_it_is_written(world: World) -> None:
    world.write("compose.yaml", compose("${HOST}/acme/web:5"))
    world.write(".env", "HOST=docker.io\n")
    digest = world.push("acme/web:5")

    assert world.run("lock").code == 0
    assert world.run("pin").code == 0
    assert world.read("compose.yaml") == compose(f"${{HOST}}/acme/web:5@{digest}")


def test_a_file_that_compose_includes_with_the_project_gives_variables(world: World) -> None:
    references, _ = scan(
        world,
        {
            "compose.yaml": "include: [{path: a.yaml, env_file: a.env}]\n" + compose("acme/web:${TAG}"),
            "a.env": "TAG=5\n",
        },
    )

    assert references == ["a.env acme/web:5"]


def test_arguments_of_a_build_are_images_where_the_dockerfile_says_so(world: World) -> None:
    build = "services:\n  web:\n    build:\n      context: app\n      args:\n        BASE: acme/base:3\n        OTHER: acme/none:1\n"
    references, _ = scan(
        world,
        {"compose.yaml": build, "app/Dockerfile": "ARG BASE\nFROM ${BASE}\nARG OTHER\nRUN echo $OTHER\n"},
    )

    assert references == ["compose.yaml acme/base:3"]


@pytest.mark.parametrize("args", ["{TAG: '3'}", "['TAG=3']"])
def test_arguments_of_an_inlined_dockerfile_are_followed(world: World, args: str) -> None:
    build = (
        f"services:\n  web:\n    build:\n      args: {args}\n      dockerfile_inline: |\n"
        "        ARG TAG\n        FROM acme/base:$TAG\n        COPY --from=acme/tool:1 / /\n"
    )
    world.write("compose.yaml", build)
    base, tool = world.push("acme/base:3"), world.push("acme/tool:1")

    assert world.run("lock").code == 0
    assert world.run("pin").code == 0
    after = world.read("compose.yaml")
    assert f"3@{base}" in after
    assert f"--from=acme/tool:1@{tool} / /" in after
    assert world.run("unpin").code == 0
    assert world.read("compose.yaml") == build


GENERATORS = (
    "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  generators:\n  - {}\n  template: {{spec: {{source: "
    "{{helm: {{parameters: [{{name: image.repository, value: acme/web}}, {{name: image.tag, value: '{{{{.tag}}}}'}}]}}}}}}}}\n"
)


@pytest.mark.parametrize(
    "generator",
    [
        "list: {elements: [{tag: v1}, {tag: v2}]}",
        "matrix: {generators: [{list: {elements: [{tag: v1}, {tag: v2}]}}, {clusters: {}}]}",
    ],
)
def test_elements_of_generators_are_the_images_of_the_template(world: World, generator: str) -> None:
    references, _ = scan(world, {"set.yaml": GENERATORS.format(generator)})

    assert references == ["set.yaml acme/web:v1", "set.yaml acme/web:v2"]


def test_files_of_a_git_generator_are_read_with_the_template(world: World) -> None:
    references, _ = scan(
        world,
        {
            "set.yaml": GENERATORS.format("git: {files: [{path: 'envs/*/config.json'}]}"),
            "envs/prod/config.json": '{"tag": "v3", "other": "acme/other:1"}\n',
        },
    )

    assert references == ["envs/prod/config.json acme/web:v3"]


def test_a_named_file_is_read_as_the_files_above_it_say(world: World) -> None:
    files = {
        "kustomization.yaml": "resources: [a/deploy.yaml]\n" + ENTRY.format("newName: acme/op, newTag: '1'"),
        "a/deploy.yaml": DEPLOY.format("controller:7"),
    }
    references, skipped = scan(world, files, "a/deploy.yaml")

    assert references == []
    assert "controller:7" in skipped


def test_processes_that_share_a_tree_are_told_what_files_say(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "SHARED_FILES", 2)
    monkeypatch.setattr(workers, "_BATCH", 1)
    files = {f"env/{i}.yaml": f"image: {{repository: acme/web, tag: '{i}'}}\n" for i in range(9)}
    names = ", ".join(f"/{name}" for name in files)
    files["app.yaml"] = f"{APPLICATION}source: {{helm: {{valueFiles: [{names}]}}}}\n"
    references, _ = scan(world, files)

    assert len(files) < SHARED_FILES
    assert references == [f"env/{i}.yaml acme/web:{i}" for i in range(9)]


def test_nothing_outside_the_project_is_read_for_a_statement(world: World) -> None:
    (world.root.parent / "outside.env").write_text("IMAGE=acme/web:5\n")
    world.write("compose.yaml", "include: [{path: a.yaml, env_file: ../outside.env}]\n" + compose("${IMAGE}"))

    assert world.json("scan").document["references"] == []
