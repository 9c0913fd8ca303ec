"""What the runs of a sweep came to: the values of its metric, the best one, and which are to be given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kiseki.core.query.kept import Lru
from kiseki.core.runs import Runs
from kiseki.core.sweeps.config import Metric, SweepConfig
from kiseki.core.sweeps.early_stop import Hyperband, best_so_far, losers
from kiseki.record import keypath
from kiseki.record.fold import ALIVE
from kiseki.storage.filters import Compare, Key, SortKey
from kiseki.storage.interface import GroupValue, MetaStore, Run, SeriesStore
from kiseki.storage.sweeps import Sweep

JUDGED_EVERY_S = 4.0
RUNS_LOOKED_AT = 2_000  # the youngest
RUNS_KEPT = 20_000  # what they had at each bracket


@dataclass(frozen=True, slots=True)
class _Bests:
    """What a run had, by how many values of the metric it logged."""

    attempt: int
    count: int
    best: float
    at: Mapping[int, float]


class Results:
    """Reads the runs of sweeps. Thread-safe."""

    def __init__(self, meta: MetaStore, series: SeriesStore, runs: Runs) -> None:
        self._meta = meta
        self._series = series
        self._runs = runs
        self._lock = threading.Lock()
        self._judged: dict[int, float] = {}  # when, by sweep
        self._kept: Lru[tuple[int, str, Hyperband], _Bests] = Lru(RUNS_KEPT)

    def best(self, sweep: Sweep, metric: Metric | None) -> tuple[Run, float] | None:
        """Return the best run of a sweep and its value, if any has one."""
        if metric is None:
            return None
        descending = metric.goal == "maximize"
        for key in _keys(metric):
            first = self._meta.match_runs(
                sweep.project, _of(sweep), [SortKey(key, descending)], limit=1
            )
            value = next(iter(self._values(sweep, first, metric)), None)
            if first and value is not None:
                return next(((run, value) for run in self._meta.runs_by_number(first)), None)
        return None

    def values(self, sweep: Sweep, metric: Metric, runs: Sequence[str]) -> dict[str, float]:
        """Return the values of the metric by the ids of runs; of those that have one."""
        found = self._meta.runs(sweep.project, runs)
        values = self._values(sweep, [run.number for run in found], metric)
        return {
            run.id: value for run, value in zip(found, values, strict=True) if value is not None
        }

    def _values(self, sweep: Sweep, numbers: Sequence[int], metric: Metric) -> list[float | None]:
        if not numbers:
            return []
        rows = self._meta.values(sweep.project, numbers, _keys(metric))
        return [next((v for one in row if (v := _number(one)) is not None), None) for row in rows]

    def any_alive(self, numbers: Sequence[int]) -> bool:
        """Return whether one of the runs is alive: what ended a moment ago is not in the store yet."""
        found = self._meta.runs_by_number(numbers)
        return any(self._runs.state(run).state in ALIVE for run in found)

    def runs(self, sweep: Sweep, limit: int) -> list[Run]:
        """Return the youngest runs of a sweep, without their config and summary."""
        numbers = self._meta.match_runs(sweep.project, _of(sweep), limit=limit)
        return self._meta.runs_by_number(numbers)

    def to_give_up(self, sweep: Sweep, config: SweepConfig) -> list[Run]:
        """Return the runs that are to be stopped early; none if it was asked a moment ago."""
        metric, hyperband = config.metric, config.early_stop
        if metric is None or hyperband is None or not self._is_due(sweep):
            return []
        runs = self.runs(sweep, RUNS_LOOKED_AT)
        alive = {run.number: run for run in runs if run.state in ALIVE and run.stop_us is None}
        if not alive:
            return []
        smallest = metric.goal == "minimize"
        bests = self._bests(sweep, runs, metric, hyperband)
        running = {
            number: (bests[number].count, bests[number].best) for number in alive if number in bests
        }
        at = {number: one.at for number, one in bests.items()}
        return [alive[number] for number in losers(hyperband, running, at, smallest=smallest)]

    def _is_due(self, sweep: Sweep) -> bool:
        now = time.monotonic()
        with self._lock:
            if now - self._judged.get(sweep.number, -JUDGED_EVERY_S) < JUDGED_EVERY_S:
                return False
            self._judged[sweep.number] = now
            return True

    def _bests(
        self, sweep: Sweep, runs: Sequence[Run], metric: Metric, hyperband: Hyperband
    ) -> dict[int, _Bests]:
        """Return what runs had at each bracket, reading only what is new since the last time."""
        paths = {metric.name, keypath.escape(metric.name)}
        found: dict[int, _Bests] = {}
        unread: list[Run] = []
        for run in runs:
            kept = self._kept.get((run.number, metric.name, hyperband))
            if kept is not None and kept.attempt == run.attempt and run.state not in ALIVE:
                found[run.number] = kept
            else:
                unread.append(run)
        counts = self._series.keys(sweep.project, [run.history for run in unread])
        for run in unread:
            logged = [stat for stat in counts.get(run.history, ()) if stat.path in paths]
            if not logged or logged[0].count < hyperband.brackets[0]:
                continue
            kept = self._kept.get((run.number, metric.name, hyperband))
            if kept is None or (kept.attempt, kept.count) != (run.attempt, logged[0].count):
                kept = self._read(run, logged[0].path, metric, hyperband)
                self._kept.put((run.number, metric.name, hyperband), kept, 1)
            found[run.number] = kept
        return found

    def _read(self, run: Run, path: str, metric: Metric, hyperband: Hyperband) -> _Bests:
        smallest = metric.goal == "minimize"
        points = self._series.points(run.project, path, self._runs.ranges(run, "history"))
        values = [float(value) for some in points for value in some.values]
        at = {
            bracket: best_so_far(values, bracket, smallest=smallest)
            for bracket in hyperband.brackets
            if bracket <= len(values)
        }
        best = best_so_far(values, len(values), smallest=smallest)
        return _Bests(run.attempt, len(values), best, at)


def _of(sweep: Sweep) -> Compare:
    return Compare(Key("run", "sweep"), ":", sweep.id, True)


def _keys(metric: Metric) -> list[Key]:
    """Return where a run's summary has the metric: itself, or what `define_metric` made of it."""
    extreme = "min" if metric.goal == "minimize" else "max"
    return [
        Key("summary", path)
        for path in (metric.name, f"{metric.name}.best", f"{metric.name}.{extreme}")
    ]


def _number(value: GroupValue) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and value == value else None  # type: ignore[arg-type]
