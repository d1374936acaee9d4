"""Commands that take images: which word of a command line is the image, and what the tool makes of a digest there.

The words of a command are those of a POSIX shell as far as quotes and line ends go; nothing is expanded.  Follows the
reference of ``docker run`` for what takes a value, which podman and nerdctl share.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_TAG = "a pull by digest gives the image no tag, which whatever comes later may ask for"
NOT_BOTH = "skopeo takes no tag with its digest"
GOES = "the name that a copy gets"
ASKS = "a command that asks a registry what the tag names"

_ENGINE = r"(?:docker|podman|nerdctl|\$[({]?[A-Z_]*(?:DOCKER|PODMAN|CONTAINER_(?:TOOL|ENGINE|RUNTIME|CLI)|ENGINE)[A-Z_]*[)}]?)"
_COMMAND = lazy_regex(
    rf"(?<![\w./])(?<!\w-)(?:{_ENGINE}[ \t]+(?:--?[\w-]+(?:=\S+)?[ \t]+)*(?:(?:container|image)[ \t]+)?(?P<engine>run|create|pull)"
    r"|(?P<pull>(?:ctr|crictl)(?:[ \t]+(?:-n|--namespace)[= ]\S+)?[ \t]+(?:images?[ \t]+)?pull)"
    r"|(?P<crane>(?:crane|regctl|oras|trivy|cosign|grype|syft)[ \t]+(?:image[ \t]+)?[a-z]+)"
    r"|(?P<skopeo>skopeo[ \t]+(?:copy|inspect|list-tags|sync))"
    r"|(?P<flags>(?:kubectl|oc|kind|k3d|minikube)[ \t]+(?:[\w-]+[ \t]+)?(?:run|create|set[ \t]+image|start)))(?=[ \t]|\\\r?\n)"
)
_WORD = lazy_regex(
    r"(?:[ \t]|\\\r?\n)*+(?P<word>(?:\"(?:[^\"\\\n]|\\.|\\\r?\n)*+\"|'[^'\n]*+'|\\[^\r\n]|\$\([^()\n]*\)|\$\{[^{}\n]*\}"
    r"|[^\s\"'\\;|&<>()])++)"
)
_BOOLEAN_SHORT = "ditPqT"
_BOOLEAN = frozenset(
    [
        *(
            "detach",
            "interactive",
            "tty",
            "rm",
            "init",
            "privileged",
            "publish-all",
            "read-only",
            "sig-proxy",
        ),
        *(
            "no-healthcheck",
            "oom-kill-disable",
            "quiet",
            "replace",
            "help",
            "no-hosts",
            "systemd",
            "all-tags",
        ),
        *("disable-content-trust", "rmi", "env-host", "http-proxy", "pull-always"),
    ]
)
_IMAGE_FLAG = lazy_regex(r"--image(?:=(?P<value>.*))?", re.DOTALL)
_SET = lazy_regex(r"[\w*-]+=(?P<image>\S+)")
_PRINTS = lazy_regex(
    r"[ \t@-]*(?:echo|printf|print|log\w*|info|warn\w*|error|die|fail\w*|msg|usage|note)\b", re.IGNORECASE
)
_SEPARATORS = lazy_regex(r"[;&|]|\$\(")
_LINE_CHARS = 2048
_MOST_WORDS = 64
_SCHEME = "docker://"


class Argument(NamedTuple):
    """Characters that are an image by their place in a command, and why no digest must be written there."""

    start: int
    end: int
    refusal: str | None


def arguments(content: str) -> Iterator[Argument]:
    """Yield the words of a text's commands that are images, variables among them."""
    reached = 0
    for command in _COMMAND.finditer(content):
        line = content.rfind("\n", 0, command.start()) + 1
        if command.start() < reached or _is_said(
            content[max(line, command.start() - _LINE_CHARS) : command.start()]
        ):
            continue
        words = _Words(content, command.end())
        if command["engine"]:
            yield from _of_engine(words, command["engine"] == "pull")
        elif command["pull"]:
            yield from _first(words, NO_TAG)
        elif command["crane"]:
            yield from _first(words, ASKS)
        elif command["skopeo"]:
            # What is copied comes first; the other one is where it goes.
            copied = [(start + len(_SCHEME), end) for start, end, word in words if word.startswith(_SCHEME)]
            yield from (Argument(*where, NOT_BOTH if i == 0 else GOES) for i, where in enumerate(copied))
        else:
            yield from _of_flags(words, is_set=command[0].endswith("image"))
        # What a container is given to run is none of our commands.
        reached = words.end


def _is_said(before: str) -> bool:
    """Whether a command is a part of a text that is printed, by what is before it on its line."""
    if before.count('"') % 2 or before.count("'") % 2 or before.count("`") % 2:
        return "$(" not in before
    return _PRINTS.match(_SEPARATORS.split(before)[-1]) is not None


class _Words:
    """The words of a command from an offset on, quotes around a whole word left out; ``end`` is how far they were read."""

    def __init__(self, content: str, at: int) -> None:
        self._content = content
        self.end = at

    def __iter__(self) -> Iterator[tuple[int, int, str]]:
        for _ in range(_MOST_WORDS):
            match = _WORD.match(self._content, self.end)
            if match is None:
                return
            start, self.end = match.span("word")
            end, word = self.end, match["word"]
            if len(word) > 1 and word[0] in "\"'" and word[-1] == word[0] and word[0] not in word[1:-1]:
                start, end, word = start + 1, end - 1, word[1:-1]
            if word != "\\":
                yield start, end, word


def _of_engine(words: _Words, is_pull: bool) -> Iterator[Argument]:  # noqa: FBT001 - two kinds of one command
    takes_value = False
    for start, end, word in words:
        if takes_value:
            takes_value = False
        elif word.startswith("-"):
            takes_value = _takes_value(word)
        else:
            yield Argument(start, end, NO_TAG if is_pull else None)
            return


def _takes_value(flag: str) -> bool:
    """Whether the word behind a flag is its value."""
    if flag.startswith("--"):
        return "=" not in flag and flag[2:] not in _BOOLEAN
    letters = flag[1:].lstrip(_BOOLEAN_SHORT)
    return len(letters) == 1


def _first(words: _Words, refusal: str | None) -> Iterator[Argument]:
    """Yield the words of a command that are no flags and look like more than a word."""
    for start, end, word in words:
        if (
            not word.startswith("-")
            and ("/" in word or ":" in word)
            and "://" not in word
            and "=" not in word
        ):
            yield Argument(start, end, refusal)
            return


def _of_flags(words: _Words, *, is_set: bool) -> Iterator[Argument]:
    """Yield the value of ``--image``, and what ``kubectl set image`` gives to containers."""
    follows = False
    for start, end, word in words:
        match = _IMAGE_FLAG.fullmatch(word)
        if follows:
            yield Argument(start, end, None)
        follows = match is not None and match["value"] is None
        if match is not None and match["value"]:
            yield Argument(start + match.start("value"), end, None)
        given = _SET.fullmatch(word) if is_set and match is None and not word.startswith("-") else None
        if given is not None:
            yield Argument(start + given.start("image"), end, None)
