"""The guides, concepts and reference pages that come with the package, by the words that name them."""

from __future__ import annotations

import posixpath
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

ROOMS = ("guides", "concepts", "reference")
_MADE = re.compile(r"\A<!--.*?-->\n+", re.DOTALL)
_LINK = re.compile(r"\[(?P<text>(?:`[^`]*`|[^]`])+)\]\((?P<target>[^)\s]*?)(?P<anchor>#[^)\s]*)?\)")


def topics() -> Mapping[str, str]:
    """Return every topic with the title of its page, in the order of the rooms."""
    return {name: _title(page.read_text(encoding="utf-8")) for name, page in _pages().items()}


def page(topic: str) -> str:
    """Return a page as Markdown whose links name topics; raise :class:`KeyError` for an unknown one."""
    known = _pages()
    text = _MADE.sub("", known[topic].read_text(encoding="utf-8"))
    return _LINK.sub(lambda match: _link(match, known), text)


def _pages() -> dict[str, Traversable]:
    folder = _folder()
    found = (item for room in ROOMS for item in sorted(folder.joinpath(room).iterdir(), key=lambda x: x.name))
    return {item.name.removesuffix(".md"): item for item in found if item.name.endswith(".md")}


def _folder() -> Traversable:
    """Return where the pages are: in the package when it is installed, in the tree when it is developed."""
    installed = resources.files("imagelock").joinpath("docs")
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "docs"


def _title(text: str) -> str:
    return next((line[2:] for line in text.splitlines() if line.startswith("# ")), "")


def _link(match: re.Match[str], known: Mapping[str, Traversable]) -> str:
    """Return a link as its text, with the command that shows where it leads."""
    topic = posixpath.basename(match["target"]).removesuffix(".md")
    if "://" in match["target"] or not match["target"].endswith(".md"):
        return match[0] if "://" in match["target"] else match["text"]
    return f"{match['text']} (`imagelock help {topic}`)" if topic in known else match["text"]
