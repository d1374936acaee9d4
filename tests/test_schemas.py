"""The published schemas say what the readers take, no key more and no key less."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imagelock.config_reader import parse_config
from imagelock.errors import ConfigError
from imagelock.lockfile.reader import parse_lock
from imagelock.model.digest import Digest
from imagelock.model.toml_table import Table
from imagelock.schemas import SCHEMAS, schema_text
from support.schemas import problems
from support.world import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.world import World

ROOT = Path(__file__).parent.parent
DIGEST = str(Digest.of(b"x"))

WHOLE_CONFIG = """
[scan]
sources = ["."]
max-file-size = "64 MiB"
[[scan.rule]]
path = "spec.image"
[lock]
platforms = ["linux/amd64"]
[[pin.rule]]
form = "name@digest"
files = "deploy/**"
[[olm.catalog]]
label = "plugins"
source = "plugins.txt"
[olm]
related-images = true
[[mirror.select]]
name = "quay.io/team/app"
tags = "semver:>=1.2 <2"
newest = 3
[[tags.rule]]
suffix = "-v1"
[registries."quay.io"]
mirrors = ["https://mirror.example.com", { url = "https://other.example.com", resolve = false }]
[[registries."quay.io".alternates]]
match = "quay.io/(.*)"
to = "localhost:5000/$1"
[[exempt]]
image = "quay.io/a/b"
reason = "built elsewhere"
expires = 2030-01-31
[[exempt]]
files = ["dev/**"]
reason = "never deployed"
[[helm]]
chart = "charts/app"
"""
"""One of each table, so that the reader asks for every key there is."""

WHOLE_LOCK = f"""
version = 1
[[image]]
name = "quay.io/a/b"
tag = "1"
digest = "{DIGEST}"
platforms = [{{ platform = "linux/amd64", digest = "{DIGEST}" }}]
source = {{ from = "list.txt" }}
"""


def plain(value: Any) -> Any:
    """Return TOML's values as JSON's: a date is a text there."""
    return json.loads(json.dumps(value, default=str))


def asked_keys(monkeypatch: pytest.MonkeyPatch, read: Any) -> set[str]:
    """Return the path of every key that a reader asks for; an item of a list and a host are ``*``."""
    asked: set[str] = set()
    optional = Table.optional

    def spy(self: Table, name: str, kind: Any) -> Any:
        asked.add(
            re.sub(r"\[\d+\]", "", re.sub(r'^registries\.("?)quay\.io\1', "registries.*", self.key(name)))
        )
        return optional(self, name, kind)

    monkeypatch.setattr(Table, "optional", spy)
    read()
    return asked


def schema_keys(schema: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every key that a schema names."""
    for key, inner in schema.get("properties", {}).items():
        yield f"{path}{key}"
        yield from schema_keys(inner, f"{path}{key}.")
    if isinstance(schema.get("additionalProperties"), dict):
        yield f"{path}*"
        yield from schema_keys(schema["additionalProperties"], f"{path}*.")
    for inner in (*filter(None, [schema.get("items")]), *schema.get("oneOf", ())):
        yield from schema_keys(inner, path)


@pytest.mark.parametrize(
    ("name", "text"), [("config", WHOLE_CONFIG), ("lock", WHOLE_LOCK)], ids=["config", "lock"]
)
def test_a_schema_has_the_keys_that_the_reader_asks_for(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read() -> object:
        return parse_config(text, "c", trusted=True) if name == "config" else parse_lock(text, "l")

    assert asked_keys(monkeypatch, read) == set(schema_keys(json.loads(schema_text(name))))


def test_the_whole_configuration_and_the_whole_lock_are_valid() -> None:
    assert problems("config", plain(tomllib.loads(WHOLE_CONFIG))) == []
    assert problems("lock", tomllib.loads(WHOLE_LOCK)) == []


def configurations() -> list[str]:
    """Return the configurations that the documentation shows."""
    pages = [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    samples = [
        block for page in pages for block in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)
    ]
    return [block for block in samples if "[[image]]" not in block and "[" in block]


@pytest.mark.parametrize("text", configurations())
def test_configurations_of_the_documentation_are_valid(text: str) -> None:
    document = tomllib.loads(text)
    document = document.get("tool", {}).get("imagelock", document)
    if set(document) <= set(json.loads(schema_text("config"))["properties"]):
        assert problems("config", plain(document)) == []


@pytest.mark.parametrize(
    "text",
    [
        "scann = 1",
        "[scan]\nsource = ['.']",
        "[pin]\nform = 'digest'",
        "[[exempt]]\nimage = 'a'",
        "[[scan.rule]]\nkind = 'Pod'",
        "[[olm.catalog]]\nlabel = 'x'",
        "[registries.'a.b']\nkey = 'k.pem'",
        "[scan]\nmax-file-size = '1 TB'",
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_config(text, "imagelock.toml", trusted=True)
    assert problems("config", plain(tomllib.loads(text)))


def test_a_lock_that_was_written_is_valid(world: World) -> None:
    world.push("quay.io/acme/app:1")
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    world.configure('[lock]\nplatforms = ["linux/amd64"]')
    assert world.run("lock").code == 0
    assert problems("lock", tomllib.loads(world.read("images.lock"))) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_command_prints_each_schema(world: World, name: str) -> None:
    result = world.run_plain("schema", name)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == json.loads(schema_text(name))


def test_an_output_of_the_wrong_shape_is_refused() -> None:
    good = {"schema": "imagelock/check/v1", "changes": [], "findings": [], "summary": {}}
    assert problems("output", good) == []
    for wrong in (
        {**good, "schema": "imagelock/check/v9"},
        {**good, "findings": [{"code": "IL101"}]},
        {key: value for key, value in good.items() if key != "summary"},
        {**good, "changes": [{"reference": "a", "before": 1, "after": None}]},
    ):
        assert problems("output", wrong)
