"""Pod templates are found by their shape, in kinds that imagelock has never heard of."""

from __future__ import annotations

import json

import pytest

from imagelock.cluster.objects import decode
from imagelock.cluster.running import ContainerKind, Workload
from imagelock.cluster.shapes import templates_of

POD = {
    "containers": [{"name": "c", "image": "quay.io/acme/app:1"}],
    "initContainers": [{"name": "i", "image": "quay.io/acme/init:1"}],
}
BOTH = ["quay.io/acme/app:1", "quay.io/acme/init:1"]
SHAPES: dict[str, dict[str, object]] = {
    "Rollout": {"spec": {"replicas": 2, "template": {"spec": POD}}},
    "DeploymentConfig": {"spec": {"template": {"spec": POD}}},
    "CloneSet": {"spec": {"template": {"metadata": {}, "spec": POD}}},
    "Service": {"spec": {"template": {"spec": POD}}},
    "ScaledJob": {"spec": {"jobTargetRef": {"template": {"spec": POD}}}},
    "RayCluster": {
        "spec": {
            "headGroupSpec": {"template": {"spec": POD}},
            "workerGroupSpecs": [{"template": {"spec": POD}}],
        }
    },
    "AdvancedCronJob": {"spec": {"template": {"jobTemplate": {"spec": {"template": {"spec": POD}}}}}},
    "PodTemplate": {"template": {"spec": POD}},
}


@pytest.mark.parametrize("kind", SHAPES)
def test_whatever_has_a_pod_template_is_a_workload(kind: str) -> None:
    document = {
        "apiVersion": "acme.io/v1",
        "kind": kind,
        "metadata": {"name": "x", "namespace": "shop"},
        **SHAPES[kind],
    }
    (found,) = decode(json.dumps(document).encode())
    assert isinstance(found, Workload)
    assert (str(found.me), found.namespace) == (f"{kind}/x", "shop")
    assert sorted({item.image for item in found.templates}) == BOTH
    assert {item.kind for item in found.templates} == {ContainerKind.CONTAINER, ContainerKind.INIT}


@pytest.mark.parametrize(
    ("spec", "images"),
    [
        ({"steps": [{"name": "build", "image": "a:1"}], "stepTemplate": {"image": "b:1"}}, ["a:1", "b:1"]),
        (
            {"templates": [{"container": {"image": "a:1"}}, {"script": {"image": "b:1", "source": "x"}}]},
            ["a:1", "b:1"],
        ),
        (
            {
                "templates": [
                    {
                        "containerSet": {"containers": [{"name": "m", "image": "c:1"}]},
                        "sidecars": [{"name": "s", "image": "d:1"}],
                    }
                ]
            },
            ["c:1", "d:1"],
        ),
    ],
)
def test_tekton_and_argo_templates_are_found(spec: dict[str, object], images: list[str]) -> None:
    assert sorted(item.image for item in templates_of({"spec": spec})) == images


@pytest.mark.parametrize("kind", ["ControllerRevision", "Event", "CustomResourceDefinition", "PodMetrics"])
def test_history_schemas_and_measurements_make_no_pods(kind: str) -> None:
    document = {
        "apiVersion": "x/v1",
        "kind": kind,
        "metadata": {"name": "x"},
        "data": {"spec": {"template": {"spec": POD}}},
    }
    assert decode(json.dumps(document).encode()) == ()


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"image": "a:1", "containers": "none"}},
        {"kind": "Custom", "metadata": {"name": "x"}, "status": {"template": {"spec": POD}}},
        {
            "kind": "Custom",
            "metadata": {"name": "x", "annotations": {"containers": "image"}},
            "spec": {"containers": {"image": "a:1"}},
        },
        {
            "kind": "Custom",
            "metadata": {"name": "x"},
            "spec": {"containers": [{"name": "c"}, "image"], "image": {"reference": 1}},
        },
    ],
)
def test_what_only_looks_like_a_template_is_none(document: dict[str, object]) -> None:
    assert decode(json.dumps(document).encode()) == ()
