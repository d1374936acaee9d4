"""HTTP as the client does it: redirects, retries, TLS, proxies, and errors that are always ours."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
import urllib3

from imagelock import limits
from imagelock.errors import (
    AccessDeniedError,
    ConfigError,
    ImagelockError,
    RateLimitedError,
    RegistryError,
    TLSError,
    UnreachableError,
)
from imagelock.model.digest import Digest
from imagelock.model.hosts import HostSettings, Mirror
from imagelock.registry.http import transport
from support.images import manifest_body, manifest_reply
from support.lying import Lying, Reply, document, oci_error
from support.peers import dead_port

if TYPE_CHECKING:
    from pathlib import Path

    from registry.conftest import NewClient, ThrowAwayTLS
    from support.lying import Seen

BODY = manifest_body()
DIGEST = Digest.of(BODY)
GOOD = manifest_reply(BODY)
PATH = "/v2/app/manifests/1"


def moved(location: str, status: int = 307) -> Reply:
    return Reply(status=status, headers=(("Location", location),))


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_its_target_kept_exactly(
    lying: Lying, other: Lying, new_client: NewClient, status: int
) -> None:
    target = "/blob/%2fa%2Fb/../c?sig=a%2bb+c~&X=%7e&e="
    lying.on(PATH, moved(other.url + target, status))
    other.default = GOOD
    content = new_client().get_manifest(f"{lying.address}/app", "1")
    assert (content.digest, content.host) == (DIGEST, lying.address)
    assert other.requests() == [target]


def test_a_relative_redirect_stays_with_the_host(lying: Lying, new_client: NewClient) -> None:
    lying.on(PATH, moved("../other/1"))
    lying.on("/v2/app/other/1", GOOD)
    assert new_client().head(f"{lying.address}/app", "1").digest == DIGEST


@pytest.mark.parametrize("same_host", ["yes", "no"])
def test_the_right_to_ask_stays_with_scheme_host_and_port(
    lying: Lying, other: Lying, new_client: NewClient, tmp_path: Path, same_host: str
) -> None:
    target = lying if same_host == "yes" else other
    (tmp_path / ".docker").mkdir()
    login = {"auth": base64.b64encode(b"me:canary").decode()}
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"auths": {lying.address: login}}))

    def guarded(seen: Seen) -> Reply:
        if seen.authorization is None:
            return oci_error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')
        return moved(f"{target.url}/there")

    lying.on(PATH, guarded)
    target.on("/there", GOOD)
    new_client().head(f"{lying.address}/app", "1")
    assert (target.seen[-1].authorization is not None) == (same_host == "yes")


def test_endless_redirects_end(lying: Lying, new_client: NewClient) -> None:
    lying.on(PATH, moved(PATH))
    with pytest.raises(UnreachableError, match=f"more than {limits.REDIRECTS} redirects"):
        new_client().head(f"{lying.address}/app", "1")
    assert len(lying.seen) == limits.REDIRECTS + 1


def test_a_redirect_from_https_to_http_is_not_followed(
    secure: Lying, other: Lying, throw_away_tls: ThrowAwayTLS, new_client: NewClient
) -> None:
    secure.on(PATH, moved(f"{other.url}/x"))
    client = new_client({secure.address: HostSettings(ca=throw_away_tls.ca)})
    with pytest.raises(UnreachableError, match="https to plain http"):
        client.head(f"{secure.address}/app", "1")
    assert other.seen == []


@pytest.mark.parametrize(
    "location",
    ["ftp://a/b", "file:///etc/passwd", "http://me:pw@127.0.0.1/", "http://", "http://[::1", "//:x"],
)
def test_a_redirect_to_no_web_address_is_refused(lying: Lying, new_client: NewClient, location: str) -> None:
    lying.on(PATH, moved(location))
    with pytest.raises(UnreachableError):
        new_client().head(f"{lying.address}/app", "1")


def test_a_signature_in_a_redirect_is_in_no_error(lying: Lying, other: Lying, new_client: NewClient) -> None:
    lying.on(PATH, moved(f"{other.url}/blob?X-Amz-Signature=canary"))
    other.default = Reply(status=403, body=b"<Error>canary</Error>")
    with pytest.raises(AccessDeniedError) as caught:
        new_client().get_manifest(f"{lying.address}/app", "1")
    assert "canary" not in f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.tried}"


def test_an_unreachable_redirect_names_its_host_and_not_its_path(lying: Lying, new_client: NewClient) -> None:
    gone = f"http://127.0.0.1:{dead_port()}"
    lying.on(PATH, moved(f"{gone}/blob?sig=canary"))
    with pytest.raises(UnreachableError, match=f"redirected to {gone}: connection refused"):
        new_client().head(f"{lying.address}/app", "1")


# Retries


@pytest.mark.parametrize("status", [408, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524])
def test_a_passing_trouble_is_waited_out(lying: Lying, new_client: NewClient, status: int) -> None:
    lying.on(PATH, Reply(status=status), GOOD)
    assert new_client(retry_time=5).head(f"{lying.address}/app", "1").digest == DIGEST


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 418])
def test_other_refusals_are_final(lying: Lying, new_client: NewClient, status: int) -> None:
    lying.on(PATH, Reply(status=status))
    with pytest.raises(RegistryError):
        new_client(retry_time=60).get_manifest(f"{lying.address}/app", "1")
    assert len(lying.seen) == 1


def test_a_connection_that_was_reset_is_tried_again(lying: Lying, new_client: NewClient) -> None:
    lying.on(PATH, Reply(reset=True), GOOD)
    assert new_client(retry_time=5).head(f"{lying.address}/app", "1").digest == DIGEST


def test_a_server_that_stays_broken_is_unreachable_with_its_words(
    lying: Lying, new_client: NewClient
) -> None:
    lying.on(PATH, oci_error(503, "UNAVAILABLE"))
    with pytest.raises(UnreachableError, match="503 UNAVAILABLE: made up"):
        new_client().get_manifest(f"{lying.address}/app", "1")


def test_a_rate_limit_beyond_the_budget_says_when_to_come_back(lying: Lying, new_client: NewClient) -> None:
    lying.default = oci_error(429, "TOOMANYREQUESTS", Retry_After="3600")
    client = new_client(retry_time=60)
    for _ in range(3):
        with pytest.raises(RateLimitedError) as caught:
            client.head(f"{lying.address}/app", "1")
        assert caught.value.hint is not None
        assert caught.value.hint.startswith("try again after ")
    assert len(lying.seen) == 1


def test_a_mirror_that_limits_is_not_waited_for(lying: Lying, other: Lying, new_client: NewClient) -> None:
    lying.default = oci_error(429, "TOOMANYREQUESTS", Retry_After="500")
    other.on(PATH, GOOD)
    mirrors = (Mirror(url=lying.url), Mirror(url=other.url))
    client = new_client({"quay.io": HostSettings(mirrors=mirrors, fallback=False)}, retry_time=1000)
    begin = time.monotonic()
    assert client.head("quay.io/app", "1").host == other.address
    assert time.monotonic() - begin < 120


def test_a_host_that_never_answers_is_given_up(
    lying: Lying, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_TIMEOUT", urllib3.Timeout(connect=1, read=0.2))
    never = threading.Event()
    lying.on(PATH, Reply(wait=never))
    with pytest.raises(UnreachableError, match="no answer in time"):
        new_client().head(f"{lying.address}/app", "1")
    never.set()


# TLS


def test_an_untrusted_certificate_says_the_way_out(secure: Lying, new_client: NewClient) -> None:
    with pytest.raises(TLSError, match="the certificate is not trusted") as caught:
        new_client(retry_time=60).head(f"{secure.address}/app", "1")
    assert caught.value.hint is not None
    assert f'ca = "…" under [registries."{secure.address}"]' in caught.value.hint
    assert secure.seen == []


def test_a_named_authority_is_trusted(
    secure: Lying, throw_away_tls: ThrowAwayTLS, new_client: NewClient
) -> None:
    secure.on(PATH, GOOD)
    client = new_client({secure.address: HostSettings(ca=throw_away_tls.ca)})
    assert client.get_manifest(f"{secure.address}/app", "1").digest == DIGEST
    assert len({seen.connection for seen in secure.seen}) == 1


def test_an_insecure_host_is_not_verified_and_others_are(
    secure: Lying, throw_away_tls: ThrowAwayTLS, new_client: NewClient
) -> None:
    secure.on(PATH, GOOD)
    with Lying(throw_away_tls.context) as strict:
        client = new_client({secure.address: HostSettings(insecure=True)})
        assert client.head(f"{secure.address}/app", "1").digest == DIGEST
        with pytest.raises(TLSError):
            client.head(f"{strict.address}/app", "1")


def test_a_certificate_for_another_name_is_not_trusted(
    throw_away_tls: ThrowAwayTLS, new_client: NewClient
) -> None:
    with Lying(throw_away_tls.elsewhere) as server:
        client = new_client({server.address: HostSettings(ca=throw_away_tls.ca)})
        with pytest.raises(TLSError, match="not trusted"):
            client.head(f"{server.address}/app", "1")


def test_plain_http_behind_an_https_mirror_is_a_tls_error(lying: Lying, new_client: NewClient) -> None:
    mirror = Mirror(url=f"https://{lying.address}")
    with pytest.raises(TLSError, match="the TLS handshake failed"):
        new_client({"quay.io": HostSettings(mirrors=(mirror,), fallback=False)}).head("quay.io/app", "1")


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_read_is_a_configuration_error(
    new_client: NewClient, tmp_path: Path, text: str | None
) -> None:
    ca = tmp_path / "ca.pem"
    if text is not None:
        ca.write_text(text)
    with pytest.raises(ConfigError) as caught:
        new_client({"quay.io": HostSettings(ca=str(ca))}).head("quay.io/app", "1")
    assert caught.value.where == str(ca)


# Proxies


def test_plain_http_goes_through_the_proxy_with_its_whole_address(
    lying: Lying, new_client: NewClient
) -> None:
    lying.on("http://registry.invalid/v2/app/manifests/1", GOOD)
    client = new_client(
        {"quay.io": HostSettings(mirrors=(Mirror(url="http://registry.invalid"),), fallback=False)},
        environ={"HTTP_PROXY": f"http://me:canary@{lying.address}"},
    )
    assert client.get_manifest("quay.io/app", "1").digest == DIGEST
    basic = base64.b64encode(b"me:canary").decode()
    assert lying.seen[0].headers["proxy-authorization"] == f"Basic {basic}"


def test_https_asks_the_proxy_for_a_tunnel(lying: Lying, new_client: NewClient) -> None:
    lying.default = Reply(status=403)
    client = new_client(environ={"https_proxy": f"http://me:canary@{lying.address}"})
    with pytest.raises(UnreachableError, match="the proxy failed") as caught:
        client.head("registry.invalid/app", "1")
    assert lying.requests() == ["registry.invalid:443"]
    assert "canary" not in f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.tried}"


@pytest.mark.parametrize("bypass", ["registry.invalid", ".invalid", "*"])
def test_no_proxy_is_obeyed(lying: Lying, new_client: NewClient, bypass: str) -> None:
    client = new_client(environ={"HTTPS_PROXY": lying.url, "NO_PROXY": bypass})
    with pytest.raises(UnreachableError):
        client.head("registry.invalid/app", "1")
    assert lying.seen == []


def test_loopback_never_goes_through_a_proxy(lying: Lying, other: Lying, new_client: NewClient) -> None:
    lying.on(PATH, GOOD)
    client = new_client(environ={"HTTP_PROXY": other.url, "ALL_PROXY": other.url})
    assert client.head(f"{lying.address}/app", "1").digest == DIGEST
    assert other.seen == []


# Whatever happens, the error is ours


@pytest.mark.parametrize(
    "reply",
    [
        Reply(reset=True),
        Reply(headers=(("Content-Length", "-5"),), cut=0),
        Reply(headers=(("Content-Length", "many"),), body=b"x", cut=1),
        Reply(headers=(("Transfer-Encoding", "chunked"), ("Content-Length", "3")), body=b"zz\r\n", cut=4),
        Reply(headers=(("Transfer-Encoding", "chunked"),), body=b"5\r\nab", cut=5, unsized=True),
        Reply(status=204),
        Reply(status=206, body=BODY),
        Reply(status=299),
        Reply(status=304),
        Reply(status=999),
        Reply(headers=(("X", "y" * 70_000),)),
        Reply(headers=tuple((f"X{n}", "y") for n in range(200))),
        moved("/\xff"),
        document({"errors": "none"}, 404),
        document({"errors": [5]}, 400),
    ],
)
def test_strange_answers_raise_our_errors(lying: Lying, new_client: NewClient, reply: Reply) -> None:
    lying.on(PATH, reply)
    with pytest.raises(ImagelockError):
        new_client().get_manifest(f"{lying.address}/app", "1")


@pytest.mark.parametrize("host", ["a..b", "xn--", "registry.invalid", "localhost:1"])
def test_strange_hosts_raise_our_errors(new_client: NewClient, host: str) -> None:
    with pytest.raises(ImagelockError):
        new_client().head(f"{host}/a.b/app" if "." not in host else f"{host}/app", "1")
