"""Copy a release from one docker-registry to another, into one tar and out of it, against skopeo and a floor.

All copy the same bytes in the same run, in turns; figures are ratios of the median wall times, with the spread of the
rounds, and of the peak memory.  Layers are true gzip of data that does not compress.  skopeo is a process for each
image.  The floor is a client of plain sockets in a process of its own, four blobs at a time, that knows everything
before it starts: it hashes what it gets (between registries and to the tar) and has the system send files
(`sendfile`, from the tar).  Goals: skopeo 2 x and 4 x; the floor stands in for crane, which is no package here.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import msgspec

from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_CONFIG, OCI_MANIFEST
from imagelock.stores.base import Content
from support.peers import DockerRegistry, has
from support.push import Pusher

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGES = int(os.environ.get("BENCH_IMAGES", "6"))
LAYER_MB = int(os.environ.get("BENCH_LAYER_MB", "40"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
MB = 1_000_000
MEMORY = Path("/dev/shm")  # noqa: S108 - a fresh directory in it
IMAGELOCK = str(Path(sys.executable).with_name("imagelock"))


@dataclass(frozen=True)
class Cost:
    """Seconds of wall clock and of processor, and peak memory in MB (the largest of several processes)."""

    seconds: float
    processor: float
    memory: float


def main() -> None:
    """Run all copies in turns and print the ratios."""
    if not (has("docker-registry") and has("skopeo")):
        print("bench_copy: docker-registry and skopeo are needed; nothing was measured")
        return
    # In memory where there is room: a disk's syncs would be measured instead.
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 8000 * MB
    room = MEMORY if roomy else None
    with tempfile.TemporaryDirectory(prefix="bench-copy-", dir=room) as folder:
        base = Path(folder)
        with DockerRegistry(base / "source") as source:
            # In a process of its own: a child's peak memory begins with that of its parent.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                lock, size = pool.submit(fill, source.address).result()
            print(
                f"{IMAGES} images, {size / MB:.0f} MB, docker-registry {version()}, "
                f"{os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), median of {ROUNDS} (spread)"
            )
            (base / "images.txt").write_text("".join(f"{one}\n" for one in lock))
            (base / "blobs.json").write_text(json.dumps(blobs_of(lock)))
            run([[IMAGELOCK, "bundle", "create", str(base / "ready.tar"), "-q", *lock_options(base)]])
            compare("registry to registry", size, [to_registry(base, lock, i) for i in range(ROUNDS)], 2)
            compare("registry to tar", size, [to_tar(base, lock, i) for i in range(ROUNDS)], 4)
            compare("tar to registry", size, [from_tar(base, lock, i) for i in range(ROUNDS)], 2)


Costs: TypeAlias = "dict[str, Cost]"


def to_registry(base: Path, lock: list[str], number: int) -> Costs:
    """Copy into an empty registry each."""

    def ours(to: str) -> list[list[str]]:
        return [[IMAGELOCK, "mirror", "-q", "--to", to, *lock_options(base)]]

    def theirs(to: str) -> list[list[str]]:
        return [
            [*skopeo(), "--dest-tls-verify=false", f"docker://{untagged(one)}", f"docker://{to}/{short(one)}"]
            for one in lock
        ]

    return in_turns(
        base, {"imagelock": ours, "skopeo": theirs, "floor": lambda to: floor(base, "pass", to)}, number
    )


def from_tar(base: Path, lock: list[str], number: int) -> Costs:
    """Load one tar into an empty registry each."""
    tar = str(base / "ready.tar")

    def ours(to: str) -> list[list[str]]:
        return [[IMAGELOCK, "bundle", "load", tar, "-q", "--to", to]]

    def theirs(to: str) -> list[list[str]]:
        return [
            ["skopeo", "--insecure-policy", "copy", "-q", "--all", "--dest-tls-verify=false",
             f"oci-archive:{tar}:{one.partition('@')[0]}", f"docker://{to}/{short(one)}"]
            for one in lock
        ]  # fmt: skip

    return in_turns(
        base, {"imagelock": ours, "skopeo": theirs, "floor": lambda to: floor(base, "send", to)}, number
    )


def to_tar(base: Path, lock: list[str], number: int) -> Costs:
    """Copy into one tar, and into an oci-archive an image."""
    tar, folder = base / "bundle.tar", base / "archives"

    def ours(_to: str) -> list[list[str]]:
        return [[IMAGELOCK, "bundle", "create", str(tar), "-q", *lock_options(base)]]

    def theirs(_to: str) -> list[list[str]]:
        return [
            [*skopeo(), f"docker://{untagged(one)}", f"oci-archive:{folder}/{i}.tar:x"]
            for i, one in enumerate(lock)
        ]

    return in_turns(
        base, {"imagelock": ours, "skopeo": theirs, "floor": lambda to: floor(base, "keep", to)}, number
    )


def in_turns(base: Path, kinds: dict[str, Callable[[str], list[list[str]]]], number: int) -> Costs:
    """Run each against an empty registry and an empty folder; another one begins in each round."""
    names = list(kinds)
    costs = {}
    for name in names[number % len(names) :] + names[: number % len(names)]:
        with fresh(base) as target:
            (base / "archives").mkdir()
            costs[name] = run(kinds[name](target.address))
            shutil.rmtree(base / "archives")
            (base / "bundle.tar").unlink(missing_ok=True)
    return costs


def floor(base: Path, how: str, to: str) -> list[list[str]]:
    """Return the floor's command: this file, with what to do."""
    return [[sys.executable, str(Path(__file__).resolve()), how, str(base), to]]


def run(commands: list[list[str]]) -> Cost:
    """Run commands one after the other; fail loudly when one fails."""
    begin, processor, memory = time.perf_counter(), 0.0, 0.0
    for command in commands:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        words = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}: exit {process.returncode}\n{words.decode()}")
        processor += usage.ru_utime + usage.ru_stime
        memory = max(memory, usage.ru_maxrss / 1024)
    return Cost(time.perf_counter() - begin, processor, memory)


def compare(what: str, size: int, costs: list[Costs], goal: int) -> None:
    """Print the rates and the ratios, each with its smallest and largest round."""
    middle = {name: statistics.median(one[name].seconds for one in costs) for name in costs[0]}
    work = {name: statistics.median(one[name].processor for one in costs) for name in costs[0]}
    memory = {name: max(one[name].memory for one in costs) for name in costs[0]}
    print(f"{what}: " + ", ".join(f"{name} {size / MB / took:.0f} MB/s" for name, took in middle.items()))
    for name, aim in (("skopeo", f"goal {goal} x"), ("floor", "goal 1 x crane, not the floor")):
        rounds = [one[name].seconds / one["imagelock"].seconds for one in costs]
        ratio = middle[name] / middle["imagelock"]
        print(f"ratio {what}: {ratio:.2f} x {name} ({min(rounds):.2f} to {max(rounds):.2f}; {aim})")
    print(
        f"processor of {what}: "
        + ", ".join(f"{name} {took:.2f} s" for name, took in work.items())
        + " (the registries' not counted)"
    )
    print(f"memory of {what}: " + ", ".join(f"{name} {peak:.0f} MB" for name, peak in memory.items()))


# The floor: plain sockets, everything known before.


def floor_main(how: str, base: Path, to: str) -> None:
    """Copy every blob, four at a time: `pass` on, `keep` in one file, or `send` from one file."""
    blobs = [tuple(one) for one in json.loads((base / "blobs.json").read_text())]
    path = base / ("ready.tar" if how == "send" else "bundle.tar")
    file = os.open(path, os.O_RDWR | os.O_CREAT) if how != "pass" else -1
    places = members(path) if how == "send" else {}
    starts, at = {}, 0
    for _, _, digest, size in blobs:
        starts[digest] = places.get(digest, at)
        at += size

    def one(blob: tuple[str, str, str, int]) -> None:
        address, name, digest, size = blob
        if how == "send":
            push(to, name, digest, size, lambda sock: _from_file(sock, file, starts[digest], size))
            return
        with closing(_connect(address)) as source:
            source.sendall(f"GET /v2/{name}/blobs/{digest} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
            rest = _head(source, 200)[1]
            if how == "keep":
                _hashed(
                    source, rest, size, digest, lambda piece, at: os.pwrite(file, piece, starts[digest] + at)
                )
            else:
                push(to, name, digest, size,
                     lambda sock: _hashed(source, rest, size, digest, lambda piece, _at: sock.sendall(piece)))  # fmt: skip

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, blobs))
    if how == "keep":
        os.fsync(file)


def _from_file(sock: socket.socket, file: int, at: int, size: int) -> None:
    while size:
        count = os.sendfile(sock.fileno(), file, at, size)
        at, size = at + count, size - count


def _hashed(
    source: socket.socket,
    rest: bytes,
    size: int,
    digest: str,
    put: Callable[[bytes | memoryview, int], object],
) -> None:
    hasher, view, at = hashlib.sha256(rest), memoryview(bytearray(1 << 18)), len(rest)
    put(rest, 0)
    while at < size:
        count = source.recv_into(view[: min(len(view), size - at)])
        hasher.update(view[:count])
        put(view[:count], at)
        at += count
    if f"sha256:{hasher.hexdigest()}" != digest:
        raise SystemExit("the floor got the wrong bytes")


def push(to: str, name: str, digest: str, size: int, send: Callable[[socket.socket], None]) -> None:
    """Push a blob in two requests over a new connection."""
    with closing(_connect(to)) as sock:
        sock.sendall(
            f"POST /v2/{name}/blobs/uploads/ HTTP/1.1\r\nHost: {to}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        where = _head(sock, 202)[0]["location"].partition(to)[2]
        sock.sendall(
            f"PUT {where}&digest={digest} HTTP/1.1\r\nHost: {to}\r\nContent-Length: {size}\r\n\r\n".encode()
        )
        send(sock)
        _head(sock, 201)


def _connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)))


def _head(sock: socket.socket, status: int) -> tuple[dict[str, str], bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    if int(first.split()[1]) != status:
        raise SystemExit(f"the floor got {first}")
    return {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}, rest


def members(path: Path) -> dict[str, int]:
    """Return where each blob begins in a tar."""
    with tarfile.open(path) as archive:
        return {f"sha256:{one.name.rpartition('/')[2]}": one.offset_data for one in archive if one.isfile()}


def blobs_of(lock: list[str]) -> list[tuple[str, str, str, int]]:
    """Return address, repository, digest and size of every blob, once."""
    found: dict[str, tuple[str, str, str, int]] = {}
    for one in lock:
        address, _, rest = one.partition("/")
        name, _, digest = untagged(rest).partition("@")
        url = f"http://{address}/v2/{name}/manifests/{digest}"
        asked = urllib.request.Request(url, headers={"Accept": OCI_MANIFEST})
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - loopback
            manifest_ = json.load(answer)
        for part in (manifest_["config"], *manifest_["layers"]):
            found.setdefault(part["digest"], (address, name, part["digest"], part["size"]))
    return list(found.values())


def fill(address: str) -> tuple[list[str], int]:
    """Push images of three layers, one of them shared by all; return the lock's lines and all bytes."""
    pusher, lock, total = Pusher(f"http://{address}"), [], 0
    base = layer(0)
    for number in range(IMAGES):
        layers = [base, layer(2 * number + 1), layer(2 * number + 2)]
        config = msgspec.json.encode(
            {
                "architecture": "amd64",
                "os": "linux",
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [str(Digest.of(gzip.decompress(one))) for one in layers],
                },
            }
        )
        name = f"bench/app{number}"
        for data in (config, *layers):
            pusher.get_blob(name, Digest.of(data), data)
        total += sum(map(len, layers))
        content = manifest(config, layers)
        pusher.get_manifest(name, content, "1.0")
        lock.append(f"{address}/{name}:1.0@{content.digest}")
    pusher.close()
    return lock, total


def manifest(config: bytes, layers: list[bytes]) -> Content:
    """Return the manifest of one image."""
    kinds = (OCI_CONFIG, *["application/vnd.oci.image.layer.v1.tar+gzip"] * len(layers))
    parts = [
        {"mediaType": kind, "digest": str(Digest.of(data)), "size": len(data)}
        for kind, data in zip(kinds, (config, *layers), strict=True)
    ]
    body = msgspec.json.encode(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": parts[0], "layers": parts[1:]}
    )
    return Content(body=body, digest=Digest.of(body), media_type=OCI_MANIFEST, host="bench")


def layer(seed: int) -> bytes:
    """Return a gzipped tar of one file that does not compress; the same for a seed."""
    data = random.Random(seed).randbytes(LAYER_MB * MB)
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        member = tarfile.TarInfo("data")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return gzip.compress(target.getvalue(), compresslevel=1, mtime=0)


def fresh(base: Path) -> DockerRegistry:
    """Return a registry with nothing in it."""
    shutil.rmtree(base / "target", ignore_errors=True)
    return DockerRegistry(base / "target")


def skopeo() -> list[str]:
    """Return the words every skopeo copy begins with."""
    return ["skopeo", "--insecure-policy", "copy", "-q", "--all", "--src-tls-verify=false"]


def short(reference: str) -> str:
    """Return a reference without its host and digest."""
    return reference.partition("/")[2].partition("@")[0]


def untagged(reference: str) -> str:
    """Drop the tag: skopeo takes a tag or a digest."""
    name, _, digest = reference.partition("@")
    return f"{name.rpartition(':')[0]}@{digest}"


def lock_options(base: Path) -> list[str]:
    """Return where the lock is."""
    return ["-C", str(base), "--lock-file", "images.txt"]


def version() -> str:
    """Return docker-registry's version."""
    words = subprocess.run(["docker-registry", "--version"], capture_output=True, text=True, check=True)
    return words.stdout.split()[-1].removeprefix("v")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        floor_main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
    else:
        main()
