"""Mirrors, fallback and alternates: who is asked, in which order, and what the answer says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.errors import AccessDeniedError, ConfigError, NotFoundError, UnreachableError
from imagelock.model.digest import Digest
from imagelock.model.hosts import Alternate, HostSettings, Mirror
from imagelock.registry.hosts.endpoints import alternate_names, endpoints, split_authority
from support.images import manifest_body, manifest_reply
from support.lying import Reply, oci_error
from support.peers import dead_port

if TYPE_CHECKING:
    from registry.conftest import NewClient
    from support.lying import Lying

BODY = manifest_body()
DIGEST = Digest.of(BODY)


def labels(name: str, settings: HostSettings) -> list[str]:
    host = name.partition("/")[0]
    return [f"{at.label} {at.repository}" for at in endpoints(name, {host: settings})]


def test_docker_hub_is_served_by_its_registry_host() -> None:
    (origin,) = endpoints("docker.io/library/nginx", {})
    assert (origin.authority, origin.repository) == ("registry-1.docker.io", "library/nginx")
    assert (origin.host, origin.scheme) == ("docker.io", "https")


def test_mirrors_come_in_order_before_the_origin() -> None:
    settings = HostSettings(
        mirrors=(Mirror(url="http://localhost:5000/quay.io/"), Mirror(url="https://m.corp"))
    )
    assert labels("quay.io/foo/bar", settings) == [
        "http://localhost:5000/quay.io quay.io/foo/bar",
        "https://m.corp foo/bar",
        "https://quay.io foo/bar",
    ]


def test_without_fallback_the_origin_is_not_asked() -> None:
    settings = HostSettings(mirrors=(Mirror(url="https://m.corp"),), fallback=False)
    assert labels("quay.io/foo", settings) == ["https://m.corp foo"]


@pytest.mark.parametrize(
    "url",
    ["m.corp", "ftp://m.corp", "https://", "https://u:secret@m.corp", "https://m.corp:x", "https://m/?q"],
)
def test_a_mirror_that_is_no_plain_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        endpoints("quay.io/foo", {"quay.io": HostSettings(mirrors=(Mirror(url=url),))})
    assert "secret" not in str(caught.value)


def test_alternates_fill_in_groups_and_match_the_whole_name() -> None:
    rules = (
        Alternate(match="quay.io/acme/(.*)", to="registry.corp/acme-$1"),
        Alternate(match="quay.io/acme", to="never.corp/x"),
    )
    hosts = {"quay.io": HostSettings(alternates=rules)}
    assert alternate_names("quay.io/acme/app", hosts) == ("registry.corp/acme-app",)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a.b", ("a.b", None)), ("a:5", ("a", 5)), ("[::1]:5", ("[::1]", 5)), ("[::1]", ("[::1]", None))],
)
def test_an_authority_is_host_and_port(text: str, parts: tuple[str, int | None]) -> None:
    assert split_authority(text) == parts


def mirrored(*servers: Lying, resolve: bool = True, fallback: bool = False) -> dict[str, HostSettings]:
    mirrors = tuple(Mirror(url=f"{server.url}/quay.io", resolve=resolve) for server in servers)
    return {"quay.io": HostSettings(mirrors=mirrors, fallback=fallback)}


def test_a_mirror_with_a_prefix_answers_and_is_named(lying: Lying, new_client: NewClient) -> None:
    lying.on("/v2/quay.io/foo/bar/manifests/1", manifest_reply(BODY))
    content = new_client(mirrored(lying)).get_manifest("quay.io/foo/bar", "1")
    assert (content.digest, content.host) == (DIGEST, lying.address)


def test_the_next_mirror_is_asked_after_a_404(lying: Lying, other: Lying, new_client: NewClient) -> None:
    other.on("/v2/quay.io/foo/manifests/1", manifest_reply(BODY))
    assert new_client(mirrored(lying, other)).head("quay.io/foo", "1").host == other.address
    assert lying.requests() == ["/v2/quay.io/foo/manifests/1"]


def test_not_found_needs_a_true_404_of_everybody(lying: Lying, other: Lying, new_client: NewClient) -> None:
    with pytest.raises(NotFoundError) as caught:
        new_client(mirrored(lying, other)).head("quay.io/foo", "1")
    assert caught.value.tried == (f"{lying.url}/quay.io: 404", f"{other.url}/quay.io: 404")
    assert caught.value.where == "quay.io/foo:1"


def test_a_mirror_that_is_down_makes_a_404_could_not_tell(lying: Lying, new_client: NewClient) -> None:
    dead = f"http://127.0.0.1:{dead_port()}"
    mirrors = (Mirror(url=dead), Mirror(url=lying.url))
    with pytest.raises(UnreachableError) as caught:
        new_client({"quay.io": HostSettings(mirrors=mirrors, fallback=False)}).head("quay.io/foo", "1")
    assert caught.value.tried == (f"{dead}: unreachable (connection refused)", f"{lying.url}: 404")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(f"tried: {dead}: unreachable (connection refused); {lying.url}: 404")


def test_a_mirror_that_refuses_makes_a_404_no_access(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.default = oci_error(403, "DENIED")
    with pytest.raises(AccessDeniedError):
        new_client(mirrored(lying, other)).head("quay.io/foo", "1")
    assert len(other.seen) == 2  # The HEAD, and the GET that confirms its 404.


def test_a_mirror_for_content_only_is_not_asked_for_tags(lying: Lying, new_client: NewClient) -> None:
    lying.on(f"/v2/quay.io/foo/manifests/{DIGEST}", manifest_reply(BODY))
    client = new_client(mirrored(lying, resolve=False))
    assert client.get_manifest("quay.io/foo", DIGEST).digest == DIGEST
    with pytest.raises(UnreachableError, match="nothing can resolve a tag"):
        client.head("quay.io/foo", "1")
    assert len(lying.seen) == 1


def test_a_loopback_origin_is_asked_after_its_mirror(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    other.on("/v2/foo/manifests/1", manifest_reply(BODY))
    hosts = {other.address: HostSettings(mirrors=(Mirror(url=lying.url),))}
    assert new_client(hosts).head(f"{other.address}/foo", "1").host == other.address


def test_an_alternate_answers_when_the_original_has_no_such_image(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    other.on("/v2/acme-app/manifests/1", manifest_reply(BODY))
    rule = Alternate(match=f"{lying.address}/acme/(.*)", to=f"{other.address}/acme-$1")
    client = new_client({lying.address: HostSettings(alternates=(rule,))})
    assert client.get_manifest(f"{lying.address}/acme/app", "1").host == other.address


def test_an_alternate_is_not_asked_when_the_original_could_not_tell(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.default = Reply(status=503)
    rule = Alternate(match=f"{lying.address}/(.*)", to=f"{other.address}/$1")
    with pytest.raises(UnreachableError):
        new_client({lying.address: HostSettings(alternates=(rule,))}).head(f"{lying.address}/app", "1")
    assert other.seen == []
