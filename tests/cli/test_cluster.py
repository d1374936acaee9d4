"""``cluster check`` and ``check --cluster`` as people see them."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trustme
import urllib3

from imagelock.cli.main import run
from imagelock.lockfile.writer import render_lock
from support.apiserver import ApiServer, Wrong
from support.kube import API, DB, LISTED, LOCK, WEB, container, digest, listed, pinned, pod, workload
from support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

OWNED: dict[str, Any] = {"owner": ("ReplicaSet", "web-5f"), "labels": {"pod-template-hash": "5f"}}
WEB_ID = f"docker.io/library/nginx@{WEB.digest}"
ROGUE = digest("rogue")

CLEAN = [
    pod("web-5f-a", container("nginx", pinned(WEB), WEB_ID), **OWNED),
    pod("web-5f-b", container("nginx", pinned(WEB), f"nginx@{digest('web amd64')}"), **OWNED),
    pod("web-5f-c", container("nginx", pinned(WEB), f"docker-pullable://{WEB_ID}"), **OWNED),
    pod(
        "api-0",
        container("api", pinned(API), f"docker://{digest('api config')}"),
        owner=("StatefulSet", "api"),
        init=(container("migrate", pinned(DB), str(digest("db config"))),),
        ephemeral=(container("debug", pinned(WEB), digest("web arm64 config").hex),),
        volumes=(("model", pinned(API), None),),
    ),
    pod("mirrored", container("c", f"mirror.corp/nginx@{WEB.digest}", f"mirror.corp/nginx@{WEB.digest}")),
    workload("CronJob", "nightly", pinned(API)),
]
WRONG = [
    pod("tagged", container("c", "nginx:1.27", WEB_ID), namespace="lab"),
    pod("rogue", container("c", "evil:latest", f"docker.io/library/evil@{ROGUE}"), namespace="lab"),
    pod("swapped", container("c", pinned(WEB), f"quay.io/acme/api@{API.digest}"), namespace="lab"),
    pod("idea", container("c", "quay.io/acme/idea:next", f"quay.io/acme/idea@{ROGUE}"), namespace="lab"),
    workload("Deployment", "idle", "quay.io/acme/api:2", namespace="lab", replicas=0),
]
UNTOLD = [
    pod("new", container("c", pinned(WEB), waiting="ContainerCreating"), namespace="lab", phase="Pending"),
    pod("list", container("c", pinned(LISTED), f"quay.io/acme/listed@{ROGUE}"), namespace="lab"),
]

TABLE = """\
WORKLOAD          NAMESPACE  CONTAINER          IMAGE                                       PODS  STATE
Deployment/idle   lab        c0                 quay.io/acme/api:2                          0     not pinned: no digest in the spec
Pod/tagged        lab        c                  nginx:1.27                                  1     not pinned: runs a locked index
Pod/list          lab        c                  quay.io/acme/listed:1@sha256:{listed}…  1     could not tell: the lock does not know the platforms
Pod/new           lab        c                  docker.io/library/nginx:1.27@sha256:{web}…  1     could not tell: no imageID yet (ContainerCreating)
Pod/rogue         lab        c                  evil:latest                                 1     not locked: the running image is not in the lock
Pod/swapped       lab        c                  docker.io/library/nginx:1.27@sha256:{web}…  1     not locked: the node runs an image other than the one in the spec
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "images.lock").write_text(render_lock(LOCK), encoding="utf-8")
    (tmp_path / "imagelock.toml").write_text(
        '[[exempt]]\nimage = "quay.io/acme/idea:next"\nreason = "floating on purpose"\n', encoding="utf-8"
    )
    return tmp_path


def call(project: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    verb = 2 if arguments[0] == "cluster" else 1
    code = run([*arguments[:verb], "-C", str(project), *arguments[verb:]])
    out, err = capsys.readouterr()
    return code, out, err


def dump(project: Path, *objects: dict[str, Any], name: str = "dump.json") -> None:
    (project / name).write_bytes(listed(*objects))


def lines(table: str) -> list[list[str]]:
    """Return a table's cells: columns are two spaces apart."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in table.splitlines()]


def test_a_clean_cluster_is_one_table_and_no_finding(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump(project, *CLEAN)
    code, out, err = call(project, capsys, "cluster", "check", "dump.json")
    assert code == 0
    assert [cells[:3] + cells[4:] for cells in lines(out)[1:-1]] == [
        ["CronJob/nightly", "shop", "c0", "0", "locked: spec digest"],
        ["Deployment/web", "shop", "nginx", "2", "locked: index"],
        ["Deployment/web", "shop", "nginx", "1", "locked: platform"],
        ["Pod/mirrored", "shop", "c", "1", "locked: index"],
        ["StatefulSet/api", "shop", "api", "1", "locked: config"],
        ["StatefulSet/api", "shop", "debug (ephemeral)", "1", "locked: config"],
        ["StatefulSet/api", "shop", "migrate (init)", "1", "locked: spec digest"],
        ["StatefulSet/api", "shop", "model (volume)", "1", "locked: spec digest"],
    ]
    assert err == "cluster-check: 5 pods, 4 workloads, 9 containers, 9 locked\n"


def test_every_other_state_has_its_row_with_errors_last(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump(project, *WRONG)
    dump(project, *UNTOLD, name="second.json")
    code, out, err = call(project, capsys, "cluster", "check", "dump.json", "second.json")
    assert code == 3
    table, _, told = out.partition("\n\n")
    expected = TABLE.format(web=WEB.digest.short, listed=LISTED.digest.short)
    assert sorted(lines(table)[2:]) == sorted(lines(expected)[1:])
    assert [cells[-1].partition(":")[0] for cells in lines(table)[1:]] == [
        *("exempt", "not pinned", "not pinned"),
        *("could not tell", "could not tell", "not locked", "not locked"),
    ]
    assert told.count("error[IL201]") == 2
    assert told.count("error[IL202]") == 2
    assert told.count("error[IL302]") == 2
    assert "6 pods, 7 workloads, 7 containers, 1 exempt, 2 not pinned, 2 could not tell, 2 not locked" in err


def test_findings_without_anything_untold_exit_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump(project, *CLEAN, *WRONG)
    assert call(project, capsys, "cluster", "check", "dump.json")[0] == 1
    assert call(project, capsys, "cluster", "check", "dump.json", "-n", "shop")[0] == 0
    assert call(project, capsys, "cluster", "check", "dump.json", "-n", "shop", "-A")[0] == 1
    assert call(project, capsys, "cluster", "check", "dump.json", "--exit-zero")[0] == 0


def test_json_has_a_row_for_each_workload_and_the_same_sums(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump(project, *CLEAN, *WRONG, *UNTOLD)
    code, out, _ = call(project, capsys, "cluster", "check", "dump.json", "-o", "json")
    document = json.loads(out)
    assert code == 3
    assert document["schema"] == "imagelock/cluster-check/v1"
    assert sum(row["containers"] for row in document["workloads"]) == document["summary"]["containers"]
    rogue = next(row for row in document["workloads"] if row["name"] == "rogue")
    assert rogue == {
        "namespace": "lab",
        "kind": "Pod",
        "name": "rogue",
        "container": "c",
        "place": "container",
        "image": "evil:latest",
        "state": "not-locked",
        "detail": "the running image is not in the lock",
        "notes": [f"the node runs {ROGUE}"],
        "containers": 1,
        "pods": 1,
    }
    assert {item["code"] for item in document["findings"]} == {"IL201", "IL202", "IL302"}


@pytest.mark.parametrize(
    ("data", "message"),
    [(None, "no such file"), (b"{", "ends in the middle"), (b"{}", "it has no kind")],
)
def test_a_dump_that_cannot_be_read_is_a_file_error(
    project: Path, capsys: pytest.CaptureFixture[str], data: bytes | None, message: str
) -> None:
    if data is not None:
        (project / "broken.json").write_bytes(data)
    code, out, err = call(project, capsys, "cluster", "check", "broken.json")
    assert (code, out) == (2, "")
    assert message in err


def test_a_live_cluster_with_a_forbidden_namespace_exits_3(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ApiServer(*CLEAN) as server:
        config = server.kubeconfig(project / "kubeconfig")
        arguments = ("cluster", "check", "--kubeconfig", config, "--context", "test")
        assert call(project, capsys, *arguments)[0] == 0
        server.wrong["/api/v1/namespaces/secret/pods"] = [Wrong(403)]
        code, out, _ = call(project, capsys, *arguments, "-n", "shop", "-n", "secret")
    assert code == 3
    assert "error[IL302] could-not-tell: pods in secret: forbidden: made up" in out


def test_check_joins_files_and_cluster_in_one_report(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "deploy").mkdir()
    (project / "deploy" / "app.yaml").write_text(
        f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containers:\n  - image: {pinned(WEB)}\n",
        encoding="utf-8",
    )
    dump(project, *CLEAN)
    assert call(project, capsys, "check", "deploy", "--cluster=dump.json")[0] == 0
    dump(project, *WRONG)
    code, out, _ = call(project, capsys, "check", "--cluster=dump.json", "deploy", "-o", "json")
    document = json.loads(out)
    assert code == 1
    assert document["summary"]["references"] == 1
    assert document["summary"]["cluster_not_locked"] == 2
    assert "IL201" in [item["code"] for item in document["findings"]]


def test_check_with_a_bare_cluster_option_asks_the_cluster_and_takes_no_source(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "deploy").mkdir()
    with ApiServer(*CLEAN) as server:
        monkeypatch.setenv("KUBECONFIG", server.kubeconfig(project / "kubeconfig.json"))
        code, _, err = call(project, capsys, "check", "--cluster", "deploy")
    assert code == 0
    assert "9 cluster locked" in err


def test_watch_prints_a_line_for_each_change_and_ends_on_sigterm(tmp_path: Path) -> None:
    (tmp_path / "images.lock").write_text(render_lock(LOCK), encoding="utf-8")
    with ApiServer(*CLEAN) as server:
        config = server.kubeconfig(tmp_path / "config")
        command = (
            sys.executable,
            "-m",
            "imagelock",
            "cluster",
            "watch",
            "-o",
            "json",
            "--kubeconfig",
            config,
        )
        with subprocess.Popen(
            (*command, "--listen", "127.0.0.1:0"),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            server.apply(WRONG[1])
            line = json.loads(process.stdout.readline())
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
    assert (line["workload"], line["namespace"], line["before"], line["after"]) == (
        "Pod/rogue",
        "lab",
        None,
        "not locked",
    )
    assert process.returncode == 143
    assert "metrics on port" in err
    assert "Traceback" not in err


def test_watch_takes_its_lock_from_the_cluster_and_answers_admission_reviews(tmp_path: Path) -> None:
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1")
    pair.private_key_pem.write_to_path(tmp_path / "tls.key")
    (tmp_path / "tls.crt").write_bytes(b"".join(blob.bytes() for blob in pair.cert_chain_pems))
    with ApiServer(*CLEAN) as server:
        data = {"images.lock": render_lock(LOCK)}
        server.singles["/api/v1/namespaces/imagelock/configmaps/lock"] = json.dumps({"data": data}).encode()
        command = [sys.executable, "-m", "imagelock", "cluster", "watch"]
        command += ["--kubeconfig", server.kubeconfig(tmp_path / "config")]
        command += ["--lock-from", "configmap:imagelock/lock", "--events", "--policy-reports"]
        command += ["--webhook", "127.0.0.1:0", "--tls-cert", "tls.crt", "--tls-key", "tls.key"]
        with subprocess.Popen(
            command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            remark = process.stderr.readline()
            assert "no PolicyReports" in remark
            port = int(process.stderr.readline().rpartition(" ")[2])
            server.apply(WRONG[1])
            assert "Pod/rogue in lab" in process.stdout.readline()
            request = {"uid": "u", "namespace": "lab", "object": WRONG[1]}
            context = ssl.create_default_context()
            authority.configure_trust(context)
            with urllib3.PoolManager(ssl_context=context, retries=False) as pool:
                answer = pool.request("POST", f"https://127.0.0.1:{port}/", json={"request": request})
            wait_for(lambda: bool(server.written))
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    assert json.loads(answer.data)["response"]["status"]["message"] == "not pinned by digest: evil:latest"
    assert server.written[0].document["involvedObject"]["name"] == "rogue"


def test_a_webhook_without_a_certificate_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images.lock").write_text(render_lock(LOCK), encoding="utf-8")
    with ApiServer(*CLEAN) as server:
        config = server.kubeconfig(tmp_path / "config")
        options = ("--kubeconfig", config, "--webhook", "127.0.0.1:0")
        assert run(["cluster", "watch", "-C", str(tmp_path), *options]) == 2
    assert "--tls-cert" in capsys.readouterr().err
