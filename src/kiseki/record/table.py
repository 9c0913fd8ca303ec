"""Runs of rows of equal form, decoded at once: for who reads millions of them.

A training loop logs the same keys in the same order, so that the frames of its rows are mostly equally long
and differ in the bytes of their numbers alone. Such a run is a table of bytes whose columns are the numbers.
Needs numpy; the training side never imports this module.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kiseki.record.frame import HEADER_SIZE, PREFIX
from kiseki.record.types import STEP_MAX, Kind, Row

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

ROWS_MIN = 8  # below, decoding one by one is as fast
WIDE_BYTES = 2048  # of a row: long runs of columns of one form are worth it with fewer rows, too
_WIDE_RUN_BYTES = 256  # on average
_ROW_KINDS = frozenset({int(Kind.ROW), int(Kind.ROW_PART), int(Kind.SYSTEM)})
_ALIKE = 8  # bytes of a frame header that must agree: magic, kind, flags, length
_SEQ = slice(8, 16)
_HEADS = 4  # what stands before the values of a row: shape, step, time, runtime

_NIL, _FALSE, _TRUE, _SMALL = 0xC0, 0xC2, 0xC3, 0x00


class _Form(NamedTuple):
    """How a value of one form stands in a row: a marker, and behind it a number of this many bytes.

    Small ints, bools and None are their own markers.
    """

    of: type
    number: str
    size: int


_FORMS: dict[int, _Form] = {
    0xCB: _Form(float, ">i8", 8),
    0xCC: _Form(int, ">u1", 1), 0xCD: _Form(int, ">u2", 2),
    0xCE: _Form(int, ">u4", 4), 0xCF: _Form(int, ">u8", 8),
    0xD0: _Form(int, ">i1", 1), 0xD1: _Form(int, ">i2", 2),
    0xD2: _Form(int, ">i4", 4), 0xD3: _Form(int, ">i8", 8),
    _SMALL: _Form(int, ">i1", 0), _TRUE: _Form(bool, ">u1", 0), _NIL: _Form(type(None), "", 0),
}  # fmt: skip
# Markers that are the same form, under one of them.
_ALIKE_MARKERS = np.arange(256, dtype=np.uint8)
_ALIKE_MARKERS[:0x80] = _ALIKE_MARKERS[0xE0:] = _SMALL
_ALIKE_MARKERS[_FALSE] = _TRUE
_ALIKE_OF = _ALIKE_MARKERS.tobytes()

Values = tuple[type, Ints | None]


class _Run(NamedTuple):
    """Neighbouring columns of one form."""

    form: _Form
    at: int  # where the first begins in a row
    columns: int


class Columns:
    """The columns of a table, each decoded when it is asked for: of a thousand, often one is."""

    def __init__(self, payloads: Bytes, runs: Sequence[_Run]) -> None:
        self._payloads = payloads
        self._runs = runs
        self._starts: list[int] = []
        self._count = 0
        for run in runs:
            self._starts.append(self._count)
            self._count += run.columns

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> Values:
        run, nth = self._find(place)
        (words,) = _words(self._payloads, _Run(run.form, run.at + nth * _span(run), 1))
        return run.form.of, words

    def __iter__(self) -> Iterator[Values]:
        for run in self._runs:
            for words in _words(self._payloads, run):
                yield run.form.of, words

    def type_of(self, place: int) -> type:
        """Return the type of the values of a column; nothing is decoded."""
        return self._find(place)[0].form.of

    def _find(self, place: int) -> tuple[_Run, int]:
        if not 0 <= place < self._count:
            raise IndexError(place)
        nth = bisect_right(self._starts, place) - 1
        return self._runs[nth], place - self._starts[nth]


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
    columns: Columns


def tables(buffer: bytes) -> list[Table] | None:
    """Return the rows of a buffer of frames that were checked before, other records left out.

    None if it holds anything else than runs of equal form, long or wide, with plain numbers, bools and
    None in their proper bounds: then the rows have to be looked at one by one.
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
        most = span  # runs
        if count < ROWS_MIN:
            if span >= WIDE_BYTES:
                most = span // _WIDE_RUN_BYTES
            elif offset + count * span < size:
                return None
        table = _table(kind, rows[:count], most)
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


def _table(kind: int, rows: Bytes, most: int) -> Table | None:
    seqs = _copy(rows[:, _SEQ], "<i8")
    payloads = rows[:, HEADER_SIZE:]
    first = payloads[0].tobytes()
    at = 1 if first[0] & 0xF0 == 0x90 else 3 if first[0] == 0xDC else 0
    if not at or not (payloads[:, :at] == payloads[0, :at]).all():
        return None
    runs = _runs(payloads, at, most)
    if runs is None:
        return None
    count = first[0] & 0x0F if first[0] != 0xDC else int.from_bytes(first[1:3], "big")
    if len(runs) < _HEADS or sum([run.columns for run in runs]) != count:
        return None
    if any(run.form.of is not int for run in runs[:_HEADS]):
        return None
    numbers, steps, times, runtimes = [
        _word(payloads, run.form, run.at) for run in runs[:_HEADS]
    ]  # fmt: skip
    if (numbers != numbers[0]).any() or steps.min() < 0 or steps.max() > STEP_MAX:
        return None
    if min(times.min(), runtimes.min()) == -(2**63):
        return None
    return Table(
        kind, int(numbers[0]), seqs, steps, times, runtimes, Columns(payloads, runs[_HEADS:])
    )


def _runs(payloads: Bytes, at: int, most: int) -> list[_Run] | None:
    """Return what stands in the rows from a byte on, None if they are not alike or not plain.

    None, too, where it is of more than so many runs.
    """
    runs: list[_Run] = []
    alone: list[int] = []  # markers of runs of one column: looked at together
    high: list[int] = []  # first bytes of numbers that must be within int64
    first = payloads[0].tobytes()
    size = len(first)
    while at < size:
        marker = _ALIKE_OF[first[at]]
        form = _FORMS.get(marker)
        if form is None or len(runs) == most:
            return None
        span = form.size + 1
        end = at + span
        if len(runs) >= _HEADS:  # each of them is a run of its own
            while end < size and _ALIKE_OF[first[end]] == marker:
                end += span
        if end > size:
            return None
        if end == at + span:
            alone.append(at)
        else:
            markers = payloads[:, at:end:span]
            if not ((markers if form.size else _ALIKE_MARKERS[markers]) == marker).all():
                return None
        if form.number == ">u8":
            high += range(at + 1, end, span)
        runs.append(_Run(form, at, (end - at) // span))
        at = end
    if alone and not (
        _ALIKE_MARKERS[payloads[:, alone]] == _ALIKE_MARKERS[payloads[0, alone]]
    ).all():  # fmt: skip
        return None
    if high and payloads[:, high].max() > 0x7F:
        return None
    return runs


def _span(run: _Run) -> int:
    return run.form.size + 1


def _words(payloads: Bytes, run: _Run) -> Sequence[Ints | None]:
    """Return the values of neighbouring columns, each contiguous."""
    form, span = run.form, _span(run)
    if not form.number:
        return [None] * run.columns
    if run.columns == 1:
        return [_word(payloads, form, run.at)]
    fields = payloads[:, run.at : run.at + run.columns * span].reshape(len(payloads), -1, span)
    raw = np.ascontiguousarray(fields[:, :, 1:] if form.size else fields)
    words: npt.NDArray[Any] = raw.view(form.number).reshape(len(payloads), -1).T
    if form.of is bool:
        words = words == _TRUE
    return words.astype(np.int64, order="C")  # type: ignore[return-value]


def _copy(part: Bytes, form: str) -> npt.NDArray[Any]:
    words: npt.NDArray[Any] = np.ascontiguousarray(part).view(form).reshape(-1)
    return words.astype(np.int64, copy=False)


def _word(payloads: Bytes, form: _Form, at: int) -> Ints:
    """Return the values of the column at a byte."""
    if form.of is bool:
        flags: Ints = (payloads[:, at] == _TRUE).astype(np.int64)
        return flags
    return _copy(
        payloads[:, at + 1 : at + 1 + form.size] if form.size else payloads[:, at : at + 1],
        form.number,
    )
