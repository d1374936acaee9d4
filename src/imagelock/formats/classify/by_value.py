"""Images by their value: texts with a registry's host and a tag or digest, whatever key stands before them.

The raw characters of a file are asked, not its structure, so that nothing depends on a parser: one literal
search finds what may be such a text, and only then is looked at what stands around it.  A whole scalar, list
item, argument, ``k=v`` part, quoted text or line counts; an address, a sentence, a comment, the description
of a schema and the name of a package do not.  What a format has found or skipped is left to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.classify.covered import Covered
from imagelock.formats.classify.prose import (
    CODE,
    DATA,
    is_built,
    is_command,
    is_comment,
    is_described,
    is_in_tag,
    is_joined,
    language_of,
    reads_as_value,
)
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import SkipKind, Skipped
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

UNREAD = "an image at a place that no format reads"
BUILT = "the name of an image that is built here"
TOUCHED = "a template: a part of this is put in by another tool"
_CANDIDATE = lazy_regex(r"/[a-z0-9][a-z0-9._/\\-]{0,254}+(?::[A-Za-z0-9_]|@sha(?:256|512):)")
"""Where the path of an image begins, if it ends in a tag or a digest; a literal first, or it costs ten times as much."""
_REFERENCE = lazy_regex(
    r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?(?:\\?/[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)+"
    r"(?::[A-Za-z0-9_][\w.-]{0,127})?(?:@sha(?:256|512):[0-9a-f]{64,128})?"
)
_ADDRESS = lazy_regex(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_HOST_CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_"
_HOST_REACH = 300
_DEFAULT = lazy_regex(r"\$\{[A-Za-z_]\w*:?[-=?+]\Z")
_SCHEMES = ("docker:/", "oci:/")
"""What stands before an image in a URL that means one, up to the slash that its path seems to begin with."""
_LINE_REACH = 4096
_ENDS = " \t\r\n\"'`,;)]}<>|&\\"
_TOUCHES = ("{{", "${", "$(", "$", "{%", "<%", "%", "{", "[[", "#")
_OTHER_HOSTS = frozenset(
    [
        "github.com",
        "gitlab.com",
        "bitbucket.org",
        "golang.org",
        "google.golang.org",
        "gopkg.in",
        "k8s.io",
        "sigs.k8s.io",
        "go.uber.org",
        "raw.githubusercontent.com",
        "kubernetes.io",
        "hub.docker.com",
        "git.k8s.io",
    ]
)
_OTHER_DOMAINS = (".kubernetes.io", ".githubusercontent.com")
"""Where sources, packages and labels are and no images."""
_OTHER_TAGS = frozenset(("NoSchedule", "NoExecute", "PreferNoSchedule", "ro", "rw", "z", "Z", "sub", "aud"))
"""What is written behind the colon of a taint, of a mounted folder, or of a claim of an identity provider."""
_SOURCE = lazy_regex(r"\.(?:go|py|js|ts|java|kt|c|cc|cpp|h|rs|rb|sh|yaml|yml|json|md|html|txt|xml)\Z")


def unread_images(text: Text, found: Sequence[Found]) -> Iterator[Skipped]:
    """Yield the images of a text that are in nothing of what was ``found``."""
    content = text.content
    match = _CANDIDATE.search(content)
    if match is None:
        return
    language = language_of(text)
    if language is None:
        return
    yield from _with_built(list(_unread(text, language, found, match)), found)


def _with_built(unread: Sequence[Skipped], found: Sequence[Found]) -> Iterator[Skipped]:
    """Yield what is unread; what the file builds under a name is built wherever the name stands in it."""
    built = {
        item.text for item in (*found, *unread) if isinstance(item, Skipped) and item.kind is SkipKind.BUILT
    }
    for item in unread:
        is_built = item.text in built and item.kind is SkipKind.IMAGE
        yield replace(item, kind=SkipKind.BUILT, reason=BUILT) if is_built else item


def _unread(
    text: Text, language: str, found: Sequence[Found], match: re.Match[str] | None
) -> Iterator[Skipped]:
    content, covered = text.content, Covered(text, found)
    while match is not None:
        bounds = _bounds(content, match.start())
        if bounds is not None and not covered.begins(bounds[0]):
            skipped = _judged(text, language, bounds, covered)
            if skipped is not None:
                yield skipped
        match = _CANDIDATE.search(content, max(match.end() - 1, bounds[1] if bounds else 0))


def is_image(written: str) -> bool:
    """Whether a whole text is an image by its value: a registry's host, and a tag or a digest."""
    slash = written.find("/")
    return slash > 0 and _is_host(written[:slash]) and _parsed(written) is not None


def _judged(text: Text, language: str, bounds: tuple[int, int], covered: Covered) -> Skipped | None:
    """Judge the characters of one candidate by what stands around them."""
    content, (begin, end) = text.content, bounds
    written = content[begin:end].replace("\\/", "/")
    behind = content[end : end + 2]
    is_touched = behind[:1] not in _ENDS and behind.startswith(_TOUCHES)
    is_touched |= language.startswith(CODE) and is_joined(content, begin, end)
    if behind and not is_touched and behind[0] not in _ENDS:
        return None
    if _parsed(written) is None:
        return None
    line = max(content.rfind("\n", max(0, begin - _LINE_REACH), begin) + 1, begin - _LINE_REACH, 0)
    stop = content.find("\n", end, end + _LINE_REACH)
    before = content[line:begin]
    after = content[end : min(end + _LINE_REACH, len(content)) if stop < 0 else stop]
    # A default inside a tag, such as `{{ .image | default "…" }}`: rendering shows whether it counts.
    is_touched |= is_in_tag(before, after)
    is_value = is_touched or reads_as_value(before, after, language)
    if not is_value and not (language == DATA and is_command(content, line, before)):
        return None
    row, column = text.position(begin)
    if covered.holds(begin, end, row, written):
        return None
    signs = covered.long_comments
    if is_comment(content, line, before, language, signs) or is_described(content, line, before, language):
        return None
    if is_touched:
        kind, reason = SkipKind.TEMPLATE, TOUCHED
    elif is_built(content, line, before):
        kind, reason = SkipKind.BUILT, BUILT
    else:
        kind, reason = SkipKind.IMAGE, UNREAD
    return Skipped(text=written, line=row, column=column, reason=reason, kind=kind)


def _bounds(content: str, slash: int) -> tuple[int, int] | None:
    """Return where the reference begins and ends whose path seems to begin at ``slash``; None without a host."""
    # JSON may write a slash behind a backslash.
    slash -= content.startswith("\\", slash - 1) if slash else 0
    prefix = content[max(0, slash - _HOST_REACH) : slash]
    run = prefix[len(prefix.rstrip(_HOST_CHARS)) :]
    if not run:
        if not prefix.endswith(_SCHEMES):
            return None
        begin = slash + 1
        host = content[begin : content.find("/", begin, begin + _HOST_REACH)]
    else:
        host = _host_of(run, prefix)
        begin = slash - len(host)
        left = content[begin - 1 : begin] if begin else ""
        if left == "\\" and host[:1] in ("n", "r", "t"):
            begin, host = begin + 1, host[1:]
        elif left in ("/", "@", "%", "~", "+", "$", ".", "_"):
            return None
    if not _is_host(host):
        return None
    match = _REFERENCE.match(content, begin)
    return None if match is None or match.end() <= slash else match.span()


def _host_of(run: str, prefix: str) -> str:
    """Return the host that a run of characters ends with: behind a name, a colon or a variable's dash."""
    above, colon, last = run.rpartition(":")
    host = f"{above.rpartition(':')[2]}:{last}" if colon and last.isdecimal() else last
    dash = host.find("-")
    while dash >= 0:
        if _DEFAULT.search(prefix[: len(prefix) - len(host) + dash + 1]):
            return host[dash + 1 :]
        dash = host.find("-", dash + 1)
    return host.lstrip("-._")


def _is_host(host: str) -> bool:
    """Whether a word is the host of a registry: with a dot, a port, or localhost; none that has no images."""
    name, colon, port = host.partition(":")
    if not name or (colon and not port.isdecimal()) or "_" in name:
        return False
    if name in _OTHER_HOSTS or name.endswith(_OTHER_DOMAINS):
        return False
    if name == "localhost" or colon:
        return name[0].isalnum()
    last = name.rpartition(".")[2]
    return "." in name and ".." not in name and (last.isalpha() or _ADDRESS.fullmatch(name) is not None)


def _parsed(written: str) -> Reference | None:
    """Return the reference that a text is, if it has a tag or a digest and is no other thing with a colon."""
    try:
        reference = Reference.parse(written)
    except InvalidValueError:
        return None
    if (reference.tag is None and reference.digest is None) or reference.tag in _OTHER_TAGS:
        return None
    path = reference.written_name.partition("/")[2]
    is_line = reference.tag is not None and reference.tag.isdecimal() and _SOURCE.search(path) is not None
    return None if is_line or path.isdecimal() else reference
