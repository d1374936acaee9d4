"""What a command did and has to say: changes, findings and counts; no words about presentation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from imagelock.model.finding_codes import FINDING_CODES, Level

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to tell the user, with a stable code.

    ``file`` is relative to the project, ``line`` and ``column`` count from 1.  ``notes`` are further
    facts, one per line: the other places, what was tried.  ``hint`` is the way out, most often a command.
    ``cause`` is what is wrong without the image's name, where many images may suffer from the same: people are
    told it once.
    """

    code: str
    message: str
    level: Level
    reference: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()
    cause: str | None = None

    @property
    def name(self) -> str:
        """The code's readable name."""
        return FINDING_CODES[self.code].name

    @property
    def where(self) -> str | None:
        """``file:line:column`` as far as it is known."""
        parts = [str(part) for part in (self.file, self.line, self.column) if part is not None]
        return ":".join(parts) or None


def finding(  # noqa: PLR0913 - the fields of a finding, all by name
    code: str,
    message: str,
    *,
    reference: object = None,
    file: str | None = None,
    line: int | None = None,
    column: int | None = None,
    hint: str | None = None,
    notes: Iterable[str] = (),
    level: Level | None = None,
    cause: str | None = None,
) -> Finding:
    """Make a finding; its level is the catalogue's unless given."""
    return Finding(
        code=code,
        message=message,
        level=level or FINDING_CODES[code].level,
        reference=None if reference is None else str(reference),
        file=file,
        line=line,
        column=column,
        hint=hint,
        notes=tuple(notes),
        cause=cause,
    )


class Located(Protocol):
    """What was read at one place of a file: an entry of a tag file, a requirement of a list."""

    @property
    def file(self) -> str:
        """The file as messages name it."""

    @property
    def line(self) -> int:
        """The line, counted from 1."""

    @property
    def column(self) -> int:
        """The column, counted from 1."""


def finding_in(  # noqa: PLR0913 - as finding, without the place
    item: Located,
    code: str,
    message: str,
    *,
    reference: object,
    hint: str | None = None,
    notes: Iterable[str] = (),
    level: Level | None = None,
    cause: str | None = None,
) -> Finding:
    """Make a finding about what was read at one place of a file."""
    return finding(
        code,
        message,
        reference=reference,
        file=item.file,
        line=item.line,
        column=item.column,
        hint=hint,
        notes=notes,
        level=level,
        cause=cause,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Before and after of one thing: an entry of the lock, or a place in a file.

    An absent ``before`` means added, an absent ``after`` removed.
    """

    reference: str
    before: str | None
    after: str | None
    file: str | None = None
    line: int | None = None


def tag_changes(changes: Iterable[Change]) -> tuple[tuple[Change, Change], ...]:
    """Pair the entry that went with the one of the same name that came, where there is one of each."""
    gone: dict[str, list[Change]] = {}
    come: dict[str, list[Change]] = {}
    for change in changes:
        if change.before is None or change.after is None:
            side = come if change.before is None else gone
            side.setdefault(_repository(change.reference), []).append(change)
    return tuple(
        (old[0], come[name][0])
        for name, old in gone.items()
        if len(old) == 1 and len(come.get(name, ())) == 1
    )


def renamed(changes: Iterable[Change]) -> tuple[tuple[Change, Change], ...]:
    """Pair the entry that went with the one of another name that came with the same digest, where it is plain which.

    Several of one digest are paired by their tag, or by the last part of their name.
    """
    gone: dict[str, list[Change]] = {}
    come: dict[str, list[Change]] = {}
    for change in changes:
        if change.before is None and change.after is not None:
            come.setdefault(change.after, []).append(change)
        elif change.after is None and change.before is not None:
            gone.setdefault(change.before, []).append(change)
    pairs: list[tuple[Change, Change]] = []
    for digest, old in gone.items():
        for one in old:
            others = [
                new
                for new in come.get(digest, ())
                if _repository(new.reference) != _repository(one.reference)
            ]
            alike = [new for new in others if _said(new) == _said(one)] or others
            if len(alike) == 1 and not any(alike[0] is new for _, new in pairs):
                pairs.append((one, alike[0]))
    return tuple(pairs)


def _said(change: Change) -> str:
    """Return what stays the same when an image is copied to another host: the last part of the name, and the tag."""
    return change.reference.rpartition("/")[2]


def _repository(reference: str) -> str:
    name = reference.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    return path if colon and "/" not in tag else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempted:
    """One place (or pod) that was left alone on purpose, and why."""

    reference: str
    reason: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one command did: always the same shape, whatever prints it.

    ``summary`` counts; every input is in exactly one of its counts.  ``advice`` is the next command, or
    a remark that is not a finding.  ``images`` are those that were looked at (``name:tag``), also where there is
    nothing to say of them; ``lock`` is the file that a finding without a place is about.
    """

    command: str
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    summary: dict[str, int] = field(default_factory=dict)
    advice: tuple[str, ...] = ()
    exempt: tuple[Exempted, ...] = ()
    images: tuple[str, ...] = ()
    lock: str = "images.lock"

    def advised(self, more: Iterable[str]) -> Outcome:
        """Return the same with further advice."""
        return replace(self, advice=(*self.advice, *more))

    def exit_code(self, *, strict: bool = False) -> int:
        """Return 0, 1 or 3: could-not-tell weighs more than a finding, a finding more than none."""
        costs = {
            FINDING_CODES[item.code].exit_code
            for item in self.findings
            if item.level is Level.ERROR or strict
        }
        return max(costs, default=0)
