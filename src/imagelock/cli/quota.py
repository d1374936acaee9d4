"""``--keep-quota``, for commands that read manifests from registries with a pull quota."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., Any]")
_KEY = "imagelock.keep_quota"


def quota_option(function: Command) -> Command:
    """Add ``--keep-quota``; :func:`keep_quota` gives its value."""
    return click.option(
        "--keep-quota",
        type=click.IntRange(0),
        metavar="N",
        expose_value=False,
        callback=_remember,
        help="Keep N pulls of a registry's quota unused; what would need them is reported as could-not-tell.",
    )(function)


def keep_quota() -> int | None:
    """Return the value given to the running command; None without the option."""
    context = click.get_current_context(silent=True)
    value = None if context is None else context.meta.get(_KEY)
    return value if isinstance(value, int) else None


def _remember(ctx: click.Context, parameter: click.Parameter, value: int | None) -> None:  # noqa: ARG001 - click's signature
    ctx.meta[_KEY] = value
