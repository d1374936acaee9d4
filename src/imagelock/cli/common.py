"""Define what all commands share: the common options, and how a command ends."""

from __future__ import annotations

import functools
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from imagelock import limits
from imagelock.cli import progress, values
from imagelock.cli.leading import behind_command
from imagelock.cli.terminal import choose_colour, feed, stderr_style, stdout_style, table_width
from imagelock.errors import FileError, UsageError
from imagelock.ops.project import Settings, open_project
from imagelock.paths import require_own
from imagelock.report.many import concise_text, statistics_text
from imagelock.report.style import without_commands
from imagelock.report.text import (
    advice_text,
    batched_lines,
    changes_text,
    exempt_text,
    findings_text,
    summary_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imagelock.model.outcome import Outcome
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection
    from imagelock.report.style import Style

Command = TypeVar("Command", bound="Callable[..., Any]")
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Verb(click.Command):
    """A command whose help keeps its examples as they are written, below a line of a backslash and a b."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Replace the marks in a docstring by click's own mark for text that must not be wrapped."""
        self.help = unwrapped(self.help)
        super().format_help_text(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List a command's own options first, then those that every command has."""
        _write_grouped(self, ctx, formatter)


def _write_grouped(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """List a command's own options first, then those that every command has."""
    records: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None and isinstance(parameter, click.Option):
            records[parameter.opts[0] in common_options()].append(record)
    for is_common, title in ((False, "Options"), (True, "Common options")):
        if records[is_common]:
            with formatter.section(title):
                formatter.write_dl(records[is_common])


class VerbGroup(click.Group):
    """A group with the same help; it takes common options before the name of its command too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move common options behind the command's name."""
        if args and args[0].startswith("-"):
            args = behind_command(args, common_options()) or args
        return super().parse_args(ctx, args)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Replace the marks in a docstring by click's own mark for text that must not be wrapped."""
        self.help = unwrapped(self.help)
        super().format_help_text(ctx, formatter)


def unwrapped(text: str | None) -> str:
    """Turn the marks of a docstring (a line of a backslash and a b) into click's."""
    return (text or "").replace("\\b\n", "\b\n")


def verb(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of the contract."""
    return click.command(name, cls=Verb, context_settings=CONTEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One call of a command: the common options as given, and when it began (monotonic seconds)."""

    settings: Settings
    output: str
    quiet: bool
    verbose: int
    strict: bool
    exit_zero: bool
    everything: bool
    statistics: bool
    reports: tuple[tuple[str, Path], ...]
    begun: float = field(default_factory=time.monotonic)

    @property
    def is_json(self) -> bool:
        """Whether stdout carries JSON."""
        return self.output == "json"

    def open(self) -> Project:
        """Open the project and report settings of its configuration that are not trusted."""
        project = open_project(self.settings)
        if not self.quiet:
            sys.stderr.write(advice_text(project.config.warnings, stderr_style()))
        return project

    def say(self, words: str) -> None:
        """Write a message to stderr, unless quiet."""
        if not self.quiet:
            progress.say(without_commands(words))

    def remark(self, words: str) -> None:
        """Print one line to stderr while the command runs."""
        self.say(f"imagelock: {words}\n")
        sys.stderr.flush()

    def finish(
        self,
        outcome: Outcome,
        *,
        collection: Collection | None = None,
        data: str | Iterable[str] | None = None,
        json: Callable[[], str] | None = None,
        at_least: int = 0,
        feeds: bool = False,
    ) -> NoReturn:
        """Write reports, print the outcome, and exit with its code.

        ``data`` replaces the text of the changes on stdout, whole or in pieces of whole lines; ``json`` makes a document of its own.
        ``at_least`` is an exit code that holds even without findings (``--check``).  With ``feeds`` stdout
        is for another program, and findings go to stderr.
        """
        self._write_reports(outcome, collection, json)
        if self.is_json:
            if json is None:
                from imagelock.report.json import outcome_json

                sys.stdout.write(outcome_json(outcome))
            else:
                sys.stdout.write(json())
        else:
            self._print_data(
                self._changes(outcome) if data is None else data, feeds=feeds and data is not None
            )
        self._print_outcome(outcome, collection, feeds=feeds)
        code = max(outcome.exit_code(strict=self.strict), at_least)
        raise click.exceptions.Exit(0 if self.exit_zero and code == 1 else code)

    @staticmethod
    def _print_data(data: str | Iterable[str], *, feeds: bool) -> None:
        for piece in (data,) if isinstance(data, str) else batched_lines(data):
            if feeds:
                feed(piece)
            else:
                sys.stdout.write(without_commands(piece))

    def _changes(self, outcome: Outcome) -> str:
        """Return the changes; quiet and concise output leave them to --report and -o json."""
        if self.quiet or self.output == "concise":
            return ""
        return changes_text(outcome.changes, stdout_style())

    def _print_outcome(self, outcome: Outcome, collection: Collection | None, *, feeds: bool = False) -> None:
        """Print findings (data, unless stdout is JSON or feeds a program), then remarks and counts."""
        if outcome.findings and not self.is_json:
            stream, style = (sys.stderr, stderr_style()) if feeds else (sys.stdout, stdout_style())
            stream.write(without_commands(self._findings(outcome, style, collection)))
        if self.statistics and not self.is_json:
            sys.stdout.flush()
            sys.stderr.write(statistics_text(outcome.findings))
        sys.stdout.flush()
        self.say(exempt_text(outcome.exempt, stderr_style()))
        self.say(advice_text(outcome.advice, stderr_style()))
        self.say(summary_text(outcome.command, outcome.summary, stderr_style()))

    def _findings(self, outcome: Outcome, style: Style, collection: Collection | None) -> str:
        if self.output == "concise":
            lock = self.settings.lock_file
            return concise_text(outcome.findings, outcome.lock if lock is None else lock.as_posix())
        lines, width = _lines_of(collection), table_width()
        return findings_text(outcome.findings, style, lines, width, everything=self.everything)

    def _write_reports(
        self, outcome: Outcome, collection: Collection | None, json: Callable[[], str] | None
    ) -> None:
        if not self.reports:
            return
        if self.settings.lock_file is not None:
            outcome = replace(outcome, lock=self.settings.lock_file.as_posix())
        if collection is not None:
            outcome = collection.witnessed(outcome)
        from imagelock.report.all import REPORTS

        for name, path in self.reports:
            target = self.settings.directory / path
            require_own(target, self.settings.directory, str(path))
            text = json() if name == "json" and json is not None else REPORTS[name](outcome)
            try:
                target.write_text(text, encoding="utf-8", newline="")
            except OSError as error:
                raise FileError((error.strerror or str(error)).lower(), where=str(path)) from error


def _lines_of(collection: Collection | None) -> Callable[[str, int], str | None]:
    files = {file.name: file for file in collection.files} if collection else {}

    @functools.cache
    def lines_of(name: str) -> list[str]:
        try:
            return files[name].text.content.split("\n") if name in files else []
        except FileError:
            # A large tree's files are read again, and this one is no longer what it was: nothing is quoted.
            return []

    def line_of(name: str, line: int) -> str | None:
        lines = lines_of(name)
        return lines[line - 1].rstrip("\r") if 0 < line <= len(lines) else None

    return line_of


def _option(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    """Make a common option; it is also read from IMAGELOCK_<NAME>."""
    long = next(name for name in names if name.startswith("--"))
    variable = "IMAGELOCK_" + long[2:].partition("/")[0].upper().replace("-", "_")
    return click.option(*names, envvar=variable, **attributes)


_COMMON = (
    _option("-C", "--directory", type=click.Path(path_type=Path), default=Path(), show_default=False, help="Work as if started in this directory."),
    _option("--config", type=click.Path(path_type=Path), help="Read this configuration file and trust it."),
    _option("--lock-file", type=click.Path(path_type=Path), help="The lock file.  [default: images.lock]"),
    _option("-j", "--jobs", type=click.IntRange(1, 256), default=limits.JOBS, show_default=True, help="Connections per host."),
    _option("--offline", is_flag=True, help="Do not contact any registry."),
    _option("--retry-time", type=click.FloatRange(0), default=limits.RETRY_SECONDS, show_default=True, metavar="SECONDS", help="Time to spend on retries, per host."),
    _option("--strict", is_flag=True, help="Treat warnings as errors."),
    _option("--exit-zero", is_flag=True, help="Exit 0 even if there are findings."),
    _option("-q", "--quiet", is_flag=True, help="Print only findings and the requested data."),
    _option("--all", "everything", is_flag=True, help="Show every finding; else many of one kind are folded by image."),
    _option("--statistics", is_flag=True, help="Also count the findings of each code."),
    _option("-v", "--verbose", count=True, help="Print more, such as requests by host; -vv prints each request."),
    _option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="When to colour the output."),
    _option("-o", "--output", type=click.Choice(["text", "json", "concise"]), default="text", show_default=True, help="Format of the output on stdout; concise is one line per finding."),
    _option("--report", "reports", multiple=True, shell_complete=values.reports, metavar="FORMAT=FILE", help="Also write a report (repeatable): json, sarif, junit, gitlab, github, markdown or html."),
    _option("--trust-config", is_flag=True, help="Trust the configuration found in the tree."),
)  # fmt: skip


def _takes_value(option: Callable[[Any], Any]) -> dict[str, bool]:
    carrier: Any = lambda: None  # noqa: E731 - click hangs what an option is on a function
    parameter = option(carrier).__click_params__[0]
    return dict.fromkeys(parameter.opts, not (parameter.is_flag or parameter.count))


@functools.cache
def common_options() -> dict[str, bool]:
    """Return every spelling of a common option, and whether a value follows it."""
    return {name: takes for option in _COMMON for name, takes in _takes_value(option).items()}


def common(outputs: tuple[str, ...] = ("text", "json")) -> Callable[[Command], Command]:
    """Add the common options to a command; it gets them as one :class:`Run`.

    ``outputs`` are the values of ``--output`` for commands with one more.
    """

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def wrapper(**options: Any) -> Any:
            return function(_run(options), **options)

        command: Any = wrapper
        for option in reversed(_COMMON):
            command = option(command)
        if outputs != ("text", "json"):
            for parameter in command.__click_params__:
                if parameter.name == "output":
                    parameter.type = click.Choice((*outputs, "concise"))
        return command  # type: ignore[no-any-return] # click's decorators lose the type

    return decorate


def _run(options: dict[str, Any]) -> Run:
    """Take the common options out of a command's own."""
    choose_colour(options.pop("color"))
    settings = Settings(
        **{
            name: options.pop(name)
            for name in ("directory", "config", "lock_file", "jobs", "offline", "retry_time", "trust_config")
        }
    )
    reports = tuple(_report(text) for text in options.pop("reports"))
    flags = {
        name: options.pop(name)
        for name in ("output", "quiet", "verbose", "strict", "exit_zero", "everything", "statistics")
    }
    return Run(settings=settings, reports=reports, **flags)


def _report(text: str) -> tuple[str, Path]:
    from imagelock.report.all import REPORTS

    name, equals, path = text.partition("=")
    if not equals or not path or name not in REPORTS:
        raise UsageError(
            "write a report as FORMAT=FILE", where=text, hint=f"formats: {', '.join(sorted(REPORTS))}"
        )
    return name, Path(path)


def sources_argument(function: Command) -> Command:
    """Add ``[SOURCE…]``."""
    return click.argument("sources", nargs=-1, metavar="[SOURCE]...")(function)


def format_option(function: Command) -> Command:
    """Add ``--format``."""

    def check(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001 - click's signature
        from imagelock.formats.all import names

        if value is not None and value not in names():
            raise click.BadParameter(f"{value!r} is not one of {', '.join(names())}")
        return value

    return click.option(
        "--format",
        "force",
        metavar="NAME",
        callback=check,
        shell_complete=values.formats,
        help="Read the named files as this format.",
    )(function)
