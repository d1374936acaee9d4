"""The registry client against real registries: what is there, what is not, and what it costs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from imagelock.errors import IntegrityError, InvalidValueError, NotFoundError, UnreachableError
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_INDEX, OCI_MANIFEST
from support.images import CONFIG, CONFIG_DIGEST, manifest_body, manifest_reply
from support.lying import Reply, oci_error
from support.peers import dead_port
from support.push import push_image

if TYPE_CHECKING:
    from conftest import AnyRegistry
    from support.lying import Lying

    from .conftest import NewClient


def test_a_tag_is_asked_read_and_proved(any_registry: AnyRegistry, new_client: NewClient) -> None:
    image = sample_image("one", [LINUX_AMD64, LINUX_ARM64])
    push_image(any_registry.url, "acme/app", "1", image)
    client, name = new_client(), f"{any_registry.address}/acme/app"

    claim = client.head(name, "1")
    content = client.get_manifest(name, "1")

    assert (claim.digest, claim.media_type, claim.host) == (image.digest, OCI_INDEX, any_registry.address)
    assert claim.size == len(image.content.body)
    assert (content.body, content.digest) == (image.content.body, image.digest)
    assert (content.media_type, content.host) == (OCI_INDEX, any_registry.address)


def test_a_child_is_read_by_digest_and_its_config_as_a_blob(
    any_registry: AnyRegistry, new_client: NewClient
) -> None:
    image = sample_image("one", [LINUX_AMD64, LINUX_ARM64])
    push_image(any_registry.url, "acme/app", "1", image)
    client, name = new_client(), f"{any_registry.address}/acme/app"

    child = client.get_manifest(name, image.children[0].digest)
    descriptor, data = image.blobs[0]

    assert (child.body, child.media_type) == (image.children[0].body, OCI_MANIFEST)
    assert client.get_blob(name, descriptor.digest, descriptor.size) == data


def test_what_is_not_there_is_not_found(any_registry: AnyRegistry, new_client: NewClient) -> None:
    push_image(any_registry.url, "acme/app", "1", sample_image("one"))
    client, name = new_client(), f"{any_registry.address}/acme/app"
    nowhere = Digest.of(b"nowhere")

    for ask in (
        lambda: client.head(name, "2"),
        lambda: client.head(name, nowhere),
        lambda: client.head(f"{any_registry.address}/acme/other", "1"),
        lambda: client.get_manifest(name, "2"),
        lambda: client.get_manifest(f"{any_registry.address}/acme/other", "1"),
        lambda: client.get_blob(name, nowhere, 100),
    ):
        with pytest.raises(NotFoundError) as caught:
            ask()
        assert caught.value.tried == (f"http://{any_registry.address}: 404",)


def test_each_question_is_one_request_and_no_ping(any_registry: AnyRegistry, new_client: NewClient) -> None:
    push_image(any_registry.url, "acme/app", "1", sample_image("one"))
    client, name = new_client(), f"{any_registry.address}/acme/app"

    with ThreadPoolExecutor(8) as threads:
        claims = set(threads.map(lambda _: client.head(name, "1"), range(100)))
    client.get_manifest(name, "1")

    assert len(claims) == 1
    assert client.requests == {(any_registry.address, "HEAD"): 100, (any_registry.address, "GET"): 1}


def test_a_stopped_registry_is_unreachable_and_named(new_client: NewClient) -> None:
    address = f"127.0.0.1:{dead_port()}"
    with pytest.raises(UnreachableError) as caught:
        new_client().head(f"{address}/acme/app", "1")
    assert str(caught.value) == f"{address}/acme/app:1: http://{address}: connection refused"
    assert caught.value.exit_code == 3


def test_connections_are_reused_and_never_more_than_jobs(lying: Lying, new_client: NewClient) -> None:
    lying.on("/v2/app/manifests/1", manifest_reply(manifest_body()))
    client = new_client(jobs=3)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: client.head(f"{lying.address}/app", "1"), range(60)))
    assert 1 <= len({seen.connection for seen in lying.seen}) <= 3


def test_every_accepted_type_and_no_compression_is_asked_for(lying: Lying, new_client: NewClient) -> None:
    lying.on("/v2/app/manifests/1", manifest_reply(manifest_body()))
    new_client().head(f"{lying.address}/app", "1")
    headers = lying.seen[0].headers
    assert headers["accept"].startswith(f"{OCI_INDEX}, application/vnd.docker.distribution.manifest.list")
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("imagelock/")


@pytest.mark.parametrize("status", [400, 405, 501])
def test_a_registry_without_head_gives_an_empty_claim(
    lying: Lying, new_client: NewClient, status: int
) -> None:
    lying.on("/v2/app/manifests/1", Reply(status=status))
    assert new_client().head(f"{lying.address}/app", "1").digest is None


def test_a_claimed_digest_that_is_none_is_no_claim(lying: Lying, new_client: NewClient) -> None:
    lying.on("/v2/app/manifests/1", manifest_reply(manifest_body(), digest="sha256:zz"))
    claim = new_client().head(f"{lying.address}/app", "1")
    assert (claim.digest, claim.media_type) == (None, OCI_MANIFEST)


def test_a_page_with_404_is_could_not_tell(lying: Lying, new_client: NewClient) -> None:
    page = Reply(status=404, headers=(("Content-Type", "text/html"),), body=b"<html>lost</html>")
    lying.default = page
    client = new_client()
    for ask in (client.head, client.get_manifest):
        with pytest.raises(UnreachableError, match="does not come from the registry"):
            ask(f"{lying.address}/app", "1")


def test_a_page_with_404_of_a_registry_that_says_so_is_not_found(lying: Lying, new_client: NewClient) -> None:
    headers = (("Content-Type", "text/html"), ("Docker-Distribution-Api-Version", "registry/2.0"))
    lying.default = Reply(status=404, headers=headers, body=b"<html>")
    with pytest.raises(NotFoundError):
        new_client().head(f"{lying.address}/app", "1")


def test_a_doubtful_404_of_head_is_settled_by_reading(lying: Lying, new_client: NewClient) -> None:
    lying.on("HEAD /v2/app/manifests/1", Reply(status=404, headers=(("Content-Type", "text/html"),)))
    lying.on("GET /v2/app/manifests/1", oci_error(404, "MANIFEST_UNKNOWN"))
    with pytest.raises(NotFoundError, match="no such tag"):
        new_client().head(f"{lying.address}/app", "1")


def test_an_unknown_repository_is_told_from_an_unknown_tag(lying: Lying, new_client: NewClient) -> None:
    lying.on("/v2/app/manifests/1", oci_error(404, "NAME_UNKNOWN"))
    with pytest.raises(NotFoundError, match="no such repository"):
        new_client().get_manifest(f"{lying.address}/app", "1")


@pytest.mark.parametrize("tag", ["../../x", "a b", "", "a/b", "a?b", "sha256:0"])
def test_what_is_no_tag_never_becomes_a_path(lying: Lying, new_client: NewClient, tag: str) -> None:
    with pytest.raises(InvalidValueError):
        new_client().head(f"{lying.address}/app", tag)
    assert lying.seen == []


def test_a_name_with_a_tag_is_no_repository(new_client: NewClient) -> None:
    with pytest.raises(InvalidValueError):
        new_client().head("quay.io/acme/app:1", "1")


def test_a_blob_larger_than_its_limit_is_refused(lying: Lying, new_client: NewClient) -> None:
    lying.on(f"/v2/app/blobs/{CONFIG_DIGEST}", Reply(body=CONFIG))
    client = new_client()
    assert client.get_blob(f"{lying.address}/app", CONFIG_DIGEST, len(CONFIG)) == CONFIG
    with pytest.raises(IntegrityError, match="larger than"):
        client.get_blob(f"{lying.address}/app", CONFIG_DIGEST, len(CONFIG) - 1)
