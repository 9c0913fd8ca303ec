"""The questions: points, cells, exact rows and keys of segments, from blocks in one snapshot.

Blocks come in the order of arrival. Where their steps ascend from one to the next, as they nearly always do,
an answer is their concatenation; where they overlap, a stable sort by step keeps the last arrival of each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from kiseki.record.types import Kind, Row, System
from kiseki.storage.embedded.blocks import (
    Block,
    Numbers,
    RowChunk,
    Snapshot,
    Stats,
    StoredBatch,
    numbers_of,
    touches,
)
from kiseki.storage.embedded.chunks import Axis, Clock, Planes
from kiseki.storage.embedded.columns import Rows, positions
from kiseki.storage.embedded.compactor import tally
from kiseki.storage.embedded.packing import Line
from kiseki.storage.interface import Floats, Ints, KeyStat, Points, Range, XAxis

Position = tuple[int, int]
B = TypeVar("B", bound=Block)


@dataclass(frozen=True, slots=True)
class Piece:
    """The points of one key in one block: by arrival, and by step if `ascending`."""

    steps: Ints
    values: Floats
    x: Floats
    ascending: bool


def _by_segment(blocks: Iterable[B]) -> dict[int, list[B]]:
    found: dict[int, list[B]] = defaultdict(list)
    for block in blocks:
        found[block.segment].append(block)
    return found


class Found:
    """The blocks of one key in some ranges, and their points as far as they were asked for."""

    def __init__(self, snapshot: Snapshot, path: str, ranges: Sequence[Range], x: XAxis) -> None:
        self._snapshot = snapshot
        self._x = x
        self._path = path
        segments = list(dict.fromkeys(span.segment for span in ranges))
        self._key = snapshot.key(path)
        self._stats: dict[int, Stats] = {}
        chunks: dict[int, list[RowChunk]] = {}
        if self._key is not None:
            stats = snapshot.stats(segments, self._key)
            self._stats = {rows: held for rows, held in stats.items() if held.count}
            chunks = _by_segment(c for c in snapshot.row_chunks(segments) if c.id in self._stats)
        batches = _by_segment(snapshot.batches(segments))
        self.blocks: list[list[Block]] = [
            [
                block
                for block in [*chunks.get(span.segment, ()), *batches.get(span.segment, ())]
                if touches(block, span)
            ]
            for span in ranges
        ]
        self._batches = {
            batch.id: (rows, numbers)
            for batch, rows in snapshot.rows(
                list(
                    {
                        b.id: b for some in self.blocks for b in some if isinstance(b, StoredBatch)
                    }.values()
                )
            )
            if (numbers := numbers_of(rows, path)) is not None
        }
        self._numbers: dict[int, Numbers] = {}
        self._axes: dict[int, Axis] = {}
        self._clocks: dict[int, Clock] = {}

    def load(self, chunks: Iterable[RowChunk], *, points: bool) -> None:
        """Read what `piece` (or, without `points`, `edges`) needs of row chunks, with few statements."""
        wanted = {chunk.id: chunk for chunk in chunks}
        self._axes.update(self._snapshot.axes(wanted.values()))
        if self._x != "step":
            self._clocks.update(self._snapshot.clocks(wanted.values()))
        if points and wanted:
            assert self._key is not None
            stats = {id: self._stats[id] for id in wanted}
            self._numbers.update(self._snapshot.numbers(self._key, stats, self._axes))

    def stats(self, chunk: RowChunk) -> Stats:
        return self._stats[chunk.id]

    def levels(self, chunks: Iterable[RowChunk]) -> dict[int, Planes]:
        """Return the stored cells of row chunks, where there are some."""
        wanted = {chunk.id: self._stats[chunk.id] for chunk in chunks}
        return self._snapshot.levels(self._key, wanted) if self._key is not None else {}

    def piece(self, block: Block, span: Range) -> Piece | None:
        """Return the points of a block that lie in a range; None if there are none."""
        if isinstance(block, RowChunk):
            numbers, axis = self._numbers[block.id], self._axes[block.id]
            steps, ascending = axis.steps, block.ascending
            clock = self._clocks.get(block.id)
        else:
            if block.id not in self._batches:
                return None
            rows, numbers = self._batches[block.id]
            steps, clock = rows.steps, Clock(rows.times, rows.runtimes)
            ascending = bool((steps[1:] > steps[:-1]).all())
        at = numbers.at
        x = self._x_of(steps, clock, at)
        if at is not None:
            steps = steps[at]
        values = numbers.values
        inside = (span.lo is None or span.lo <= block.step_min) and (
            span.hi is None or span.hi >= block.step_max
        )
        if not inside:
            cut = _cut(steps, span, ascending)
            steps, values, x = steps[cut], values[cut], x[cut]
        return Piece(steps, values, x, ascending) if len(steps) else None

    def x_at(self, chunks: Sequence[RowChunk], sizes: Sequence[int], places: Ints) -> Floats:
        """Return the x of points of row chunks.

        Args:
            sizes: so many of each.
            places: where they are among the points of their row chunk; shape (…, sum(sizes)).
        """
        lines = [self._line(chunk) for chunk in chunks]
        first = np.repeat([0 if line is None else line.first for line in lines], sizes)
        stride = np.repeat([0 if line is None else line.stride for line in lines], sizes)
        x: Floats = (places * stride + first).astype(np.float64)
        end = 0
        for chunk, line, size in zip(chunks, lines, sizes, strict=True):
            end += size
            if line is None:
                x[..., end - size : end] = self._edges(chunk)[places[..., end - size : end]]
        return x

    def _line(self, chunk: RowChunk) -> Line | None:
        """Return the x of every point of a row chunk as a line, if every row has one and it is one."""
        axis = self._axes[chunk.id]
        if self._x != "step" or self._stats[chunk.id].count != axis.count:
            return None
        return axis.held if isinstance(axis.held, Line) else None

    def _edges(self, chunk: RowChunk) -> Floats:
        """Return the x of every point of a row chunk."""
        axis, stats = self._axes[chunk.id], self._stats[chunk.id]
        assert self._key is not None
        if stats.count == axis.count:
            return self._x_of(axis.steps, self._clocks.get(chunk.id), None)
        at = positions(axis.layout, axis.holds(self._key), axis.count)
        if at is None or stats.count != len(at):
            # Text or the like stands among the numbers; only their column tells where.
            at = self._snapshot.numbers(self._key, {chunk.id: stats}, self._axes)[chunk.id].at
        return self._x_of(axis.steps, self._clocks.get(chunk.id), at)

    def _x_of(self, steps: Ints, clock: Clock | None, at: Ints | None) -> Floats:
        if self._x == "step" or clock is None:
            own = steps
        else:
            own = clock.times if self._x == "time" else clock.runtimes
        if at is not None:
            own = own[at]
        return own.astype(np.float64) if self._x == "step" else own / 1e6


def _cut(steps: Ints, span: Range, ascending: bool) -> slice | npt.NDArray[np.bool_]:
    """Return what selects the steps within a range."""
    if ascending:
        start = 0 if span.lo is None else int(np.searchsorted(steps, span.lo))
        stop = len(steps) if span.hi is None else int(np.searchsorted(steps, span.hi, "right"))
        return slice(start, stop)
    inside = np.ones(len(steps), np.bool_)
    if span.lo is not None:
        inside &= steps >= span.lo
    if span.hi is not None:
        inside &= steps <= span.hi
    return inside


def no_points() -> Points:
    return Points(np.empty(0, np.int64), np.empty(0), np.empty(0))


def in_order(pieces: Sequence[Piece]) -> Points:
    """Return the points of pieces by step; of those with the same step, the last."""
    if not pieces:
        return no_points()
    if len(pieces) == 1:
        steps, values, x = pieces[0].steps, pieces[0].values, pieces[0].x
    else:
        steps = np.concatenate([piece.steps for piece in pieces])
        values = np.concatenate([piece.values for piece in pieces])
        x = np.concatenate([piece.x for piece in pieces])
    ordered = all(piece.ascending for piece in pieces) and all(
        a.steps[-1] < b.steps[0] for a, b in pairwise(pieces)
    )
    if not ordered:
        order = np.argsort(steps, kind="stable")
        steps = steps[order]
        last = order[np.append(steps[1:] != steps[:-1], True)]
        steps = steps[np.append(steps[1:] != steps[:-1], True)]
        values, x = values[last], x[last]
    return Points(steps, values, x)


def points(snapshot: Snapshot, path: str, ranges: Sequence[Range], x: XAxis) -> list[Points]:
    """Return every point of a key; see `SeriesStore.points`."""
    found = Found(snapshot, path, ranges, x)
    found.load(row_chunks(b for blocks in found.blocks for b in blocks), points=True)
    return [
        in_order([p for block in blocks if (p := found.piece(block, span)) is not None])
        for span, blocks in zip(ranges, found.blocks, strict=True)
    ]


def row_chunks(blocks: Iterable[Block]) -> Iterator[RowChunk]:
    return (block for block in blocks if isinstance(block, RowChunk))


def keys(snapshot: Snapshot, segments: Sequence[int]) -> dict[int, list[KeyStat]]:
    """Return what segments hold of each key, in the order of first appearance."""
    found: dict[int, dict[str, list[int]]] = {segment: {} for segment in segments}
    for segment, path, *counted in snapshot.series(found):
        found[segment][path] = counted
    for batch, rows in snapshot.rows(snapshot.batches(found)):
        known = found[batch.segment]
        for path, (numbers, texts, others, low, high) in tally(rows).items():
            before = known.get(path, [0, 0, 0, low, high])
            known[path] = [
                before[0] + numbers, before[1] + texts, before[2] + others,
                min(before[3], low), max(before[4], high),
            ]  # fmt: skip
    return {
        segment: [
            KeyStat(
                path,
                "number" if numbers else "text" if texts else "other",
                numbers + texts + others,
                low,
                high,
            )
            for path, (numbers, texts, others, low, high) in known.items()
        ]
        for segment, known in found.items()
    }


def scan(
    snapshot: Snapshot,
    span: Range,
    paths: Sequence[str] | None,
    after: Position | None,
    limit: int,
) -> tuple[list[tuple[Position, Row | System]], bool]:
    """Return exact rows by (step, arrival); see `SeriesStore.scan`."""
    lo = span.lo if after is None or (span.lo or 0) > after[0] else after[0]
    wanted = Range(span.segment, lo, span.hi)
    blocks: list[Block] = [*snapshot.row_chunks([span.segment]), *snapshot.batches([span.segment])]
    blocks = sorted((b for b in blocks if touches(b, wanted)), key=lambda block: block.step_min)
    candidates: list[tuple[Block, Rows | None, Ints, Ints, Ints]] = []
    seen = np.empty(0, np.int64)
    for block in blocks:
        if len(seen) > limit and block.step_min > np.partition(seen, limit)[limit]:
            break
        rows = next(snapshot.rows([block]))[1] if isinstance(block, StoredBatch) else None
        steps, arrivals, at = _candidates(snapshot, block, rows, paths, wanted, after)
        if len(at):
            candidates.append((block, rows, steps, arrivals, at))
            seen = np.concatenate([seen, steps])
    if not candidates:
        return [], False
    steps = seen
    arrivals = np.concatenate([own for _, _, _, own, _ in candidates])
    order = np.lexsort((arrivals, steps))
    chosen = order[:limit]
    found: list[tuple[Position, Row | System]] = [None] * len(chosen)  # type: ignore[list-item]
    rank = np.full(len(steps), -1)
    rank[chosen] = np.arange(len(chosen))
    start = 0
    for block, rows, own_steps, own_arrivals, at in candidates:
        places = rank[start : start + len(at)]
        start += len(at)
        kept = places >= 0
        if not kept.any():
            continue
        decoded = rows if rows is not None else decoded_rows(snapshot, block, paths)
        heads = zip(own_steps[kept].tolist(), own_arrivals[kept].tolist(), strict=True)
        for place, position, row in zip(
            places[kept].tolist(), heads, _exact(decoded, at[kept], paths), strict=True
        ):
            found[place] = (position, row)
    return found, len(order) > limit


def _candidates(
    snapshot: Snapshot,
    block: Block,
    rows: Rows | None,
    paths: Sequence[str] | None,
    wanted: Range,
    after: Position | None,
) -> tuple[Ints, Ints, Ints]:
    """Return steps, arrivals and places of the rows of a block that a scan asks for."""
    if rows is not None:
        steps, arrivals, layout = rows.steps, rows.arrivals, rows.layout
        holds = np.ones(len(rows.layouts), np.bool_)
        if paths is not None:
            holds = np.array([not set(paths).isdisjoint(own) for own in rows.layouts], np.bool_)
    else:
        assert isinstance(block, RowChunk)
        axis = snapshot.axes([block])[block.id]
        arrivals, _ = snapshot.arrivals(block)
        steps, layout = axis.steps, axis.layout
        holds = np.ones(len(axis.ends), np.bool_)
        if paths is not None:
            holds[:] = False
            for path in paths:
                key = snapshot.key(path)
                if key is not None:
                    holds |= axis.holds(key)
    at = positions(layout, holds, len(steps))
    if at is None:
        at = np.arange(len(steps))
    inside = np.ones(len(at), np.bool_)
    own = steps[at]
    if wanted.lo is not None:
        inside &= own >= wanted.lo
    if wanted.hi is not None:
        inside &= own <= wanted.hi
    if after is not None:
        inside &= (own > after[0]) | ((own == after[0]) & (arrivals[at] > after[1]))
    at = at[inside]
    return steps[at], arrivals[at], at


def decoded_rows(snapshot: Snapshot, block: Block, paths: Sequence[str] | None) -> Rows:
    """Return a row chunk decoded, or as much of it as the paths ask for."""
    assert isinstance(block, RowChunk)
    axis = snapshot.axes([block])[block.id]
    clock = snapshot.clocks([block])[block.id]
    arrivals, kinds = snapshot.arrivals(block)
    layouts = axis.layouts()
    names = snapshot.paths(dict.fromkeys(axis.keys.tolist()))
    wanted = [key for key, path in names.items() if paths is None or path in paths]
    columns = snapshot.columns(block, wanted)
    return Rows(
        arrivals, axis.steps, clock.times, clock.runtimes, kinds,
        [tuple(names[key] for key in keys) for keys in layouts], axis.layout,
        {names[key]: column for key, column in columns.items()},
    )  # fmt: skip


def _exact(rows: Rows, at: Ints, paths: Sequence[str] | None) -> Iterator[Row | System]:
    """Yield the rows at places, in their order, with every value as it was logged."""
    n = len(rows.steps)
    values: Mapping[str, _Values] = _LazyValues(rows)
    wanted = None if paths is None else set(paths)
    own = [
        layout if wanted is None else tuple(path for path in layout if path in wanted)
        for layout in rows.layouts
    ]
    layout = np.broadcast_to(rows.layout, n)[at].tolist()
    kinds = np.broadcast_to(rows.kinds, n)[at].tolist()
    heads = zip(
        rows.steps[at].tolist(), rows.times[at].tolist(), rows.runtimes[at].tolist(), strict=True
    )
    for place, number, kind, (step, time_us, runtime_us) in zip(
        at.tolist(), layout, kinds, heads, strict=True
    ):
        held = own[number]
        found = [values[path].at(place) for path in held]
        if kind == Kind.SYSTEM:
            yield System(held, step, time_us, runtime_us, found)
        else:
            yield Row(held, step, time_us, runtime_us, found, kind == Kind.ROW_PART)


class _Values:
    """Values of one column by the place of their row."""

    def __init__(self, values: list[Any], places: Ints | None) -> None:
        self._values = values
        self._index = None if places is None else {p: i for i, p in enumerate(places.tolist())}

    def at(self, place: int) -> Any:
        return self._values[place if self._index is None else self._index[place]]


class _LazyValues(dict[str, _Values]):
    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self._rows = rows

    def __missing__(self, path: str) -> _Values:
        rows = self._rows
        holds = np.array([path in layout for layout in rows.layouts], np.bool_)
        places = positions(rows.layout, holds, len(rows.steps))
        found = self[path] = _Values(rows.columns[path].values(), places)
        return found
