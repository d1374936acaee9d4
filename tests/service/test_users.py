"""Users of the embedded registry: who reads, who writes, and what their file may say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bcrypt
import pytest

from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.errors import FileError, UsageError
from imagelock.model.digest import Digest
from imagelock.service import tls
from imagelock.service.embedded import EmbeddedRegistry, Site
from imagelock.service.tls import Certificate
from imagelock.service.users import Users, read_users
from imagelock.stores.memory import MemoryStore
from support.secured import login, write_keys, write_users
from support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE = sample_image("guarded")
READER, WRITER = login("reader", "r pass:word"), login("writer", "wörd")


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """Give a file with two users."""
    return write_users(tmp_path / "users", reader="r pass:word", writer="wörd")


@pytest.fixture
def wire(users: Path) -> Iterator[Wire]:
    """Give a connection to a registry with an image and two users, one of whom may write."""
    store = MemoryStore()
    push_sample(store, "app", "1", IMAGE)
    site = Site(users=Users(users, ("writer",)))
    with EmbeddedRegistry(store, site=site) as registry, Wire(registry.address) as connection:
        yield connection


def test_without_a_login_nothing_but_the_probe_answers(wire: Wire) -> None:
    for method, path in (
        ("GET", "/v2/"),
        ("GET", "/v2/_catalog"),
        ("GET", "/v2/app/manifests/1"),
        ("HEAD", "/v2/app/manifests/1"),
        ("POST", "/v2/app/blobs/uploads/"),
        ("DELETE", "/v2/app/manifests/1"),
    ):
        reply = wire.ask(method, path)
        assert reply.status == 401, (method, path)
        assert reply.headers["www-authenticate"].startswith("Basic realm=")
    assert wire.ask("GET", "/v2/").code == "UNAUTHORIZED"
    assert wire.ask("GET", "/healthz").body == b"ok\n"


@pytest.mark.parametrize(
    "headers",
    [
        login("reader", "wrong"),
        login("reader", ""),
        login("reader", "nul\0"),
        login("nobody", "r pass:word"),
        {"Authorization": "Basic !"},
        {"Authorization": "Basic bm9jb2xvbg=="},
        {"Authorization": "Bearer x"},
    ],
)
def test_a_wrong_login_is_401(wire: Wire, headers: dict[str, str]) -> None:
    assert wire.ask("GET", "/v2/", headers=headers).status == 401


def test_a_reader_reads_and_does_not_write(wire: Wire) -> None:
    assert wire.ask("GET", "/v2/app/manifests/1", headers=READER).body == IMAGE.content.body
    for method, path in (
        ("POST", "/v2/app/blobs/uploads/"),
        ("PUT", "/v2/app/manifests/2"),
        ("DELETE", "/v2/app/manifests/1"),
    ):
        reply = wire.ask(method, path, headers=READER)
        assert (reply.status, reply.code) == (403, "DENIED"), method
    assert wire.ask("GET", "/v2/app/manifests/1", headers=READER).status == 200


def test_a_writer_writes_and_deletes(wire: Wire) -> None:
    data = b"pushed"
    path = f"/v2/app/blobs/uploads/?digest={Digest.of(data)}"
    assert wire.ask("POST", path, data, headers=WRITER).status == 201
    assert wire.ask("PUT", "/v2/app/manifests/2", IMAGE.content.body, headers=WRITER).status == 201
    assert wire.ask("DELETE", "/v2/app/manifests/2", headers=WRITER).status == 202


def test_without_writers_every_user_writes(users: Path) -> None:
    with (
        EmbeddedRegistry(MemoryStore(), site=Site(users=Users(users))) as registry,
        Wire(registry.address) as wire,
    ):
        assert wire.ask("POST", "/v2/app/blobs/uploads/", headers=READER).status == 202


def test_a_body_that_is_not_wanted_does_not_become_the_next_request(wire: Wire) -> None:
    hidden = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"
    assert wire.ask("POST", "/v2/app/blobs/uploads/", hidden * 1000).status == 401
    assert wire.ask("GET", "/v2/", headers=READER).status == 200


def test_a_changed_file_counts_without_a_restart(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "RELOAD_SECONDS", 0.0)
    known = Users(users)
    assert known.is_proved("reader", "r pass:word")
    write_users(users, reader="another")
    assert not known.is_proved("reader", "r pass:word")
    assert known.is_proved("reader", "another")
    users.write_text("half a file")
    assert known.is_proved("reader", "another")
    assert not known.is_proved("writer", "wörd")


def test_a_proved_password_is_not_hashed_again(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Users(users)
    assert known.is_proved("reader", "r pass:word")
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: False)
    assert known.is_proved("reader", "r pass:word")
    assert not known.is_proved("reader", "r pass:wore")
    assert not known.is_proved("writer", "wörd")


def test_an_unknown_user_takes_a_check_too(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []

    def check(word: bytes, _hashed: bytes) -> bool:
        checked.append(word)
        return True

    monkeypatch.setattr(bcrypt, "checkpw", check)
    assert not Users(users).is_proved("nobody", "x")
    assert checked == [b"x"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no user"),
        ("# only a comment\n", "no user"),
        ("alice\n", ":1: not user:hash"),
        ("# users\nalice:$apr1$x$y\n", ":2: the hash of alice"),
        ("alice:{SHA}abc\n", "htpasswd -B"),
        ("alice:$2y$05$short\n", "bcrypt"),
        ("alice:$2y$31$" + "a" * 53 + "\n", "cost"),
        (2 * ("alice:$2y$05$" + "a" * 53 + "\n"), ":2: alice is here twice"),
    ],
)
def test_what_is_no_file_of_users_is_an_error_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "users").write_text(text)
    with pytest.raises(FileError) as caught:
        read_users(tmp_path / "users")
    assert words in f"{caught.value} {caught.value.hint}"


def test_a_writer_who_is_no_user_is_refused(users: Path) -> None:
    with pytest.raises(UsageError, match="ghost"):
        Users(users, ("writer", "ghost"))


def test_listening_beyond_this_machine_needs_what_keeps_strangers_out(tmp_path: Path, users: Path) -> None:
    keys = write_keys(tmp_path / "keys")
    certificate, known = Certificate(keys.chain, keys.key), Users(users)
    everywhere = "0.0.0.0"  # noqa: S104 - what is tested
    for site, words in (
        (Site(), "this machine only"),
        (Site(certificate=certificate), "this machine only"),
        (Site(users=known), "this machine only"),
    ):
        with pytest.raises(UsageError, match=words):
            EmbeddedRegistry(MemoryStore(), host=everywhere, site=site)
    with pytest.raises(UsageError, match="in the clear"):
        EmbeddedRegistry(MemoryStore(), host=everywhere, writable=False, site=Site(users=known))
    site = Site(certificate=certificate, users=known)
    EmbeddedRegistry(MemoryStore(), host=everywhere, site=site).close()
