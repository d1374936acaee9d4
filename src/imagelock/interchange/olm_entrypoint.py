"""A Deployment of a registry whose tree is pinned by ``imagelock olm entrypoint`` in an init container.

The registry's own image copies its tree into a volume, imagelock pins it there, and a plain web server
serves it: the registry's image needs no script of its own.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.interchange.base import Option
from imagelock.interchange.mirrors import documents

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "olm-entrypoint"
summary = "a Deployment of a registry with an init container in which imagelock pins its tree"
is_marked = True
options: tuple[Option, ...] = (
    Option(name="image", help="An image that contains imagelock, by digest.", metavar="REF", required=True),
    Option(name="registry-image", help="The registry's image, by digest.", metavar="REF", required=True),
    Option(
        name="env-match",
        help="Regular expression for the variables that name images.",
        metavar="REGEX",
        required=True,
    ),
    Option(
        name="env",
        help="File of the variables, as `imagelock olm env` prints them.  [default: those of the configured catalogs]",
        metavar="FILE",
    ),
    Option(name="tree", help="Path of the registry's tree.", metavar="DIR", default=("/var/www/html",)),
    Option(name="name", help="The name of the Deployment.", metavar="NAME", default=("registry",)),
    Option(name="namespace", help="The namespace to run in.", metavar="NAME"),
)

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?", re.ASCII)
_SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_WORK = "/imagelock-tree"


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the Deployment; its init container ``pin`` carries the variables that it was made for.

    Without any it is for an operator that adds them.  Raises :class:`UsageError` for a name, a path or an expression
    that is none, and for variables of which none fits.
    """
    del lock  # the digests come with the variables
    wanted, tree = asked.one("name") or "", (asked.one("tree") or "").rstrip("/")
    if not _NAME.fullmatch(wanted):
        raise UsageError(f"--name {wanted!r} is not a name", hint="use lower-case letters, digits and -")
    if not tree.startswith("/"):
        raise UsageError(f"--tree {tree!r} is not an absolute path", hint="/var/www/html")
    labels = {"app.kubernetes.io/name": wanted}
    namespace = asked.one("namespace")
    served = {"name": "tree", "mountPath": tree}
    pod = {
        "initContainers": [
            _container("tree", asked.one("registry-image"), ["cp", "-R", f"{tree}/.", _WORK], _WORK),
            {
                **_container("pin", asked.one("image"), None, _WORK),
                "args": ["olm", "entrypoint", "--env-match", asked.one("env-match"), _WORK],
                "env": _environment(asked),
            },
        ],
        "containers": [
            {
                "name": "registry",
                "image": asked.one("registry-image"),
                "securityContext": _SECURITY,
                "volumeMounts": [served],
            }
        ],
        "volumes": [{"name": "tree", "emptyDir": {}}],
    }
    work = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": wanted, **({"namespace": namespace} if namespace else {}), "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    # Through JSON, so that what two places share is written in both and no alias is needed.
    return documents([json.loads(json.dumps(work))])


def _environment(asked: ExportOptions) -> list[dict[str, str]]:
    """Return the variables that the expression finds; none where the operator adds them."""
    pattern = asked.one("env-match") or ""
    try:
        wanted = re.compile(pattern, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"--env-match is not a usable regular expression: {error}", where=pattern) from error
    known = asked.project.environment(asked.one("env"))
    found = [{"name": name, "value": value} for name, value in known.items() if wanted.search(name)]
    if known and not found:
        raise UsageError(
            f"none of the {len(known)} variables matches --env-match",
            where=pattern,
            hint="see `imagelock olm env`",
        )
    return found


def _container(called: str, image: str | None, command: list[str] | None, path: str) -> dict[str, object]:
    return {
        "name": called,
        "image": image,
        **({"command": command} if command else {}),
        "securityContext": _SECURITY,
        "volumeMounts": [{"name": "tree", "mountPath": path}],
    }
