"""Lines of a configuration: an error names the line that a person has to change."""

from __future__ import annotations

import pytest

from imagelock.model.toml_lines import line_of

TEXT = """\
# why
[scan]
sources = [
    "a",
]
  exlude = ["b"]

[[scan.rule]]
path = "x"
[[ scan.rule ]]  # the second
regex = "y"

[registries."quay.io"]
mirrors = [{ url = "a", x = 1 }]
'a b'.c = 1
[[olm.catalog]]
[[olm.catalog.part]]
one = 1
[[olm.catalog]]
[[olm.catalog.part]]
[[olm.catalog.part]]
two = 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("scan", 2),
        ("scan.sources", 3),
        ("scan.sources[1]", 3),
        ("scan.exlude", 6),
        ("scan.rule[0]", 8),
        ("scan.rule[0].path", 9),
        ("scan.rule[1]", 10),
        ("scan.rule[1].regex", 11),
        ("scan.rule[1].kind", 10),
        ("registries.quay.io", 13),
        ("registries.quay.io.mirrors[0].x", 14),
        ("registries.quay.io.ab.c", 15),
        ("olm.catalog[0].part[0].one", 18),
        ("olm.catalog[1]", 19),
        ("olm.catalog[1].part[1].two", 22),
        ("nothing", None),
        ("", None),
    ],
)
def test_a_path_has_the_line_it_is_written_in_or_that_of_its_table(path: str, line: int | None) -> None:
    assert line_of(TEXT, path) == line
