"""The keys for digests in a chart's own values: a file that overrides these values may have to say them too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.syntax.yaml_text import chunks, compose

if TYPE_CHECKING:
    from imagelock.formats.syntax.text import Text

_KEYS = ("digest", "sha")


def digest_keys(text: Text) -> tuple[tuple[str, str, str], ...]:
    """Return path of the image, key and what it holds, of every ``digest`` and ``sha`` beside a repository."""
    if not any(f"{key}:" in text.content for key in _KEYS):
        return ()
    try:
        document = next((item for chunk in chunks(text) if (item := compose(text, chunk)) is not None), None)
    except FormatError:
        return ()
    if document is None:
        return ()
    return tuple(
        (mapping.path, key, value.scalar if not value.is_null else "")
        for mapping in document.top.mappings()
        if mapping.get("repository") is not None
        for key in _KEYS
        if (value := mapping.get(key)) is not None and value.scalar is not None
    )
