"""A chart is copied before it is rendered: nothing outside the project is read, nothing in it is written."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from imagelock.errors import FileError
from imagelock.ops.trace.targets import TraceTarget
from imagelock.ops.trace.workspace import Workspace
from imagelock.ops.verify.render_targets import Target
from support.charts import SHAPES, write_chart

if TYPE_CHECKING:
    from pathlib import Path

WEB = TraceTarget(target=Target(name="web", folder="web"))


def test_a_link_out_of_the_project_is_refused_before_anything_is_rendered(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "project"
    write_chart(root / "web", SHAPES["one-leaf"])
    (root / "web" / "files").mkdir()
    (root / "web" / "files" / "secret.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(FileError, match="a link leads out of the project"), Workspace(root, WEB):
        pass


def test_a_link_inside_the_project_is_copied_as_what_it_names(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["one-leaf"])
    (tmp_path / "shared.yaml").write_text("a: b\n")
    (tmp_path / "web" / "shared.yaml").symlink_to(tmp_path / "shared.yaml")
    with Workspace(tmp_path, WEB) as work:
        assert work.texts["web/shared.yaml"] == "a: b\n"


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["one-leaf"])
    (tmp_path / "web" / "again").symlink_to(tmp_path / "web")
    with pytest.raises(FileError), Workspace(tmp_path, WEB):
        pass


def test_a_packaged_sub_chart_is_unpacked_without_leaving_its_folder(tmp_path: Path) -> None:
    write_chart(tmp_path / "web", SHAPES["one-leaf"])
    (tmp_path / "web" / "charts").mkdir()
    with tarfile.open(tmp_path / "web" / "charts" / "db-1.0.0.tgz", "w:gz") as archive:
        for name in ("db/Chart.yaml", "../../outside.yaml", "/absolute.yaml", "db/../../../x.yaml"):
            member = tarfile.TarInfo(name)
            member.size = 2
            archive.addfile(member, io.BytesIO(b"a\n"))
    with Workspace(tmp_path, WEB) as work:
        assert [name for name in work.texts if "/charts/" in name] == ["web/charts/db/Chart.yaml"]
        assert work.unpacked == {"web/charts/db/"}
