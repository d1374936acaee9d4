"""docker-registry with token authentication and with its redirect middleware, and a token service of ours."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from imagelock.demo.sample_image import sample_image
from imagelock.errors import AccessDeniedError
from support import peers
from support.lying import Reply, document
from support.peers import DockerRegistry
from support.push import push_image

if TYPE_CHECKING:
    from pathlib import Path

    from registry.conftest import NewClient
    from support.lying import Lying, Seen

BASIC = "Basic " + base64.b64encode(b"me:secret").decode()
SERVICE, ISSUER = "made-up", "tests"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenService:
    """Signs what is asked for: pulling for everybody, pushing for who has the password."""

    def __init__(self, folder: Path, server: Lying) -> None:
        authority = trustme.CA(key_type=trustme.KeyType.RSA)
        leaf = authority.issue_cert("tokens.example", key_type=trustme.KeyType.RSA)
        key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key
        certificate = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
        self._chain = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
        self.bundle = folder / "root.pem"
        authority.cert_pem.write_to_path(str(self.bundle))
        server.on("/token", self)

    def __call__(self, seen: Seen) -> Reply:
        """Answer with a token for the scopes that may be given."""
        scopes = parse_qs(urlsplit(seen.target).query).get("scope", [])
        return document({"token": self._token(scopes, may_push=seen.authorization == BASIC)})

    def _token(self, scopes: list[str], *, may_push: bool) -> str:
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            given = [each for each in actions.split(",") if may_push or each == "pull"]
            access.append({"type": kind, "name": name, "actions": given})
        claims = {
            "iss": ISSUER,
            "sub": "",
            "aud": SERVICE,
            "exp": now + 300,
            "nbf": now - 60,
            "iat": now - 60,
        }
        return self._signed({**claims, "jti": str(now), "access": access})

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"typ": "JWT", "alg": "RS256", "x5c": self._chain}
        text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), SHA256())
        return f"{text}.{encoded(signature)}"


def login(home: Path, host: str) -> dict[str, str]:
    path = home / ".docker" / "config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"auths": {host: {"auth": BASIC.removeprefix("Basic ")}}}))
    return {"HOME": str(home)}


if peers.has("docker-registry"):

    def test_docker_registry_with_tokens_is_written_to_mounted_in_and_read(
        lying: Lying, new_client: NewClient, tmp_path: Path
    ) -> None:
        service = TokenService(tmp_path, lying)
        options = f'realm: "{lying.url}/token", service: {SERVICE}, issuer: {ISSUER}'
        extra = f"auth: {{token: {{{options}, rootcertbundle: {service.bundle}}}}}\n"
        image = sample_image("tokens")
        with DockerRegistry(tmp_path / "registry", extra=extra) as peer:
            client = new_client(environ=login(tmp_path, peer.address))
            one, two = f"{peer.address}/acme/one", f"{peer.address}/acme/two"
            for descriptor, data in image.blobs:
                client.put_blob(one, descriptor, [data])
                assert client.mount(two, descriptor.digest, one)
            for name in (one, two):
                client.put_manifest(name, image.content, "1")
            anonymous = new_client(environ={})
            assert anonymous.head(two, "1").digest == image.digest
            with pytest.raises(AccessDeniedError):
                anonymous.put_manifest(two, image.content, "2")
        asked = [parse_qs(urlsplit(target).query)["scope"] for target in lying.requests()]
        assert ["repository:acme/two:pull,push", "repository:acme/one:pull"] in asked

    def test_docker_registrys_redirects_are_followed_for_blobs(
        lying: Lying, new_client: NewClient, tmp_path: Path
    ) -> None:
        extra = f'middleware: {{storage: [{{name: redirect, options: {{baseurl: "{lying.url}/"}}}}]}}\n'
        image = sample_image("redirected")
        descriptor, data = image.blobs[0]
        lying.default = Reply(body=data)
        with DockerRegistry(tmp_path / "registry", extra=extra) as peer:
            push_image(peer.url, "acme/app", "1", image)
            client = new_client()
            name = f"{peer.address}/acme/app"
            assert client.get_blob(name, descriptor.digest, descriptor.size) == data
            assert b"".join(client.open_blob(name, descriptor)) == data
        assert lying.seen
