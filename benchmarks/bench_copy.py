"""Copy a release from one docker-registry to another, and into one tar, against a skopeo process an image.

Both copy the same bytes in the same run, in turns; figures are ratios of the median wall times and of the
peak memory.  Layers are true gzip of data that does not compress.  Goals: 2 x and 4 x.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

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
    """Run both copies in turns and print the ratios."""
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
                f"{os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), median of {ROUNDS}"
            )
            (base / "images.txt").write_text("".join(f"{one}\n" for one in lock))
            compare("registry to registry", size, [to_registry(base, lock, i) for i in range(ROUNDS)], 2)
            compare("registry to tar", size, [to_tar(base, lock, i) for i in range(ROUNDS)], 4)


def to_registry(base: Path, lock: list[str], number: int) -> tuple[Cost, Cost]:
    """Copy into an empty registry each; every other round begins with skopeo."""

    def ours() -> Cost:
        with fresh(base) as target:
            return run([[IMAGELOCK, "mirror", "-q", "--to", target.address, *lock_options(base)]])

    def theirs() -> Cost:
        with fresh(base) as target:
            return run(
                [
                    [*skopeo(), "--dest-tls-verify=false", f"docker://{untagged(one)}", to]
                    for one in lock
                    for to in [f"docker://{target.address}/{one.partition('/')[2].partition('@')[0]}"]
                ]
            )

    return in_turns(ours, theirs, number)


def to_tar(base: Path, lock: list[str], number: int) -> tuple[Cost, Cost]:
    """Copy into one tar, and into an oci-archive an image."""

    def ours() -> Cost:
        path = base / "bundle.tar"
        cost = run([[IMAGELOCK, "bundle", "create", str(path), "-q", *lock_options(base)]])
        path.unlink()
        return cost

    def theirs() -> Cost:
        folder = base / "archives"
        folder.mkdir()
        cost = run(
            [
                [*skopeo(), f"docker://{untagged(one)}", f"oci-archive:{folder}/{i}.tar:x"]
                for i, one in enumerate(lock)
            ]
        )
        shutil.rmtree(folder)
        return cost

    return in_turns(ours, theirs, number)


def in_turns(ours: Callable[[], Cost], theirs: Callable[[], Cost], number: int) -> tuple[Cost, Cost]:
    """Run both, the first one changing from round to round."""
    if number % 2:
        second = theirs()
        return ours(), second
    return ours(), theirs()


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


def compare(what: str, size: int, costs: list[tuple[Cost, Cost]], goal: int) -> None:
    """Print both rates and the ratios."""
    ours, theirs = (statistics.median(pair[i].seconds for pair in costs) for i in (0, 1))
    our_work, their_work = (statistics.median(pair[i].processor for pair in costs) for i in (0, 1))
    our_memory, their_memory = (max(pair[i].memory for pair in costs) for i in (0, 1))
    print(f"{what}: imagelock {size / MB / ours:.0f} MB/s, skopeo {size / MB / theirs:.0f} MB/s")
    print(f"ratio {what}: {theirs / ours:.2f} x skopeo (goal {goal} x)")
    print(
        f"ratio processor of {what}: {their_work / our_work:.2f} x less than skopeo "
        f"({our_work:.2f} s, {their_work:.2f} s; the registries' not counted)"
    )
    print(
        f"ratio memory of {what}: {our_memory / their_memory:.2f} x skopeo "
        f"({our_memory:.0f} MB, {their_memory:.0f} MB)"
    )


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
    main()
