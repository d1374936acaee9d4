"""Paths and the links on them: what leads out of a project, and the words for what the system refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterable


LEADS_OUT = "a symbolic link leads out of the project"


def split_path(path: str) -> tuple[str, str]:
    """Return a file's folder and name; thousands of files are too many for :mod:`pathlib`."""
    folder, _, name = path.rpartition("/")
    return folder or ("/" if path.startswith("/") else "."), name


def check_inside(paths: Iterable[Path], root: Path) -> None:
    """Refuse files that symbolic links lead out of the project."""
    top = root.resolve()
    folders: dict[str, bool] = {}
    for path in paths:
        if not _is_inside(os.fspath(path), top, folders):
            raise FileError(LEADS_OUT, where=str(path))


def leads_out(path: Path | str, root: Path | str) -> bool:
    """Whether a path that reads as one below ``root`` is led elsewhere by a symbolic link.

    A path that does not read as one below ``root`` leads nowhere: whoever wrote it meant that place.
    """
    name, top = os.path.abspath(path), os.path.abspath(root)  # noqa: PTH100 - links stay as they are written
    if not is_below(name, top):
        return False
    return not is_below(os.path.realpath(name), os.path.realpath(top))


def is_below(path: str, top: str) -> bool:
    """Whether one absolute path is another one, or below it."""
    return path == top or path.startswith(top.rstrip("/") + "/")


def require_own(path: Path, root: Path, shown: str | None = None) -> None:
    """Refuse to write a file that a symbolic link leads out of ``root``; raises :class:`FileError`."""
    if leads_out(path, root):
        raise FileError(
            LEADS_OUT, where=shown or str(path), hint="replace the link by a file, or name its target"
        )


def _is_inside(path: str, top: Path, folders: dict[str, bool]) -> bool:
    """Whether a file is below ``top``; a folder is resolved once for all its files."""
    folder = split_path(path)[0]
    try:
        if os.path.islink(path):  # noqa: PTH114 - thousands of files
            return Path(path).resolve().is_relative_to(top)
        if folder not in folders:
            folders[folder] = Path(folder).resolve().is_relative_to(top)
        return folders[folder]
    except (OSError, RuntimeError) as error:
        raise FileError(reason_of(error), where=path) from error


def reason_of(error: OSError | RuntimeError) -> str:
    """Return what the system refuses, in the words of messages."""
    if isinstance(error, RuntimeError):
        return "a loop of symbolic links"
    known = {
        errno.ENOENT: "no such file",
        errno.EACCES: "no permission",
        errno.EPERM: "no permission",
        errno.EROFS: "the file system is read-only",
        errno.ENOSPC: "no space left on the device",
        errno.EISDIR: "a directory, not a file",
        errno.EFBIG: "larger than the system allows",
        errno.ELOOP: "a loop of symbolic links",
    }
    return known.get(error.errno or 0, (error.strerror or str(error)).lower())
