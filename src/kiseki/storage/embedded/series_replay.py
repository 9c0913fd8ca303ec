"""A segment's rows in the order of their arrival, by column: for who folds a long history anew."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kiseki.record.types import Kind
from kiseki.storage.embedded.blocks import Block, RowChunk, Snapshot, StoredBatch, touches
from kiseki.storage.embedded.columns import Column, Rows, column_of, positions
from kiseki.storage.embedded.series_read import decoded_rows
from kiseki.storage.interface import Ints, Logged, LoggedColumn, Range

BATCHES_AT_ONCE = 4  # decoded together


def replay(snapshot: Snapshot, span: Range) -> Iterator[Logged]:
    """Yield the rows of a range; see `SeriesStore.replay`."""
    chunks: list[RowChunk] = snapshot.row_chunks([span.segment])
    for chunk in chunks:
        if touches(chunk, span):
            yield _logged(decoded_rows(snapshot, chunk, None), span)
    batches: list[StoredBatch] = [
        batch for batch in snapshot.batches([span.segment]) if touches(batch, span)
    ]
    for start in range(0, len(batches), BATCHES_AT_ONCE):
        for rows in snapshot.joined_rows(batches[start : start + BATCHES_AT_ONCE]):
            yield _logged(rows, span)


def bounds(snapshot: Snapshot, segment: int) -> tuple[int, int] | None:
    """Return the smallest and the largest step of a segment's rows, None if it has none."""
    blocks: list[Block] = [*snapshot.row_chunks([segment]), *snapshot.batches([segment])]
    if not blocks:
        return None
    return min(block.step_min for block in blocks), max(block.step_max for block in blocks)


def _logged(rows: Rows, span: Range) -> Logged:
    n = len(rows.steps)
    inside = np.ones(n, np.bool_)
    if span.lo is not None:
        inside &= rows.steps >= span.lo
    if span.hi is not None:
        inside &= rows.steps <= span.hi
    is_whole = bool(inside.all())
    columns: dict[str, LoggedColumn] = {}
    place = np.cumsum(inside) - 1  # of a row among those kept
    for path, column in rows.columns.items():
        holds = np.array([path in layout for layout in rows.layouts], np.bool_)
        at = positions(rows.layout, holds, n)
        if is_whole:
            columns[path] = LoggedColumn(at, column, column.count)
            continue
        chosen = inside if at is None else inside[at]
        kept = _chosen(column, np.flatnonzero(chosen))
        if kept is not None:
            places: Ints = place[chosen] if at is None else place[at[chosen]]
            columns[path] = LoggedColumn(places, kept, kept.count)
    kinds = np.broadcast_to(rows.kinds, n)[inside]
    return Logged(
        rows.steps[inside],
        rows.times[inside],
        rows.runtimes[inside],
        int((kinds == Kind.ROW_PART).sum()),
        columns,
    )


def _chosen(column: Column, at: Ints) -> Column | None:
    """Return the values at some places, None for none."""
    if not len(at):
        return None
    first, last = int(at[0]), int(at[-1])
    if last - first + 1 == len(at):
        return column.cut(first, last + 1)
    values = column.values()
    return column_of([values[place] for place in at.tolist()])
