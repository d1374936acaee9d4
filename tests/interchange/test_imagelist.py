"""The plain list says every entry in full, and reads back as the same entries."""

from __future__ import annotations

from imagelock.interchange import imagelist
from imagelock.interchange.base import ExportOptions
from imagelock.lockfile.reader import parse_list
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage

ONE, TWO = Digest.of(b"one"), Digest.of(b"two", "sha512")


def test_an_export_is_one_image_a_line_sorted_and_once_and_reads_back() -> None:
    lock = Lock(
        (
            LockedImage(name="quay.io/z/z", tag=None, digest=TWO),
            LockedImage(name="docker.io/library/redis", tag="7", digest=ONE),
            LockedImage(name="docker.io/library/redis", tag="7", digest=ONE),
        )
    )
    text = imagelist.export(lock, ExportOptions())
    assert text == f"docker.io/library/redis:7@{ONE}\nquay.io/z/z@{TWO}\n"
    assert set(parse_list(text, "list").images) == set(lock.images)


def test_an_empty_lock_is_an_empty_list() -> None:
    assert imagelist.export(Lock(), ExportOptions()) == ""
