"""Changes of a layout's index: together when they wait together, and nothing removed before it is written."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.errors import FileError, NotFoundError
from imagelock.stores.oci_layout import LayoutStore

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = sample_image("commit")


def _queue_up(store: LayoutStore, work: list[threading.Thread]) -> None:
    """Start threads that change the catalog, and let them go only when all of them wait."""
    directory = store._backend
    with directory._guard:  # type: ignore[attr-defined] # the directory's own
        for thread in work:
            thread.start()
        while len(directory._waiting) < len(work):  # type: ignore[attr-defined]
            threading.Event().wait(0.001)
    for thread in work:
        thread.join()


def _count_replacements(monkeypatch: pytest.MonkeyPatch, store: LayoutStore) -> list[str]:
    seen: list[str] = []
    replace = type(store._backend)._replace  # type: ignore[attr-defined]

    def count(self: object, target: Path, body: bytes) -> None:
        seen.append(target.name)
        replace(self, target, body)

    monkeypatch.setattr("imagelock.stores.oci_layout._Directory._replace", count)
    return seen


def test_changes_that_wait_together_are_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LayoutStore(tmp_path)
    push_sample(store, "app", "0", IMAGE)
    seen = _count_replacements(monkeypatch, store)
    tags = [f"v{number}" for number in range(20)]
    _queue_up(
        store,
        [threading.Thread(target=store.put_manifest, args=("app", IMAGE.content, tag)) for tag in tags],
    )
    assert seen == ["index.json"]
    assert set(LayoutStore(tmp_path, create=False).tags("app")) == {"0", *tags}


def test_a_change_that_is_refused_does_not_stop_the_ones_beside_it(tmp_path: Path) -> None:
    store, refused = LayoutStore(tmp_path), []
    push_sample(store, "app", "0", IMAGE)

    def forget() -> None:
        with pytest.raises(NotFoundError):
            store.delete_tag("app", "absent")
        refused.append(True)

    put = threading.Thread(target=store.put_manifest, args=("app", IMAGE.content, "1"))
    _queue_up(store, [threading.Thread(target=forget), put])
    assert refused == [True]
    assert store.tags("app") == ("0", "1")


def test_every_waiting_change_learns_that_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, failed = LayoutStore(tmp_path), []
    push_sample(store, "app", "0", IMAGE)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    def put(tag: str) -> None:
        with pytest.raises(FileError, match="No space left"):
            store._backend.update(
                lambda catalog: catalog.put(tag, catalog.repository("app")),
            )
        failed.append(tag)

    monkeypatch.setattr("os.fsync", full)
    _queue_up(store, [threading.Thread(target=put, args=(tag,)) for tag in ("a", "b", "c")])
    assert sorted(failed) == ["a", "b", "c"]
    assert store.repositories() == ("app",)
    assert [path.name for path in tmp_path.glob(".*")] == []


@pytest.mark.parametrize("what", ["manifest", "blob"])
def test_a_crash_while_deleting_leaves_no_record_without_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    store = LayoutStore(tmp_path)
    push_sample(store, "app", "1", IMAGE)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    if what == "manifest":
        monkeypatch.setattr("imagelock.stores.oci_layout._Directory._replace", crash)
        with pytest.raises(KeyboardInterrupt):
            store.delete_manifest("app", IMAGE.digest)
    else:
        store.delete_manifest("app", IMAGE.digest)
        monkeypatch.setattr("imagelock.stores.oci_layout._Directory.remove", crash)
        with pytest.raises(KeyboardInterrupt):
            store.delete_blob("app", IMAGE.blobs[0][0].digest)
    again = LayoutStore(tmp_path)
    assert again.has_blob("app", IMAGE.blobs[0][0].digest)
    for tag in again.tags("app") if again.repositories() else ():
        assert again.get_manifest("app", tag).body == IMAGE.content.body


def test_records_of_changed_repositories_only_are_written_anew_and_all_are_right(tmp_path: Path) -> None:
    store = LayoutStore(tmp_path / "grown")
    images = [sample_image(f"grown {number}") for number in range(6)]
    for number, image in enumerate(images):
        push_sample(store, f"app{number % 2}", "same", image)
        push_sample(store, f"app{number % 2}", f"v{number}", image)
    store.delete_tag("app0", "v0")
    store.delete_manifest("app1", images[1].digest)
    fresh = LayoutStore(tmp_path / "fresh")
    for number, image in [(0, images[0]), *enumerate(images)]:
        if number != 1:
            push_sample(fresh, f"app{number % 2}", None if number == 0 else f"v{number}", image)
    push_sample(fresh, "app0", "same", images[4])
    push_sample(fresh, "app1", "same", images[5])
    grown, wanted = (tmp_path / name / "index.json" for name in ("grown", "fresh"))
    assert grown.read_bytes() == wanted.read_bytes()
