"""`log()`: from a dict to a record that is with the operating system (L-01 … L-19).

The usual row — a dict of plain values whose keys came before — takes the short way: its tuple of keys
finds a `Form`, which knows the shape number; no code of ours runs per key. Everything else (nested dicts,
arrays, other number types, new keys) is normalised first, and media (images, tables, …) are kept before that.

Nothing is kept back: an open row (`commit=False`, `step=n`) is written as it comes, its later keys as
ROW_PART records of the same step. The summary is not folded per row but on reading, from the last row of
each form; `Rows.fold` says why that gives the same result.
"""

from __future__ import annotations

import itertools
import operator
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kiseki.errors import RunStateError, UsageTypeError, UsageValueError
from kiseki.record import codec, keypath
from kiseki.record.fold import Definition, RunState, apply, apply_rows, definition_of
from kiseki.record.types import Kind, Metric, Record, Row, Shape
from kiseki.sdk.stream import Stream
from kiseki.sdk.values import PLAIN, TEXT_BYTES_MAX, MediaFound, Normaliser, type_name

if TYPE_CHECKING:
    from kiseki.sdk.media.batch import Batch

    TakeMedia = Callable[[Mapping[str, Any], tuple[str, ...]], Batch]

ROW_BYTES_MAX = 10 * 1024 * 1024
FORMS_MAX = 10_000
KEPT_ROWS_MAX = 256  # rows kept for the fold of metrics with summary rules
STEP_MAX = 2**62
RESERVED = ("_step", "_timestamp", "_runtime")

_ROW, _PART = int(Kind.ROW), int(Kind.ROW_PART)
_is_plain = PLAIN.issuperset
_encode_row = codec.encode_row
_time_ns, _monotonic_ns = time.time_ns, time.monotonic_ns


class Form:
    """What is known about rows with these keys, in this order.

    Attributes:
        number: shape number in the stream.
        paths: key paths of the row's own values, then those of `steps`.
        due: size of the stream at which the shape is announced again; 0 = it never was.
        steps: paths of step metrics that the row lacks and gets the last value of (D-04).
        watched: (index, path) of step metrics among the row's own values.
        keeps_all: every row matters to the summary, not only the last.
        latest: (order of arrival, step, time_us, runtime_us, values) of the last row not yet folded.
    """

    __slots__ = ("due", "keeps_all", "latest", "number", "paths", "steps", "watched")

    def __init__(self, number: int, own: tuple[str, ...], steps: tuple[str, ...]) -> None:
        self.number = number
        self.paths = own + steps
        self.due = 0
        self.steps = steps
        self.watched: tuple[tuple[int, str], ...] = ()
        self.keeps_all = False
        self.latest: tuple[int, int, int, int, list[Any]] | None = None


class Rows:
    """The history of one run, as far as its writer needs to know it.

    Args:
        stream: where the records go; its lock guards this object too.
        state: the run's fold; brought up to date by `fold`.
        normaliser: makes plain values.
        started_ns: monotonic clock at the start of the run.
        take_media: writes drafts of the media in a mapping, to which the given keys lead.
    """

    def __init__(
        self,
        stream: Stream,
        state: RunState,
        normaliser: Normaliser,
        started_ns: int,
        take_media: TakeMedia,
    ) -> None:
        self._stream = stream
        self._state = state
        self._normaliser = normaliser
        self._take_media = take_media
        self._by_keys: dict[tuple[str, ...], Form] = {}
        self._by_paths: dict[tuple[str, ...], Form] = {}
        self._numbers = itertools.count()
        self._open: int | None = None  # step of the open row
        self.happened_us = 0  # when that happened which is being written; 0: now
        self._arrivals = 0
        self._kept: list[tuple[int, Row]] = []
        self._paths: set[str] = set()
        self._levels: set[str] = set()  # proper prefixes of `_paths`
        self._is_tangled = False  # some path is also a level of another
        self._step_metrics: dict[str, Any] = {}  # path -> last value
        self.is_closed = False
        self.go_on(started_ns)

    def go_on(self, started_ns: int) -> None:
        """Begin behind what the run's state holds; before the first row.

        Args:
            started_ns: monotonic clock at which the run time, with that of earlier sessions, was 0.
        """
        state = self._state
        self._started_ns = started_ns
        self._next = state.next_step  # step of the next automatic row
        self._before = self._count = state.rows
        self._last_us, self._runtime_us = state.last_us, state.runtime_us
        for definition in state.definitions.values():
            self._know_step_metric(definition)
        self.claim(state.values)

    # -- logging -----------------------------------------------------------------------------------

    def log(self, data: Mapping[str, Any], step: Any = None, commit: Any = None) -> None:
        """Write one row, or more of the open one.

        Raises:
            UsageTypeError, UsageValueError: the row is not acceptable; nothing of it was stored.
            RunStateError: the run has ended.
        """
        if commit is not None and commit is not True and commit is not False:
            commit = checked_commit(commit)
        if type(data) is dict and (step is None or (type(step) is int and 0 <= step <= STEP_MAX)):
            form = self._by_keys.get(tuple(data))
            if form is not None:
                values = list(data.values())
                if _is_plain(map(type, values)) and self._write(form, values, step, commit, False):
                    return
                plain = self._normaliser.plain
                try:
                    values = [plain(value, key, 1) for key, value in data.items()]
                except MediaFound:
                    self._log_media(data, step, commit)
                    return
                if not any(map(keypath.is_level, values)):
                    self._write(form, values, step, commit, True)
                    return
        self._log_new(data, checked_step(step), commit)

    def _write(
        self, form: Form, values: list[Any], step: int | None, commit: bool | None, is_clean: bool
    ) -> bool:
        """Write a row; return False, with nothing done, if its texts must be cleaned first."""
        stream = self._stream
        with stream.lock:
            if stream.busy:
                stream.deferred.append(lambda: self._write_later(form, values, step, commit))
                return True
            if self.is_closed:
                raise RunStateError("the run has ended: log() before finish()")
            try:
                stream.busy = True
                runtime_us = (_monotonic_ns() - self._started_ns) // 1000
                time_us = _time_ns() // 1000
                if self.happened_us:
                    runtime_us = max(0, runtime_us - max(0, time_us - self.happened_us))
                    time_us = min(time_us, self.happened_us)
                kind, at = _ROW, step
                if self._open is not None and (at is None or at == self._open):
                    kind, at = _PART, self._open
                elif at is None:
                    at = self._next
                if form.steps or form.watched:
                    values = self._complete(form, values)
                try:
                    payload = _encode_row(form.number, at, time_us, runtime_us, values)
                except UnicodeEncodeError:
                    if is_clean:
                        raise
                    return False
                except ValueError as error:  # an integer that could not be read again
                    raise UsageValueError(f"cannot log this row: {error}") from None
                if len(payload) > TEXT_BYTES_MAX:
                    if not is_clean:
                        return False
                    check_size(payload)
                if stream.size >= form.due:
                    form.due = stream.announce(
                        Shape(shape=form.number, paths=list(form.paths)), not form.due
                    )
                # The state moves on before the bytes do: an interrupt in between skips a step,
                # which is harmless; a step given twice would not be.
                self._open = at if (step is not None if commit is None else not commit) else None
                if at >= self._next:
                    self._next = at + 1
                if kind == _ROW:
                    self._count += 1
                self._arrivals = arrival = self._arrivals + 1
                if time_us > self._last_us:
                    self._last_us = time_us
                self._runtime_us = runtime_us
                if form.keeps_all:
                    self._kept.append((arrival, Row(form.paths, at, time_us, runtime_us, values)))
                elif form.latest is None or at >= form.latest[1]:
                    form.latest = (arrival, at, time_us, runtime_us, values)
                stream.append(kind, payload)
            finally:
                stream.busy = False
            if len(self._kept) >= KEPT_ROWS_MAX:
                self.fold()
            if stream.deferred:
                stream.drain()
        return True

    def _write_later(
        self, form: Form, values: list[Any], step: int | None, commit: bool | None
    ) -> None:
        if self.is_closed:
            return
        if not self._write(form, values, step, commit, False):
            plain = self._normaliser.plain
            values = [
                plain(value, path, 1) for path, value in zip(form.paths, values, strict=False)
            ]
            self._write(form, values, step, commit, True)

    def _complete(self, form: Form, values: list[Any]) -> list[Any]:
        """Remember the step metrics in a row, and add the last values of those it lacks (D-04)."""
        for index, path in form.watched:
            self._step_metrics[path] = values[index]
        return values + [self._step_metrics[path] for path in form.steps] if form.steps else values

    def _log_new(self, data: Mapping[str, Any], step: int | None, commit: bool | None) -> None:
        if not isinstance(data, Mapping):
            raise UsageTypeError(f"log() takes a dict of values, got {type_name(data)}")
        for key in RESERVED:
            if key in data:
                raise UsageValueError(
                    f"the key {key!r} is set by Kiseki; log it under another name"
                )
        try:
            row = self._normaliser.flat(data)
        except MediaFound:
            self._log_media(data, step, commit)
            return
        self._write_new(data, row, step, commit)

    def _write_new(
        self, data: Mapping[str, Any], row: dict[str, Any], step: int | None, commit: bool | None
    ) -> None:
        own = tuple(row)
        with self._stream.lock:
            form = self._by_paths.get(own)
            if form is None:
                form = self._new_form(own)
            if own == tuple(map(keypath.escape, data)):
                self._by_keys[tuple(data)] = form
        self._write(form, list(row.values()), step, commit, True)

    # -- media (M-00) --------------------------------------------------------------------------------

    def _log_media(self, data: Mapping[str, Any], step: int | None, commit: bool | None) -> None:
        if self.is_closed:
            raise RunStateError("the run has ended: log() before finish()")
        batch = self._take_media(data, ())
        try:
            row = self._normaliser.flat(batch.tree)
            self._write_media(batch, data, row, step, commit)
        except BaseException:
            batch.discard()
            raise

    def _write_media(
        self,
        batch: Batch,
        data: Mapping[str, Any],
        row: dict[str, Any],
        step: int | None,
        commit: bool | None,
    ) -> None:
        """Write a row whose media are drafts; with the lock held, the step in their names is the row's."""
        stream = self._stream
        with stream.lock:
            if stream.busy:
                stream.deferred.append(
                    lambda: (
                        batch.discard()
                        if self.is_closed
                        else self._write_media(batch, data, row, step, commit)
                    )
                )
                return
            if self.is_closed:
                raise RunStateError("the run has ended: log() before finish()")
            self._place(batch, self.step if step is None else step)
            self._write_new(data, row, step, commit)

    def keep_media(self, data: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
        """Keep the files of the media in `data`, to which `keys` lead; return it with plain dicts (S-07)."""
        if self.is_closed:
            raise RunStateError("the run has ended: write to the summary before finish()")
        batch = self._take_media(data, keys)
        with self._stream.lock:
            self._place(batch, self.step)
        return batch.tree

    def _place(self, batch: Batch, step: int) -> None:
        for record in batch.place(step):
            self._stream.write(record)

    # -- forms ---------------------------------------------------------------------------------------

    def _new_form(self, own: tuple[str, ...]) -> Form:
        if len(self._by_paths) >= FORMS_MAX:
            self.forget_forms()
        self.claim(own)
        form = Form(next(self._numbers), own, self._missing_steps(own))
        self._look_up(form)
        self._by_paths[own] = form
        return form

    def _look_up(self, form: Form) -> None:
        """Find out what the definitions say about a form's keys."""
        own = len(form.paths) - len(form.steps)
        form.watched = tuple(
            (index, path)
            for index, path in enumerate(form.paths[:own])
            if path in self._step_metrics
        )
        form.keeps_all = self._is_tangled or any(map(self._has_rules, form.paths))

    def _has_rules(self, path: str) -> bool:
        tracked = self._state.tracked.get(path)
        if tracked is not None:
            return tracked.rules is not None
        definition = definition_of(self._state.definitions, path)
        return bool(definition and definition.summary)

    def _missing_steps(self, own: tuple[str, ...]) -> tuple[str, ...]:
        """Return the step metrics that rows with these keys need and lack, each once."""
        missing: dict[str, None] = {}
        for path in own if self._step_metrics else ():
            definition = definition_of(self._state.definitions, path)
            if definition is None or not definition.step_metric or definition.step_sync is False:
                continue
            if definition.step_metric not in own and definition.step_metric in self._step_metrics:
                missing[definition.step_metric] = None
        return tuple(missing)

    def claim(self, paths: Iterable[str]) -> None:
        """Note that values lie at these paths; if one is a level of another, arrival order counts."""
        tangled = False
        for path in paths:
            if path in self._paths:
                continue
            self._paths.add(path)
            tangled = tangled or path in self._levels
            for prefix in keypath.prefixes(path):
                self._levels.add(prefix)
                tangled = tangled or prefix in self._paths
        if tangled and not self._is_tangled:
            self.fold()
            self._is_tangled = True
            for form in self._by_paths.values():
                form.keeps_all = True

    def forget_forms(self) -> None:
        """Forget every form: their number got too large, or a forked child starts its own stream."""
        self.fold()
        self._by_keys.clear()
        self._by_paths.clear()

    def define(self, record: Metric) -> None:
        """Apply and write one `define_metric` call; it holds for keys first logged later (D-03)."""
        with self._stream.lock:
            self.fold()
            apply(self._state, record)
            definition = self._state.definitions[record.name]
            self._know_step_metric(definition)
            for rule in definition.summary or ():
                self.claim([f"{record.name}.{rule}"])
            for own, form in list(self._by_paths.items()):
                if self._missing_steps(own) != form.steps:
                    del self._by_paths[own]
                self._look_up(form)
            self._by_keys = {
                keys: form
                for keys, form in self._by_keys.items()
                if tuple(map(keypath.escape, keys)) in self._by_paths
            }
            self._stream.write(record)

    def _know_step_metric(self, definition: Definition) -> None:
        """Keep the last value of a definition's step metric, for rows that lack it (D-04)."""
        name = definition.step_metric
        if name and name not in RESERVED and name not in self._step_metrics:
            self._step_metrics[name] = self._state.values.get(name, 0)

    def change(self, record: Record) -> None:
        """Apply and write any other record that changes what the run's state says."""
        with self._stream.lock:
            apply(self.fold(), record)
            self._stream.write(record)

    def rest(self, since_ns: int) -> int:
        """Leave the time since then out of the run time; return how much, in nanoseconds.

        Rows that were logged in the meantime keep their run time: it is left out behind the last of them.
        """
        with self._stream.lock:
            last_ns = self._started_ns + self._runtime_us * 1000
            left_out = max(0, _monotonic_ns() - max(since_ns, last_ns))
            self._started_ns += left_out
            return left_out

    # -- reading -------------------------------------------------------------------------------------

    def fold(self) -> RunState:
        """Bring the run's state up to date and return it.

        Per form only the row with the largest (step, arrival) is kept: it holds every key that an
        earlier row of the form held, so for each key the largest over all forms is the value that
        folding every row would leave (L-04). Applied in order of arrival, the fold's own rule finds it.
        """
        with self._stream.lock:
            if self._stream.busy:
                return self._state
            rows, self._kept = self._kept, []
            for form in self._by_paths.values():
                if form.latest is not None:
                    arrival, step, time_us, runtime_us, values = form.latest
                    rows.append((arrival, Row(form.paths, step, time_us, runtime_us, values)))
                    form.latest = None
            rows.sort(key=operator.itemgetter(0))
            for _, row in rows:
                apply_rows(self._state, row.paths, [row])
            state = self._state
            state.rows, state.next_step = self._count, self._next
            state.last_us, state.runtime_us = self._last_us, self._runtime_us
            return state

    @property
    def step(self) -> int:
        """Step that the next `log()` without a step goes to (L-06)."""
        return self._next if self._open is None else self._open

    @property
    def shapes(self) -> dict[int, tuple[str, ...]]:
        """Key paths by shape number, of the forms known now."""
        return {form.number: form.paths for form in self._by_paths.values()}

    @property
    def count(self) -> int:
        """Rows that this process has written."""
        return self._count - self._before

    def close(self) -> None:
        """Accept no more rows. An open row is written already (L-02)."""
        with self._stream.lock:
            self._open = None
            self.is_closed = True


def checked_step(step: Any) -> int | None:
    """Return a step given by the caller as an int (L-08)."""
    if step is None:
        return None
    if isinstance(step, bool) or not hasattr(step, "__index__"):
        raise UsageTypeError(f"step must be an integer, got {step!r} of type {type_name(step)}")
    number = operator.index(step)
    if not 0 <= number <= STEP_MAX:
        raise UsageValueError(f"step must lie between 0 and {STEP_MAX}, got {number}")
    return number


def checked_commit(commit: Any) -> bool:
    """Return a `commit` that is neither True nor False itself as one of them: 0, 1, NumPy's."""
    if isinstance(commit, int) or type(commit).__name__ in ("bool_", "bool"):
        return bool(commit)
    raise UsageTypeError(f"commit must be True or False, got {commit!r} of {type_name(commit)}")


def check_size(payload: bytes) -> None:
    if len(payload) > ROW_BYTES_MAX:
        raise UsageValueError(f"a row of {len(payload):,} bytes; the limit is {ROW_BYTES_MAX:,}")
