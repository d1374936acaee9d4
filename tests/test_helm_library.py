"""Helm as a library stands in where no helm is installed, in a child of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock import helm_library
from imagelock.errors import FileError
from imagelock.subprocesses import helm_template
from support.charts import SHAPES, write_chart

if TYPE_CHECKING:
    from pathlib import Path

JOB = {"chart": "web", "values": [], "sets": [], "texts": [], "release": "x"}


def test_what_the_library_cannot_take_is_refused_before_anything_is_started() -> None:
    with pytest.raises(FileError, match="does not take --kube-version") as raised:
        helm_library.command_for({**JOB, "options": ["--kube-version=1.30"]})
    assert raised.value.hint == "install helm"


def test_values_files_are_put_over_each_other_as_helm_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not helm_library.is_installed():
        pytest.skip("helm-python-sdk is not installed")
    monkeypatch.setattr("imagelock.subprocesses.find_program", lambda _: None)
    write_chart(tmp_path / "web", SHAPES["digest-key"])
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text('image:\n  tag: "2.0"\n  digest: sha256:1\n')
    two.write_text('image:\n  tag: "3.0"\n')
    output = helm_template(tmp_path / "web", (one, two), ("image.repository=quay.io/b/web",)).decode()
    assert "quay.io/b/web:3.0@sha256:1" in output
    with pytest.raises(FileError, match="web"):
        helm_template(tmp_path / "web", (), ("image=x",))
