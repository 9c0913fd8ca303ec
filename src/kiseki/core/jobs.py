"""What goes on in the background: saving folds, compaction, watching for silent runs, purging."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

from kiseki.base.clock import wall_us
from kiseki.core.backfill import Backfill
from kiseki.core.folds import Folds
from kiseki.core.sweeps.sweeps import Sweeps
from kiseki.core.trash import Trash
from kiseki.core.views import Views
from kiseki.storage.interface import MetaStore, SeriesStore

log = logging.getLogger(__name__)

SAVE_S = 1.0
SAVE_SHARE_MAX = 0.1  # of one core's time: with many active runs folds are saved less often
COMPACT_S = 5.0
COMPACT_IDLE_S = 600.0
REAP_S = 15.0
CLEAR_S = 3600.0
PURGE_S = 3600.0  # between two rounds
PURGE_FIRST_S = 60.0  # after the start
PURGE_SLICE_S = (
    1.0  # at a time: compaction and the watch over silent runs get their turn in between
)
PURGE_PAUSE_S = 5.0
SUM_UP_PAUSE_S = 2.0
SUM_UP_AGAIN_S = 600.0
SWEEPS_S = 10.0


class Jobs:
    """Two threads: folds are saved in time whatever the compaction does."""

    def __init__(
        self,
        meta: MetaStore,
        series: SeriesStore,
        folds: Folds,
        trash: Trash,
        views: Views,
        sweeps: Sweeps,
    ) -> None:
        self._backfill = Backfill(meta, series, folds)
        self._sums: Iterator[bool] | None = self._backfill.round()
        self._sums_at, self._left = 0.0, 0
        self._meta = meta
        self._views = views
        self._sweeps = sweeps
        self._trash = trash
        self._round: Iterator[None] | None = None  # of purging, begun and not finished
        self._round_at = time.monotonic() + PURGE_FIRST_S
        self._series = series
        self._folds = folds
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._save, name="kiseki-save", daemon=True),
            threading.Thread(target=self._tend, name="kiseki-tend", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop after what is running now."""
        self._stopping.set()
        self._folds.urgent.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _save(self) -> None:
        pause = SAVE_S
        while not self._stopping.is_set():
            self._folds.urgent.wait(pause)
            self._folds.urgent.clear()
            before = time.monotonic()
            self._guard(self._folds.save_all)
            spent = time.monotonic() - before
            pause = max(SAVE_S, spent / SAVE_SHARE_MAX)
            # Even what is urgent comes in groups.
            self._stopping.wait(min(pause / 10, 1.0))

    def _tend(self) -> None:
        cursors_told = False
        due = {
            self._reap: REAP_S,
            self._compact: COMPACT_S,
            self._compact_idle: COMPACT_IDLE_S,
            self._clear: CLEAR_S,
            self._purge: PURGE_PAUSE_S,
            self._sum_up: SUM_UP_PAUSE_S,
            self._sweeps.agents.tend: SWEEPS_S,
        }
        started = time.monotonic()
        next_at = {job: started + every for job, every in due.items()}
        while not self._stopping.wait(1.0):
            if not cursors_told:
                cursors_told = self._guard(self._folds.tell_cursors)
            for job, every in due.items():
                if time.monotonic() >= next_at[job] and not self._stopping.is_set():
                    self._guard(job)
                    next_at[job] = time.monotonic() + every

    def _reap(self) -> None:
        self._folds.reap()
        self._folds.evict_idle()

    def _compact(self) -> None:
        while not self._stopping.is_set() and self._series.compact():
            pass

    def _compact_idle(self) -> None:
        self._series.compact(idle=True)

    def _clear(self) -> None:
        self._meta.drop_expired(wall_us())
        self._views.purge()

    def _purge(self) -> None:
        """Go on with a round of purging for a while."""
        now = time.monotonic()
        if now < self._round_at:
            return
        if self._round is None:
            self._round = self._trash.purge()
        for _ in self._round:
            if self._stopping.is_set() or time.monotonic() > now + PURGE_SLICE_S:
                return
        self._round, self._round_at = None, time.monotonic() + PURGE_S

    def _sum_up(self) -> None:
        """Go on with summing up metrics of runs that an older Kiseki folded."""
        now = time.monotonic()
        if self._sums is None or now < self._sums_at:
            return
        for done in self._sums:
            self._left += not done
            if self._stopping.is_set() or time.monotonic() > now + PURGE_SLICE_S:
                return
        # What was being written is looked at again until nothing is left.
        self._sums = self._backfill.round() if self._left else None
        self._left, self._sums_at = 0, time.monotonic() + SUM_UP_AGAIN_S

    def _guard(self, job: Callable[[], object]) -> bool:
        try:
            job()
        except Exception:  # a job that failed is tried again when it is due again
            log.exception("%s failed", getattr(job, "__name__", job))
            return False
        return True
