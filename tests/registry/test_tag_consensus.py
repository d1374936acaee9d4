"""Two sources of a tag with two digests are an error; who knows nothing or cannot be asked contradicts nobody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagelock.errors import DigestConflictError, IntegrityError, NotFoundError
from imagelock.model.digest import Digest
from imagelock.model.hosts import Alternate, HostSettings, Mirror
from support.images import CONFIG, CONFIG_DIGEST, manifest_body, manifest_reply
from support.lying import Lying, Reply, oci_error
from support.peers import dead_port
from support.world import deployment

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

    from .conftest import NewClient

ONE, TWO = manifest_body("one"), manifest_body("two")
DIGESTS = {body: Digest.of(body) for body in (ONE, TWO)}
NAME = "quay.io/foo"
TAG = "/v2/foo/manifests/1"


def mirrored(*servers: Lying, resolve: bool = True) -> dict[str, HostSettings]:
    first, *rest = (server.url for server in servers)
    mirrors = (Mirror(url=first), *(Mirror(url=url, resolve=resolve) for url in rest))
    return {"quay.io": HostSettings(mirrors=mirrors, fallback=False)}


def methods(server: Lying) -> list[str]:
    return [seen.method for seen in server.seen]


def test_two_mirrors_with_two_digests_are_an_error_that_names_both(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.on(TAG, manifest_reply(ONE))
    other.on(TAG, manifest_reply(TWO))
    with pytest.raises(DigestConflictError) as caught:
        new_client(mirrored(lying, other)).get_manifest(NAME, "1")
    assert caught.value.where == "quay.io/foo:1"
    for server, body in ((lying, ONE), (other, TWO)):
        assert f"{server.url} has {DIGESTS[body]}" in caught.value.message


def test_a_mirror_and_its_origin_with_two_digests_are_an_error(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.on(TAG, manifest_reply(ONE))
    other.on(TAG, manifest_reply(TWO))
    hosts = {other.address: HostSettings(mirrors=(Mirror(url=lying.url),))}
    with pytest.raises(DigestConflictError, match=f"{other.url} has {DIGESTS[TWO]}"):
        new_client(hosts).get_manifest(f"{other.address}/foo", "1")


@pytest.mark.parametrize("original", [ONE, None])
def test_an_alternate_that_gives_the_tag_another_meaning_is_an_error(
    original: bytes | None, lying: Lying, other: Lying, new_client: NewClient
) -> None:
    with Lying() as third:
        if original is not None:
            lying.on("/v2/acme/app/manifests/1", manifest_reply(original))
        other.on("/v2/acme-app/manifests/1", manifest_reply(ONE))
        third.on("/v2/app/manifests/1", manifest_reply(TWO))
        rules = (
            Alternate(match=".*/acme/(.*)", to=f"{other.address}/acme-$1"),
            Alternate(match=".*/acme/(.*)", to=f"{third.address}/$1"),
        )
        client = new_client({lying.address: HostSettings(alternates=rules)})
        with pytest.raises(DigestConflictError, match=f"{third.url} has {DIGESTS[TWO]}"):
            client.get_manifest(f"{lying.address}/acme/app", "1")


def test_sources_that_agree_cost_one_get_and_a_head_each(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    for server in (lying, other):
        server.on(TAG, manifest_reply(ONE))
    assert new_client(mirrored(lying, other)).get_manifest(NAME, "1").host == lying.address
    assert (methods(lying), methods(other)) == (["GET"], ["HEAD"])


def test_one_source_costs_one_get(lying: Lying, new_client: NewClient) -> None:
    lying.on(TAG, manifest_reply(ONE))
    new_client(mirrored(lying)).get_manifest(NAME, "1")
    assert methods(lying) == ["GET"]


def test_a_mirror_for_content_only_has_no_say(lying: Lying, other: Lying, new_client: NewClient) -> None:
    lying.on(TAG, manifest_reply(ONE))
    other.on(TAG, manifest_reply(TWO))
    new_client(mirrored(lying, other, resolve=False)).get_manifest(NAME, "1")
    assert other.seen == []


def test_content_by_digest_is_compared_with_nobody(lying: Lying, other: Lying, new_client: NewClient) -> None:
    lying.on(f"/v2/foo/manifests/{DIGESTS[ONE]}", manifest_reply(ONE))
    new_client(mirrored(lying, other)).get_manifest(NAME, DIGESTS[ONE])
    assert other.seen == []


@pytest.mark.parametrize("found_first", [True, False])
def test_not_being_there_is_no_disagreement(
    found_first: bool,  # noqa: FBT001  # a parameter of the test
    lying: Lying,
    other: Lying,
    new_client: NewClient,
) -> None:
    (lying if found_first else other).on(TAG, manifest_reply(ONE))
    client = new_client(mirrored(lying, other))
    assert client.get_manifest(NAME, "1").digest == DIGESTS[ONE]
    assert client.warnings == ()
    assert len(lying.seen) == len(other.seen) == 1


def test_a_source_that_is_down_is_told_once_and_not_asked_again(lying: Lying, new_client: NewClient) -> None:
    dead = f"http://127.0.0.1:{dead_port()}"
    for number in range(3):
        lying.on(f"/v2/foo/manifests/{number}", manifest_reply(ONE))
    mirrors = (Mirror(url=lying.url), Mirror(url=dead))
    client = new_client({"quay.io": HostSettings(mirrors=mirrors, fallback=False)})
    for number in range(3):
        client.get_manifest(NAME, str(number))
    (warning,) = client.warnings
    assert warning.startswith(f"{dead} did not say whether it has the same digest: unreachable")
    assert client.requests[dead.removeprefix("http://"), "HEAD"] == 1


def test_a_first_source_that_is_down_is_told_too(lying: Lying, new_client: NewClient) -> None:
    dead = f"http://127.0.0.1:{dead_port()}"
    lying.on(TAG, manifest_reply(ONE))
    mirrors = (Mirror(url=dead), Mirror(url=lying.url))
    client = new_client({"quay.io": HostSettings(mirrors=mirrors, fallback=False)})
    client.get_manifest(NAME, "1")
    assert [warning.split()[0] for warning in client.warnings] == [dead]


def test_a_private_source_is_told_for_its_repository(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    """Another repository of the same host may be open, so it is asked; the trouble is told once."""
    lying.default = manifest_reply(ONE)
    other.default = oci_error(403, "DENIED")
    client = new_client(mirrored(lying, other))
    for name in (NAME, NAME, "quay.io/bar"):
        client.get_manifest(name, "1")
    (warning,) = client.warnings
    assert "no access" in warning
    assert other.requests() == ["/v2/foo/manifests/1", "/v2/bar/manifests/1"]


def test_a_header_alone_accuses_nobody(lying: Lying, other: Lying, new_client: NewClient) -> None:
    lying.on(TAG, manifest_reply(ONE))
    other.on(f"HEAD {TAG}", manifest_reply(ONE, digest=str(DIGESTS[TWO])))
    other.on(f"GET {TAG}", manifest_reply(ONE))
    assert new_client(mirrored(lying, other)).get_manifest(NAME, "1").digest == DIGESTS[ONE]


def test_a_second_source_that_lies_about_its_own_bytes_is_refused(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.on(TAG, manifest_reply(ONE))
    other.on(TAG, manifest_reply(TWO, digest=f"sha256:{'0' * 64}"))
    with pytest.raises(IntegrityError):
        new_client(mirrored(lying, other)).get_manifest(NAME, "1")


def test_a_source_without_head_is_read(lying: Lying, other: Lying, new_client: NewClient) -> None:
    lying.on(TAG, manifest_reply(ONE))
    other.on(f"HEAD {TAG}", Reply(status=405))
    other.on(f"GET {TAG}", manifest_reply(TWO))
    with pytest.raises(DigestConflictError):
        new_client(mirrored(lying, other)).get_manifest(NAME, "1")


def test_a_question_goes_to_the_first_unless_everyone_is_asked(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.on(TAG, manifest_reply(ONE))
    other.on(TAG, manifest_reply(TWO))
    assert new_client(mirrored(lying, other)).head(NAME, "1").digest == DIGESTS[ONE]
    assert other.seen == []
    assert new_client(mirrored(lying, other), everyone=True).head(NAME, "1").digest is None
    other.on(TAG, manifest_reply(ONE))
    assert new_client(mirrored(lying, other), everyone=True).head(NAME, "1").digest == DIGESTS[ONE]


def test_of_another_tools_mirrors_the_first_counts(
    tmp_path: Path, lying: Lying, other: Lying, new_client: NewClient
) -> None:
    """By the rules of registries.conf; only what imagelock's own configuration names is compared."""
    lying.on(TAG, manifest_reply(ONE))
    other.on(TAG, manifest_reply(TWO))
    conf = tmp_path / "registries.conf"
    mirrors = "".join(
        f'[[registry.mirror]]\nlocation = "{server.address}"\ninsecure = true\n' for server in (lying, other)
    )
    conf.write_text(f'[[registry]]\nprefix = "quay.io"\nlocation = "quay.io"\n{mirrors}')
    client = new_client(environ={"HOME": str(tmp_path), "CONTAINERS_REGISTRIES_CONF": str(conf)})
    assert client.get_manifest(NAME, "1").digest == DIGESTS[ONE]
    assert other.seen == []


def test_a_tag_that_nobody_has_is_not_found(lying: Lying, other: Lying, new_client: NewClient) -> None:
    with pytest.raises(NotFoundError):
        new_client(mirrored(lying, other)).get_manifest(NAME, "1")


# The verbs


def two_mirrors(world: World, one: Lying, two: Lying) -> None:
    world.write("a.yaml", deployment("quay.io/foo:1"))
    world.write(
        "imagelock.toml",
        f'[registries."quay.io"]\nmirrors = ["{one.url}", "{two.url}"]\nfallback = false\n',
    )
    for server in (one, two):
        server.on(TAG, manifest_reply(ONE))
        server.on(f"/v2/foo/manifests/{DIGESTS[ONE]}", manifest_reply(ONE))
        server.on(f"/v2/foo/blobs/{CONFIG_DIGEST}", Reply(body=CONFIG))


def test_a_lock_of_two_digests_is_il104_and_not_written(world: World, lying: Lying, other: Lying) -> None:
    two_mirrors(world, lying, other)
    other.on(TAG, manifest_reply(TWO))
    result = world.json("lock")
    assert (result.code, result.codes) == (1, ["IL104"])
    (found,) = result.document["findings"]
    assert (found["file"], found["reference"]) == ("a.yaml", "quay.io/foo:1")
    for text in (lying.address, other.address, str(DIGESTS[ONE]), str(DIGESTS[TWO])):
        assert text in found["message"]
    assert "resolve = false" in found["hint"]
    assert not (world.root / "images.lock").exists()


@pytest.mark.parametrize("verb", [("lock", "-U"), ("update", "-U"), ("update", "quay.io/foo")])
@pytest.mark.parametrize("moved", ["lying", "other"])
def test_an_update_from_sources_that_disagree_is_il104(
    verb: tuple[str, ...], moved: str, world: World, lying: Lying, other: Lying
) -> None:
    """Also where the first source still says what the lock says: the second may know better."""
    two_mirrors(world, lying, other)
    assert world.run("lock").code == 0
    before = world.read("images.lock")
    {"lying": lying, "other": other}[moved].on(TAG, manifest_reply(TWO))
    result = world.json(*verb)
    assert (result.code, result.codes) == (1, ["IL104"])
    assert world.read("images.lock") == before


def test_drift_asks_one_source_and_accuses_with_all(world: World, lying: Lying, other: Lying) -> None:
    two_mirrors(world, lying, other)
    assert world.run("lock").code == 0
    other.seen.clear()
    assert world.run("drift").code == 0
    assert other.seen == []
    lying.on(TAG, manifest_reply(TWO))
    result = world.json("drift")
    assert (result.code, result.codes) == (1, ["IL104"])
    assert result.document["summary"]["disagreed"] == 1
    other.on(TAG, manifest_reply(TWO))
    assert world.json("drift").codes == ["IL102"]


def test_the_lock_keeps_the_public_name_and_says_who_answered(
    world: World, lying: Lying, other: Lying
) -> None:
    two_mirrors(world, lying, other)
    lying.default = oci_error(404, "MANIFEST_UNKNOWN")
    lying.on(TAG, oci_error(404, "MANIFEST_UNKNOWN"))
    assert json.loads(world.run("lock", "-o", "json").out)["findings"] == []
    (image,) = world.lock.images
    assert (image.name, image.resolved_from) == ("quay.io/foo", other.address)
