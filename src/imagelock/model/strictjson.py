"""Strict JSON: no duplicate keys, no NaN, bounded depth.

The standard library takes all three silently; a manifest that two readers understand differently is an
attack, not a document.
"""

from __future__ import annotations

import json
from typing import TypeAlias, Union

from imagelock.errors import InvalidValueError
from imagelock.limits import JSON_DEPTH

Json: TypeAlias = Union[bool, int, float, str, "list[Json]", "dict[str, Json]", None]


def loads(data: bytes | str) -> Json:
    """Read one JSON document; raise :class:`InvalidValueError` that says why it is none."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        value: Json = _DECODER.decode(text)
    except RecursionError as error:
        raise InvalidValueError("JSON nested too deeply", text="") from error
    except InvalidValueError:
        raise
    except ValueError as error:
        raise InvalidValueError(f"not JSON: {error}", text="") from error
    # Nothing is nested deeper than it has brackets: most documents need no second look.
    if text.count("{") + text.count("[") > JSON_DEPTH and _depth_over(value, JSON_DEPTH):
        raise InvalidValueError(f"JSON nested deeper than {JSON_DEPTH}", text="")
    return value


def _no_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidValueError(f"duplicate JSON key {key[:80]!r}", text="")
            seen.add(key)
    return result


def _no_constant(name: str) -> Json:
    raise InvalidValueError(f"{name} is not JSON", text=name)


def _depth_over(value: Json, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [
            child
            for item in level
            if isinstance(item, (list, dict))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
