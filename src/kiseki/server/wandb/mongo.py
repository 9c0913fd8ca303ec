"""Filters in the style of MongoDB, and orders, as the client's API sends them, as our own filter trees.

{"$and": [{"state": "finished"}, {"config.lr": {"$gte": 0.1}}]}  ─►  And(Compare(state), Compare(config.lr))
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kiseki.core.query.filters import And, Compare, Filter, Key, Not, Operator, Or, SortKey
from kiseki.errors import Invalid
from kiseki.record import keypath
from kiseki.server.wandb import translation

DEPTH_MAX = 30
TERMS_MAX = 500

_ATTRIBUTES = {
    "name": "id",
    "display_name": "name",
    "displayName": "name",
    "state": "state",
    "group": "group",
    "jobType": "job_type",
    "job_type": "job_type",
    "sweep": "sweep",
    "username": "user",
    "host": "host",
    "duration": "runtime",
    "createdAt": "created",
    "created_at": "created",
    "heartbeatAt": "heartbeat",
    "heartbeat_at": "heartbeat",
    "updatedAt": "updated",
    "updated_at": "updated",
    "tags": "tags",
    "notes": "notes",
    "description": "notes",
}
_COMPARISONS: Mapping[str, Operator] = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


def parse(text: str | None) -> Filter | None:
    """Return the tree of a filter; None matches all.

    Raises:
        Invalid: not a filter that is understood.
    """
    if not text:
        return None
    try:
        found = translation.parse(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the filter is not JSON: {error}", code="filter") from error
    if not isinstance(found, dict):
        raise Invalid("the filter is not an object", code="filter")
    return _Reader().all_of(found, 0)


class _Reader:
    def __init__(self) -> None:
        self._terms = 0

    def all_of(self, found: Mapping[str, Any], depth: int) -> Filter | None:
        self._terms += len(found)
        if depth > DEPTH_MAX or self._terms > TERMS_MAX:
            raise Invalid("the filter is too large", code="filter")
        parts = [self.one(key, value, depth + 1) for key, value in found.items()]
        return _joined(And, [part for part in parts if part is not None])

    def one(self, key: str, value: Any, depth: int) -> Filter | None:
        if key in ("$and", "$or", "$nor"):
            if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                raise Invalid(f"{key} takes a list of objects", code="filter")
            parts = [self.all_of(item, depth) for item in value]
            if key == "$and":
                return _joined(And, [part for part in parts if part is not None])
            if not parts:
                return NOTHING if key == "$or" else None
            either = None if None in parts else _joined(Or, [p for p in parts if p is not None])
            if key == "$or":
                return either
            return NOTHING if either is None else Not(either)
        if key == "$not":
            part = self.all_of(value, depth) if isinstance(value, dict) else None
            return NOTHING if part is None else Not(part)
        if key.startswith("$"):
            raise Invalid(f"{key} is not understood in a filter", code="filter")
        if key.startswith("keys_info.keys."):
            return _exists(Key("summary", _path(key.removeprefix("keys_info.keys."))))
        if key.startswith("tags."):
            return Compare(Key("run", "tags"), ":", key.removeprefix("tags."), True)
        return self.compared(key_of(key), value, depth)

    def compared(self, key: Key, value: Any, depth: int) -> Filter | None:
        if not isinstance(value, dict):
            return _equal(key, value)
        parts: list[Filter] = []
        for operator, wanted in value.items():
            self._terms += 1
            found = self.operation(key, operator, wanted, depth)
            if found is not None:
                parts.append(found)
        return _joined(And, parts)

    def operation(self, key: Key, operator: str, wanted: Any, depth: int) -> Filter | None:
        if operator == "$eq":
            return _equal(key, wanted)
        if operator == "$ne":
            return Not(_equal(key, wanted))
        if operator in ("$in", "$nin"):
            if not isinstance(wanted, list):
                raise Invalid(f"{operator} takes a list", code="filter")
            self._terms += len(wanted)
            if self._terms > TERMS_MAX:
                raise Invalid("the filter is too large", code="filter")
            either = _joined(Or, [_equal(key, item) for item in wanted]) or NOTHING
            return either if operator == "$in" else Not(either)
        if operator in _COMPARISONS:
            return Compare(key, _COMPARISONS[operator], _text(wanted), True)
        if operator == "$exists":
            return _exists(key) if wanted else Not(_exists(key))
        if operator == "$regex":
            return _pattern(key, str(wanted))
        if operator == "$not":
            inner = self.compared(key, wanted, depth + 1)
            return NOTHING if inner is None else Not(inner)
        raise Invalid(f"{operator} is not understood in a filter", code="filter")


NOTHING = Compare(Key("run", "id"), ":", "", True)
"""Matches no run: every run has an id."""


def key_of(path: str) -> Key:
    """Return what a path of the client's API names. Raises Invalid."""
    if path in _ATTRIBUTES:
        return Key("run", _ATTRIBUTES[path])
    for prefix, space in (
        ("config.", "config"),
        ("summary_metrics.", "summary"),
        ("summaryMetrics.", "summary"),
    ):
        if path.startswith(prefix):
            inner = path.removeprefix(prefix)
            if space == "config":  # through the level `value` of the client's form, or without
                head, dot, rest = inner.partition(".value")
                if dot and (not rest or rest.startswith(".")):
                    inner = head + rest
            return Key(space, _path(inner))  # type: ignore[arg-type]
    raise Invalid(f"runs cannot be filtered or sorted by {path!r}", code="filter")


def _path(dotted: str) -> str:
    return ".".join(part for part in dotted.split(".")) if dotted else keypath.escape(dotted)


def _equal(key: Key, value: Any) -> Filter:
    if value is None:
        return Not(_exists(key))
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Compare(key, ":", _text(value), not is_number)


def _exists(key: Key) -> Filter:
    return Compare(key, ":", "*")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, str)):
        return str(value)
    raise Invalid(f"{value!r} cannot be compared with", code="filter")


_WITHIN = re.compile(r"(\^|\.\*)?((?:[^\\^$.|?*+()\[\]{}]|\\[^A-Za-z0-9])*)(\$|\.\*)?")


def _pattern(key: Key, text: str) -> Filter:
    """Return a regular expression that is a plain text, maybe anchored; others would need an engine."""
    found = _WITHIN.fullmatch(text)
    if found is None:
        raise Invalid(
            f"the regular expression {text!r} is not understood: plain text, ^, $ and .* at its ends are",
            code="filter",
        )
    begin, literal, end = found.groups()
    plain = re.sub(r"\\(.)", r"\1", literal)
    if begin == "^" and end == "$":
        return Compare(key, ":", plain, True)
    if "*" in plain:
        return Compare(key, "~", plain, True)
    if begin == "^":
        return Compare(key, ":", f"{plain}*")
    if end == "$":
        return Compare(key, ":", f"*{plain}")
    return Compare(key, "~", plain, True)


def _joined(kind: type[And] | type[Or], parts: list[Filter]) -> Filter | None:
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def parse_order(text: str | None) -> list[SortKey]:
    """Return the sort keys of an order; the oldest run first where nothing is said. Raises Invalid."""
    found = []
    for part in (text or "+created_at").split(","):
        path = part.strip()
        if path:
            found.append(SortKey(key_of(path.lstrip("+-")), path.startswith("-")))
    return found
