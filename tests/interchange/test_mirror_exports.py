"""Exports for a mirror: what other tools read is what ``mirror`` made."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagelock.errors import UsageError
from imagelock.interchange import containerd_hosts, idms, itms, mirror_job, registries_conf
from imagelock.interchange.base import ExportOptions
from imagelock.lockfile.reader import parse_list
from support import peers

if TYPE_CHECKING:
    from conftest import AnyRegistry
    from imagelock.model.lock import Lock
    from support.world import World

MIRROR = "mirror.corp:5000/m"


@pytest.fixture
def lock() -> Lock:
    """Give a lock of three repositories on two hosts."""
    text = "\n".join(
        (
            f"nginx:1.25@sha256:{1:064d}",
            f"nginx:1.26@sha256:{2:064d}",
            f"team/app:1@sha256:{3:064d}",
            f"localhost:5000/a/b@sha256:{4:064d}",
        )
    )
    return parse_list(text, "list")


def asked(**values: str) -> ExportOptions:
    given = {"mirror": MIRROR, "name": "x", **values}
    return ExportOptions(values={name.replace("_", "-"): (value,) for name, value in given.items()})


def objects(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


@pytest.mark.parametrize(
    ("export", "kind", "key"),
    [(idms, "ImageDigestMirrorSet", "imageDigestMirrors"), (itms, "ImageTagMirrorSet", "imageTagMirrors")],
)
def test_mirror_sets_name_each_repository_once(lock: Lock, export: Any, kind: str, key: str) -> None:
    (found,) = objects(export.export(lock, asked(policy="NeverContactSource")))
    assert (found["kind"], found["apiVersion"]) == (kind, "config.openshift.io/v1")
    assert found["spec"][key] == [
        {"source": source, "mirrors": [f"{MIRROR}/{place}"], "mirrorSourcePolicy": "NeverContactSource"}
        for source, place in (
            ("docker.io/library/nginx", "docker.io/library/nginx"),
            ("docker.io/team/app", "docker.io/team/app"),
            ("localhost:5000/a/b", "localhost-5000/a/b"),
        )
    ]


def test_the_rules_of_map_count_here_too(lock: Lock) -> None:
    (found,) = objects(idms.export(lock, asked(map="docker.io/library/(.*)=base/$1")))
    assert found["spec"]["imageDigestMirrors"][0]["mirrors"] == [f"{MIRROR}/base/nginx"]


def test_registries_conf_is_toml_with_a_mirror_for_each_repository(lock: Lock) -> None:
    found = tomllib.loads(registries_conf.export(lock, asked(mirror="http://mirror:5000")))
    assert [one["prefix"] for one in found["registry"]] == [
        "docker.io/library/nginx",
        "docker.io/team/app",
        "localhost:5000/a/b",
    ]
    assert found["registry"][0]["mirror"] == [
        {"location": "mirror:5000/docker.io/library/nginx", "insecure": True}
    ]


@pytest.mark.parametrize("only", ["yes", "no"])
def test_skopeo_pulls_from_the_mirror_by_registries_conf(
    world: World, peer_registry: AnyRegistry, only: str
) -> None:
    digest = world.push("docker.io/team/app:1")
    world.write("images.lock", f"docker.io/team/app:1@{digest}\n")
    assert world.run("mirror", "--to", peer_registry.address).code == 0
    mirror = ("--mirror", f"http://{peer_registry.address}", "--only-mirror", only)
    made = world.run_plain("export", "registries-conf", "-C", str(world.root), *mirror)
    assert made.code == 0
    conf = world.write("registries.conf", made.out)
    if not peers.has("skopeo"):
        return
    raw = peers.skopeo("--registries-conf", str(conf), "inspect", "--raw", "docker://docker.io/team/app:1")
    assert json.loads(raw) == json.loads(world.store.get_manifest("docker.io/team/app", "1").body)


def test_containerd_gets_one_file_a_host(lock: Lock) -> None:
    text = containerd_hosts.export(lock, asked())
    first, second = text.split("\n\n#")
    assert first.startswith("# file: /etc/containerd/certs.d/docker.io/hosts.toml\n")
    assert second.startswith(" file: /etc/containerd/certs.d/localhost:5000/hosts.toml\n")
    assert tomllib.loads(first) == {
        "server": "https://registry-1.docker.io",
        "host": {
            "https://mirror.corp:5000/v2/m/docker.io": {
                "capabilities": ["pull", "resolve"],
                "override_path": True,
            }
        },
    }


def test_the_job_mirrors_every_shard_of_the_lock(world: World, peer_registry: AnyRegistry) -> None:
    for number in range(6):
        world.push(f"docker.io/team/app{number}:1")
    images = "".join(
        f"docker.io/team/app{number}:1@{world.store.resolve_tag(f'docker.io/team/app{number}', '1')}\n"
        for number in range(6)
    )
    config, job = objects(
        mirror_job.export(
            parse_list(images, "list"),
            asked(mirror=peer_registry.address, image="example.com/imagelock@sha256:0", shards="3"),
        )
    )
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    listed = world.write("images.txt", config["data"]["images.txt"])
    copied = 0
    for index in range(spec["completions"]):
        arguments = [
            part.replace("$(JOB_COMPLETION_INDEX)", str(index)).replace("/lock/images.txt", str(listed))
            for part in spec["template"]["spec"]["containers"][0]["args"]
        ]
        result = world.json(*arguments)
        assert result.code == 0
        copied += result.document["summary"]["copied"]
    assert copied == 6
    assert world.json("mirror", "--lock-file", str(listed), "--to", peer_registry.address).document[
        "summary"
    ] == {
        "images": 6,
        "copied": 0,
        "there_already": 6,
        "conflicts": 0,
        "failed": 0,
        "could_not_tell": 0,
        "held_back": 0,
    }


@pytest.mark.parametrize("values", [{"shards": "0"}, {"shards": "x"}, {"name": "No Name"}])
def test_a_job_that_cannot_be_is_refused(lock: Lock, values: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        mirror_job.export(lock, asked(image="x", **{"shards": "1", "name": "x", **values}))


def test_no_mirror_is_refused(lock: Lock) -> None:
    with pytest.raises(UsageError):
        idms.export(lock, asked(mirror="not a registry"))
