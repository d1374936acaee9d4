"""Starting, watching and stopping the embedded registry."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from imagelock.errors import UsageError
from imagelock.model.digest import Digest
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.service.server import Server
from imagelock.stores.memory import MemoryStore
from support.push import push_image
from support.wire import Wire

if TYPE_CHECKING:
    from imagelock.stores.local import LocalStore


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "registry.example"])  # noqa: S104 - refused
def test_a_writable_registry_listens_on_this_machine_only(host: str) -> None:
    with pytest.raises(UsageError, match="this machine only"):
        EmbeddedRegistry(MemoryStore(), host=host)


def test_a_name_of_this_machine_that_leads_elsewhere_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagelock.service.embedded.Server", _everywhere)
    with pytest.raises(UsageError, match=r"app\.localhost \(0\.0\.0\.0\)"):
        EmbeddedRegistry(MemoryStore(), host="app.localhost")


def _everywhere(address: tuple[str, int], *rest: Any, **more: Any) -> Server:
    """Listen as a resolver would make it that takes every name for this host's every address."""
    return Server(("0.0.0.0", address[1]), *rest, **more)  # noqa: S104 - what must be refused


@pytest.mark.parametrize(
    ("host", "shown"), [("localhost", "127.0.0.1:"), ("LOCALHOST", "127.0.0.1:"), ("::1", "[::1]:")]
)
def test_every_spelling_of_this_machine_may_be_written_to(host: str, shown: str) -> None:
    with EmbeddedRegistry(MemoryStore(), host=host) as registry:
        assert registry.address.startswith(shown)


def test_a_port_in_use_is_an_error_that_names_it() -> None:
    with EmbeddedRegistry(MemoryStore()) as registry:
        port = int(registry.address.rpartition(":")[2])
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}: cannot listen"):
            EmbeddedRegistry(MemoryStore(), port=port)


def test_an_observer_is_told_of_each_answer_before_the_client_has_it() -> None:
    seen: list[tuple[str, str, int]] = []
    with (
        EmbeddedRegistry(MemoryStore(), observer=lambda *one: seen.append(one)) as registry,
        Wire(registry.address) as wire,
    ):
        wire.ask("HEAD", "/v2/app/manifests/1?x=y")
        assert seen == [("HEAD", "/v2/app/manifests/1", 404)]
        assert wire.raw(b"garbage\r\n\r\n")
        assert len(seen) == 1


def test_closing_cuts_kept_connections() -> None:
    with EmbeddedRegistry(MemoryStore()) as registry:
        wire = Wire(registry.address)
        assert wire.ask("GET", "/v2/").status == 200
    with wire, pytest.raises(OSError):
        wire.ask("GET", "/v2/")


def test_it_runs_in_the_foreground_until_it_is_closed() -> None:
    registry = EmbeddedRegistry(MemoryStore())
    thread = threading.Thread(target=registry.run)
    thread.start()
    with Wire(registry.address) as wire:
        assert wire.ask("GET", "/v2/").status == 200
    registry.close()
    thread.join(120)
    assert not thread.is_alive()


def test_closing_at_once_or_without_a_start_does_not_hang() -> None:
    EmbeddedRegistry(MemoryStore()).close()
    for _ in range(10):
        with EmbeddedRegistry(MemoryStore()):
            pass


def test_pushes_from_many_clients_lose_nothing(registry: EmbeddedRegistry, store: LocalStore) -> None:
    images = [sample_image(f"many {number}", [LINUX_AMD64, LINUX_ARM64]) for number in range(24)]

    def push(number: int) -> Digest:
        return push_image(registry.url, f"team/app{number % 3}", f"v{number}", images[number])

    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(push, range(24)))
    found = [store.get_manifest(f"team/app{number % 3}", f"v{number}").digest for number in range(24)]
    assert found == digests == [image.digest for image in images]


def test_uploads_of_one_blob_at_a_time_end_with_the_blob(registry: EmbeddedRegistry) -> None:
    data = b"x" * 1_000_000
    digest = Digest.of(data)

    def upload(_number: int) -> None:
        with Wire(registry.address) as wire:
            wire.get_blob("app", digest, data)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload, range(16)))
    with Wire(registry.address) as wire:
        assert wire.ask("GET", f"/v2/app/blobs/{digest}").body == data
