"""A pod's imageID in every form that runtimes report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imagelock.cluster.imageid import parse_image_id
from imagelock.errors import InvalidValueError
from imagelock.model.reference import Reference

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "reference_cases.json").read_text(encoding="utf-8")
)["image_ids"]


@pytest.mark.parametrize("case", CASES, ids=[case["input"][:40] for case in CASES])
def test_every_form_is_read_as_the_cases_say(case: dict[str, Any]) -> None:
    found = parse_image_id(case["input"])
    assert str(found.digest) == case["digest"]
    assert found.is_config is (case["kind"] == "config-digest")
    assert found.name == (None if case["domain"] is None else f"{case['domain']}/{case['path']}")


def test_the_cases_are_all_there() -> None:
    assert len(CASES) == 6


def test_a_mirrors_name_is_kept_as_it_is() -> None:
    found = parse_image_id(f"mirror.corp:5000/docker.io/library/nginx@sha256:{'b' * 64}")
    assert found.name == "mirror.corp:5000/docker.io/library/nginx"


def test_the_name_is_canonical_like_a_references() -> None:
    text = f"nginx@sha256:{'b' * 64}"
    assert parse_image_id(text).name == Reference.parse(text).name


@pytest.mark.parametrize(
    "text",
    ["nginx:1.27", "", "sha256:bbb", "docker://", f"sha1:{'b' * 40}", f"a@sha256:{'B' * 64}", "b" * 63],
)
def test_what_has_no_whole_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_image_id(text)
