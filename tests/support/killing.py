"""Kill a command in the middle, again and again, at times nobody chose."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_CONFIG, OCI_MANIFEST, Descriptor
from imagelock.stores.base import Content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.world import World

_LAYER = 4_000_000


def listed(world: World, count: int) -> dict[str, str]:
    """Give the world images of some MB, one layer shared, and a list as its lock; return the digests."""
    found = {}
    shared = random.Random(0).randbytes(_LAYER)
    for number in range(count):
        name = f"quay.io/team/app{number}"
        own = random.Random(number + 1).randbytes(_LAYER)
        found[f"{name}:1"] = str(_push(world, name, (shared, own)))
    world.write("images.lock", "".join(f"{name}@{digest}\n" for name, digest in found.items()))
    return found


def _push(world: World, name: str, layers: Sequence[bytes]) -> Digest:
    parts = []
    for kind, data in (
        (OCI_CONFIG, b'{"os":"linux","architecture":"amd64"}'),
        *(("a/b", one) for one in layers),
    ):
        one = Descriptor(media_type=kind, digest=Digest.of(data), size=len(data))
        world.store.put_blob(name, one, (data,))
        parts.append(f'{{"mediaType":"{kind}","digest":"{one.digest}","size":{one.size}}}')
    body = (
        f'{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{parts[0]},'
        f'"layers":[{",".join(parts[1:])}]}}'
    ).encode()
    content = Content(body=body, digest=Digest.of(body), media_type=OCI_MANIFEST, host="test")
    world.store.put_manifest(name, content, "1")
    return content.digest


def killed_at_random_times(world: World, command: Sequence[str], *, times: int, seed: int = 1) -> None:
    """Run the command in a process of its own and kill it, ``times`` times, each time a little later."""
    dice = random.Random(seed)
    for turn in range(times):
        process = subprocess.Popen(
            [sys.executable, "-m", "imagelock", command[0], "-C", str(world.root), *command[1:]],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(0.25 + dice.random() * 0.15 * (turn + 1))
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
