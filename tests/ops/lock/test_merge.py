"""A lock in merge conflict is settled, never guessed."""

from __future__ import annotations

import pytest

from imagelock.errors import LockError
from imagelock.lockfile.writer import render_lock
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage
from imagelock.ops.lock.merge import settle, sides

HEAD = render_lock(Lock())


def _image(name: str, seed: str) -> LockedImage:
    return LockedImage(name=f"quay.io/acme/{name}", tag="1", digest=Digest.of(seed.encode()))


def _blocks(*images: LockedImage) -> str:
    return render_lock(Lock(images)).removeprefix(HEAD)


def _conflict(both: str, ours: str, theirs: str, base: str | None = None) -> str:
    middle = "" if base is None else f"||||||| base\n{base}"
    return f"{HEAD}{both}<<<<<<< ours\n{ours}{middle}=======\n{theirs}>>>>>>> theirs\n"


def test_what_either_side_added_is_kept() -> None:
    a, b, c = _image("a", "1"), _image("b", "2"), _image("c", "3")
    settled = settle(_conflict(_blocks(a), _blocks(b), _blocks(c)), "images.lock")
    assert settled.lock == Lock((a, b, c))
    assert settled.contested == ()


def test_an_image_with_two_digests_is_left_out_and_named() -> None:
    a, one, other = _image("a", "1"), _image("b", "2"), _image("b", "3")
    settled = settle(_conflict(_blocks(a), _blocks(one), _blocks(other)), "images.lock")
    assert settled.lock == Lock((a,))
    assert settled.contested == ((one, other),)


def test_the_common_base_of_a_three_way_conflict_is_nobodys_side() -> None:
    one, other, base = _image("b", "2"), _image("c", "3"), _image("d", "4")
    text = _conflict("", _blocks(one), _blocks(other), _blocks(base))
    ours, theirs = sides(text, "images.lock")
    assert "acme/d" not in ours + theirs
    assert settle(text, "images.lock").lock == Lock((one, other))


def test_a_lock_without_conflict_is_read_as_it_is() -> None:
    lock = Lock((_image("a", "1"),))
    assert settle(render_lock(lock), "images.lock").lock == lock


def test_a_marker_without_an_end_is_refused() -> None:
    with pytest.raises(LockError, match="without its end"):
        sides(f"{HEAD}<<<<<<< ours\n", "images.lock")
