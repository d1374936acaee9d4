"""``imagelock olm``: the variables of catalogs, and the entrypoint of the registries that read them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from imagelock.cli.common import CONTEXT, Verb, VerbGroup, common, sources_argument

if TYPE_CHECKING:
    from imagelock.cli.common import Run


@click.group("olm", cls=VerbGroup, context_settings=CONTEXT)
def command() -> None:
    r"""Pass the digests of catalogs to an operator and its registries.

    \b
    Examples:
      imagelock olm env > catalog.env
      imagelock olm entrypoint --env-match plugin_registry_image /var/www/html -- httpd -D FOREGROUND
    """


@command.command("env", cls=Verb, context_settings=CONTEXT)
@sources_argument
@click.option("--label", "labels", multiple=True, help="Only catalogs of this label (repeatable).")
@click.option("--decode", is_flag=True, help="Explain the variables of this process, or of SOURCE.")
@common(("text", "env", "json", "yaml"))
def env(run: Run, sources: tuple[str, ...], *, labels: tuple[str, ...], decode: bool) -> None:
    r"""Print the variables that [[olm.catalog]] generates.

    SOURCE is a list or tree to use as the catalog of the given label; by default the configured catalogs are used.
    With --decode it is an environment: NAME=VALUE lines or JSON, or - for standard input.

    \b
    Examples:
      imagelock olm env                                     NAME=VALUE lines
      imagelock olm env -o yaml --label plugin_registry_image
      imagelock olm env external_images.txt --label devfile_registry_image
      kubectl exec deploy/registry -- env | imagelock olm env --decode -
    """
    from imagelock.ops.olm import env as olmenv

    if decode:
        _decode(run, sources)
        return
    from imagelock.ops.project import read_lock

    project = run.open()
    found, outcome = olmenv.generated_variables(project, read_lock(project).lock, sources, labels)
    data = olmenv.as_yaml(found) if run.output == "yaml" else olmenv.as_env(found)
    run.finish(outcome, data=data, feeds=True, json=lambda: olmenv.as_json(found, outcome))


def _decode(run: Run, sources: tuple[str, ...]) -> None:
    from imagelock.files import decode, read_bytes
    from imagelock.ops.olm import env as olmenv

    environ: dict[str, str] = dict(os.environ) if not sources else {}
    for source in sources:
        text = sys.stdin.read() if source == "-" else decode(read_bytes(run.settings.directory / source))
        environ.update(olmenv.read_environment(text))
    sys.stdout.write(olmenv.as_words(olmenv.meanings(environ)))


class _Entrypoint(Verb):
    """Keeps what is behind ``--`` apart: it is the command to become."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Cut the command off before options are read."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["imagelock.become"] = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])


@command.command("entrypoint", cls=_Entrypoint, context_settings=CONTEXT)
@click.argument(
    "folders", nargs=-1, required=True, metavar="DIR... [-- COMMAND...]", type=click.Path(path_type=Path)
)
@click.option(
    "--env-match",
    "pattern",
    required=True,
    metavar="REGEX",
    help="Regular expression for the variables that name images.",
)
@click.option("--registry", metavar="HOST", help="Put this registry, host[:port][/prefix], into every name.")
@click.option(
    "--organization",
    metavar="PATH",
    help="Put this path between the registry and the last part of every name.",
)
@click.option("--tag", metavar="TAG", help="Write this tag; refused where it would remove a digest.")
@click.option("--drop-digests", is_flag=True, help="Let --tag remove digests.")
@click.option("--allow-empty", is_flag=True, help="Start although no variable matches REGEX.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing unless something is wrong.")
def entrypoint(
    folders: tuple[Path, ...], *, pattern: str, allow_empty: bool, quiet: bool, **override: Any
) -> None:
    r"""Pin a registry's tree from the environment, then become COMMAND.

    Reads the variables that the operator passes on (RELATED_IMAGE_<name>_<label>_<tag in base32>), writes
    name@digest wherever a YAML or JSON file below DIR names one of these images, and counts
    the rest, which stays as it is. Needs no lock, configuration or network; writes all files or none. Where no
    variable matches, the operator passes nothing on or REGEX is wrong: that is an error unless --allow-empty is given.

    \b
    Examples:
      imagelock olm entrypoint --env-match plugin_registry_image /var/www/html/v3 -- httpd -D FOREGROUND
      imagelock olm entrypoint --env-match devfile_registry_image --registry registry.corp:5000 html
    """
    from imagelock.files import write_all
    from imagelock.ops.olm.entry import Override, known_images, plan_entry

    become: tuple[str, ...] = click.get_current_context().meta["imagelock.become"]
    if become:
        _check_command(become[0])
    known = known_images(os.environ, pattern, allow_empty=allow_empty)
    plan = plan_entry(folders, known, Override(**override))
    write_all(plan.writes)
    if not quiet:
        for name in known.unread:
            _print_line(f"{name} does not name an image by tag and digest: left out")
        _print_line(
            f"{plan.pinned} pinned in {len(plan.writes)} files, {plan.had_digest} had a digest, "
            f"{len(plan.left)} left without one; {len(known.digests)} images in the environment, "
            f"{known.came_with_digest} came with a digest"
        )
    if become:
        _become(become)


def _check_command(name: str) -> None:
    from imagelock.errors import UsageError

    if shutil.which(name) is None:
        raise UsageError("no such command", where=name)


def _become(words: tuple[str, ...]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvp(words[0], words)  # noqa: S606 - becoming what was asked for is the purpose


def _print_line(words: str) -> None:
    sys.stderr.write(f"imagelock: {words}\n")
