"""``olm env``: print the generated variables of catalogs, or explain such variables."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import yaml

from imagelock.errors import InvalidValueError, UsageError
from imagelock.model import strictjson
from imagelock.model.olm import EDITOR_PREFIX, ENCODED_PREFIX, PREFIX, Catalog, decode_name, decode_sample
from imagelock.model.outcome import Outcome
from imagelock.model.reference import Reference
from imagelock.ops.olm.catalog_images import CatalogUses, listed
from imagelock.ops.olm.catalogs import catalog_uses
from imagelock.ops.scan.collect import collect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagelock.model.lock import Lock
    from imagelock.ops.project import Project


@dataclass(frozen=True, slots=True)
class Variable:
    """One generated variable, and the reference it stands for."""

    name: str
    value: str
    image: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one variable of a running environment says; ``image`` is None where it cannot be determined."""

    name: str
    value: str
    image: str | None
    remark: str | None = None


def generated_variables(
    project: Project, lock: Lock, sources: Sequence[str], labels: Sequence[str]
) -> tuple[tuple[Variable, ...], Outcome]:
    """Return the variables of the configured catalogs, or of these sources under one label.

    Raises :class:`UsageError` for labels that nothing has.
    """
    read = _catalogs(project, lock, sources, labels)
    collection = replace(collect(project, sources), files=()) if sources else collect(project)
    images, findings = listed(read, collection, lock, project.config.olm.base32)
    found = tuple(
        Variable(variable.name, variable.value, str(variable.item.origin))
        for catalog in images
        for variable in catalog.variables
    )
    summary = {"catalogs": len(images), "variables": len(found), "failed": len(findings)}
    return found, Outcome(command="olm-env", findings=tuple(findings), summary=summary)


def _catalogs(
    project: Project, lock: Lock, sources: Sequence[str], labels: Sequence[str]
) -> list[CatalogUses]:
    if sources:
        if len(labels) != 1:
            raise UsageError(
                "the sources are one catalog: give one label for it", hint="--label plugin_registry_image"
            )
        return [CatalogUses(Catalog(label=labels[0]), tuple(collect(project, sources).all_uses))]
    configured = project.config.olm.catalogs
    unknown = [label for label in labels if label not in {item.label for item in configured}]
    if unknown:
        raise UsageError(f"no [[olm.catalog]] has the label {unknown[0]}")
    if not configured:
        raise UsageError(
            "there is no catalog", hint="configure [[olm.catalog]], or name a source and --label"
        )
    return [catalog_uses(project, item, lock) for item in configured if not labels or item.label in labels]


def as_env(found: Iterable[Variable]) -> str:
    """Return ``NAME=VALUE`` lines."""
    return "".join(f"{item.name}={item.value}\n" for item in found)


def as_yaml(found: Iterable[Variable]) -> str:
    """Return a list as a container's ``env`` takes it."""
    items = [{"name": item.name, "value": item.value} for item in found]
    return yaml.safe_dump(items, sort_keys=False, width=1 << 16) if items else "[]\n"


def as_json(found: Iterable[Variable], outcome: Outcome) -> str:
    """Return the document of ``-o json``."""
    document = {
        "schema": "imagelock/olm-env/v1",
        "variables": [{"name": item.name, "value": item.value, "image": item.image} for item in found],
        "findings": [
            {"code": item.code, "name": item.name, "level": str(item.level.value), "message": item.message}
            for item in outcome.findings
        ],
        "summary": outcome.summary,
    }
    return json.dumps(document, indent=2) + "\n"


def read_environment(text: str) -> dict[str, str]:
    """Read ``NAME=VALUE`` lines, or JSON: an object, or a container's list of ``name`` and ``value``."""
    if text.lstrip()[:1] not in ("{", "["):
        pairs = (line.partition("=") for line in text.splitlines())
        return {name: value for name, equals, value in pairs if equals}
    try:
        document = strictjson.loads(text)
    except InvalidValueError as error:
        raise UsageError(f"not an environment: {error.message}") from error
    items = (
        document.items()
        if isinstance(document, dict)
        else ((item.get("name"), item.get("value")) for item in document if isinstance(item, dict))
        if isinstance(document, list)
        else ()
    )
    return {str(name): str(value or "") for name, value in items if name is not None}


def meanings(environ: dict[str, str]) -> tuple[Meaning, ...]:
    """Explain every variable that names a related image, by name."""
    return tuple(_meaning(name, environ[name]) for name in sorted(environ) if name.startswith(PREFIX))


def _meaning(name: str, value: str) -> Meaning:
    try:
        reference = Reference.parse(value)
    except InvalidValueError as error:
        return Meaning(name, value, None, error.message)
    decoded = decode_name(name)
    if decoded is None:
        is_editor = name.startswith(EDITOR_PREFIX)
        remark = "for an editor's component" if is_editor else "not generated: its name has no tag"
        return Meaning(name, value, str(reference), remark)
    if decoded.digest is not None:
        same = decoded.digest == str(reference.digest)
        return Meaning(
            name, value, str(reference), "came with its digest" if same else "its name has a different digest"
        )
    if reference.digest is None:
        return Meaning(name, value, str(reference), "has no digest")
    image = decode_sample(name) if name.startswith(ENCODED_PREFIX) else None
    return Meaning(name, value, str(image or reference.with_tag(decoded.tag)))


def as_words(found: Iterable[Meaning]) -> str:
    """Return one line for each variable: what it stands for, and the digest."""
    lines = []
    for item in found:
        words = [item.name, item.image or "-", item.value.partition("@")[2] or "-"]
        lines.append("\t".join([*words, *([item.remark] if item.remark else [])]))
    return "".join(f"{line}\n" for line in lines)
