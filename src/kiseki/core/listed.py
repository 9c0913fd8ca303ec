"""Config and summary as lists of runs show them: long values are cut, so that a page of runs stays small.

A text ends with `…`, a long list or media value is `{"_type": "omitted", "items": n}` (of media with `was`,
its `_type`), and where a whole config is long, what lies behind is `"…": {"_type": "omitted"}`. Nothing is
encoded to find that out, and a value is only looked at as far as it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kiseki.record import keypath

TEXT_CHARS_MAX = 1_000
VALUE_BYTES_MAX = 1_000  # of a list, a media value; roughly
TREE_BYTES_MAX = 64 * 1024  # of a config or a summary; roughly
NUMBER_BYTES = 8
TYPE_CHARS_MAX = 64
REST = "…"
OMITTED = {"_type": "omitted"}
_NUMBERS = frozenset({float, int, bool, type(None)})
ALWAYS = ("_step", "_runtime", "_timestamp")  # of a summary; they stand behind everything else


def shortened(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config or summary for a list; what is short already comes back as it is."""
    if tree.get(REST) == OMITTED:
        return dict(tree)
    found, left = _level(tree, TREE_BYTES_MAX)
    if left < 0:
        found.update({key: tree[key] for key in ALWAYS if key in tree})
    return found


def _level(tree: Mapping[str, Any], left: int) -> tuple[dict[str, Any], int]:
    """Return a level within `left` bytes, and how many of them it leaves: negative if it was cut."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if key == REST and value == OMITTED:
            found[key] = value
            continue
        left -= len(key) + NUMBER_BYTES
        if left < 0:
            found[REST] = OMITTED
            break
        if type(value) in _NUMBERS:  # most are, and nothing is to be asked of them
            found[key] = value
        elif keypath.is_level(value):
            found[key], left = _level(value, left)
        else:
            found[key] = _value(value)
            left -= len(found[key]) if isinstance(value, str) else 0
            left -= VALUE_BYTES_MAX if isinstance(value, (list, dict)) else 0
    return found, left


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= TEXT_CHARS_MAX else value[: TEXT_CHARS_MAX - 1] + "…"
    if isinstance(value, (list, dict)) and _is_long(value):
        return {**OMITTED, "items": len(value), **_was(value)}
    return value


def _was(value: list[Any] | dict[str, Any]) -> dict[str, str]:
    """Return which media value it was, or the first of a list was: what it is drawn with depends on it."""
    first = value[0] if isinstance(value, list) else value
    known = first.get("_type") if isinstance(first, dict) else None
    return {"was": known} if isinstance(known, str) and len(known) <= TYPE_CHARS_MAX else {}


def _is_long(value: Any) -> bool:
    left = VALUE_BYTES_MAX
    waiting = [value]
    while waiting and left >= 0:
        item = waiting.pop()
        if isinstance(item, (list, dict)):
            left -= 2
            if len(item) * 2 > left:
                return True
            waiting += item if isinstance(item, list) else (*item, *item.values())
        else:
            left -= len(item) if isinstance(item, str) else NUMBER_BYTES
    return left < 0
