"""`imagelock serve` beside docker-registry: requests a second, and blobs in MB/s, as ratios of one run.

    python benchmarks/bench_serve.py [--requests 3000] [--clients 4] [--blob-mb 64] [--rounds 3]

Both serve a directory of the same file system.  The clients are raw sockets in processes of their own, each
with one kept connection, so what is measured is the server; blobs are true gzip.  Medians over the rounds,
which take turns.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from imagelock.demo.sample_image import sample_image
from imagelock.model.manifest import OCI_MANIFEST
from support import peers
from support.push import push_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1024 * 1024
_HEAD_END = b"\r\n\r\n"


class Client:
    """One kept connection that reads no more of an answer than it must."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.host = address
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(MIB)

    def ask(self, method: str, path: str, body: bytes = b"", expect: int = 200) -> dict[str, str]:
        """Send a request, read its answer to the end, and return the headers."""
        length = f"Content-Length: {len(body)}\r\n" if method not in {"GET", "HEAD"} else ""
        start = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: {OCI_MANIFEST}\r\n{length}\r\n"
        self._socket.sendall(start.encode() + body)
        head, rest = self._head()
        status, *lines = head.decode().split("\r\n")
        if int(status.split()[1]) != expect:
            raise RuntimeError(f"{method} {path}: {status}")
        headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
        left = 0 if method == "HEAD" else int(headers.get("content-length", 0)) - len(rest)
        while left:
            left -= self._socket.recv_into(memoryview(self._buffer)[: min(left, MIB)])
        return headers

    def _head(self) -> tuple[bytes, bytes]:
        data = b""
        while _HEAD_END not in data:
            data += self._socket.recv(65536)
        head, _, rest = data.partition(_HEAD_END)
        return head, rest


def _ask_often(address: str, method: str, path: str, count: int) -> float:
    client = Client(address)
    client.ask(method, path)
    start = time.perf_counter()
    for _ in range(count):
        client.ask(method, path)
    return time.perf_counter() - start


def _push_blob(address: str, file: Path, number: int) -> None:
    data = file.read_bytes() + number.to_bytes(8, "big")  # Another blob each time: nothing is there yet.
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    client = Client(address)
    start = time.perf_counter()
    location = client.ask("POST", "/v2/bench/app/blobs/uploads/", expect=202)["location"]
    path = location.removeprefix(f"http://{address}")
    mark = "&" if "?" in path else "?"
    client.ask("PUT", f"{path}{mark}digest={digest}", data, expect=201)
    _note(start, file, number, digest)


def _note(start: float, file: Path, number: int, digest: str) -> None:
    seconds = time.perf_counter() - start
    file.with_name(f"pushed-{number}").write_text(f"{seconds} {digest}")


def _requests(pool: ProcessPoolExecutor, address: str, method: str, clients: int, count: int) -> float:
    path = "/v2/bench/app/manifests/1.0"
    runs = [pool.submit(_ask_often, address, method, path, count) for _ in range(clients)]
    return clients * count / max(run.result() for run in runs)


def _push(pool: ProcessPoolExecutor, address: str, file: Path, number: int) -> tuple[float, str]:
    pool.submit(_push_blob, address, file, number).result()
    seconds, digest = file.with_name(f"pushed-{number}").read_text().split()
    return file.stat().st_size / MIB / float(seconds), digest


def _pull(pool: ProcessPoolExecutor, address: str, digest: str, megabytes: float) -> float:
    path = f"/v2/bench/app/blobs/{digest}"
    return 4 * megabytes / pool.submit(_ask_often, address, "GET", path, 4).result()


@contextmanager
def _ours(directory: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "imagelock", "serve", str(directory), "--writable", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            yield process.stderr.readline().rpartition("http://")[2].strip()
        finally:
            process.terminate()


def _rounds(
    measures: dict[str, Callable[[str, int], float]], addresses: dict[str, str], rounds: int
) -> dict[str, dict[str, float]]:
    """Return the median of each measure for each server; the servers take turns."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in measures}
    for number in range(rounds):
        for name, measure in measures.items():
            for server, address in addresses.items():
                found[name].setdefault(server, []).append(measure(address, number))
    return {
        name: {server: statistics.median(values) for server, values in servers.items()}
        for name, servers in found.items()
    }


def main() -> None:
    """Print one line a measure, and the ratio of ours to docker-registry's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, default in (("--requests", 3000), ("--clients", 4), ("--blob-mb", 64), ("--rounds", 3)):
        parser.add_argument(name, type=int, default=default)
    options = parser.parse_args()
    if not peers.has("docker-registry"):
        sys.exit("docker-registry is not installed: nothing to compare with")
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as temporary:
        directory = Path(temporary)
        file = directory / "blob.gz"
        file.write_bytes(gzip.compress(os.urandom(options.blob_mb * MIB), 1))
        with (
            _ours(directory / "ours") as ours,
            peers.DockerRegistry(directory / "theirs") as theirs,
            ProcessPoolExecutor(options.clients, multiprocessing.get_context("spawn")) as pool,
        ):
            addresses = {"imagelock serve": ours, "docker-registry 2.8.2": theirs.address}
            digests = {}
            for address in addresses.values():
                push_image(f"http://{address}", "bench/app", "1.0", sample_image("bench"))
                digests[address] = _push(pool, address, file, 1000)[1]
            megabytes = file.stat().st_size / MIB
            measures: dict[str, Callable[[str, int], float]] = {
                "GET manifest, requests/s": lambda address, _: _requests(
                    pool, address, "GET", options.clients, options.requests
                ),
                "HEAD manifest, requests/s": lambda address, _: _requests(
                    pool, address, "HEAD", options.clients, options.requests
                ),
                "pull a blob, MB/s": lambda address, _: _pull(pool, address, digests[address], megabytes),
                "push a blob, MB/s": lambda address, number: _push(pool, address, file, number)[0],
            }
            for name, figures in _rounds(measures, addresses, options.rounds).items():
                mine, other = figures.values()
                print(
                    f"{name:28}  imagelock {mine:8.0f}  docker-registry {other:8.0f}  ratio {mine / other:5.2f}"
                )


if __name__ == "__main__":
    main()
