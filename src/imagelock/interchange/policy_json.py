"""The ``policy.json`` of Podman, CRI-O, Buildah and skopeo: pull the lock's digests and reject everything else.

What a host enforces by itself, without a cluster.  The programs hold a policy against the name that was asked
for, not against a mirror's, so one file serves nodes with and without mirrors.  Follows containers-policy.json(5).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError, UsageError
from imagelock.interchange.admission_scope import PLATFORMS, roles_of
from imagelock.interchange.base import Option
from imagelock.model.identity import identities_of
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "policy-json"
summary = "a policy.json for Podman, CRI-O and skopeo that rejects what is not in the lock"
is_marked = False
options: tuple[Option, ...] = (
    PLATFORMS,
    Option(
        name="allow",
        help="Also let this be pulled: a repository, a namespace or a registry (repeatable), such as that of "
        "the pause image.",
        metavar="SCOPE",
        multiple=True,
    ),
    Option(
        name="default",
        help="What to do with everything else, also from local archives and layouts.",
        default=("reject",),
        choices=("reject", "insecureAcceptAnything"),
    ),
)
_ACCEPT = [{"type": "insecureAcceptAnything"}]


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the policy; raise :class:`UsageError` for an empty lock or an ``--allow`` that is no scope."""
    roles = roles_of(asked)
    scopes = {
        f"{image.name}@{item.digest}"
        for image in lock.images
        for item in identities_of(image)
        if item.role in roles
    }
    if not scopes:
        raise UsageError("the lock is empty, so the policy would reject every image")
    scopes.update(map(_scope, asked.all("allow")))
    rejects = [{"type": "reject"}]
    policy = {
        "default": [{"type": asked.one("default") or "reject"}],
        "transports": {"docker": {"": rejects, **dict.fromkeys(sorted(scopes), _ACCEPT)}},
    }
    return json.dumps(policy, indent=2) + "\n"


def _scope(text: str) -> str:
    """Return an ``--allow`` as the programs name it: in full, and a whole host with no path."""
    written = text.strip("/")
    host, _, port = written.partition(":")
    if ("." in host or host == "localhost") and "/" not in written and (not port or port.isdecimal()):
        return written
    try:
        reference = Reference.parse(written)
    except InvalidValueError as error:
        raise UsageError(f"not a scope: {error.message}", where=f"--allow {text}", hint=error.hint) from error
    suffix = f"@{reference.digest}" if reference.digest else f":{reference.tag}" if reference.tag else ""
    return reference.name + suffix
