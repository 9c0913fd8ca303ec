r"""Key paths: one string for a place in a nested row.

`{"val": {"loss": 1}}` is the path `val.loss`; a literal dot in a key is written `\.` and a literal
backslash `\\`, so that every nested key has exactly one path and back (D-07). A dict with a `_type`
key (media, histogram) and an empty dict are values, not levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def escape(key: str) -> str:
    """Return one literal key as a path."""
    if "\\" in key or "." in key:
        return key.replace("\\", "\\\\").replace(".", "\\.")
    return key


def split(path: str) -> list[str]:
    """Return the literal keys of a path, outermost first."""
    if "\\" not in path:
        return path.split(".")
    parts: list[str] = []
    current: list[str] = []
    characters = iter(path)
    for character in characters:
        if character == "\\":
            current.append(next(characters, "\\"))
        elif character == ".":
            parts.append("".join(current))
            current = []
        else:
            current.append(character)
    parts.append("".join(current))
    return parts


def prefixes(path: str) -> Iterator[str]:
    """Yield the proper prefixes of a path that are levels: `a` and `a.b` for `a.b.c`."""
    at = path.find(".")
    while at >= 0:
        backslashes = 0
        while backslashes < at and path[at - 1 - backslashes] == "\\":
            backslashes += 1
        if backslashes % 2 == 0:
            yield path[:at]
        at = path.find(".", at + 1)


def join(keys: Iterable[str]) -> str:
    """Return the path of literal keys, outermost first."""
    return ".".join(escape(key) for key in keys)


def is_level(value: object) -> bool:
    """Return whether a value is a level of a path rather than a value at its end."""
    return isinstance(value, Mapping) and bool(value) and "_type" not in value


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, value) for every value of a nested mapping with text keys."""
    for key, value in tree.items():
        path = prefix + escape(key)
        if is_level(value):
            yield from flatten(value, path + ".")
        else:
            yield path, value


def unflatten(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the nested dict of (path, value) pairs; a later pair wins over an earlier one.

    Values are never changed: a dict that is a value gives way to a level of the same path.
    """
    tree: dict[str, Any] = {}
    made: dict[int, dict[str, Any]] = {}  # the levels, by identity: all others are values
    for path, value in items:
        if "." not in path and "\\" not in path:
            tree[path] = value
            continue
        *outer, last = split(path)
        node = tree
        for key in outer:
            known = made.get(id(node.get(key)))
            if known is None:
                known = node[key] = {}
                made[id(known)] = known
            node = known
        node[last] = value
    return tree
