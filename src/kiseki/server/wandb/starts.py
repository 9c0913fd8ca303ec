"""Starts of runs that are there already: is it the same process again, or another one?

A script that starts over under a used id, and a folder that is synced once more, begin with the same words.
Only what follows tells them apart: who writes (`_wandb.e` of the config, some seconds later), or the first
line, whose time to the microsecond is stored already or not. Until then such a start is *open*: nothing is
recorded, and lines that tell nothing are asked for again.

    start ─► open ─┬─ known writer, known line ─► the attempt that is there; its lines are skipped
                   ├─ lines behind those stored ► the run goes on: releases before 0.18 resume so
                   └─ anything else ────────────► another attempt
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kiseki.core.runs import Run
from kiseki.core.service import Core
from kiseki.record.types import Record
from kiseki.server.wandb import translation
from kiseki.server.wandb.translation import Values

OPEN_S = 20  # so long is waited for what tells; the config comes within some
STARTS_MAX = 10_000
ATTEMPTS_MAX = 50  # that are looked at for who wrote a line

Build = Callable[[Mapping[str, Any], bool], tuple[str, list[Record]]]
"""Return the stream that a start opens, and its first records; whether it goes on with what is there."""


@dataclass(frozen=True, slots=True)
class Start:
    """What was asked for, complete as far as it is known.

    Attributes:
        first_line: where its lines begin if it does not go on: behind those of a parent.
    """

    input: Mapping[str, Any]
    build: Build
    first_line: int
    since_s: float

    @property
    def is_overdue(self) -> bool:
        return time.monotonic() - self.since_s > OPEN_S

    def with_more(self, input: Mapping[str, Any]) -> Start:
        given = {key: value for key, value in input.items() if value is not None}
        return replace(self, input={**self.input, **given})


class Starts:
    """The open ones, by the number of the run. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[int, Start] = OrderedDict()

    def put(self, run: Run, input: Mapping[str, Any], build: Build, first_line: int) -> None:
        with self._lock:
            self._open[run.number] = Start(input, build, first_line, time.monotonic())
            while len(self._open) > STARTS_MAX:
                self._open.popitem(last=False)

    def get(self, run: Run) -> Start | None:
        with self._lock:
            return self._open.get(run.number)

    def is_open(self, number: int) -> bool:
        return number in self._open

    def add(self, run: Run, input: Mapping[str, Any]) -> Start | None:
        """Add what came later to an open start, and return it."""
        with self._lock:
            start = self._open.get(run.number)
            if start is not None:
                start = self._open[run.number] = start.with_more(input)
            return start

    def take(self, run: Run) -> Start | None:
        """Return an open start that is open no more: one caller alone gets it."""
        with self._lock:
            return self._open.pop(run.number, None)


def views(core: Core, run: Run) -> list[Run]:
    """Return a run as each of its attempts has it, the latest first (a few dozen at most)."""
    return [
        replace(
            run, attempt=one.number, ordinal=one.ordinal, history=one.history, system=one.system,
            rows=one.rows, state=one.state,
        )
        for one in core.runs.attempts(run)[: -ATTEMPTS_MAX - 1 : -1]
    ]  # fmt: skip


def view_of(core: Core, run: Run, attempt: int) -> Run:
    """Return a run as the attempt of this number has it; as it is if there is none."""
    if run.attempt == attempt:
        return run
    return next((view for view in views(core, run) if view.attempt == attempt), run)


def tells_writer(internal: Mapping[str, Any]) -> bool:
    """Return whether a config tells which process writes."""
    return bool(_marks(internal))


def attempt_of_writer(core: Core, run: Run, internal: Mapping[str, Any]) -> Run | None:
    """Return the run as it is at the attempt that the same process wrote to before."""
    wanted = _marks(internal)
    if not wanted:
        return None
    return next(
        (one for one in views(core, run) if not wanted.isdisjoint(_marks(internal_of(core, one)))),
        None,
    )


def attempt_of_line(core: Core, run: Run, found: Values, space: Any) -> Run | None:
    """Return the run as it is at the attempt where a row or sample is stored already."""
    return next((one for one in views(core, run) if knows_line(core, one, found, space)), None)


def internal_of(core: Core, run: Run) -> Mapping[str, Any]:
    """Return what the client keeps for itself, as the run's attempt has it."""
    found = core.folds.state(run.attempt).environment.get("wandb")
    return found if isinstance(found, dict) else {}


def _marks(internal: Mapping[str, Any]) -> set[tuple[str, str]]:
    writer = translation.newest_writer(internal)
    if writer is None or not writer.get("startedAt"):
        return set()
    return {(str(writer.get("writerId") or ""), str(writer["startedAt"]))}


def knows_line(core: Core, run: Run, found: Values, space: Any) -> bool | None:
    """Return whether a row or sample is stored already, with its time; None if there is none at its step."""
    known = known_lines(core, run, found.step, found.step, space)
    return (found.step, found.time_us) in known if known else None


def known_lines(
    core: Core, run: Run, first: int, last: int, space: Any = "history"
) -> set[tuple[int, int]]:
    """Return step and time of all rows or samples that are stored from one step to another."""
    known: set[tuple[int, int]] = set()
    after = ""
    while True:
        page = core.queries.history(run, space=space, min_step=first, max_step=last, after=after)
        for row in page.rows:
            known.add((row["_step"], translation.micros(row.get("_timestamp")) or 0))
        after = page.next or ""
        if not after:
            return known
