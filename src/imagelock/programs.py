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


def git_describe(directory: Path, commit: str) -> str | None:
    """Return ``git describe --tags`` of a full commit; None when no tag leads to it.

    Raises :class:`FileError` when git is not there or ``directory`` is in no repository.
    """
    done = _call(["git", "describe", "--tags", commit], directory)
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace").strip()
    if not git_has(directory, commit):
        raise FileError("the repository has no such commit", where=commit)
    return None


def git_has(directory: Path, commit: str) -> bool:
    """Whether a repository has a full commit; :class:`FileError` when ``directory`` is in none."""
    done = _call(["git", "cat-file", "-e", commit], directory)
    if done.returncode not in (0, 1):
        raise FileError(_first_words(done, "git cat-file failed"), where=str(directory))
    return done.returncode == 0


def _run(command: list[str], directory: Path) -> bytes:
    done = _call(command, directory)
    if done.returncode != 0:
        raise FileError(_first_words(done, f"{command[0]} failed"), where=command[-1])
    return done.stdout


def _first_words(done: subprocess.CompletedProcess[bytes], otherwise: str) -> str:
    words = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return words[0] if words else otherwise


def _call(command: list[str], directory: Path) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which(command[0])
    if program is None:
        raise FileError(f"{command[0]} is not installed", hint=f"install {command[0]}")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            cwd=directory,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=HELPER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FileError(f"{command[0]} took longer than {HELPER_SECONDS:g} s", where=command[-1]) from error
    except OSError as error:
        raise FileError((error.strerror or str(error)).lower(), where=str(directory)) from error
    if len(done.stdout) > LOCK_BYTES:
        raise FileError(f"larger than {LOCK_BYTES} bytes", where=command[-1])
    return done


_REPOSITORY = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
    }
)
"""Variables that a git hook sets for its own repository; the directory alone says which one is meant."""


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _REPOSITORY}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    return {**kept, **quiet}
