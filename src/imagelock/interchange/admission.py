"""A ValidatingAdmissionPolicy that lets a cluster run only the lock's digests, no webhook needed.

The digests are the keys of ConfigMaps, the policy's parameters.  A lock too large for one is split by
the digests' first hex digits, and each part has its own binding by name: a ConfigMap that is missing
refuses its part instead of letting it through (docs/adr/0005).  Objects are in the order in which they
must be applied: the policy comes last and switches from the old parts to the new at once.
Follows admissionregistration.k8s.io/v1; what the API server refuses is in Kubernetes'
``pkg/apis/admissionregistration/validation``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from imagelock.errors import UsageError
from imagelock.interchange.admission_cel import validations, variables
from imagelock.interchange.base import Option
from imagelock.limits import KIB
from imagelock.model.identity import DigestRole, identities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelock.interchange.base import ExportOptions
    from imagelock.model.exemption import Exemption
    from imagelock.model.identity import KnownDigest
    from imagelock.model.lock import Lock

name = "admission"
summary = "a ValidatingAdmissionPolicy with the lock's digests, for kubectl apply"

ACTIONS = ("Deny", "Warn", "Audit")
_SYSTEM = ("kube-system", "kube-public", "kube-node-lease")

is_marked = True
options: tuple[Option, ...] = (
    Option(
        name="action",
        help="What to do with an image that is not in the lock.",
        default=("Deny",),
        choices=ACTIONS,
    ),
    Option(name="namespace", help="Only this namespace (repeatable).", metavar="NAME", multiple=True),
    Option(
        name="exclude-namespace",
        help="Every namespace except this one (repeatable); not with --namespace.",
        metavar="NAME",
        default=_SYSTEM,
        multiple=True,
    ),
    Option(
        name="config-namespace",
        help="Namespace of the ConfigMaps; anyone who can write there decides what runs.",
        metavar="NAME",
        default=("kube-system",),
    ),
    Option(name="name", help="The name of the policy.", metavar="NAME", default=("imagelock",)),
)

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?", re.ASCII)
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_SMALL, _LARGE = 200 * KIB, 900 * KIB
"""Plain ``kubectl apply`` keeps each object a second time in an annotation of at most 256 KiB; a
ConfigMap itself may have 1 MiB."""
_SPLITS = ((0, _SMALL), (1, _SMALL), (1, _LARGE), (2, _LARGE))
_ENTRY_BYTES = 16
"""Quotes, colon, comma and indentation around a key and its value."""
_RESOURCES = (
    ("", ("pods", "pods/ephemeralcontainers", "replicationcontrollers")),
    ("apps", ("deployments", "statefulsets", "daemonsets", "replicasets")),
    ("batch", ("jobs", "cronjobs")),
)


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the objects as YAML: ConfigMaps, bindings, then the policy."""
    policy = _checked(asked.one("name") or "imagelock", "--name", _NAME)
    digests = _digests(lock)
    if not digests:
        raise UsageError("the lock is empty, so the policy would refuse every image")
    width, size = _split(digests)
    action = asked.one("action") or ACTIONS[0]
    place = _checked(asked.one("config-namespace") or "kube-system", "--config-namespace", _NAMESPACE)
    maps = [_config_map(policy, place, prefix, digests) for prefix in _prefixes(width)]
    objects = [
        *maps,
        *(_binding(policy, item["metadata"], action) for item in maps),
        _policy(policy, width, _selector(asked), asked.exemptions, action),
    ]
    return _head(len(digests), size, asked.exemptions) + yaml.dump_all(
        objects, Dumper=_Dumper, sort_keys=False, width=2**20, allow_unicode=True, explicit_start=True
    )


def _digests(lock: Lock) -> dict[str, str]:
    """Return every digest that a pod may name, as a ConfigMap's key, and what it is."""
    return {
        digest.replace(":", "-"): _described(items[0])
        for digest, items in sorted(identities(lock).items())
        if items[0].role is not DigestRole.CONFIG
    }


def _described(identity: KnownDigest) -> str:
    platform = f" {identity.part.platform}" if identity.role is DigestRole.PLATFORM and identity.part else ""
    return identity.image.reference.partition("@")[0] + platform


def _hex(key: str) -> str:
    return key.partition("-")[2]


def _prefixes(width: int) -> list[str]:
    return [f"{number:0{width}x}" for number in range(16**width)] if width else [""]


def _split(digests: Mapping[str, str]) -> tuple[int, int]:
    """Return by how many hex digits the list is split, and the bytes of the largest part."""
    for width, limit in _SPLITS:
        sizes = dict.fromkeys(_prefixes(width), 0)
        for key, value in digests.items():
            sizes[_hex(key)[:width]] += len(key) + len(value.encode()) + _ENTRY_BYTES
        if max(sizes.values()) <= limit:
            return width, max(sizes.values())
    raise UsageError(f"{len(digests)} digests are more than an admission policy can hold")


def _labels(policy: str) -> dict[str, str]:
    return {"app.kubernetes.io/managed-by": "imagelock", "app.kubernetes.io/instance": policy}


def _config_map(policy: str, place: str, prefix: str, digests: Mapping[str, str]) -> dict[str, Any]:
    held = {key: value for key, value in digests.items() if _hex(key).startswith(prefix)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{policy}-digests-{prefix or 'all'}",
            "namespace": place,
            "labels": _labels(policy),
        },
        "data": {"prefix": prefix, **held},
    }


def _binding(policy: str, config_map: Mapping[str, str], action: str) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": config_map["name"], "labels": _labels(policy)},
        "spec": {
            "policyName": policy,
            "paramRef": {
                "name": config_map["name"],
                "namespace": config_map["namespace"],
                # A list that is missing knows nothing; only a policy that refuses may refuse for that.
                "parameterNotFoundAction": "Deny" if action == "Deny" else "Allow",
            },
            "validationActions": [action],
        },
    }


def _policy(
    policy: str, width: int, selector: Mapping[str, Any], exemptions: Sequence[Exemption], action: str
) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": policy, "labels": _labels(policy)},
        "spec": {
            # An error in evaluating refuses whatever the binding's actions say, so warnings ignore it.
            "failurePolicy": "Fail" if action == "Deny" else "Ignore",
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": selector,
                "resourceRules": [
                    {
                        "apiGroups": [group],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": list(resources),
                    }
                    for group, resources in _RESOURCES
                ],
            },
            "variables": [
                {"name": item.name, "expression": item.expression} for item in variables(exemptions)
            ],
            "validations": [
                {
                    "expression": item.expression,
                    "message": item.message,
                    "messageExpression": item.message_expression,
                    "reason": "Forbidden",
                }
                for item in validations(width)
            ],
        },
    }


def _selector(asked: ExportOptions) -> dict[str, Any]:
    """Select namespaces by the label that the API server itself sets to their name."""
    only, never = asked.all("namespace"), asked.all("exclude-namespace")
    for namespace in (*only, *never):
        _checked(namespace, "a namespace", _NAMESPACE)
    if only and set(never) - set(_SYSTEM):
        raise UsageError("--namespace and --exclude-namespace exclude each other")
    if not only and not never:
        return {}
    requirement = {
        "key": "kubernetes.io/metadata.name",
        "operator": "In" if only else "NotIn",
        "values": list(only or never),
    }
    return {"matchExpressions": [requirement]}


def _checked(value: str, what: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise UsageError(f"{value!r} cannot be {what}: lower-case letters, digits and hyphens", where=what)
    return value


def _head(count: int, size: int, exemptions: Sequence[Exemption]) -> str:
    """Return what a reader must know before applying it, as comments."""
    apply = "kubectl apply -f FILE" if size <= _SMALL else "kubectl apply --server-side -f FILE"
    lines = ["Written by imagelock. Do not edit: run `imagelock export admission`.", f"Apply with: {apply}"]
    lines.append(f"{count} digests may run; exempt:" if exemptions else f"{count} digests may run.")
    lines += [f"  {_exempt_line(item)}" for item in exemptions]
    return "".join(f"# {line}\n" for line in lines)


def _exempt_line(item: Exemption) -> str:
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


class _Dumper(yaml.CSafeDumper):
    """Writes expressions as blocks that people can read."""


_QUOTED = re.compile(r"|[0-9].*|[a-f0-9]{1,2}|[ynYN]")
"""What some reader of YAML takes for a number or a truth: ``08`` and ``y`` are strings to PyYAML alone."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else '"' if _QUOTED.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
