"""Bucketed series as bytes: the format `KSR1` of `docs/api/native.md`.

"KSR1" │ u32 length │ header: JSON, padded with spaces to a multiple of 8 │ columns, each padded to 8
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from kiseki.core.query.buckets import Buckets
from kiseki.core.query.grouping import Grouped
from kiseki.core.query.smoothing import Means
from kiseki.storage.interface import Floats, GroupValue

MAGIC = b"KSR1"
MEDIA_TYPE = "application/x-kiseki-series"
PRECISION = 4_000  # a value may move by this part of the series' range at most

Level = Literal["points", "cells", "group"]
Dtype = Literal["f4", "f8", "u4"]

_DTYPES: dict[str, np.dtype[Any]] = {name: np.dtype("<" + name) for name in ("f4", "f8", "u4")}
_F4_EPSILON = 2.0**-24
_F4_TINY = 2.0**-149
_F4_MAX = 3.4e38


@dataclass(frozen=True, slots=True)
class Encoded:
    """One series, ready to be sent: its columns, one behind the other, and what the header says of them."""

    buckets: int
    exact: bool
    total: int
    omitted: int
    nan: int
    pinf: int
    ninf: int
    level: Level
    columns: tuple[tuple[str, Dtype, int], ...]  # name, dtype, offset in `data`
    data: bytes


class _Columns:
    """Columns laid behind one another."""

    def __init__(self) -> None:
        self.columns: list[tuple[str, Dtype, int]] = []
        self._parts: list[bytes] = []
        self._offset = 0

    def put(self, name: str, dtype: Dtype, values: npt.NDArray[Any]) -> None:
        data = values.astype(_DTYPES[dtype], copy=False).tobytes()
        self.columns.append((name, dtype, self._offset))
        self._parts.append(data)
        self._offset += len(data)
        if padding := -len(data) % 8:
            self._parts.append(bytes(padding))
            self._offset += padding

    def put_rows(self, names: Sequence[tuple[str, Dtype]], table: npt.NDArray[Any]) -> None:
        """Put the rows of a table, each a column whose length is a multiple of 8 bytes."""
        each = table.strides[0]
        self.columns += [
            (name, dtype, self._offset + at * each) for at, (name, dtype) in enumerate(names)
        ]
        self._parts.append(table.tobytes())
        self._offset += table.nbytes

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)


def encode(series: Buckets, level: Level) -> Encoded:
    """Return the bytes of one series."""
    laid = _Columns()
    value = _value_dtype(series)
    counts = {name: int(getattr(series, name).sum()) for name in ("nan", "pinf", "ninf")}
    with np.errstate(over="ignore"):  # a bucket may be wider than the largest f4
        if value == "f4" and not series.exact:
            laid.put("x", "f8", series.x)
            _put_table(series, laid)
            _put_counts(series, counts, laid.put)
        else:
            _put_all(series, value, counts, laid.put)
    return Encoded(
        series.size, series.exact, series.total, series.omitted, **counts, level=level,
        columns=tuple(laid.columns), data=laid.data,
    )  # fmt: skip


def encode_group(line: Grouped, members: Sequence[Means]) -> Encoded:
    """Return the bytes of a group's line."""
    laid = _Columns()
    laid.put("x", "f8", line.x)
    laid.put("first", "f8", line.line)
    if line.low is not None and line.high is not None:
        laid.put("low", "f8", line.low)
        laid.put("high", "f8", line.high)
    laid.put("runs", "u4", line.runs)
    total, omitted, nan, pinf, ninf = (
        sum(getattr(one, name) for one in members)
        for name in ("total", "omitted", "nan", "pinf", "ninf")
    )
    return Encoded(
        len(line.x), True, total, omitted, nan, pinf, ninf, "group", tuple(laid.columns), laid.data
    )


def _put_all(
    series: Buckets,
    value: Dtype,
    counts: Mapping[str, int],
    put: Callable[[str, Dtype, npt.NDArray[Any]], None],
) -> None:
    put("x", "f8", series.x)
    put("first", value, series.first)
    if not series.exact:
        put("count", "u4", series.count)
        for name in ("min", "max", "last", "mean"):
            put(name, value, getattr(series, name))
        for name, x in (("min", series.x_min), ("max", series.x_max), ("last", series.x_last)):
            put(f"dx_{name}", "f4", x - series.x)
    _put_counts(series, counts, put)


_IN_TABLE = ("first", "count", "min", "max", "last", "mean", "dx_min", "dx_max", "dx_last")


def _put_table(series: Buckets, laid: _Columns) -> None:
    """Put the columns of four bytes at once: of a thousand series, one by one they take twice as long."""
    n = series.size
    table = np.zeros((len(_IN_TABLE), n + n % 2), np.dtype("<f4"))
    table[0, :n] = series.first
    table[1, :n].view(np.dtype("<u4"))[:] = series.count
    table[2, :n], table[3, :n] = series.min, series.max
    table[4, :n], table[5, :n] = series.last, series.mean
    np.subtract(series.x_min, series.x, out=table[6, :n], casting="same_kind")
    np.subtract(series.x_max, series.x, out=table[7, :n], casting="same_kind")
    np.subtract(series.x_last, series.x, out=table[8, :n], casting="same_kind")
    dtypes: list[tuple[str, Dtype]] = [
        (name, "u4" if name == "count" else "f4") for name in _IN_TABLE
    ]
    laid.put_rows(dtypes, table)


def _put_counts(
    series: Buckets,
    counts: Mapping[str, int],
    put: Callable[[str, Dtype, npt.NDArray[Any]], None],
) -> None:
    for name, count in counts.items():
        if count:
            put(name, "u4", getattr(series, name))


def _value_dtype(series: Buckets) -> Dtype:
    """Return `f4` where that moves no value visibly."""
    if series.exact:
        finite = series.first[np.isfinite(series.first)]
        if not len(finite):
            return "f4"
        low, high = float(finite.min()), float(finite.max())
    elif not series.size:
        return "f4"
    else:
        low, high = float(np.fmin.reduce(series.min)), float(np.fmax.reduce(series.max))
        if math.isnan(low):
            return "f4"
    if low == high:
        return "f4" if _is_f4(np.array([low])) else "f8"
    largest = max(abs(low), abs(high))
    if largest > _F4_MAX:
        return "f8"
    error = max(largest * _F4_EPSILON, _F4_TINY)
    return "f4" if error * PRECISION <= high - low else "f8"


def _is_f4(values: Floats) -> bool:
    with np.errstate(over="ignore"):
        return bool((values.astype(np.float32) == values).all())


@dataclass(frozen=True, slots=True)
class Named:
    """A series of an answer: of a run, or of a group by its values.

    Attributes:
        members, size: of a group: all its runs, and those that have a finite value here.
        inherited: of a forked run: x of its last point that is another run's.
    """

    metric: str
    of: str | tuple[GroupValue, ...]
    encoded: Encoded
    members: int = 0
    size: int = 0
    inherited: float | None = None


def frame(x: str, series: Iterable[Named]) -> bytes:
    """Return an answer."""
    heads: list[dict[str, object]] = []
    parts: list[bytes] = []
    offset = 0
    for named in series:
        one = named.encoded
        head: dict[str, object] = {"metric": named.metric}
        if isinstance(named.of, str):
            head["run"] = named.of
        else:
            head |= {"group": named.of, "runs": named.members, "size": named.size}
        head |= {
            "n": one.buckets,
            "exact": one.exact,
            "total": one.total,
            "nan": one.nan,
            "pinf": one.pinf,
            "ninf": one.ninf,
            "level": one.level,
            "columns": {name: (dtype, offset + at, one.buckets) for name, dtype, at in one.columns},
        }
        if named.inherited is not None:
            head["inherited"] = named.inherited
        if one.omitted:
            head["omitted"] = one.omitted
        heads.append(head)
        parts.append(one.data)
        offset += len(one.data)
    header = msgspec.json.encode({"x": x, "series": heads})
    header += b" " * (-(len(MAGIC) + 4 + len(header)) % 8)
    return b"".join((MAGIC, struct.pack("<I", len(header)), header, *parts))


def parse(answer: bytes) -> tuple[dict[str, Any], list[dict[str, npt.NDArray[Any]]]]:
    """Return the header of an answer and the columns of each series."""
    if answer[:4] != MAGIC:
        raise ValueError("not a series answer")
    (length,) = struct.unpack_from("<I", answer, 4)
    header: dict[str, Any] = msgspec.json.decode(answer[8 : 8 + length])
    data = answer[8 + length :]
    columns: list[dict[str, npt.NDArray[Any]]] = [
        {
            name: np.frombuffer(data, _DTYPES[dtype], size, offset)
            for name, (dtype, offset, size) in series["columns"].items()
        }
        for series in header["series"]
    ]
    return header, columns
