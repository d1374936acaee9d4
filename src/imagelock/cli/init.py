"""``imagelock init``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.cli.common import common, verb

if TYPE_CHECKING:
    from imagelock.cli.common import Run


@verb("init")
@common()
def command(run: Run) -> None:
    r"""Write a commented imagelock.toml and the lock's line of .gitattributes.

    It is never required: every command works without a configuration. Existing files are left unchanged.

    \b
    Examples:
      imagelock init
    """
    from imagelock.ops.init import init

    run.finish(init(run.settings.directory.absolute()))
