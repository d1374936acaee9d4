"""Common options before the command's name: ``imagelock -C dir check`` means ``imagelock check -C dir``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def behind_command(arguments: Sequence[str], options: Mapping[str, bool]) -> list[str] | None:
    """Return the arguments with leading common options moved behind the first word.

    ``options`` says of each spelling (``-C``, ``--directory``) whether a value follows it.  None where another option
    leads: that is for the parser to take or to refuse.
    """
    rest = list(arguments)
    leading: list[str] = []
    while rest and rest[0].startswith("-") and rest[0] not in ("-", "--"):
        count = _words(rest[0], options)
        if count == 0:
            return None
        leading += rest[:count]
        del rest[:count]
    return [*rest[:1], *leading, *rest[1:]] if rest else leading


def _words(option: str, options: Mapping[str, bool]) -> int:
    """Return how many words an option takes with its value; 0 for one that is not common."""
    if option.startswith("--"):
        name, equals, _ = option.partition("=")
        return 0 if name not in options else 2 if options[name] and not equals else 1
    for i, letter in enumerate(option[1:], start=2):
        if f"-{letter}" not in options:
            return 0
        if options[f"-{letter}"]:
            return 1 if option[i:] else 2
    return 1
