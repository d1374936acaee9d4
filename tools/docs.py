"""Write docs/reference from the code, or with `--check` prove that it and every link is right.

    python tools/docs.py [--check]

The pages are what the code says of itself: the `--help` of each command, the tree of errors, the catalogue
of findings, the tuples of formats.  A check changes nothing, shows what differs and names the command that
mends it.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.testing import CliRunner

from imagelock.errors import ImagelockError
from imagelock.formats.all import DOCUMENT_FORMATS, FILE_FORMATS, LAST_FORMATS, NAMED_FORMATS
from imagelock.model.finding_codes import FINDING_CODES, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from imagelock.formats.base import DocumentFormat, FileFormat
    from imagelock.model.finding_codes import FindingCode

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = "docs/reference"
WIDTH = 100
DIFF_LINES = 40

EXIT_CODES = {
    0: "nothing to say: everything is as it should be",
    1: "findings",
    2: "usage, configuration or file error; nothing was changed",
    3: "could not tell: a registry or cluster is unreachable, refuses, or asks to wait",
    130: "interrupted with Ctrl-C",
    141: "the reader of a pipe went away",
}

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FENCED = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *$", re.MULTILINE)
_ANCHOR = re.compile(r'<a id="(?P<name>[^"]+)">')


# --- Markdown --------------------------------------------------------------------------------------


def prose(text: str) -> str:
    """Return plain words as Markdown that shows them unchanged; what stands in backticks is left alone."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"[*_<\[]", r"\\\g<0>", part) for part in parts[::2]]
    return "`".join(parts)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    escaped = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


# --- the pages -------------------------------------------------------------------------------------


def page(title: str, introduction: str, body: Iterable[str]) -> str:
    """Return a page of blocks, each followed by a blank line, that says where it comes from."""
    sign = "<!-- Made from the code by tools/docs.py. Change the code, then run: make docs -->"
    return "\n\n".join([sign, f"# {title}", introduction, *body]) + "\n"


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words that lead to each command, parents before children, hidden ones left out."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is None:
                raise LookupError(f"listed but not found: imagelock {' '.join((*path, name))}")
            if not child.hidden:
                yield from walk(child, (*path, name))


def help_text(command: click.Command, path: tuple[str, ...]) -> str:
    """Return what a user sees who asks for help, at a fixed width and without colour."""
    result = CliRunner().invoke(
        command,
        [*path, "--help"],
        prog_name="imagelock",
        terminal_width=WIDTH,
        env={"NO_COLOR": "1", "COLUMNS": str(WIDTH)},
    )
    if result.exit_code != 0:
        raise RuntimeError(
            f"imagelock {' '.join((*path, '--help'))} failed: {result.output}"
        ) from result.exception
    return "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())


def commands_page(command: click.Command) -> str:
    """Return the page of the whole command tree."""
    blocks = []
    for path in walk(command):
        level = "#" * min(2 + max(len(path) - 1, 0), 4)
        blocks.append(f"{level} {' '.join(('imagelock', *path))}\n\n```text\n{help_text(command, path)}\n```")
    return page(
        "Commands",
        "Every command with its options, as `--help` prints them. What the exit codes mean stands in\n"
        "[exit-codes.md](exit-codes.md), what the findings mean in [findings.md](findings.md).",
        blocks,
    )


def errors(root: type[ImagelockError]) -> Iterator[type[ImagelockError]]:
    """Yield everything below an error in its own module, parents first."""
    for child in root.__subclasses__():
        if child.__module__ == root.__module__:
            yield child
            yield from errors(child)


def first_line(thing: type) -> str:
    """Return the first paragraph of a docstring as one line."""
    return " ".join((thing.__doc__ or "").strip().partition("\n\n")[0].replace("``", "`").split())


def exit_codes_page(root: type[ImagelockError], kinds: Mapping[str, FindingCode]) -> str:
    """Return the page of exit codes: what each means, which errors and findings lead to it."""
    blocks = [table(("code", "means"), [(str(code), prose(text)) for code, text in EXIT_CODES.items()])]
    for code in sorted({error.exit_code for error in errors(root)}):
        rows = [
            (f"`{error.__name__}`", prose(first_line(error)))
            for error in errors(root)
            if error.exit_code == code
        ]
        blocks += [f"## Errors that end with {code}", table(("error", "means"), rows)]
        found = [k.code for k in kinds.values() if k.exit_code == code and k.level is Level.ERROR]
        if found:
            links = ", ".join(f"[{name}](findings.md#{name.lower()})" for name in found)
            blocks.append(f"Findings that end with {code}: {links}.")
    return page(
        "Exit codes",
        "What a command's exit code says, and what leads to it. With several, 2 wins over 3 and 3 over 1: what\n"
        "could not be asked never looks like fine, nor like a finding. Warnings count only with `--strict`.",
        blocks,
    )


def environment_page(command: click.Command) -> str:
    """Return the page of environment variables: every one that an option is also read from."""
    rows: dict[str, tuple[str, str]] = {}
    for path in walk(command):
        found = command
        for name in path:
            found = found.get_command(click.Context(found), name)  # type: ignore[attr-defined]  # walk goes into groups
        for option in found.params:
            if isinstance(option, click.Option) and isinstance(option.envvar, str):
                rows.setdefault(option.envvar, (option.opts[-1], option.help or ""))
    return page(
        "Environment variables",
        "What can be set in the environment instead of on the command line, which wins over it. A flag is on with `1`\n"
        "or `true`; an option that may be repeated takes several values with blanks between them. `NO_COLOR` and\n"
        "`FORCE_COLOR` decide on colours where `--color` does not.",
        [
            table(
                ("variable", "option", "does"),
                [
                    (f"`{name}`", f"`{option}`", prose(words.replace("|", "or")))
                    for name, (option, words) in sorted(rows.items())
                ],
            )
        ],
    )


def findings_page(kinds: Mapping[str, FindingCode]) -> str:
    """Return the page of findings; each has the anchor `#il101`, which reports link to."""
    rows = [(f"[{kind.code}](#{kind.code.lower()})", kind.name, kind.level.value) for kind in kinds.values()]
    return page(
        "Findings",
        "Everything imagelock can find, by its code. A code never changes its meaning.\n"
        "`imagelock explain CODE` prints the same.",
        [table(("code", "name", "level"), rows), *(finding_section(kind) for kind in kinds.values())],
    )


def finding_section(kind: FindingCode) -> str:
    """Return one finding's section."""
    counts = "counts only with `--strict`" if kind.level is Level.WARNING else f"exit code {kind.exit_code}"
    return "\n\n".join(
        [
            f'<a id="{kind.code.lower()}"></a>',
            f"## {kind.code} {kind.name}",
            f"**{kind.level.value}**, {counts}",
            prose(kind.meaning),
            f"What to do: {prose(kind.remedy)}",
        ]
    )


def formats_page(file_formats: Iterable[FileFormat], document_formats: Iterable[DocumentFormat]) -> str:
    """Return the page of the formats in which references are found."""
    head = ("format", "reads")
    return page(
        "Formats",
        "The formats in which references are found; `--format NAME` forces one for the named files.",
        [
            "## Whole files",
            table(head, [(f"`{item.name}`", prose(item.summary)) for item in file_formats]),
            "## Documents of YAML and JSON files",
            "One file may hold documents of several formats; each is read as what it is.",
            table(head, [(f"`{item.name}`", prose(item.summary)) for item in document_formats]),
        ],
    )


def pages() -> dict[str, str]:
    """Return every generated page by its path from the repository's root."""
    # The command line is the only thing here that is slow to import, and link checks do without it.
    from imagelock.cli.main import cli  # noqa: PLC0415

    return {
        f"{REFERENCE}/commands.md": commands_page(cli),
        f"{REFERENCE}/exit-codes.md": exit_codes_page(ImagelockError, FINDING_CODES),
        f"{REFERENCE}/environment.md": environment_page(cli),
        f"{REFERENCE}/findings.md": findings_page(FINDING_CODES),
        f"{REFERENCE}/formats.md": formats_page(
            FILE_FORMATS, (*DOCUMENT_FORMATS, *NAMED_FORMATS, *LAST_FORMATS)
        ),
    }


# --- the checks ------------------------------------------------------------------------------------


def stale(root: Path, expected: Mapping[str, str]) -> Iterator[str]:
    """Yield a message for each page that is not what the code says, with the first lines that differ."""
    for path, wanted in expected.items():
        file = root / path
        written = file.read_text(encoding="utf-8") if file.exists() else ""
        if written == wanted:
            continue
        diff = list(
            difflib.unified_diff(
                written.splitlines(),
                wanted.splitlines(),
                f"{path} (as written)",
                f"{path} (from the code)",
                lineterm="",
            )
        )
        shown = (
            [*diff[:DIFF_LINES], f"… and {len(diff) - DIFF_LINES} more lines"]
            if len(diff) > DIFF_LINES
            else diff
        )
        yield "\n".join(
            [f"{path}: not in step with the code", *shown, "  help: run `make docs` and commit the result"]
        )


def slug(title: str) -> str:
    """Return the anchor that forges make of a heading: lower case, punctuation gone, spaces to hyphens."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Return everything in a Markdown text that a link can point at; headings in code are none."""
    words = _FENCED.sub("", text)
    headings = {slug(match["title"]) for match in _HEADING.finditer(words)}
    return headings | {match["name"] for match in _ANCHOR.finditer(words)}


def broken_links(root: Path) -> Iterator[str]:
    """Yield a message for each relative link whose file or heading is not there."""
    for file in sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")]):
        text = file.read_text(encoding="utf-8")
        # Code keeps its lines, so that the numbers below stay true.
        words = _FENCED.sub(lambda match: "\n" * match[0].count("\n"), text)
        for match in _LINK.finditer(words):
            if reason := link_problem(file, match["target"]):
                line = words.count("\n", 0, match.start()) + 1
                yield f"{file.relative_to(root)}:{line}: {match['target']}: {reason}"


def link_problem(file: Path, target: str) -> str | None:
    """Return what is wrong with a link of a file; addresses elsewhere are not asked."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    path, _, anchor = target.partition("#")
    goal = (file.parent / path) if path else file
    if not goal.exists():
        return "there is no such file"
    if anchor and goal.suffix == ".md" and anchor not in anchors(goal.read_text(encoding="utf-8")):
        return "the file has no such heading"
    return None


# --- the run ---------------------------------------------------------------------------------------


def check(root: Path, expected: Mapping[str, str]) -> int:
    """Print every problem to stderr and return the exit code."""
    problems = [*stale(root, expected), *broken_links(root)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def write(root: Path, expected: Mapping[str, str]) -> int:
    """Write the pages that differ and return the exit code."""
    for path, text in expected.items():
        file = root / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    return 0


def main() -> int:
    """Read the command line and return the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/reference from the code.")
    parser.add_argument("--check", action="store_true", help="change nothing; say what is stale or broken")
    action: Callable[[Path, Mapping[str, str]], int] = check if parser.parse_args().check else write
    return action(ROOT, pages())


if __name__ == "__main__":
    sys.exit(main())
