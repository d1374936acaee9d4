"""What an API server does with an admission policy: its checks of the objects, and its CEL.

The CEL is evaluated by cel-python, with the strings functions of cel-go's ``ext.Strings`` (version 2)
that it lacks.  The structural checks are those of Kubernetes' ``ValidateValidatingAdmissionPolicy`` and
``ValidateConfigMap``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import celpy
import yaml
from celpy import celtypes
from celpy.adapter import json_to_cel
from kubernetes import client

Json = dict[str, Any]
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_RESERVED = {
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
}
_RESERVED |= {"import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}
MATCHES_NOTHING = {
    "namespaceSelector": {
        "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "DoesNotExist"}]
    }
}
_CONFIG_MAP_BYTES = 1024 * 1024


def _substring(text: Any, start: Any, end: Any = None) -> celtypes.StringType:
    value = str(text)
    last = len(value) if end is None else int(end)
    assert 0 <= int(start) <= last <= len(value), "cel-go refuses an index outside of the string"
    return celtypes.StringType(value[int(start) : last])


FUNCTIONS: dict[str, Any] = {
    "substring": _substring,
    "lastIndexOf": lambda text, part: celtypes.IntType(str(text).rfind(str(part))),
    "replace": lambda text, old, new: celtypes.StringType(str(text).replace(str(old), str(new))),
    # cel-python's own does not take what its string concatenation gives.
    "contains": lambda text, part: celtypes.BoolType(str(part) in str(text)),
    "join": lambda items, mark: celtypes.StringType(str(mark).join(str(item) for item in items)),
}


@lru_cache(maxsize=256)
def _program(expression: str) -> Any:
    environment = celpy.Environment()
    return environment.program(environment.compile(expression), functions=FUNCTIONS)


def _evaluate(expression: str, activation: Json) -> Any:
    return _program(expression).evaluate(activation)


@dataclass(frozen=True)
class Request:
    """One write to the API server."""

    object: Json
    old: Json | None = None
    namespace: str = "shop"

    @property
    def activation(self) -> Json:
        operation = "CREATE" if self.old is None else "UPDATE"
        kind = {"group": "", "version": "v1", "kind": self.object["kind"]}
        request = {"operation": operation, "namespace": self.namespace, "kind": kind}
        # The API server converts native types without what they do not know of themselves: their kind.
        bare = {key: value for key, value in self.object.items() if key not in ("kind", "apiVersion")}
        return {
            "object": json_to_cel(bare),
            "oldObject": json_to_cel(self.old),
            "request": json_to_cel(request),
        }


class Admission:
    """The objects of one export, applied in their order."""

    def __init__(self, text: str) -> None:
        self.documents: list[Json] = list(yaml.safe_load_all(text))
        self.maps = {item["metadata"]["name"]: item for item in self._of("ConfigMap")}
        self.bindings = self._of("ValidatingAdmissionPolicyBinding")
        (self.policy,) = self._of("ValidatingAdmissionPolicy")
        for item in self.documents:
            check_fields(item, f"V1{item['kind']}")
        for item in self.maps.values():
            _check_config_map(item)
        _check_policy(self.policy)
        for item in self.bindings:
            _check_binding(item, self.policy)

    def _of(self, kind: str) -> list[Json]:
        return [item for item in self.documents if item["kind"] == kind]

    def refusals(self, request: Request, *, missing: str | None = None) -> list[str]:
        """Return the messages of every rule that is not kept; ``missing`` is a ConfigMap to leave out."""
        messages = []
        for binding in self.bindings:
            if binding["spec"].get("matchResources") is not None:
                assert binding["spec"]["matchResources"] == MATCHES_NOTHING
                continue
            if "paramKind" not in self.policy["spec"]:
                # Without a kind of parameters the API server looks none up, whatever a binding says.
                messages += self._evaluated(request, {})
                continue
            name = binding["spec"]["paramRef"]["name"]
            if name == missing:
                if binding["spec"]["paramRef"]["parameterNotFoundAction"] == "Deny":
                    messages.append("no params found")
                continue
            messages += self._evaluated(request, self.maps[name])
        return messages

    def _evaluated(self, request: Request, params: Json) -> list[str]:
        return _refusals(self.policy["spec"], {**request.activation, "params": json_to_cel(params)}, {})


def cel_refusals(source: Json, request: Request, parameters: Json, operation: str | None = None) -> list[str]:
    """Return what Gatekeeper's CEL engine says: parameters are the variable ``params``, a deletion has no object."""
    known = dict(request.activation)
    if operation is not None:
        known["request"] = json_to_cel({"operation": operation, "namespace": request.namespace})
        known["object"] = None
    return _refusals(source, known, {"params": json_to_cel(parameters)})


def _refusals(spec: Json, activation: Json, given: Json) -> list[str]:
    known = dict(activation)
    variables = celtypes.MapType({celtypes.StringType(name): value for name, value in given.items()})
    for item in spec["variables"]:
        known["variables"] = variables
        variables[celtypes.StringType(item["name"])] = _evaluate(item["expression"], known)
    known["variables"] = variables
    messages = []
    for item in spec["validations"]:
        result = _evaluate(item["expression"], known)
        assert isinstance(result, celtypes.BoolType)
        if not result:
            message = str(_evaluate(item["messageExpression"], known))
            messages.append(message if len(message.encode()) <= 5 * 1024 else item["message"])
    return messages


def check_fields(item: Json, model: str) -> None:
    """Check that the API has every field, by the official client's models."""
    kind: Any = getattr(client, model)
    names = {field: name for name, field in kind.attribute_map.items()}
    for field, value in item.items():
        assert field in names, f"{model} has no {field}"
        inner = re.sub(r"(?i)^list\[(\w+)\]$", r"\1", kind.openapi_types[names[field]])
        if hasattr(client, inner):
            for one in value if isinstance(value, list) else [value]:
                check_fields(one, inner)


def _check_name(item: Json) -> None:
    name = item["metadata"]["name"]
    assert _SUBDOMAIN.fullmatch(name)
    assert len(name) <= 253
    for value in item["metadata"].get("labels", {}).values():
        assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value)


def _check_config_map(item: Json) -> None:
    _check_name(item)
    assert item["apiVersion"] == "v1"
    assert all(_KEY.fullmatch(key) for key in item["data"])
    assert all(isinstance(value, str) for value in item["data"].values())
    assert sum(len(key) + len(value) for key, value in item["data"].items()) < _CONFIG_MAP_BYTES


def _check_policy(item: Json) -> None:
    _check_name(item)
    spec = item["spec"]
    assert item["apiVersion"] == "admissionregistration.k8s.io/v1"
    assert set(spec) - {"paramKind"} == {"failurePolicy", "matchConstraints", "variables", "validations"}
    assert spec["failurePolicy"] in ("Fail", "Ignore")
    assert spec["matchConstraints"]["resourceRules"]
    seen: set[str] = set()
    for variable in spec["variables"]:
        assert _IDENTIFIER.fullmatch(variable["name"])
        assert variable["name"] not in _RESERVED
        used = set(re.findall(r"variables\.(\w+)", variable["expression"]))
        assert used <= seen, "a variable may use only those before it"
        seen.add(variable["name"])
    for rule in spec["validations"]:
        assert rule["message"].strip()
        assert "\n" not in rule["message"]
        assert rule["reason"] in ("Unauthorized", "Forbidden", "Invalid", "RequestEntityTooLarge")
        assert set(re.findall(r"variables\.(\w+)", rule["expression"] + rule["messageExpression"])) <= seen
        assert "authorizer" not in rule["messageExpression"]


def _check_binding(item: Json, policy: Json) -> None:
    _check_name(item)
    spec = item["spec"]
    assert item["apiVersion"] == policy["apiVersion"]
    assert spec["policyName"] == policy["metadata"]["name"]
    if "paramRef" in spec:
        assert set(spec["paramRef"]) == {"name", "namespace", "parameterNotFoundAction"}
        assert spec["paramRef"]["parameterNotFoundAction"] in ("Allow", "Deny")
    else:
        assert "paramKind" not in policy["spec"] or spec["matchResources"] == MATCHES_NOTHING
    actions = spec["validationActions"]
    assert actions
    assert set(actions) <= {"Deny", "Warn", "Audit"}
    assert not {"Deny", "Warn"} <= set(actions)
