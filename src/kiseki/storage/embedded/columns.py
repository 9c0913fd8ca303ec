"""Rows turned into columns, without losing what they were: the shape in which everything is read.

A `Rows` comes from one batch or from one row chunk. Which row holds which keys is told by its layout (the
tuple of its key paths); most blocks have one or two. A `Column` keeps ints as ints, tells bools from numbers
and holds anything else as it was logged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kiseki.errors import CorruptRecord
from kiseki.record.codec import Decoder
from kiseki.record.frame import Frame, verified
from kiseki.record.table import Table, Values, tables
from kiseki.record.types import STEP_MAX, Kind, Row, System
from kiseki.storage.interface import Floats, Ints

Bytes = npt.NDArray[np.uint8]
Layout = tuple[str, ...]

# What a value of a column is. BIG: an int beyond 64 bits; the nearest float is its word.
FLOAT, INT, BOOL, BIG, TEXT, OTHER = range(6)
ROW_KINDS = frozenset({int(Kind.ROW), int(Kind.ROW_PART), int(Kind.SYSTEM)})

_CODES: dict[type, int] = {float: FLOAT, int: INT, bool: BOOL, str: TEXT}
_PLAIN = frozenset({float, int, bool, str, type(None)})
_TIME_MAX = 2**63 - 1
_HEADS = 4  # what stands before the values of a row: shape, step, time, runtime
_LISTED_BYTES = 32  # of memory, a number in a list
_SAME = [np.array([code], np.uint8) for code in range(6)]
_decode_lists = msgspec.msgpack.Decoder(list[list[Any]]).decode


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one key in the rows that hold it, in their order.

    Attributes:
        codes: what each value is, uint8; one element if all are the same.
        words: int64, one for each number: the bits of a float, the value of an int or bool.
        objects: the values that are no 64-bit number, exactly.
        count: number of values.
    """

    codes: Bytes
    words: Ints
    objects: Sequence[Any]
    count: int

    def numbers(self) -> tuple[Floats, npt.NDArray[np.bool_] | None]:
        """Return the numbers as floats, and which values they are (None: all)."""
        if len(self.codes) == 1:
            code = int(self.codes[0])
            if code in (FLOAT, BIG):
                return self.words.view(np.float64), None
            if code in (INT, BOOL):
                return self.words.astype(np.float64), None
            return np.empty(0), np.zeros(self.count, np.bool_)
        numeric = self.codes <= BIG
        codes = self.codes[numeric]
        whole = (codes == INT) | (codes == BOOL)
        values = np.where(whole, self.words.astype(np.float64), self.words.view(np.float64))
        return values, None if numeric.all() else numeric

    def values(self) -> list[Any]:
        """Return every value as it was logged."""
        if len(self.codes) == 1:
            code = int(self.codes[0])
            found: list[Any] = list(self.objects)
            if code == FLOAT:
                found = self.words.view(np.float64).tolist()
            elif code == INT:
                found = self.words.tolist()
            elif code == BOOL:
                found = self.words.astype(np.bool_).tolist()
            return found
        floats, ints = iter(self.words.view(np.float64).tolist()), iter(self.words.tolist())
        objects = iter(self.objects)
        found = []
        for code in self.codes.tolist():
            if code > BIG:
                found.append(next(objects))
                continue
            number, whole = next(floats), next(ints)
            if code == BIG:
                found.append(next(objects))
            else:
                found.append(number if code == FLOAT else whole if code == INT else bool(whole))
        return found

    def cut(self, start: int, stop: int) -> Column:
        """Return the values from `start` up to `stop`."""
        if len(self.codes) == 1:
            code = int(self.codes[0])
            words = self.words[start:stop] if code <= BIG else self.words
            objects = self.objects[start:stop] if code >= BIG else ()
            return Column(self.codes, words, objects, stop - start)
        first_word, last_word = (int((self.codes[:at] <= BIG).sum()) for at in (start, stop))
        first, last = (int((self.codes[:at] >= BIG).sum()) for at in (start, stop))
        return Column(
            self.codes[start:stop] if stop - start > 1 else self.codes[start:stop].copy(),
            self.words[first_word:last_word],
            self.objects[first:last],
            stop - start,
        )

    def tally(self) -> tuple[int, int, int]:
        """Return how many values are numbers, text, and neither."""
        if len(self.codes) == 1:
            code = int(self.codes[0])
            return (
                self.count if code <= BIG else 0,
                self.count if code == TEXT else 0,
                self.count if code == OTHER else 0,
            )
        texts = int((self.codes == TEXT).sum())
        others = int((self.codes == OTHER).sum())
        return self.count - texts - others, texts, others

    @property
    def nbytes(self) -> int:
        """Bytes of memory, roughly."""
        return self.words.nbytes + self.codes.nbytes + 200 * len(self.objects) + 200


@dataclass(frozen=True, slots=True)
class Rows:
    """Decoded rows in the order of their arrival.

    Attributes:
        arrivals, steps, times, runtimes: int64, shape (n,).
        kinds: uint8, the record kind of each row; one element if all are the same.
        layouts: the distinct tuples of key paths.
        layout: int32, for each row its index in `layouts`; one element if there is one layout.
        columns: by key path.
        nbytes: bytes of memory, roughly, of rows decoded from a batch.
    """

    arrivals: Ints
    steps: Ints
    times: Ints
    runtimes: Ints
    kinds: Bytes
    layouts: Sequence[Layout]
    layout: npt.NDArray[np.int32]
    columns: Mapping[str, Column]
    nbytes: int = 0


class _Lazy(Mapping[str, Column]):
    """Columns of rows that lie behind one another in parts, each made when it is asked for.

    Of a thousand keys mostly a few are. What is made is not kept: whoever goes through all of them takes
    the `whole` rows.
    """

    def __init__(self, layouts: Iterable[Layout]) -> None:
        self._places = [_places(paths) for paths in layouts]  # of each part

    def __iter__(self) -> Iterator[str]:
        if len(self._places) == 1:
            return iter(self._places[0])
        distinct = {id(own): own for own in self._places}.values()
        return iter(dict.fromkeys(path for own in distinct for path in own))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, path: object) -> bool:
        return any(path in own for own in self._places)


class _OfTables(_Lazy):
    def __init__(self, layouts: Iterable[Layout], found: Sequence[Table]) -> None:
        super().__init__(layouts)
        self._tables = found

    def __getitem__(self, path: str) -> Column:
        return joined([
            _column(table.columns[place], len(table.seqs)) for table, place in self._parts(path)
        ])  # fmt: skip

    def made(self) -> dict[str, Column]:
        pieces: dict[str, list[Column]] = {}
        for table, own in zip(self._tables, self._places, strict=True):
            n = len(table.seqs)
            for path, values in zip(own, table.columns, strict=True):
                pieces.setdefault(path, []).append(_column(values, n))
        return {path: joined(parts) for path, parts in pieces.items()}

    def tally(self, path: str) -> tuple[int, int, int]:
        numbers = others = 0
        for table, place in self._parts(path):
            if table.columns.type_of(place) is type(None):
                others += len(table.seqs)
            else:
                numbers += len(table.seqs)
        return numbers, 0, others

    def _parts(self, path: str) -> list[tuple[Table, int]]:
        found = [
            (table, own[path])
            for table, own in zip(self._tables, self._places, strict=True)
            if path in own
        ]
        if not found:
            raise KeyError(path)
        return found


class _OfLists(_Lazy):
    """Of rows as lists: the shape, three numbers, and the values."""

    def __init__(self, layouts: Iterable[Layout], groups: Sequence[Sequence[list[Any]]]) -> None:
        super().__init__(layouts)
        self._groups = groups

    def __getitem__(self, path: str) -> Column:
        values: list[Any] = []
        for group, own in zip(self._groups, self._places, strict=True):
            place = own.get(path)
            if place is not None:
                values += [row[place + _HEADS] for row in group]
        if not values:
            raise KeyError(path)
        return column_of(values)


@lru_cache(maxsize=256)
def _places(paths: Layout) -> dict[str, int]:
    """Return where in a layout each path stands; batches of one form, of all runs, share it."""
    return {path: place for place, path in enumerate(paths)}


def whole(rows: Rows) -> Rows:
    """Return rows with all their columns made: for who needs each of them more than once."""
    columns = rows.columns
    return replace(
        rows, columns=columns.made() if isinstance(columns, _OfTables) else dict(columns)
    )


def tally_of(rows: Rows, path: str) -> tuple[int, int, int]:
    """Return how many values of a key are numbers, text, and neither."""
    columns = rows.columns
    return columns.tally(path) if isinstance(columns, _OfTables) else columns[path].tally()


def column_of(values: Sequence[Any]) -> Column:
    """Return a column of values as they were logged (at least one)."""
    types = set(map(type, values))
    if len(types) == 1:
        (only,) = types
        if only is float:
            words = np.array(values, np.float64).view(np.int64)
            return Column(_same(FLOAT), words, (), len(values))
        if only is int or only is bool:
            try:
                words = np.array(values, np.int64)
                return Column(_same(BOOL if only is bool else INT), words, (), len(values))
            except OverflowError:
                pass
        else:
            code = TEXT if only is str else OTHER
            return Column(_same(code), np.empty(0, np.int64), values, len(values))
    return _mixed(values)


def _same(code: int) -> Bytes:
    return _SAME[code]


def _mixed(values: Sequence[Any]) -> Column:
    codes = np.empty(len(values), np.uint8)
    words = np.empty(len(values), np.int64)
    floats = words.view(np.float64)
    objects: list[Any] = []
    n = 0
    for place, value in enumerate(values):
        code = _CODES.get(type(value), OTHER)
        if code == INT and not -(2**63) <= value < 2**63:
            code = BIG
        codes[place] = code
        if code == FLOAT:
            floats[n] = value
        elif code in (INT, BOOL):
            words[n] = value
        else:
            objects.append(value)
            if code == BIG:
                floats[n] = nearest(value)
        n += code <= BIG
    if (codes == codes[0]).all():
        codes = codes[:1]
    return Column(codes, words[:n].copy(), objects, len(values))


def nearest(value: int) -> float:
    """Return the float nearest to an int of any size."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def joined(columns: Sequence[Column]) -> Column:
    """Return the values of several columns one after the other."""
    if len(columns) == 1:
        return columns[0]
    first = columns[0].codes
    if all(len(column.codes) == 1 and column.codes[0] == first[0] for column in columns):
        codes = first
    else:
        codes = np.concatenate([
            np.broadcast_to(column.codes, column.count) for column in columns
        ])  # fmt: skip
    words = np.concatenate([column.words for column in columns])
    objects = [value for column in columns for value in column.objects]
    return Column(codes, words, objects, sum(column.count for column in columns))


def positions(layout: npt.NDArray[np.int32], holds: npt.NDArray[np.bool_], n: int) -> Ints | None:
    """Return which of `n` rows have a layout that `holds` a key; None for all of them."""
    if holds.all():
        return None
    if len(layout) == 1:
        return np.empty(0, np.int64)
    chosen: Ints = np.flatnonzero(holds[layout])
    return chosen


def decode_rows(buffer: bytes, shapes: Mapping[int, Layout], shift: int) -> Rows:
    """Return the rows of stored batches; what is no row, or cannot be understood, is left out.

    Args:
        buffer: frames of one stream, which were checked when they were stored.
        shapes: every shape of the stream.
        shift: what has to be added to the sequence of a record to get its arrival in the segment.
    """
    found = tables(buffer)
    if found is not None:
        rows = _of_tables(found, shapes, shift)
        if rows is not None:
            return replace(rows, nbytes=len(buffer) + _nbytes(rows))
    frames = [frame for frame in verified(buffer) if frame.kind in ROW_KINDS]
    try:
        decoded = _decode_lists(
            b"\xdd" + len(frames).to_bytes(4, "big") + b"".join([f.payload for f in frames])
        )
        keep = _understood(decoded, shapes)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        keep = False
    if not keep:
        # Something odd is among them (or an int beyond 64 bits): one by one.
        frames, decoded = _one_by_one(frames, shapes)
    seqs = np.array([frame.seq for frame in frames], np.int64)
    kinds = np.array([frame.kind for frame in frames], np.uint8)
    rows = _pivot(decoded, shapes, seqs + shift, kinds)
    values = _LISTED_BYTES * sum(map(len, decoded))
    return replace(rows, nbytes=values + len(buffer) + _nbytes(rows))


def _nbytes(rows: Rows) -> int:
    return 40 * len(rows.steps) + 2000


def _of_tables(found: Sequence[Table], shapes: Mapping[int, Layout], shift: int) -> Rows | None:
    """Return rows of equal form as columns; None if one of their shapes is not what it should be."""
    layouts: dict[Layout, int] = {}
    used: list[int] = []
    of_tables: list[Layout] = []
    for table in found:
        paths = shapes.get(table.shape)
        if paths is None or len(paths) != len(table.columns) or len(_places(paths)) != len(paths):
            return None
        used.append(layouts.setdefault(paths, len(layouts)))
        of_tables.append(paths)
    if not found:
        return _pivot([], shapes, np.empty(0, np.int64), np.empty(0, np.uint8))
    sizes = [len(table.seqs) for table in found]
    kinds = np.repeat(np.array([table.kind for table in found], np.uint8), sizes)
    layout = np.repeat(np.array(used, np.int32), sizes)
    return Rows(
        np.concatenate([table.seqs for table in found]) + shift,
        np.concatenate([table.steps for table in found]),
        np.concatenate([table.times for table in found]),
        np.concatenate([table.runtimes for table in found]),
        kinds[:1] if (kinds == kinds[0]).all() else kinds,
        list(layouts),
        layout[:1] if len(layouts) == 1 else layout,
        _OfTables(of_tables, found),
    )


def _column(values: Values, n: int) -> Column:
    of, words = values
    if words is None:
        return Column(_same(OTHER), np.empty(0, np.int64), [None] * n, n)
    return Column(_same(_CODES[of]), words, (), n)


def _understood(decoded: list[list[Any]], shapes: Mapping[int, Layout]) -> bool:
    """Return whether every row is plain and well-formed, so that no closer look is needed."""
    lengths = {n: len(paths) + 4 for n, paths in shapes.items() if len({*paths}) == len(paths)}
    for row in decoded:
        if type(row[0]) is not int or lengths.get(row[0]) != len(row):
            return False
    for place in (1, 2, 3):
        numbers = [row[place] for row in decoded]
        if set(map(type, numbers)) - {int} or not numbers:
            return False
        low, high = min(numbers), max(numbers)
        if low < (0 if place == 1 else -_TIME_MAX) or high > (
            STEP_MAX if place == 1 else _TIME_MAX
        ):
            return False
    return all(_PLAIN.issuperset(map(type, row)) for row in decoded)


def _one_by_one(
    frames: Iterable[Frame], shapes: Mapping[int, Layout]
) -> tuple[list[Frame], list[list[Any]]]:
    """Return what can be understood, each row led by its layout instead of the number of its shape."""
    decoder = Decoder(dict(shapes))
    kept, decoded = [], []
    for frame in frames:
        try:
            row = decoder.decode(frame)
        except CorruptRecord:
            continue
        if isinstance(row, (Row, System)):
            kept.append(frame)
            values = dict(zip(row.paths, row.values, strict=True))  # no path twice
            decoded.append([tuple(values), row.step, row.time_us, row.runtime_us, *values.values()])
    return kept, decoded


def _pivot(
    decoded: list[list[Any]], shapes: Mapping[int, Layout], arrivals: Ints, kinds: Bytes
) -> Rows:
    n = len(decoded)
    if n and (kinds == kinds[0]).all():
        kinds = kinds[:1]
    layouts: dict[Layout, int] = {}
    layout = np.zeros(n, np.int32)
    heads: list[list[Any]] = [[], [], []]
    of_groups: list[Layout] = []
    groups: list[list[list[Any]]] = []
    start = 0
    for shape, some in groupby(decoded, key=_first):
        group = list(some)
        paths = shapes[shape] if isinstance(shape, int) else shape
        for place, head in enumerate(heads, 1):
            head.extend([row[place] for row in group])
        layout[start : start + len(group)] = layouts.setdefault(paths, len(layouts))
        start += len(group)
        of_groups.append(paths)
        groups.append(group)
    steps_, times_, runtimes_ = (np.array(head, np.int64) for head in heads)
    if len(layouts) == 1:
        layout = layout[:1]
    return Rows(
        arrivals, steps_, times_, runtimes_, kinds, list(layouts), layout,
        _OfLists(of_groups, groups),
    )  # fmt: skip


def _first(row: list[Any]) -> int | Layout:
    first: int | Layout = row[0]
    return first
