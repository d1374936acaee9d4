"""A containerd of the test's own: its root, state and socket in a temporary directory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from support import peers

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_CONFIG = """\
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{directory}/c.sock"
"""
_READY_SECONDS = 60.0


def runs_here() -> bool:
    """Whether containerd is installed and may be run: it needs root."""
    return peers.has("containerd") and os.geteuid() == 0


class Containerd:
    """One daemon; its socket's path must be short, so it is not below the test's own directory."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="ctd")
        self._directory = Path(self._temporary.name)

    def __enter__(self) -> Self:
        config = self._directory / "config.toml"
        config.write_text(_CONFIG.format(directory=self._directory))
        self._process = subprocess.Popen(
            ["containerd", "--config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + _READY_SECONDS
        while time.monotonic() < end and self._run("version").returncode != 0:
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._temporary.cleanup()

    def ctr(self, *arguments: str) -> str:
        """Run ``ctr``; return what it printed, fail with its words."""
        done = self._run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ctr", "--address", str(self._directory / "c.sock"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
