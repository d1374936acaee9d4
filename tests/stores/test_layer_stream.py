"""Layers are decompressed whatever they are packed in, in bounded pieces."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from imagelock import limits
from imagelock.errors import IntegrityError
from imagelock.stores.layer_stream import decompressed, zstd_module

ZSTD = zstd_module()
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0word"
FIRST = random.Random(1).randbytes(300_000)


def in_steps(data: bytes, step: int) -> list[bytes]:
    return [data[at : at + step] for at in range(0, len(data), step)]


@pytest.mark.parametrize("step", [1, 7, 4096, 10**9])
def test_frames_of_zstd_one_after_another_are_one_layer(step: int) -> None:
    packed = ZSTD.compress(FIRST) + SKIPPABLE + ZSTD.compress(b"x" * 5_000_000) + ZSTD.compress(b"end")
    pieces = list(decompressed(in_steps(packed, step)))
    assert b"".join(pieces) == FIRST + b"x" * 5_000_000 + b"end"
    assert max(map(len, pieces)) <= limits.PIECE_BYTES


def test_a_bomb_of_zstd_is_taken_in_small_pieces() -> None:
    bomb = ZSTD.compress(bytes(200_000_000))
    tracemalloc.start()
    try:
        assert sum(map(len, decompressed([bomb]))) == 200_000_000
        assert tracemalloc.get_traced_memory()[1] < 16 * limits.PIECE_BYTES
    finally:
        tracemalloc.stop()


def test_a_window_of_more_than_the_limit_is_refused() -> None:
    wide = limits.ZSTD_WINDOW_BYTES.bit_length()
    compressor = ZSTD.ZstdCompressor(options={ZSTD.CompressionParameter.window_log: wide})
    packed = compressor.compress(FIRST) + compressor.flush()
    with pytest.raises(IntegrityError, match="a layer that is not zstd"):
        list(decompressed([packed]))


def test_what_follows_a_frame_and_is_none_is_refused() -> None:
    with pytest.raises(IntegrityError, match="a layer that is not zstd"):
        list(decompressed([ZSTD.compress(FIRST), b"no frame at all"]))
