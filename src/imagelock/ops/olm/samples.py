"""Read the index of Che's samples: which devfiles it lists, in its order.

An entry names its devfile by ``devfile.filename``, as the preparation for air-gapped sites writes it, by a path,
or by the repository it is from (``https://github.com/ORG/REPOSITORY/tree/REF``), whose devfile is beside the index
as ``ORG-REPOSITORY-REF-devfile.yaml``.  Nothing is downloaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import ConfigError, InvalidValueError
from imagelock.files import decode, read_bytes
from imagelock.lazy_regex import lazy_regex
from imagelock.model import strictjson

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagelock.model.strictjson import Json

INDEX = "index.json"
_TREE = lazy_regex(
    r"https?://[^/]+/(?P<org>[^/?#]+)/(?P<repository>[^/?#]+?)(?:\.git)?(?:/tree/(?P<ref>[^/?#]+)[^?#]*)?/?"
)


def index_of(path: Path) -> Path | None:
    """Return the index that a catalog's source is or holds, or None."""
    if path.is_dir():
        path /= INDEX
    return path if path.suffix == ".json" and path.is_file() else None


def sample_files(index: Path, root: Path, shown: str) -> tuple[Path, ...]:
    """Return the devfiles of an index, each once; ``shown`` is how messages name it.

    Raises :class:`ConfigError` for an index that is none, and for a devfile that is not there.
    """
    try:
        document = strictjson.loads(decode(read_bytes(index)))
    except InvalidValueError as error:
        raise ConfigError(f"not an index of samples: {error.message}", where=shown) from error
    if not isinstance(document, list):
        raise ConfigError("not an index of samples: expected a list", where=shown)
    found: dict[Path, None] = {}
    for number, entry in enumerate(document):
        names = list(_names(entry))
        if not names:
            raise ConfigError(
                f"entry [{number}] names no devfile", where=shown, hint="write devfile.filename"
            )
        path = next((path for name in names if (path := index.parent / name).is_file()), None)
        if path is None or not path.resolve().is_relative_to(root.resolve()):
            raise ConfigError(
                f"the devfile of entry [{number}] is not beside the index: {names[0]}",
                where=shown,
                hint="download the samples first; imagelock reads files and fetches none",
            )
        found[path] = None
    return tuple(found)


def _names(entry: Json) -> Iterator[str]:
    """Yield where an entry's devfile may be, from the index's folder."""
    if not isinstance(entry, dict):
        return
    devfile, links = entry.get("devfile"), entry.get("links")
    if isinstance(devfile, dict) and isinstance(name := devfile.get("filename"), str):
        yield name
    texts = [*(links.values() if isinstance(links, dict) else ()), entry.get("url")]
    for text in texts:
        if isinstance(text, str):
            match = _TREE.fullmatch(text)
            if match is not None:
                parts = [match["org"], match["repository"], *([match["ref"]] if match["ref"] else [])]
                yield f"{'-'.join(parts)}-devfile.yaml"
            elif "://" not in text and text.endswith((".yaml", ".yml")):
                yield text.lstrip("/")
