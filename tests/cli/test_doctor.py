"""``doctor``: what a registry answers, told without a secret and without spending a pull."""

from __future__ import annotations

import base64
import json
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from imagelock.demo.sample_image import push_sample, sample_image
from support.images import manifest_body, manifest_reply
from support.lying import Lying, Reply, document, oci_error
from support.peers import dead_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.lying import Seen
    from support.world import Result, World

CANARY = "canary-9f31"
GOOD = manifest_reply(
    manifest_body(), more=(("RateLimit-Limit", "100;w=21600"), ("RateLimit-Remaining", "76;w=21600"))
)
INDEX = Reply(headers=(("Content-Type", "application/vnd.oci.image.index.v1+json"),), body=b"{}")


@pytest.fixture
def lying() -> Iterator[Lying]:
    with Lying() as server:
        yield server


def login(home: Path, host: str) -> None:
    (home / ".docker").mkdir(parents=True)
    auth = base64.b64encode(f"me:{CANARY}".encode()).decode()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def rows(result: Result) -> dict[str, str]:
    return {check["what"]: check["answer"] for check in result.document["checks"]}


def test_an_open_registry_is_told_row_by_row(world: World) -> None:
    push_sample(world.store, "acme/app", "1", sample_image("app"))
    result = world.json("doctor", f"{world.registry.address}/acme/app:1")
    found = rows(result)
    assert result.code == 0
    assert result.document["schema"] == "imagelock/doctor/v1"
    assert found["tls"] == "none: plain HTTP"
    assert found["challenge"] == "none: access without a login"
    assert found["HEAD"] == "supported"
    assert found["digest header"].startswith("sha256:")
    assert found["referrers"] == "the API of OCI 1.1"
    assert found["quota"] == "not reported"


def test_no_pull_is_spent(lying: Lying, world: World) -> None:
    lying.default = GOOD
    lying.on("/v2/", Reply())
    assert rows(world.json("doctor", f"{lying.address}/app:1"))["quota"] == "76 of 100 left in 6 h"
    assert [seen.target for seen in lying.seen if seen.method == "GET" and "/manifests/" in seen.target] == []


def test_challenge_realm_and_login_are_told_without_a_secret(lying: Lying, world: World, alone: Path) -> None:
    login(alone, lying.address)
    realm = f"{lying.url}/token?key={CANARY}"

    def answer(seen: Seen) -> Reply:
        if seen.target.startswith("/token"):
            return document({"token": CANARY})
        if seen.authorization is None:
            challenge = f'Bearer realm="{realm}",service="made up"'
            return oci_error(401, "UNAUTHORIZED", WWW_Authenticate=challenge)
        return INDEX if "/referrers/" in seen.target else GOOD

    lying.default = answer
    result = world.run("doctor", f"{lying.address}/app:1", "-vv")
    assert result.code == 0
    assert f"bearer, realm {lying.url}/token, service made up" in result.out
    assert "config.json, sent" in result.out
    assert CANARY not in result.out + result.err
    assert lying.seen[-1].authorization == f"Bearer {CANARY}"


def test_a_registry_that_is_not_there_is_could_not_tell(world: World) -> None:
    result = world.run("doctor", f"127.0.0.1:{dead_port()}", "--retry-time", "0")
    assert result.code == 3
    assert "could not tell: unreachable: connection refused" in result.out


def test_a_page_is_no_registry(lying: Lying, world: World) -> None:
    lying.default = Reply(headers=(("Content-Type", "text/html"),), body=b"<html>")
    result = world.run("doctor", lying.address)
    assert result.code == 3
    assert "not an answer of a registry" in result.out


def test_a_registry_without_head_is_told(lying: Lying, world: World) -> None:
    lying.default = Reply(status=405)
    lying.on("/v2/", Reply())
    assert rows(world.json("doctor", f"{lying.address}/app:1"))["HEAD"] == "not supported (405)"


def test_a_mirror_is_asked_too(world: World) -> None:
    result = world.run("doctor", "quay.io")
    assert result.code == 0
    assert f"{world.registry.address} at {world.registry.url}" in result.out


def test_what_a_server_says_cannot_write_to_the_terminal(lying: Lying, world: World) -> None:
    lying.default = manifest_reply(manifest_body(), digest="\x1b[31mred")
    lying.on("/v2/", Reply(headers=(("WWW-Authenticate", 'Bearer realm="http://x/\x1b[2J"'),), status=401))
    result = world.run("doctor", f"{lying.address}/app:1")
    assert "\x1b" not in result.out


def test_the_end_of_the_certificate_is_told(world: World, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(world.root / "ca.pem"))
    with Lying(context) as secure:
        secure.default = GOOD
        world.configure(f'[registries."{secure.address}"]\nca = "ca.pem"\n')
        found = rows(world.json("doctor", f"{secure.address}/app:1"))
    assert found["tls"].startswith("TLSv1.3, certificate of trustme v")
    assert "good until 3000-01-01" in found["tls"]


@pytest.mark.parametrize(("host", "words"), [("nohost", "not a registry host"), ("a b", "")])
def test_what_is_no_host_is_a_usage_error(world: World, host: str, words: str) -> None:
    result = world.run("doctor", host)
    assert result.code in {1, 2}
    assert words in result.err
