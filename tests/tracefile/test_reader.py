"""images.trace: what is written reads back, and what is damaged is refused with its line."""

from __future__ import annotations

import pytest

from imagelock.errors import LockError
from imagelock.model.trace import TracedEdit, TracedImage, TracedPart, TracedTarget, TraceRecord
from imagelock.tracefile.reader import parse_trace
from imagelock.tracefile.writer import render_trace

RECORD = TraceRecord(
    (
        TracedTarget(
            name="a",
            kind="helm",
            inputs="sha256:1",
            renderer="helm v3.18",
            files=("a/values.yaml",),
            unreached=('a/values.yaml:3 "x"',),
            images=(
                TracedImage(
                    image="quay.io/a/web:1",
                    parts=(TracedPart(file="a/values.yaml", path="i > tag", role="tag", document=2),),
                    edit=TracedEdit(kind="empty-tag", file="a/values.yaml", path="tag", tag="1"),
                ),
                TracedImage(image="quay.io/a/job:1", reason="a \\ reason"),
            ),
        ),
        TracedTarget(name="b", kind="kustomize", inputs="", renderer="kustomize v5", problem="no such file"),
    )
)


def test_a_record_reads_back_and_its_bytes_depend_on_its_content_alone() -> None:
    text = render_trace(RECORD)
    assert parse_trace(text, "images.trace") == RECORD
    assert render_trace(TraceRecord(RECORD.targets[::-1])) == text


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("version = 1", "version = 2", "newer than this imagelock"),
        ('role = "tag"', 'role = "digest key"', "expected one of"),
        ('file = "a/values.yaml"', 'file = "../values.yaml"', "not a path below the project"),
        ('kind = "empty-tag"', 'kind = "rm"', "expected one of"),
        ('name = "b"', 'name = "a"', "recorded twice"),
        ("renderer", "rendered", "'renderer' is missing"),
        ('name = "b"', '<<<<<<< ours\nname = "b"', "merge conflict markers"),
        ('name = "b"', "name = b", "not TOML"),
    ],
)
def test_a_damaged_record_is_refused_with_a_way_out(before: str, after: str, message: str) -> None:
    text = render_trace(RECORD)
    assert before in text
    with pytest.raises(LockError, match=message) as raised:
        parse_trace(text.replace(before, after, 1), "images.trace")
    assert raised.value.where is not None
    assert raised.value.where.startswith("images.trace")
    assert raised.value.hint
