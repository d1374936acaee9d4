"""Prove edits by rendering with them: every image ends in its own digest, and nothing else changes.

All edits are made at once, each with a digest of its own, so that a leak names its culprit; where the chart
breaks, the edits are bisected.  What differs between two renders of the same files, and ``checksum/*``, may
differ.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.formats.edit.edits import applied
from imagelock.lazy_regex import lazy_regex
from imagelock.model.reference import Reference
from imagelock.ops.trace.marks import trial_digest
from imagelock.ops.trace.outputs import OutputShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.formats.edit.edits import Edit
    from imagelock.model.digest import Digest
    from imagelock.ops.trace.edits import Trial
    from imagelock.ops.trace.outputs import Difference, Field, Output, RenderedImage
    from imagelock.ops.trace.workspace import Workspace

_APART_SECONDS = 1.1
"""Between two renders of the same files: a clock with seconds must have moved on."""
_HASHED_NAME = lazy_regex(r"(?P<stem>.+)-[a-z0-9]{10}")
NOT_RENDERED = "the digest does not arrive at its end"
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Group:
    """Images of one output that the same leaves build; ``number`` gives the digest of its trials."""

    number: int
    image: str
    fields: tuple[RenderedImage, ...]

    @property
    def digest(self) -> Digest:
        """The digest that trials write."""
        return trial_digest(self.number)

    @property
    def pinned(self) -> Reference:
        """The image with the trial's digest."""
        return Reference.parse(self.image).with_digest(self.digest)


class Prover:
    """Proves edits of one target against its base render."""

    def __init__(self, work: Workspace, base: Output, *, hashes_names: bool = False) -> None:
        self._work = work
        self.base = base
        self._hashes_names = hashes_names
        self._started = time.monotonic()
        self._last: dict[Group, Trial] = {}

    @cached_property
    def noise(self) -> frozenset[Field]:
        """The fields that differ from render to render."""
        time.sleep(max(0.0, self._started + _APART_SECONDS - time.monotonic()))
        try:
            return frozenset(item.field for item in self.base.differences(self._work.render()))
        except OutputShapeError:
            return frozenset()

    def is_last(self, trials: Mapping[Group, Trial]) -> bool:
        """Whether these very edits were proved by the last render."""
        return dict(trials) == self._last

    def verdicts(self, trials: Mapping[Group, Trial]) -> dict[Group, str | None]:
        """Return for each edit why it is refused, or None where it is proved together with the others."""
        reasons, is_clear = self._together(trials)
        self._last = dict(trials) if not any(reasons.values()) else {}
        if is_clear or len(trials) == 1:
            return reasons
        groups = list(trials)
        middle = len(groups) // 2
        halves = (groups[:middle], groups[middle:])
        parts = [self.verdicts({group: trials[group] for group in half}) for half in halves]
        return {**parts[0], **parts[1]}

    def _together(self, trials: Mapping[Group, Trial]) -> tuple[dict[Group, str | None], bool]:
        """Return verdicts and whether they are each edit's own fault; if not, one alone is to blame."""
        try:
            output = self._work.render(self._texts(trials))
            differences = self.base.differences(output)
        except (FileError, OutputShapeError) as error:
            words = " ".join(str(getattr(error, "message", error)).split())[:300]
            return dict.fromkeys(trials, f"the chart does not render with it: {words}"), False
        reasons: dict[Group, str | None] = dict.fromkeys(trials)
        is_clear = True
        wanted = _wanted(self.base, trials)
        for group in trials:
            if not all(_holds(output, image, wanted) for image in group.fields):
                reasons[group] = NOT_RENDERED
        for item in differences:
            if item.field in wanted and item.after in wanted[item.field]:
                continue
            culprits = [
                group for group in trials if str(group.digest).partition(":")[2] in (item.after or "")
            ]
            if self._is_excused(item) or any(_is_image(item, group) for group in culprits):
                continue
            for group in culprits:
                reasons[group] = reasons[group] or f"the digest gets into {field_name(self.base, item)}"
            if not culprits and item.field not in wanted:
                is_clear = False
                for group in trials:
                    reasons[group] = reasons[group] or f"{field_name(self.base, item)} changes with it"
        return reasons, is_clear

    def _is_excused(self, item: Difference) -> bool:
        if is_checksum(item):
            return True
        if self._hashes_names and item.before and item.after:
            one, two = _HASHED_NAME.fullmatch(item.before), _HASHED_NAME.fullmatch(item.after)
            if one is not None and two is not None and one["stem"] == two["stem"]:
                return True
        return "sha256:" not in (item.after or "") and item.field in self.noise

    def _texts(self, trials: Mapping[Group, Trial]) -> dict[str, str]:
        """Return the files with these edits."""
        return edited(self._work.texts, [(trial, group.pinned) for group, trial in trials.items()])


def edited(texts: Mapping[str, str], wanted: Sequence[tuple[Trial, Reference]]) -> dict[str, str]:
    """Return the files with edits made."""
    edits: dict[str, set[Edit]] = defaultdict(set)
    for trial, reference in wanted:
        edit = trial.edit(reference)
        if edit is not None:
            edits[trial.file].add(edit)
    return {name: applied(texts[name], sorted(items)) for name, items in edits.items()}


def _is_image(item: Difference, group: Group) -> bool:
    """Whether the whole image stands in a field that no format reads: an argument, a variable."""
    written, pinned = group.fields[0].written, group.pinned
    before, after = item.before or "", item.after or ""
    return before.replace(written, str(pinned)) == after and (":" in group.image or "/" in group.image)


def _wanted(base: Output, trials: Mapping[Group, Trial]) -> dict[Field, tuple[str, ...]]:
    """Return what each field with an image may hold: the digest behind the tag, or in its place."""
    by_field: dict[Field, list[tuple[RenderedImage, Reference]]] = defaultdict(list)
    for group in trials:
        for image in group.fields:
            by_field[image.field].append((image, group.pinned))
    return {
        field: tuple(_variants(base.fields(field[0])[field[1]], images)) for field, images in by_field.items()
    }


def _variants(value: str, images: list[tuple[RenderedImage, Reference]]) -> Iterator[str]:
    for keep_tag in (True, False):
        pieces, at = [], 0
        for image, pinned in sorted(images, key=lambda item: item[0].start):
            digest = pinned.digest
            words = str(pinned if keep_tag or digest is None else pinned.with_digest(digest, keep_tag=False))
            pieces += [value[at : image.start], words]
            at = image.end
        yield "".join([*pieces, value[at:]])


def _holds(output: Output, image: RenderedImage, wanted: Mapping[Field, tuple[str, ...]]) -> bool:
    number, path = image.field
    try:
        return output.fields(number).get(path) in wanted[image.field]
    except (OutputShapeError, IndexError):
        return False


def is_checksum(item: Difference) -> bool:
    """Whether a field is a checksum of other parts of the output, as charts write to restart pods."""
    return "checksum" in item.field[1]


def field_name(base: Output, item: Difference) -> str:
    """Name a field by its object and path."""
    fields = base.fields(item.field[0])
    return f"{fields.get('kind', 'object')} {fields.get('metadata.name', '')} {item.field[1]}"[:_SHOWN]
