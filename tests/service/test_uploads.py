"""Upload sessions end: finished, cancelled, or idle."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from imagelock.limits import UPLOAD_SPARE_SECONDS, UPLOADS_OPEN
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.service.uploads import TooManyUploadsError, UploadBusyError, Uploads
from imagelock.stores.memory import MemoryStore
from imagelock.stores.oci_layout import LayoutStore
from support.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path


def test_an_idle_upload_expires_and_leaves_no_file(tmp_path: Path) -> None:
    now = [0.0]
    uploads = Uploads(LayoutStore(tmp_path).create, idle_seconds=60, clock=lambda: now[0])
    session = uploads.start("app")
    session.part.write(b"x")
    now[0] = 59.0
    with uploads.use("app", session.identifier):
        pass
    now[0] = 118.0
    uploads.expire()
    with uploads.use("app", session.identifier):
        now[0] = 500.0
        uploads.expire()  # In use: it stays.
    now[0] = 561.0
    uploads.expire()
    with pytest.raises(KeyError), uploads.use("app", session.identifier):
        pass
    assert list((tmp_path / "blobs").iterdir()) == []


def test_a_session_is_held_by_one_request_at_a_time() -> None:
    uploads = Uploads(MemoryStore().create)
    session = uploads.start("app")
    with (
        uploads.use("app", session.identifier),
        pytest.raises(UploadBusyError),
        uploads.use("app", session.identifier),
    ):
        pass


def test_the_number_of_open_uploads_is_bounded() -> None:
    uploads = Uploads(MemoryStore().create)
    sessions = [uploads.start("app") for _ in range(UPLOADS_OPEN)]
    with pytest.raises(TooManyUploadsError):
        uploads.start("app")
    uploads.end(sessions[0])
    uploads.start("app")


def test_an_upload_that_nobody_touches_gives_way_when_there_are_too_many() -> None:
    now = [0.0]
    uploads = Uploads(MemoryStore().create, clock=lambda: now[0])
    sessions = [uploads.start("app") for _ in range(UPLOADS_OPEN)]
    now[0] = UPLOAD_SPARE_SECONDS + 1
    with uploads.use("app", sessions[0].identifier):
        pass
    uploads.start("app")
    with uploads.use("app", sessions[0].identifier):
        pass
    with pytest.raises(KeyError), uploads.use("app", sessions[1].identifier):
        pass


def test_closing_throws_every_upload_away(tmp_path: Path) -> None:
    uploads = Uploads(LayoutStore(tmp_path).create)
    for _ in range(3):
        uploads.start("app").part.write(b"x")
    uploads.close()
    assert list((tmp_path / "blobs").iterdir()) == []


def test_a_blob_in_one_request_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    # Nobody was told of a session, so nobody can go on with it or cancel it.
    path = f"/v2/app/blobs/uploads/?digest=sha256:{'0' * 64}"
    with EmbeddedRegistry(LayoutStore(tmp_path)) as registry, Wire(registry.address) as wire:
        wire.raw(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf".encode())
        for _ in range(1000):
            if not list((tmp_path / "blobs").iterdir()):
                break
            threading.Event().wait(0.01)
        assert list((tmp_path / "blobs").iterdir()) == []
