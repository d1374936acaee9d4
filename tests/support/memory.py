"""How much memory a process of its own needed at most."""

from __future__ import annotations

import re
from pathlib import Path

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def peak_megabytes() -> int:
    """Return this process's own peak: getrusage would give the parent's, which a child inherits at its start."""
    match = _PEAK.search(Path("/proc/self/status").read_text(encoding="ascii"))
    if match is None:
        raise RuntimeError("the system does not tell a process's peak memory")
    return int(match[1]) // 1024
