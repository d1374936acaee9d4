"""Where a program is: only folders that PATH names by an absolute path are searched.

An empty or relative entry means the folder a command happens to run in, which may be somebody else's tree.
"""

from __future__ import annotations

import os
import shutil


def find_program(name: str, search: str | None = None) -> str | None:
    """Return the absolute path of a program by its plain name, or None; ``search`` replaces PATH."""
    entries = (search or os.environ.get("PATH") or os.defpath).split(os.pathsep)
    return shutil.which(name, path=os.pathsep.join(entry for entry in entries if entry.startswith("/")))
