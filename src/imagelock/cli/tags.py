"""``imagelock tags``: lint, plan, apply and suggest."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagelock.cli.common import CONTEXT, Verb, VerbGroup, common
from imagelock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.cli.common import Run
    from imagelock.model.outcome import Outcome
    from imagelock.ops.project import Project
    from imagelock.ops.tags.release import TagResult
    from imagelock.registry.client import RegistryClient


@click.group("tags", cls=VerbGroup, context_settings=CONTEXT)
def command() -> None:
    r"""Check tag files, and set release tags from them.

    A tag file lists builds and the release tag for each: images: [{name, src_build_tag, src_ref,
    tag}], with an optional digest that is enforced. Tags are set inside the registry: no layer is transferred, every
    platform is included, and the digest stays the same.

    \b
    Examples:
      imagelock tags lint image-tags.yaml               the rules of the file, offline
      imagelock tags plan image-tags.yaml               what would be set, one HEAD per tag
      imagelock tags apply image-tags.yaml              set it
      imagelock tags suggest --git ../app image-tags.yaml
    """


def _verb(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    return command.command(name, cls=Verb, context_settings=CONTEXT)


_FILES = click.argument("names", nargs=-1, required=True, metavar="FILE...")
_MOVE = click.option(
    "--move",
    multiple=True,
    metavar="NAME",
    help="Move the tags of these images to another digest (repeatable, or A,B; full name, name:tag, or last part).",
)
_REPUSH = click.option(
    "--repush",
    multiple=True,
    metavar="NAME",
    help="Set the tags of these images again even if they are right (repeatable, or A,B; NAME as above).",
)


_TO = click.option(
    "--to",
    "registry",
    metavar="HOST",
    help="Rehearse on this registry, host[:port][/prefix], in place of those that the files name.",
)


@_verb("lint")
@_FILES
@common()
def lint(run: Run, names: tuple[str, ...]) -> None:
    r"""Check tag files by their rules, offline.

    Reports mistyped tags, missing and unknown keys (errors with --strict), floating src_build_tags, src_refs that are
    no address of a commit, one name and tag with two sources, one version with two revisions, and duplicates. What tags look
    like is configured with [[tags.rule]]; without one, a tag that begins with stx must be stx.N.N-v....

    \b
    Examples:
      imagelock tags lint image-tags-*.yaml
      imagelock tags lint --report json=lint.json image-tags.yaml
    """
    from imagelock.ops.tags import rules as tagrules
    from imagelock.ops.tags.files import read_tag_files

    project = run.open()
    files = read_tag_files(project, names)
    run.finish(
        tagrules.lint(files.files, project.config.tag_rules, strict=run.strict), collection=files.collection
    )


@_verb("plan")
@_FILES
@_MOVE
@_REPUSH
@_TO
@common()
def plan(
    run: Run,
    names: tuple[str, ...],
    *,
    move: tuple[str, ...],
    repush: tuple[str, ...],
    registry: str | None,
) -> None:
    r"""Show what apply would set, keep or refuse.

    Sends one HEAD for the release tag and one for its source. A tag that exists with another digest is a
    conflict (IL401, exit 1). If a registry does not answer, the tag is reported as could-not-tell (IL302, exit 3).

    \b
    Examples:
      imagelock tags plan image-tags.yaml
      imagelock tags plan --move stx-platformclients image-tags.yaml
      imagelock tags plan --to staging.corp:5000 image-tags.yaml
    """
    _carry_out(run, names, (move, repush), registry, dry_run=True, command_name="tags-plan")


@_verb("apply")
@_FILES
@_MOVE
@_REPUSH
@_TO
@click.option("--dry-run", is_flag=True, help="Show what would be set, change nothing.")
@common()
def apply(
    run: Run,
    names: tuple[str, ...],
    *,
    move: tuple[str, ...],
    repush: tuple[str, ...],
    registry: str | None,
    dry_run: bool,
) -> None:
    r"""Set the release tags, inside the registry.

    The manifest of the source is put under the release tag unchanged. An entry that fails does not stop the others;
    on a second run, what is done is kept. A conflict is never overwritten: --move NAME compares, then sets. With --to
    the same is done in another registry that has the builds under the same paths, and nowhere else.

    \b
    Examples:
      imagelock tags apply --dry-run image-tags.yaml
      imagelock tags apply image-tags-bullseye.yaml image-tags-trixie.yaml
      imagelock tags apply --repush stx-audit,stx-snmp image-tags.yaml
      imagelock tags apply --to localhost:5000 image-tags.yaml
    """
    _carry_out(run, names, (move, repush), registry, dry_run=dry_run, command_name="tags-apply")


def _carry_out(
    run: Run,
    names: tuple[str, ...],
    requested: tuple[tuple[str, ...], tuple[str, ...]],
    registry: str | None,
    *,
    dry_run: bool,
    command_name: str,
) -> None:
    from imagelock.ops.tags import release as tags
    from imagelock.ops.tags import rules as tagrules
    from imagelock.ops.tags.files import read_tag_files

    project = run.open()
    files = read_tag_files(project, names)
    linted = tagrules.judge(files.files, project.config.tag_rules, strict=run.strict)
    if registry is not None:
        linted = tagrules.rehearsed(linted, registry)
    request = tags.TagRequest(move=_names(requested[0]), repush=_names(requested[1]))
    from imagelock.cli.progress import progress

    with _client(run, project) as client, progress("asking registries", quiet=run.quiet) as shown:
        if dry_run:
            results = tags.plan(linted.entries, client, request, jobs=run.settings.jobs, progress=shown)
        else:
            results = tags.apply(
                linted.entries, client, client, request, jobs=run.settings.jobs, progress=shown
            )
    outcome = tags.outcome(command_name, linted, results, done=not dry_run)
    run.finish(
        outcome,
        collection=files.collection,
        data=_table(run, results, done=not dry_run),
        json=lambda: _json(outcome, results, done=not dry_run),
    )


def _names(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of an option that takes several with commas."""
    return tuple(name.strip() for item in given for name in item.split(",") if name.strip())


@contextmanager
def _client(run: Run, project: Project) -> Iterator[RegistryClient]:
    """Yield a client that ignores mirrors: a mirror's answer about a tag may be outdated."""
    if run.settings.offline:
        raise UsageError("release tags are in the registry, and --offline does not contact it")
    from imagelock.cli.terminal import stderr_style
    from imagelock.registry.client import RegistryClient
    from imagelock.report.text import advice_text

    hosts = {
        host: replace(settings, mirrors=(), alternates=(), fallback=True)
        for host, settings in project.config.hosts.items()
    }
    with RegistryClient(hosts, jobs=run.settings.jobs, retry_time=run.settings.retry_time) as client:
        yield client
    run.say(advice_text(client.warnings, stderr_style()))


_DONE = {"create": "created", "keep": "kept", "repush": "repushed", "move": "moved"}


def _word(result: TagResult, *, done: bool) -> str:
    word = result.action.value
    return _DONE.get(word, word) if done else word


def _table(run: Run, results: tuple[TagResult, ...], *, done: bool) -> str:
    from imagelock.cli.terminal import stdout_style, table_width
    from imagelock.report.text import table_text

    if run.quiet or not results:
        return ""
    rows = [
        (result.entry.shown, _word(result, done=done), _digests(result), result.entry.source_tag)
        for result in results
    ]
    return table_text(("TAG", "ACTION", "DIGEST", "SOURCE"), rows, stdout_style(), table_width())


def _digests(result: TagResult) -> str:
    now, wanted = result.now, result.wanted
    if now is not None and wanted is not None and now != wanted:
        return f"{now.short} -> {wanted.short}"
    known = wanted or now
    return "" if known is None else known.short


def _json(outcome: Outcome, results: tuple[TagResult, ...], *, done: bool) -> str:
    from imagelock.report.json import document_json, outcome_fields

    tags = [
        {
            "reference": result.entry.shown,
            "action": _word(result, done=done),
            "before": None if result.now is None else str(result.now),
            "after": None if result.wanted is None else str(result.wanted),
            "source": f"{result.entry.name}:{result.entry.source_tag}",
            "file": result.entry.file,
            "line": result.entry.line,
        }
        for result in results
    ]
    return document_json(outcome.command, {"tags": tags, **outcome_fields(outcome)})


@_verb("suggest")
@_FILES
@click.option(
    "--git",
    "repositories",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A git clone with the revisions of src_ref (repeatable).",
)
@click.option(
    "--release",
    metavar="NAME",
    help="Release that tags begin with, such as stx.13.0.  [default: keep the current one]",
)
@click.option(
    "--in",
    "places",
    multiple=True,
    metavar="SOURCE",
    help="Look for floating tags in this file or directory (repeatable).  [default: the whole project]",
)
@click.option(
    "--write",
    is_flag=True,
    help="Write the tags into the files, and the managed tags into places that float; comments are kept.",
)
@click.option(
    "--message", "wants_message", is_flag=True, help="Print the commit message of the follow-up change."
)
@click.option("--bug", metavar="N", help="Bug number for the message: Partial-Bug: #N.")
@click.option("--closes", is_flag=True, help="Write Closes-Bug: #N, because the change closes the bug.")
@common()
def suggest(  # noqa: PLR0913 - the options of the contract
    run: Run,
    names: tuple[str, ...],
    *,
    repositories: tuple[Path, ...],
    release: str | None,
    places: tuple[str, ...],
    write: bool,
    wants_message: bool,
    bug: str | None,
    closes: bool,
) -> None:
    r"""Propose tags with git describe, and show which places still use floating tags.

    A tag consists of the release, the output of git describe --tags for the revision of src_ref, and the file's suffix.
    Entries whose revision is in none of the repositories are left unchanged. Places of the project that use
    a floating tag (latest, *-latest) for one of these images are reported as warnings (IL405) with the tag to use, those
    in packaged charts, applications' archives and Debian packages too. --write replaces them where one tag fits.

    \b
    Examples:
      imagelock tags suggest --git ../app image-tags.yaml
      imagelock tags suggest --git ../app --release stx.13.0 --write image-tags.yaml
      imagelock tags suggest --git ../app --bug 2012345 --message image-tags.yaml | git commit -F -
    """
    from imagelock.ops.tags.files import SuggestRequest, run_suggest
    from imagelock.ops.tags.suggest import Footer
    from imagelock.report.json import document_json, outcome_fields

    if closes and bug is None:
        raise UsageError("--closes needs --bug N")
    footer = None if bug is None else Footer(bug=bug, closes=closes)
    request = SuggestRequest(
        repositories=repositories, release=release, places=places, write=write, footer=footer
    )
    found = run_suggest(run.open(), names, request)
    wants_message = wants_message or bug is not None
    run.finish(
        found.outcome,
        collection=found.collection,
        data=found.message if wants_message else None,
        json=lambda: document_json(
            found.outcome.command, {"message": found.message, **outcome_fields(found.outcome)}
        ),
        feeds=wants_message,
    )
