"""The folds of the runs that are being written, kept in memory and saved now and then.

    commit ──► apply ──► LiveAttempt ──► save (≤ 1 s later, one transaction) ──► meta store
                                          with the cursor of each stream

What was committed but not saved is folded again at the next start: `recover` reads the batches beyond
the saved cursors. So a crash between commit and save costs nothing, and saving may wait.

Locks: `_saving` is taken before `_lock`, never while holding it; `_lock` is held only while memory is
read or changed (loading a run that was not in memory is the exception).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from kiseki.base.clock import wall_us
from kiseki.core import aggregates, saved
from kiseki.core.aggregates import Sums
from kiseki.core.attempt import LiveAttempt, LiveStream, Pending, fold_item
from kiseki.core.changes import EVERY_PART, Change, Listener, Part
from kiseki.core.decode import Decoded, decode, read_frames
from kiseki.errors import NotFound
from kiseki.record import fold
from kiseki.record.codec import encode_value
from kiseki.record.fold import ALIVE, Edit, RunState, StoredFile
from kiseki.record.types import File, Note, Open
from kiseki.storage.interface import (
    Attempt,
    EditedRun,
    Fold,
    MetaStore,
    Run,
    SeriesStore,
    Stream,
)

log = logging.getLogger(__name__)

IDLE_US = 10 * 60 * 1_000_000  # without a record, an attempt leaves memory
SILENCE_US = 5 * 60 * 1_000_000  # without a sign of life, a run counts as crashed (reliability 2.6)
SAVE_MAX = 100  # attempts in one transaction
ATTEMPTS_MAX = 500  # in memory; with more, those not used lately leave it early
EDITS_MAX = 16  # of an attempt that is not in memory; with more it is loaded, and they are folded
RECENT_US = 30 * 1_000_000

T = TypeVar("T")


class Folds:
    """All attempts in memory. Thread-safe."""

    def __init__(
        self,
        meta: MetaStore,
        series: SeriesStore,
        listener: Listener,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._meta = meta
        self._series = series
        self._listener = listener
        self._now_us = now_us
        self._lock = threading.RLock()
        self._saving = threading.Lock()
        self._attempts: dict[int, LiveAttempt] = {}
        self._streams: dict[str, LiveStream] = {}
        self._started_us = now_us()
        self.urgent = threading.Event()  # something changed that should be saved at once

    # ── loading ──

    def recover(self) -> int:
        """Fold what was committed but not saved when the server ended; return how many records."""
        records = 0
        done: dict[int, list[str]] = {}
        for stream in self._meta.open_streams():
            behind = self._series.cursor(stream.project, stream.id) - stream.applied
            if behind <= 0:
                done.setdefault(stream.attempt, []).append(stream.id)
                continue
            with self._lock:
                if stream.attempt not in self._attempts:
                    self._load(stream.attempt)
            records += behind
        self._meta.save(
            [Fold(number, closed=ids, is_visible=False) for number, ids in done.items()]
        )
        self.save_all(close=True)
        if records:
            log.info("recovered records=%d", records)
        return records

    def stream(self, id: str) -> LiveStream | None:
        """Return a stream that records may be appended to, or None if it was never opened."""
        with self._lock:
            live = self._streams.get(id)
            if live is not None and live.is_open:
                live.attempt.last_used_us = self._now_us()
                return live
        # Not while a save is running, which might be closing this very stream.
        with self._saving, self._lock:
            live = self._streams.get(id)
            if live is None:
                known = self._meta.stream(id)
                if known is None:
                    return None
                self._load(known.attempt)
                live = self._streams[id]
            if not live.is_open:
                self._meta.reopen([id])
                live.is_open = True
            live.attempt.last_used_us = self._now_us()
            return live

    def next(self, id: str) -> tuple[Run | None, int]:
        """Return the run a stream belongs to and the sequence expected next; (None, 0) if unknown."""
        with self._lock:
            live = self._streams.get(id)
            if live is not None:
                return live.attempt.run, live.next
        known = self._meta.stream(id)
        run = self._meta.run_by_number(known.run) if known is not None else None
        if known is None or run is None:
            return None, 0
        return run, self._series.cursor(known.project, id)

    def adopt(self, run: Run, stream: Stream) -> LiveStream:
        """Return the stream that the meta store just created."""
        with self._lock:
            attempt = self._attempts.get(stream.attempt)
            if attempt is None:
                attempt = self._load(stream.attempt, run)
                if run.deleted_us is None and stream.role == "writer" and not attempt.state.opened:
                    self._supersede(attempt)
            live = self._streams.get(stream.id)
            if live is None:
                live = self._add_stream(attempt, stream)
            self.heard(live)
            return live

    def _supersede(self, latest: LiveAttempt) -> None:
        if latest.ordinal > 1:  # who watches the run has to look at everything anew
            latest.unannounced |= {"history", "system", "console", "summary", "config", "files"}
        for other in self._attempts.values():
            if other.run.number == latest.run.number and other is not latest:
                other.is_latest = False

    def _load(self, number: int, run: Run | None = None) -> LiveAttempt:
        attempt = self._meta.attempt(number)
        if run is None and attempt is not None:
            run = self._meta.run_by_number(attempt.run)
        if attempt is None or run is None:
            raise NotFound(f"attempt {number} does not exist")
        parts = self._meta.parts(number, (*saved.PARTS, aggregates.PART))
        live = LiveAttempt(attempt, run, saved.restore(parts))
        live.sums = aggregates.restored(parts, live.state.rows)
        if parts.get("edits", saved.NO_EDITS) != saved.NO_EDITS:
            live.has_edits = True
            live.touched.add("fold")
        live.is_silent = attempt.state == "crashed" and live.state.state in ALIVE
        live.cells = live.all_cells()
        for metric in self._meta.run_metrics(number):
            live.metrics[metric.space, metric.path] = metric
            if metric.space == "system":
                live.system[metric.path] = metric.first_us
        self._attempts[number] = live
        for stream in self._meta.streams_of(number):
            self._add_stream(live, stream)
        return live

    def _add_stream(self, attempt: LiveAttempt, stream: Stream) -> LiveStream:
        live = LiveStream(stream, attempt)
        attempt.streams[stream.id] = live
        self._streams[stream.id] = live
        self.catch_up(live)
        return live

    def catch_up(self, live: LiveStream) -> None:
        """Fold what the series store holds of a stream beyond what memory knows."""
        project = live.attempt.run.project
        with self._lock:
            stored = self._series.cursor(project, live.id)
            if stored:
                live.shapes = self._series.shapes(project, live.id)
            if stored < live.next:
                log.warning(
                    "stream %s: the series store has %d records, the fold %d: was a backup restored?",
                    live.id, stored, live.next,
                )  # fmt: skip
                live.applied = live.next = stored
            elif stored > live.next:
                live.attempt.is_silent = False
                for batch in self._series.batches(project, live.id, live.next):
                    buffer, frames = read_frames(batch.body)
                    found = decode(batch.body, buffer, frames, live.next, live.shapes)
                    self.apply(live, found)

    def _saved_state(self, number: int) -> RunState:
        return saved.restore(self._meta.parts(number, saved.PARTS))

    # ── folding ──

    def apply(self, stream: LiveStream, found: Decoded) -> set[Part]:
        """Fold committed records; return what of the series they changed."""
        parts: set[Part] = set()
        with self._lock:
            attempt = stream.attempt
            stream.shapes.update(found.shapes)
            stream.next = found.first + found.count
            for item in found.items:
                try:
                    parts |= fold_item(attempt, item, stream.id)
                except (
                    Exception
                ):  # one record stops neither the run's others nor the server's start
                    log.exception("run %s: a record could not be folded", attempt.run.id)
                    note = Note(code="fold", text="a record could not be folded", count=1)
                    fold.apply(attempt.state, note)
            if found.lines:
                parts.add("console")
            attempt.touched.add("cursors")
            if attempt.unannounced & {"state"}:
                self.urgent.set()
        return parts

    def heard(self, stream: LiveStream) -> None:
        """Note a sign of life of a run."""
        with self._lock:
            attempt = stream.attempt
            attempt.heartbeat_us = attempt.last_used_us = self._now_us()
            attempt.touched.add("heartbeat")
            if attempt.is_silent:
                attempt.is_silent = False
                attempt.unannounced.add("state")
                self.urgent.set()

    def reap(self) -> int:
        """Mark the runs that fell silent as crashed; return how many."""
        before = self._now_us() - SILENCE_US
        if (
            before < self._started_us
        ):  # after a pause of the server all get the time to be heard again
            return 0
        count = 0
        for run in self._meta.silent_runs(before):
            with self._lock:
                attempt = self._attempts.get(run.attempt) or self._load(run.attempt)
                if attempt.heartbeat_us < before and not attempt.is_silent:
                    attempt.is_silent = True
                    attempt.unannounced.add("state")
                    attempt.touched.add("state")
                    count += 1
        if count:
            self.save_all()
        return count

    def opening(self, number: int) -> tuple[Open | None, RunState]:
        """Return the last `Open` of a primary writer, folded or not yet, if it is in memory; and the fold."""
        with self._lock:
            live = self._attempts.get(number)
            opening = live.opening if live is not None else None
        return opening, self.state(number)

    def opened(self, live: LiveStream, record: Open) -> None:
        """Note an `Open` that is about to be committed: who asks next meets a run that is taken."""
        with self._lock:
            attempt = live.attempt
            if record.primary or attempt.opening is None:
                attempt.opening = record

    def lose_writers(self, number: int) -> None:
        """Count all writers of a shared run as gone, for good: it fell silent before it goes on."""
        with self._lock:
            live = self._attempts.get(number) or self._load(number)
            fold.lose_writers(live.state, live.cause or "no sign of life")
            live.touched.add("fold")
        self.save([number])

    # ── reading ──

    def peek(self, stream: str) -> LiveStream | None:
        """Return a stream that takes records right now, from memory and without waiting for anybody."""
        live = self._streams.get(stream)
        return live if live is not None and live.is_open else None

    def look(self, number: int, at: Callable[[RunState], T], *, wait: bool = True) -> T:
        """Return what `at` finds in the fold of an attempt, without the cost of a copy.

        Args:
            at: must be short, and keep nothing of the fold.
            wait: for whoever changes it just now.

        Raises:
            BlockingIOError: it is not at hand without waiting.
        """
        if self._lock.acquire(blocking=wait):
            try:
                live = self._attempts.get(number)
                if live is not None:
                    return at(live.state)
            finally:
                self._lock.release()
        if not wait:
            raise BlockingIOError(f"attempt {number} is in use, or not in memory")
        return at(self._saved_state(number))

    def state(self, number: int) -> RunState:
        """Return a copy of the fold of an attempt."""
        with self._lock:
            live = self._attempts.get(number)
            if live is not None:
                state = saved.copy(live.state)
                state.state, state.cause = live.status, live.cause
                return state
        return self._saved_state(number)

    def files(self, number: int) -> dict[str, StoredFile]:
        """Return what is known of the files of an attempt, by path."""
        with self._lock:
            live = self._attempts.get(number)
            if live is not None:
                return dict(live.state.files)
        parts = self._meta.parts(number, ("files",))
        return saved.files(parts["files"]) if parts else self._saved_state(number).files

    def fresh(self, run: Run) -> Run:
        """Return a run with what was committed since it was saved."""
        with self._lock:
            live = self._attempts.get(run.attempt)
            if live is None:
                return run
            state = saved.copy(live.state)
            return replace(run, **live.columns(), config=state.config, summary=state.summary)

    def fresh_attempt(self, attempt: Attempt) -> Attempt:
        """Return an attempt with what was committed since it was saved."""
        with self._lock:
            live = self._attempts.get(attempt.number)
            if live is None:
                return attempt
            state = live.state
            return replace(attempt, state=live.status, started_us=state.started_us, rows=state.rows)

    # ── edits by people ──

    def edit(self, numbers: Sequence[int], change: Edit) -> list[tuple[Run, Run]]:
        """Change what people may change of the latest attempts of runs (a few hundred at a time).

        Returns those that this changed, as they were and as they are now. Who watches is told of those that
        are in memory.
        """
        changed: list[tuple[Run, Run]] = []
        loaded: list[int] = []
        # The attempts that are not in memory are changed where they are saved: nobody loads them meanwhile.
        with self._saving, self._lock:
            runs = self._meta.runs_by_number(numbers)
            saved_edits = self._meta.part_of_many([run.attempt for run in runs], "edits")
            written: list[EditedRun] = []
            for known in runs:
                live = self._attempts.get(known.attempt)
                edits = saved.edits(saved_edits.get(known.attempt))
                if live is None and len(edits) >= EDITS_MAX:
                    live = self._load(known.attempt)
                run = known if live is None else replace(known, **live.columns())
                after = _edited(run, change)
                if after is run:
                    continue
                changed.append((run, after))
                if live is not None:
                    fold.edit(live.state, change)
                    live.touched.add("fold")
                    live.unannounced.add("state")
                    loaded.append(run.attempt)
                else:
                    columns = {
                        name: getattr(after, name)
                        for name in (*fold.EDITED_TEXTS, "tags")
                        if getattr(after, name) != getattr(run, name)
                    }
                    part = encode_value([*edits, change])
                    written.append(EditedRun(run.number, run.attempt, columns, part))
            if written:
                self._meta.edit_runs(written)
        for start in range(0, len(loaded), SAVE_MAX):
            self.save(loaded[start : start + SAVE_MAX])
        return changed

    def note_file(self, number: int, record: File) -> None:
        """Name a file, or take it away, by hand."""
        with self._lock:
            live = self._attempts.get(number) or self._load(number)
            live.unannounced |= fold_item(live, record)
        self.save([number])

    def stop(self, number: int, at_us: int | None) -> None:
        """Tell the streams of an attempt, with their next answer, that the script is to stop (None: not)."""
        with self._lock:
            live = self._attempts.get(number)
            if live is not None:
                live.stop_us = at_us

    def tell_edited(self, runs: Sequence[Run]) -> None:
        """Tell who watches that something of runs was changed by hand."""
        self._listener.publish([_change(run, {"state"}) for run in runs])

    def delete(self, runs: Sequence[Run], *, is_told: bool = True) -> None:
        """Refuse records of runs, but for those that come once only; tell who watches that they are gone."""
        self._mark(runs, is_deleted=True)
        if is_told:
            self._listener.publish([_change(run, {"state"}, is_gone=True) for run in runs])

    def restore(self, runs: Sequence[Run], *, is_told: bool = True) -> None:
        """Take records of runs again, and tell who watches that they are there."""
        self._mark(runs, is_deleted=False)
        if is_told:
            fresh = [self.fresh(run) for run in runs]
            self._listener.publish([_change(run, EVERY_PART, is_new=True) for run in fresh])

    def _mark(self, runs: Sequence[Run], *, is_deleted: bool) -> None:
        numbers = {run.number for run in runs}
        with self._lock:
            for live in self._attempts.values():
                if live.run.number in numbers:
                    live.is_deleted = is_deleted

    def sum_up(self, attempt: int, make: Callable[[], Sums]) -> bool:
        """Save what the metrics of an attempt amount to; return False if records came meanwhile."""
        before = self._meta.streams_of(attempt)
        if any(stream.is_open for stream in before):
            return False
        sums = make()
        with self._saving:
            with self._lock:
                if attempt in self._attempts or self._meta.streams_of(attempt) != before:
                    return False
            parts = {aggregates.PART: sums.encoded()}
            self._meta.save([Fold(attempt, parts=parts, cells=sums.cells())])
        return True

    def forget(self, run: Run) -> None:
        """Let a run leave memory without saving it: it is purged."""
        with self._saving, self._lock:
            for live in [one for one in self._attempts.values() if one.run.number == run.number]:
                self._evict(live)

    # ── saving ──

    def save_all(self, *, close: bool = False) -> None:
        """Save every attempt that changed. `close`: and let all of them leave memory."""
        with self._lock:
            numbers = [
                number
                for number, live in self._attempts.items()
                if live.touched or live.unannounced or close
            ]
        for start in range(0, len(numbers), SAVE_MAX):
            self.save(numbers[start : start + SAVE_MAX], close=close)

    def save(
        self, numbers: Sequence[int], *, close: bool = False, idle_since: int | None = None
    ) -> None:
        """Write attempts and their cursors in one transaction, then tell who listens.

        `close` lets them leave memory: all, or those not used after `idle_since`.
        """
        with self._saving:
            with self._lock:
                lives = [self._attempts[number] for number in numbers if number in self._attempts]
                if idle_since is not None:
                    lives = [live for live in lives if live.last_used_us < idle_since]
                pending = [Pending(live, close) for live in lives]
            try:
                self._meta.save([item.fold for item in pending])
            except BaseException:
                with self._lock:
                    for item in pending:
                        item.undo()
                raise
            with self._lock:
                for item in pending:
                    item.done()
                    if close and not item.live.touched:
                        self._evict(item.live)
            self._tell(pending)

    def _tell(self, pending: Sequence[Pending]) -> None:
        cursors: dict[int, dict[str, int]] = {}
        for item in pending:
            cursors.setdefault(item.live.run.project, {}).update(item.fold.cursors)
        for project, streams in cursors.items():
            self._series.applied(project, streams)
        # Who watches was told that a deleted run is gone; once it is restored, that all of it is there.
        changes = [
            item.change for item in pending if item.change.parts and not item.live.is_deleted
        ]
        if changes:
            self._listener.publish(changes)

    def tell_cursors(self) -> None:
        """Tell the series store what is folded: it keeps every batch that it was not told of."""
        with self._saving:
            for project, cursors in self._meta.cursors().items():
                self._series.applied(project, cursors)

    def evict_idle(self) -> None:
        """Let attempts that were not written for a while leave memory."""
        now = self._now_us()
        before = now - IDLE_US
        with self._lock:
            if len(self._attempts) > ATTEMPTS_MAX:
                used = sorted(live.last_used_us for live in self._attempts.values())
                before = max(before, min(used[-ATTEMPTS_MAX], now - RECENT_US))
            idle = [number for number, live in self._attempts.items() if live.last_used_us < before]
        for start in range(0, len(idle), SAVE_MAX):
            self.save(idle[start : start + SAVE_MAX], close=True, idle_since=before)

    def _evict(self, live: LiveAttempt) -> None:
        self._attempts.pop(live.number, None)
        for id in live.streams:
            self._streams.pop(id, None)


def _edited(run: Run, change: Edit) -> Run:
    texts = {
        name: value for name in fold.EDITED_TEXTS if (value := getattr(change, name)) is not None
    }
    tags = tuple(change.apply_to(list(run.tags))) if change.is_of_tags else run.tags
    if tags == run.tags and all(getattr(run, name) == value for name, value in texts.items()):
        return run
    return replace(run, **texts, tags=tags)


def _change(run: Run, parts: frozenset[Part] | set[Part], **flags: bool) -> Change:
    return Change(
        run.project, run.entity, run.project_name, run.id, run.next_step, run.rows, run.state,
        frozenset(parts), **flags,
    )  # fmt: skip
