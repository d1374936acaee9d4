"""Write a man page for imagelock and for each of its commands, from the same help that the terminal shows.

    python3 tools/man.py FOLDER

Follows man-pages(7) and groff_man(7): one page a command, `imagelock-lock.1` for `imagelock lock`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagelock import __version__
from imagelock.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EXIT_STATUS = (
    ("0", "everything is as it should be"),
    ("1", "findings"),
    ("2", "wrong usage, or a file, lock or configuration that cannot be read"),
    ("3", "could not tell: a registry or cluster did not answer"),
)


def pages(command: click.Command, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every page."""
    context = click.Context(command, info_name=command.name if parent else "imagelock", parent=parent)
    inner = {}
    if isinstance(command, click.Group):
        found = ((name, command.get_command(context, name)) for name in command.list_commands(context))
        inner = {name: item for name, item in found if item is not None and not item.hidden}
    yield context.command_path.replace(" ", "-"), page(context, inner)
    for item in inner.values():
        yield from pages(item, context)


def page(context: click.Context, inner: Mapping[str, click.Command]) -> str:
    """Return one page as roff."""
    command, name = context.command, context.command_path.replace(" ", "-")
    lines = [
        f'.TH "{name.upper()}" "1" "" "imagelock {__version__}" "imagelock"',
        ".SH NAME",
        f"{name} \\- {escaped(_first_sentence(command))}",
        ".SH SYNOPSIS",
        f".B {escaped(context.command_path)}",
        escaped(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *description(command.help or ""),
    ]
    options = (item for item in command.get_params(context) if isinstance(item, click.Option))
    records = (item.get_help_record(context) for item in options)
    lines += section("OPTIONS", [record for record in records if record is not None])
    lines += section("COMMANDS", [(item, _first_sentence(found)) for item, found in inner.items()])
    lines += section("EXIT STATUS", _EXIT_STATUS)
    if context.parent is not None:
        lines += [".SH SEE ALSO", f".BR {escaped(context.parent.command_path.replace(' ', '-'))} (1)"]
    return "".join(f"{line}\n" for line in lines)


def description(text: str) -> Iterator[str]:
    """Yield a help text as paragraphs; what stands below a line of a backslash and a b keeps its lines."""
    for number, paragraph in enumerate(text.replace("\\b", "\b").strip().split("\n\n")):
        lines = [line.removeprefix("\b") for line in paragraph.split("\n")]
        is_kept = paragraph.lstrip().startswith("\b")
        if number:
            yield ".PP"
        if is_kept:
            yield from (".nf", *(escaped(line) for line in lines if line), ".fi")
        else:
            yield escaped(" ".join(line.strip() for line in lines))


def section(title: str, items: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> Iterator[str]:
    """Yield a section of terms and what each means; none at all where there are no terms."""
    if items:
        yield f".SH {title}"
    for term, meaning in items:
        yield from (".TP", f"\\fB{escaped(term)}\\fR", escaped(" ".join(meaning.split())))


def escaped(text: str) -> str:
    """Return text that roff prints as it is."""
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def _first_sentence(command: click.Command) -> str:
    text = " ".join((command.short_help or command.help or "").split("\n\n", maxsplit=1)[0].split())
    return text.partition(". ")[0].rstrip(".")


def write(folder: Path) -> int:
    """Write every page into a folder and return how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    written = dict(pages(cli))
    for name, text in written.items():
        (folder / f"{name}.1").write_text(text, encoding="utf-8")
    return len(written)


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1]))} man pages in {sys.argv[1]}")
