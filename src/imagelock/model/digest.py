"""Content digests: a closed set of algorithms, compared in constant time.

Follows the OCI image specification, "Digests": ``algorithm ":" encoded``, lower-case hex.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from imagelock.errors import InvalidValueError
from imagelock.lazy_regex import lazy_regex

Buffer: TypeAlias = bytes | bytearray | memoryview
"""What can be hashed."""

HEX_CHARS = {"sha256": 64, "sha512": 128}
"""The algorithms imagelock knows, with the length of their hex form."""

_HEX = lazy_regex(r"[0-9a-f]+", re.ASCII)


class Hasher(Protocol):
    """What :func:`new_hasher` returns: the part of hashlib's objects that is used."""

    def update(self, data: Buffer, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """Return the hex form of everything taken so far."""


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """One digest; printing gives the canonical ``algorithm:hex``."""

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read ``algorithm:hex``; raise :class:`InvalidValueError` saying what is wrong with it."""
        algorithm, colon, encoded = text.partition(":")
        if not colon:
            raise InvalidValueError("a digest has the form algorithm:hex", text=text)
        chars = HEX_CHARS.get(algorithm)
        if chars is None:
            raise InvalidValueError(
                f"unknown digest algorithm {algorithm[:32]!r}",
                text=text,
                hint="use sha256 or sha512, in lower case",
            )
        if len(encoded) != chars:
            raise InvalidValueError(
                f"a {algorithm} digest has {chars} hex characters, this has {len(encoded)}", text=text
            )
        if not _HEX.fullmatch(encoded):
            raise InvalidValueError(f"a {algorithm} digest has only 0-9 and a-f", text=text)
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, data: Buffer, algorithm: str = "sha256") -> Digest:
        """Hash ``data``."""
        hasher = new_hasher(algorithm)
        hasher.update(data)
        return cls(algorithm, hasher.hexdigest())

    def matches(self, data: Buffer) -> bool:
        """Hash ``data`` with this digest's algorithm and compare in constant time."""
        return same_digest(self, Digest.of(data, self.algorithm))

    @property
    def short(self) -> str:
        """The first twelve hex characters, as tables show them."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    def __hash__(self) -> int:
        # Its hex says all; a text remembers its own hash, and stores hash every digest they know often.
        return hash(self.hex)


def new_hasher(algorithm: str) -> Hasher:
    """Return a fresh hashing object for one of :data:`HEX_CHARS`."""
    if algorithm not in HEX_CHARS:
        raise InvalidValueError(f"unknown digest algorithm {algorithm[:32]!r}", text=algorithm)
    return hashlib.new(algorithm)


def same_digest(one: Digest, other: Digest) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(str(one), str(other))
