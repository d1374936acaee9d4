"""``imagelock schema``: the JSON Schemas of configuration, lock and JSON output."""

from __future__ import annotations

import sys

import click

from imagelock.cli.common import CONTEXT
from imagelock.schemas import SCHEMAS, schema_text

_LIST = "".join(f"  {name:<8}{what}\n" for name, what in SCHEMAS.items())


@click.command("schema", context_settings=CONTEXT)
@click.argument("name", type=click.Choice(list(SCHEMAS)), metavar="NAME")
def command(name: str) -> None:
    """Print a JSON Schema (draft-07), for editors and for programs that read what imagelock writes."""
    sys.stdout.write(schema_text(name))


command.help = f"""{command.help}

\b
Names:
{_LIST}
\b
Examples:
  imagelock schema config > imagelock.schema.json
  imagelock scan -o json | check-jsonschema --schemafile <(imagelock schema output) -
"""
