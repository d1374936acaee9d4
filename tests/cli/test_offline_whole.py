"""A whole delivery without a network: from docker-registry over a split bundle to a site's registry with TLS and users."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support import peers
from support.secured import login, write_keys, write_users
from support.signed import NAME, Signed
from support.wire import Wire
from support.world import INTERRUPTIBLE, mirrors

if TYPE_CHECKING:
    from pathlib import Path

    from support.secured import Keys
    from support.world import Result, World

IMAGES = 60


def bundle(world: World, verb: str, *arguments: str) -> Result:
    return world.run_plain("bundle", verb, "-C", str(world.root), *arguments)


@pytest.mark.skipif(
    not (peers.has("docker-registry") and peers.has("skopeo")), reason="docker-registry and skopeo are peers"
)
def test_a_signed_release_reaches_the_nodes_of_a_site(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = Signed(world)
    names = [f"quay.io/team/part{number}:1.{number}" for number in range(IMAGES - 1)]
    digests = {name: world.push(name, single=number % 3 == 0) for number, name in enumerate(names)}
    lock = world.read("images.lock") + "".join(f"{name}@{digest}\n" for name, digest in digests.items())
    world.write("release.txt", lock)
    given = ("--lock-file", "release.txt")

    with peers.DockerRegistry(tmp_path / "origin") as origin:
        assert world.run("mirror", "--to", origin.address, *given).code == 0
        world.write("imagelock.toml", mirrors(f"http://{origin.address}"))
        made = bundle(world, "create", "release.tar", "--split", "100kB", *given, "-o", "json")
        assert (made.code, made.document["summary"]["copied"]) == (0, IMAGES)
        assert made.document["summary"]["referrers"] == 3
        assert len(made.document["bundle"]["files"]) > 1
    # From here on there is nothing but the parts.
    world.write("imagelock.toml", "")
    verified = bundle(world, "verify", "release.tar", "-o", "json")
    assert (verified.code, verified.document["summary"]["good"]) == (0, IMAGES)
    (world.root / "release.tar.001").rename(tmp_path / "kept")
    assert bundle(world, "verify", "release.tar").code == 2
    (tmp_path / "kept").rename(world.root / "release.tar.001")

    keys = write_keys(tmp_path / "keys")
    users = write_users(tmp_path / "users", ci="push", node="pull")
    serve = [sys.executable, "-m", "imagelock", "serve", "--writable", str(tmp_path / "site"), "--port", "0"]
    secured = ["--tls-cert", str(keys.chain), "--tls-key", str(keys.key), "--htpasswd", str(users)]
    with subprocess.Popen(
        [*INTERRUPTIBLE, *serve, *secured, "--writer", "ci", "-o", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            site = json.loads(process.stdout.readline())["summary"]["address"]
            world.write("ca.pem", keys.ca.read_text())
            world.write(
                "imagelock.toml",
                f'[registries."{site}"]\nca = "ca.pem"\n[registries."quay.io"]\nfallback = false\n'
                f'mirrors = [{{ url = "https://{site}/quay.io" }}]\n',
            )
            _log_in(world, monkeypatch, site, "node", "pull")
            assert bundle(world, "load", "release.tar", "--to", site).code == 3
            _log_in(world, monkeypatch, site, "ci", "push")
            loaded = bundle(world, "load", "release.tar", "--to", site, "--verify", "-o", "json")
            assert (loaded.code, loaded.document["summary"]["copied"]) == (0, IMAGES), loaded.err
            _pulled_in_each_form(
                tmp_path, site, keys.ca.read_bytes(), {**digests, f"{NAME}:1": str(signed.image)}
            )
            _refers(site, keys, signed)
            _log_in(world, monkeypatch, site, "node", "pull")
            drifted = world.json("drift", *given, "--config", str(world.root / "imagelock.toml"))
            assert (drifted.code, drifted.document["summary"]["same"]) == (0, IMAGES), drifted.out
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=120)
            assert process.returncode == 0
        finally:
            process.kill()
    pruned = world.json(
        "serve", str(tmp_path / "site"), "--prune", "--prune-after", "0", "--keep", "release.txt"
    )
    assert (pruned.code, pruned.document["changes"], pruned.document["summary"]["blobs_removed"]) == (
        0,
        [],
        0,
    )


def _log_in(world: World, patch: pytest.MonkeyPatch, site: str, user: str, password: str) -> None:
    code = base64.b64encode(f"{user}:{password}".encode()).decode()
    world.write("docker/config.json", json.dumps({"auths": {site: {"auth": code}}}))
    patch.setenv("DOCKER_CONFIG", str(world.root / "docker"))


def _pulled_in_each_form(folder: Path, site: str, authority: bytes, digests: dict[str, str]) -> None:
    trust = folder / "trust"
    trust.mkdir()
    (trust / "ca.crt").write_bytes(authority)
    environment = {**os.environ, "REGISTRY_AUTH_FILE": "/nonexistent"}
    for name, digest in list(digests.items())[-4:]:
        repository = name.rpartition(":")[0]
        bodies = {
            subprocess.run(
                ["skopeo", "inspect", "--raw", "--creds", "node:pull", "--cert-dir", str(trust), f"docker://{site}/{form}"],
                capture_output=True,
                timeout=120,
                check=True,
                env=environment,
            ).stdout
            for form in (name, f"{repository}@{digest}")
        }  # fmt: skip
        assert len(bodies) == 1


def _refers(site: str, keys: Keys, signed: Signed) -> None:
    """Require the signature's tag, the SBOM of a platform and the signature on the SBOM."""
    node = login("node", "pull")
    with Wire(site, keys.client) as wire:
        for subject, referrer in ((signed.child, signed.sbom), (signed.sbom, signed.nested)):
            listed = json.loads(wire.ask("GET", f"/v2/{NAME}/referrers/{subject}", headers=node).body)
            assert [one["digest"] for one in listed["manifests"]] == [str(referrer)]
        reply = wire.ask("GET", f"/v2/{NAME}/manifests/{signed.tag}", headers=node)
        assert reply.headers["docker-content-digest"] == str(signed.cosign)
