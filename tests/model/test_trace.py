"""A record of traces knows its targets by name."""

from __future__ import annotations

from imagelock.model.trace import TracedTarget, TraceRecord


def test_a_target_is_found_by_its_name_alone() -> None:
    web = TracedTarget(name="web", kind="helm", inputs="sha256:1", renderer="helm v3")
    record = TraceRecord((web,))
    assert record.named("web") is web
    assert record.named("we") is None
