"""Tag files and their builds for tests: text to write, values to plan with."""

from __future__ import annotations

from imagelock.model.reference import Reference
from imagelock.model.tagfile import TagEntry

COMMIT = "5d6701bdf214e77f460f2e3dd2b6f7d3186830c8"
BUILD = "master-stable-20260101T000000Z.0"


def item(name: str, tag: str, *, build: str = BUILD, commit: str = COMMIT, more: str = "") -> str:
    """Return one item of a tag file; ``more`` are further lines, already indented."""
    return (
        f"  - name: {name}\n    src_build_tag: {build}\n"
        f"    src_ref: https://git.example/app/commit/{commit}\n    tag: {tag}\n{more}"
    )


def tag_file(*items: str) -> str:
    """Return a whole tag file."""
    return f"# kept\n---\nimages:\n{''.join(items)}"


def entry(name: str, tag: str, *, build: str = BUILD, file: str = "image-tags.yaml") -> TagEntry:
    """Return an entry as lint gives it."""
    return TagEntry(
        reference=Reference.parse(f"{name}:{tag}"),
        source_tag=build,
        source_ref=f"https://git.example/app/commit/{COMMIT}",
        digest=None,
        file=file,
        line=1,
        column=1,
    )
