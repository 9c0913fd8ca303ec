"""Hypothesis strategies for records of every kind, and exact comparison (NaN, -0.0, 1 and 1.0 differ)."""

from __future__ import annotations

import struct
import types
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from kiseki.record.types import STEP_MAX, STRUCTS, Kind, Record

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
keys = st.one_of(texts, st.text("ab.\\/", max_size=6))
integers = st.one_of(
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**400]),
)
floats = st.floats(allow_nan=True, allow_infinity=True)
scalars = st.one_of(st.none(), st.booleans(), integers, floats, texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8,
)
steps = st.one_of(st.integers(0, 20), st.integers(0, STEP_MAX))
times = st.integers(-(2**63) + 1, 2**63 - 1)


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for the annotation of a record field."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return st.integers(-(2**63), 2**63 - 1)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(of_type, arguments))
    if origin is list:
        return st.lists(of_type(arguments[0]), max_size=4)
    if origin is dict:
        return st.dictionaries(keys, of_type(arguments[1]), max_size=4)
    simple = {str: texts, int: integers, bool: st.booleans(), type(None): st.none(), Any: values}
    return simple[hint]


def records_of(cls: type[Record]) -> st.SearchStrategy[Record]:
    """Return a strategy for one map-shaped record type."""
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = {field.name: of_type(hints[field.name]) for field in msgspec.structs.fields(cls)}
    return st.builds(cls, **fields)


map_records = st.one_of(*(records_of(cls) for cls in STRUCTS.values()))
kinds = st.sampled_from(list(Kind))


def exact(value: Any) -> Any:
    """Return something that is equal only for values equal in type and in every bit."""
    if isinstance(value, float):
        return ("float", struct.pack("<d", value))
    if isinstance(value, msgspec.Struct):
        return (type(value).__name__, exact(msgspec.structs.asdict(value)))
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [exact(item) for item in value]
    return (type(value).__name__, value)
