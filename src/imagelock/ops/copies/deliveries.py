"""What was delivered before, or should stay: a lock, a plain list, or the bundle that was made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.files import decode, read_bytes
from imagelock.limits import LOCK_BYTES
from imagelock.lockfile.reader import parse
from imagelock.ops.copies import bundle, contents

if TYPE_CHECKING:
    from pathlib import Path

    from imagelock.model.lock import Lock


def lock_of(directory: Path, path: Path) -> Lock:
    """Read a lock: from a file, a plain list, or the bundle that holds it; ``path`` is below ``directory``."""
    where = directory / path
    if where.is_dir() or bundle.is_tar(where):
        return contents.require(bundle.open_store(where)).lock
    return parse(decode(read_bytes(where, LOCK_BYTES)), str(path))
