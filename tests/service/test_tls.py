"""TLS of the embedded registry: right files, changed files, wrong files, wrong clients."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from imagelock.errors import FileError
from imagelock.model.digest import Digest
from imagelock.service import tls
from imagelock.service.embedded import EmbeddedRegistry, Site
from imagelock.service.tls import Certificate
from imagelock.stores.memory import MemoryStore
from support.secured import write_keys
from support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.secured import Keys


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Give a certificate."""
    return write_keys(tmp_path / "keys")


@pytest.fixture
def secured(keys: Keys) -> Iterator[EmbeddedRegistry]:
    """Give a registry with TLS."""
    site = Site(certificate=Certificate(keys.chain, keys.key))
    with EmbeddedRegistry(MemoryStore(), site=site) as registry:
        yield registry


def test_blobs_of_many_records_go_in_and_out(secured: EmbeddedRegistry, keys: Keys) -> None:
    data = bytes(range(256)) * 20_000
    digest = Digest.of(data)
    with Wire(secured.address, keys.client) as wire:
        wire.get_blob("app", digest, data)
        assert wire.ask("GET", f"/v2/app/blobs/{digest}").body == data
    assert secured.url == f"https://{secured.address}"


def test_a_client_that_speaks_plain_http_is_told(secured: EmbeddedRegistry) -> None:
    with Wire(secured.address) as wire:
        reply = wire.ask("GET", "/v2/")
    assert (reply.status, b"HTTPS" in reply.body) == (400, True)


def test_old_protocols_are_refused(secured: EmbeddedRegistry, keys: Keys) -> None:
    host, _, port = secured.address.rpartition(":")
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_1", "-CAfile", str(keys.ca)],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0


def test_the_end_is_said_in_tls(secured: EmbeddedRegistry, keys: Keys) -> None:
    host, _, port = secured.address.rpartition(":")
    context = keys.client
    with (
        socket.create_connection((host, int(port)), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname=host, suppress_ragged_eofs=False) as client,
    ):
        client.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"200 OK" in b"".join(iter(lambda: client.recv(4096), b""))


def test_a_changed_certificate_is_taken_without_a_restart(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "RELOAD_SECONDS", 0.0)
    first, second = keys.client, trustme.CA()
    with EmbeddedRegistry(
        MemoryStore(), site=Site(certificate=Certificate(keys.chain, keys.key))
    ) as registry:
        with Wire(registry.address, first) as kept:
            assert kept.ask("GET", "/v2/").status == 200
            keys.key.write_text("half of a renewal")
            with Wire(registry.address, first) as wire:
                assert wire.ask("GET", "/v2/").status == 200
            renewed = write_keys(tmp_path / "keys", authority=second)
            with Wire(registry.address, renewed.client) as wire:
                assert wire.ask("GET", "/v2/").status == 200
            assert kept.ask("GET", "/v2/").status == 200
        with Wire(registry.address, first) as wire, pytest.raises(ssl.SSLCertVerificationError):
            wire.ask("GET", "/v2/")


def test_files_are_looked_at_once_a_second(keys: Keys) -> None:
    files = tls.Changing(keys.chain)
    keys.chain.write_text("another")
    assert not files.changed()
    files._next = time.monotonic()
    assert files.changed()
    assert not files.changed()


def test_files_that_are_no_certificate_are_errors_that_name_them(keys: Keys, tmp_path: Path) -> None:
    other = write_keys(tmp_path / "other")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkey", "-in", str(keys.key), "-aes256", "-passout", "pass:x", "-out", str(locked)],
        check=True,
        timeout=60,
    )
    for chain, key, words in (
        (keys.chain, tmp_path / "none", "no such file"),
        (keys.chain, other.key, "not a certificate and its key"),
        (keys.key, keys.key, "not a certificate and its key"),
        (keys.chain, locked, "passphrase"),
    ):
        with pytest.raises(FileError, match=words):
            Certificate(chain, key)


def test_a_client_that_never_shakes_hands_is_cut_at_the_end(keys: Keys) -> None:
    site = Site(certificate=Certificate(keys.chain, keys.key))
    with EmbeddedRegistry(MemoryStore(), site=site) as registry:
        host, _, port = registry.address.rpartition(":")
        silent = socket.create_connection((host, int(port)), timeout=60)
        with Wire(registry.address, keys.client) as wire:
            assert wire.ask("GET", "/v2/").status == 200
    with silent:
        assert silent.recv(10) == b""
