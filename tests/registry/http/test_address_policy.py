"""Where servers may send us: checked when connecting, for the address that is then connected to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from imagelock.errors import UnreachableError
from imagelock.model.digest import Digest
from imagelock.model.hosts import HostSettings, Mirror
from imagelock.model.manifest import Descriptor
from imagelock.registry.http.address_policy import HomeNetwork, Zone, literal, zone_of
from support.images import manifest_body, manifest_reply
from support.lying import Reply, document, oci_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.conftest import NewClient
    from support.lying import Lying

GOOD = manifest_reply(manifest_body())
PATH = "/v2/app/manifests/1"


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("93.184.216.34", Zone.PUBLIC),
        ("2606:2800:220:1::1", Zone.PUBLIC),
        ("10.0.0.1", Zone.PRIVATE),
        ("172.16.0.1", Zone.PRIVATE),
        ("192.168.1.1", Zone.PRIVATE),
        ("100.64.0.1", Zone.PRIVATE),
        ("fd00::1", Zone.PRIVATE),
        ("198.18.0.1", Zone.PRIVATE),
        ("127.0.0.1", Zone.LOOPBACK),
        ("127.8.8.8", Zone.LOOPBACK),
        ("::1", Zone.LOOPBACK),
        ("0.0.0.0", Zone.LOOPBACK),  # noqa: S104  # an address to refuse, not to listen on
        ("0.1.2.3", Zone.LOOPBACK),
        ("::", Zone.LOOPBACK),
        ("169.254.1.1", Zone.LINK),
        ("fe80::1%eth0", Zone.LINK),
        ("169.254.169.254", Zone.METADATA),
        ("fd00:ec2::254", Zone.METADATA),
        ("100.100.100.200", Zone.METADATA),
        ("::ffff:169.254.169.254", Zone.METADATA),
        ("::ffff:10.0.0.1", Zone.PRIVATE),
        ("64:ff9b::7f00:1", Zone.LOOPBACK),
        ("2002:0a00:0001::", Zone.PRIVATE),
        ("224.0.0.1", Zone.NOWHERE),
        ("255.255.255.255", Zone.PRIVATE),
    ],
)
def test_every_address_has_its_zone(address: str, zone: Zone) -> None:
    assert zone_of(address) is zone


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"])
def test_odd_forms_of_an_address_are_addresses(host: str) -> None:
    assert literal(host) == "127.0.0.1"


@pytest.mark.parametrize("host", ["quay.io", "localhost", "10.example", ""])
def test_a_name_is_no_address(host: str) -> None:
    assert literal(host) is None


def test_a_registry_may_point_to_where_it_lives_and_to_public_places() -> None:
    home = HomeNetwork()
    assert home.admits("93.184.216.34")
    assert not home.admits("10.0.0.1")
    home.reached("10.9.9.9")
    assert home.admits("192.168.0.1")
    assert not home.admits("127.0.0.1")
    assert not home.admits("100.100.100.200")


def test_a_metadata_service_is_never_asked_on_a_servers_word() -> None:
    home = HomeNetwork()
    home.reached("169.254.169.254")
    assert not home.admits("169.254.169.254")


def test_a_later_address_of_the_registry_opens_nothing() -> None:
    home = HomeNetwork()
    home.reached("93.184.216.34")
    home.reached("127.0.0.1")
    assert not home.admits("127.0.0.1")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every registry live on the public internet as far as the client can tell."""
    monkeypatch.setattr(HomeNetwork, "reached", lambda self, _: setattr(self, "_zone", Zone.PUBLIC))


def redirect(other: Lying) -> Reply:
    return Reply(status=307, headers=(("Location", f"{other.url}/there"),))


def challenge(other: Lying) -> Reply:
    return oci_error(401, "UNAUTHORIZED", WWW_Authenticate=f'Bearer realm="{other.url}/token"')


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("lure", [redirect, challenge])
def test_a_public_registry_cannot_send_us_to_this_machine(
    lying: Lying, other: Lying, new_client: NewClient, lure: Callable[[Lying], Reply]
) -> None:
    lying.on(PATH, lure(other))
    other.default = document({"token": "t"})
    with pytest.raises(UnreachableError, match="an address of this machine"):
        new_client().get_manifest(f"{lying.address}/app", "1")
    assert other.seen == []


@pytest.mark.usefixtures("elsewhere")
def test_a_public_registry_cannot_have_an_upload_sent_to_this_machine(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.on("/v2/app/blobs/uploads/", Reply(status=202, headers=(("Location", f"{other.url}/up"),)))
    blob = Descriptor(media_type="x/y", digest=Digest.of(b"data"), size=4)
    with pytest.raises(UnreachableError, match="an address of this machine"):
        new_client().put_blob(f"{lying.address}/app", blob, [b"data"])
    assert other.seen == []


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[::ffff:169.254.169.254]", "192.168.1.1:8"])
def test_a_registry_of_this_machine_cannot_send_us_into_a_network(
    lying: Lying, new_client: NewClient, host: str
) -> None:
    lying.on(PATH, Reply(status=307, headers=(("Location", f"http://{host}/x?sig=canary"),)))
    with pytest.raises(UnreachableError, match="is not there itself") as caught:
        new_client(retry_time=60).get_manifest(f"{lying.address}/app", "1")
    assert "canary" not in f"{caught.value} {caught.value.hint} {caught.value.tried}"
    assert len(lying.seen) == 1


@pytest.mark.usefixtures("elsewhere")
def test_a_chain_of_redirects_keeps_the_first_registrys_neighbourhood(
    lying: Lying, other: Lying, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public stop on the way must not lend its own place to what it points to."""
    lying.on(PATH, Reply(status=307, headers=(("Location", f"/two?to={other.url}"),)))
    lying.on("/two", redirect(other))
    with pytest.raises(UnreachableError, match="an address of this machine"):
        new_client().get_manifest(f"{lying.address}/app", "1")
    assert other.seen == []


class Resolver:
    """A name server whose answers change; addresses pass through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, port: int, *args: Any, **how: Any) -> Any:
        """Answer for a made-up name, a different address each time."""
        if host in self._answers:
            self.asked.append(host)
            found = self._answers[host]
            host = found.pop(0) if len(found) > 1 else found[0]
        return self._real(host, port, *args, **how)


def test_a_name_that_resolves_to_a_private_address_is_refused(
    lying: Lying, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    Resolver(monkeypatch, storage_example=["10.0.0.1"])
    lying.on(PATH, Reply(status=307, headers=(("Location", "http://storage.example/x"),)))
    with pytest.raises(UnreachableError, match=r"storage.example \(10.0.0.1\), an address of a private"):
        new_client().get_manifest(f"{lying.address}/app", "1")


def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_used(
    lying: Lying, other: Lying, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second answer is another address: nobody may ask for it (DNS rebinding)."""
    resolver = Resolver(monkeypatch, storage_example=["127.0.0.1", "10.0.0.1"])
    port = other.port
    lying.on(PATH, Reply(status=307, headers=(("Location", f"http://storage.example:{port}/x"),)))
    other.on("/x", GOOD)
    assert new_client().get_manifest(f"{lying.address}/app", "1").body == GOOD.body
    assert resolver.asked == ["storage.example"]
    assert other.seen[0].headers["host"] == f"storage.example:{port}"


def test_behind_a_proxy_literal_addresses_are_refused(lying: Lying, new_client: NewClient) -> None:
    lying.on(
        "http://registry.invalid/v2/app/manifests/1",
        Reply(status=307, headers=(("Location", "http://2852039166/x"),)),
    )
    mirror = Mirror(url="http://registry.invalid")
    client = new_client(
        {"quay.io": HostSettings(mirrors=(mirror,), fallback=False)}, environ={"HTTP_PROXY": lying.url}
    )
    with pytest.raises(UnreachableError, match=r"169\.254\.169\.254"):
        client.get_manifest("quay.io/app", "1")
    assert len(lying.seen) == 1


@pytest.mark.usefixtures("elsewhere")
def test_a_realm_that_the_configuration_names_may_be_anywhere(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    other.on("/token", document({"token": "t"}))
    lying.on(PATH, challenge(other), GOOD)
    client = new_client({lying.address: HostSettings(realms=(other.url,))})
    assert client.head(f"{lying.address}/app", "1").digest is not None
