"""``imagelock help``: the pages that come with the package, and the help of commands."""

from __future__ import annotations

import difflib
import sys

import click

from imagelock.cli.common import verb
from imagelock.errors import UsageError


@verb("help")
@click.argument("topic", required=False)
@click.pass_context
def command(context: click.Context, topic: str | None) -> None:
    r"""Show a guide, a concept or a reference page; without TOPIC, list them.

    The name of a command that is no topic shows the help of the command.

    \b
    Examples:
      imagelock help
      imagelock help first-steps
      imagelock help trust | less
    """
    from imagelock.manual import page, topics

    known = topics()
    if topic is None:
        width = max(map(len, known))
        click.echo("".join(f"{name:<{width}}  {title}\n" for name, title in known.items()), nl=False)
    elif topic in known:
        _show(page(topic))
    else:
        _show_command(context, topic, list(known))


def _show(text: str) -> None:
    """Print Markdown: formatted and paged for people, as it is for programs."""
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.pager(styles=True):
        console.print(Markdown(text))


def _show_command(context: click.Context, name: str, known: list[str]) -> None:
    parent = context.find_root()
    group = parent.command
    inner = group.get_command(parent, name) if isinstance(group, click.Group) else None
    if inner is not None:
        with click.Context(inner, info_name=name, parent=parent) as asked:
            click.echo(inner.get_help(asked))
        return
    commands = group.list_commands(parent) if isinstance(group, click.Group) else []
    near = difflib.get_close_matches(name, [*known, *commands], n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UsageError("no such topic or command", where=name, hint=f"{hint}`imagelock help` lists the topics")
