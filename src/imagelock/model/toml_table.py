"""Read TOML tables with types: every error names the key's path, and unknown keys are errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from imagelock.configured_regex import ConfiguredRegex, RegexError

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class TableError(ValueError):
    """Something is wrong with a table; ``path`` is dotted (``image[3].digest``)."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


@dataclass(slots=True)
class Table:
    """One TOML table; values are taken out by name, and :meth:`done` refuses what is left."""

    values: dict[str, object]
    path: str = ""
    _left: set[str] = field(init=False)
    _absent: list[str] = field(init=False, default_factory=list)
    """Keys that were asked for and are not there: what a misspelt one may mean."""

    def __post_init__(self) -> None:
        self._left = set(self.values)

    def key(self, name: str) -> str:
        """Return the dotted path of a key of this table."""
        return f"{self.path}.{name}" if self.path else name

    def optional(self, name: str, kind: type[T]) -> T | None:
        """Take a value of one type, or None."""
        self._left.discard(name)
        value = self.values.get(name)
        if value is None:
            self._absent.append(name)
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TableError(self.key(name), f"expected {_names(kind)}, found {_names(type(value))}")
        return value

    def required(self, name: str, kind: type[T]) -> T:
        """Take a value that must be there."""
        value = self.optional(name, kind)
        if value is None:
            raise TableError(self.path, f"{name!r} is missing")
        return value

    def strings(self, name: str) -> tuple[str, ...] | None:
        """Take a list of strings, or None."""
        values = self.optional(name, list)
        if values is None:
            return None
        for i, value in enumerate(values):
            if not isinstance(value, str):
                raise TableError(f"{self.key(name)}[{i}]", f"expected a string, found {_names(type(value))}")
        return tuple(values)

    def globs(self, name: str) -> tuple[str, ...]:
        """Take a string or a list of strings; nothing is an empty list."""
        if isinstance(self.values.get(name), str):
            return (self.required(name, str),)
        return self.strings(name) or ()

    def table(self, name: str) -> Table:
        """Take a table; an absent one is empty."""
        return Table(self.optional(name, dict) or {}, self.key(name))

    def tables(self, name: str) -> Iterator[Table]:
        """Take an array of tables; an absent one is empty."""
        for i, value in enumerate(self.optional(name, list) or []):
            path = f"{self.key(name)}[{i}]"
            if not isinstance(value, dict):
                raise TableError(path, f"expected a table, found {_names(type(value))}")
            yield Table(value, path)

    def named_tables(self) -> Iterator[tuple[str, Table]]:
        """Take every key of this table as a table of its own."""
        for name in tuple(self.values):
            yield name, self.table(name)

    def done(self) -> None:
        """Refuse keys that no one took."""
        for name in sorted(self._left):
            import difflib  # noqa: PLC0415 - only a wrong file needs it

            near = difflib.get_close_matches(name, self._absent, n=1)
            raise TableError(
                self.key(name), f"unknown key; did you mean {near[0]}?" if near else "unknown key"
            )


def _names(kind: type[object]) -> str:
    words = {str: "a string", int: "an integer", bool: "true or false", list: "a list", dict: "a table"}
    return words.get(kind, kind.__name__)


def expression(path: str, pattern: str, *, multiline: bool = False, trusted: bool) -> ConfiguredRegex:
    """Check an expression: one that can hang a run is taken from a trusted file only."""
    try:
        return ConfiguredRegex(pattern, multiline=multiline, trusted=trusted)
    except RegexError as error:
        raise TableError(path, f"not a usable regular expression: {error}") from error
