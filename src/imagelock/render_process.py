"""Run a renderer in a child process with limits: address space, CPU, output, time, and no network.

A template may allocate without end (Go then aborts the whole process), write hundreds of megabytes, loop, or
make the renderer fetch a schema.  So output goes to a file whose size the kernel limits, memory and CPU are
limited in the child, its home is empty, and proxies lead nowhere; where the system allows it, the child has
no network at all.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.limits import RENDER_CPU_SECONDS, RENDER_MEMORY_BYTES, RENDER_OUTPUT_BYTES, RENDER_SECONDS
from imagelock.program_path import find_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NO_PROXY = "http://127.0.0.1:9"
"""An address where nothing answers: a chart that wants the network fails instead of fetching."""
_WORDS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Finished:
    """What a child process said and how it ended."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run_limited(
    command: Sequence[str],
    directory: Path,
    *,
    seconds: float = RENDER_SECONDS,
    more: Mapping[str, str] | None = None,
) -> Finished:
    """Run a renderer to its end; raise :class:`FileError` when it is missing or breaks a limit."""
    program = find_program(command[0])
    if program is None:
        raise FileError(f"{command[0]} is not installed", hint=f"install {command[0]}")
    with tempfile.TemporaryDirectory(prefix="imagelock-") as home:
        output, words = Path(home, "stdout"), Path(home, "stderr")
        folder = Path(home, "home")
        folder.mkdir()
        environment = {**_environment(folder), **(more or {})}
        with output.open("wb") as out, words.open("wb") as err:
            try:
                child = subprocess.Popen(
                    [*_without_network(), program, *command[1:]],
                    cwd=directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except OSError as error:
                raise FileError((error.strerror or str(error)).lower(), where=str(directory)) from error
            code = _ended(child, command[0], seconds)
        return _finished(command[0], code, output, words)


def _ended(child: subprocess.Popen[bytes], name: str, seconds: float) -> int:
    """Limit a child and wait for it; whatever happens, none of its processes is left."""
    try:
        _limit(child.pid)
        return child.wait(seconds)
    except subprocess.TimeoutExpired as error:
        raise FileError(f"{name} took longer than {seconds:g} s", where=name) from error
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _limit(pid: int) -> None:
    """Set the limits of a child that has just been started; one that is gone already needs none."""
    limits = (
        (resource.RLIMIT_AS, RENDER_MEMORY_BYTES),
        (resource.RLIMIT_CPU, RENDER_CPU_SECONDS),
        (resource.RLIMIT_FSIZE, RENDER_OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, value in limits:
        try:
            _, hard = resource.prlimit(pid, kind)
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            # At the soft limit of processor time the kernel says why it ends the child, at the hard one it does not.
            spare = 1 if kind == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else 0
            resource.prlimit(pid, kind, (most, most + spare))
        except ProcessLookupError:
            return


def _finished(name: str, code: int, output: Path, words: Path) -> Finished:
    with words.open("rb") as file:
        said = file.read(_WORDS_BYTES)
    if output.stat().st_size >= RENDER_OUTPUT_BYTES or code == -signal.SIGXFSZ:
        raise FileError(f"{name} wrote more than {RENDER_OUTPUT_BYTES} bytes", where=name)
    if code == -signal.SIGXCPU:
        raise FileError(f"{name} used more than {RENDER_CPU_SECONDS} s of processor time", where=name)
    if code and (b"out of memory" in said or b"cannot allocate memory" in said):
        raise FileError(f"{name} wanted more than {RENDER_MEMORY_BYTES} bytes of memory", where=name)
    return Finished(code, output.read_bytes(), said)


@lru_cache(maxsize=1)
def _without_network() -> tuple[str, ...]:
    """Return what gives a child a network of its own, with nothing in it; nothing where that is not allowed."""
    unshare = find_program("unshare")
    if unshare is None:
        return ()
    command = (unshare, "--net") if os.geteuid() == 0 else (unshare, "--net", "--map-current-user")
    try:
        probe = subprocess.run([*command, "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return (*command, "--") if probe.returncode == 0 else ()


def _environment(home: Path) -> dict[str, str]:
    """Return an environment without the user's settings, plugins, credentials and cluster."""
    folder = str(home)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": folder,
        "TMPDIR": folder,
        "XDG_CONFIG_HOME": folder,
        "XDG_CACHE_HOME": folder,
        "XDG_DATA_HOME": folder,
        "HELM_CACHE_HOME": folder,
        "HELM_CONFIG_HOME": folder,
        "HELM_DATA_HOME": folder,
        "HELM_PLUGINS": folder,
        "KUBECONFIG": os.devnull,
        "GIT_ALLOW_PROTOCOL": "none",
        "GOMAXPROCS": "2",
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NO_PROXY),
    }
