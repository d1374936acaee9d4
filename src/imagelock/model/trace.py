"""What tracing learned: which characters build each rendered image, and the edit that pins it.

A target is one thing that is rendered (a chart with its values, an Argo CD Application, a Flux HelmRelease, a
release of helmfile, a kustomization).  Parts are in the order in which they stand in the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["registry", "prefix", "repository", "name", "tag", "digest", "image"]
EditKind: TypeAlias = Literal["digest", "hex", "tag", "empty-tag", "image", "override", "template"]

EDIT_KINDS: tuple[EditKind, ...] = ("digest", "hex", "tag", "empty-tag", "image", "override", "template")
"""The ways to pin, best first."""
ROLES: tuple[Role, ...] = ("registry", "prefix", "repository", "name", "tag", "digest", "image")


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedPart:
    """One leaf: ``path`` is dotted as in places, ``document`` counts from 0; a template's path is its line."""

    file: str
    path: str
    role: Role
    document: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedEdit:
    """The characters that pinning fills; ``tag`` is what an empty tag means."""

    kind: EditKind
    file: str
    path: str
    document: int = 0
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedImage:
    """One image of the output, without its digest; ``reason`` says why no edit is proved."""

    image: str
    parts: tuple[TracedPart, ...] = ()
    edit: TracedEdit | None = None
    reason: str | None = None

    @property
    def proved(self) -> bool:
        """Whether an edit is known that pins this image and changes nothing else."""
        return self.edit is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedTarget:
    """One target: ``inputs`` is the hash of all that was rendered, digests apart.

    ``problem`` says why it could not be rendered; ``unreached`` are references in its values that no image
    of the output is built from, as ``file path: image``.
    """

    name: str
    kind: str
    inputs: str
    renderer: str
    files: tuple[str, ...] = ()
    images: tuple[TracedImage, ...] = ()
    problem: str | None = None
    unreached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """All targets of a project, by name."""

    targets: tuple[TracedTarget, ...] = ()

    def named(self, name: str) -> TracedTarget | None:
        """Return a target by its name."""
        return next((item for item in self.targets if item.name == name), None)
