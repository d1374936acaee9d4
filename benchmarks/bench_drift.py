"""`drift` and a cold `lock` of 2,000 references, beside the raw ceiling and a skopeo process a reference.

    python benchmarks/bench_drift.py [REFERENCES]

Against Debian's docker-registry (its version is printed), the embedded registry in memory and `imagelock
serve` over a directory, all on loopback and in one run.  The ceiling is a client of raw sockets that sends
nothing but the HEADs: two processes, eight kept connections each.  skopeo is timed on a sample of 50 and
extrapolated, which the line says.  At last `drift` goes through a proxy that holds every request back for 30
ms, over 64 connections: what counts there is that they are all kept busy.  Nothing is asserted.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from support import peers
from support.push import Pusher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

REFERENCES = 2000
SINGLES = 4
"""Every fourth image has one platform only."""
REPOSITORIES = 20
PROCESSES, CONNECTIONS = 2, 8
RUNS = 3
SAMPLE = 50
DELAY_SECONDS = 0.030
WIDE = 64
HOST = "quay.io"
ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)


def main() -> None:
    """Measure against each registry and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else REFERENCES
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if shutil.which("docker-registry"):
            words = subprocess.run(
                ["docker-registry", "--version"], capture_output=True, text=True, check=True
            )
            registry = stack.enter_context(peers.DockerRegistry(folder / "registry"))
            shown = f"docker-registry {words.stdout.split()[-1]}"
            measure(shown, registry.address, folder / "a", count, is_peer=True)
            registry.stop()
        else:
            print("docker-registry is not installed: only the embedded registry is measured")
        spawning = multiprocessing.get_context("spawn")
        reading, writing = spawning.Pipe(duplex=False)
        server = spawning.Process(target=serve, args=(writing,), daemon=True)
        server.start()
        stack.callback(server.kill)
        address = reading.recv()
        measure("embedded registry", address, folder / "b", count, is_peer=False)
        delayed(address, folder / "b", count)
        server.kill()
        with serving(folder / "served") as served:
            measure("imagelock serve", served, folder / "c", count, is_peer=False)


def serve(writing: Connection) -> None:
    """Run the embedded registry in a process of its own, as a peer would be."""
    registry = EmbeddedRegistry(MemoryStore())
    writing.send(registry.address)
    registry.run()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run `imagelock serve` over an empty directory, as a person would."""
    address = f"127.0.0.1:{peers.free_port()}"
    command = [
        sys.executable,
        "-m",
        "imagelock",
        "serve",
        str(folder),
        "--writable",
        "--port",
        address.rpartition(":")[2],
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                try:
                    socket.create_connection(split(address), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield address
        finally:
            process.kill()


def delayed(address: str, folder: Path, count: int) -> None:
    """Time `drift` through the delaying proxy; the floor is references / connections x round trip."""
    forking = multiprocessing.get_context("fork")
    reading, writing = forking.Pipe(duplex=False)
    proxy = forking.Process(target=delay, args=(address, writing), daemon=True)
    proxy.start()
    try:
        far = reading.recv()
        configure(folder, far)
        heads_of = [(f"acme/app{i % REPOSITORIES}", f"1.{i}") for i in range(WIDE)]
        trip = min(timed(lambda one=one: _heads(far, [one], [])) for one in heads_of[:8])  # type: ignore[misc]
        floor = count / WIDE * DELAY_SECONDS
        times = [timed(lambda: imagelock(folder, "drift", "-j", str(WIDE))) for _ in range(RUNS)]
    finally:
        proxy.kill()
        configure(folder, address)
    took = statistics.median(times)
    over = "" if took <= 1.4 * floor else "   OVER"
    print(
        f"\nthrough a proxy of {DELAY_SECONDS * 1000:.0f} ms ({trip * 1000:.0f} ms measured), {WIDE} connections"
    )
    print(f"  floor             {floor:6.2f} s   references / connections x round trip")
    print(f"  drift             {took:6.2f} s   {took / floor:.2f} x the floor   budget 1.4 x{over}")


class _Delay(asyncio.Protocol):
    """One side of a passed-on connection: what it gets goes to the other side, ``seconds`` later."""

    def __init__(self, seconds: float, far: asyncio.Transport | None = None, near: str = "") -> None:
        self._seconds = seconds
        self._far = far
        self._near = near
        self._waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect the other side."""
        if self._far is None:
            self._task = asyncio.get_running_loop().create_task(self._connect(transport))

    async def _connect(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        back = _Delay(0, transport)
        self._far, _ = await asyncio.get_running_loop().create_connection(lambda: back, *split(self._near))
        for piece in self._waiting:
            self.data_received(piece)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self._far is None:
            self._waiting.append(data)
        elif self._seconds:
            asyncio.get_running_loop().call_later(self._seconds, self._far.write, data)
        else:
            self._far.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's
        """End the other side."""
        if self._far is not None:
            self._far.close()


def delay(address: str, writing: Connection) -> None:
    """Hold every request back, then pass it on; answers go back at once."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: _Delay(DELAY_SECONDS, near=address), "127.0.0.1", 0, backlog=256
        )
        writing.send(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await server.serve_forever()

    asyncio.run(main())


def split(address: str) -> tuple[str, int]:
    """Return host and port."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def measure(shown: str, address: str, folder: Path, count: int, *, is_peer: bool) -> None:
    """Fill one registry, then time everything in turns."""
    names = [(f"acme/app{i % REPOSITORIES}", f"1.{i}") for i in range(count)]
    push(address, names)
    project(folder, address, names)
    times: dict[str, list[float]] = {"ceiling": [], "drift": [], "lock": []}
    worked: dict[str, list[float]] = {"drift": [], "lock": []}
    for _ in range(RUNS):
        (folder / "images.lock").unlink(missing_ok=True)
        for verb in ("lock", "drift"):
            before = processor()
            times[verb].append(timed(lambda verb=verb: imagelock(folder, verb)))  # type: ignore[misc]
            worked[verb].append(processor() - before)
        times["ceiling"].append(timed(lambda: ceiling(address, names)))
    asked = requests(folder)
    ceiling_time = statistics.median(times["ceiling"])
    drift_time, lock_time = (statistics.median(times[name]) for name in ("drift", "lock"))
    print(f"\n{shown}, {count} references, median of {RUNS}")
    print(f"  raw HEAD ceiling  {ceiling_time:6.2f} s   {count / ceiling_time:,.0f}/s")
    ratio = drift_time / ceiling_time
    # The budget is docker-registry's, which is slower than any client; the embedded one shows the client.
    budget = f"   budget 1.8 x{'' if ratio <= 1.8 else '   OVER'}" if is_peer else ""
    print(f"  drift             {drift_time:6.2f} s   {ratio:.2f} x the ceiling{budget}")
    lock_ratio = lock_time / ceiling_time
    goal = 1.8 if is_peer else 4.0
    low = "" if lock_ratio <= goal else "   OVER"
    print(f"  cold lock         {lock_time:6.2f} s   {lock_ratio:.2f} x the ceiling   goal {goal} x{low}")
    each = {verb: statistics.median(found) / count * 1000 for verb, found in worked.items()}
    print(
        f"  processor         drift {each['drift']:.2f} ms, lock {each['lock']:.2f} ms a reference, start-up "
        "included   budget of drift 0.25 ms"
    )
    print(f"  requests          {', '.join(f'{what} {number}' for what, number in asked.items())}")
    if is_peer and shutil.which("skopeo"):
        skopeo_time = timed(lambda: skopeo(address, names[:SAMPLE])) * count / SAMPLE
        gain = skopeo_time / drift_time
        low = "" if gain >= 10 else "   UNDER"
        print(
            f"  skopeo a process  {skopeo_time:6.1f} s   extrapolated from {SAMPLE}; "
            f"drift is {gain:.0f} x as fast   budget 10 x{low}"
        )


def push(address: str, names: Sequence[tuple[str, str]]) -> None:
    """Give the registry every image."""
    pusher = Pusher(f"http://{address}")
    for number, (name, tag) in enumerate(names):
        platforms = LINUX_AMD64 if number % SINGLES == 0 else (LINUX_AMD64, LINUX_ARM64)
        pusher.image(f"{HOST}/{name}", tag, sample_image(f"{name}:{tag}", platforms))
    pusher.close()


def project(folder: Path, address: str, names: Sequence[tuple[str, str]]) -> None:
    """Write a project that names every image."""
    folder.mkdir()
    listed = "".join(f"{HOST}/{name}:{tag}\n" for name, tag in names)
    (folder / "external_images.txt").write_text(listed)
    configure(folder, address)


def configure(folder: Path, address: str) -> None:
    """Send the project's questions to this registry."""
    (folder / "imagelock.toml").write_text(
        f'[registries."{HOST}"]\nmirrors = ["http://{address}/{HOST}"]\nfallback = false\n'
    )


def timed(work: Callable[[], None]) -> float:
    """Return the seconds a piece of work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def processor() -> float:
    """Return the seconds of processor that this process's children have used."""
    spent = os.times()
    return spent.children_user + spent.children_system


def imagelock(folder: Path, *arguments: str) -> None:
    """Run a command as a process; it must end with 0."""
    environ = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    subprocess.run(
        [sys.executable, "-m", "imagelock", *arguments, "-q"],
        cwd=folder,
        env=environ,
        check=True,
        timeout=600,
    )


def skopeo(address: str, names: Sequence[tuple[str, str]]) -> None:
    """Ask for each reference with a process of its own, two at a time for two cores."""
    waiting = list(names)

    def work() -> None:
        while waiting:
            name, tag = waiting.pop()
            peers.skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{address}/{HOST}/{name}:{tag}")

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def ceiling(address: str, names: Sequence[tuple[str, str]]) -> None:
    """Send every HEAD over raw sockets from two processes; nothing is parsed but the end of the headers."""
    forking = multiprocessing.get_context("fork")
    workers = [
        forking.Process(target=heads, args=(address, list(names[number::PROCESSES])))
        for number in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise RuntimeError("the ceiling's client failed")


def heads(address: str, names: list[tuple[str, str]]) -> None:
    """Ask for a share of the references over kept connections, a thread each."""
    failed: list[bytes] = []
    workers = [
        threading.Thread(target=_heads, args=(address, names[number::CONNECTIONS], failed))
        for number in range(CONNECTIONS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failed:
        raise RuntimeError(failed[0].decode(errors="replace"))


def _heads(address: str, names: list[tuple[str, str]], failed: list[bytes]) -> None:
    with socket.create_connection(split(address)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name, tag in names:
            path = f"/v2/{HOST}/{name}/manifests/{tag}"
            connection.sendall(
                f"HEAD {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {ACCEPT}\r\n\r\n".encode()
            )
            answer = connection.recv(65536)
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(65536)
            if not answer.startswith(b"HTTP/1.1 200"):
                failed.append(answer)
                return


def requests(folder: Path) -> Counter[str]:
    """Count what one cold lock, a second one and one drift send, by the client's own count."""
    code = (
        "import sys; from imagelock.registry import client\n"
        "made = []; init = client.RegistryClient.__init__\n"
        "def keep(self, *a, **k):\n    init(self, *a, **k); made.append(self)\n"
        "client.RegistryClient.__init__ = keep\n"
        "from imagelock.cli.main import run; code = run(sys.argv[1:])\n"
        "from collections import Counter; total = Counter()\n"
        "for one in made:\n"
        "    for (_, method), number in one.requests.items(): total[method] += number\n"
        "print(*(f'{m}={n}' for m, n in sorted(total.items())))\n"
    )
    counts: Counter[str] = Counter()
    (folder / "images.lock").unlink(missing_ok=True)
    environ = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    for shown, verb in (("cold lock", "lock"), ("second lock", "lock"), ("drift", "drift")):
        done = subprocess.run(
            [sys.executable, "-c", code, verb, "-q"],
            cwd=folder, env=environ, check=True, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        found = done.stdout.split("\n")[-2].split()
        for part in found:
            method, _, number = part.partition("=")
            counts[f"{shown} {method}"] = int(number)
        if not found:
            counts[f"{shown} none"] = 0
    return counts


if __name__ == "__main__":
    main()
