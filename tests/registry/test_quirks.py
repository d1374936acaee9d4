"""What the well-known registries answer, as their public documentation has it, played on loopback.

docs.docker.com "Registry authentication" and "Usage and limits", docs.github.com "Container registry",
docs.quay.io, docs.aws.amazon.com "Private registry authentication", cloud.google.com "Artifact Registry",
azure.github.io/acr "Token-BasicAuth" and "AAD-OAuth", docs.gitlab.com "Container registry", goharbor.io,
jfrog.com "Docker registry", kubernetes.io "registry.k8s.io".
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from imagelock.errors import NotFoundError, RateLimitedError
from imagelock.model.digest import Digest
from imagelock.registry.auth.challenge import parse_challenges
from imagelock.registry.auth.tokens import may_see
from imagelock.registry.http.transport import Transport
from support.images import manifest_body, manifest_reply
from support.lying import Reply, document, oci_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.lying import Lying, Seen

    from .conftest import NewClient

BODY = manifest_body()
GOOD = manifest_reply(BODY)
DIGEST = Digest.of(BODY)


@pytest.mark.parametrize(
    ("authority", "header", "realm_host", "service", "scope", "may"),
    [
        (
            "registry-1.docker.io",
            (
                'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
                'scope="repository:library/nginx:pull"'
            ),
            "auth.docker.io",
            "registry.docker.io",
            "repository:library/nginx:pull",
            True,
        ),
        (
            "ghcr.io",
            'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"',
            "ghcr.io",
            "ghcr.io",
            "repository:user/image:pull",
            True,
        ),
        (
            "lscr.io",
            'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:linuxserver/x:pull"',
            "ghcr.io",
            "ghcr.io",
            "repository:linuxserver/x:pull",
            False,
        ),
        (
            "quay.io",
            'Bearer realm="https://quay.io/v2/auth",service="quay.io"',
            "quay.io",
            "quay.io",
            "",
            True,
        ),
        (
            "1234.dkr.ecr.eu-west-1.amazonaws.com",
            'Basic realm="https://1234.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"',
            "1234.dkr.ecr.eu-west-1.amazonaws.com",
            "ecr.amazonaws.com",
            "",
            True,
        ),
        (
            "europe-docker.pkg.dev",
            'Bearer realm="https://europe-docker.pkg.dev/v2/token"',
            "europe-docker.pkg.dev",
            "",
            "",
            True,
        ),
        (
            "contoso.azurecr.io",
            (
                'Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",'
                'scope="repository:hello-world:pull"'
            ),
            "contoso.azurecr.io",
            "contoso.azurecr.io",
            "repository:hello-world:pull",
            True,
        ),
        (
            "registry.gitlab.com",
            (
                'Bearer realm="https://gitlab.com/jwt/auth",service="container_registry",'
                'scope="repository:group/app:pull",error="invalid_token"'
            ),
            "gitlab.com",
            "container_registry",
            "repository:group/app:pull",
            True,
        ),
        (
            "harbor.example.com",
            (
                'Bearer realm="https://harbor.example.com/service/token",service="harbor-registry",'
                'scope="repository:library/app:pull"'
            ),
            "harbor.example.com",
            "harbor-registry",
            "repository:library/app:pull",
            True,
        ),
        (
            "docker.example.com",
            (
                'Bearer realm="https://artifactory.example.com/artifactory/api/docker/docker-local/v2/token",'
                'service="artifactory.example.com",scope="repository:app:pull"'
            ),
            "artifactory.example.com",
            "artifactory.example.com",
            "repository:app:pull",
            True,
        ),
    ],
)
def test_challenges_are_read_and_logins_go_to_the_registrys_own_domain(
    authority: str, header: str, realm_host: str, service: str, scope: str, *, may: bool
) -> None:
    (challenge,) = parse_challenges([header])
    site = Transport({}, jobs=1, retry_time=0, environ={}).site("https", authority)
    assert urlsplit(challenge.realm).hostname == realm_host
    assert (challenge.service, challenge.scope) == (service, scope)
    assert may_see(challenge.realm, site) == may


def login(home: Path, host: str, **entry: str) -> dict[str, str]:
    path = home / ".docker" / "config.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"auths": {host: entry}}))
    return {"HOME": str(home)}


def guarded(right: str, challenge: str) -> Callable[[Seen], Reply]:
    """Answer who has the right to ask, and challenge everybody else."""

    def answer(seen: Seen) -> Reply:
        if seen.authorization == right:
            return GOOD
        return oci_error(401, "UNAUTHORIZED", WWW_Authenticate=challenge)

    return answer


def query(target: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(target).query)


def test_ghcr_and_lscr_tell_no_expiry_and_the_token_is_kept_for_a_minute(
    lying: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    realm = f"http://localhost:{other.port}/token"
    scope = "repository:linuxserver/x:pull"
    lying.default = guarded("Bearer t", f'Bearer realm="{realm}",service="ghcr.io",scope="{scope}"')
    other.on("/token", document({"token": "t"}))
    auth = base64.b64encode(b"me:canary").decode()
    client = new_client(environ=login(tmp_path, lying.address, auth=auth))
    for tag in ("1", "2", "3"):
        client.head(f"{lying.address}/linuxserver/x", tag)
    (asked,) = other.seen
    assert asked.authorization is None
    assert query(asked.target) == {"service": ["ghcr.io"], "scope": [scope]}


def test_artifact_registry_names_nothing_but_a_realm(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.default = guarded("Bearer t", f'Bearer realm="{other.url}/v2/token"')
    other.on("/v2/token", document({"token": "t", "expires_in": 3600}))
    new_client().head(f"{lying.address}/project/repo/app", "1")
    assert query(other.requests()[0]) == {"scope": ["repository:project/repo/app:pull"]}


def test_a_push_to_a_registry_that_leaves_the_scope_to_us_asks_for_what_it_needs(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.default = guarded("Bearer t", f'Bearer realm="{other.url}/v2/token"')
    other.on("/v2/token", document({"token": "t"}))
    new_client().has_blob(f"{lying.address}/app", DIGEST)
    assert query(other.requests()[0]) == {"scope": ["repository:app:pull,push"]}


def test_ecr_wants_basic_and_may_send_no_digest(lying: Lying, new_client: NewClient, tmp_path: Path) -> None:
    auth = base64.b64encode(b"AWS:long-password").decode()
    basic = f'Basic realm="{lying.url}/",service="ecr.amazonaws.com"'
    right = f"Basic {auth}"

    def answer(seen: Seen) -> Reply:
        if seen.authorization != right:
            return Reply(status=401, headers=(("WWW-Authenticate", basic),), body=b"Not Authorized\n")
        return Reply(body=BODY, headers=(("Content-Type", "application/vnd.oci.image.manifest.v1+json"),))

    lying.default = answer
    client = new_client(environ=login(tmp_path, lying.address, auth=auth))
    assert client.head(f"{lying.address}/app", "1").digest is None
    assert client.get_manifest(f"{lying.address}/app", "1").digest == DIGEST


def test_acr_takes_a_refresh_token_and_calls_its_answer_access_token(
    lying: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    scope = "repository:hello-world:pull"
    lying.default = guarded(
        "Bearer a", f'Bearer realm="{other.url}/oauth2/token",service="contoso",scope="{scope}"'
    )
    other.on("POST /oauth2/token", document({"access_token": "a"}))
    entry = {
        "auth": base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode(),
        "identitytoken": "r",
    }
    new_client(environ=login(tmp_path, lying.address, **entry)).head(f"{lying.address}/hello-world", "1")
    assert parse_qs(other.seen[0].body.decode())["refresh_token"] == ["r"]


def test_artifactory_offers_bearer_and_basic_and_knows_its_tokens_by_path(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    path = "/artifactory/api/docker/docker-local/v2/token"
    bearer = f'Bearer realm="{other.url}{path}",service="artifactory",scope="repository:app:pull"'
    lying.default = guarded("Bearer t", f'Basic realm="Artifactory Realm", {bearer}')
    other.on(path, document({"token": "t", "expires_in": 3600}))
    assert new_client().head(f"{lying.address}/docker-local/app", "1").digest == DIGEST


def test_gitlab_repeats_the_challenge_with_an_error_when_a_token_ended(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    challenge = (
        f'Bearer realm="{other.url}/jwt/auth",service="container_registry",scope="repository:group/app:pull"'
    )
    lying.default = guarded("Bearer one", challenge)
    other.on("/jwt/auth", document({"token": "one"}), document({"token": "two"}))
    client = new_client()
    client.head(f"{lying.address}/group/app", "1")
    lying.default = guarded("Bearer two", f'{challenge},error="invalid_token"')
    assert client.head(f"{lying.address}/group/app", "1").digest == DIGEST
    assert len(other.seen) == 2


def test_quay_says_of_an_unknown_repository_that_it_wants_a_login(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.default = guarded("never", f'Bearer realm="{other.url}/v2/auth",service="quay.io"')
    other.on("/v2/auth", document({"token": "anonymous"}))
    with pytest.raises(Exception, match="access denied") as caught:
        new_client().head(f"{lying.address}/acme/none", "1")
    assert not isinstance(caught.value, NotFoundError)


def test_docker_hub_counts_pulls_and_says_when_they_are_over_without_a_time(
    lying: Lying, new_client: NewClient
) -> None:
    lying.default = oci_error(429, "TOOMANYREQUESTS")
    with pytest.raises(RateLimitedError, match="TOOMANYREQUESTS"):
        new_client().get_manifest(f"{lying.address}/library/nginx", "1")


def test_registry_k8s_io_redirects_manifests_and_blobs_to_different_hosts(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    def redirect(seen: Seen) -> Reply:
        place = f"{other.url}/v2/k8s-artifacts-prod/images{seen.target.removeprefix('/v2')}"
        return Reply(status=307, headers=(("Location", place), ("Content-Type", "text/html")), body=b"<a>")

    lying.default = redirect
    other.on("/v2/k8s-artifacts-prod/images/pause/manifests/3.9", GOOD)
    other.on(f"/v2/k8s-artifacts-prod/images/pause/blobs/{Digest.of(b'x')}", Reply(body=b"x"))
    client = new_client()
    name = f"{lying.address}/pause"
    assert client.head(name, "3.9").digest == DIGEST
    assert client.get_manifest(name, "3.9").host == lying.address
    assert client.get_blob(name, Digest.of(b"x"), 10) == b"x"


def test_a_mount_asks_for_both_repositories(lying: Lying, other: Lying, new_client: NewClient) -> None:
    scope = "repository:to:pull,push"
    lying.default = guarded("Bearer t", f'Bearer realm="{other.url}/token",service="s",scope="{scope}"')
    other.on("/token", document({"token": "t"}))
    new_client().mount(f"{lying.address}/to", DIGEST, f"{lying.address}/from")
    assert query(other.requests()[0])["scope"] == [scope, "repository:from:pull"]
