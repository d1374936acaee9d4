"""Read a record of traces strictly: unknown keys, duplicates, conflict markers, newer versions are errors."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, cast

from imagelock.errors import LockError
from imagelock.lazy_regex import lazy_regex
from imagelock.model import toml_text
from imagelock.model.toml_lines import line_of
from imagelock.model.toml_table import Table, TableError
from imagelock.model.trace import (
    EDIT_KINDS,
    ROLES,
    TracedEdit,
    TracedImage,
    TracedPart,
    TracedTarget,
    TraceRecord,
)
from imagelock.tracefile.writer import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelock.model.trace import EditKind, Role

_CONFLICT = lazy_regex(r"^(?:<{7}|={7}|>{7}|\|{7})(?: .*)?$", re.MULTILINE)
_LINE = lazy_regex(r"line (\d+)")
_AGAIN = "run `imagelock trace`, which writes it from the charts"


def parse_trace(text: str, where: str) -> TraceRecord:
    """Read the text of a record; raise :class:`LockError` with line and way out."""
    conflict = _CONFLICT.search(text)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        raise LockError("merge conflict markers", where=f"{where}:{line}", hint=_AGAIN)
    try:
        document = Table(toml_text.loads(text))
        version = document.required("version", int)
        if version > VERSION:
            raise LockError(
                f"version {version} is newer than this imagelock reads (version {VERSION})",
                where=where,
                hint="install a newer imagelock",
            )
        record = TraceRecord(tuple(_target(table) for table in document.tables("target")))
        document.done()
        _refuse_duplicates(record)
    except tomllib.TOMLDecodeError as error:
        line_found = _LINE.search(str(error))
        at = f"{where}:{line_found[1]}" if line_found else where
        raise LockError(f"not TOML: {error}", where=at, hint=_AGAIN) from error
    except TableError as error:
        number = line_of(text, error.path)
        at = where if number is None else f"{where}:{number}"
        raise LockError(str(error), where=at, hint=_AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise LockError(f"not a record of traces: {error}", where=where, hint=_AGAIN) from error
    return record


def _refuse_duplicates(record: TraceRecord) -> None:
    names: set[str] = set()
    for i, target in enumerate(record.targets):
        if target.name in names:
            raise TableError(f"target[{i}]", f"{target.name} is recorded twice")
        names.add(target.name)


def _target(table: Table) -> TracedTarget:
    words = ("name", "kind", "inputs", "renderer")
    target = TracedTarget(
        **{word: table.required(word, str) for word in words},
        files=tuple(_path(table, name) for name in table.strings("files") or ()),
        problem=table.optional("problem", str),
        unreached=table.strings("unreached") or (),
        images=tuple(_image(inner) for inner in table.tables("image")),
    )
    table.done()
    return target


def _image(table: Table) -> TracedImage:
    edit = table.optional("edit", dict)
    image = TracedImage(
        image=table.required("image", str),
        reason=table.optional("reason", str),
        parts=tuple(_part(inner) for inner in table.tables("parts")),
        edit=None if edit is None else _edit(Table(edit, table.key("edit"))),
    )
    table.done()
    return image


def _part(table: Table) -> TracedPart:
    part = TracedPart(
        role=cast("Role", _one_of(table, "role", ROLES)),
        file=_path(table, table.required("file", str)),
        path=table.required("path", str),
        document=table.optional("document", int) or 0,
    )
    table.done()
    return part


def _edit(table: Table) -> TracedEdit:
    edit = TracedEdit(
        kind=cast("EditKind", _one_of(table, "kind", EDIT_KINDS)),
        file=_path(table, table.required("file", str)),
        path=table.required("path", str),
        document=table.optional("document", int) or 0,
        tag=table.optional("tag", str),
    )
    table.done()
    return edit


def _one_of(table: Table, key: str, known: Iterable[str]) -> str:
    value = table.required(key, str)
    if value not in known:
        raise TableError(table.key(key), f"expected one of {', '.join(known)}, found {value!r}")
    return value


def _path(table: Table, name: str) -> str:
    """Return a path below the project; a record that leads elsewhere is damaged, or was made to hurt."""
    if name.startswith("/") or ".." in name.split("/"):
        raise TableError(table.path, f"{name!r} is not a path below the project")
    return name
