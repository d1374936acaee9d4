"""What the exports for admission share: which digests may run, in which namespaces, and what is exempt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from imagelock.errors import UsageError
from imagelock.interchange.base import Option
from imagelock.model.exemption import Exemption
from imagelock.model.identity import DigestRole, identities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.interchange.admission_cel import Validation, Variable
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.identity import KnownDigest
    from imagelock.model.lock import Lock

SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?", re.ASCII)
NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_LABEL = re.compile(
    r"(?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?=[A-Za-z0-9_.-]{0,63}", re.ASCII
)
RESOURCES = (
    ("", ("pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers")),
    ("apps", ("deployments", "statefulsets", "daemonsets", "replicasets")),
    ("batch", ("jobs", "cronjobs")),
)
"""Everything of which the API knows that it makes pods, with pods themselves: groups and resources."""
ACTIONS = ("Deny", "Warn", "Audit")
ACTION = Option(
    name="action",
    help="What to do with an image that is not in the lock.",
    default=("Deny",),
    choices=ACTIONS,
)
SCOPE: tuple[Option, ...] = (
    Option(name="namespace", help="Only this namespace (repeatable).", metavar="NAME", multiple=True),
    Option(
        name="namespace-selector",
        help="Only namespaces with this label (repeatable); not with --namespace.",
        metavar="KEY=VALUE",
        multiple=True,
    ),
    Option(
        name="exclude-namespace",
        help="Every namespace except this one (repeatable); not with --namespace.",
        metavar="NAME",
        default=SYSTEM,
        multiple=True,
    ),
)
"""Which namespaces are judged."""
PLATFORMS = Option(
    name="platforms",
    help="Also let the manifests of single platforms be named, not only what pinned files name.",
    is_flag=True,
)
CHOICE: tuple[Option, ...] = (
    PLATFORMS,
    Option(
        name="allow",
        help="Also let this image run, as an exemption does: a reference or a glob (repeatable).",
        metavar="IMAGE",
        multiple=True,
    ),
)
"""What may run besides the digests that pinned files name."""


def roles_of(asked: ExportOptions) -> tuple[DigestRole, ...]:
    """Return which digests of an image may be named."""
    whole = (DigestRole.INDEX, DigestRole.MANIFEST)
    return whole if asked.one(PLATFORMS.name) is None else (*whole, DigestRole.PLATFORM)


def allowed_digests(lock: Lock, asked: ExportOptions) -> dict[str, str]:
    """Return the digests that a pod may name, as a ConfigMap's keys (``sha256-…``), and what each is.

    Pinned files name indexes and single manifests; a platform's own manifest is for those who ask for it.
    Raises :class:`UsageError` for a lock without images.
    """
    roles = roles_of(asked)
    found = {
        digest.replace(":", "-"): [item for item in items if item.role in roles]
        for digest, items in sorted(identities(lock).items())
    }
    if not found:
        raise UsageError("the lock is empty, so the policy would refuse every image")
    return {key: _described(items[0]) for key, items in found.items() if items}


def _described(identity: KnownDigest) -> str:
    platform = f" {identity.part.platform}" if identity.role is DigestRole.PLATFORM and identity.part else ""
    return identity.image.reference.partition("@")[0] + platform


def selector(asked: ExportOptions) -> dict[str, Any]:
    """Select namespaces by the label that the API server itself sets to their name."""
    only, never = asked.all("namespace"), asked.all("exclude-namespace")
    labels = [_label(text) for text in asked.all("namespace-selector")]
    if only and labels:
        raise UsageError("--namespace and --namespace-selector exclude each other")
    for namespace in (*only, *never):
        checked(namespace, "a namespace", NAMESPACE)
    if only and set(never) - set(SYSTEM):
        raise UsageError("--namespace and --exclude-namespace exclude each other")
    selected = {"matchLabels": dict(labels)} if labels else {}
    if not only and not never:
        return selected
    requirement = {
        "key": "kubernetes.io/metadata.name",
        "operator": "In" if only else "NotIn",
        "values": list(only or never),
    }
    return {**selected, "matchExpressions": [requirement]}


def _label(text: str) -> tuple[str, str]:
    if not _LABEL.fullmatch(text):
        raise UsageError(f"{text!r} is not a label: write KEY=VALUE", where="--namespace-selector")
    key, _, value = text.partition("=")
    return key, value


def checked(value: str, what: str, pattern: re.Pattern[str]) -> str:
    """Return a value that must match; raise :class:`UsageError` otherwise."""
    if not pattern.fullmatch(value):
        raise UsageError(f"{value!r} cannot be {what}: lower-case letters, digits and hyphens", where=what)
    return value


def match_constraints(chosen: dict[str, Any]) -> dict[str, Any]:
    """Return what is judged: everything that makes pods in the namespaces of a selector."""
    return {
        "matchPolicy": "Equivalent",
        "namespaceSelector": chosen,
        "resourceRules": [
            {
                "apiGroups": [group],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": list(resources),
            }
            for group, resources in RESOURCES
        ],
    }


def rule_fields(named: Sequence[Variable], rules: Sequence[Validation]) -> dict[str, Any]:
    """Return ``variables`` and ``validations`` as admissionregistration.k8s.io has them."""
    return {
        "variables": [{"name": item.name, "expression": item.expression} for item in named],
        "validations": [
            {
                "expression": item.expression,
                "message": item.message,
                "messageExpression": item.message_expression,
                "reason": "Forbidden",
            }
            for item in rules
        ],
    }


def exemptions(asked: ExportOptions) -> tuple[Exemption, ...]:
    """Return what the project exempts, and what ``--allow`` names."""
    return (*asked.exemptions, *(Exemption(image=item, reason="--allow") for item in asked.all("allow")))


def exempt_line(item: Exemption) -> str:
    """Return one exemption as one line: what was written in the configuration cannot end a comment."""
    facts = ", ".join(
        fact
        for fact in (
            f"namespace {item.namespace}" if item.namespace else "",
            f"owner {item.owner}" if item.owner else "",
            f"until {item.expires}, then export again" if item.expires else "",
        )
        if fact
    )
    line = " ".join(f"{item.image}{f' ({facts})' if facts else ''}: {item.reason}".split())
    return "".join(char if char.isprintable() else "?" for char in line)
