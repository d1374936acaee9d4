"""What is printed holds words from files: none of it is a command of a CI runner."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from imagelock.report.style import without_commands
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

COMMAND = re.compile(r"^[ \t]*::|##\[|##vso\[", re.MULTILINE)


@pytest.mark.parametrize(
    "text", ["::set-output name=a::b", "  ::error::x", "a\n::add-mask::x", "x ##[error]y", "##vso[task.x]"]
)
def test_a_command_is_broken_by_a_backslash(text: str) -> None:
    assert COMMAND.search(text)
    safe = without_commands(text)
    assert not COMMAND.search(safe)
    assert safe.replace("\\", "") == text


@pytest.mark.parametrize("text", ["a::b", "# title", "std::string", "a.yaml:3:5", ""])
def test_other_text_is_as_it_was(text: str) -> None:
    assert without_commands(text) == text


@pytest.mark.parametrize("command", ["scan", "check", "lock", "pin", "unpin", "why quay.io/acme/app:1"])
def test_file_names_are_no_commands_in_any_output(world: World, command: str) -> None:
    world.push("quay.io/acme/app:1")
    world.write("::set-env name=A::b/::add-mask::x.yaml", deployment("quay.io/acme/app:1"))
    world.write("##vso[task.setvariable]x/a.yaml", deployment("quay.io/acme/app:1", "Broken Image::"))
    world.run("lock", "--keep-going")
    result = world.run(*command.split(" ", 1))
    assert not COMMAND.search(result.out + result.err), result
