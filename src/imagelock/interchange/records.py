"""What the imports of other tools' records share: documents as checked values, and references that are one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from imagelock.errors import InvalidValueError, UsageError
from imagelock.model.digest import Digest
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def yaml_objects(text: str, where: str) -> Iterator[Mapping[object, object]]:
    """Yield the objects of a YAML stream; raise :class:`UsageError` for a text that is none."""
    try:
        for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
            if isinstance(document, dict):
                yield document
            elif document is not None:
                raise UsageError("a document is no object", where=where)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"not YAML: {' '.join(str(error).split())}", where=where) from error


def items(value: object, path: str, where: str) -> Iterator[tuple[str, Mapping[object, object]]]:
    """Yield the objects of a list, each with its path; raise :class:`UsageError` for anything else."""
    if not isinstance(value, list):
        raise UsageError(f"{path} is no list", where=where)
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            raise UsageError(f"{path}[{number}] is no object", where=where)
        yield f"{path}[{number}]", item


def reference(value: object, path: str, where: str) -> Reference:
    """Return a reference; raise :class:`UsageError` that says where the text is none."""
    try:
        return Reference.parse(value if isinstance(value, str) else "")
    except InvalidValueError as error:
        raise UsageError(f"{path} {value!r}: {error.message}", where=where, hint=error.hint) from error


def pinned(value: object, path: str, where: str) -> Reference:
    """Return a reference that has a digest; raise :class:`UsageError` for one without."""
    found = reference(value, path, where)
    if found.digest is None:
        raise UsageError(f"{path} {value!r} has no digest", where=where)
    return found


def digest(value: object, path: str, where: str) -> Digest:
    """Return a digest, with or without its algorithm; raise :class:`UsageError` for anything else."""
    text = value if isinstance(value, str) else ""
    try:
        return Digest.parse(text if ":" in text else f"sha256:{text}")
    except InvalidValueError as error:
        raise UsageError(f"{path} {value!r}: {error.message}", where=where) from error


def replaced(written: object, by: Reference, path: str, where: str) -> Reference:
    """Return what was written, with the digest of what it was resolved to.

    A tool that relocated images names another repository there; then the resolved name counts.
    """
    original = reference(written, path, where)
    if by.digest is None:
        raise UsageError(f"{path} has no digest", where=where)
    return original.with_digest(by.digest) if original.name == by.name else by
