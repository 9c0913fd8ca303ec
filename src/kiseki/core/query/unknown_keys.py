"""Keys of a filter that no run of a project has, and which key was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kiseki.storage.filters import ATTRIBUTES, And, Compare, Filter, Key, Not, Or, Word

NAMES_MAX = 5_000  # names that a misspelled one is compared with
ALIKE = 0.6


class UnknownKey(NamedTuple):
    """A key as the filter spells it, and the one that was meant: "" where none is near."""

    key: str
    like: str


def unknown_keys(where: Filter, fields: Iterable[str], metrics: Iterable[str]) -> list[UnknownKey]:
    """Return the keys that none of a project's runs have, in the order of the filter.

    Args:
        fields: paths of config and summary, with their spaces.
        metrics: paths of metrics.
    """
    known = [_plain(path) for path in fields]
    names = {"metric": [_plain(path) for path in metrics]}
    for space in ("config", "summary"):
        names[space] = [
            path.removeprefix(f"{space}.") for path in known if path.startswith(f"{space}.")
        ]
    names[""] = [*dict.fromkeys([*names["config"], *names["summary"]])]
    found: dict[str, UnknownKey] = {}
    for key in _keys(where):
        front, name = _parts(key)
        if key.space == "run" or _is_known(name, names[key.space]):
            continue
        others = [*ATTRIBUTES, *names[""]] if key.space == "" else names[key.space]
        like = _nearest(name, others)
        found[front + name] = UnknownKey(front + name, front + like if like else "")
    return [*found.values()]


def _plain(path: str) -> str:
    return path.replace("\\", "")


def _parts(key: Key) -> tuple[str, str]:
    """Return what stands before a name, and the name."""
    path = _plain(key.path)
    if key.space == "metric":
        what, _, name = path.partition(".")
        return f"metric.{what}.", name
    return (f"{key.space}." if key.space else ""), path


def _is_known(name: str, names: Iterable[str]) -> bool:
    """Whether it is a key, a part of one that is a list, or a dict of keys."""
    return any(
        name == one or name.startswith(f"{one}.") or one.startswith(f"{name}.") for one in names
    )


def _nearest(name: str, names: list[str]) -> str:
    folded = name.lower()
    by_fold = {one.lower(): one for one in names[:NAMES_MAX]}
    if folded in by_fold:
        return by_fold[folded]
    ends = [one for one in names if one.lower().endswith((f"/{folded}", f".{folded}"))]
    if ends:
        return min(ends, key=len)
    near = difflib.get_close_matches(folded, by_fold, n=1, cutoff=ALIKE)
    return by_fold[near[0]] if near else ""


def _keys(where: Filter) -> Iterator[Key]:
    match where:
        case And(items) | Or(items):
            for item in items:
                yield from _keys(item)
        case Not(item):
            yield from _keys(item)
        case Compare(key=key):
            yield key
        case Word():
            return
