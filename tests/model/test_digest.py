"""Digests: a closed set of algorithms, printed as read."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelock.errors import InvalidValueError
from imagelock.model.digest import HEX_CHARS, Digest, new_hasher, same_digest


@given(st.sampled_from(sorted(HEX_CHARS)), st.binary())
def test_digests_round_trip_and_prove_their_bytes(algorithm: str, data: bytes) -> None:
    digest = Digest.of(data, algorithm)
    assert Digest.parse(str(digest)) == digest
    assert digest.hex == hashlib.new(algorithm, data).hexdigest()
    assert digest.matches(data)
    assert not digest.matches(data + b"x")
    assert digest.short == digest.hex[:12]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha256:" + "a" * 63 + "\n",
        "sha256:" + "\u0661" * 64,
        "SHA256:" + "a" * 64,
        "md5:" + "a" * 32,
        "sha384:" + "a" * 96,
        "sha512:" + "a" * 64,
        "sha256+b64:" + "a" * 64,
        " sha256:" + "a" * 64,
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        Digest.parse(text)


def test_an_unknown_algorithm_is_never_hashed_with() -> None:
    with pytest.raises(InvalidValueError, match="unknown digest algorithm"):
        new_hasher("md5")


def test_digests_of_two_algorithms_are_never_the_same() -> None:
    assert same_digest(Digest.of(b"x"), Digest.parse(str(Digest.of(b"x"))))
    assert not same_digest(Digest.of(b"x"), Digest.of(b"x", "sha512"))
