"""Rows decoded at once are the rows decoded one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.record.codec import Decoder, decompress, encode_row, frames_of
from kiseki.record.frame import intact, pack, verified
from kiseki.record.table import tables
from kiseki.record.types import STEP_MAX, Kind, Row
from kiseki.storage.embedded.columns import column_of, decode_rows, joined
from tests.contract.stream_writer import StreamWriter

values = st.one_of(
    st.floats(), st.integers(-(2**64), 2**65), st.integers(-40, 300), st.booleans(), st.none(),
    st.text(max_size=3),
)  # fmt: skip
BIG = [0, 1, -1, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32, 2**53 + 1, 2**63 - 1, -(2**63)]


def one_by_one(buffer: bytes, shapes: dict[int, tuple[str, ...]]) -> list[tuple[Any, ...]]:
    decoder = Decoder(shapes)
    rows = [row for f in frames_of(buffer) if isinstance(row := decoder.decode(f), Row)]
    return [(r.paths, r.step, r.time_us, r.runtime_us, r.values) for r in rows]


def at_once(buffer: bytes, shapes: dict[int, tuple[str, ...]]) -> list[tuple[Any, ...]]:
    rows = decode_rows(buffer, shapes, 0)
    held = {path: iter(column.values()) for path, column in rows.columns.items()}
    found = []
    for place, number in enumerate(np.broadcast_to(rows.layout, len(rows.steps)).tolist()):
        paths = rows.layouts[number]
        own = [next(held[path]) for path in paths]
        head = (int(a[place]) for a in (rows.steps, rows.times, rows.runtimes))
        found.append((paths, *head, own))
    return found


@settings(max_examples=200, deadline=None)
@given(
    st.lists(values, min_size=1, max_size=4),
    st.lists(st.lists(values, min_size=4, max_size=4), min_size=1, max_size=40),
    st.booleans(),
)
def test_any_rows(prototype: list[Any], rows: list[list[Any]], alike: bool) -> None:
    writer = StreamWriter("a")
    width = len(prototype)
    logged = [
        (i, dict(zip("abcd", prototype if alike else row[:width], strict=False)))
        for i, row in enumerate(rows)
    ]
    buffer = decompress(writer.batch(1, logged).body)
    shapes = {number: paths for paths, number in writer.shapes.items()}
    assert repr(at_once(buffer, shapes)) == repr(one_by_one(buffer, shapes))


@pytest.mark.parametrize("value", [*BIG, 1.5, math.nan, -0.0, True, False, None])
def test_long_runs_of_one_form_are_tables(value: Any) -> None:
    writer = StreamWriter("a")
    logged = [(1000 + i, {"x": value, "y": i / 7, "z": 0.5}) for i in range(100)]
    buffer = decompress(writer.batch(1, logged).body)
    assert tables(buffer) is not None
    shapes = {number: paths for paths, number in writer.shapes.items()}
    assert repr(at_once(buffer, shapes)) == repr(one_by_one(buffer, shapes))


@pytest.mark.parametrize(
    ("step", "time_us"), [(STEP_MAX + 1, 0), (-1, 0), (0, 2**63), (0, -(2**63))]
)
def test_rows_out_of_bounds_are_left_out(step: int, time_us: int) -> None:
    good = [pack(Kind.ROW, i, encode_row(0, i, 5, 6, [1.5])) for i in range(20)]
    bad = [pack(Kind.ROW, 20 + i, encode_row(0, step, time_us, 6, [1.5])) for i in range(20)]
    rows = decode_rows(b"".join(bad + good), {0: ("x",)}, 100)
    assert rows.steps.tolist() == list(range(20))
    assert rows.arrivals.tolist() == list(range(100, 120))


def test_a_path_named_twice_keeps_its_last_value() -> None:
    buffer = b"".join(pack(Kind.ROW, i, encode_row(0, i, 5, 6, [1, 2, 3])) for i in range(20))
    rows = decode_rows(buffer, {0: ("x", "y", "x")}, 0)
    assert rows.layouts == [("x", "y")]
    assert rows.columns["x"].values() == [3] * 20


def test_frames_believed_are_frames_checked() -> None:
    buffer = b"".join(pack(Kind.NOTE, i, bytes(i)) for i in range(9))
    assert list(verified(buffer)) == [frame for _, frame in intact(buffer)]


@given(st.lists(st.lists(values, min_size=1, max_size=6), min_size=1, max_size=5), st.data())
def test_columns_join_and_cut(parts: list[list[Any]], data: st.DataObject) -> None:
    whole = [value for part in parts for value in part]
    column = joined([column_of(part) for part in parts])
    assert repr(column.values()) == repr(whole)
    assert sum(column.tally()) == len(whole)
    start = data.draw(st.integers(0, len(whole) - 1))
    stop = data.draw(st.integers(start + 1, len(whole)))
    assert repr(column.cut(start, stop).values()) == repr(whole[start:stop])
