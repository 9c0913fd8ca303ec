"""Rows taken as tables are the rows that the decoder gives one by one, bit for bit."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.core.decode import RowGroup, decode, read_frames
from kiseki.record import codec, frame
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
        rows = [list(like) for _ in range(draw(st.integers(1, 30)))]
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
        got += item.rows if isinstance(item, RowGroup) else [item]
    as_text = [flat(r) if isinstance(r, Row) else r for r in got]
    assert as_text == [flat(r) if isinstance(r, Row) else r for r in expected]
    steps = [r.step for r in expected if isinstance(r, Row)]
    assert (decoded.rows, decoded.step_min, decoded.step_max) == (len(steps), steps[0], steps[-1])
    assert not decoded.rejected
