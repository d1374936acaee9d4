"""What a large cluster costs: `cluster check` of a dump beside jq, and `cluster watch` under a hundred changes a second.

    python benchmarks/bench_cluster.py [PODS_OF_THE_DUMP] [SECONDS_OF_WATCHING]

The dump is what `kubectl get pods -A -o json` writes. jq reads the same file and prints each image once; each takes turns
with imagelock, and the ratio is of the fastest turns. Watching follows 5,000 pods of an API server on loopback; the lag is
that from a change to the line about it. Budgets: 1.5 x jq, 150 MB and one second.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.apiserver import ApiServer

if TYPE_CHECKING:
    from collections.abc import Sequence

_IMAGELOCK = [sys.executable, "-m", "imagelock"]
_JQ = ["jq", "-r", "[.items[] | .spec.containers[].image] | unique[]"]
_WATCHED = 5000
_CHANGES = 100
_TURNS = 3
_BUDGETS = "budgets 1.5 x jq, 150 MB, 1 s"


def image(number: int) -> str:
    """Return one of 300 images."""
    return f"registry.example.com/team-{number % 20}/app-{number}:1.{number}@sha256:{number:064x}"


def pod(number: int) -> dict[str, Any]:
    """Return a pod as an API server has it: two containers, and what everybody's pods carry along."""
    names = [image(number % 300), image((number * 7) % 300)]
    containers = [
        {
            "name": f"c{i}",
            "image": name,
            "imagePullPolicy": "IfNotPresent",
            "env": [{"name": f"SETTING_{k}", "value": f"value-{k}-{number % 50}"} for k in range(12)],
            "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m"}},
            "terminationMessagePath": "/dev/termination-log",
            "volumeMounts": [{"mountPath": f"/data/{k}", "name": f"v{k}"} for k in range(4)],
        }
        for i, name in enumerate(names)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"app-{number % 300}-5f7d-{number}",
            "namespace": f"ns-{number % 40}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": f"app-{number % 300}", "pod-template-hash": "5f7d"},
            "ownerReferences": [
                {"kind": "ReplicaSet", "name": f"app-{number % 300}-5f7d", "controller": True, "uid": "x"}
            ],
            "resourceVersion": str(number),
            "uid": f"{number:032x}",
        },
        "spec": {
            "containers": containers,
            "volumes": [{"name": f"v{k}", "configMap": {"name": f"settings-{k}"}} for k in range(4)],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}],
            "nodeName": f"node-{number % 200}",
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": kind, "status": "True"} for kind in ("Ready", "Initialized")],
            "containerStatuses": [
                {
                    "name": f"c{i}",
                    "image": name,
                    "imageID": name.replace(":1.", "@", 1) if "@" not in name else _without_tag(name),
                    "ready": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                }
                for i, name in enumerate(names)
            ],
        },
    }


def _without_tag(name: str) -> str:
    before, _, digest = name.partition("@")
    return f"{before.rpartition(':')[0]}@{digest}"


def write_dump(path: Path, pods: int) -> int:
    """Write a dump as kubectl does; return its size."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write('{\n    "apiVersion": "v1",\n    "items": [\n')
        for number in range(pods):
            text = json.dumps(pod(number), indent=4).replace("\n", "\n        ")
            stream.write(f"        {text}{',' if number + 1 < pods else ''}\n")
        stream.write('    ],\n    "kind": "List",\n    "metadata": {"resourceVersion": ""}\n}\n')
    return path.stat().st_size


def measured(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Run a program; return its seconds and the most megabytes it had."""
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        code = os.waitstatus_to_exitcode(status)
        process.returncode = code
        if code and process.stderr is not None:
            raise SystemExit(f"{command[0]} ended with {code}: {process.stderr.read().decode()[-500:]}")
    return seconds, usage.ru_maxrss / 1024


def bench_dump(folder: Path, pods: int) -> None:
    """Compare reading a dump with jq, in turns."""
    size = write_dump(folder / "dump.json", pods)
    (folder / "images.txt").write_text("".join(f"{image(number)}\n" for number in range(300)))
    own = [*_IMAGELOCK, "cluster", "check", "--lock-file", "images.txt", "-q", "dump.json"]
    print(f"{pods} pods, {size / 1e6:.0f} MB")
    turns: dict[str, list[tuple[float, float]]] = {"imagelock": [], "jq": []}
    for _ in range(_TURNS):
        turns["imagelock"].append(measured(own, folder))
        if shutil.which("jq"):
            turns["jq"].append(measured([*_JQ, "dump.json"], folder))
    for name, runs in turns.items():
        if not runs:
            print(f"{name:<10} is not installed: not compared")
            continue
        seconds = sorted(run[0] for run in runs)
        memory = max(run[1] for run in runs)
        spread = f"{seconds[0]:.2f} to {seconds[-1]:.2f} s"
        print(f"{name:<10} {spread:<18} {memory:6.0f} MB   {size / 1e6 / seconds[0]:.0f} MB/s")
    if turns["jq"]:
        ratio = min(run[0] for run in turns["imagelock"]) / min(run[0] for run in turns["jq"])
        print(f"imagelock / jq: {ratio:.2f} of the time   ({_BUDGETS})")


class BusyServer(ApiServer):
    """Tells of changes without keeping them: who lists again is not measured here."""

    def change(self, item: dict[str, Any]) -> None:
        """Tell those who watch."""
        self._note("MODIFIED", item)


def bench_watch(folder: Path, seconds: float) -> None:
    """Follow many pods under load, and time how long a wrong one takes to be reported."""
    (folder / "images.txt").write_text("".join(f"{image(number)}\n" for number in range(300)))
    pods = [pod(number) for number in range(_WATCHED)]
    with BusyServer(*pods) as server:
        config = server.kubeconfig(folder / "config")
        command = [
            *_IMAGELOCK,
            "cluster",
            "watch",
            "--kubeconfig",
            config,
            "--lock-file",
            "images.txt",
            "-o",
            "json",
        ]
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as agent:
            lags: list[float] = []
            sent: dict[str, float] = {}
            reader = threading.Thread(target=_read, args=(agent.stdout, sent, lags), daemon=True)
            reader.start()
            _wait_until_listed(server, len(pods))
            lists = len(server.asked)
            before = _processor_seconds(agent.pid)
            made = _change(server, pods, sent, seconds)
            time.sleep(2)
            busy = (_processor_seconds(agent.pid) - before) / (seconds + 2)
            memory = _peak(agent.pid)
            agent.terminate()
            agent.communicate()
        again = len(server.asked) - lists
    if not lags:
        raise SystemExit("the agent reported nothing")
    lags.sort()
    print(
        f"watching {_WATCHED} pods: {made / seconds:.0f} changes a second, {len(lags) + len(sent)} of them wrong"
    )
    print(
        f"lag {lags[len(lags) // 2]:.2f} s in the middle, {lags[-1]:.2f} s at most; {len(sent)} not reported; "
        f"{memory:.0f} MB at most; {busy:.2f} processors; {again} new lists   ({_BUDGETS})"
    )


def _read(stream: Any, sent: dict[str, float], lags: list[float]) -> None:
    for line in stream:
        # Only its first line: another change may make the same pod good again, which is a line as well.
        begun = sent.pop(json.loads(line)["reference"], None)
        if begun is not None:
            lags.append(time.monotonic() - begun)


def _wait_until_listed(server: BusyServer, pods: int) -> None:
    deadline = time.monotonic() + 120
    pages = -(-pods // server.page)
    while sum("/pods?limit" in path for path in server.asked) < pages or not any(
        "pods?watch" in path for path in server.asked
    ):
        if time.monotonic() > deadline:
            raise SystemExit("the agent does not list")
        time.sleep(0.05)
    time.sleep(3)


def _change(server: BusyServer, pods: list[dict[str, Any]], sent: dict[str, float], seconds: float) -> int:
    """Send changes at an even pace; each fiftieth is a pod that runs something else."""
    chance, begun, made = random.Random(7), time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        item = json.loads(json.dumps(chance.choice(pods)))
        item["metadata"]["resourceVersion"] = str(10_000 + made)
        if made % 50 == 49:
            wrong = f"registry.example.com/other/thing-{made}:1"
            item["spec"]["containers"][0]["image"] = wrong
            sent[wrong] = time.monotonic()
        server.change(item)
        made += 1
        time.sleep(max(0.0, begun + made / _CHANGES - time.monotonic()))
    return made


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Measure and print."""
    pods = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 15
    with tempfile.TemporaryDirectory() as temporary:
        bench_dump(Path(temporary), pods)
        bench_watch(Path(temporary), seconds)


if __name__ == "__main__":
    main()
