"""Random programs of log, late rows, rewind, fork, resume, kill and compaction against plain lists.

The model: an attempt is the rows it was given, in the order of their arrival, and where it hangs. What it
shows is what its parent shows up to a step, and then its own rows.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiseki.core.opening import ALIVE_US
from kiseki.core.query.history import page
from kiseki.core.query.series import Charts
from kiseki.core.query.series_request import SeriesRequest
from kiseki.core.query.wire import parse
from kiseki.storage.embedded.series import EmbeddedSeries
from tests.unit.core.kit import Kit, Writer

EXAMPLES = int(os.environ.get("KISEKI_TEST_PROGRAMS", "15"))

Row = tuple[int, float]  # step, value


@dataclass
class Attempt:
    """Rows by arrival. `loss`, `rows` and `next_step` are what lists show."""

    writer: Writer
    parent: tuple[Attempt, int] | None = None
    own: list[Row] = field(default_factory=list)
    rows: int = 0
    next_step: int = 0
    loss: float | None = None
    _last_step: int = -1

    def shown(self, upto: int | None = None) -> list[list[Row]]:
        """Return the rows of each link of the chain, oldest first, each by arrival."""
        links: list[list[Row]] = []
        if self.parent is not None:
            above, step = self.parent
            links = above.shown(step if upto is None else min(upto, step))
        return [*links, [row for row in self.own if upto is None or row[0] <= upto]]

    def fold(self, rows: list[Row]) -> None:
        for step, value in rows:
            self.rows += 1
            self.next_step = max(self.next_step, step + 1)
            if step >= self._last_step:
                self._last_step, self.loss = step, value


class World:
    """The core and the model, side by side."""

    def __init__(self, folder: Path) -> None:
        self.series = EmbeddedSeries(folder / "history")
        self.kit = Kit(folder, self.series)
        self.runs: dict[str, list[Attempt]] = {}
        self.values = map(float, count())
        self.start("r0")

    def start(self, run: str, parent: tuple[str, int] | None = None) -> None:
        self.kit.now_us += ALIVE_US + 1
        options: dict[str, Any] = {}
        if parent is not None:
            options = {"parent_run": parent[0], "parent_step": parent[1]}
        writer = Writer(self.kit, run, pid=self.kit.now_us, **options)
        attempt = Attempt(writer)
        if parent is not None:
            above = self.runs[parent[0]][-1]
            attempt.parent = above, parent[1]
            for link in attempt.shown():
                attempt.fold(link)
            attempt.next_step = parent[1] + 1
        self.runs.setdefault(run, []).append(attempt)
        opened = writer.send(writer.start()).opened
        assert opened is not None and opened.before.next_step == attempt.next_step

    def log(self, attempt: Attempt, steps: list[int]) -> None:
        rows = [(step, next(self.values)) for step in steps]
        writer = attempt.writer
        writer.send(b"".join(writer.rows([step], value) for step, value in rows))
        attempt.own += rows
        attempt.fold(rows)

    def resume(self, run: str) -> None:
        self.kit.now_us += ALIVE_US + 1
        attempt = self.runs[run][-1]
        writer = attempt.writer = Writer(self.kit, run, resume="allow", pid=self.kit.now_us)
        opened = writer.send(writer.start()).opened
        assert opened is not None and opened.before.next_step == attempt.next_step

    def kill(self) -> None:
        before = self.kit
        self.kit = before.again()
        self.kit.now_us = before.now_us
        for attempts in self.runs.values():
            for attempt in attempts:
                attempt.writer.kit = self.kit

    def compact(self) -> None:
        self.kit.folds.save_all()
        self.series.compact(idle=True)

    def check(self) -> None:
        for run, attempts in self.runs.items():
            project, found = self.kit.runs.find(self.kit.ada, "ada", "digits", run)
            assert len(self.kit.runs.attempts(found)) == len(attempts)
            for ordinal, attempt in enumerate(attempts, 1):
                chain = tuple(self.kit.runs.ranges(found, "history", ordinal))
                links = attempt.shown()
                exact = sorted((row for link in links for row in link), key=lambda row: row[0])
                merged = dict(exact)
                rows = page(self.series, project.number, chain, is_exact=True, limit=7)
                read = rows.rows
                while rows.next is not None:
                    rows = page(
                        self.series, project.number, chain, is_exact=True, limit=7, after=rows.next
                    )
                    read += rows.rows
                assert [(row["_step"], row["loss"]) for row in read] == exact
                rows = page(self.series, project.number, chain)
                assert {row["_step"]: row["loss"] for row in rows.rows} == merged
                assert len(rows.rows) == len(merged)
                self._check_chart(project.number, chain, merged)
                assert self.kit.runs.attempts(found)[ordinal - 1].rows == attempt.rows
            latest = attempts[-1]
            assert (found.rows, found.next_step) == (latest.rows, latest.next_step)
            assert found.summary.get("loss") == latest.loss

    def _check_chart(self, project: int, chain: Any, merged: dict[int, float]) -> None:
        request = SeriesRequest(["loss"], {"r": chain}, buckets=8_192, x_min=0.0, x_max=40.0)
        _, columns = parse(Charts(self.series).answer(project, request))
        drawn = [
            dict(zip(one["x"].tolist(), one["first"].tolist(), strict=True)) for one in columns
        ]
        assert drawn == ([merged] if merged else [])

    def close(self) -> None:
        self.kit.close()
        self.series.close()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_any_program_shows_what_the_lists_say(data: st.DataObject) -> None:
    """I-63, I-66, I-69, L-04."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            for _ in range(data.draw(st.integers(3, 14), label="length")):
                _one_step(world, data)
            world.check()
            world.kill()
            world.check()
        finally:
            world.close()


def _one_step(world: World, data: st.DataObject) -> None:
    does = data.draw(
        st.sampled_from(
            [
                "log",
                "log",
                "log",
                "late",
                "rewind",
                "rewind",
                "fork",
                "resume",
                "kill",
                "compact",
                "check",
            ]
        ),
        label="does",
    )
    run = data.draw(st.sampled_from(sorted(world.runs)), label="run")
    latest = world.runs[run][-1]
    if does == "log":
        steps = range(latest.next_step, latest.next_step + data.draw(st.integers(1, 5)))
        world.log(latest, list(steps))
    elif does == "late":
        # A parent's row of a kept step is seen by its children too; their folds are those of their making.
        world.log(latest, [data.draw(st.integers(0, latest.next_step + 2), label="step")])
    elif does in ("rewind", "fork") and latest.next_step:
        step = data.draw(st.integers(0, latest.next_step - 1), label="at")
        world.start(run if does == "rewind" else f"r{len(world.runs)}", (run, step))
    elif does == "resume":
        world.resume(run)
    elif does == "kill":
        world.kill()
    elif does == "compact":
        world.compact()
    else:
        world.check()
