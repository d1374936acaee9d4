"""One connection's deadlines and its strict reading of heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock import limits
from imagelock.errors import UnreachableError
from imagelock.model.digest import Digest
from imagelock.model.manifest import Descriptor
from support.images import manifest_body, manifest_reply
from support.lying import Reply

if TYPE_CHECKING:
    from registry.conftest import NewClient
    from support.lying import Lying

BODY = manifest_body()
PATH = "/v2/app/manifests/1"
CHUNKED = (("Transfer-Encoding", "chunked"),)


def test_a_head_that_only_trickles_ends(
    lying: Lying, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.2)
    lying.on(PATH, Reply(drip_head=0.02))
    with pytest.raises(UnreachableError, match="no answer in time"):
        new_client().head(f"{lying.address}/app", "1")
    assert lying.dripped == 0


def test_a_chunk_that_only_trickles_ends(
    lying: Lying, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)
    lying.on(PATH, Reply(headers=CHUNKED, drip_body=0.02))
    with pytest.raises(UnreachableError, match="no answer in time"):
        new_client().get_manifest(f"{lying.address}/app", "1")
    assert lying.dripped == 0


def test_a_streamed_chunk_that_only_trickles_ends(
    lying: Lying, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(limits, "RESUMES", 1)
    blob = Descriptor(media_type="x/y", digest=Digest.of(b"data"), size=4)
    lying.default = Reply(headers=CHUNKED, drip_body=0.02)
    with pytest.raises(UnreachableError, match="no answer in time"):
        list(new_client().open_blob(f"{lying.address}/app", blob))
    assert lying.dripped == 0


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        ((("Content-Length", "5"), ("Content-Length", "6")), "two different lengths for one body"),
        ((("X Y", "a space in a name"),), "an invalid header field"),
        ((("X ", "a space behind a name"),), "an invalid header field"),
        ((("", "no name"),), "an invalid header field"),
        (tuple((f"X{n}", "many") for n in range(limits.HEAD_FIELDS + 1)), "too many header fields"),
        ((("X", "y" * limits.HEAD_BYTES),), "too long"),
        ((("Transfer-Encoding", "gzip, chunked"),), "a transfer coding that was not requested"),
        ((("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "gzip")), "a transfer coding"),
        ((("Transfer-Encoding", "xchunked"),), "a transfer coding"),
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused(
    lying: Lying, new_client: NewClient, headers: tuple[tuple[str, str], ...], cause: str
) -> None:
    lying.on(PATH, Reply(body=BODY, headers=headers))
    with pytest.raises(UnreachableError, match=f"the response cannot be read: .*{cause}"):
        new_client().get_manifest(f"{lying.address}/app", "1")


def test_folded_and_repeated_fields_are_read(lying: Lying, new_client: NewClient) -> None:
    good = manifest_reply(
        BODY, more=(("X", "one\r\n two"), ("x", "three"), ("Content-Length", str(len(BODY))))
    )
    lying.on(PATH, good)
    client = new_client()
    for _ in range(2):
        assert client.get_manifest(f"{lying.address}/app", "1").body == BODY
    assert len({seen.connection for seen in lying.seen}) == 1
