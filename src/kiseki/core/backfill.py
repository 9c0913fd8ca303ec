"""Sums up the metrics of runs that an older Kiseki folded without (`aggregates.py`), in the background."""

from __future__ import annotations

from collections.abc import Iterator

from kiseki.core.aggregates import PART, Sums
from kiseki.core.folds import Folds
from kiseki.core.lineage import chain
from kiseki.storage.interface import MetaStore, Run, SeriesStore

RUNS_AT_ONCE = 200


class Backfill:
    """Goes over all runs once; what was being written then has its turn in the next round."""

    def __init__(self, meta: MetaStore, series: SeriesStore, folds: Folds) -> None:
        self._meta = meta
        self._series = series
        self._folds = folds

    def round(self) -> Iterator[bool]:
        """Yield after each run whether it could be summed up."""
        after = 0
        while runs := self._meta.runs_without(PART, after, RUNS_AT_ONCE):
            for run in runs:
                yield self._folds.sum_up(run.attempt, lambda run=run: self._sums(run))  # type: ignore[misc]
            after = runs[-1].number

    def _sums(self, run: Run) -> Sums:
        sums = Sums()
        for span in chain(run.history, self._meta.segments([run.history])):
            for block in self._series.replay(run.project, span):
                sums.add_block(block)
        return sums
