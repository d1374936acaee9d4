"""``serve`` for a site: TLS, users, an access log, metrics; pushed to and pulled from by skopeo."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from imagelock.cli.serve import _metering
from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.model.digest import Digest
from imagelock.model.manifest import Descriptor
from imagelock.stores.oci_layout import LayoutStore
from support import peers
from support.secured import login, write_keys, write_users
from support.wire import Wire
from support.world import INTERRUPTIBLE, deployment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.world import World

IMAGE = sample_image("site")


@contextlib.contextmanager
def _site(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    serve = [sys.executable, "-m", "imagelock", "serve", *arguments, "--port", "0", "-o", "json"]
    with subprocess.Popen(
        [*INTERRUPTIBLE, *serve], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["summary"]["url"]
        finally:
            process.kill()


if peers.has("skopeo"):

    def test_skopeo_pushes_as_a_writer_and_pulls_as_a_reader_over_tls(tmp_path: Path) -> None:
        keys = write_keys(tmp_path / "keys")
        users = write_users(tmp_path / "users", reader="r", writer="w")
        push_sample(LayoutStore(tmp_path / "from"), "app", "1", IMAGE)
        log = tmp_path / "access.log"
        (tmp_path / "trust").mkdir()
        (tmp_path / "trust" / "ca.crt").write_bytes(keys.ca.read_bytes())
        trust = str(tmp_path / "trust")
        with _site(
            *("--writable", str(tmp_path / "store"), "--htpasswd", str(users), "--writer", "writer"),
            *("--tls-cert", str(keys.chain), "--tls-key", str(keys.key)),
            *("--access-log", str(log), "--host", "0.0.0.0"),  # noqa: S104 - with TLS and users it may
        ) as (process, url):
            port = url.rpartition(":")[2]
            there = f"docker://127.0.0.1:{port}/team/app:1"
            push = ["copy", "--all", "--dest-cert-dir", trust, f"oci:{tmp_path}/from:app:1", there]
            assert _skopeo(*push).returncode != 0
            assert _skopeo(*push, "--dest-creds", "reader:r").returncode != 0
            done = _skopeo(*push, "--dest-creds", "writer:w")
            assert done.returncode == 0, done.stderr
            seen = _skopeo("inspect", "--raw", "--cert-dir", trust, "--creds", "reader:r", there)
            assert seen.stdout.encode() == IMAGE.content.body, seen.stderr
            assert _skopeo("delete", "--cert-dir", trust, "--creds", "reader:r", there).returncode != 0
            done = _skopeo("delete", "--cert-dir", trust, "--creds", "writer:w", there)
            assert done.returncode == 0, done.stderr
            process.send_signal(signal.SIGTERM)
            words = process.communicate(timeout=120)[1]
        assert process.returncode == 0
        assert "Traceback" not in words
        assert "--tls-verify=false" not in words
        assert " writer [" in log.read_text()
        assert " reader [" in log.read_text()


def _skopeo(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "REGISTRY_AUTH_FILE": "/nonexistent"}
    return subprocess.run(
        ["skopeo", *arguments], capture_output=True, text=True, timeout=120, check=False, env=environment
    )


def test_mirror_logs_in_to_it_and_trusts_its_authority(tmp_path: Path, world: World) -> None:
    keys = write_keys(tmp_path / "keys")
    users = write_users(tmp_path / "users", writer="w")
    digest = world.push("quay.io/team/app:1")
    world.write("app.yaml", deployment("quay.io/team/app:1"))
    with _site(
        *("--writable", str(tmp_path / "store"), "--htpasswd", str(users)),
        *("--tls-cert", str(keys.chain), "--tls-key", str(keys.key)),
    ) as (_, url):
        address = url.removeprefix("https://")
        world.configure(f'[registries."{address}"]\nca = "ca.pem"\n')
        world.write("ca.pem", keys.ca.read_text())
        assert world.run("lock").code == 0
        assert world.run("mirror", "--to", address).code == 3
        code = base64.b64encode(b"writer:w").decode()
        world.write("docker/config.json", json.dumps({"auths": {address: {"auth": code}}}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_CONFIG", str(world.root / "docker"))
            result = world.run("mirror", "--to", address)
        assert result.code == 0, result.err
        with Wire(address, keys.client) as wire:
            path = "/v2/quay.io/team/app/manifests/1"
            reply = wire.ask("GET", path, headers=login("writer", "w"))
            assert reply.headers["docker-content-digest"] == digest


def test_metrics_and_the_probe_answer(tmp_path: Path) -> None:
    with _site("--writable", str(tmp_path / "store")) as (_, url):
        with Wire(url.removeprefix("http://")) as wire:
            assert wire.ask("GET", "/healthz").body == b"ok\n"
            assert b"imagelock_registry_requests_total" in wire.ask("GET", "/metrics").body
        (tmp_path / "store" / "index.json").write_text("damaged")
        with Wire(url.removeprefix("http://")) as wire:
            assert wire.ask("GET", "/healthz").status == 503


def test_packages_that_are_missing_are_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    push_sample(LayoutStore(world.root / "store"), "app", "1", IMAGE)
    write_users(world.root / "users", alice="a")
    for module in ("bcrypt", "imagelock.service.users"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    result = world.run("serve", "store", "--htpasswd", "users", "--port", "0")
    assert (result.code, "imagelock[serve]" in result.err) == (2, True), result.err
    monkeypatch.delitem(sys.modules, "imagelock.service.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    meter = _metering()(int, int)
    assert (meter.text()[:1], b"imagelock[serve]" in meter.text()) == (b"#", True)


def test_a_pull_under_way_is_finished_before_the_end(tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys")
    store = LayoutStore(tmp_path / "store")
    push_sample(store, "app", "1", IMAGE)
    data = os.urandom(24_000_000)
    blob = Descriptor(media_type="application/octet-stream", digest=Digest.of(data), size=len(data))
    store.put_blob("app", blob, (data,))
    with _site(str(tmp_path / "store"), "--tls-cert", str(keys.chain), "--tls-key", str(keys.key)) as (
        process,
        url,
    ):
        host, _, port = url.removeprefix("https://").rpartition(":")
        with (
            socket.create_connection((host, int(port)), timeout=60) as plain,
            keys.client.wrap_socket(plain, server_hostname=host) as client,
        ):
            client.sendall(f"GET /v2/app/blobs/{blob.digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            begun = client.recv(1000)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            rest = b"".join(iter(lambda: client.recv(1 << 20), b""))
        assert (begun + rest).endswith(data)
        process.communicate(timeout=120)
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tls-cert", "tls.crt"], "go together"),
        (["--tls-key", "tls.key"], "go together"),
        (["--tls-cert", "no.crt", "--tls-key", "no.key"], "no such file"),
        (["--writer", "alice"], "--htpasswd"),
        (["--htpasswd", "none"], "no such file"),
        (["--access-log", "none/access.log"], "no such file"),
        (["--htpasswd", "users", "--host", "0.0.0.0"], "in the clear"),  # noqa: S104 - refused
        (["--htpasswd", "users", "--writer", "bob"], "bob"),
    ],
)
def test_what_cannot_be_served_is_exit_2(world: World, arguments: list[str], words: str) -> None:
    push_sample(LayoutStore(world.root / "store"), "app", "1", IMAGE)
    write_users(world.root / "users", alice="a")
    result = world.run("serve", "store", *arguments, "--port", "0")
    assert (result.code, words in result.err.lower()) == (2, True), result.err
