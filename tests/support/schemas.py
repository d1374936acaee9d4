"""Check what imagelock prints against the schemas that it publishes."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema

from imagelock.schemas import schema_text


@cache
def validator(name: str) -> jsonschema.Draft7Validator:
    """Return the validator of one published schema, which must be a schema itself."""
    schema = json.loads(schema_text(name))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def problems(name: str, document: Any) -> list[str]:
    """Return what is wrong with a document, each with its path."""
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in validator(name).iter_errors(document)
    ]
