"""The registry against the lock: one HEAD an entry; moved, gone and could-not-tell are never mixed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.model.digest import Digest
from support.images import manifest_body, manifest_reply
from support.lying import Lying, oci_error
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"
B = "quay.io/acme/base:2.0"


@pytest.fixture
def locked(world: World) -> World:
    """Give a lock of two tags and one digest without tag."""
    for reference in (A, B):
        world.push(reference)
    bare = world.push("quay.io/acme/bare:1")
    world.write("a.yaml", deployment(A, B, f"quay.io/acme/bare@{bare}"))
    assert world.run("lock").code == 0
    world.asked()
    return world


def test_where_nothing_moved_drift_is_exactly_one_head_a_reference(locked: World) -> None:
    result = locked.json("drift")
    assert (result.code, result.codes, result.document["summary"]["same"]) == (0, [], 3)
    assert sorted(one.method for one in locked.asked()) == ["HEAD"] * 3


def test_a_moved_tag_is_il102_with_before_and_after(locked: World) -> None:
    old = str(locked.lock.images[0].digest)
    new = locked.push(A, "moved")
    result = locked.json("drift")
    assert (result.code, result.codes) == (1, ["IL102"])
    assert result.document["changes"] == [{"reference": A, "before": old, "after": new}]
    assert f"imagelock update {A}" in result.document["findings"][0]["hint"]


def test_a_tag_that_is_gone_is_il304_while_its_digest_is_there(locked: World) -> None:
    locked.store.delete_tag("quay.io/acme/app", "1.0")
    result = locked.json("drift")
    assert (result.code, result.codes) == (1, ["IL304"])


def test_a_digest_that_is_gone_is_il303(locked: World) -> None:
    for image in locked.lock.images:
        locked.store.delete_manifest(image.name, image.digest)
    result = locked.json("drift")
    assert (result.code, result.codes) == (1, ["IL303"] * 3)


def test_a_tag_that_moved_and_whose_old_digest_is_gone_is_both(locked: World) -> None:
    old = locked.lock.images[0].digest
    locked.push(A, "moved")
    locked.store.delete_manifest("quay.io/acme/app", old)
    assert locked.json("drift").codes == ["IL102", "IL303"]


def test_every_entry_is_in_exactly_one_count(locked: World) -> None:
    locked.push(A, "moved")
    locked.store.delete_tag("quay.io/acme/base", "2.0")
    summary = locked.json("drift").document["summary"]
    assert summary.pop("entries") == sum(summary.values()) == 3


def test_drift_never_speaks_of_platforms(locked: World) -> None:
    locked.configure('[lock]\nplatforms = ["linux/s390x"]\n')
    assert locked.json("drift").codes == []


def test_offline_is_could_not_tell_and_neither_fine_nor_drift(locked: World) -> None:
    result = locked.json("drift", "--offline")
    assert (result.code, set(result.codes)) == (3, {"IL302"})
    assert locked.asked() == []


def test_a_registry_that_is_down_is_could_not_tell_and_the_lock_stays(locked: World) -> None:
    before = locked.read("images.lock")
    locked.registry.close()
    result = locked.json("drift", "--retry-time", "0")
    assert (result.code, set(result.codes)) == (3, {"IL302"})
    assert locked.json("lock", "-U", "--retry-time", "0").code == 3
    assert locked.read("images.lock") == before


@pytest.mark.parametrize(
    ("status", "code"), [(401, "UNAUTHORIZED"), (403, "DENIED"), (429, "TOOMANYREQUESTS"), (500, "UNKNOWN")]
)
def test_a_refusal_is_could_not_tell_never_gone(world: World, status: int, code: str) -> None:
    digest = Digest.of(manifest_body())
    world.write("list.txt", f"{A}@{digest}\n")
    with Lying() as server:
        server.default = oci_error(status, code)
        world.write(
            "imagelock.toml", f'[registries."quay.io"]\nmirrors = ["{server.url}"]\nfallback = false\n'
        )
        result = world.json("drift", "--lock-file", "list.txt", "--retry-time", "0")
    assert (result.code, result.codes) == (3, ["IL302"])


def test_a_proxys_page_instead_of_a_registrys_404_is_could_not_tell(world: World) -> None:
    digest = Digest.of(manifest_body())
    world.write("list.txt", f"{A}@{digest}\n")
    with Lying() as server:
        server.default = manifest_reply(b"<html>not found</html>", media_type="text/html")
        world.write(
            "imagelock.toml", f'[registries."quay.io"]\nmirrors = ["{server.url}"]\nfallback = false\n'
        )
        result = world.json("drift", "--lock-file", "list.txt", "--retry-time", "0")
    assert (result.code, result.codes) == (3, ["IL302"])


def test_a_head_that_lies_about_a_digest_is_not_called_drift(world: World) -> None:
    body = manifest_body()
    digest = Digest.of(body)
    world.write("list.txt", f"{A}@{digest}\n")
    with Lying() as server:
        path = "/v2/acme/app/manifests/1.0"
        server.on(f"HEAD {path}", manifest_reply(body, digest="sha256:" + "0" * 64))
        server.on(f"GET {path}", manifest_reply(body))
        world.write(
            "imagelock.toml", f'[registries."quay.io"]\nmirrors = ["{server.url}"]\nfallback = false\n'
        )
        result = world.json("drift", "--lock-file", "list.txt", "--retry-time", "0")
    assert (result.code, result.codes) == (0, [])


@pytest.mark.parametrize("verb", ["lock", "drift"])
def test_a_dead_host_is_told_once_on_the_terminal_and_once_an_image_in_json(world: World, verb: str) -> None:
    images = [f"quay.io/acme/app{number}:1" for number in range(30)]
    for image in images:
        world.push(image)
    world.write("a.yaml", deployment(*images))
    if verb == "drift":
        assert world.run("lock").code == 0
    world.registry.close()
    shown = world.run(verb, "--retry-time", "0")
    assert shown.code == 3
    assert len(shown.out.splitlines()) < 18
    assert shown.out.count("connection refused") <= 2
    assert "and 20 more: --all lists them" in shown.out
    everything = world.run(verb, "--retry-time", "0", "--all").out
    assert all(image in everything for image in images)
    result = world.json(verb, "--retry-time", "0")
    assert (result.code, len(result.codes)) == (3, 30)
    assert all("connection refused" in item["message"] for item in result.document["findings"])
