"""Authorization: what a registry asks for is answered, and a secret never goes anywhere else."""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from imagelock import limits
from imagelock.demo.sample_image import sample_image
from imagelock.errors import AccessDeniedError, IntegrityError, UnreachableError
from imagelock.model.hosts import HostSettings
from imagelock.registry.auth import tokens
from support.images import manifest_body, manifest_reply
from support.lying import Lying, Reply, document, oci_error
from support.peers import DockerRegistry
from support.push import push_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry.conftest import NewClient, ThrowAwayTLS
    from support.lying import Seen

USER, PASSWORD = "me", "canary-51c0"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
HTPASSWD = "me:$2y$05$z66/1CR1FzlNd36QfvaNXefJe5hVFfdZGT/dNC8gs0fMVi1I.aB5W\n"
"""The same login as docker-registry keeps it (bcrypt)."""
GOOD = manifest_reply(manifest_body())


def logged_in(home: Path, *hosts: str, **fields: str) -> dict[str, str]:
    """Store a login for hosts and return the environment that finds it."""
    entry = fields or {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
    path = home / ".docker" / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": dict.fromkeys(hosts, entry)}))
    return {"HOME": str(home)}


def wants(authorization: Callable[[str | None], bool], challenge: str) -> Callable[[Seen], Reply]:
    """Answer with a manifest when the Authorization is right, else with the challenge."""

    def answer(seen: Seen) -> Reply:
        if authorization(seen.authorization):
            return GOOD
        repository = seen.target.removeprefix("/v2/").partition("/manifests/")[0]
        text = challenge.replace("REPOSITORY", repository)
        return oci_error(401, "UNAUTHORIZED", WWW_Authenticate=text)

    return answer


def bearer(service: Lying, scope: str = "repository:REPOSITORY:pull") -> str:
    return f'Bearer realm="{service.url}/token",service="made up",scope="{scope}"'


def scope_of(target: str) -> list[str]:
    return parse_qs(urlsplit(target).query)["scope"]


@pytest.fixture
def guarded(lying: Lying, other: Lying) -> Lying:
    """Give a registry that wants a token of ``other``; any token will do."""
    lying.default = wants(lambda value: (value or "").startswith("Bearer "), bearer(other))
    other.on("/token", document({"token": "t0", "expires_in": 300}))
    return lying


def test_docker_registry_with_htpasswd_takes_the_stored_login(tmp_path: Path, new_client: NewClient) -> None:
    with DockerRegistry(tmp_path / "registry", htpasswd=HTPASSWD) as peer:
        image = sample_image("guarded")
        push_image(peer.url, "acme/app", "1", image, user=(USER, PASSWORD))
        client = new_client(environ=logged_in(tmp_path, peer.address))
        name = f"{peer.address}/acme/app"
        for _ in range(3):
            assert client.head(name, "1").digest == image.digest
        assert client.requests == {(peer.address, "HEAD"): 4}
        with pytest.raises(AccessDeniedError) as caught:
            new_client(environ={}).head(name, "1")
        assert caught.value.hint is not None
        assert f"podman login {peer.address}" in caught.value.hint


def test_an_anonymous_token_is_asked_for_once_a_repository(
    guarded: Lying, other: Lying, new_client: NewClient
) -> None:
    client = new_client()
    for repository in ("a/x", "a/y"):
        for _ in range(3):
            client.head(f"{guarded.address}/{repository}", "1")
    assert [scope_of(target) for target in other.requests("GET")] == [
        ["repository:a/x:pull"],
        ["repository:a/y:pull"],
    ]
    # Only the very first question was refused: the second repository's token was asked for ahead.
    assert len(guarded.seen) == 7
    assert all(seen.authorization is None for seen in other.seen)


def test_many_waiting_threads_share_one_token_request(
    guarded: Lying, other: Lying, new_client: NewClient
) -> None:
    client = new_client(jobs=16)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: client.head(f"{guarded.address}/app", "1"), range(32)))
    assert len(other.seen) == 1


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_a_token_has_two_names(guarded: Lying, other: Lying, new_client: NewClient, key: str) -> None:
    other.on("/token", document({key: "abc"}))
    new_client().head(f"{guarded.address}/app", "1")
    assert guarded.seen[-1].authorization == "Bearer abc"


def test_an_expired_token_is_replaced_ahead(
    guarded: Lying, other: Lying, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = new_client()
    client.head(f"{guarded.address}/app", "1")
    real = time.monotonic
    monkeypatch.setattr("time.monotonic", lambda: real() + 290)
    client.head(f"{guarded.address}/app", "1")
    assert len(other.seen) == 2
    assert len(guarded.seen) == 3


def test_a_token_the_registry_no_longer_takes_is_replaced(
    guarded: Lying, other: Lying, new_client: NewClient
) -> None:
    client = new_client()
    client.head(f"{guarded.address}/app", "1")
    guarded.default = wants(lambda value: value == "Bearer t1", bearer(other))
    other.on("/token", document({"token": "t1"}))
    assert client.head(f"{guarded.address}/app", "1").digest is not None
    assert len(other.seen) == 2


def test_basic_is_sent_at_once_after_the_first_challenge(
    lying: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    lying.default = wants(lambda value: value == BASIC, 'Basic realm="x"')
    client = new_client(environ=logged_in(tmp_path, lying.address))
    for repository in ("a", "b", "c"):
        client.head(f"{lying.address}/{repository}", "1")
    assert len(lying.seen) == 4


def test_a_stored_login_is_not_sent_before_it_is_asked_for(
    lying: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    lying.default = GOOD
    new_client(environ=logged_in(tmp_path, lying.address)).head(f"{lying.address}/app", "1")
    assert lying.seen[0].authorization is None


def test_a_stored_login_goes_to_the_token_service_of_the_same_host(
    guarded: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    new_client(environ=logged_in(tmp_path, guarded.address)).head(f"{guarded.address}/app", "1")
    assert [seen.authorization for seen in other.seen] == [BASIC]


def elsewhere(service: Lying) -> str:
    """Name the token service by another host name than the registry's."""
    return bearer(service).replace("127.0.0.1", "localhost")


def test_a_stored_login_stays_home_from_another_domain(
    lying: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    lying.default = wants(lambda value: value == "Bearer anonymous", elsewhere(other))
    other.on("/token", document({"token": "anonymous"}))
    new_client(environ=logged_in(tmp_path, lying.address)).head(f"{lying.address}/app", "1")
    assert [seen.authorization for seen in other.seen] == [None]


def test_a_withheld_login_is_said_when_nothing_else_settles_it(
    lying: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    lying.default = wants(lambda _: False, elsewhere(other))
    other.on("/token", document({"token": "anonymous"}))
    with pytest.raises(AccessDeniedError) as caught:
        new_client(environ=logged_in(tmp_path, lying.address)).head(f"{lying.address}/app", "1")
    assert caught.value.hint is not None
    assert f"not sent to localhost:{other.port}" in caught.value.hint


def test_a_configured_realm_may_see_the_login(
    lying: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    lying.default = wants(lambda value: value == "Bearer t", elsewhere(other))
    other.on("/token", document({"token": "t"}))
    hosts = {lying.address: HostSettings(realms=(f"http://localhost:{other.port}/token",))}
    new_client(hosts, environ=logged_in(tmp_path, lying.address)).head(f"{lying.address}/app", "1")
    assert [seen.authorization for seen in other.seen] == [BASIC]


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("auth.docker.io", "registry-1.docker.io", True),
        ("evil.io", "docker.io", False),
        ("a.co.uk", "b.co.uk", False),
        ("x.github.io", "y.github.io", False),
        ("co.uk", "co.uk", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("1.2.3.4", "9.2.3.4", False),
        ("auth.corp.internal-made-up", "reg.corp.internal-made-up", False),
    ],
)
def test_the_registrable_domain_is_by_the_public_suffix_list(
    one: str,
    two: str,
    same: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    assert tokens._same_domain(one, two) is same


def test_a_token_service_over_plain_http_is_refused_by_a_registry_with_tls(
    secure: Lying, other: Lying, throw_away_tls: ThrowAwayTLS, new_client: NewClient, tmp_path: Path
) -> None:
    secure.default = wants(lambda _: False, bearer(other))
    client = new_client(
        {secure.address: HostSettings(ca=throw_away_tls.ca)}, environ=logged_in(tmp_path, secure.address)
    )
    with pytest.raises(AccessDeniedError, match="over plain http"):
        client.head(f"{secure.address}/app", "1")
    assert other.seen == []


@pytest.mark.parametrize(
    "realm", ["", "ftp://a", "http://", "http://me:pw@127.0.0.1/t", "http://[::1", "http://a:b"]
)
def test_a_realm_that_is_no_address_is_refused(lying: Lying, new_client: NewClient, realm: str) -> None:
    lying.default = oci_error(401, "UNAUTHORIZED", WWW_Authenticate=f'Bearer realm="{realm}"')
    with pytest.raises(AccessDeniedError):
        new_client().head(f"{lying.address}/app", "1")


def test_a_login_the_token_service_refuses_is_followed_by_one_anonymous_try(
    guarded: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    def token(seen: Seen) -> Reply:
        return document({"token": "anonymous"}) if seen.authorization is None else Reply(status=401)

    other.on("/token", token)
    client = new_client(environ=logged_in(tmp_path, guarded.address))
    for _ in range(3):
        client.head(f"{guarded.address}/app", "1")
    assert [seen.authorization for seen in other.seen] == [BASIC, None]
    assert len(client.warnings) == 1
    assert "was refused: continuing anonymously" in client.warnings[0]
    assert PASSWORD not in client.warnings[0]


def test_a_basic_login_that_is_refused_is_followed_by_one_anonymous_try(
    lying: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    refusing = oci_error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')
    lying.on("/v2/app/manifests/1", refusing, refusing, GOOD)
    client = new_client(environ=logged_in(tmp_path, lying.address))
    assert client.head(f"{lying.address}/app", "1").digest is not None
    assert [seen.authorization for seen in lying.seen] == [None, BASIC, None]
    assert client.head(f"{lying.address}/app", "1").digest is not None
    assert [seen.authorization for seen in lying.seen[3:]] == [None]
    assert len(client.warnings) == 1


def test_a_login_that_does_not_settle_it_is_named_by_its_source(
    lying: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    lying.default = oci_error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')
    with pytest.raises(AccessDeniedError) as caught:
        new_client(environ=logged_in(tmp_path, lying.address)).head(f"{lying.address}/app", "1")
    assert caught.value.hint is not None
    assert str(tmp_path / ".docker" / "config.json") in caught.value.hint
    assert PASSWORD not in f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.tried}"
    assert len(lying.seen) == 3


def test_an_identity_token_is_posted(
    guarded: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    other.on("POST /token", document({"access_token": "t"}))
    new_client(environ=logged_in(tmp_path, guarded.address, identitytoken="id-1")).head(
        f"{guarded.address}/app", "1"
    )
    (posted,) = other.seen
    assert parse_qs(posted.body.decode()) == {
        "grant_type": ["refresh_token"],
        "service": ["made up"],
        "scope": ["repository:app:pull"],
        "client_id": ["imagelock"],
        "refresh_token": ["id-1"],
    }


def test_an_identity_token_falls_back_to_get(
    guarded: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    other.on("POST /token", Reply(status=404))
    environ = logged_in(tmp_path, guarded.address, identitytoken="id-1")
    new_client(environ=environ).head(f"{guarded.address}/app", "1")
    basic = "Basic " + base64.b64encode(b"<token>:id-1").decode()
    assert [(seen.method, seen.authorization) for seen in other.seen] == [("POST", None), ("GET", basic)]


@pytest.mark.parametrize("status", [302, 307, 308])
def test_an_identity_token_follows_no_redirect(
    status: int, guarded: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    with Lying() as third:
        third.default = document({"access_token": "t"})
        moved = Reply(status=status, headers=(("Location", f"{third.url}/token"),))
        other.on("POST /token", moved)
        with pytest.raises(UnreachableError, match="is not followed with a login in the body"):
            new_client(environ=logged_in(tmp_path, guarded.address, identitytoken="id-1")).head(
                f"{guarded.address}/app", "1"
            )
        assert third.seen == []


@pytest.mark.parametrize(
    "reply",
    [
        document({}),
        document({"token": "a b\r\nX: y"}),
        document({"token": 5}),
        Reply(body=b"<html>"),
        Reply(body=b'{"token":"a","token":"b"}'),
        Reply(body=b" " * (limits.TOKEN_BYTES + 1)),
    ],
)
def test_a_token_answer_that_is_none_is_could_not_tell(
    guarded: Lying, other: Lying, new_client: NewClient, reply: Reply
) -> None:
    other.on("/token", reply)
    with pytest.raises((UnreachableError, IntegrityError)):
        new_client().head(f"{guarded.address}/app", "1")


def test_a_refusing_token_service_is_asked_once_for_many(
    guarded: Lying, other: Lying, new_client: NewClient
) -> None:
    other.on("/token", Reply(status=403))
    client = new_client()
    for _ in range(3):
        with pytest.raises(AccessDeniedError):
            client.head(f"{guarded.address}/app", "1")
    assert len(other.seen) == 1


def test_tokens_are_chosen_before_passwords(
    lying: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    other.on("/token", document({"token": "t"}))
    lying.default = wants(
        lambda value: (value or "").startswith("Bearer "), f'Basic realm="x", {bearer(other)}'
    )
    new_client(environ=logged_in(tmp_path, lying.address)).head(f"{lying.address}/app", "1")
    assert lying.seen[-1].authorization == "Bearer t"


def test_a_403_without_a_login_is_final(lying: Lying, new_client: NewClient) -> None:
    lying.default = oci_error(403, "DENIED")
    with pytest.raises(AccessDeniedError, match="DENIED"):
        new_client().get_manifest(f"{lying.address}/app", "1")
    assert len(lying.seen) == 1


def test_a_403_to_an_anonymous_token_is_final(guarded: Lying, other: Lying, new_client: NewClient) -> None:
    """Another anonymous token would say no more than the first."""
    guarded.on("/v2/private/manifests/1", oci_error(403, "DENIED"))
    client = new_client()
    client.head(f"{guarded.address}/app", "1")
    before = len(guarded.seen), len(other.seen)
    with pytest.raises(AccessDeniedError, match="DENIED"):
        client.get_manifest(f"{guarded.address}/private", "1")
    assert (len(guarded.seen), len(other.seen)) == (before[0] + 1, before[1] + 1)


def test_a_query_in_the_realm_is_kept(lying: Lying, other: Lying, new_client: NewClient) -> None:
    lying.default = wants(
        lambda value: value == "Bearer t", f'Bearer realm="{other.url}/token?account=a%2fb",scope="s"'
    )
    other.on("/token", document({"token": "t"}))
    new_client().head(f"{lying.address}/app", "1")
    assert other.requests() == ["/token?account=a%2fb&scope=s"]
