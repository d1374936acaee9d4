"""Custom resources by the table, objects of OLM, and objects in Lists and Templates."""

from __future__ import annotations

import json

import pytest

from formats.reading import damage, pinned, places, reasons, references
from imagelock.formats.kubernetes.custom_resource_table import KINDS

PATH = "x.yaml"


def _object(group: str, kind: str, path: str) -> str:
    """Write an object that has an image at a path."""
    value = "{kind: DockerImage, name: a/b:1}" if path.endswith(".from.name") else "a/b:1"
    for key in reversed(path.removesuffix(".name").split(".") if value[0] == "{" else path.split(".")):
        inner = f"[{value}]" if key.endswith("[]") else f"{{x: {value}}}" if key.endswith("{}") else value
        value = f"{{{key.removesuffix('[]').removesuffix('{}')}: {inner}}}"
    version = f"{group}/v1" if group else "v1"
    return f'{{"apiVersion": {version}, "kind": {kind}, {value[1:]}\n'


ALL = [(row.group, kind, path) for row in KINDS for kind in row.kinds for path in row.paths]
BUILT = [(row.group, kind, path) for row in KINDS for kind in row.kinds for path in row.built]


@pytest.mark.parametrize(("group", "kind", "path"), ALL)
def test_every_line_of_the_table_finds_and_pins_its_place(group: str, kind: str, path: str) -> None:
    content = _object(group, kind, path)
    assert references(content, PATH) == ["a/b:1"]
    assert pinned(content, PATH) == content.replace("a/b:1", "a/b:1@DIGEST")


@pytest.mark.parametrize(("group", "kind", "path"), BUILT)
def test_what_a_resource_builds_is_no_reference(group: str, kind: str, path: str) -> None:
    content = _object(group, kind, path)
    assert references(content, PATH) == []
    assert reasons(content, PATH) == {"a/b:1": "the name of an image that this resource builds"}


def test_the_table_names_each_place_once() -> None:
    assert len(set(ALL + BUILT)) == len(ALL + BUILT)


@pytest.mark.parametrize(
    "content",
    [
        "apiVersion: example.com/v1\nkind: Prometheus\nspec: {image: a/b:1}\n",
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: {image: a/b:1}\n",
        "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nspec: {other: {image: a/b:1}}\n",
        "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nimage: a/b:1\n",
        (
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\n"
            "spec: {tags: [{from: {kind: ImageStreamTag, name: 'a/b:1'}}]}\n"
        ),
    ],
)
def test_other_keys_and_other_groups_are_no_places(content: str) -> None:
    assert references(content, PATH) == []


def test_objects_of_a_list_and_their_pods_are_read() -> None:
    content = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: rabbitmq.com/v1beta1, kind: RabbitmqCluster, spec: {image: a/b:1}}\n"
        "- {apiVersion: v1, kind: Pod, spec: {containers: [{image: c/d:1}]}}\n"
    )
    assert references(content, PATH) == ["a/b:1", "c/d:1"]


def test_parameters_of_an_openshift_template_are_skipped() -> None:
    content = (
        "apiVersion: template.openshift.io/v1\nkind: Template\nobjects:\n"
        "- {apiVersion: rabbitmq.com/v1beta1, kind: RabbitmqCluster, spec: {image: '${IMAGE}'}}\n"
        "- {apiVersion: v1, kind: Pod, spec: {containers: [{image: '${NAME}:1'}]}}\n"
    )
    assert set(reasons(content, PATH).values()) == {"a parameter of an OpenShift Template"}
    assert damage(content, PATH) == []


def test_a_variable_elsewhere_is_a_placeholder() -> None:
    content = "apiVersion: rabbitmq.com/v1beta1\nkind: RabbitmqCluster\nspec: {image: '${IMAGE}'}\n"
    assert damage(content, PATH) == []
    assert "placeholder" in reasons(content, PATH)["${IMAGE}"]


def test_a_disk_is_read_behind_its_scheme() -> None:
    content = (
        "apiVersion: cdi.kubevirt.io/v1beta1\nkind: DataVolume\n"
        "spec: {source: {registry: {url: 'docker://a/b:1'}}}\n"
    )
    (place,) = places(content, PATH)
    assert (str(place.reference), place.line, place.column) == ("a/b:1", 3, 43)
    assert "'docker://a/b:1@DIGEST'" in pinned(content, PATH)


@pytest.mark.parametrize("url", ["a/b:1", "oci://a/b:1"])
def test_a_wasm_module_is_an_image_with_a_scheme_or_without(url: str) -> None:
    content = f"apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: {{url: '{url}'}}\n"
    assert references(content, PATH) == ["a/b:1"]
    assert f"'{url}@DIGEST'" in pinned(content, PATH)


@pytest.mark.parametrize("url", ["https://a/b.wasm", "file:///a/b.wasm", "http://a/b"])
def test_a_wasm_module_of_another_place_is_no_image(url: str) -> None:
    content = f"apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: {{url: '{url}'}}\n"
    assert (references(content, PATH), damage(content, PATH)) == ([], [])


@pytest.mark.parametrize("group", ["acid.zalan.do", "unknown.example.com"])
@pytest.mark.parametrize(
    "beside",
    [
        "sidecars: [{name: x, image: 'a/b:1'}]",
        "mysql: {sidecars: [{name: x, image: 'a/b:1', env: [{name: JSON, value: '[]'}]}]}",
        "extraContainers: [{name: x, image: 'a/b:1'}]",
        "pools: [{initContainer: {image: 'a/b:1'}}]",
    ],
)
def test_containers_beside_a_pod_are_read_in_custom_resources(group: str, beside: str) -> None:
    content = f"apiVersion: {group}/v1\nkind: postgresql\nspec: {{{beside}}}\n"
    assert references(content, PATH) == ["a/b:1"]


@pytest.mark.parametrize("version", ["v1", "apps/v1", "batch.k8s.io/v1"])
def test_built_in_kinds_have_no_containers_beside_a_pod(version: str) -> None:
    content = (
        f"apiVersion: {version}\nkind: Deployment\nspec: {{containers: [], sidecars: [{{image: 'a/b:1'}}]}}\n"
    )
    assert references(content, PATH) == []


def test_repository_and_tag_apart_are_told_as_skipped() -> None:
    content = (
        "apiVersion: operator.victoriametrics.com/v1beta1\nkind: VMAgent\n"
        "spec: {image: {repository: victoriametrics/vmagent, tag: v1.90.0}}\n"
    )
    assert references(content, PATH) == []
    (reason,) = reasons(content, PATH).values()
    assert reason.startswith("repository and tag apart")


def test_strategies_take_parameters() -> None:
    content = "apiVersion: shipwright.io/v1beta1\nkind: ClusterBuildStrategy\nspec: {steps: [{image: $(params.x)}]}\n"
    assert list(reasons(content, PATH).values()) == ["a parameter of a build strategy"]


@pytest.mark.parametrize(
    "content",
    [
        "schema: olm.bundle\nimage: a/b:1\n",
        "schema: olm.bundle\nrelatedImages: [{name: x, image: 'a/b:1'}]\n",
        "schema: olm.bundle\nproperties: [{type: olm.csv.metadata, value: {annotations: {containerImage: a/b:1}}}]\n",
        "schema: olm.template.basic\nentries: [{schema: olm.package}, {schema: olm.bundle, image: a/b:1}]\n",
        "schema: olm.semver\nStable: {Bundles: [{Image: a/b:1}]}\n",
        "schema: olm.semver\nfast: {bundles: [{image: a/b:1}]}\n",
        "Schema: olm.semver\nGenerateMajorChannels: true\nCandidate:\n  Bundles:\n  - Image: a/b:1\n",
        "Schema: olm.template.basic\nEntries: [{Schema: olm.bundle, Image: a/b:1}]\n",
        "schema: olm.template.substitutes\nentries: [{schema: olm.bundle, image: a/b:1}]\nsubstitutions: []\n",
        "schema: olm.composite.catalogs\ncatalogs: [{name: v1, destination: {baseImage: a/b:1}}]\n",
        "apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nspec: {image: a/b:1}\n",
        (
            "apiVersion: operators.coreos.com/v1alpha1\nkind: Subscription\n"
            "spec: {config: {env: [{name: RELATED_IMAGE_x, value: a/b:1}]}}\n"
        ),
        "apiVersion: olm.operatorframework.io/v1\nkind: ClusterCatalog\nspec: {source: {image: {ref: a/b:1}}}\n",
        '{"schema": "olm.bundle", "image": "a/b:1"}\n',
    ],
)
def test_catalogs_and_what_names_them_are_read(content: str) -> None:
    assert references(content, PATH) == ["a/b:1"]
    assert pinned(content, PATH) == content.replace("a/b:1", "a/b:1@DIGEST")


@pytest.mark.parametrize(
    "content",
    [
        "schema: olm.package\nimage: a/b:1\n",
        "schema: other\nimage: a/b:1\n",
        "schema: olm.semver\nOther: {Bundles: [{Image: a/b:1}]}\n",
        "apiVersion: messaging.example.com/v1\nkind: Subscription\nspec: {image: a/b:1}\n",
        "apiVersion: operators.coreos.com/v1alpha1\nkind: Subscription\nspec: {image: a/b:1}\n",
    ],
)
def test_other_blobs_and_subscriptions_have_no_images(content: str) -> None:
    assert references(content, PATH) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
@pytest.mark.parametrize("indent", [None, 4])
def test_a_stream_of_json_objects_is_read_object_by_object(indent: int | None, end: str) -> None:
    blobs = [
        {"schema": "olm.package", "name": "x"},
        {"schema": "olm.bundle", "image": "a/b:1", "relatedImages": [{"name": "", "image": "c/d:1"}]},
        {"schema": "olm.bundle", "image": "e/f:1"},
    ]
    content = end.join(json.dumps(blob, indent=indent) for blob in blobs) + end
    assert references(content, "catalog.json") == ["a/b:1", "c/d:1", "e/f:1"]
    assert [place.document for place in places(content, "catalog.json")] == [1, 1, 2]
    after = pinned(content, "catalog.json")
    assert after.count("@DIGEST") == 3
    assert after.replace("@DIGEST", "") == content


def test_a_broken_object_of_a_stream_does_not_take_the_others_with_it() -> None:
    content = '{"schema": "olm.bundle", "image": "a/b:1"}\n{"image": ]}\n{"schema": "olm.bundle", "image": "c/d:1"}\n'
    assert references(content, "catalog.json") == ["a/b:1", "c/d:1"]


@pytest.mark.parametrize(
    "item",
    [
        "{apiVersion: operators.coreos.com/v1alpha1, kind: CatalogSource, spec: {image: 'a/b:1'}}",
        "{apiVersion: helm.cattle.io/v1, kind: HelmChart, spec: {valuesContent: 'image: {repository: a/b, tag: v1}'}}",
        "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, spec: {values: {image: 'a/b:1'}}}",
    ],
)
def test_a_list_of_objects_of_several_formats_loses_no_pod(item: str) -> None:
    content = (
        f"apiVersion: v1\nkind: List\nitems:\n- {item}\n"
        "- {apiVersion: v1, kind: Pod, spec: {containers: [{name: x, image: 'c/d:1'}]}}\n"
    )
    assert references(content, PATH)[-1] == "c/d:1"
    assert len(references(content, PATH)) == 2
