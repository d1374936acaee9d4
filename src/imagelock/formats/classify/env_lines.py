"""Lines of environment files: ``NAME=value`` with quotes, ``export`` and comments, each value with its characters.

Follows the Compose specification of ``.env`` files, which is what shells and kustomize share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE = lazy_regex(
    r"^\ufeff?[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.-]*)[ \t]*[=][ \t]*"
    r"(?:\"(?P<double>[^\"\\\n$]*)\"|'(?P<single>[^'\n]*)'|(?P<plain>[^\s\"'#][^\r\n]*?)?)[ \t]*(?:[ \t]#[^\n]*)?\r?$",
    8,
)


@dataclass(frozen=True, slots=True)
class EnvLine:
    """A variable with its value, and where the value's characters are."""

    name: str
    value: str
    span: Span


def env_lines(content: str) -> Iterator[EnvLine]:
    """Yield the variables of an environment file; what is no assignment on one line is left out."""
    for match in _LINE.finditer(content):
        group = next((name for name in ("double", "single", "plain") if match[name] is not None), None)
        if group is None:
            yield EnvLine(match["name"], "", Span.plain(match.end("name"), match.end("name")))
            continue
        value, (start, _) = match[group], match.span(group)
        if group == "plain":
            value = value.partition(" #")[0].rstrip()
        yield EnvLine(match["name"], value, Span.plain(start, start + len(value)))
