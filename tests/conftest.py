"""Fixtures every test may use, and the loud line about peers that were not there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings

from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from support import peers
from support.peers import DockerRegistry
from support.world import make_world

# No test is timed: how long an example takes depends on who else uses the machine.
settings.register_profile("imagelock", deadline=None)
settings.load_profile("imagelock")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.world import World


class AnyRegistry(Protocol):
    """A running registry: ours or a peer's."""

    @property
    def address(self) -> str:
        """``host:port``."""

    @property
    def url(self) -> str:
        """``http://host:port``."""


_KINDS = ("embedded", "docker-registry") if peers.has("docker-registry") else ("embedded",)


@pytest.fixture
def embedded_registry() -> Iterator[EmbeddedRegistry]:
    """Give an empty writable embedded registry over memory."""
    with EmbeddedRegistry(MemoryStore()) as registry:
        yield registry


@pytest.fixture(params=_KINDS)
def any_registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AnyRegistry]:
    """Give an empty writable registry: the embedded one, then docker-registry where it is installed."""
    if request.param == "embedded":
        with EmbeddedRegistry(MemoryStore()) as registry:
            yield registry
    else:
        with DockerRegistry(tmp_path_factory.mktemp("docker-registry")) as peer:
            yield peer


@pytest.fixture
def peer_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyRegistry]:
    """Give docker-registry, or the embedded registry where it is not installed."""
    if peers.has("docker-registry"):
        with DockerRegistry(tmp_path_factory.mktemp("docker-registry")) as peer:
            yield peer
    else:
        with EmbeddedRegistry(MemoryStore()) as registry:
            yield registry


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide the developer's own environment: home, settings, logins and colours; return the empty home."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith("IMAGELOCK_") or name in {"NO_COLOR", "FORCE_COLOR", "DOCKER_CONFIG", "COLUMNS"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    return home


@pytest.fixture
def world(tmp_path: Path, alone: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    """Give an empty project, configured for a registry of its own that notes every request."""
    made = make_world(tmp_path / "project", capsys)
    with made.registry:
        made.configure()
        yield made


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the peers that this process missed to the one that prints the summary, where tests run in several."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["missing peers"] = sorted(peers.MISSING)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take what a process that ends has sent; pytest-xdist calls it."""
    peers.MISSING.update(getattr(node, "workeroutput", {}).get("missing peers", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every peer the tests wanted and did not find."""
    for program in sorted(peers.MISSING):
        terminalreporter.write_sep(
            "!", f"NOT COMPARED with {program}: it is not installed", red=True, bold=True
        )
