"""The table of variables: where each tool writes the value of one, and how others mention it.

A row says where values stand (a pattern on the steps down to them), what a mention looks like, and which
part of the document the name is valid in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from imagelock.formats.sharing.leaves import value_of
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from imagelock.formats.sharing.leaves import Leaf
    from imagelock.formats.syntax.tree import RawNode


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A name with a value in a document, and the part of the file that it is valid in.

    ``scope`` is the mapping that it is valid in, ``template`` the name of one; without both it is the whole file.
    """

    what: str
    name: str
    mention: re.Pattern[str]
    scope: RawNode | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Syntax:
    """How one format writes variables: ``variable_of`` says which one a scalar is the value of."""

    format: str
    variable_of: Callable[[Leaf], Variable | None]
    harmless: Callable[[Leaf], bool]


def _named(raw: RawNode | None) -> str:
    name = value_of(raw, "name")
    return name.value if isinstance(name, yaml.ScalarNode) else ""


def _holder_of(leaf: Leaf, key: str) -> RawNode | None:
    """Return the mapping in which the innermost of these keys is, on the way to a scalar."""
    at = max((i for i, step in enumerate(leaf.steps) if step == key), default=None)
    return None if at is None else leaf.holders[at]


def _key_behind(leaf: Leaf, key: str) -> str:
    """Return the step behind the innermost of these keys."""
    at = max((i for i, step in enumerate(leaf.steps) if step == key), default=-1)
    return str(leaf.steps[at + 1]) if 0 <= at < len(leaf.steps) - 1 else ""


def _never(_: Leaf) -> bool:
    return False


def _is_described(leaf: Leaf) -> bool:
    return leaf.steps[-1:] == ("description",)


_GITLAB = lazy_regex(r"\$(?:env:)?\{?(?P<name>[A-Za-z_]\w*)")
_GITLAB_INPUT = lazy_regex(r"\$\[\[\s*inputs\.(?P<name>[\w-]+)")
_OWN_VARIABLES = "variables"


def _gitlab(leaf: Leaf) -> Variable | None:
    steps = leaf.steps
    if steps[:2] == ("spec", "inputs") and len(steps) == 4 and steps[3] == "default":
        return Variable("the input", str(steps[2]), _GITLAB_INPUT)
    for key in (_OWN_VARIABLES, "matrix"):
        if key in steps:
            at = steps.index(key)
            job = steps[0] if at else ""
            rest = [step for step in steps[at + 1 :] if not isinstance(step, int)]
            if rest and rest[1:] in ([], ["value"]):
                scope = leaf.holders[1] if job and not str(job).startswith(".") else None
                return Variable("the variable", rest[0], _GITLAB, scope)
    return None


_GITHUB = lazy_regex(
    r"\b(?:github\.event\.)?(?P<name>inputs\.[\w-]+|matrix\.[\w.-]+)|\b(?P<other>inputs|matrix)(?=\[|\s*\))"
)


def _github(leaf: Leaf) -> Variable | None:
    steps = leaf.steps
    if "inputs" in steps and steps[-1] == "default":
        return Variable("the input", f"inputs.{_key_behind(leaf, 'inputs')}", _GITHUB)
    if steps[:1] == ("jobs",) and "matrix" in steps:
        rest = [step for step in steps[steps.index("matrix") + 1 :] if not isinstance(step, int)]
        rest = rest[1:] if rest[:1] in (["include"], ["exclude"]) else rest
        if rest:
            return Variable("the matrix value", ".".join(["matrix", *rest]), _GITHUB, leaf.holders[2])
    return None


def _is_shown(leaf: Leaf) -> bool:
    """Whether a text is only shown: the name of a job, a step or a run."""
    last = leaf.steps[-1]
    around = leaf.steps[-2] if len(leaf.steps) > 1 else ""
    return last in ("run-name", "description") or (last == "name" and around not in ("with", "env"))


_TEKTON = lazy_regex(r"\$\((?:inputs\.|tt\.)?params(?:\.|\[[\"'])(?P<name>[\w.-]+?)(?:\[\*\])?(?:[\"']\])?\)")


def _tekton(leaf: Leaf) -> Variable | None:
    if leaf.steps[-1] not in ("default", "value") or leaf.steps[-3:-2] != ("params",):
        return None
    scope = _holder_of(leaf, "params")
    if any(value_of(scope, key) is not None for key in ("taskRef", "pipelineRef")):
        return None
    return Variable("the parameter", _named(leaf.holder), _TEKTON, scope)


_ARGO_ENTRY = lazy_regex(r"\{\{=?[^{}]*?\b(?:inputs|workflow)\.parameters\.(?P<name>[\w-]+)")
_ARGO_INPUT = lazy_regex(r"\{\{=?[^{}]*?\binputs\.parameters\.(?P<name>[\w-]+)")


def _argo(leaf: Leaf) -> Variable | None:
    if leaf.steps[-1] not in ("default", "value") or leaf.steps[-3:-2] != ("parameters",):
        return None
    name = _named(leaf.holder)
    if leaf.steps[-4:-3] == ("inputs",):
        return Variable("the parameter", name, _ARGO_INPUT, _holder_of(leaf, "inputs"))
    called = value_of(_holder_of(leaf, "arguments"), "template")
    if isinstance(called, yaml.ScalarNode):
        return Variable("the parameter", name, _ARGO_INPUT, template=called.value)
    return Variable("the parameter", name, _ARGO_ENTRY)


_CIRCLECI = lazy_regex(r"<<\s*(?:pipeline\.)?parameters\.(?P<name>[\w-]+)\s*>>")


def _circleci(leaf: Leaf) -> Variable | None:
    if "parameters" not in leaf.steps or leaf.steps[-1] != "default":
        return None
    scope = _holder_of(leaf, "parameters") if leaf.steps[0] != "parameters" else None
    return Variable("the parameter", _key_behind(leaf, "parameters"), _CIRCLECI, scope)


_AZURE_PARAMETER = lazy_regex(r"\bparameters\.(?P<name>\w+)")
_AZURE_VARIABLE = lazy_regex(
    r"\$\((?P<name>[\w.]+)\)|\bvariables\.(?P<other>\w+)|\bvariables\[['\"](?P<third>[\w.]+)"
)


def _azure(leaf: Leaf) -> Variable | None:
    steps = leaf.steps
    if steps[0] == "parameters" and steps[-1] == "default":
        name = _named(leaf.holder) if isinstance(steps[1], int) else str(steps[1])
        return Variable("the parameter", name, _AZURE_PARAMETER)
    if _OWN_VARIABLES in steps:
        name = _named(leaf.holder) if steps[-1] == "value" else str(steps[-1])
        scope = _holder_of(leaf, _OWN_VARIABLES) if steps[0] != _OWN_VARIABLES else None
        return Variable("the variable", name, _AZURE_VARIABLE, scope)
    return None


_SUBSTITUTION = lazy_regex(r"\$\{?(?P<name>_\w+)")


def _cloud_build(leaf: Leaf) -> Variable | None:
    is_one = leaf.steps[0] == "substitutions" and len(leaf.steps) == 2
    return Variable("the substitution", str(leaf.steps[1]), _SUBSTITUTION) if is_one else None


_OPENSHIFT = lazy_regex(r"\$\{\{?(?P<name>\w+)\}")


def _openshift(leaf: Leaf) -> Variable | None:
    steps = leaf.steps
    is_one = len(steps) >= 3 and steps[-3] == "parameters" and steps[-1] == "value"
    return Variable("the parameter", _named(leaf.holder), _OPENSHIFT) if is_one else None


SYNTAXES = (
    Syntax("gitlab-ci", _gitlab, _is_described),
    Syntax("github-actions", _github, _is_shown),
    Syntax("tekton", _tekton, _is_described),
    Syntax("argo-workflows", _argo, _never),
    Syntax("circleci", _circleci, _is_described),
    Syntax("azure-pipelines", _azure, _is_described),
    Syntax("cloud-build", _cloud_build, _never),
    Syntax("kubernetes", _openshift, _is_described),
)
