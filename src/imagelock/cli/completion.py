"""``imagelock completion``."""

from __future__ import annotations

import click

from imagelock.cli.common import CONTEXT, Verb

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion", cls=Verb, context_settings=CONTEXT)
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> None:
    r"""Print the completion script of a shell: commands, options and their values.

    \b
    Examples:
      imagelock completion bash > ~/.local/share/bash-completion/completions/imagelock
      imagelock completion zsh > "${fpath[1]}/_imagelock"
      imagelock completion fish > ~/.config/fish/completions/imagelock.fish
      eval "$(imagelock completion bash)"          for this shell only
    """
    from click.shell_completion import get_completion_class

    from imagelock.cli.main import cli

    shell_class = get_completion_class(shell)
    if shell_class is None:
        raise click.UsageError(f"click completes nothing in {shell}")
    click.echo(shell_class(cli, {}, "imagelock", "_IMAGELOCK_COMPLETE").source())
