"""Name images in another registry, in the same way for mirror, load and the exports."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError, UsageError
from imagelock.lazy_regex import lazy_regex
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

_GROUP = lazy_regex(r"\$(?:(\d)|\{(\d)\})", re.ASCII)
_MAP_HINT = "write PATTERN=PATH, for example --map 'docker.io/library/(.*)=base/$1'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A registry with rules for the names in it.

    ``registry`` is ``host[:port][/prefix]``.  ``maps`` are regular expressions that match a whole
    canonical name, and what its path becomes (``$1`` is the first group); the first that fits counts.
    ``plain`` says that it was written with ``http://``.
    """

    registry: str
    maps: tuple[tuple[str, str], ...] = ()
    plain: bool = False

    def name_of(self, name: str) -> str:
        """Return where an image of this canonical name goes; raise :class:`UsageError` for no name."""
        path = next(
            (fill_groups(to, match) for rule, to in self.maps if (match := re.fullmatch(rule, name))),
            None,
        )
        full = f"{self.registry}/{default_path(name) if path is None else path}"
        try:
            return Reference.parse(full).name
        except InvalidValueError as error:
            raise UsageError(
                f"{full!r} is not a repository: {error.message}", where=name, hint="see --map"
            ) from error


def destination(registry: str, maps: Sequence[str] = ()) -> Destination:
    """Read ``--to`` and ``--map``; raise :class:`UsageError` for what cannot be meant."""
    bare = registry.removeprefix("https://").removeprefix("http://").removeprefix("docker://").rstrip("/")
    reference = Reference.parse_or_none(f"{bare}/x")
    if reference is None or reference.domain != bare.partition("/")[0]:
        raise UsageError(
            f"{registry!r} is not a registry",
            hint="write host[:port][/prefix]: registry.example.com:5000/mirror",
        )
    return Destination(registry=bare, maps=tuple(map(_rule, maps)), plain=registry.startswith("http://"))


def fill_groups(template: str, match: Sequence[str | None] | re.Match[str]) -> str:
    """Put the groups of ``match`` in place of ``$1`` or ``${1}``."""
    return _GROUP.sub(lambda mark: match[int(mark[1] or mark[2])] or "", template)


def default_path(name: str) -> str:
    """Return ``<host>/<path>``; a port's colon and an address's brackets are not legal in a path."""
    host, _, path = name.partition("/")
    return f"{re.sub('[^a-z0-9.]+', '-', host.lower()).strip('-')}/{path}"


def _rule(text: str) -> tuple[str, str]:
    pattern, equals, to = text.rpartition("=")
    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--map {text}: {error}", hint=_MAP_HINT) from error
    if not equals or not pattern or not to:
        raise UsageError(f"--map {text} is not a rule", hint=_MAP_HINT)
    return pattern, to
