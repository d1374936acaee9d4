"""Variables that a Compose file takes from environment files: their values, and who else uses them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.formats.classify.env_lines import env_lines
from imagelock.formats.relations.base import Interpolates
from imagelock.lazy_regex import lazy_regex
from imagelock.model.context import Use
from imagelock.ops.scan.files_by_name import stated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from imagelock.formats.relations.base import Statement
    from imagelock.ops.scan.files_by_name import Files

    Said: TypeAlias = "Mapping[str, Sequence[Statement]]"

ENV_FILE = "env-file"
CONTAINERS = "the environment of a container"
_VARIABLE = lazy_regex(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


def values_of(
    said: Said, files: Files, content: Callable[[str], str]
) -> dict[str, tuple[tuple[str, str, str], ...]]:
    """Return, for each Compose file, the variables it is given: name, value, and the file that sets it."""
    found = {}
    for by, item in stated(said, Interpolates):
        values = tuple(
            (name, value, path) for name, (value, path) in _values(by, item, files, content).items()
        )
        if values:
            found[by] = values
    return found


def uses_of(
    said: Said, files: Files, content: Callable[[str], str]
) -> dict[str, tuple[tuple[Use, ...], tuple[tuple[str, str], ...]]]:
    """Return, for each environment file, the images made of its variables, and the variables used elsewhere too."""
    uses: defaultdict[str, dict[Use, None]] = defaultdict(dict)
    others: defaultdict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for by, item in stated(said, Interpolates):
        values = _values(by, item, files, content)
        for text in item.images:
            for name in _VARIABLE.findall(text):
                if name in values:
                    uses[values[name][1]][Use(text, by)] = None
        for name, path in item.others:
            if name in values:
                others[values[name][1]][name, f"{by}: {path}"] = None
        for file in (name for path in item.container_files for name in files.beside(by, path)):
            for name, (_, path) in values.items():
                if path == file:
                    others[file][name, CONTAINERS] = None
    return {name: (tuple(found), tuple(others[name])) for name, found in uses.items()}


def _values(
    by: str, item: Interpolates, files: Files, content: Callable[[str], str]
) -> dict[str, tuple[str, str]]:
    """Return the variables that the images of a Compose file use, with value and file; the first file counts."""
    wanted = {name for text in item.images for name in _VARIABLE.findall(text)}
    return {
        name: (value, path)
        for path, name, value in reversed(list(_lines(by, item, files, content)))
        if name in wanted
    }


def _lines(
    by: str, item: Interpolates, files: Files, content: Callable[[str], str]
) -> Iterator[tuple[str, str, str]]:
    for listed in item.files:
        for path in files.beside(by, listed):
            # Of a name twice in one file the last counts.
            known = {line.name: line.value for line in env_lines(content(path))}
            yield from ((path, name, value) for name, value in known.items())
