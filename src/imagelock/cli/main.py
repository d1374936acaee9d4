"""Run commands: import each only when it is called, and end all of them in the same way."""

from __future__ import annotations

import contextlib
import importlib
import keyword
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from imagelock import __version__
from imagelock.errors import ImagelockError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMMANDS: Mapping[str, str] = {
    "init": "write a commented imagelock.toml and .gitattributes",
    "scan": "list every image reference, where it is, and what was skipped",
    "record": "record the digest of an image that a build job pushed",
    "lock": "resolve what is new, keep the rest, write the lock",
    "pin": "write the lock's digests into the files",
    "unpin": "put the tags back into the files",
    "update": "write new digests of images into the lock and the files",
    "check": "check that every reference is pinned to the digest in the lock",
    "trace": "learn by rendering what builds each image of a chart",
    "drift": "ask the registries what has moved or is gone",
    "why": "show where an image is used",
    "diff": "compare two locks",
    "history": "show what an image was and when it moved, from git",
    "olm": "pass digests on to an operator and its registries",
    "tags": "check tag files and set release tags from them",
    "merge-driver": "merge two locks for git, image by image",
    "help": "show a guide, a concept or a reference page",
    "explain": "explain what a finding means and what to do",
    "mirror": "copy the lock's images into another registry",
    "cluster": "compare what a cluster runs with the lock",
    "bundle": "carry the lock's images to sites without a network",
    "export": "write the lock in another tool's format",
    "import": "read another tool's lists of images",
    "schema": "print the JSON Schema of the configuration, the lock or the JSON output",
    "serve": "serve a bundle or a directory as a small OCI registry",
    "doctor": "show how a registry answers, with secrets redacted",
    "completion": "print the completion script for bash, zsh or fish",
    "demo": "run the whole workflow on a built-in example",
}
"""Every command with its line in ``--help``; command ``x`` is ``imagelock.cli.x:command``.

The module of a command that Python keeps its name for ends in an underscore: ``imagelock.cli.import_``; a
hyphen is an underscore there.
"""

_FOR_SUMMARY = "imagelock.for_summary"
INTERRUPTED = 130
TERMINATED = 143
CLOSED_PIPE = 141


class TerminatedError(KeyboardInterrupt):
    """SIGTERM: everything ends as it does on Ctrl-C, with another exit code."""


class ClosedPipeError(Exception):
    """Raised when the reader of our output is gone; click would exit with 1 for a plain BrokenPipeError."""


@contextlib.contextmanager
def _closed_pipe_kept() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ClosedPipeError from error


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is used."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments (--help prints now), and keep a closed pipe from click."""
        with _closed_pipe_kept():
            return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move common options that come before the command behind it; without a command they are the summary's."""
        if args and args[0].startswith("-") and args[0] not in ("-h", "--help", "-V", "--version"):
            from imagelock.cli.common import common_options
            from imagelock.cli.leading import behind_command

            args = (moved := behind_command(args, common_options())) or args
            if moved and moved[0].startswith("-"):
                ctx.meta[_FOR_SUMMARY], args = moved, []
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and keep a closed pipe from click."""
        with _closed_pipe_kept():
            return super().invoke(ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Keep the examples as they are written."""
        self.help = (self.help or "").replace("\\b\n", "\b\n")
        super().format_help_text(ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the daily work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name.replace("-", "_")
        module = importlib.import_module(f"imagelock.cli.{name}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"imagelock.cli.{name}.command is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a mistyped one is answered with the nearest."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"No such command '{name}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="imagelock", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    r"""Freeze the container images of a product.

    Every reference in every file names exact bytes, and one lock file is the only source of truth.
    Without a command, shows what is here, what is pinned, and what to do next.

    \b
    Examples:
      imagelock                    what is here
      imagelock lock               resolve every reference, write images.lock
      imagelock pin                write the digests into the files
      imagelock check              the gate for a pipeline: offline, exit 1 on findings
      imagelock update nginx       take nginx's new digest into the lock and the files

    \b
    Shell completion:
      eval "$(imagelock completion bash)"          or zsh
      imagelock completion fish | source
    """
    if ctx.invoked_subcommand is None:
        from imagelock.cli.summary import command

        with command.make_context("imagelock", ctx.meta.get(_FOR_SUMMARY, []), parent=ctx) as inner:
            command.invoke(inner)


def run(arguments: list[str]) -> int:
    """Run the command line; return the exit code (docs/reference/exit-codes.md)."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = cli.main(arguments, prog_name="imagelock", standalone_mode=False)
        sys.stdout.flush()
    except (click.exceptions.Exit, click.ClickException, click.Abort) as error:
        return _end_of_click(error)
    except KeyboardInterrupt as error:
        return _end_of_signal(error)
    except (ClosedPipeError, BrokenPipeError):
        # The reader has gone; Python must not complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    except ImagelockError as error:
        return _print_error(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a user never sees a traceback
        return _cannot_write(error) if isinstance(error, OSError) else _internal(error, arguments)
    return code if isinstance(code, int) else 0


def _end_of_click(error: click.exceptions.Exit | click.ClickException | click.Abort) -> int:
    if isinstance(error, click.ClickException):
        error.show()
    if isinstance(error, click.Abort):
        # Click makes an Abort of every KeyboardInterrupt.
        return _end_of_signal(error.__cause__ or error.__context__)
    return error.exit_code


def _end_of_signal(error: BaseException | None) -> int:
    if isinstance(error, TerminatedError):
        return _print_line("terminated", TERMINATED)
    return _print_line("interrupted", INTERRUPTED)


def _print_error(error: ImagelockError) -> int:
    from imagelock.cli.terminal import stderr_style
    from imagelock.report.text import error_text

    sys.stderr.write(error_text(error, stderr_style()))
    return error.exit_code


def _cannot_write(error: OSError) -> int:
    """Report that standard output (or a file nobody named yet) cannot be written; nothing more goes there."""
    from imagelock.errors import FileError

    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    where = str(error.filename) if error.filename else "standard output"
    return _print_error(FileError((error.strerror or str(error)).lower(), where=where))


def _internal(error: Exception, arguments: list[str]) -> int:
    if "-vv" in arguments:
        traceback.print_exc()
    return _print_line(f"internal error: {type(error).__name__}: {error}; run again with -vv to see where", 2)


def _print_line(words: str, code: int) -> int:
    sys.stderr.write(f"imagelock: {words}\n")
    return code


def _terminate(signum: int, frame: Any) -> None:  # noqa: ARG001 - the signature of a handler
    raise TerminatedError
