"""What languages that are read by their words have in common: keys that say image, and texts that are sure to be one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import SHOWN_CHARS, has_variable, is_template, judge_words
from imagelock.formats.classify.prose import is_joined
from imagelock.formats.classify.unmatched import is_tagged
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, SkipKind, Skipped, Span
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

_KEY = lazy_regex(
    r"(?:[\w.-]*[-_.])?(?:image|img|IMAGE|IMG|dockerimage)(?:[-_](?:name|ref|uri|url|tag|NAME|REF|URI|URL))?"
    r"|[\w.-]*[a-z0-9]Ima?ge?(?:Name|Ref|Uri|Url)?|image(?:Name|Ref|Uri|Url)"
)
_NUMBERS = lazy_regex(r"[0-9.]+")
_YAML_LINE = lazy_regex(
    r"""[ \t]*(?:-[ \t]+)?(?:"image"|image)[ \t]*:[ \t]*["']?(?P<image>[^\s"'#,{}\[\]]+)["']?[ \t\r,]*(?=\n|\Z|[ \t]#)"""
)


def says_image(key: str) -> bool:
    """Whether a key or the name of a variable says that its value is an image."""
    return _KEY.fullmatch(key) is not None


def is_sure(written: str) -> bool:
    """Whether a text behind such a key is an image: a reference with a tag or digest that is more than a version."""
    if not is_tagged(written):
        return False
    reference = Reference.parse(written)
    return _NUMBERS.fullmatch(reference.written_name) is None


def literal(text: Text, start: int, end: int, format_name: str, refusal: str | None = None) -> Found | None:
    """Judge the characters behind a key that says image; None for what is sure to be none.

    A text with a variable or a template is skipped, ``refusal`` is why a sure one must not be written.
    """
    written = text.content[start:end]
    line, column = text.position(start)
    if has_variable(written) or is_template(written) or is_joined(text.content, start, end):
        if not any(sign in written for sign in ":/"):
            return None
        return Skipped(
            text=written[:SHOWN_CHARS],
            line=line,
            column=column,
            reason=PUT_TOGETHER,
            format=format_name,
            kind=SkipKind.TEMPLATE,
        )
    return place(text, start, end, format_name, refusal) if is_sure(written) else None


def place(text: Text, start: int, end: int, format_name: str, refusal: str | None = None) -> Found | None:
    """Return the place of a reference that these characters are; None where they are none."""
    line, column = text.position(start)
    found = judge_words(
        text.content[start:end],
        span=Span.plain(start, end) if refusal is None else None,
        where=(line, column),
        path=f"[{line}:{column}]",
        document=0,
        format_name=format_name,
    )
    return refused(found, refusal) if isinstance(found, Place) else None


def refused(found: Place, refusal: str | None) -> Place:
    """Return a place that must not be written for a reason."""
    return found if refusal is None else replace(found, slots=(), refusal=refusal)


def image_lines(text: Text, start: int, end: int, format_name: str) -> Iterator[Found]:
    """Yield the images of lines ``image: …`` of YAML or JSON that a text in another language holds."""
    at = start
    while at < end:
        stop = text.content.find("\n", at, end)
        stop = end if stop < 0 else stop
        match = (
            _YAML_LINE.match(text.content, at, stop) if text.content.find("image", at, stop) >= 0 else None
        )
        found = literal(text, *match.span("image"), format_name) if match is not None else None
        if found is not None:
            yield found
        at = stop + 1


PUT_TOGETHER = "put together from variables when the file is used"
