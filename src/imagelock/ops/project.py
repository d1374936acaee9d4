"""Open a project on disk: its directory, its configuration and its lock."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.config import FILE_NAME, PYPROJECT, Config, has_config
from imagelock.errors import ConfigError, FileError, LockError
from imagelock.files import Write, decode, encode, read_bytes
from imagelock.lockfile.reader import is_list, parse
from imagelock.lockfile.writer import render_lock
from imagelock.model.lock import Lock
from imagelock.paths import LEADS_OUT, leads_out

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCK_NAME = "images.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The common options of every command, as given."""

    directory: Path = Path()
    config: Path | None = None
    lock_file: Path | None = None
    jobs: int = limits.JOBS
    offline: bool = False
    retry_time: float = limits.RETRY_SECONDS
    trust_config: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One project: ``directory`` is what paths are relative to, ``root`` what "whole project" means."""

    settings: Settings
    directory: Path
    root: Path
    config: Config
    config_path: Path | None
    lock_path: Path

    @property
    def is_trusted(self) -> bool:
        """Whether the configuration is the user's own: named, trusted by an option, or absent."""
        return self.config_path is None or self.settings.config is not None or self.settings.trust_config

    def with_keys(self) -> Project:
        """Return the project as one whose configuration inserts keys."""
        return replace(self, config=replace(self.config, insert_keys=True))

    def configured(self, name: str) -> Path:
        """Return a path that the configuration names; what is merely found in a tree names only what is in it.

        Raises :class:`ConfigError` for an absolute path, ``..`` or a link that leaves the project.
        """
        path = self.root / name
        if not self.is_trusted and not _is_in(path, self.root):
            raise ConfigError(
                f"{name} is outside the project",
                where=None if self.config_path is None else self.shown(self.config_path),
                hint="name a path inside it, or use --trust-config",
            )
        return path

    def require_lock(self, *, for_writing: bool = False) -> None:
        """Refuse a lock that a link leads out of the project: never written, and read only when trusted."""
        if leads_out(self.lock_path, self.root) and (for_writing or not self.settings.trust_config):
            raise LockError(
                LEADS_OUT, where=self.shown(self.lock_path), hint="name the file with --lock-file"
            )

    def shown(self, path: Path | str) -> str:
        """Return a path as messages and reports show it: relative to the directory, with ``/``."""
        return Path(os.path.relpath(path, self.directory)).as_posix()


@dataclass(frozen=True, slots=True)
class LockFile:
    """The lock as it was read; ``data`` is None when there was none, ``is_list`` marks a plain list."""

    path: Path
    lock: Lock
    data: bytes | None
    is_list: bool = False

    def write_of(self, lock: Lock) -> Write:
        """Return the write that makes the file hold ``lock``."""
        return Write(self.path, self.data, encode(render_lock(lock)))


_OWN, _EXTERNAL, _RECORDS = "eurodat-images", "external_images", "image_references/*"
"""What a pipeline builds, what it takes from others, and what its build jobs record."""


def open_project(settings: Settings) -> Project:
    """Find the configuration (nearest upward, unless given) and the lock of a directory."""
    directory = settings.directory.absolute()
    if not directory.is_dir():
        raise FileError("no such directory", where=str(settings.directory))
    given = settings.config
    path = directory / given if given is not None else _nearest(directory)
    config = (
        Config() if path is None else _read_config(path, trusted=given is not None or settings.trust_config)
    )
    root = directory if path is None or given is not None else path.parent
    lock_path = directory / settings.lock_file if settings.lock_file is not None else root / LOCK_NAME
    return Project(
        settings=settings,
        directory=directory,
        root=root,
        config=_with_user_hosts(_with_usual_lists(config, root)),
        config_path=path,
        lock_path=lock_path,
    )


def read_lock(project: Project, *, for_writing: bool = False) -> LockFile:
    """Read the project's lock; with ``for_writing`` an absent one is empty and a plain list is refused.

    A file that says nothing is only good to be rewritten: as a lock it would let every digest pass.
    """
    project.require_lock(for_writing=for_writing)
    path, given = project.lock_path, project.settings.lock_file
    where = str(given) if given is not None and given.is_absolute() else project.shown(path)
    if for_writing and not path.exists():
        return LockFile(path, Lock(), None)
    try:
        data = read_bytes(path, limits.LOCK_BYTES)
    except FileError as error:
        if error.message != "no such file":
            raise LockError(error.message, where=where) from error
        raise LockError("there is no lock", where=where, hint="run `imagelock lock` to create it") from error
    text = decode(data)
    lock = parse(text, where)
    if not for_writing and not lock.images and is_list(text):
        raise LockError(
            "names no image", where=where, hint="restore it from version control, or run `imagelock lock`"
        )
    if for_writing and lock.images and is_list(text):
        raise LockError(
            "a plain list can be read but not written",
            where=where,
            hint="name another --lock-file, and add the list to it with `imagelock lock --from`",
        )
    return LockFile(path, lock, data, is_list(text))


def _is_in(path: Path, root: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def nothing_here(
    project: Project,
    sources: Sequence[str],
    what: str,
    hint: str = "name another directory with -C, or other sources",
) -> FileError:
    """Return the error of a run that has nothing to look at: a wrong directory must not look like a clean one."""
    given = [name for name in sources if name != "-"]
    where = ", ".join(given) if given else "<stdin>" if sources else str(project.root)
    return FileError(what, where=where, hint=hint)


def _nearest(directory: Path) -> Path | None:
    for folder in (directory, *directory.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
        pyproject = folder / PYPROJECT
        if pyproject.is_file() and has_config(decode(read_bytes(pyproject, limits.CONFIG_FILE_BYTES))):
            return pyproject
    return None


def _read_config(path: Path, *, trusted: bool) -> Config:
    if not trusted and leads_out(path, path.parent):
        raise ConfigError(
            LEADS_OUT, where=path.name, hint="name the file with --config, or use --trust-config"
        )
    try:
        text = decode(read_bytes(path, limits.CONFIG_FILE_BYTES))
    except FileError as error:
        raise ConfigError(error.message, where=str(path)) from error
    from imagelock.config_reader import parse_config  # noqa: PLC0415 - a project without a file needs no reader

    config = parse_config(text, str(path) if trusted else path.name, trusted=trusted)
    hosts = {
        host: replace(
            item, ca=_beside(path, item.ca), cert=_beside(path, item.cert), key=_beside(path, item.key)
        )
        for host, item in config.hosts.items()
    }
    return replace(config, hosts=hosts)


def _beside(path: Path, name: str | None) -> str | None:
    return None if name is None else str(path.parent / name)


def _with_usual_lists(config: Config, root: Path) -> Config:
    """Take the lists of a pipeline by their usual names, where the configuration says nothing of lists.

    ``eurodat-images`` says that there is such a pipeline; ``external_images`` alone is a list like any other.
    """
    if config.says_lists or not _is_list(root / _OWN):
        return config
    external = (_EXTERNAL,) if _is_list(root / _EXTERNAL) else ()
    return replace(config, build_images=(_OWN,), build_references=(_RECORDS,), lock_from=external)


def _is_list(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _with_user_hosts(config: Config) -> Config:
    """Put the user's own registries below the project's: the user's file is trusted."""
    path = user_config_path()
    if not path.is_file():
        return config
    own = _read_config(path, trusted=True)
    return replace(config, hosts={**config.hosts, **own.hosts})


def user_config_path() -> Path:
    """Return where the user's own configuration is (``~/.config/imagelock/imagelock.toml``)."""
    base = os.environ.get("XDG_CONFIG_HOME") or ""
    folder = Path(base) if Path(base).is_absolute() else Path.home() / ".config"
    return folder / "imagelock" / FILE_NAME
