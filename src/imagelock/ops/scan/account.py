"""The account of what was skipped: which of it may be an image, which is expected, and what is said of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.classify.by_value import is_image
from imagelock.formats.helm.values_file import name as VALUES  # noqa: N812 - a constant of that module
from imagelock.model.outcome import finding
from imagelock.model.place import SkipKind
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.model.outcome import Finding
    from imagelock.model.place import Skipped
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.scanned_file import ScannedFile

EXPECTED = {
    SkipKind.TEMPLATE: ("template", "`check --render` looks at what it becomes"),
    SkipKind.PLACEHOLDER: ("placeholder", "another tool replaces it"),
    SkipKind.BUILT: ("name of an image built here", "it has no digest yet"),
    SkipKind.NOT_A_SOURCE: ("file of a cluster or of imagelock", "it is never a source"),
    SkipKind.PROSE: ("example", "documentation only describes images"),
    SkipKind.UNREADABLE: ("unreadable image", "IL114 says why its file cannot be read whole"),
    SkipKind.REPLACED: ("replaced name", "another place gives the image"),
}
"""What a kind of expected skip is called, and why no one needs to look at it."""
_HINT = (
    "read it with a [[scan.rule]], exempt it with an [[exempt]], or silence the line with "
    "`# imagelock: ignore[IL117] reason`"
)
VALUES_READ = "the values of the chart were read"
VALUES_UNREAD = "no values of the chart were read"


def is_unread_image(item: Skipped) -> bool:
    """Whether a skipped text is an image that no format reads: by its kind, or by its value."""
    return item.kind is SkipKind.IMAGE or (item.kind is SkipKind.CANDIDATE and is_image(item.text))


def reference_of(item: Skipped) -> Reference | None:
    """Return the reference that a skipped text is, or None."""
    try:
        return Reference.parse(item.text)
    except InvalidValueError:
        return None


def unread_findings(collection: Collection) -> Iterator[Finding]:
    """Yield a finding for each image that no format reads (IL117), those exempt or ignored left out."""
    for file, item in collection.unread:
        reference = reference_of(item)
        is_exempt = reference is not None and collection.exemption(reference, file) is not None
        if not is_exempt and not file.ignores.silences("IL117", item.line):
            yield finding(
                "IL117",
                f"{item.text} is not read: {item.reason}",
                reference=item.text,
                file=file.name,
                line=item.line,
                column=item.column,
                hint=_HINT,
            )


def reason_of(collection: Collection, file: ScannedFile, item: Skipped) -> str:
    """Return why a candidate was skipped; of a chart's template also whether the values behind it were read."""
    if item.kind is not SkipKind.TEMPLATE or file.chart is None:
        return item.reason
    is_read = file.chart.folder in collection.charts_with_values
    return f"{item.reason}; {VALUES_READ if is_read else VALUES_UNREAD}"


def charts_with_values(collection: Collection) -> frozenset[str]:
    """Return the folders of the charts of which a values file was read."""
    return frozenset(
        file.chart.folder
        for file in collection.files
        if file.chart is not None and any(item.format == VALUES for item in file.found)
    )


def expected_lines(collection: Collection) -> list[str]:
    """Return one line for each kind of expected skip: how many there are, and why that is fine."""
    counts = Counter(item.kind for _, item in collection.skipped if item.kind.is_expected)
    return [
        f"{counts[kind]} {word if counts[kind] == 1 else _plural(word)} skipped: {why}"
        for kind, (word, why) in EXPECTED.items()
        if counts[kind]
    ]


def named_in_vain(collection: Collection) -> Iterator[str]:
    """Yield a remark for each file that was named itself and holds nothing that looks like an image."""
    held = {file.place for file in collection.files}
    for file in collection.visited:
        if file.is_named and file.path not in held:
            yield f"{file.name} holds nothing that reads as an image; --format image-list takes every line for one"


def _plural(word: str) -> str:
    noun, of, rest = word.partition(" that ") if " that " in word else word.partition(" of ")
    return f"{noun}s{of}{rest}"
