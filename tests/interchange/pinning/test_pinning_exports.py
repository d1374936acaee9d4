"""Exports and imports for tools that put digests in: what they write is the lock's digest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagelock.errors import UsageError
from imagelock.interchange.base import ExportOptions
from imagelock.interchange.pinning import buildkit_policy, docker_lock, imgpkg, kbld, kustomize
from imagelock.interchange.pinning.spellings import spellings
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage
from support import peers
from support.helm import provide_kustomize

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from support.world import World

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")
LOCK = Lock(
    (
        LockedImage(name="docker.io/library/redis", tag="7", digest=ONE),
        LockedImage(name="quay.io/a/app", tag="latest", digest=TWO),
        LockedImage(name="quay.io/a/bare", tag=None, digest=ONE),
    )
)
NOTHING = ExportOptions()


def canonical(references: Any) -> list[str]:
    return [reference.canonical for reference in references]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("docker.io/library/redis", ("redis", "library/redis", "docker.io/redis", "docker.io/library/redis")),
        ("docker.io/team/app", ("team/app", "docker.io/team/app")),
        ("quay.io/library/app", ("quay.io/library/app",)),
    ],
)
def test_only_docker_hub_may_be_left_out_of_a_name(name: str, expected: tuple[str, ...]) -> None:
    assert spellings(name) == expected


def test_an_images_lock_reads_back_as_the_same_images() -> None:
    text = imgpkg.export(LOCK, NOTHING)
    assert yaml.safe_load(text)["images"][0]["image"] == f"docker.io/library/redis@{ONE}"
    assert canonical(imgpkg.read(text, "images.yml")) == [image.image_id for image in LOCK.images]


def test_an_images_lock_of_a_relocated_bundle_names_the_new_place() -> None:
    text = (
        "apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n"
        f"- image: mirror.corp/m@{ONE}\n  annotations: {{kbld.carvel.dev/id: redis:7}}\n"
    )
    assert canonical(imgpkg.read(text, "images.yml")) == [f"mirror.corp/m@{ONE}"]


def test_kbld_overrides_every_spelling_and_reads_back() -> None:
    text = kbld.export(LOCK, NOTHING)
    overrides = yaml.safe_load(text)["overrides"]
    assert [item["image"] for item in overrides] == [
        "redis:7",
        "library/redis:7",
        "docker.io/redis:7",
        "docker.io/library/redis:7",
        "quay.io/a/app:latest",
        "quay.io/a/app",
    ]
    assert all(item["preresolved"] is True for item in overrides)
    assert f"docker.io/library/redis:7@{ONE}" in canonical(kbld.read(text, "kbld.yml"))


def test_kustomize_sets_the_digest_of_every_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = Lock(LOCK.images[:2])
    (tmp_path / "locked").mkdir()
    text = kustomize.export(lock, NOTHING)
    (tmp_path / "locked/kustomization.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [pod.yaml]\ncomponents: [locked]\n", encoding="utf-8"
    )
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {
            "containers": [
                {"name": f"c{number}", "image": image}
                for number, image in enumerate(("redis:7", "docker.io/redis:7", "quay.io/a/app"))
            ]
        },
    }
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(pod), encoding="utf-8")
    assert f"quay.io/a/app@{TWO}" in canonical(kustomize.read(text, "kustomization.yaml"))
    if provide_kustomize(monkeypatch):
        built = yaml.safe_load(peers.run("kustomize", "build", str(tmp_path)))
        images = [item["image"] for item in built["spec"]["containers"]]
        assert [image.partition("@")[2] for image in images] == [str(ONE), str(ONE), str(TWO)]


def test_kustomize_cannot_tell_two_digests_of_one_name_apart() -> None:
    two = Lock((*LOCK.images, LockedImage(name="docker.io/library/redis", tag="8", digest=TWO)))
    with pytest.raises(UsageError, match="several digests of docker"):
        kustomize.export(two, NOTHING)


def test_a_kustomization_with_a_new_name_and_tag_is_read() -> None:
    text = f"images:\n- {{name: app, newName: quay.io/a/app, newTag: '1', digest: '{ONE}'}}\n- {{name: x}}\n"
    assert canonical(kustomize.read(text, "kustomization.yaml")) == [f"quay.io/a/app:1@{ONE}"]


def test_buildkit_turns_tags_into_digests() -> None:
    rules = json.loads(buildkit_policy.export(LOCK, NOTHING))["rules"]
    assert rules == [
        {
            "action": "CONVERT",
            "selector": {"identifier": f"docker-image://{image.reference}"},
            "updates": {"identifier": f"docker-image://{image.image_id}"},
        }
        for image in LOCK.images[:2]
    ]


def test_buildkit_can_refuse_what_is_not_locked() -> None:
    asked = ExportOptions(values={"deny": ("yes",)})
    rules = json.loads(buildkit_policy.export(LOCK, asked))["rules"]
    assert rules[0] == {"action": "DENY", "selector": {"identifier": "docker-image://*"}}
    allowed = {rule["selector"]["identifier"] for rule in rules if rule["action"] == "ALLOW"}
    converted = {rule["updates"]["identifier"] for rule in rules if rule["action"] == "CONVERT"}
    # What a rule converts to is looked at again, from the first rule on.
    assert converted <= allowed
    assert f"docker-image://quay.io/a/bare@{ONE}" in allowed


def test_docker_locks_images_of_every_kind_are_read() -> None:
    text = json.dumps(
        {
            "dockerfiles": {"Dockerfile": [{"name": "redis", "tag": "7", "digest": ONE.hex}]},
            "composefiles": {
                "docker-compose.yml": [
                    {"name": "quay.io/a/app", "tag": "", "digest": TWO.hex, "service": "app"}
                ]
            },
        }
    )
    assert canonical(docker_lock.read(text, "docker-lock.json")) == [
        f"docker.io/library/redis:7@{ONE}",
        f"quay.io/a/app@{TWO}",
    ]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (docker_lock, "{}"),
        (docker_lock, '{"dockerfiles": {"D": [{"name": "redis", "digest": "12"}]}}'),
        (docker_lock, '{"dockerfiles": {"D": 1}}'),
        (docker_lock, '{"dockerfiles": 1}'),
        (imgpkg, "kind: Pod\n"),
        (imgpkg, "kind: ImagesLock\nimages: [{image: 'redis:7'}]\n"),
        (imgpkg, "kind: ImagesLock\nimages: [redis]\n"),
        (imgpkg, "kind: [\n"),
        (kbld, "kind: Config\noverrides: []\n"),
        (kbld, "- a\n"),
        (kustomize, "images: [{name: redis, newTag: '7'}]\n"),
        (kustomize, "images: [{name: redis, digest: '12'}]\n"),
    ],
)
def test_what_is_no_record_is_refused_with_its_file(kind: ModuleType, text: str) -> None:
    with pytest.raises(UsageError) as refused:
        kind.read(text, "some-file")
    assert refused.value.where == "some-file"


def test_an_imported_record_pins(world: World) -> None:
    world.write("images.yml", imgpkg.export(LOCK, NOTHING))
    result = world.run_plain("import", "imgpkg", "-C", str(world.root), "images.yml")
    assert result.code == 0
    world.write("list.txt", result.out)
    world.write("a.yaml", "kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - image: redis:7\n")
    assert world.run("pin", "--lock-file", "list.txt", "a.yaml").code == 0
    assert f"redis:7@{ONE}" in world.read("a.yaml")
