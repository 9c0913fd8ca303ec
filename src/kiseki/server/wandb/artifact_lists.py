"""Filters in the style of MongoDB, and orders, of lists of artifacts: applied to what a list holds.

Unlike runs, which the store finds by our own filter language (`mongo.py`), a collection's versions are read
as a whole, so that a filter is looked at version by version. What is not understood is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from kiseki.core.artifacts import Collection, Member
from kiseki.errors import Invalid
from kiseki.server.wandb import translation
from kiseki.server.wandb.context import iso

DEPTH_MAX = 30
TERMS_MAX = 500
VALUE_CHARS_MAX = 10_000

T = TypeVar("T")
Fields = Callable[[Any], Mapping[str, Any]]

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda a, b: a > b,
    "$gte": lambda a, b: a >= b,
    "$lt": lambda a, b: a < b,
    "$lte": lambda a, b: a <= b,
}


def of_collection(collection: Collection) -> dict[str, Any]:
    """Return what a collection can be found and sorted by."""
    return {
        "id": collection.number,
        "name": collection.name,
        "type": collection.type,
        "description": collection.description,
        "tag": list(collection.tags),
        "created_at": iso(collection.created_us),
        "updated_at": iso(collection.updated_us),
        "created_us": collection.created_us,
        "updated_us": collection.updated_us,
    }


def of_member(member: Member) -> dict[str, Any]:
    """Return what a version can be found and sorted by."""
    found = member.artifact
    return {
        "id": found.number,
        "name": f"{member.collection.name}:v{member.version}",
        "version": member.version,
        "alias": [*member.aliases, f"v{member.version}"],
        "tag": list(found.tags),
        "state": found.state.upper(),
        "digest": found.digest,
        "description": found.description,
        "size": found.size,
        "file_count": found.files,
        "created_at": iso(found.created_us),
        "updated_at": iso(found.updated_us),
        "created_us": found.created_us,
        "updated_us": found.updated_us,
        "metadata": translation.parse(found.metadata) if found.metadata else {},
    }


_NAMES = {
    "tags": "tag",
    "aliases": "alias",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "versionIndex": "version",
    "version_index": "version",
    "fileCount": "file_count",
}

_EXACT = {"created_at": "created_us", "updated_at": "updated_us"}  # ISO times have whole seconds


def chosen(items: Sequence[T], filters: str | None, order: str | None, fields: Fields) -> list[T]:
    """Return the items that a filter matches, in an order; both as the client's API sends them.

    Raises:
        Invalid: code `filter`: one that is not understood.
    """
    found = list(items)
    if filters:
        matches = _matcher(filters)
        found = [item for item in found if matches(fields(item))]
    if order:
        name = order.lstrip("+-")
        field = _EXACT.get(_NAMES.get(name, name), _NAMES.get(name, name))
        if found and field not in fields(found[0]):
            raise Invalid(f"artifacts cannot be sorted by {name!r}", code="filter")
        found.sort(key=lambda item: _rank(fields(item)[field]), reverse=order.startswith("-"))
    return found


def _rank(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool | int | float):
        return (0, value)
    return (1, value if isinstance(value, str) else str(value))


def _matcher(text: str) -> Callable[[Mapping[str, Any]], bool]:
    try:
        found = translation.parse(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the filter is not JSON: {error}", code="filter") from error
    if not isinstance(found, dict):
        raise Invalid("the filter is not an object", code="filter")

    def check(fields: Mapping[str, Any], tree: Any, depth: int) -> bool:
        if not isinstance(tree, dict):
            raise Invalid("a filter is made of objects", code="filter")
        if depth > DEPTH_MAX or len(tree) > TERMS_MAX:
            raise Invalid("the filter is too large", code="filter")
        return all([_term(fields, key, wanted, depth, check) for key, wanted in tree.items()])

    return lambda fields: check(fields, found, 0)


def _term(
    fields: Mapping[str, Any], key: str, wanted: Any, depth: int, check: Callable[..., bool]
) -> bool:
    if key in ("$and", "$or", "$nor"):
        if not isinstance(wanted, list):
            raise Invalid(f"{key} takes a list of objects", code="filter")
        parts = [check(fields, part, depth + 1) for part in wanted]
        return all(parts) if key == "$and" else any(parts) is (key == "$or")
    value = _value(fields, key)
    if isinstance(wanted, dict) and any(name.startswith("$") for name in wanted):
        return all([_compared(key, value, name, one) for name, one in wanted.items()])
    return _equals(value, wanted)


def _value(fields: Mapping[str, Any], key: str) -> Any:
    head, *rest = key.split(".")
    name = _NAMES.get(head, head)
    if name not in fields:
        raise Invalid(f"artifacts cannot be filtered by {key!r}", code="filter")
    value = fields[name]
    for part in rest:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _equals(value: Any, wanted: Any) -> bool:
    """A list has what one of its items is, as in MongoDB."""
    if isinstance(value, list) and not isinstance(wanted, list):
        return wanted in value
    return bool(value == wanted)


def _compared(key: str, value: Any, operator: str, wanted: Any) -> bool:
    if operator in ("$eq", "$ne"):
        return _equals(value, wanted) is (operator == "$eq")
    if operator in ("$in", "$nin"):
        if not isinstance(wanted, list):
            raise Invalid(f"{operator} takes a list", code="filter")
        return any(_equals(value, one) for one in wanted) is (operator == "$in")
    if operator == "$exists":
        return (value is not None and value != []) is bool(wanted)
    if operator == "$not":
        if not isinstance(wanted, dict):
            raise Invalid("$not takes an object", code="filter")
        return not all([_compared(key, value, name, one) for name, one in wanted.items()])
    if operator in ("$regex", "$contains"):
        values = value if isinstance(value, list) else [value]
        return any(isinstance(one, str) and _reads(key, one, str(wanted)) for one in values)
    if operator in _COMPARISONS:
        try:
            return _COMPARISONS[operator](value, wanted)
        except TypeError:
            return False
    raise Invalid(f"{operator} is not understood in a filter", code="filter")


def _reads(key: str, text: str, pattern: str) -> bool:
    """Plain text, with `^`, `$` and `.*` at its ends: another pattern could take for ever."""
    starts, ends = pattern.startswith("^"), pattern.endswith("$") and not pattern.endswith("\\$")
    body = pattern.removeprefix("^").removesuffix("$") if ends else pattern.removeprefix("^")
    if body.startswith(".*"):
        starts, body = False, body[2:]
    if body.endswith(".*"):
        ends, body = False, body[:-2]
    plain = body.replace("\\.", ".").replace("\\-", "-").replace("\\/", "/").replace("\\_", "_")
    if any(sign in body.replace("\\.", "").replace("\\-", "") for sign in "*+?()[]{}|\\^$"):
        raise Invalid(f"the pattern {pattern!r} of {key} is not plain text", code="filter")
    if starts and ends:
        return text == plain
    if starts:
        return text.startswith(plain)
    return text.endswith(plain) if ends else plain in text
