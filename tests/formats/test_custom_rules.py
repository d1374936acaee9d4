"""The user's own rules: paths and expressions for places that no format knows."""

from __future__ import annotations

import pytest

from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Damaged, Place
from imagelock.model.rule import ScanRule

DIGEST = Digest.of(b"an image")
KAFKA = "apiVersion: acme.example/v1\nkind: Kafka\nmetadata: {name: a, namespace: b}\nspec:\n  kafka: {image: a/b:1}\n  more:\n  - {ref: c/d:1}\n  - {ref: e/f:1}\n"
TEXT = "IMAGE_A=a/b:1\nIMAGE_B=c/d:1 # image a/b:1\n"


def _references(content: str, *rules: ScanRule, path: str = "a.yaml") -> list[str]:
    return [str(item.reference) for item in find(Text(path, content), rules=rules) if isinstance(item, Place)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (ScanRule(path="spec.kafka.image"), ["a/b:1"]),
        (ScanRule(path="spec.more[].ref"), ["c/d:1", "e/f:1"]),
        (ScanRule(path="spec.kafka.image", kind="Kafka"), ["a/b:1"]),
        (ScanRule(path="spec.kafka.image", kind="Web"), []),
        (ScanRule(path="spec.kafka.image", name="a", namespace="b", group="acme.example"), ["a/b:1"]),
        (ScanRule(path="spec.kafka.image", group="other.example"), []),
        (ScanRule(path="spec.nothing.image"), []),
        (ScanRule(path="spec.kafka"), []),
    ],
)
def test_a_path_leads_to_its_scalars_in_the_objects_it_means(rule: ScanRule, expected: list[str]) -> None:
    assert _references(KAFKA, rule) == expected


def test_an_expression_finds_in_text_that_no_format_reads() -> None:
    rule = ScanRule(regex=r"^IMAGE_\w+=(?P<image>\S+)")
    assert _references(TEXT, rule, path="env.sh") == ["a/b:1", "c/d:1"]
    text = Text("env.sh", TEXT)
    places = [item for item in find(text, rules=[rule]) if isinstance(item, Place)]
    wanted = [(place, place.reference.with_digest(DIGEST)) for place in places]
    pinned = fill(text, wanted, [rule])
    assert pinned == f"IMAGE_A=a/b:1@{DIGEST}\nIMAGE_B=c/d:1@{DIGEST} # image a/b:1\n"


def test_what_two_rules_or_a_format_find_is_one_place() -> None:
    rule = ScanRule(regex=r"(?P<image>[a-z]/[a-z]:1)")
    assert _references(TEXT, rule, rule, path="env.sh") == ["a/b:1", "c/d:1", "a/b:1"]
    assert _references("FROM a/b:1\n# c/d:1\n", rule, path="Dockerfile") == ["a/b:1", "c/d:1"]


def test_what_a_rule_leads_to_and_is_no_reference_is_damage() -> None:
    found = find(Text("env.sh", "IMAGE=Not-One\n"), rules=[ScanRule(regex=r"IMAGE=(?P<image>\S+)")])
    assert [type(item) for item in found] == [Damaged]


@pytest.mark.timeout(120)
def test_many_matches_are_no_square() -> None:
    rule = ScanRule(regex=r"(?P<image>a/b:1)")
    assert len(_references("FROM a/b:1\n# a/b:1\n" * 10_000, rule, path="Dockerfile")) == 20_000
