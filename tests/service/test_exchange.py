"""The access log and the metrics: each answer once, whole or not, and nothing that a client can forge."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from typing import TYPE_CHECKING, cast

import pytest

from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.errors import FileError
from imagelock.model.digest import Digest
from imagelock.service.embedded import EmbeddedRegistry, Site
from imagelock.service.exchange import AccessLog
from imagelock.service.metrics import Metrics, kind_of
from imagelock.service.users import Users
from imagelock.stores.memory import MemoryStore
from support.secured import login, write_users
from support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagelock.stores.memory import _Memory

IMAGE = sample_image("logged")
_LINE = re.compile(
    r'(\S+) - (\S+) \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000\] "((?:[^"\\]|\\.)*)" (\d{3}) (\S+) "-" "(.*)" '
    r"(\d+\.\d{3})( cut)?"
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AccessLog]:
    """Give an access log in ``access.log``."""
    with contextlib.closing(AccessLog(tmp_path / "access.log")) as opened:
        yield opened


def _lines(path: Path, count: int) -> list[tuple[str, ...]]:
    """Read the log when it has so many lines: they are written after the client has its answer."""
    end = time.monotonic() + 60
    while len(lines := path.read_text().splitlines()) < count and time.monotonic() < end:
        time.sleep(0.01)
    matches = [_LINE.fullmatch(line) for line in lines]
    assert all(matches), lines
    return [match.groups("") for match in matches if match is not None]


def test_each_answer_is_a_line_of_the_combined_format(tmp_path: Path, log: AccessLog) -> None:
    users = write_users(tmp_path / "users", alice="secret")
    store = MemoryStore()
    push_sample(store, "app", "1", IMAGE)
    with (
        EmbeddedRegistry(store, site=Site(users=Users(users), log=log)) as registry,
        Wire(registry.address) as wire,
    ):
        agent = {"User-Agent": 'a "quoted" agent'}
        wire.ask("GET", "/v2/app/manifests/1?token=geheim", headers=login("alice", "secret") | agent)
        wire.ask("GET", "/v2/", headers=login("alice", "wrong"))
        wire.ask("HEAD", "/healthz")
    lines = _lines(tmp_path / "access.log", 3)
    assert [line[:6] for line in lines] == [
        (
            "127.0.0.1",
            "alice",
            "GET /v2/app/manifests/1 HTTP/1.1",
            "200",
            str(len(IMAGE.content.body)),
            'a \\"quoted\\" agent',
        ),
        ("127.0.0.1", "-", "GET /v2/ HTTP/1.1", "401", lines[1][4], "-"),
        ("127.0.0.1", "-", "HEAD /healthz HTTP/1.1", "200", "-", "-"),
    ]
    text = (tmp_path / "access.log").read_text()
    assert not any(word in text for word in ("geheim", "secret", "wrong", "Basic"))


def test_what_a_client_sends_stays_in_its_field(tmp_path: Path, log: AccessLog) -> None:
    with EmbeddedRegistry(MemoryStore(), site=Site(log=log)) as registry, Wire(registry.address) as wire:
        wire.raw(
            b'GET /"\x85\xe2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: \x1b[31m" 200\r\n'
            b"Authorization: Basic YSBiCmM6eA==\r\n\r\n"
        )
    found = _lines(tmp_path / "access.log", 1)
    assert len(found) == 1
    assert (found[0][1], found[0][3]) == ("a\\x20b\\nc", "404")


def test_a_moved_log_is_begun_again(tmp_path: Path, log: AccessLog) -> None:
    path = tmp_path / "access.log"
    with EmbeddedRegistry(MemoryStore(), site=Site(log=log)) as registry, Wire(registry.address) as wire:
        wire.ask("GET", "/v2/")
        _lines(path, 1)
        path.rename(tmp_path / "access.log.1")
        wire.ask("GET", "/v2/_catalog")
        _until_there(path)
        assert [line[2] for line in _lines(path, 1)] == ["GET /v2/_catalog HTTP/1.1"]


def _until_there(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)


def test_a_log_that_can_no_longer_be_written_costs_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    with (
        contextlib.closing(AccessLog(folder / "access.log")) as log,
        EmbeddedRegistry(MemoryStore(), site=Site(log=log)) as registry,
        Wire(registry.address) as wire,
    ):
        shutil.rmtree(folder)
        for _ in range(3):
            assert wire.ask("GET", "/v2/").status == 200
    assert sum("access log" in record.message for record in caplog.records) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_full_disk_costs_no_answer(
    log: AccessLog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log._handler.stream, "write", full)
    with EmbeddedRegistry(MemoryStore(), site=Site(log=log)) as registry, Wire(registry.address) as wire:
        assert wire.ask("GET", "/v2/").status == 200
        assert wire.ask("GET", "/v2/").status == 200
    assert "Traceback" not in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        AccessLog(tmp_path / "none" / "access.log")


def test_metrics_count_what_was_asked_and_moved(tmp_path: Path) -> None:
    users = write_users(tmp_path / "users", alice="secret")
    alice = login("alice", "secret")
    site = Site(users=Users(users), metering=Metrics)
    data = b"x" * 1000
    digest = Digest.of(data)
    with EmbeddedRegistry(MemoryStore(), site=site) as registry, Wire(registry.address) as wire:
        assert wire.ask("GET", "/metrics").status == 401
        wire.ask("POST", f"/v2/app/blobs/uploads/?digest={digest}", data, headers=alice)
        wire.ask("POST", "/v2/app/blobs/uploads/", headers=alice)
        wire.ask("GET", f"/v2/app/blobs/{digest}", headers=alice)
        wire.ask("GET", "/v2/app/manifests/none", headers=alice)
        reply = wire.ask("GET", "/metrics", headers=alice)
    text = reply.body.decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    asked = "imagelock_registry_requests_total{"
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert values[asked + 'kind="uploads",method="POST",status="201"}'] == "1.0"
    assert values[asked + 'kind="blobs",method="GET",status="200"}'] == "1.0"
    assert values[asked + 'kind="manifests",method="GET",status="404"}'] == "1.0"
    assert values[asked + 'kind="other",method="GET",status="401"}'] == "1.0"
    assert values["imagelock_registry_received_bytes_total"] == "1000.0"
    assert float(values["imagelock_registry_sent_bytes_total"]) >= 1000
    assert values["imagelock_registry_uploads"] == "1.0"
    assert values["imagelock_registry_connections"] == "1.0"
    assert values['imagelock_registry_request_seconds_count{kind="blobs",method="GET"}'] == "1.0"


def test_an_answer_that_breaks_off_counts_as_cut(tmp_path: Path, log: AccessLog) -> None:
    store = MemoryStore()
    data = b"y" * 3_000_000
    digest = Digest.of(data)
    with EmbeddedRegistry(store, site=Site(log=log)) as registry, Wire(registry.address) as wire:
        wire.get_blob("app", digest, data)
        backend = cast("_Memory", store._backend)
        backend.blobs[digest] = (data[:-1] + b"z", backend.blobs[digest][1])
        with pytest.raises(Exception, match="IncompleteRead"):
            wire.ask("GET", f"/v2/app/blobs/{digest}")
    last = _lines(tmp_path / "access.log", 2)[1]
    assert (last[3], last[7]) == ("200", " cut")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v2/", "base"),
        ("/v2/_catalog", "catalog"),
        ("/v2/a/b/tags/list", "tags"),
        ("/v2/a/manifests/1", "manifests"),
        ("/v2/a/referrers/sha256:x", "referrers"),
        ("/v2/a/blobs/uploads/", "uploads"),
        ("/v2/a/blobs/uploads/x", "uploads"),
        ("/v2/a/blobs/sha256:x", "blobs"),
        ("/metrics", "other"),
        ("/v2/a\nb", "other"),
    ],
)
def test_paths_have_few_kinds(path: str, kind: str) -> None:
    assert kind_of(path) == kind
