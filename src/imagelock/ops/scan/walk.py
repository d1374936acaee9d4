"""List the files of a source: ``.gitignore`` and exclusions are honoured, ``.git`` is never entered."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imagelock.errors import FileError
from imagelock.files import as_utf8, decode, read_bytes
from imagelock.ops.scan.scanned_file import IMAGE_SCHEME
from imagelock.paths import LEADS_OUT, leads_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pathspec import GitIgnoreSpec

    from imagelock.ops.project import Project

STDIN = "-"


@dataclass(frozen=True, slots=True)
class _Rules:
    """The ignore rules of one folder; paths are given relative to it."""

    folder: str
    spec: GitIgnoreSpec


class Visited(NamedTuple):
    """A file to be read: its path without dots, the name it is shown by, and whether it was named itself.

    ``is_outside``: a symbolic link leads out of the project, and the run was not told to follow it.
    """

    path: str
    name: str
    is_named: bool
    is_outside: bool = False


@dataclass(slots=True)
class LeftOut:
    """Counts the files and folders that a walk did not look into, by whose rules they were left out."""

    ignored: int = 0
    excluded: int = 0


def walk_sources(
    project: Project, sources: Sequence[str], left_out: LeftOut | None = None
) -> Iterator[Visited]:
    """Yield every file the sources mean, once; images are not files.  ``left_out`` counts the others.

    Raises :class:`FileError` for a source that does not exist.
    """
    seen: set[str] = set()
    left_out = left_out or LeftOut()
    base = project.directory if sources else project.root
    for source in sources or project.config.sources:
        if source.startswith(IMAGE_SCHEME):
            continue
        if not sources:
            project.configured(source)
        if not (base / source).exists():
            raise FileError("no such file or directory", where=source)
        # Symbolic links stay as the user wrote them.
        top = os.path.normpath(base / source)
        is_folder = Path(top).is_dir()
        if leads_out(top, project.root) and not project.settings.trust_config:
            raise FileError(LEADS_OUT, where=source, hint="--trust-config follows it")
        shown = _shown_in(project, top) if is_folder else project.shown
        for path in _walk(top, project, left_out) if is_folder else (top,):
            if path not in seen:
                seen.add(path)
                yield Visited(path, shown(path), not is_folder, _is_outside(path, project))


def _is_outside(path: str, project: Project) -> bool:
    """Whether a link leads a file out of the project; folders behind links are not entered at all."""
    return os.path.islink(path) and not project.settings.trust_config and leads_out(path, project.root)  # noqa: PTH114 - thousands of files


def _shown_in(project: Project, top: str) -> Callable[[str], str]:
    """Return how the files of a folder are shown; below the project's directory that is reported by one prefix."""
    shown = project.shown(top)
    if shown.startswith(".."):
        return project.shown
    start, prefix = len(top.rstrip("/")) + 1, "" if shown == "." else f"{shown}/"
    return lambda path: prefix + path[start:]


def _walk(folder: str, project: Project, left_out: LeftOut) -> Iterator[str]:
    own = _specs((project.config.exclude, project.config.include))
    root = str(project.root)
    before = left_out.ignored
    yield from _walk_folders(folder, _outer_rules(Path(folder)), root, own, left_out)
    if left_out.ignored > before and _is_in_repository(Path(folder)):
        yield from _tracked(folder, root, own)


def _is_in_repository(folder: Path) -> bool:
    return any((parent / ".git").exists() for parent in (folder, *folder.parents))


def _tracked(folder: str, root: str, own: list[GitIgnoreSpec | None]) -> Iterator[str]:
    """Yield the files that git tracks although a ``.gitignore`` names them: they are part of the project."""
    from imagelock.subprocesses import git_tracked_ignored  # noqa: PLC0415 - most trees need no git

    try:
        names = git_tracked_ignored(Path(folder))
    except FileError:
        # Without git, or in a repository of someone else, the rules are all there is to go by.
        return
    for name in sorted(names):
        path = f"{folder.rstrip('/')}/{name}"
        if not _left_out(path, root, own, is_folder=False) and Path(path).is_file():
            yield path


def _specs(patterns: Sequence[Sequence[str]]) -> list[GitIgnoreSpec | None]:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - checking a single file must not pay for it

    return [GitIgnoreSpec.from_lines(lines) if lines else None for lines in patterns]


def _walk_folders(
    top: str, rules: list[_Rules], root: str, own: list[GitIgnoreSpec | None], left_out: LeftOut
) -> Iterator[str]:
    """Yield the files of a folder, then those of its folders; one that cannot be listed is yielded itself."""
    waiting = [(top, rules)]
    while waiting:
        folder, above = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if folder == top:
                raise FileError((error.strerror or str(error)).lower(), where=folder) from error
            yield folder
            continue
        here = [*above, *_rules_of(folder)] if any(entry.name == ".gitignore" for entry in entries) else above
        kept = [entry for entry in entries if _is_visited(entry, here, root, own, left_out)]
        yield from (entry.path for entry in kept if not entry.is_dir(follow_symlinks=False))
        folders = [entry.path for entry in kept if entry.is_dir(follow_symlinks=False)]
        waiting += [(path, here) for path in reversed(folders)]


def _is_visited(
    entry: os.DirEntry[str],
    rules: list[_Rules],
    root: str,
    own: list[GitIgnoreSpec | None],
    left_out: LeftOut,
) -> bool:
    is_folder = entry.is_dir(follow_symlinks=False)
    if entry.name == ".git":
        return False
    if _ignored(entry.path, rules, is_folder=is_folder):
        left_out.ignored += 1
        return False
    if _left_out(entry.path, root, own, is_folder=is_folder):
        left_out.excluded += 1
        return False
    return is_folder or (_is_file(entry) and not entry.name.endswith(".imagelock-tmp"))


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        # A link in a circle or into a folder that may not be entered leads to no file.
        return False


def _ignored(path: str, rules: list[_Rules], *, is_folder: bool) -> bool:
    """Ask the nearest rules first; the first that has an opinion decides, as in git."""
    for rule in reversed(rules):
        relative = path[len(rule.folder) + 1 :] + ("/" if is_folder else "")
        verdict = rule.spec.check_file(as_utf8(relative)).include
        if verdict is not None:
            return verdict
    return False


def _left_out(path: str, root: str, own: list[GitIgnoreSpec | None], *, is_folder: bool) -> bool:
    exclude, include = own
    if exclude is None and include is None:
        return False
    relative = as_utf8(os.path.relpath(path, root)) + ("/" if is_folder else "")
    if exclude is not None and exclude.match_file(relative):
        return True
    return include is not None and not is_folder and not include.match_file(relative)


def _outer_rules(folder: Path) -> list[_Rules]:
    """Collect the rules of the folders above, up to the repository's top, outermost first."""
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - symbolic links stay as the user wrote them
    if (folder / ".git").exists():
        return _exclude_file(folder)
    above: list[Path] = []
    for parent in folder.parents:
        above.append(parent)
        if (parent / ".git").exists():
            rules = [rule for part in reversed(above) for rule in _rules_of(str(part))]
            return [*_exclude_file(parent), *rules]
    return []


def _exclude_file(top: Path) -> list[_Rules]:
    path = top / ".git" / "info" / "exclude"
    return _read_rules(str(top), path) if path.is_file() else []


def _rules_of(folder: str) -> list[_Rules]:
    path = Path(folder) / ".gitignore"
    # As git does: a link is no .gitignore.
    return _read_rules(folder, path) if path.is_file() and not path.is_symlink() else []


def _read_rules(folder: str, path: Path) -> list[_Rules]:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - checking a single file must not pay for it

    lines = [line for line in as_utf8(decode(read_bytes(path))).splitlines() if line.strip()]
    return [_Rules(folder.rstrip("/"), GitIgnoreSpec.from_lines(lines))] if lines else []
