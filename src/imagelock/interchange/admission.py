"""A ValidatingAdmissionPolicy that lets a cluster run only the lock's digests, no webhook needed.

Up to some hundred digests stand in the policy itself, and one binding switches it on.  More are the keys of
ConfigMaps, the policy's parameters: split by the digests' first hex digits, each part with its own binding
by name, and named after the lock's hash, so that the parts of another release neither collide nor count.  A
ConfigMap that is missing refuses its part instead of letting it through (docs/adr/0005).  Objects are in
the order in which they must be applied: the policy comes last and switches to the new list at once.
Follows admissionregistration.k8s.io/v1; what the API server refuses is in Kubernetes'
``pkg/apis/admissionregistration/validation``.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from imagelock.errors import UsageError
from imagelock.interchange.admission_cel import validations, variables
from imagelock.interchange.admission_scope import (
    ACTION,
    ACTIONS,
    CHOICE,
    NAME,
    NAMESPACE,
    SCOPE,
    allowed_digests,
    checked,
    exempt_line,
    exemptions,
    match_constraints,
    rule_fields,
    selector,
)
from imagelock.interchange.base import Option
from imagelock.limits import KIB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelock.interchange.admission_cel import Validation, Variable
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.exemption import Exemption
    from imagelock.model.lock import Lock

name = "admission"
summary = "a ValidatingAdmissionPolicy with the lock's digests, for kubectl apply"


is_marked = True
options: tuple[Option, ...] = (
    ACTION,
    Option(
        name="off",
        help="Switch it off: the same objects, bound to nothing. Never delete the bindings instead.",
        is_flag=True,
    ),
    *SCOPE,
    Option(
        name="config-namespace",
        help="Namespace of the ConfigMaps; anyone who can write there decides what runs.",
        metavar="NAME",
        default=("kube-system",),
    ),
    *CHOICE,
    Option(name="name", help="The name of the policy.", metavar="NAME", default=("imagelock",)),
)

_SMALL, _LARGE = 200 * KIB, 900 * KIB
"""Plain ``kubectl apply`` keeps each object a second time in an annotation of at most 256 KiB; a
ConfigMap itself may have 1 MiB."""
_SPLITS = ((0, _SMALL), (1, _SMALL), (1, _LARGE), (2, _LARGE))
LITERALS = 400
"""Digests that the policy holds itself: some 30 KiB of expression, and no parameters to look up."""
_HASH_CHARS = 10
_ENTRY_BYTES = 16
"""Quotes, colon, comma and indentation around a key and its value."""
_NOTHING = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "DoesNotExist"}]}
"""Selects no namespace: the API server gives each one this label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What one export is about: the policy's name, the digests with what they are, and how they are bound."""

    policy: str
    digests: Mapping[str, str]
    action: str
    is_off: bool
    selector: dict[str, Any]
    exemptions: tuple[Exemption, ...]

    @property
    def lock_hash(self) -> str:
        """Name this list of digests: equal lists have equal names."""
        return hashlib.sha256("\n".join(self.digests).encode()).hexdigest()[:_HASH_CHARS]

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which the objects of this policy, and of this list, are found."""
        return {
            "app.kubernetes.io/managed-by": "imagelock",
            "app.kubernetes.io/instance": self.policy,
            "app.kubernetes.io/version": self.lock_hash,
        }


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the objects as YAML: ConfigMaps where there are any, bindings, then the policy."""
    digests = allowed_digests(lock, asked)
    wanted = _Wanted(
        policy=checked(asked.one("name") or "imagelock", "--name", NAME),
        digests=digests,
        action=asked.one("action") or ACTIONS[0],
        is_off=asked.one("off") is not None,
        selector=selector(asked),
        exemptions=exemptions(asked),
    )
    place = checked(asked.one("config-namespace") or "kube-system", "--config-namespace", NAMESPACE)
    objects, size = _literal(wanted) if len(digests) <= LITERALS else _parametrised(wanted, place)
    return _head(wanted, size) + yaml.dump_all(
        objects, Dumper=_Dumper, sort_keys=False, width=2**20, allow_unicode=True, explicit_start=True
    )


def _literal(wanted: _Wanted) -> tuple[list[dict[str, Any]], int]:
    """Return a policy that holds the digests itself, with its one binding, and the bytes of the larger."""
    known = [key.replace("-", ":", 1) for key in wanted.digests]
    spec = _policy(wanted, [*variables(wanted.exemptions, known)], validations(None, 0))
    return [_binding(wanted, wanted.policy, None), spec], len(str(spec))


def _parametrised(wanted: _Wanted, place: str) -> tuple[list[dict[str, Any]], int]:
    """Return ConfigMaps, a binding for each, and the policy; the binding without parameters is switched off.

    A policy with parameters cannot be evaluated for a binding without: one of a smaller lock may be there.
    """
    width, size = _split(wanted.digests)
    maps = [_config_map(wanted, place, prefix) for prefix in _prefixes(width)]
    spec = _policy(wanted, [*variables(wanted.exemptions)], validations(wanted.lock_hash, width))
    spec["spec"] = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}, **spec["spec"]}
    bindings = [_binding(wanted, item["metadata"]["name"], item["metadata"]) for item in maps]
    return [*maps, *bindings, _unbound(_binding(wanted, wanted.policy, None)), spec], size


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


def _config_map(wanted: _Wanted, place: str, prefix: str) -> dict[str, Any]:
    held = {key: value for key, value in wanted.digests.items() if _hex(key).startswith(prefix)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{wanted.policy}-digests-{wanted.lock_hash}-{prefix or 'all'}",
            "namespace": place,
            "labels": wanted.labels,
        },
        "data": {"lock": wanted.lock_hash, "prefix": prefix, **held},
    }


def _binding(wanted: _Wanted, name: str, config_map: Mapping[str, str] | None) -> dict[str, Any]:
    spec: dict[str, Any] = {"policyName": wanted.policy, "validationActions": [wanted.action]}
    if config_map is not None:
        spec["paramRef"] = {
            "name": config_map["name"],
            "namespace": config_map["namespace"],
            # A list that is missing knows nothing; only a policy that refuses may refuse for that.
            "parameterNotFoundAction": "Deny" if wanted.action == "Deny" else "Allow",
        }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "labels": wanted.labels},
        "spec": spec,
    }
    return _unbound(binding) if wanted.is_off else binding


def _unbound(binding: dict[str, Any]) -> dict[str, Any]:
    """Return a binding that matches nothing: the policy stays and does nothing."""
    return {**binding, "spec": {**binding["spec"], "matchResources": {"namespaceSelector": _NOTHING}}}


def _policy(wanted: _Wanted, named: Sequence[Variable], rules: Sequence[Validation]) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": wanted.policy, "labels": wanted.labels},
        "spec": {
            # An error in evaluating refuses whatever the binding's actions say, so warnings ignore it.
            "failurePolicy": "Fail" if wanted.action == "Deny" else "Ignore",
            "matchConstraints": match_constraints(wanted.selector),
            **rule_fields(named, rules),
        },
    }


def _head(wanted: _Wanted, size: int) -> str:
    """Return what a reader must know before applying it, as comments."""
    apply = "kubectl apply -f FILE" if size <= _SMALL else "kubectl apply --server-side -f FILE"
    lines = ["Written by imagelock. Do not edit: run `imagelock export admission`.", f"Apply with: {apply}"]
    if wanted.is_off:
        lines.append(
            "Switched off: the policy is bound to nothing. Never delete its bindings to switch it off."
        )
    count = len(wanted.digests)
    lines.append(f"{count} digests may run; exempt:" if wanted.exemptions else f"{count} digests may run.")
    lines += [f"  {exempt_line(item)}" for item in wanted.exemptions]
    return "".join(f"# {line}\n" for line in lines)


class _Dumper(yaml.CSafeDumper):
    """Writes expressions as blocks that people can read."""


_QUOTED = re.compile(r"|[0-9].*|[a-f0-9]{1,2}|[ynYN]")
"""What some reader of YAML takes for a number or a truth: ``08`` and ``y`` are strings to PyYAML alone."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else '"' if _QUOTED.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
