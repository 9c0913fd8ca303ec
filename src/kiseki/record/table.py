"""Runs of rows of equal form, decoded at once: for who reads millions of them.

A training loop logs the same keys in the same order, so that the frames of its rows are mostly equally long
and differ in the bytes of their numbers alone. Such a run is a table of bytes whose columns are the numbers.
Needs numpy; the training side never imports this module.
"""

from __future__ import annotations

from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kiseki.record.frame import HEADER_SIZE, PREFIX
from kiseki.record.types import STEP_MAX, Kind, Row

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

ROWS_MIN = 8  # below, decoding one by one is as fast
_ROW_KINDS = frozenset({int(Kind.ROW), int(Kind.ROW_PART), int(Kind.SYSTEM)})
_ALIKE = 8  # bytes of a frame header that must agree: magic, kind, flags, length
_SEQ = slice(8, 16)

_FLOAT64, _NIL, _FALSE, _TRUE = 0xCB, 0xC0, 0xC2, 0xC3
_INTS = {
    0xCC: ">u1", 0xCD: ">u2", 0xCE: ">u4", 0xCF: ">u8",
    0xD0: ">i1", 0xD1: ">i2", 0xD2: ">i4", 0xD3: ">i8",
}  # fmt: skip


class Table(NamedTuple):
    """Rows of one kind and shape.

    Attributes:
        columns: by place in the shape: `float` with the bits of float64, `int` or `bool` with the
            values, as int64; or NoneType without any.
    """

    kind: int
    shape: int
    seqs: Ints
    steps: Ints
    times: Ints
    runtimes: Ints
    columns: list[tuple[type, Ints | None]]


def tables(buffer: bytes) -> list[Table] | None:
    """Return the rows of a buffer of frames that were checked before, other records left out.

    None if it holds anything else than long runs of equal form with plain numbers, bools and None in
    their proper bounds: then the rows have to be looked at one by one.
    """
    found: list[Table] = []
    offset, size = 0, len(buffer)
    while offset < size:
        kind, _flags, length, _seq = PREFIX.unpack_from(buffer, offset + 2)
        span = HEADER_SIZE + length
        if kind not in _ROW_KINDS:
            offset += span
            continue
        data = np.frombuffer(buffer, np.uint8, (size - offset) // span * span, offset)
        rows = data.reshape(-1, span)
        alike = (rows[:, :_ALIKE] == rows[0, :_ALIKE]).all(axis=1)
        count = len(rows) if alike.all() else int(alike.argmin())
        if count < ROWS_MIN and offset + count * span < size:
            return None
        table = _table(kind, rows[:count])
        if table is None:
            return None
        found.append(table)
        offset += count * span
    return found


def rows_of(table: Table, paths: tuple[str, ...]) -> list[Row]:
    """Return the rows of a table of kind ROW or ROW_PART as `codec.Decoder` gives them."""
    columns = [plain(of, words, len(table.seqs)) for of, words in table.columns]
    is_part = table.kind == Kind.ROW_PART
    heads = zip(table.steps.tolist(), table.times.tolist(), table.runtimes.tolist(), strict=True)
    values = zip(*columns, strict=True) if columns else repeat(())
    return [
        Row(paths, step, time_us, runtime_us, list(row), is_part)
        for (step, time_us, runtime_us), row in zip(heads, values, strict=False)
    ]


def latest(table: Table) -> int:
    """Return the place of the last row of the largest step."""
    return len(table.steps) - 1 - int(np.argmax(table.steps[::-1]))


def plain(of: type, words: Ints | None, count: int) -> list[Any]:
    if words is None:
        return [None] * count
    column: npt.NDArray[Any] = words
    if of is float:
        column = words.view(np.float64)
    elif of is bool:
        column = words.astype(np.bool_)
    values: list[Any] = column.tolist()
    return values


def _table(kind: int, rows: Bytes) -> Table | None:
    seqs = _copy(rows[:, _SEQ], "<i8")
    payloads = rows[:, HEADER_SIZE:]
    first = payloads[0].tobytes()
    at = 1 if first[0] & 0xF0 == 0x90 else 3 if first[0] == 0xDC else 0
    if not at or not (payloads[:, :at] == payloads[0, :at]).all():
        return None
    values: list[tuple[type, Ints | None]] = []
    while at < len(first):
        if first[at] == _FLOAT64:
            end = at
            while end < len(first) and first[end] == _FLOAT64:
                end += 9
            floats = _floats(payloads[:, at:end])
            if floats is None:
                return None
            values += [(float, words) for words in floats]
            at = end
            continue
        value = _value(payloads, first, at)
        if value is None:
            return None
        values.append(value[:2])
        at = value[2]
    count = first[0] & 0x0F if first[0] != 0xDC else int.from_bytes(first[1:3], "big")
    if count < 4 or len(values) != count:
        return None
    (shape, steps, times, runtimes), columns = values[:4], values[4:]
    heads = [words for of, words in (shape, steps, times, runtimes) if of is int]
    if len(heads) != 4:
        return None
    numbers, steps_, times_, runtimes_ = heads
    assert numbers is not None and steps_ is not None
    assert times_ is not None and runtimes_ is not None
    if (numbers != numbers[0]).any() or steps_.min() < 0 or steps_.max() > STEP_MAX:
        return None
    if min(times_.min(), runtimes_.min()) == -(2**63):
        return None
    return Table(kind, int(numbers[0]), seqs, steps_, times_, runtimes_, columns)


def _copy(part: Bytes, form: str) -> npt.NDArray[Any]:
    words: npt.NDArray[Any] = np.ascontiguousarray(part).view(form).reshape(-1)
    return words.astype(np.int64, copy=False)


def _floats(part: Bytes) -> Ints | None:
    """Return neighbouring columns of floats, each contiguous, or None where one holds something else."""
    n = len(part)
    fields = part.reshape(n, -1, 9)
    if not (fields[:, :, 0] == _FLOAT64).all():
        return None
    words = np.ascontiguousarray(fields[:, :, 1:]).view(">i8").reshape(n, -1)
    return words.T.astype(np.int64, order="C")


def _value(payloads: Bytes, first: bytes, at: int) -> tuple[type, Ints | None, int] | None:
    """Return type and values of the column at a byte, and where the next begins."""
    marker = first[at]
    column = payloads[:, at]
    if marker <= 0x7F or marker >= 0xE0:
        small = column.view(np.int8) if column.flags.c_contiguous else column.copy().view(np.int8)
        return (int, small.astype(np.int64), at + 1) if (small >= -32).all() else None
    if marker in (_FALSE, _TRUE):
        if not ((column == _FALSE) | (column == _TRUE)).all():
            return None
        return bool, (column == _TRUE).astype(np.int64), at + 1
    if not (column == marker).all():
        return None
    if marker == _NIL:
        return type(None), None, at + 1
    form = _INTS.get(marker)
    if form is None:
        return None
    end = at + 1 + int(form[2])
    words = _copy(payloads[:, at + 1 : end], form)
    if form == ">u8" and words.min() < 0:  # beyond int64
        return None
    return int, words, end
