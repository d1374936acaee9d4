"""The programs imagelock is compared with: Debian's docker-registry, skopeo, umoci.

A peer that is not installed is named in :data:`MISSING`; ``tests/conftest.py`` ends the run with a loud
line about what was not compared.
"""

from __future__ import annotations

import atexit
import shutil
import socket
import subprocess
import time
from functools import cache
from typing import TYPE_CHECKING

import urllib3

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

MISSING: set[str] = set()
"""Peers that were looked for and are not installed."""

_READY_SECONDS = 120.0
_PORTS = 5
_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: "{address}", secret: made-up}}
{auth}
"""
_AUTH = "auth: {{htpasswd: {{realm: made-up, path: {path}}}}}\n"


def has(program: str) -> bool:
    """Whether a peer is installed; remembers the ones that are not."""
    found = shutil.which(program) is not None
    if not found:
        MISSING.add(program)
    return found


def free_port() -> int:
    """Return a loopback port that was free a moment ago; tests in other processes look for one, too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@cache
def dead_port() -> int:
    """Return a loopback port that refuses every connection until this process ends.

    It is bound and nobody listens, so no server of another test can come to stand there.
    """
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    atexit.register(held.close)
    port: int = held.getsockname()[1]
    return port


class DockerRegistry:
    """Debian's docker-registry on a loopback port, its data in ``directory``.

    ``htpasswd`` is the text of such a file (bcrypt only) and turns on basic authentication; ``extra`` is
    more YAML for its configuration.
    """

    def __init__(self, directory: Path, *, htpasswd: str | None = None, extra: str = "") -> None:
        self.directory = directory
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self._htpasswd = htpasswd
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None
        self._has_run = False

    @property
    def data(self) -> Path:
        """Where it keeps its files."""
        return self.directory / "data"

    def start(self) -> None:
        """Start the process and wait until it answers.

        Between finding a free port and listening on it, a test in another process may take it: until the
        registry has run once, another port does as well.
        """
        for _ in range(_PORTS):
            self._launch()
            if self._answers():
                self._has_run = True
                return
            self.stop()
            if self._has_run or "address already in use" not in self._log():
                break
            self.address = f"127.0.0.1:{free_port()}"
            self.url = f"http://{self.address}"
        raise RuntimeError(self._log())

    def _log(self) -> str:
        return (self.directory / "log.txt").read_text()[-2000:]

    def _launch(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        config = self.directory / "config.yml"
        config.write_text(self._configuration())
        with (self.directory / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", str(config)], stdout=log, stderr=log, cwd=self.directory
            )

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(120)
            self._process = None

    def collect(self) -> None:
        """Collect garbage, digests without a tag included, and start again: the process caches what was."""
        self.stop()
        config = self.directory / "config.yml"
        run("docker-registry", "garbage-collect", "--delete-untagged", str(config), cwd=self.directory)
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _configuration(self) -> str:
        auth = ""
        if self._htpasswd is not None:
            path = self.directory / "htpasswd"
            path.write_text(self._htpasswd)
            auth = _AUTH.format(path=path)
        return _CONFIG.format(root=self.data, address=self.address, auth=auth) + self._extra

    def _answers(self) -> bool:
        end = time.monotonic() + _READY_SECONDS
        with urllib3.PoolManager(retries=False, timeout=2) as pool:
            while time.monotonic() < end:
                if self._process is None or self._process.poll() is not None:
                    return False
                try:
                    pool.request("GET", f"{self.url}/v2/")
                except urllib3.exceptions.HTTPError:
                    time.sleep(0.02)
                else:
                    return True
        return False


def skopeo(*arguments: str, timeout: float = 120) -> bytes:
    """Run skopeo without signature policy and return what it prints; raise with its words if it fails.

    Registries need ``--src-tls-verify=false``, ``--dest-tls-verify=false`` (copy) or
    ``--tls-verify=false`` (inspect) here, after the verb.
    """
    return run("skopeo", "--insecure-policy", *arguments, timeout=timeout)


def run(*command: str, timeout: float = 120, cwd: Path | None = None) -> bytes:
    """Run a peer and return what it prints; raise with its words if it fails."""
    done = subprocess.run(command, capture_output=True, timeout=timeout, check=False, cwd=cwd)
    if done.returncode:
        words = done.stderr.decode(errors="replace")
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{words}")
    return done.stdout
