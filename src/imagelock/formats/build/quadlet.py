"""Quadlet units, from which podman makes systemd services: ``.container``, ``.image``, ``.volume``, ``.build`` and ``.pod``.

Read: ``Image=`` of the sections ``[Container]``, ``[Image]`` and ``[Volume]``.  A name that ends in ``.image`` or
``.build`` is another unit; ``ImageTag=`` is what a build makes, and the file that ``.kube`` names is a Kubernetes
file of its own.  ``%`` begins a specifier of systemd.  Follows podman-systemd.unit(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import SHOWN_CHARS, judge_words
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import SkipKind, Skipped, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "quadlet"
summary = "Quadlet units of podman: Image= of containers, images and volumes"

_SUFFIXES = (".container", ".image", ".volume", ".build", ".kube", ".pod")
_SECTIONS = ("[Container]", "[Image]", "[Volume]", "[Build]", "[Kube]", "[Pod]")
_BUILD = "[Build]"
_READ = frozenset(["[Container]", "[Image]", "[Volume]"])
# An assignment of systemd: blanks around the sign do not count, nor do quotes around the value.
_IMAGE = lazy_regex(r"Image[ \t]*=[ \t]*[\"']?(?P<image>[^\"'\r\n]*?)[\"']?[ \t\r]*")
_BUILT = lazy_regex(r"ImageTag[ \t]*=[ \t]*[\"']?(?P<image>[^\"'\r\n]+?)[\"']?[ \t\r]*")
_UNITS = (".image", ".build")
BUILT = "the name that the build gives to its image"
UNIT = "another unit, from which podman takes the image"
SPECIFIER = "a specifier of systemd or a variable, replaced when the unit is started"
_PREFIX = "docker://"


def claims(text: Text) -> bool:
    """Take units by the suffix of their name and one of their sections."""
    suffix = text.file_name[text.file_name.rfind(".") :]
    return suffix in _SUFFIXES and any(section in text.content for section in _SECTIONS)


def find(text: Text) -> Iterator[Found]:
    """Yield the image of each section that has one."""
    section, at = "", 0
    for line in text.content.split("\n"):
        written = line.strip("\ufeff \t\r")
        if written.startswith("["):
            section = written
        built = _BUILT.fullmatch(line) if section == _BUILD else None
        if built is not None:
            yield _skipped(text, at + built.start("image"), built["image"], BUILT, SkipKind.BUILT)
        match = _IMAGE.fullmatch(line) if section in _READ and line.startswith("Image") else None
        if match is not None and match["image"]:
            yield _image(text, at + match.start("image"), at + match.end("image"))
        at += len(line) + 1


def _image(text: Text, start: int, end: int) -> Found:
    if text.content.startswith(_PREFIX, start):
        start += len(_PREFIX)
    written, where = text.content[start:end], text.position(start)
    is_unit = written.endswith(_UNITS)
    if is_unit or "%" in written or "$" in written:
        reason, kind = (UNIT, SkipKind.BUILT) if is_unit else (SPECIFIER, SkipKind.TEMPLATE)
        return _skipped(text, start, written, reason, kind)
    return judge_words(
        written,
        span=Span.plain(start, end),
        where=where,
        path=f"Image[{where[0]}]",
        document=0,
        format_name=name,
    )


def _skipped(text: Text, start: int, written: str, reason: str, kind: SkipKind) -> Skipped:
    line, column = text.position(start)
    return Skipped(
        text=written[:SHOWN_CHARS], line=line, column=column, reason=reason, format=name, kind=kind
    )
