"""A key in cells: stored ones where a row chunk stands alone, points where blocks overlap or a range cuts.

Row chunks of all ranges are taken together, so that the work per row chunk is a few slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from kiseki.storage.embedded.blocks import Block, RowChunk, Snapshot
from kiseki.storage.embedded.cells import Level, concatenated, merged, summarise, taken
from kiseki.storage.embedded.chunks import LEVEL_SIZE, Planes, unpack_levels
from kiseki.storage.embedded.series_read import Found, in_order, row_chunks
from kiseki.storage.interface import Cells, Floats, Ints, Points, Range, XAxis

_NAMES = [column.name for column in fields(Cells)]


def cells(
    snapshot: Snapshot, path: str, ranges: Sequence[Range], size: int, x: XAxis
) -> tuple[Cells, Ints] | None:
    """Return a key in cells of at most `size` points; see `SeriesStore.cells`."""
    if size < LEVEL_SIZE:
        return None
    found = Found(snapshot, path, ranges, x)
    groups = [
        list(_groups(blocks, span)) for span, blocks in zip(ranges, found.blocks, strict=True)
    ]
    alone = [group for some in groups for group in some if isinstance(group, RowChunk)]
    shared = [group for some in groups for group in some if not isinstance(group, RowChunk)]
    found.load((chunk for group in shared for chunk in row_chunks(group)), points=True)
    found.load(alone, points=False)
    stored, ends = _of_chunks(found, alone, size)
    if not shared:
        return stored, np.array(ends)[np.cumsum([len(some) for some in groups])]
    parts: list[Cells] = []
    counts: list[int] = []
    taken = 0
    for span, some in zip(ranges, groups, strict=True):
        counts.append(0)
        for group in some:
            if isinstance(group, RowChunk):
                part = _slice(stored, ends[taken], ends[taken + 1])
                taken += 1
            else:
                part = _of_points(found, group, span, size)
            parts.append(part)
            counts[-1] += len(part.count)
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in _NAMES)
    return Cells(*joined), np.cumsum(counts)


def _slice(all_: Cells, start: int, stop: int) -> Cells:
    return Cells(*[getattr(all_, name)[start:stop] for name in _NAMES])


def _groups(blocks: Sequence[Block], span: Range) -> Iterator[RowChunk | list[Block]]:
    """Yield blocks by step: a row chunk whose stored cells serve, or neighbours that need their points."""
    rest: list[Block] = []
    for group in _overlapping(blocks):
        only = group[0]
        if (
            len(group) == 1
            and isinstance(only, RowChunk)
            and only.ascending
            and (span.lo is None or span.lo <= only.step_min)
            and (span.hi is None or span.hi >= only.step_max)
        ):
            if rest:
                yield rest
            rest = []
            yield only
        else:
            rest = rest + group
    if rest:
        yield rest


def _overlapping(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Yield groups of blocks whose steps overlap, by step; within a group by arrival."""
    group: list[tuple[int, Block]] = []
    high = 0
    for place, block in sorted(enumerate(blocks), key=lambda item: item[1].step_min):
        if group and block.step_min > high:
            yield [block for _, block in sorted(group, key=lambda item: item[0])]
            group = []
        high = block.step_max if not group else max(high, block.step_max)
        group.append((place, block))
    if group:
        yield [block for _, block in sorted(group, key=lambda item: item[0])]


@dataclass(frozen=True, slots=True)
class _Small:
    """The smallest cells there are, with the x of their ends and extremes."""

    level: Level
    x_first: Floats
    x_last: Floats
    x_min: Floats
    x_max: Floats


def _of_chunks(found: Found, chunks: Sequence[RowChunk], size: int) -> tuple[Cells, list[int]]:
    """Return the cells of all row chunks one after the other, and where those of each begin and end."""
    if not chunks:
        return _no_cells(), [0]
    planes = found.levels(chunk for chunk in chunks if found.stats(chunk).count > size)
    small, counts = _small(found, chunks, planes)
    together = size // LEVEL_SIZE
    groups = -(-counts // together)
    begins, offsets = np.cumsum(groups) - groups, np.cumsum(counts) - counts
    heads = np.repeat(offsets, groups)
    heads += together * (np.arange(int(groups.sum())) - np.repeat(begins, groups))
    return _joined(small, heads), [0, *np.cumsum(groups).tolist()]


def _small(
    found: Found, chunks: Sequence[RowChunk], planes: Mapping[int, Planes]
) -> tuple[_Small, Ints]:
    """Return the small cells of all row chunks, and how many each has: those that are stored, or one."""
    fine = [chunk for chunk in chunks if chunk.id in planes]
    rest = [chunk for chunk in chunks if chunk.id not in planes]
    if not rest:
        return _stored(found, fine, planes)
    if not fine:
        return _whole(found, rest), np.ones(len(rest), np.int64)
    stored, sizes = _stored(found, fine, planes)
    whole = _whole(found, rest)
    is_fine = np.array([chunk.id in planes for chunk in chunks])
    counts = np.ones(len(chunks), np.int64)
    counts[is_fine] = sizes
    # Laid behind one another as (stored, whole), then brought into the order of the chunks.
    order = np.empty(int(counts.sum()), np.int64)
    of_fine = np.repeat(is_fine, counts)
    order[of_fine] = np.arange(int(sizes.sum()))
    order[~of_fine] = np.arange(len(rest)) + int(sizes.sum())
    level = concatenated([stored.level, whole.level])
    x = {
        name: np.concatenate([getattr(stored, name), getattr(whole, name)])[order]
        for name in ("x_first", "x_last", "x_min", "x_max")
    }
    return _Small(taken(level, order), **x), counts


def _stored(
    found: Found, chunks: Sequence[RowChunk], planes: Mapping[int, Planes]
) -> tuple[_Small, Ints]:
    """Return the stored cells of row chunks, and how many each has."""
    counts = np.array([found.stats(chunk).count for chunk in chunks], np.int64)
    level = unpack_levels([
        (planes[chunk.id], count) for chunk, count in zip(chunks, counts.tolist(), strict=True)
    ])  # fmt: skip
    sizes = -(-counts // LEVEL_SIZE)
    first = np.arange(len(level.count)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    first *= LEVEL_SIZE
    x = found.x_at(chunks, sizes.tolist(), np.stack([first, first + level.count - 1]))
    middle = (x[0] + x[1]) / 2
    return _Small(level, x[0], x[1], middle, middle), sizes


def _whole(found: Found, chunks: Sequence[RowChunk]) -> _Small:
    """Return each row chunk as one cell."""
    stats = [found.stats(chunk) for chunk in chunks]

    def values(name: str) -> Floats:
        return np.array([getattr(one, name) for one in stats], np.float64)  # None: NaN

    def counts(name: str) -> Ints:
        return np.array([getattr(one, name) for one in stats], np.int64)

    level = Level(
        values("min"), values("max"), values("first"), values("last"), values("total"),
        counts("count"), counts("nan"), counts("pinf"), counts("ninf"),
    )  # fmt: skip
    at = np.stack(
        [np.zeros(len(stats), np.int64), level.count - 1, counts("min_at"), counts("max_at")]
    )
    x = found.x_at(chunks, [1] * len(chunks), at)
    x[2:] = np.where(at[2:] >= 0, x[2:], (x[0] + x[1]) / 2)
    return _Small(level, *x)


def _joined(small: _Small, heads: Ints) -> Cells:
    """Return small cells joined to larger ones that begin at `heads`."""
    level = small.level
    n, whole = len(heads), len(level.count)
    larger = merged(level, heads)
    tails = np.append(heads[1:], whole) - 1
    x_min, x_max = small.x_min, small.x_max
    if n < whole:
        group = np.repeat(np.arange(n), tails - heads + 1)

        def where(x: Floats, own: Floats, wanted: Floats) -> Floats:
            """Return the x of the first small cell that has each larger cell's extreme."""
            hits = np.flatnonzero(own == wanted[group])[::-1]
            at = heads.copy()
            at[group[hits]] = hits
            picked: Floats = x[at]
            return picked

        x_min, x_max = where(x_min, level.min, larger.min), where(x_max, level.max, larger.max)

    def counted(counts: Ints) -> Ints:
        return counts if len(counts) == n else np.zeros(n, np.int64)

    return Cells(
        x_first=small.x_first[heads], x_last=small.x_last[tails], x_min=x_min, x_max=x_max,
        first=larger.first, min=larger.min, max=larger.max, last=larger.last, total=larger.total,
        count=larger.count,
        nan=counted(larger.nan), pinf=counted(larger.pinf), ninf=counted(larger.ninf),
    )  # fmt: skip


def _no_cells() -> Cells:
    none, zero = np.empty(0), np.empty(0, np.int64)
    return Cells(*[none] * 9, *[zero] * 4)  # type: ignore[arg-type]


def _of_points(found: Found, blocks: Sequence[Block], span: Range, size: int) -> Cells:
    """Return the cells of blocks that overlap or that the range cuts, made of their points."""
    own = in_order([p for block in blocks if (p := found.piece(block, span)) is not None])
    n = len(own.steps)
    if not n:
        return _no_cells()
    level = summarise(own.values, size)
    starts = np.arange(0, n, size)
    x_first, x_last = own.x[starts], own.x[starts + level.count - 1]
    x_min, x_max = (_x_where(own, level, ends, size) for ends in (level.min, level.max))
    small = _Small(level, x_first, x_last, x_min, x_max)
    return _joined(small, np.arange(len(starts)))


def _x_where(own: Points, level: Level, wanted: Floats, size: int) -> Floats:
    """Return the x of the first point of each cell that has the value wanted (NaN: its middle)."""
    starts = np.arange(0, len(own.values), size)
    hits = np.flatnonzero(own.values == np.repeat(wanted, level.count))
    at = np.full(len(starts), -1)
    at[hits[::-1] // size] = hits[::-1]
    middle = (own.x[starts] + own.x[starts + level.count - 1]) / 2
    known: Floats = np.where(at >= 0, own.x[at], middle)
    return known
