"""Rows taken as tables are the rows that the decoder gives one by one, bit for bit."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.core.aggregates import Sums
from kiseki.core.attempt import apply_table
from kiseki.core.decode import TABLE_ROWS_MIN, RowGroup, RowTable, decode, read_frames
from kiseki.record import codec, fold, frame
from kiseki.record.fold import Definition, RunState
from kiseki.record.table import rows_of, tables
from kiseki.record.types import Kind, Row, Shape, Summary

VALUES = st.one_of(
    st.floats(allow_nan=True),
    st.integers(-(2**70), 2**70),
    st.sampled_from(
        [0, 1, 127, 128, 255, 256, 2**31, 2**32, 2**63, -1, -32, -33, True, False, None]
    ),
    st.text(max_size=3),
)


@st.composite
def runs(draw: st.DrawFn) -> list[tuple[int, list[list[Any]]]]:
    """Runs of rows: (keys of the shape, rows), where most rows of a run look alike."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        width = draw(st.integers(0, 3))
        like = [draw(VALUES) for _ in range(width)]
        rows = [list(like) for _ in range(draw(st.integers(1, 80)))]
        for _ in range(draw(st.integers(0, 3)) if width else 0):
            rows[draw(st.integers(0, len(rows) - 1))][draw(st.integers(0, width - 1))] = draw(
                VALUES
            )
        found.append((width, rows))
    return found


def exact(value: Any) -> Any:
    return struct.pack("<d", value) if isinstance(value, float) else (type(value), value)


def flat(row: Row) -> Any:
    return (*row[:4], [exact(value) for value in row.values], row.is_part)


@settings(max_examples=150, deadline=None)
@given(runs(), st.integers(0, 2**40), st.booleans())
def test_tables_and_single_rows_agree(
    found: list[tuple[int, list[list[Any]]]], step: int, is_part: bool
) -> None:
    frames: list[bytes] = []

    def add(kind: int, payload: bytes) -> None:
        frames.append(frame.pack(kind, len(frames), payload))

    kind = Kind.ROW_PART if is_part else Kind.ROW
    for shape, (width, rows) in enumerate(found):
        add(Kind.SHAPE, codec.encode(Shape(shape=shape, paths=[f"k{i}" for i in range(width)])))
        for values in rows:
            add(kind, codec.encode_row(shape, step, 10**15 + step, step * 3, values))
            step += 1
        add(Kind.SUMMARY, codec.encode(Summary(set={"x": shape})))
    body = codec.compress(b"".join(frames))
    buffer, cut = read_frames(body)
    decoded = decode(body, buffer, cut, 0, {})
    decoder = codec.Decoder()
    expected = [r for r in map(decoder.decode, cut) if isinstance(r, (Row, Summary))]
    got: list[Any] = []
    for item in decoded.items:
        if isinstance(item, RowTable):
            got += rows_of(item.table, item.paths)
        else:
            got += item.rows if isinstance(item, RowGroup) else [item]
    as_text = [flat(r) if isinstance(r, Row) else r for r in got]
    assert as_text == [flat(r) if isinstance(r, Row) else r for r in expected]
    steps = [r.step for r in expected if isinstance(r, Row)]
    assert (decoded.rows, decoded.step_min, decoded.step_max) == (len(steps), steps[0], steps[-1])
    assert not decoded.rejected


@st.composite
def long_tables(draw: st.DrawFn) -> list[tuple[list[int], list[list[Any]]]]:
    """Tables of rows long enough to be folded as columns: (steps, columns of one type)."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        n = draw(st.integers(TABLE_ROWS_MIN, 60))
        rng = draw(st.randoms(use_true_random=False))
        floats = [rng.choice([rng.gauss(0, 1), 1e308, 0.0, -0.0]) for _ in range(n)]
        odd = [rng.choice([math.nan, math.inf, -math.inf, 2.0]) for _ in range(n)]
        ints = [rng.randrange(-(2**40), -(2**39)) for _ in range(n)]
        flags = [rng.random() < 0.5 for _ in range(n)]
        steps = [rng.randrange(40) for _ in range(n)]
        found.append((steps, [floats, odd, ints, flags, [None] * n]))
    return found


RULES = st.sampled_from([[], ["none"], ["min", "max", "mean", "last"], ["first", "best"]])


@settings(max_examples=80, deadline=None)
@given(long_tables(), st.lists(RULES, min_size=5, max_size=5), st.booleans())
def test_tables_fold_as_their_rows(
    found: list[tuple[list[int], list[list[Any]]]], rules: list[list[str]], is_part: bool
) -> None:
    paths = ("a", "b", "a.c", "d", "e")
    by_table, by_rows = Folded(paths, rules), Folded(paths, rules)
    kind = Kind.ROW_PART if is_part else Kind.ROW
    for steps, columns in found:
        payloads = [
            codec.encode_row(0, step, 10**15 + at % 7, at % 5, list(values))
            for at, (step, values) in enumerate(zip(steps, zip(*columns, strict=True), strict=True))
        ]
        # Rows of one length, as small steps are written in one byte.
        run = tables(b"".join(frame.pack(kind, at, one) for at, one in enumerate(payloads)))
        assert run is not None and len(run) == 1
        for table in run:
            apply_table(by_table.state, RowTable(paths, table))
            by_table.sums.add_table(paths, table)
            rows = rows_of(table, paths)
            fold.apply_rows(by_rows.state, paths, rows)
            by_rows.sums.add_rows(paths, rows)
    assert codec.encode_state(by_table.state) == codec.encode_state(by_rows.state)
    assert by_table.sums.cells().keys() == by_rows.sums.cells().keys()
    for key, value in by_table.sums.cells().items():
        other = by_rows.sums.cells()[key]
        if key.startswith("metric.mean."):  # added up in another order
            assert value == pytest.approx(other, rel=1e-9, abs=1e-9)
        else:
            assert exact(value) == exact(other)


class Folded:
    """What rows of an attempt are folded into."""

    def __init__(self, paths: tuple[str, ...], rules: list[list[str]]) -> None:
        self.state = RunState()
        self.state.definitions = {
            path: Definition(path, summary=rule or None, goal="maximize")
            for path, rule in zip(paths, rules, strict=True)
        }
        self.sums = Sums()
