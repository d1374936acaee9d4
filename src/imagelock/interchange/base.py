"""The protocols of an export (with the options from which its command line is made) and of imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.model.exemption import Exemption
    from imagelock.model.lock import Lock
    from imagelock.model.outcome import Finding
    from imagelock.model.reference import Reference
    from imagelock.model.requirement import Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of an export: ``--name VALUE``, with ``multiple`` as often as wanted.

    ``default`` are the values it has when it is not given; none and not ``multiple``: no value.  A flag takes no
    value: given, it has the value ``yes``.
    """

    name: str
    help: str
    metavar: str = "VALUE"
    default: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    multiple: bool = False
    required: bool = False
    is_flag: bool = False
    is_argument: bool = False
    """Given without ``--name``, any number of times."""


class Surroundings(Protocol):
    """What an export may ask of the project besides the lock; read only when it is asked for."""

    def references(self, sources: Sequence[str]) -> Sequence[Reference]:
        """Return every reference that these files and directories name, as written."""

    def environment(self, file: str | None) -> Mapping[str, str]:
        """Return the variables of a file (``olm env``), or those that the project's catalogs generate."""


class NoSurroundings:
    """No project: there are no files and no catalogs."""

    def references(self, sources: Sequence[str]) -> Sequence[Reference]:  # noqa: ARG002 - the protocol's signature
        """Return nothing."""
        return ()

    def environment(self, file: str | None) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's signature
        """Return nothing."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What an export is made with: the values of its options, what the project exempts, and the project itself."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    project: Surroundings = field(default_factory=NoSurroundings)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of an option; empty ones count as not given."""
        return tuple(value for value in self.values.get(name, ()) if value)

    def one(self, name: str) -> str | None:
        """Return the value of an option, or None."""
        return next(iter(self.all(name)), None)


class Export(Protocol):
    """Another tool's format, made from the lock.

    ``is_marked`` says that it begins with a comment by which a scan knows it: a format with comments that
    nobody passes on line by line.
    """

    name: str
    summary: str
    is_marked: bool
    options: tuple[Option, ...]

    def export(self, lock: Lock, asked: ExportOptions) -> str:
        """Return the whole text; raise :class:`UsageError` for values that do not go together."""


class Import(Protocol):
    """Another tool's lists of images; what reads them is in :mod:`imagelock.formats`."""

    name: str
    summary: str

    def judge(self, required: Sequence[Requirement], loaded: Sequence[Requirement]) -> Iterator[Finding]:
        """Yield what is wrong with the lists, and between them and the lists they must agree with."""


class LockImport(Protocol):
    """Another tool's record of what it resolved: references, with digests where it has them."""

    name: str
    summary: str

    def read(self, text: str, where: str) -> Sequence[Reference]:
        """Return what a file records, in its order; raise :class:`UsageError` that names what is wrong."""
