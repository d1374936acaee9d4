"""No secret in any output, error, log or file, whatever goes wrong, even at -vv (docs/concepts/trust.md).

One project, one set of secrets, every fault of the lying server; each run is a process, so that everything
it writes is seen: stdout, stderr, reports, the lock, temporary files, and what `ps` shows of it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.images import manifest_body, manifest_reply
from support.lying import Lying, Reply, document, oci_error
from support.peers import dead_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.lying import Answerer, Seen

PASSWORD = "canary-password-1b"
IDENTITY = "canary-identity-2c"
HELPED = "canary-helper-3d"
TOKEN = "canary-token-4e"
SIGNATURE = "canary-signature-5f"
REALM_KEY = "canary-realm-6a"
PROXY = "canary-proxy-7b"
BASIC = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
SECRETS = (
    PASSWORD,
    IDENTITY,
    HELPED,
    TOKEN,
    SIGNATURE,
    REALM_KEY,
    PROXY,
    BASIC,
    base64.b64encode(f"me:{PROXY}".encode()).decode(),
    base64.b64encode(f"<token>:{IDENTITY}".encode()).decode(),
)
GOOD = manifest_reply(manifest_body())


@dataclass
class Stage:
    """A project whose registry, token service and storage say what a test wants."""

    root: Path
    home: Path
    registry: Lying
    service: Lying

    def login(self, **document: object) -> None:
        """Store credentials as docker does."""
        path = self.home / ".docker" / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def helper(self, script: str) -> None:
        """Write a credential helper."""
        path = self.home / "bin" / "docker-credential-canary"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\nread server\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(self, *arguments: str, **environ: str) -> str:
        """Run a command and return everything it left anywhere; it never ends with a traceback."""
        own = {
            "PATH": f"{self.home}/bin:{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "CONTAINERS_REGISTRIES_CONF": "/dev/null",
        }
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-m", "imagelock", *arguments, "-vv", "--retry-time", "0"],
            cwd=self.root,
            env={**own, **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr + self._files()

    def _files(self) -> str:
        kept = {self.home / ".docker", self.home / "bin"}
        paths = [path for top in (self.root, self.home) for path in top.rglob("*") if path.is_file()]
        written = [path for path in paths if not any(path.is_relative_to(each) for each in kept)]
        return "\n".join(path.read_bytes().decode(errors="replace") for path in written)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Lying() as registry, Lying() as service:
        root, home = tmp_path / "project", tmp_path / "home"
        root.mkdir()
        (home / "tmp").mkdir(parents=True)
        made = Stage(root, home, registry, service)
        (root / "external_images.txt").write_text(f"{registry.address}/app:1\n")
        made.login(auths={registry.address: {"auth": BASIC}})
        yield made


def found(text: str) -> list[str]:
    """Return the secrets that are in a text."""
    return [secret for secret in SECRETS if secret in text]


def bearer(stage: Stage, realm: str = "") -> Reply:
    realm = realm or f"{stage.service.url}/token?key={REALM_KEY}"
    return oci_error(401, "UNAUTHORIZED", WWW_Authenticate=f'Bearer realm="{realm}",service="s"')


def redirect(location: str) -> Reply:
    return Reply(status=307, headers=(("Location", location),))


def echo(status: int) -> Answerer:
    """Answer with everything the client sent, as debugging proxies do."""

    def answer(seen: Seen) -> Reply:
        words = " ".join([seen.target, *seen.headers.values(), seen.body.decode(errors="replace")])
        return document({"errors": [{"code": "DENIED", "message": words}]}, status)

    return answer


def test_the_finder_finds() -> None:
    assert found(f"Authorization: Basic {BASIC}") == [BASIC]


def test_the_secrets_are_really_used(stage: Stage) -> None:
    """Without this the whole suite could pass because nothing was ever sent."""
    stage.registry.default = bearer(stage)
    stage.service.default = document({"token": TOKEN})
    stage.run("lock")
    assert stage.service.seen[0].authorization == f"Basic {BASIC}"
    assert REALM_KEY in stage.service.seen[0].target
    assert f"Bearer {TOKEN}" in {seen.authorization for seen in stage.registry.seen}


TOKEN_ANSWERS: dict[str, Reply | Answerer] = {
    "good": document({"token": TOKEN}),
    "echoed 400": echo(400),
    "echoed 401": echo(401),
    "echoed 500": echo(500),
    "no token": document({"error": TOKEN}),
    "not JSON": Reply(body=TOKEN.encode()),
    "a token that is none": document({"token": f"{TOKEN}\r\nX: y"}),
    "too large": Reply(body=TOKEN.encode() * 9000),
    "reset": Reply(reset=True),
    "cut": Reply(body=b"{" + TOKEN.encode() * 10, cut=20),
    "redirect": redirect(f"http://127.0.0.1:1/?sig={SIGNATURE}"),
    "redirect elsewhere": redirect(f"http://10.0.0.1/{SIGNATURE}"),
    "odd head": Reply(headers=(("X Y", TOKEN),)),
}


@pytest.mark.parametrize("name", TOKEN_ANSWERS)
def test_nothing_of_a_token_service_shows(stage: Stage, name: str) -> None:
    stage.registry.default = bearer(stage)
    stage.service.default = TOKEN_ANSWERS[name]
    assert found(stage.run("lock", "-o", "json", "--report", "json=report.json")) == []
    assert stage.service.seen


FAULTS: dict[str, Reply | Answerer] = {
    "echoed 400": echo(400),
    "echoed 403": echo(403),
    "echoed 429": echo(429),
    "echoed 500": echo(500),
    "echoed 200": lambda seen: Reply(body=str(seen.headers).encode()),
    "a page": Reply(headers=(("Content-Type", "text/html"),), body=SIGNATURE.encode()),
    "another digest": manifest_reply(manifest_body(), digest=f"sha256:{'0' * 64}"),
    "reset": Reply(reset=True),
    "cut": Reply(body=SIGNATURE.encode(), headers=(("Content-Length", "900"),), cut=5),
    "compressed": Reply(body=b"x", headers=(("Content-Encoding", SIGNATURE),)),
    "odd status": Reply(status=299, body=SIGNATURE.encode()),
    "odd head": Reply(headers=(("X Y", SIGNATURE),)),
    "odd media type": Reply(headers=(("Content-Type", SIGNATURE),), body=b"{}"),
    "signed redirect refused": redirect(f"http://127.0.0.1:1/blob?X-Amz-Signature={SIGNATURE}"),
    "signed redirect inside": redirect(f"http://169.254.169.254/{SIGNATURE}?{SIGNATURE}"),
    "signed redirect nowhere": redirect(f"ftp://me:{SIGNATURE}@127.0.0.1/{SIGNATURE}"),
    "signed redirect with a user": redirect(f"http://me:{SIGNATURE}@127.0.0.1/x"),
    "signed redirect to a bad port": redirect(f"http://127.0.0.1:{SIGNATURE}/x"),
    "endless redirects": redirect(f"/v2/app/manifests/1?sig={SIGNATURE}"),
    "good": GOOD,
}


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_of_a_login_or_a_signed_address_shows(stage: Stage, name: str) -> None:
    reply = FAULTS[name]

    def answer(seen: Seen) -> Reply:
        if seen.authorization is None and seen.target.startswith("/v2/app/"):
            return oci_error(401, "UNAUTHORIZED", WWW_Authenticate=f'Basic realm="{REALM_KEY}"')
        return reply if isinstance(reply, Reply) else reply(seen)

    stage.registry.default = answer
    assert found(stage.run("lock", "--report", "sarif=report.sarif", "--keep-going")) == []
    assert any(seen.authorization == f"Basic {BASIC}" for seen in stage.registry.seen)


def test_a_signed_address_that_fails_shows_its_host_only(stage: Stage) -> None:
    stage.registry.default = redirect(f"{stage.service.url}/blob?X-Amz-Signature={SIGNATURE}")
    stage.service.default = echo(403)
    text = stage.run("lock")
    assert found(text) == []
    assert stage.service.seen
    assert all(seen.authorization is None for seen in stage.service.seen)


@pytest.mark.parametrize(
    "realm",
    [
        f"http://me:{REALM_KEY}@127.0.0.1/t",
        f"http://127.0.0.1:{REALM_KEY}/t",
        f"ftp://{REALM_KEY}/",
        f"http://10.0.0.1/t?{REALM_KEY}",
        f"http://127.0.0.1:1/t?{REALM_KEY}",
    ],
)
@pytest.mark.parametrize("command", ["lock", "doctor"])
def test_nothing_of_a_realm_but_its_host_shows(stage: Stage, realm: str, command: str) -> None:
    stage.registry.default = bearer(stage, realm)
    text = stage.run(command, *([stage.registry.address] if command == "doctor" else []))
    # The host of a realm is said on purpose, and here it is the whole secret.
    assert [each for each in found(text) if not realm.startswith("ftp:")] == []


def test_an_identity_token_does_not_show(stage: Stage) -> None:
    stage.login(auths={stage.registry.address: {"identitytoken": IDENTITY}})
    stage.registry.default = bearer(stage)
    stage.service.default = echo(401)
    assert found(stage.run("lock")) == []
    assert IDENTITY in stage.service.seen[0].body.decode()


@pytest.mark.parametrize(
    "script",
    [
        f'echo \'{{"Username":"me","Secret":"{HELPED}"}}\'',
        f"echo {HELPED}; echo {HELPED} >&2; exit 3",
        f"echo {HELPED}",
        f'echo \'{{"Username":"{HELPED}","Secret":5}}\'',
    ],
)
def test_nothing_of_a_helper_shows(stage: Stage, script: str) -> None:
    stage.login(credHelpers={stage.registry.address: "canary"})
    stage.helper(script)
    stage.registry.default = bearer(stage)
    stage.service.default = echo(401)
    assert found(stage.run("lock")) == []


@pytest.mark.parametrize(
    "text",
    [
        f'{{"auths": {{"127.0.0.1": {{"auth": "{PASSWORD}"}}}}}}',
        f'{{"auths": {{"127.0.0.1": {{"auth": "{BASIC}"}}}}',
        f"{PASSWORD}",
    ],
)
def test_a_damaged_credential_file_is_not_quoted(stage: Stage, text: str) -> None:
    (stage.home / ".docker" / "config.json").write_text(text)
    stage.registry.default = bearer(stage)
    assert found(stage.run("lock")) == []


@pytest.mark.parametrize("kind", ["refusing", "absent"])
def test_the_proxys_password_does_not_show(stage: Stage, kind: str) -> None:
    stage.service.default = echo(403)
    address = stage.service.address if kind == "refusing" else f"127.0.0.1:{dead_port()}"
    (stage.root / "external_images.txt").write_text("registry.invalid/app:1\n")
    assert found(stage.run("lock", HTTPS_PROXY=f"http://me:{PROXY}@{address}")) == []


def test_ps_shows_no_secret(stage: Stage) -> None:
    """Everything that runs while a helper and the registry answer: arguments of all its processes."""
    stage.login(credHelpers={stage.registry.address: "canary"})
    shown = stage.home / "shown"
    stage.helper(
        f'tr "\\0" " " < /proc/$$/cmdline > {shown}; echo \'{{"Username":"me","Secret":"{HELPED}"}}\''
    )
    seen: list[str] = []

    def answer(request: Seen) -> Reply:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                line = path.read_bytes().decode(errors="replace")
                if "imagelock" in line and str(stage.home) not in line:
                    seen.append(line)
        return bearer(stage) if request.authorization is None else GOOD

    stage.registry.default = answer
    stage.service.default = document({"token": TOKEN})
    assert found(stage.run("lock")) == []
    assert seen
    assert found("\n".join(seen)) == []
    assert found(shown.read_text()) == []
