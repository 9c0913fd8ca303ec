"""Where a run's history comes from: chains of segments, and the fold that a rewind or fork begins with.

    attempt 1   0 1 2 3 4 5 6 7            its segment
    rewound at 4:   └ hangs ┐ 5 6 7 8      a second segment; attempt 2 shows 0 … 4 and its own rows
    forked at 6:            └── hangs ┐ 7  a third, of another run

Rows are never copied. Rows of a segment are those it was given, whatever their step: where two segments hold
the same step, the later one wins in charts and merged rows. What lists show of a new attempt (summary, rows,
runtime) is folded anew from the kept rows, before the attempt is made and without holding up other
streams, and stored with it in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kiseki.core import saved
from kiseki.core.aggregates import PART, Sums
from kiseki.core.folds import Folds
from kiseki.record import fold, keypath
from kiseki.record.fold import ColumnRows, RunState, Tracked
from kiseki.storage.interface import (
    Fold,
    Ints,
    Logged,
    LoggedColumn,
    MetaStore,
    Range,
    Segment,
    SeriesStore,
)


@dataclass(frozen=True, slots=True)
class Descent:
    """What a new attempt begins with: the rows of another one up to and with a step."""

    project: int
    attempt: int
    segment: int  # the head of its rows
    step: int
    is_fork: bool


def chain(head: int, segments: Mapping[int, Segment], last_step: int | None = None) -> list[Range]:
    """Return the ranges that make up the history that ends in segment `head`, oldest first.

    segment 1: 0 1 2 3 4 5          segment 7, parent 1 at step 3: 4 5 6, and late ones: 2
               └─ hi = 3 ┘                                         └─ no bound: all ─┘
    """
    ranges: list[Range] = []
    hi = last_step
    number: int | None = head
    while number is not None:
        segment = segments[number]
        ranges.append(Range(number, None, hi))
        if segment.parent_step is not None:
            hi = segment.parent_step if hi is None else min(hi, segment.parent_step)
        number = segment.parent
    return ranges[::-1]


class Seeds:
    """Makes the folds that new attempts begin with. Thread-safe."""

    def __init__(self, meta: MetaStore, series: SeriesStore, folds: Folds) -> None:
        self._meta = meta
        self._series = series
        self._folds = folds

    def make(self, descent: Descent) -> Fold:
        """Return what the meta store is to hold of the new attempt from its beginning on."""
        segments = self._meta.segments([descent.segment])
        sums = Sums()

        def kept() -> Iterator[Logged]:
            for span in chain(descent.segment, segments, descent.step):
                for block in self._series.replay(descent.project, span):
                    sums.add_block(block)
                    yield block

        state = seeded(self._folds.state(descent.attempt), kept(), descent)
        return Fold(
            0,  # known when it is made
            columns=saved.columns(state),
            parts=saved.parts(state, {"config"}) | {PART: sums.encoded()},
            cells=saved.cells(state) | sums.cells(),
            metrics=list(saved.metrics(state, {}).values()),
        )


def seeded(parent: RunState, kept: Iterable[Logged], descent: Descent) -> RunState:
    """Return the fold of a new attempt: what it takes over, and its summary of the kept rows.

    A summary rule holds for the keys for which it held in the parent. Values set by hand have no step:
    they stay behind.
    """
    state = RunState(
        name="" if descent.is_fork else parent.name,
        notes=parent.notes,
        tags=parent.tags,
        group=parent.group,
        job_type=parent.job_type,
        edited={} if descent.is_fork else dict(parent.edited),
        config=parent.config,
        definitions=parent.definitions,
        tracked={
            path: Tracked(rules=known.rules, goal=known.goal)
            for path, known in parent.tracked.items()
        },
    )
    for block in kept:
        _replay(state, block)
    state.tracked = {path: known for path, known in state.tracked.items() if known.count}
    state.next_step = descent.step + 1
    return state


def _replay(state: RunState, block: Logged) -> None:
    """Fold many rows at once, by column, to what folding them one by one would give."""
    if not len(block.steps):
        return
    fold.apply_heads(
        state, len(block.steps) - block.parts, int(block.steps.max()), int(block.times.max()),
        int(block.runtimes.max()),
    )  # fmt: skip
    columns = {path: column for path, column in block.columns.items() if column.count}
    levels = {level for path in columns for level in keypath.prefixes(path)}
    if levels.isdisjoint(columns):
        for path, column in columns.items():
            fold.apply_column(state, path, _column(block, column))
        return
    # A path replaces what lies below or above it: only one value after the other tells which stays.
    values = [
        (place, path, value)
        for path, column in columns.items()
        for place, value in zip(_places(block, column), column.values.values(), strict=True)
    ]
    for place, path, value in sorted(values, key=lambda item: item[0]):
        step, time_us = int(block.steps[place]), int(block.times[place])
        fold.apply_column(state, path, _single(step, time_us, value))


def _places(block: Logged, column: LoggedColumn) -> list[int]:
    return list(range(len(block.steps))) if column.places is None else column.places.tolist()


def _single(step: int, time_us: int, value: Any) -> ColumnRows:
    kinds = [fold.kind_of(value)]
    return ColumnRows(1, time_us, kinds, step, value, points=lambda: [(step, value)])


def _column(block: Logged, column: LoggedColumn) -> ColumnRows:
    """Return what the fold needs to know of a key's values."""
    places, values = column.places, column.values
    steps: Ints = block.steps if places is None else block.steps[places]
    at = len(steps) - 1 - int(np.argmax(steps[::-1]))
    first = 0 if places is None else int(places[0])
    kinds = zip(("number", "text", "other"), values.tally(), strict=True)
    return ColumnRows(
        rows=len(steps),
        first_us=int(block.times[first]),
        kinds=[kind for kind, count in kinds if count],
        top=int(steps[at]),
        latest=values.cut(at, at + 1).values()[0],
        points=lambda: list(zip(steps.tolist(), values.values(), strict=True)),
    )
