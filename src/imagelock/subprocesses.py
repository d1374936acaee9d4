"""Run other programs, bounded in time and output, with an environment in which they prompt for nothing."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock import helm_library
from imagelock.errors import FileError
from imagelock.limits import HELPER_SECONDS, LOCK_BYTES
from imagelock.program_path import find_program
from imagelock.render_process import run_limited

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from imagelock.render_process import Finished

_KUBECTL_LOG = re.compile(r"E[0-9]{4} [^\]]*\] \"command failed\" err=\"(?P<words>.*)\"", re.ASCII)
"""How newer versions of kubectl put their last words: behind the time and the number of the process."""
_GIT = (
    "git",
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "protocol.allow=never"),
)
"""Git with what a repository's own configuration could make it run switched off: monitors, hooks, transports."""


def git_show(directory: Path, revision: str, path: str) -> bytes:
    """Return a file as it is in a git revision; ``path`` is relative to ``directory``.

    Raises :class:`FileError` when git is not there, or has no such revision or file.
    """
    return _run([*_GIT, "cat-file", "blob", f"{revision}:./{path}"], directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A commit that changed a file: its full id, day (``2026-05-01``) and subject; ``deleted`` when it took the file away."""

    commit: str
    date: str
    subject: str
    deleted: bool


def git_log(directory: Path, path: str) -> tuple[Revision, ...]:
    """Return the commits that changed a file, the newest first; merges count as what they brought.

    Raises :class:`FileError` when git is not there, or ``directory`` is in no repository with a commit.
    """
    form = "--format=%x00%H%x00%cs%x00%s%x00"
    options = ("--first-parent", "-m", "--no-show-signature", "--name-status", "--no-renames")
    out = _run([*_GIT, "log", form, *options, "--", f"./{path}"], directory).decode("utf-8", "replace")
    fields = out.split("\0")[1:]
    return tuple(
        Revision(commit=commit, date=date, subject=subject, deleted=status.strip().startswith("D"))
        for commit, date, subject, status in zip(
            fields[::4], fields[1::4], fields[2::4], fields[3::4], strict=True
        )
    )


def git_describe(directory: Path, commit: str) -> str | None:
    """Return ``git describe --tags`` of a full commit; None when no tag leads to it.

    Raises :class:`FileError` when git is not there or ``directory`` is in no repository.
    """
    done = _call([*_GIT, "describe", "--tags", commit], directory)
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace").strip()
    if not git_has(directory, commit):
        raise FileError("the repository has no such commit", where=commit)
    return None


def git_has(directory: Path, commit: str) -> bool:
    """Whether a repository has a full commit; :class:`FileError` when ``directory`` is in none."""
    done = _call([*_GIT, "cat-file", "-e", commit], directory)
    if done.returncode not in (0, 1):
        raise FileError(_first_words(done, "git cat-file failed"), where=str(directory))
    return done.returncode == 0


def git_tracked_ignored(directory: Path) -> list[str]:
    """Return the files that git tracks although its rules ignore them, relative to ``directory``.

    Raises :class:`FileError` when git is not there, or ``directory`` is in no repository that it trusts.
    """
    command = [*_GIT, "ls-files", "-z", "--cached", "--ignored", "--exclude-standard"]
    return [os.fsdecode(name) for name in _run(command, directory).split(b"\0") if name]


def helm_template(
    chart: Path,
    values: Sequence[Path] = (),
    sets: Sequence[str] = (),
    texts: Sequence[str] = (),
    options: Sequence[str] = (),
    release: str = "imagelock",
) -> bytes:
    """Return what Helm makes of a chart on disk: ``sets`` are ``--set``, ``texts`` are ``--set-string``.

    ``options`` are further ones, such as ``--namespace=x``.

    Helm sees no cluster, no network, and no configuration or plugin of the user's.  Raises
    :class:`FileError` with its words when the chart does not render, or Helm is not there.
    """
    if find_program("helm") is None and helm_library.is_installed():
        job = {
            "chart": str(chart),
            "values": [str(path) for path in values],
            "sets": list(sets),
            "texts": list(texts),
            "options": list(options),
            "release": release,
        }
        return _render(helm_library.command_for(job), chart)
    command = ["helm", "template", release, str(chart), *options]
    for option, given in (("--values", map(str, values)), ("--set", sets), ("--set-string", texts)):
        command += [part for item in given for part in (option, item)]
    return _render(command, chart)


def kustomize_build(folder: Path) -> bytes:
    """Return what Kustomize makes of a folder; raises :class:`FileError` as :func:`helm_template` does."""
    if find_program("kustomize") is None and find_program("kubectl") is not None:
        return _render(["kubectl", "kustomize", str(folder)], folder)
    return _render(["kustomize", "build", str(folder)], folder)


def deb_contents(path: Path) -> bytes:
    """Return the files of a Debian package as one tar; raise :class:`FileError` when it is none or too large."""
    done = run_limited(["dpkg-deb", "--fsys-tarfile", str(path.resolve())], path.parent)
    if done.returncode != 0:
        raise FileError(f"dpkg-deb: {_last_words(done, 'not a Debian package')}", where=str(path))
    return done.stdout


def _render(command: list[str], folder: Path) -> bytes:
    done = run_limited(command, folder)
    if done.returncode != 0:
        name = "kustomize" if "kustomize" in command[:2] else "helm"
        raise FileError(_last_words(done, f"{name} failed"), where=name)
    return done.stdout


def _last_words(done: Finished, otherwise: str) -> str:
    """Return the last words of a program: warnings come before the error, a hint about its help after it."""
    text = done.stderr.decode("utf-8", "replace").strip()
    _, is_long, logged_lines = text.partition(" err=<\n")
    if is_long:
        # What takes several lines stands between angle brackets.
        return " ".join(logged_lines.removesuffix(">").split())
    lines = text.splitlines()
    said = [line.strip() for line in lines if line.strip() and not line.startswith("Use --debug")]
    if not said:
        return otherwise
    logged = _KUBECTL_LOG.fullmatch(said[-1])
    return said[-1].removeprefix("Error: ").removeprefix("error: ") if logged is None else logged["words"]


def _run(command: list[str], directory: Path) -> bytes:
    done = _call(command, directory)
    if done.returncode != 0:
        raise FileError(_first_words(done, f"{command[0]} failed"), where=command[-1])
    return done.stdout


def _first_words(done: subprocess.CompletedProcess[bytes], otherwise: str) -> str:
    words = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return words[0].removeprefix("fatal: ") if words else otherwise


def _call(
    command: list[str],
    directory: Path,
    environment: dict[str, str] | None = None,
    seconds: float = HELPER_SECONDS,
) -> subprocess.CompletedProcess[bytes]:
    program = find_program(command[0])
    if program is None:
        raise FileError(f"{command[0]} is not installed", hint=f"install {command[0]}")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            cwd=directory,
            env=environment or _environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FileError(f"{command[0]} took longer than {seconds:g} s", where=command[-1]) from error
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
