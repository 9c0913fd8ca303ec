"""Rows decoded at once are the rows decoded one by one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.record import table
from kiseki.record.codec import Decoder, decompress, encode_row, frames_of
from kiseki.record.frame import intact, pack, verified
from kiseki.record.table import tables
from kiseki.record.types import STEP_MAX, Kind, Row
from kiseki.storage.embedded import blocks
from kiseki.storage.embedded.columns import column_of, decode_rows, joined, tally_of, whole
from kiseki.storage.embedded.series import EmbeddedSeries
from kiseki.storage.interface import Range
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


@st.composite
def wide_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of hundreds of keys in long runs of one form, some of whose values are something else."""
    runs = draw(st.lists(st.tuples(values, st.integers(1, 300)), min_size=1, max_size=6))
    like = [value for value, times in runs for _ in range(times)]
    odd = st.tuples(st.integers(0, len(like) - 1), values)
    found = []
    for _ in range(draw(st.integers(1, 12))):
        row = list(like)
        for place, value in draw(st.lists(odd, max_size=2)):
            row[place] = value
        found.append({f"k{place}": value for place, value in enumerate(row)})
    return found


@settings(max_examples=100, deadline=None)
@given(wide_rows(), st.integers(0, 300), st.data())
def test_each_column_alone_is_that_of_all(
    logged: list[dict[str, Any]], step: int, data: st.DataObject
) -> None:
    writer = StreamWriter("a")
    other = [(0, {"k1": 1, "z": 2.5})] * data.draw(st.integers(0, 2))
    body = writer.batch(1, [*other, *enumerate(logged, step)]).body
    buffer, shapes = decompress(body), {number: paths for paths, number in writer.shapes.items()}
    wanted: dict[str, list[Any]] = {}
    for paths, _step, _time, _runtime, own in one_by_one(buffer, shapes):
        for path, value in zip(paths, own, strict=True):
            wanted.setdefault(path, []).append(value)
    rows = decode_rows(buffer, shapes, 0)
    made = whole(rows).columns
    assert list(rows.columns) == list(made) == list(wanted)
    for path in data.draw(st.permutations(list(wanted))):
        column, old = rows.columns[path], column_of(wanted[path])
        assert repr(column.values()) == repr(made[path].values()) == repr(old.values())
        assert tally_of(rows, path) == made[path].tally() == old.tally()
        numbers, places = column.numbers()
        old_numbers, old_places = old.numbers()
        assert numbers.tobytes() == old_numbers.tobytes()
        assert repr(places) == repr(old_places)
    assert "other" not in rows.columns
    assert rows.columns.get("other") is None


@pytest.mark.parametrize("rows", [1, 5, 40])
def test_one_metric_of_a_thousand_decodes_no_other(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    bodies: list[int] = []
    words = table._words

    def counted(payloads: table.Bytes, run: table._Run) -> Any:
        decoded.append(len(payloads) * run.columns)
        return words(payloads, run)

    def bodies_counted(buffer: bytes, *rest: Any) -> Any:
        bodies.append(len(buffer))
        return decode_rows(buffer, *rest)

    monkeypatch.setattr(table, "_words", counted)
    monkeypatch.setattr(blocks, "decode_rows", bodies_counted)
    store = EmbeddedSeries(tmp_path)
    writer = StreamWriter("a")
    batches = 10
    for n in range(batches):
        # Some of the batches have steps of one byte and of two.
        steps = range(100 + n * rows, 100 + (n + 1) * rows)
        store.append(
            1, [writer.batch(1, [(s, {f"m{k}": s + k / 7 for k in range(1000)}) for s in steps])]
        )
    total = rows * batches
    for metric in (3, 999, 3):
        decoded.clear()
        (points,) = store.points(1, f"m{metric}", [Range(1)])
        assert points.values.tolist() == [s + metric / 7 for s in range(100, 100 + total)]
        assert sum(decoded) == total
        assert len(bodies) == batches  # each once, and then it is kept
    store.close()


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
