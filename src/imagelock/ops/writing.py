"""How far a command that writes may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteMode:
    """How far a command that writes may go: with ``write`` False it decides everything and writes nothing.

    ``settle``: the lock may be in merge conflict, and the run ends it.  ``notify`` hears that another run
    holds the lock and is waited for.
    """

    write: bool = True
    keep_going: bool = False
    settle: bool = False
    notify: Callable[[str], None] | None = None
