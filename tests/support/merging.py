"""Pairs of branches that change one lock at random, merged by git with the driver, and what must come of it."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.errors import LockError
from imagelock.lockfile.reader import parse_lock
from imagelock.lockfile.writer import render_lock
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage

if TYPE_CHECKING:
    from pathlib import Path

    Entries = dict[tuple[str, str], LockedImage]

IMAGES = 16
CHANGES = 8
_FILE = "images.lock"
_WHO = (
    "-c",
    "user.name=team",
    "-c",
    "user.email=team@example.com",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "core.fsync=none",
)


@dataclass(frozen=True)
class Pair:
    """A lock and what two branches made of it."""

    base: Lock
    ours: Lock
    theirs: Lock

    @property
    def contested(self) -> set[tuple[str, str]]:
        """The images that both branches took to digests of their own."""
        old, one, two = (entries(lock) for lock in (self.base, self.ours, self.theirs))
        return {
            key
            for key in one.keys() & two.keys()
            if one[key].digest != two[key].digest and old.get(key) not in (one[key], two[key])
        }

    @property
    def allowed(self) -> Entries:
        """What a right merge holds beside the contested images; dropped on one side, moved on the other stays."""
        old, one, two = (entries(lock) for lock in (self.base, self.ours, self.theirs))
        result = {}
        for key in (one.keys() | two.keys()) - self.contested:
            sides = [side[key] for side in (one, two) if key in side]
            changed = [image for image in sides if image != old.get(key)]
            if changed or len(sides) == 2:
                result[key] = (changed or sides)[0]
        return result


def entries(lock: Lock) -> Entries:
    """Return the entries of a lock by name and tag."""
    return {(image.name, image.tag or ""): image for image in lock.images}


def random_pair(seed: int) -> Pair:
    """Make a lock and two branches of it; a few images are changed on both."""
    dice = random.Random(seed)
    base = Lock(tuple(_image(f"quay.io/acme/app{n:02}", dice) for n in range(IMAGES))).sorted
    return Pair(base, _branch(base, dice), _branch(base, dice))


def _image(name: str, dice: random.Random) -> LockedImage:
    return LockedImage(
        name=name,
        tag=f"1.{dice.randrange(3)}",
        digest=Digest.of(dice.randbytes(8)),
        media_type="application/vnd.oci.image.index.v1+json",
        size=dice.randrange(400, 900),
    )


def _branch(base: Lock, dice: random.Random) -> Lock:
    images = entries(base)
    for _ in range(dice.randrange(1, CHANGES)):
        key = dice.choice(list(images))
        what = dice.choice(("move", "move", "drop", "add", "retag"))
        if what == "move":
            images[key] = replace(images[key], digest=Digest.of(dice.randbytes(8)))
        old = images[key]
        if what in ("drop", "retag"):
            del images[key]
        if what == "retag":
            new = replace(old, tag=f"2.{dice.randrange(2)}", digest=Digest.of(dice.randbytes(8)))
            images[new.name, new.tag or ""] = new
        if what == "add":
            added = _image(f"quay.io/acme/new{dice.randrange(IMAGES):02}", dice)
            images[added.name, added.tag or ""] = added
    return Lock(tuple(images.values())).sorted


@dataclass(frozen=True)
class Verdict:
    """What came of one merge: whether git stopped, and what is wrong with the result (nothing, if right)."""

    stopped: bool
    wrong: str | None


class Repository:
    """A git repository whose lock is merged by the driver, or by git itself."""

    def __init__(self, root: Path, *, driver: bool = True) -> None:
        self.root = root
        self.root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        if driver:
            (root / ".gitattributes").write_text(f"{_FILE} merge=imagelock\n")
            command = f"'{sys.executable}' -m imagelock merge-driver -q %O %A %B %P"
            self.git("config", "merge.imagelock.driver", command)
        (root / "readme").write_text("a repository\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "begin")

    def git(self, *arguments: str, check: bool = True) -> int:
        """Run git here and return its exit code."""
        done = subprocess.run(("git", *_WHO, *arguments), cwd=self.root, capture_output=True, check=False)
        if check and done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace"))
        return done.returncode

    def lock(self) -> str:
        """Return the lock as it is in the working tree."""
        return (self.root / _FILE).read_text()

    def merge(self, pair: Pair, name: str) -> Verdict:
        """Merge the two branches and judge what came of it."""
        self.git("checkout", "-q", "main")
        for branch, lock in ((f"{name}-base", pair.base), (f"{name}-theirs", pair.theirs)):
            self.git("checkout", "-q", "-b", branch)
            self._commit(lock)
        self.git("checkout", "-q", "-b", f"{name}-ours", f"{name}-base")
        self._commit(pair.ours)
        stopped = self.git("merge", "-q", "-m", "merge", f"{name}-theirs", check=False) != 0
        wrong = judged(pair, self.lock(), stopped=stopped)
        if stopped:
            self.git("merge", "--abort")
        return Verdict(stopped, wrong)

    def _commit(self, lock: Lock) -> None:
        (self.root / _FILE).write_text(render_lock(lock))
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")


def judged(pair: Pair, text: str, *, stopped: bool) -> str | None:
    """Return what is wrong with the text of a merged lock, or None."""
    if stopped != bool(pair.contested):
        return "a false conflict" if stopped else "two digests of one image went through"
    if stopped:
        missing = [key for key in pair.contested if not _names_both(pair, key, text)]
        return f"the conflict does not name {missing}" if missing else None
    try:
        merged = parse_lock(text, _FILE)
    except LockError as error:
        return f"no lock: {error.message}"
    if text != render_lock(merged):
        return "not the form of a lock"
    return None if entries(merged) == pair.allowed else "entries that neither branch meant"


def _names_both(pair: Pair, key: tuple[str, str], text: str) -> bool:
    sides = (entries(pair.ours)[key], entries(pair.theirs)[key])
    return all(str(image.digest) in text for image in sides)
