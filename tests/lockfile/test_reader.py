"""The lock file: equal content is equal bytes, and what is not understood is refused with a place."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelock.errors import LockError
from imagelock.lockfile import reader as lockfile
from imagelock.lockfile.reader import is_list, parse, parse_list, parse_lock
from imagelock.lockfile.writer import HEADER, render_lock
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage, PlatformImage, Source
from imagelock.model.platform import Platform

ONE, TWO = Digest.of(b"1"), Digest.of(b"2")
BLOCK = f'[[image]]\nname = "quay.io/acme/web"\ntag = "1"\ndigest = "{ONE}"\n'
VALID = f"{HEADER}version = 1\n\n{BLOCK}"

_DIGESTS = st.binary(min_size=1, max_size=4).map(Digest.of)
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
_NAMES = st.sampled_from(["docker.io/library/nginx", "quay.io/acme/web", "localhost:5000/a/b", "a.example/x"])
_TAGS = st.one_of(st.none(), st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True))
_SIZES = st.one_of(st.none(), st.integers(0, 2**63 - 1))
_PARTS = st.builds(
    PlatformImage,
    platform=st.sampled_from(
        [
            Platform("linux", "amd64"),
            Platform("linux", "arm", "v7"),
            Platform("windows", "amd64", "", "10.0.1"),
        ]
    ),
    digest=_DIGESTS,
    config=st.one_of(st.none(), _DIGESTS),
    size=_SIZES,
)
_SOURCES = st.builds(
    Source, origin=_TEXTS, tag=st.one_of(st.none(), _TEXTS), revision=st.one_of(st.none(), _TEXTS)
)
_IMAGES = st.builds(
    LockedImage,
    name=_NAMES,
    tag=_TAGS,
    digest=_DIGESTS,
    media_type=st.one_of(st.none(), _TEXTS),
    size=_SIZES,
    platforms=st.lists(_PARTS, max_size=3).map(tuple),
    resolved_from=st.one_of(st.none(), _TEXTS),
    source=st.one_of(st.none(), _SOURCES),
)


def _identity(image: LockedImage) -> tuple[str, str]:
    return image.name, image.tag if image.tag is not None else str(image.digest)


_LOCKS = st.lists(_IMAGES, max_size=6, unique_by=_identity).map(lambda images: Lock(tuple(images)))


@given(_LOCKS)
def test_every_lock_is_read_as_it_was_written(lock: Lock) -> None:
    text = render_lock(lock)
    assert parse_lock(text, "images.lock") == lock.sorted
    assert lockfile._read_strictly(text, "images.lock") == lock.sorted.images
    assert render_lock(parse(text, "images.lock")) == text


@given(_LOCKS, st.integers())
def test_equal_content_is_equal_bytes(lock: Lock, seed: int) -> None:
    shuffled = list(lock.images)
    random.Random(seed).shuffle(shuffled)
    assert render_lock(Lock(tuple(shuffled))) == render_lock(lock)


def test_the_form_is_that_of_the_contract() -> None:
    image = LockedImage(
        name="docker.io/library/busybox",
        tag="1.32",
        digest=ONE,
        media_type="application/vnd.oci.image.index.v1+json",
        size=2295,
        platforms=(PlatformImage(platform=Platform("linux", "amd64"), digest=TWO),),
        resolved_from="mirror.corp",
        source=Source(origin="image_references/api.txt"),
    )
    assert render_lock(Lock((image,))) == (
        "# Written by imagelock. Do not edit: run `imagelock lock`.\n"
        "version = 1\n"
        "\n"
        "[[image]]\n"
        'name = "docker.io/library/busybox"\n'
        'tag = "1.32"\n'
        f'digest = "{ONE}"\n'
        'media-type = "application/vnd.oci.image.index.v1+json"\n'
        "size = 2295\n"
        "platforms = [\n"
        f'    {{ platform = "linux/amd64", digest = "{TWO}" }},\n'
        "]\n"
        'resolved-from = "mirror.corp"\n'
        'source = { from = "image_references/api.txt" }\n'
    )


def _refusal(text: str) -> LockError:
    with pytest.raises(LockError) as caught:
        parse(text, "images.lock")
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (f"{VALID}new-key = 1\n", 8, "unknown key"),
        (f"{HEADER}version = 1\nusers = []\n\n{BLOCK}", 3, "users: unknown key"),
        (f"{VALID}\n{BLOCK}", 9, "twice in the lock"),
        (f"{HEADER}\n{BLOCK}", 1, "'version' is missing"),
        (f"{HEADER}version = 0\n", 2, "version 0 does not exist"),
        (f"{HEADER}version = true\n", 2, "expected an integer, found true or false"),
        (f'{HEADER}version = "1"\n', 2, "expected an integer, found a string"),
        (VALID.replace('tag = "1"', "tag = 1"), 6, "expected a string, found an integer"),
        (VALID.replace('tag = "1"', 'tag = ""'), 6, "is not a tag"),
        (VALID.replace('tag = "1"', 'tag = "a b"'), 6, "is not a tag"),
        (VALID.replace(str(ONE), "sha256:abc"), 7, "64 hex characters"),
        (VALID.replace(str(ONE), "md5:abc"), 7, "unknown digest algorithm"),
        (VALID.replace("quay.io/acme/web", "nginx"), 5, "not canonical: write docker.io/library/nginx"),
        (VALID.replace("quay.io/acme/web", "quay.io/acme/web:1"), 5, "not canonical"),
        (VALID.replace("quay.io/acme/web", "Not One"), 5, "image\\[0\\].name"),
        (VALID.replace("name =", "title ="), 4, "'name' is missing"),
        (f"{VALID}size = -1\n", 8, "-1 is not a size"),
        (f"{VALID}size = 9223372036854775808\n", 8, "is not a size"),
        (f"{VALID}platforms = [1]\n", 8, "expected a table"),
        (f'{VALID}platforms = [{{ platform = "linux", digest = "{ONE}" }}]\n', 8, "is not a platform"),
        (f'{VALID}platforms = [{{ platform = "linux/amd64" }}]\n', 8, "'digest' is missing"),
        (f'{VALID}platforms = [{{ platform = "linux/amd64", digest = "{ONE}", x = 1 }}]\n', 8, "unknown key"),
        (f'{VALID}source = {{ tag = "x" }}\n', 8, "'from' is missing"),
        (f'{VALID}source = {{ from = "x", by = "me" }}\n', 8, "unknown key"),
        (f"{VALID}source = 1\n", 8, "expected a table"),
        (f"{HEADER}version = 1\n[image]\n", 3, "expected a list"),
        (f"{VALID}<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> other\n", 8, "merge conflict markers"),
        (f"{VALID}<<<<<<< HEAD\r\nx\r\n", 8, "merge conflict markers"),
        (f'{VALID}resolved-from = "\udcff"\n', 8, "not UTF-8"),
        (f'{VALID}tag = "2"\n', 8, "not TOML"),
        (f"{VALID}tag = [\n", None, "not TOML"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_line_and_way_out(
    text: str, line: int | None, message: str
) -> None:
    error = _refusal(text)
    with pytest.raises(LockError, match=message):
        raise error
    assert error.where is not None
    assert error.where.partition(":")[0] == "images.lock"
    assert line is None or error.where == f"images.lock:{line}"
    assert error.hint


def test_the_second_of_two_blocks_is_named() -> None:
    other = BLOCK.replace("acme/web", "acme/api")
    assert _refusal(f"{VALID}\n{other}wrong = 1\n").where == "images.lock:13"


def test_a_newer_version_asks_for_a_newer_imagelock() -> None:
    error = _refusal("version = 2\n[[image]]\nnew = 1\n")
    assert error.hint == "install a newer imagelock"


@pytest.mark.parametrize(
    "text",
    [f"version = {'1' * 5000}\n", f"version = {'[' * 100_000}\n", f"version = 1\nx = {'{a=' * 5000}\n"],
)
def test_what_the_toml_reader_chokes_on_is_an_error_and_no_traceback(text: str) -> None:
    assert _refusal(text).hint


@pytest.mark.timeout(120)
def test_a_million_blank_lines_are_no_work() -> None:
    assert is_list("\n" * (1 << 20))
    assert parse("\n" * (1 << 20), "list").images == ()


@given(st.text(st.characters(codec=None, categories=None), max_size=60))
def test_any_text_is_a_lock_a_list_or_an_error(text: str) -> None:
    for start in ("", "version = 1\n", VALID):
        try:
            parse(start + text, "x")
        except LockError as error:
            assert error.where is not None  # noqa: PT017 - any error of this kind is right


def test_a_plain_list_keeps_its_order_and_takes_comments() -> None:
    text = (
        f"\ufeff# head\r\nquay.io/b:1@{ONE}  # why\r\n\r\n  nginx@{TWO}\nquay.io/a:1@{TWO}\nquay.io/b:1@{ONE}"
    )
    assert [image.image_id for image in parse(text, "list").images] == [
        f"quay.io/b:1@{ONE}",
        f"docker.io/library/nginx@{TWO}",
        f"quay.io/a:1@{TWO}",
    ]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (f"# head\n\nnginx:1\nweb@{ONE}\n", "list:3", "has no digest"),
        ("x=quay.io/a/b:1\n", "list:1", "registry host"),
        (f"a@{ONE}@{ONE}\n", "list:1", "more than one digest"),
        (f"a:1@{ONE}\x0bb:1@{ONE}\nBad\n", "list:1", "white space"),
        (f"a:1@{ONE}\na:1@{TWO}\n", "list:2", "two digests for .*/a:1: .* in line 1 and .* in line 2"),
    ],
)
def test_a_list_that_is_wrong_says_where(text: str, where: str, message: str) -> None:
    with pytest.raises(LockError, match=message) as refusal:
        parse_list(text, "list")
    assert refusal.value.where == where
    assert refusal.value.hint or "white space" in message


def test_one_name_may_stand_under_two_digests_without_a_tag() -> None:
    assert len(parse_list(f"a@{ONE}\na@{TWO}\n", "list").images) == 2
