"""What `make dist` refuses to call a distribution."""

from __future__ import annotations

import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

import dist

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WHEEL = (
    "imagelock/__main__.py",
    "imagelock/py.typed",
    "imagelock/docs/guides/first-steps.md",
    "imagelock-0.1.0.dist-info/licenses/LICENSE",
)
SOURCE = tuple(
    f"x/{name}" for name in ("pyproject.toml", "LICENSE", "README.md", "src/imagelock/__main__.py")
)


def archives(folder: Path, wheel: Sequence[str], source: Sequence[str]) -> tuple[Path, Path]:
    first, second = folder / "x.whl", folder / "x.tar.gz"
    with zipfile.ZipFile(first, "w") as archive:
        for name in wheel:
            archive.writestr(name, "")
    with tarfile.open(second, "w:gz") as tar:
        for name in source:
            tar.addfile(tarfile.TarInfo(name))
    return first, second


def test_archives_with_all_they_must_hold_pass(tmp_path: Path) -> None:
    dist.inspect(*archives(tmp_path, WHEEL, SOURCE))


@pytest.mark.parametrize("name", WHEEL)
def test_a_wheel_without_a_part_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(dist.DistError, match="lacks"):
        dist.inspect(*archives(tmp_path, [one for one in WHEEL if one != name], SOURCE))


@pytest.mark.parametrize("name", SOURCE)
def test_a_source_distribution_without_a_part_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(dist.DistError, match="lacks"):
        dist.inspect(*archives(tmp_path, WHEEL, [one for one in SOURCE if one != name]))


def test_a_wheel_that_would_install_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(dist.DistError, match=r"tests/conftest\.py"):
        dist.inspect(*archives(tmp_path, [*WHEEL, "tests/conftest.py"], SOURCE))


def test_a_program_that_fails_is_named_with_its_exit_code() -> None:
    with pytest.raises(dist.DistError, match="false ended with exit code 1"):
        dist.run("false")
