"""``imagelock cluster``: what a cluster runs against the lock."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagelock.cli.cluster_images import learn, respin
from imagelock.cli.cluster_scope import looked, scope_options, today
from imagelock.cli.common import CONTEXT, VerbGroup, common, verb
from imagelock.cli.terminal import stdout_style, table_width

if TYPE_CHECKING:
    from imagelock.cli.cluster_scope import Looked
    from imagelock.cli.common import Run
    from imagelock.model.lock import Lock
    from imagelock.ops.cluster.check import Report, Row
    from imagelock.ops.project import Project


@click.group("cluster", cls=VerbGroup, context_settings=CONTEXT)
def command() -> None:
    r"""Compare what a cluster runs with the lock.

    \b
    Examples:
      imagelock cluster check                    the cluster of your kubeconfig
      kubectl get pods,deployments -A -o json | imagelock cluster check -
    """


@verb("check")
@click.argument("dumps", nargs=-1, metavar="[DUMP]...")
@click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces; the default.")
@scope_options
@common()
def check(run: Run, dumps: tuple[str, ...], **options: Any) -> None:
    r"""Check that every container runs an image of the lock.

    DUMP is what `kubectl get … -o json` wrote (also -o yaml, gzipped, or - for standard input); without
    one the live cluster is read. Containers, init and ephemeral containers and image volumes count, and
    workloads without a running pod are judged by their pod template. Exits 1 when something is not locked or not
    pinned, 3 when something could not be determined, which never counts as fine.

    \b
    Examples:
      imagelock cluster check -n shop --context prod
      kubectl get pods,deployments,statefulsets,daemonsets,cronjobs -A -o json > dump.json
      imagelock cluster check dump.json other-cluster.json.gz
    """
    from imagelock.ops.project import read_lock

    project = run.open()
    if options["all_namespaces"]:
        options["namespaces"] = ()
    report = examine(project, read_lock(project).lock, looked(options, dumps))
    run.finish(report.outcome, data=_text(report), json=lambda: _json(report))


@verb("watch")
@click.option("--listen", metavar="HOST:PORT", help="Serve /metrics, /healthz and /readyz here.")
@click.option(
    "--lock-from",
    metavar="SOURCE",
    help="The lock is in configmap:NAMESPACE/NAME[/KEY], or in the artifact oci:NAME@sha256:…, not in a file.",
)
@click.option("--events", is_flag=True, help="Write an Event on each workload that enters a state.")
@click.option(
    "--policy-reports", is_flag=True, help="Write a PolicyReport (wgpolicyk8s.io) in each namespace."
)
@click.option(
    "--notify",
    multiple=True,
    metavar="FORMAT=URL",
    envvar="IMAGELOCK_NOTIFY",
    help="Post each change: json, slack or alertmanager (repeatable).",
)
@click.option(
    "--webhook", metavar="HOST:PORT", help="Also answer as a validating admission webhook, over TLS."
)
@click.option(
    "--tls-cert", type=click.Path(path_type=Path), help="The certificate of the webhook, with its chain."
)
@click.option("--tls-key", type=click.Path(path_type=Path), help="The key of the webhook.")
@click.option(
    "--webhook-action",
    type=click.Choice(["Deny", "Warn"]),
    default="Deny",
    show_default=True,
    help="What the webhook does with an image that is not in the lock.",
)
@scope_options
@common()
def watch(run: Run, **options: Any) -> None:
    r"""Watch a cluster: report each container that stops or begins to run what the lock says.

    Lists everything once, then follows the changes; the lock is read again when its file changes. Each change
    of state is one line, or with -o json one JSON object; --notify, --events and --policy-reports pass it on. Runs until it is ended (Ctrl-C, SIGTERM); what
    cannot be read is reported and tried again.

    \b
    Examples:
      imagelock cluster watch -n shop --context prod
      imagelock cluster watch --lock-from configmap:imagelock/lock --notify slack=https://hooks.example.com/T0/B0
      imagelock cluster watch --lock-file /etc/imagelock/images.lock --listen 0.0.0.0:8080 -o json
    """
    from imagelock.cli.watching import Watching, watch_cluster

    wanted = {field.name: options[field.name] for field in fields(Watching)}
    watch_cluster(run, looked(options), Watching(**wanted))


def examine(project: Project, lock: Lock, target: Looked) -> Report:
    """Judge the dumps, or the live cluster when there are none."""
    from imagelock.ops.cluster.check import check_cluster

    with target.observed(project) as observed:
        report = check_cluster(observed, lock, project.config.exemptions, today(), target.namespaces)
    return replace(report, outcome=report.outcome.advised(target.advice))


def _text(report: Report) -> str:
    """Return the table; rows of one workload that are alike in all but the count are one already."""
    from imagelock.report.text import table_text

    if not report.rows:
        return ""
    columns = ("WORKLOAD", "NAMESPACE", "CONTAINER", "IMAGE", "PODS", "STATE")
    rows = [
        (str(row.workload), row.namespace, _container(row), _image(row), str(row.pods), _state(row))
        for row in report.rows
    ]
    return table_text(columns, rows, stdout_style(), table_width()) + "\n"


def _container(row: Row) -> str:
    return row.container if row.kind.value == "container" else f"{row.container} ({row.kind.value})"


def _image(row: Row) -> str:
    """Shorten the digest as tables do."""
    name, at, digest = row.image.partition("@")
    algorithm, colon, encoded = digest.partition(":")
    return f"{name}@{algorithm}:{encoded[:12]}…" if at and colon else row.image or "(none)"


def _state(row: Row) -> str:
    return f"{row.result.state.value}: {row.result.detail}"


def _json(report: Report) -> str:
    from imagelock.report.json import document_json, finding_fields

    return document_json(
        report.outcome.command,
        {
            "workloads": [_fields(row) for row in report.rows],
            "changes": [],
            "findings": [finding_fields(item) for item in report.outcome.findings],
            "summary": report.outcome.summary,
        },
    )


def _fields(row: Row) -> dict[str, Any]:
    return {
        "namespace": row.namespace,
        "kind": row.workload.kind,
        "name": row.workload.name,
        "container": row.container,
        "place": row.kind.value,
        "image": row.image,
        "state": row.result.state.value.replace(" ", "-"),
        "detail": row.result.detail,
        "notes": list(row.result.notes),
        "containers": row.containers,
        "pods": row.pods,
    }


command.add_command(check)
command.add_command(watch)
command.add_command(learn)
command.add_command(respin)
