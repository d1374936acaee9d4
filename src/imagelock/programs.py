"""Other people's programs: bounded in time and output, with an environment that asks nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.limits import HELPER_SECONDS, LOCK_BYTES

if TYPE_CHECKING:
    from pathlib import Path


def git_show(directory: Path, revision: str, path: str) -> bytes:
    """Return a file as it is in a git revision; ``path`` is relative to ``directory``.

    Raises :class:`FileError` when git is not there, or has no such revision or file.
    """
    return _run(["git", "show", f"{revision}:./{path}"], directory)


def _run(command: list[str], directory: Path) -> bytes:
    program = shutil.which(command[0])
    if program is None:
        raise FileError(f"{command[0]} is not installed", hint=f"install {command[0]}")
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [program, *command[1:]],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=HELPER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FileError(f"{command[0]} took longer than {HELPER_SECONDS:g} s", where=command[-1]) from error
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise FileError(words[0] if words else f"{command[0]} failed", where=command[-1])
    if len(done.stdout) > LOCK_BYTES:
        raise FileError(f"larger than {LOCK_BYTES} bytes", where=command[-1])
    return done.stdout
