"""``init``: write a configuration to start from, with every setting commented out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.config import FILE_NAME
from imagelock.files import Write, encode, read_bytes, write_all
from imagelock.model.outcome import Change, Outcome
from imagelock.paths import require_own

if TYPE_CHECKING:
    from pathlib import Path

ATTRIBUTES = ".gitattributes"
_ATTRIBUTE_LINE = "images.lock text eol=lf merge=imagelock linguist-generated=true\n"

DRIVER = "git config merge.imagelock.driver 'imagelock merge-driver %O %A %B %P'"
"""The git setting needed in each clone: attributes alone do not name a program."""

TEMPLATE = """\
# Configuration of imagelock. Everything is optional; the values shown are the defaults or examples.

[scan]
# sources = ["."]                  # what "the whole project" means
# exclude = ["vendor/**"]          # patterns as in .gitignore

[lock]
# platforms = ["linux/amd64"]      # every image must have these (IL106)
# from = ["external_images"]       # lists of image IDs, locked although no file names them

[build]
# images = ["built-images"]        # the repositories this pipeline builds, one a line
# references = ["image_references/*"]   # what `imagelock record` wrote in their jobs

[pin]
# form = "name:tag@digest"         # or "name@digest"
# existing = "move"                # or "keep": leave references alone that have a digest
# insert-keys = false              # true: add the key for a digest where a tool reads it from nowhere else

# [registries."quay.io"]
# mirrors = ["http://localhost:5000/quay.io"]   # asked first
# fallback = true                  # false: never ask the registry itself
# ca = "corp.pem"                  # adds to the system's certificates

# [[tags.rule]]                    # what the tags of tag files look like (IL402)
# files = "*trixie*"
# suffix = "-trixie"               # or tag = "a regular expression for the whole tag"

# [[exempt]]                       # images left alone on purpose
# image = "quay.io/acme/idea:next"
# reason = "floating on purpose until 8.0"
# expires = 2030-01-31
"""


def _unmerged(attributes: bytes) -> tuple[str, ...]:
    """Report that git is not configured yet to merge the lock."""
    if b"merge=imagelock" in attributes:
        return ()
    return (f"add merge=imagelock to the lock's line of {ATTRIBUTES}, so that git merges it by image",)


def init(directory: Path) -> Outcome:
    """Write what is missing of the two files; keep what is there."""
    config = directory / FILE_NAME
    attributes = directory / ATTRIBUTES
    writes = []
    if not config.exists():
        writes.append(Write(config, None, encode(TEMPLATE)))
    require_own(attributes, directory, ATTRIBUTES)
    before = read_bytes(attributes) if attributes.exists() else None
    if before is None or b"images.lock" not in before:
        glue = b"" if not before or before.endswith(b"\n") else b"\n"
        writes.append(Write(attributes, before, (before or b"") + glue + encode(_ATTRIBUTE_LINE)))
    for write in writes:
        require_own(write.path, directory, write.path.name)
    write_all(writes)
    in_git = any((folder / ".git").exists() for folder in (directory, *directory.parents))
    written = [write.path.name for write in writes]
    kept = [name for name in (FILE_NAME, ATTRIBUTES) if name not in written]
    return Outcome(
        command="init",
        changes=tuple(Change(reference=name, before=None, after="written") for name in written),
        summary={"written": len(written), "kept": len(kept)},
        advice=(
            *(f"{name} already exists and was left unchanged" for name in kept),
            *(() if before is None or b"images.lock" not in before else _unmerged(before)),
            *((f"run once in each clone: {DRIVER}",) if in_git else ()),
        ),
    )
