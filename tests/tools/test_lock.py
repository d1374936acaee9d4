"""What is installed is what `requirements/` names, and that is what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import bootstrap
import lock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PYPROJECT = tomllib.loads((lock.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = cast("Mapping[str, Sequence[object]]", PYPROJECT["dependency-groups"])
RUNTIME: list[str] = PYPROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]

ASKED = {
    "runtime": RUNTIME,
    "container": [*RUNTIME, *EXTRAS["cluster"], *EXTRAS["serve"]],
    "build": bootstrap.requirements(GROUPS, "build"),
    "dev": [*RUNTIME, *EXTRAS["cluster"], *EXTRAS["serve"], *bootstrap.requirements(GROUPS, "dev")],
    "docs": bootstrap.requirements(GROUPS, "docs"),
    "sbom": bootstrap.requirements(GROUPS, "sbom"),
    "lock": bootstrap.requirements(GROUPS, "lock"),
}
AGREE = ("runtime", "container", "build", "dev")


def text(name: str) -> str:
    return Path(lock.ROOT, lock.FOLDER, f"{name}.txt").read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text(name), re.MULTILINE))


def test_every_lock_is_known_and_there() -> None:
    assert set(ASKED) == set(lock.LOCKS)
    assert {path.stem for path in Path(lock.ROOT, lock.FOLDER).iterdir()} == set(lock.LOCKS)


@pytest.mark.parametrize("name", ASKED)
def test_what_pyproject_asks_for_is_locked_at_a_version_it_allows(name: str) -> None:
    """`make lock` mends it."""
    locked = pins(name)
    for line in ASKED[name]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)]), line


@pytest.mark.parametrize("name", ASKED)
def test_every_package_has_hashes_and_no_address(name: str) -> None:
    packages = re.split(r"^(?=[a-z0-9])", text(name), flags=re.MULTILINE)[1:]
    assert all(re.match(r"[a-z0-9.-]+==\S", package) for package in packages)
    assert {package.partition("==")[0] for package in packages} == set(pins(name))
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text(name)
    assert "--index" not in text(name)


def test_what_shares_an_environment_agrees() -> None:
    everything = pins("dev")
    for name in AGREE:
        assert pins(name).items() <= everything.items()
    # The site's tools come on top of everything else.
    shared = pins("docs").keys() & everything.keys()
    assert {name: pins("docs")[name] for name in shared} == {name: everything[name] for name in shared}


def test_the_build_backend_is_locked_as_the_build_asks_for_it() -> None:
    assert set(PYPROJECT["build-system"]["requires"]) <= set(ASKED["build"])
