"""Render charts with Helm 4 as a library (the extra ``imagelock[helm]``), where no ``helm`` is installed.

Run as a program in a limited child process (``python -m imagelock.helm_library``): a job as JSON on the
command line, manifests on stdout.  It takes neither a Kubernetes version nor API versions, and says so.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from imagelock.errors import FileError

MODULE = "helm_python"
_NOT_TAKEN = ("--kube-version", "--api-versions")


def is_installed() -> bool:
    """Whether the library is there; nothing is imported."""
    return importlib.util.find_spec(MODULE) is not None


def version() -> str:
    """Return the version of Helm in the library's package."""
    from importlib.metadata import version as package_version  # noqa: PLC0415 - only where it is installed

    return f"helm-python-sdk {package_version('helm-python-sdk')}"


def command_for(job: dict[str, Any]) -> list[str]:
    """Return the command that renders a job in a child; raises :class:`FileError` for what it cannot take."""
    refused = [name for name in _NOT_TAKEN if any(option.startswith(name) for option in job["options"])]
    if refused:
        raise FileError(f"Helm as a library does not take {refused[0]}", where="helm", hint="install helm")
    return [sys.executable, "-I", "-m", "imagelock.helm_library", json.dumps(job)]


def main(arguments: list[str]) -> int:
    """Render one job to stdout."""
    import helm_python as helm  # noqa: PLC0415 - 244 MB, only in the child

    job = json.loads(arguments[0])
    values: dict[str, Any] = {}
    try:
        for name in job["values"]:
            values = _merged(values, yaml.load(Path(name).read_bytes(), Loader=yaml.CSafeLoader) or {})
        for words in job["sets"]:
            values = _merged(values, helm.parse_set_string(words))
        for words in job["texts"]:
            values = _merged(values, helm.parse_set_string_values(words))
        namespace = next(
            (o.partition("=")[2] for o in job["options"] if o.startswith("--namespace=")), "default"
        )
        with helm.Chart.load(job["chart"]) as chart:
            manifests = chart.render(values, name=job["release"], namespace=namespace)
    except Exception as error:  # noqa: BLE001 - the library's words are all the parent needs
        sys.stderr.write(f"Error: {' '.join(str(error).split())}\n")
        return 1
    for name in sorted(manifests):
        if manifests[name].strip() and not name.endswith("NOTES.txt"):
            sys.stdout.write(f"---\n# Source: {name}\n{manifests[name].strip()}\n")
    return 0


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Put values files over each other as ``helm`` does: mappings are merged, everything else is replaced."""
    merged = dict(one)
    for key, value in other.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
