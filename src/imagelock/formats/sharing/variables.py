"""Tell where a variable whose value is an image is used as something that is not one.

The value of a GitLab variable, a Tekton parameter or a matrix is written once and put in wherever its name
is mentioned: a digest that is right behind ``image:`` changes what a script prints and what a rule
compares.  Where the values that may be chosen are listed beside it, it must stay one of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

import yaml

from imagelock.formats.sharing.leaves import leaves, value_of
from imagelock.formats.sharing.syntaxes import SYNTAXES

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from imagelock.formats.sharing.leaves import Leaf
    from imagelock.formats.sharing.syntaxes import Syntax, Variable
    from imagelock.formats.syntax.tree import Document, RawNode

MENTIONED = "{what} {name} is used as something else too: {path} ({file}:{line})"
CHOSEN = "the value must be one of those that {key} lists ({file}:{line})"
EXCLUDED = "the matrix excludes this value by its characters: {path} ({file}:{line})"
_CHOICES = ("options", "enum", "values", "regex")
_SYNTAX = {syntax.format: syntax for syntax in SYNTAXES}
_IMAGE_KEYS = ("image", "container")
_LISTS = ("services",)
_NOT_IMAGES = frozenset(
    [
        *("labels", "annotations", "env", "environment", "variables", "with", "args", "matrix", "inputs"),
        *("params", "parameters", "data", "stringData", "rules"),
    ]
)
_PASSED = 8
"""How often a value may be handed on from one variable to the next."""


class Variables:
    """The variables of one file."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._mentions: dict[re.Pattern[str], dict[str, list[tuple[Document, Leaf]]]] = {}
        self._verdicts: dict[tuple[object, ...], str | None] = {}

    def other_use(self, offset: int, format_name: str) -> str | None:
        """Return why the characters at a file's offset must stay, or None when every use is an image's."""
        syntax = _SYNTAX.get(format_name)
        if syntax is None:
            return None
        for document, leaf in self._at(offset):
            variable = syntax.variable_of(leaf) if leaf.steps else None
            if variable is None or not variable.name:
                continue
            reason = self._choice(document, leaf) or self._exclusion(document, leaf)
            reason = reason or self._elsewhere(variable, syntax, _PASSED)
            if reason is not None:
                return reason
        return None

    @cached_property
    def _leaves(self) -> list[tuple[Document, Leaf]]:
        return [(document, leaf) for document in self._documents for leaf in leaves(document)]

    @cached_property
    def _has_aliases(self) -> bool:
        """Whether parts of the file are in several places at once, so that what is inside one cannot be said."""
        return any("&" in document.source and "*" in document.source for document in self._documents)

    def _at(self, offset: int) -> Iterator[tuple[Document, Leaf]]:
        """Yield the scalars that an offset of the file lies in, once for each use."""
        starts, found = self._places
        at = bisect_right(starts, offset)
        for end, document, leaf in found[starts[at - 1]] if at else ():
            if offset <= end:
                yield document, leaf

    @cached_property
    def _places(self) -> tuple[list[int], dict[int, list[tuple[int, Document, Leaf]]]]:
        """Where scalars begin, sorted, and for each of these offsets what ends where."""
        found: defaultdict[int, list[tuple[int, Document, Leaf]]] = defaultdict(list)
        for document, leaf in self._leaves:
            start, end = (mark.index + document.offset for mark in (leaf.raw.start_mark, leaf.raw.end_mark))
            found[start].append((end, document, leaf))
        return sorted(found), found

    def _choice(self, document: Document, leaf: Leaf) -> str | None:
        for key in _CHOICES:
            choices = leaf.sibling(key)
            if choices is not None and (choices.value or isinstance(choices, yaml.ScalarNode)):
                line = _line_of(document, choices)
                return CHOSEN.format(key=key, file=document.text.path, line=line)
        return None

    def _exclusion(self, document: Document, leaf: Leaf) -> str | None:
        """Return why a value of a matrix must stay that another row takes out again by its characters."""
        if "matrix" not in leaf.steps:
            return None
        at = leaf.steps.index("matrix")
        excluded = value_of(leaf.holders[at + 1] if at + 1 < len(leaf.holders) else None, "exclude")
        for owner, other in self._leaves if excluded is not None else ():
            if excluded in other.holders and other.raw.value == leaf.raw.value and other.raw is not leaf.raw:
                return EXCLUDED.format(path=other.path, file=document.text.path, line=other.line(owner))
        return None

    def _elsewhere(self, variable: Variable, syntax: Syntax, left: int) -> str | None:
        key = (variable.what, variable.name, id(variable.mention), id(variable.scope), variable.template)
        if key not in self._verdicts:
            self._verdicts[key] = None  # what leads back to itself is no other use
            self._verdicts[key] = self._find_elsewhere(variable, syntax, left)
        return self._verdicts[key]

    def _find_elsewhere(self, variable: Variable, syntax: Syntax, left: int) -> str | None:
        for document, leaf in self._mentions_of(variable):
            if syntax.harmless(leaf):
                continue
            is_whole = variable.mention.sub("", leaf.text).strip(" ${}()[]<>\"'") == ""
            if is_whole and _is_image(leaf):
                continue
            onward = syntax.variable_of(leaf) if is_whole and left else None
            reason = self._elsewhere(onward, syntax, left - 1) if onward is not None else None
            if onward is None or not self._is_used(onward):
                return MENTIONED.format(
                    what=variable.what,
                    name=variable.name,
                    path=leaf.path,
                    file=document.text.path,
                    line=leaf.line(document),
                )
            if reason is not None:
                return reason
        return None

    def _is_used(self, variable: Variable) -> bool:
        return next(self._mentions_of(variable), None) is not None

    def _mentions_of(self, variable: Variable) -> Iterator[tuple[Document, Leaf]]:
        known = self._mentions.get(variable.mention)
        if known is None:
            known = self._mentions[variable.mention] = self._collected(variable.mention)
        names = [variable.name]
        while "." in names[-1]:
            names.append(names[-1].rpartition(".")[0])
        for name in names:
            for document, leaf in known.get(name, ()):
                if self._is_within(leaf, variable):
                    yield document, leaf

    def _is_within(self, leaf: Leaf, variable: Variable) -> bool:
        if self._has_aliases:
            return True
        if variable.template is not None:
            return any(
                isinstance(name := value_of(holder, "name"), yaml.ScalarNode)
                and name.value == variable.template
                for holder in leaf.holders
            )
        if variable.scope is not None:
            return variable.scope in leaf.holders
        # A job that gives the name a value of its own does not see this one.
        own = (value_of(value_of(holder, "variables"), variable.name) for holder in leaf.holders[1:])
        return all(value is None for value in own)

    def _collected(self, mention: re.Pattern[str]) -> dict[str, list[tuple[Document, Leaf]]]:
        found: defaultdict[str, list[tuple[Document, Leaf]]] = defaultdict(list)
        for document, leaf in self._leaves:
            names = {
                name for match in mention.finditer(leaf.raw.value) for name in match.groupdict().values()
            }
            for name in names:
                if name is not None:
                    found[name.rstrip(".")].append((document, leaf))
        return found


def _is_image(leaf: Leaf) -> bool:
    """Whether a scalar is where tools take an image from: behind such a key, or as a service."""
    steps = leaf.steps
    if _NOT_IMAGES.intersection(map(str, steps)):
        return False
    if steps[-1] == "name":
        steps = steps[:-1]
    is_service = len(steps) > 1 and steps[-2] in _LISTS and isinstance(steps[-1], int)
    return is_service or (bool(steps) and steps[-1] in _IMAGE_KEYS)


def _line_of(document: Document, raw: RawNode) -> int:
    return document.text.position(document.file_offset(raw))[0]
