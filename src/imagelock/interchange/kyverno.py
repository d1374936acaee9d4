"""A Kyverno ValidatingPolicy that lets a cluster run only the lock's digests.

Kyverno's ImageValidatingPolicy is for signatures: its ``attestors`` are required, and it asks the registry of
every image.  To compare digests with a list its ValidatingPolicy is the right kind: it takes the same CEL as a
ValidatingAdmissionPolicy, and adds reports on what runs already.  The digests are in the policy itself.
Follows policies.kyverno.io/v1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.interchange.admission_cel import validations, variables
from imagelock.interchange.admission_scope import (
    ACTION,
    CHOICE,
    NAME,
    SCOPE,
    allowed_digests,
    checked,
    exemptions,
    match_constraints,
    rule_fields,
    selector,
)
from imagelock.interchange.base import Option
from imagelock.interchange.mirrors import documents
from imagelock.limits import KIB

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "kyverno"
summary = "a Kyverno ValidatingPolicy with the lock's digests"
is_marked = True
options: tuple[Option, ...] = (
    ACTION,
    *SCOPE,
    *CHOICE,
    Option(
        name="api-version",
        help="The version of Kyverno's API; Kyverno 1.14 has v1alpha1 alone.",
        default=("v1",),
        choices=("v1", "v1beta1", "v1alpha1"),
    ),
    Option(name="name", help="The name of the policy.", metavar="NAME", default=("imagelock",)),
)
_MOST = 900 * KIB


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the policy; raise :class:`UsageError` for a lock that no object holds."""
    known = [key.replace("-", ":", 1) for key in allowed_digests(lock, asked)]
    action = asked.one("action") or "Deny"
    policy = {
        "apiVersion": f"policies.kyverno.io/{asked.one('api-version') or 'v1'}",
        "kind": "ValidatingPolicy",
        "metadata": {
            "name": checked(asked.one("name") or "imagelock", "--name", NAME),
            "labels": {"app.kubernetes.io/managed-by": "imagelock"},
        },
        "spec": {
            "validationActions": [action],
            "failurePolicy": "Fail" if action == "Deny" else "Ignore",
            # The expressions look into workloads themselves: rules made for them by Kyverno would judge twice.
            "autogen": {"podControllers": {"controllers": []}},
            "evaluation": {"admission": {"enabled": True}, "background": {"enabled": True}},
            "matchConstraints": match_constraints(selector(asked)),
            **rule_fields(variables(exemptions(asked), known), validations(None, 0)),
        },
    }
    text = documents([policy])
    if len(text) > _MOST:
        raise UsageError(
            f"{len(known)} digests are more than one policy can hold",
            hint="use `imagelock export admission`, or `imagelock cluster watch --webhook`",
        )
    return text
