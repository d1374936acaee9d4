"""The quick reader of locks says what the strict one says, or nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelock.errors import LockError
from imagelock.lockfile import reader as lockfile
from imagelock.lockfile.fast_reader import read_images
from imagelock.lockfile.reader import parse_lock
from imagelock.lockfile.writer import HEADER, render_lock
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage, PlatformImage, Source
from imagelock.model.platform import Platform

HEAD = f"{HEADER}version = 1\n"
ONE, TWO = Digest.of(b"1"), Digest.of(b"2", "sha512")
FULL = render_lock(
    Lock(
        (
            LockedImage(name="docker.io/library/nginx", tag=None, digest=TWO),
            LockedImage(
                name="quay.io/acme/web",
                tag="1",
                digest=ONE,
                media_type="application/vnd.oci.image.index.v1+json",
                size=2295,
                platforms=(
                    PlatformImage(platform=Platform("linux", "amd64"), digest=ONE),
                    PlatformImage(
                        platform=Platform("linux", "arm", "v7"), digest=ONE, config=TWO, size=10**17
                    ),
                ),
                resolved_from="mirror.corp",
                source=Source(origin="images.yaml", tag="r1", revision="main"),
            ),
        )
    )
)
_SIGNS = [
    *"\"\\#\n\r\t =[]{},.:0x_'é\x7f\x85\ud800\udc80",
    "[[image]]\n",
    'tag = "1"\n',
    "size = 007\n",
    "\n\n",
]


def both(text: str) -> None:
    """Demand that the quick reader agrees with the strict one wherever it speaks."""
    quick = read_images(text, HEAD)
    if quick is not None:
        assert quick == lockfile._read_strictly(text, "images.lock")


def test_what_render_writes_is_read_quickly() -> None:
    images = read_images(FULL, HEAD)
    assert images is not None
    assert render_lock(Lock(images)) == FULL
    both(FULL)


def test_a_lock_of_nothing_is_read_quickly() -> None:
    assert read_images(render_lock(Lock()), HEAD) == ()


@given(st.data())
def test_of_damaged_bytes_the_quick_reader_says_the_same_or_nothing(data: st.DataObject) -> None:
    text = FULL
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.sampled_from([0, 1, 1, 2, 40]))
        text = text[:at] + data.draw(st.sampled_from(["", *_SIGNS])) + text[at + length :]
    both(text)


def test_every_single_character_may_be_damaged() -> None:
    draw = random.Random(4)
    for at in range(len(FULL)):
        for sign in ("", draw.choice(_SIGNS), draw.choice(_SIGNS)):
            both(FULL[:at] + sign + FULL[at + 1 :])
            both(FULL[:at] + sign + FULL[at:])


@given(st.randoms(use_true_random=False))
def test_lines_in_another_order_are_never_read_otherwise(order: random.Random) -> None:
    lines = FULL.splitlines(keepends=True)
    one, two = order.randrange(len(lines)), order.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    lines.insert(order.randrange(len(lines)), order.choice(lines))
    both("".join(lines))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("docker.io/library/nginx", "nginx"),  # not canonical
        ("linux/amd64", "linux"),  # no platform
        ('tag = "1"', 'tag = "-1"'),
        ("size = 2295", "size = 02295"),
        ("size = 2295", f"size = {2**63}"),
        (str(ONE), str(ONE).upper()),
        ("sha512:", "sha256:"),
        ("version = 1", "version = 2"),
        ("resolved-from", "resolved_from"),
        ("mirror.corp", "mirror\x01corp"),
        ("mirror.corp", "mirror\udce9corp"),
        ("\n\n[[image]]", "\n\n<<<<<<< ours\n[[image]]"),
    ],
)
def test_what_is_wrong_is_left_to_the_strict_reader(old: str, new: str) -> None:
    text = FULL.replace(old, new)
    assert read_images(text, HEAD) is None
    with pytest.raises(LockError):
        parse_lock(text, "images.lock")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mirror.corp", r"mirror\u002ecorp"),  # an escape
        ("linux/amd64", "Linux/x86_64"),  # another word for it
        ("\n\n", "\n\n\n"),
        ("\n", "\r\n"),
        ('"quay.io/acme/web"', "'quay.io/acme/web'"),
        ("size = 2295", "size = 2_295"),
    ],
)
def test_what_a_person_wrote_is_read_all_the_same(old: str, new: str) -> None:
    text = FULL.replace(old, new)
    assert text != FULL
    both(text)
    assert render_lock(parse_lock(text, "images.lock")) == FULL


def test_an_image_twice_is_refused_in_the_quick_form_too() -> None:
    block = FULL[FULL.index("\n[[image]]") :]
    with pytest.raises(LockError, match="twice in the lock"):
        parse_lock(FULL + block, "images.lock")
