"""A Gatekeeper ConstraintTemplate and a constraint that let a cluster run only the lock's digests.

The template holds the rules, and what is exempt; the constraint holds the digests, as the keys of an object, so
that looking one up does not read the list.  Gatekeeper makes the constraint's kind from the template: whoever
applies both for the first time waits between them.  The rules are the CEL of the API server's own policy, for
Gatekeeper's engine K8sNativeValidation (3.18 and later).  Follows templates.gatekeeper.sh/v1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagelock.errors import UsageError
from imagelock.interchange.admission_cel import Variable, validations, variables
from imagelock.interchange.admission_scope import (
    ACTION,
    CHOICE,
    NAME,
    SCOPE,
    allowed_digests,
    checked,
    exemptions,
    rule_fields,
    selector,
)
from imagelock.interchange.base import Option
from imagelock.interchange.mirrors import documents
from imagelock.limits import KIB

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "gatekeeper"
summary = "a Gatekeeper ConstraintTemplate and constraint with the lock's digests"
is_marked = True
options: tuple[Option, ...] = (
    ACTION,
    *SCOPE,
    *CHOICE,
    Option(name="name", help="The name of the constraint.", metavar="NAME", default=("imagelock",)),
)
_MOST = 900 * KIB
_KIND = "ImagelockDigests"
_ACTIONS = {"Deny": "deny", "Warn": "warn", "Audit": "dryrun"}
_KINDS = (
    ("", ("Pod", "PodTemplate", "ReplicationController")),
    ("apps", ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")),
    ("batch", ("Job", "CronJob")),
)
_PARAMETERS = {
    "type": "object",
    "properties": {
        "digests": {
            "description": "Every digest that may run, with the image it belongs to.",
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
    },
}


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return template and constraint; raise :class:`UsageError` for a lock that no constraint holds."""
    digests = {key.replace("-", ":", 1): what for key, what in allowed_digests(lock, asked).items()}
    labels = {"app.kubernetes.io/managed-by": "imagelock"}
    template = {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": _KIND.lower(), "labels": labels},
        "spec": {
            "crd": {"spec": {"names": {"kind": _KIND}, "validation": {"openAPIV3Schema": _PARAMETERS}}},
            "targets": [
                {
                    "target": "admission.k8s.gatekeeper.sh",
                    "code": [{"engine": "K8sNativeValidation", "source": _source(asked)}],
                }
            ],
        },
    }
    constraint = {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": _KIND,
        "metadata": {
            "name": checked(asked.one("name") or "imagelock", "--name", NAME),
            "labels": labels,
        },
        "spec": {
            "enforcementAction": _ACTIONS[asked.one("action") or "Deny"],
            "match": _match(asked),
            "parameters": {"digests": digests},
        },
    }
    written = documents([template, constraint])
    if len(written) > _MOST:
        raise UsageError(
            f"{len(digests)} digests are more than one constraint can hold",
            hint="use `imagelock export admission`, or `imagelock cluster watch --webhook`",
        )
    return written


def _match(asked: ExportOptions) -> dict[str, Any]:
    """Return what is judged; the options are checked as the admission policy checks them."""
    chosen = selector(asked)
    only, never = asked.all("namespace"), asked.all("exclude-namespace")
    names = {"namespaces": list(only)} if only else {"excludedNamespaces": list(never)} if never else {}
    labels = {"namespaceSelector": {"matchLabels": chosen["matchLabels"]}} if "matchLabels" in chosen else {}
    return {
        "scope": "Namespaced",
        "kinds": [{"apiGroups": [group], "kinds": list(kinds)} for group, kinds in _KINDS],
        **names,
        **labels,
    }


def _source(asked: ExportOptions) -> dict[str, Any]:
    """Return the rules, which are those of the API server's own policy."""
    pod, *others = variables(exemptions(asked), "variables.params.digests")
    # A deletion has no object; what is deleted is not judged.
    guarded = Variable(pod.name, f"request.operation == 'DELETE' ? {{}} : {pod.expression}")
    fields = rule_fields([guarded, *others], validations(None, 0))
    return {
        "failurePolicy": "Fail" if asked.one("action") == "Deny" else "Ignore",
        "variables": fields["variables"],
        "validations": [
            {key: value for key, value in rule.items() if key != "reason"} for rule in fields["validations"]
        ],
    }
