"""The CEL of the admission policy: which images a request brings, and which of them are refused.

Only the standard functions of CEL and the strings extension as of Kubernetes 1.30 are used.  One policy
sees pods, workloads and cron jobs, so objects are taken as ``dyn``: a field that one of the types does
not have is not a type error.  Digests stand in the expression itself, as one constant list that the API
server turns into a set when it compiles the policy, or are keys of ConfigMaps, each of which it converts
anew at every request: that is the cost of a long list.  Follows the CEL specification.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.model.exemption import Exemption

DIGEST = "@sha(256:[a-f0-9]{64}|512:[a-f0-9]{128})$"
HAS_DOMAIN = "^(localhost|[^/]*[.:A-Z][^/]*)/"
HAS_TAG = ":[^/]*$"
_SPECIAL = frozenset(r"\.+*?()|[]{}^$")


@dataclass(frozen=True, slots=True)
class Variable:
    """A named expression that others use as ``variables.<name>``; evaluated once, when first used."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What must be true, and the message when it is not; ``message`` stands in for one that fails."""

    expression: str
    message: str
    message_expression: str


def variables(
    exemptions: Sequence[Exemption], known: Sequence[str] | str | None = None
) -> tuple[Variable, ...]:
    """Return the variables of the policy, each using only those before it.

    ``known`` are the digests that may run, or an expression for a map that has them as keys; None where the
    policy's parameters hold them in parts.
    """
    fresh = "i != '' && !(i in variables.before)"
    if exemptions:
        fresh += f" && !{_is_exempt(exemptions)}"
    owners = (Variable("owners", _owners()),) if any(item.owner for item in exemptions) else ()
    return (
        Variable("pod", _pod_spec("object")),
        Variable("old", f"request.operation == 'UPDATE' ? {_pod_spec('oldObject')} : {{}}"),
        Variable("images", _images("variables.pod")),
        Variable("before", _images("variables.old")),
        *owners,
        Variable("fresh", f"variables.images.filter(i, {fresh})"),
        Variable("unpinned", f"variables.fresh.filter(i, !i.matches({text(DIGEST)}))"),
        Variable("unlocked", _unlocked(known)),
    )


def _unlocked(known: Sequence[str] | str | None) -> str:
    """Return the fresh images with a digest that may not run."""
    if known is not None:
        listed = known if isinstance(known, str) else "[\n  " + ",\n  ".join(map(text, known)) + "]"
        return (
            f"variables.fresh.filter(i, i.matches({text(DIGEST)})\n"
            f"  && !(i.substring(i.lastIndexOf('@') + 1) in {listed}))"
        )
    return (
        f"variables.fresh.filter(i, i.matches({text(DIGEST)})\n"
        "  && i.substring(i.lastIndexOf(':') + 1).startsWith(params.data['prefix'])\n"
        "  && !(i.substring(i.lastIndexOf('@') + 1).replace(':', '-') in params.data))"
    )


def validations(lock_hash: str | None, width: int) -> tuple[Validation, ...]:
    """Return the rules; with ``lock_hash`` for ConfigMaps, split by the first ``width`` hex digits.

    A ConfigMap of another lock is left to the policy that it was made for: the one before or after.
    Images without a digest belong to the first ConfigMap, so that they are reported once.
    """
    other, first = "", ""
    if lock_hash is not None:
        other = f"!('lock' in params.data) || params.data['lock'] != {text(lock_hash)} || "
        first = f"params.data['prefix'] != {text('0' * width)} || "
    return (
        Validation(
            expression=f"{other}{first}size(variables.unpinned) == 0",
            message="an image is not pinned by digest",
            message_expression="'not pinned by digest: ' + variables.unpinned.join(', ')",
        ),
        Validation(
            expression=f"{other}size(variables.unlocked) == 0",
            message="an image is not in the lock",
            message_expression="'not in the lock: ' + variables.unlocked.join(', ')",
        ),
    )


def text(value: str) -> str:
    """Return a CEL string literal; CEL knows the escapes that JSON has."""
    return json.dumps(value, ensure_ascii=False)


def regex(pattern: str) -> str:
    """Turn a glob (as :mod:`fnmatch` reads it) into a regular expression of RE2, not anchored."""
    found = []
    i = 0
    while i < len(pattern):
        char = pattern[i]
        end = pattern.find("]", i + 2) if char == "[" else -1
        if char in "*?":
            found.append(".*" if char == "*" else ".")
        elif end > 0:
            inside = pattern[i + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            found.append(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{_no_caret(inside)}]")
            i = end
        else:
            found.append(f"\\{char}" if char in _SPECIAL else char)
        i += 1
    return "".join(found)


def _no_caret(inside: str) -> str:
    return f"\\{inside}" if inside.startswith("^") else inside


def _pod_spec(name: str) -> str:
    """Return where an object's pod spec is: a PodTemplate's, a cron job's, a workload's, or a pod's own."""
    spec = f"dyn({name}).spec"
    return (
        f"(has(dyn({name}).template) ? dyn({name}).template.spec\n"
        f"  : has({spec}.jobTemplate) ? {spec}.jobTemplate.spec.template.spec\n"
        f"  : has({spec}.template) ? {spec}.template.spec : {spec})"
    )


def _images(spec: str) -> str:
    """Return the list of every image a pod spec names, in the order of the spec."""
    groups = [
        f"(has({spec}.{field}) ? {spec}.{field}.filter(c, has(c.image)).map(c, c.image) : [])"
        for field in ("containers", "initContainers", "ephemeralContainers")
    ]
    volumes = (
        f"(has({spec}.volumes) ? {spec}.volumes"
        ".filter(v, has(v.image) && has(v.image.reference)).map(v, v.image.reference) : [])"
    )
    return "\n+ ".join([*groups, volumes])


def _owners() -> str:
    """Return what controls the object, as ``Kind/name``: itself, its owner, its ReplicaSet's Deployment."""
    meta = "dyn(object).metadata"
    owners = f"{meta}.ownerReferences.filter(o, has(o.controller) && o.controller)"
    hashed = f"has({meta}.labels) && 'pod-template-hash' in {meta}.labels"
    hash_mark = f"'-' + {meta}.labels['pod-template-hash']"
    return (
        f"[request.kind.kind + '/' + (has({meta}.name) ? {meta}.name : '')]\n"
        f"+ (has({meta}.ownerReferences) ? {owners}.map(o, o.kind + '/' + o.name) : [])\n"
        f"+ (has({meta}.ownerReferences) && {hashed}\n"
        f"  ? {owners}.filter(o, o.kind == 'ReplicaSet' && o.name.endsWith({hash_mark}))\n"
        f"    .map(o, 'Deployment/' + o.name.substring(0, o.name.size() - size({hash_mark})))\n"
        "  : [])"
    )


def _is_exempt(exemptions: Sequence[Exemption]) -> str:
    """Return whether image ``i`` is exempt: its canonical form ``n`` is made step by step, then matched."""
    covered = "\n    || ".join(_covers(item) for item in exemptions)
    return (
        f"[i.matches({text(HAS_DOMAIN)}) ? i : 'docker.io/' + i].exists(a,\n"
        "  [a.startsWith('index.docker.io/') ? a.substring(6) : a].exists(b,\n"
        "  [b.matches('^docker[.]io/[^/]+$') ? 'docker.io/library/' + b.substring(10) : b].exists(c,\n"
        f"  [c.contains('@') || c.matches({text(HAS_TAG)}) ? c : c + ':latest'].exists(n,\n"
        f"    {covered}))))"
    )


def _covers(item: Exemption) -> str:
    """Return whether one exemption covers."""
    patterns = exemption_patterns(item)
    parts = [f"n.matches({text(patterns['image'])})"]
    if "namespace" in patterns:
        parts.append(f"request.namespace.matches({text(patterns['namespace'])})")
    if "owner" in patterns:
        parts.append(f"variables.owners.exists(o, o.matches({text(patterns['owner'])}))")
    return f"({' && '.join(parts)})"


def exemption_patterns(item: Exemption) -> dict[str, str]:
    """Return an exemption as regular expressions of RE2, anchored: ``image``, ``namespace`` and ``owner``.

    The image's is for the canonical form, and matches its name, name:tag or all of it; an owner is ``Kind/name``.
    """
    found = {"image": f"^(?s:{regex(item.pattern)})(:[a-zA-Z0-9_][a-zA-Z0-9_.-]*)?(@.*)?$"}
    if item.namespace is not None:
        found["namespace"] = f"^(?s:{regex(item.namespace)})$"
    if item.owner is not None:
        kind = "" if "/" in item.owner else "[^/]*/"
        found["owner"] = f"^{kind}(?s:{regex(item.owner)})$"
    return found
