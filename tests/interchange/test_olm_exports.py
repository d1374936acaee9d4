"""Exports and imports for operator teams."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagelock.errors import UsageError
from imagelock.interchange import (
    olm_entrypoint,
    operator_references,
    operator_replacements,
    prepull,
    relatedimages,
)
from imagelock.interchange.base import ExportOptions
from imagelock.interchange.operator_manifest import read
from imagelock.lockfile.reader import parse_list
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage

if TYPE_CHECKING:
    from support.world import World

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")
LOCK = Lock(
    (
        LockedImage(name="docker.io/library/redis", tag="7", digest=ONE),
        LockedImage(name="quay.io/a/app", tag="1.0", digest=TWO),
        LockedImage(name="quay.io/a/app", tag="latest", digest=TWO),
        LockedImage(name="quay.io/a/bare", tag=None, digest=TWO),
    )
)
TOOL = f"docker.io/library/busybox@{ONE}"


def test_references_and_replacements_are_those_of_operator_manifest_tools() -> None:
    references = json.loads(operator_references.export(LOCK, ExportOptions()))
    assert references == [image.reference for image in LOCK.images]
    replacements = json.loads(operator_replacements.export(LOCK, ExportOptions()))
    assert list(replacements) == references
    assert replacements["quay.io/a/app:1.0"] == f"quay.io/a/app@{TWO}"


def test_replacements_read_back_as_the_same_lock() -> None:
    text = operator_replacements.export(LOCK, ExportOptions())
    lines = "".join(f"{reference.canonical}\n" for reference in read(text, "r.json"))
    assert parse_list(lines, "list") == LOCK


@pytest.mark.parametrize(
    "text",
    ["", "1", '["A B"]', "[1]", '{"a:1": "a:1"}', f'{{"a:1": "b@{ONE}"}}', '{"a:1": null}', '["a:1"'],
)
def test_what_is_neither_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        read(text, "r.json")


def test_the_import_prints_a_list_that_pins(world: World) -> None:
    world.write("r.json", f'{{"nginx:1": "nginx@{ONE}"}}')
    result = world.run_plain("import", "operator-manifest", "-C", str(world.root), "r.json")
    assert (result.code, result.out) == (0, f"docker.io/library/nginx:1@{ONE}\n")
    world.write("list.txt", result.out)
    world.write("a.yaml", "kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - image: nginx:1\n")
    assert world.run("pin", "--lock-file", "list.txt", "a.yaml").code == 0
    assert f"nginx:1@{ONE}" in world.read("a.yaml")


def test_related_images_have_unique_names_and_their_tag() -> None:
    text = relatedimages.export(LOCK, ExportOptions())
    related = yaml.safe_load(text)["relatedImages"]
    assert [item["name"] for item in related] == ["redis-7", "app-1.0", "app-latest", f"bare-@{TWO}"]
    assert "  # tag: quay.io/a/app:latest\n" in text
    assert yaml.safe_load(relatedimages.export(Lock(), ExportOptions())) == {"relatedImages": []}


def test_related_images_that_collide_are_told() -> None:
    lock = Lock(
        tuple(LockedImage(name=f"{host}/a/b", tag="1", digest=ONE) for host in ("ghcr.io", "quay.io"))
    )
    with pytest.raises(UsageError, match="IL116"):
        relatedimages.export(lock, ExportOptions())


def _asked(**values: str) -> ExportOptions:
    return ExportOptions(values={name.replace("_", "-"): (value,) for name, value in values.items()})


def test_a_daemon_set_pulls_each_digest_once() -> None:
    document: Any = yaml.safe_load(prepull.export(LOCK, _asked(tool_image=TOOL, name="pull", namespace="x")))
    spec = document["spec"]["template"]["spec"]
    assert document["metadata"]["namespace"] == "x"
    assert [item["image"] for item in spec["initContainers"]] == [
        TOOL,
        f"docker.io/library/redis@{ONE}",
        f"quay.io/a/app@{TWO}",
        f"quay.io/a/bare@{TWO}",
    ]
    assert spec["automountServiceAccountToken"] is False
    assert "&id" not in prepull.export(LOCK, _asked(tool_image=TOOL, name="pull"))


@pytest.mark.parametrize(("lock", "name"), [(LOCK, "NO"), (Lock(), "pull")])
def test_what_gives_no_daemon_set_is_told(lock: Lock, name: str) -> None:
    with pytest.raises(UsageError):
        prepull.export(lock, _asked(tool_image=TOOL, name=name))


def test_the_entrypoint_runs_beside_the_registry() -> None:
    asked = _asked(
        image=TOOL, registry_image=f"quay.io/a/app@{TWO}", env_match="_image_", tree="/srv/", name="reg"
    )
    document: Any = yaml.safe_load(olm_entrypoint.export(LOCK, asked))
    spec = document["spec"]["template"]["spec"]
    copy, pin = spec["initContainers"]
    assert copy["command"] == ["cp", "-R", "/srv/.", "/imagelock-tree"]
    assert pin["args"] == ["olm", "entrypoint", "--env-match", "_image_", "/imagelock-tree"]
    assert spec["containers"][0]["volumeMounts"] == [{"name": "tree", "mountPath": "/srv"}]


@pytest.mark.parametrize("values", [{"name": "NO", "tree": "/a"}, {"name": "a", "tree": "relative"}])
def test_what_gives_no_entrypoint_is_told(values: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        olm_entrypoint.export(LOCK, _asked(**values))
