"""What metrics amount to (ui-spec 4.3): exact, the same after a restart, of the rows that a history keeps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kiseki.core.aggregates import PART, Sum, Sums
from kiseki.core.backfill import Backfill
from kiseki.core.query.filters import parse_keys
from kiseki.core.query.queries import Queries
from kiseki.errors import Invalid
from kiseki.record.types import Finish, Metric, Shape
from tests.unit.core.kit import Kit, Writer

VALUES = st.one_of(
    st.floats(-1e9, 1e9), st.integers(-(2**70), 2**70), st.booleans(),
    st.sampled_from([math.nan, math.inf, -math.inf, "text", None, [1], 10**400, -(10**400)]),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(-5, 30), VALUES), min_size=1, max_size=6), max_size=5)
)
def test_sums_are_what_counting_one_by_one_gives(groups: list[list[tuple[int, Any]]]) -> None:
    one = Sum()
    for group in groups:
        one.add([step for step, _ in group], [value for _, value in group])
    numbers: list[tuple[int, float]] = []
    for group in groups:
        for step, value in group:
            if isinstance(value, (int, float)):
                huge = isinstance(value, int) and abs(value) >= 10**400
                numbers.append(
                    (step, math.inf * (1 if value > 0 else -1) if huge else float(value))
                )
    finite = [value for _, value in numbers if math.isfinite(value)]
    assert one.n == len(finite)
    assert one.nan == sum(math.isnan(value) for _, value in numbers)
    assert one.inf == sum(math.isinf(value) for _, value in numbers)
    if finite:
        assert (one.low, one.high) == (min(finite), max(finite))
        size = max(map(abs, finite))
        assert one.mean == pytest.approx(math.fsum(finite) / len(finite), rel=1e-9, abs=1e-9 * size)


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path)


def values(kit: Kit, run: str, keys: str) -> tuple[Any, ...]:
    project, found = kit.runs.find(kit.ada, "ada", "digits", run)
    return kit.meta.values(project.number, [found.number], parse_keys(keys, 9))[0]


WHAT = "metric.last.loss,metric.min.loss,metric.max.loss,metric.mean.loss,metric.nan.loss,metric.inf.loss"


def test_values_go_on_after_a_restart(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    writer = Writer(kit)
    writer.send(writer.start() + writer.rows([0], 5.0) + writer.rows([1], math.nan))
    kit.folds.save_all()
    assert values(kit, "r1", WHAT) == ("NaN", 5.0, 5.0, 5.0, 1.0, None)
    writer.send(writer.rows([2], 1.0))  # committed, not saved
    writer.kit = kit = kit.again()
    assert values(kit, "r1", WHAT) == (1.0, 1.0, 5.0, 3.0, 1.0, None)
    writer.send(writer.rows([3], math.inf) + writer.rows([4], 3.0))
    writer.kit = kit = kit.again().again()
    assert values(kit, "r1", WHAT) == (3.0, 1.0, 5.0, 3.0, 1.0, 1.0)
    kit.close()


def test_a_rewound_tail_does_not_count(kit: Kit) -> None:
    writer = Writer(kit)
    tail = writer.start() + writer.rows(range(10)) + writer.records(Shape(shape=1, paths=["late"]))
    writer.send(tail + writer.rows([10], 7.0, shape=1))
    writer.send(writer.records(Finish(exit_code=0, time_us=kit.now_us, runtime_us=9)))
    kit.folds.save_all()
    assert values(kit, "r1", "metric.max.loss,metric.last.late") == (9.0, 7.0)
    again = Writer(kit, parent_run="r1", parent_step=5)
    again.send(again.start())
    assert values(kit, "r1", WHAT) == (5.0, 0.0, 5.0, 2.5, None, None)
    assert values(kit, "r1", "metric.last.late") == (None,)
    again.send(again.rows([6], 0.5))
    fork = Writer(kit, "r2", parent_run="r1", parent_step=6)
    fork.send(fork.start() + fork.rows([7], -1.0))
    kit.folds.save_all()
    assert values(kit, "r1", "metric.last.loss,metric.max.loss") == (0.5, 5.0)
    assert values(kit, "r2", "metric.last.loss,metric.max.loss,metric.min.loss") == (
        -1.0,
        5.0,
        -1.0,
    )
    kit.close()


def test_runs_of_an_older_version_are_summed_up_later(kit: Kit) -> None:
    for run in ("r1", "r2", "r3"):
        writer = Writer(kit, run)
        writer.send(writer.start() + writer.rows(range(10)))
    fork = Writer(kit, "r4", parent_run="r1", parent_step=3)
    fork.send(fork.start() + fork.rows([4], 40.0))
    alive = Writer(kit, "alive")
    alive.send(alive.start() + alive.rows(range(3)))
    kit.folds.save_all(close=True)
    expected = {run: values(kit, run, WHAT) for run in ("r1", "r4", "alive")}
    with kit.meta._write() as c:
        c.execute(text("DELETE FROM attempt_part WHERE name = :name"), {"name": PART})
        c.execute(
            text(
                "DELETE FROM run_cell WHERE path IN (SELECT number FROM path WHERE name LIKE 'metric.%')"
            )
        )
    alive.kit = kit = kit.again()
    alive.send(
        alive.rows([3], 1.0)
    )  # goes on while it is not summed up: nothing begins in the middle
    kit.folds.save_all()
    assert values(kit, "alive", WHAT) == (None,) * 6
    backfill = Backfill(kit.meta, kit.series, kit.folds)
    assert list(backfill.round()) == [True, True, True, True, False]
    assert {run: values(kit, run, WHAT) for run in ("r1", "r4")} == {
        run: expected[run] for run in ("r1", "r4")
    }
    alive.send(alive.rows([4], 2.0))
    kit.folds.save_all(close=True)
    assert list(backfill.round()) == [True]
    assert values(kit, "alive", WHAT) == (2.0, 0.0, 2.0, 6 / 5, None, None)
    alive.send(alive.rows([5], 9.0))
    kit.folds.save_all()
    assert values(kit, "alive", "metric.last.loss,metric.max.loss") == (9.0, 9.0)
    assert list(backfill.round()) == []
    kit.close()


def test_runs_are_found_sorted_and_shown_by_metrics(kit: Kit) -> None:
    for run, goal, losses in (
        ("a", "minimize", [3.0, 1.0, 2.0]),
        ("b", "minimize", [9.0, math.nan, 5.0]),
        ("c", None, [4.0, 4.0, 0.5]),
    ):
        writer = Writer(kit, run)
        kit.now_us += 1
        told = [Metric(name="acc\\.top", goal="maximize"), Metric(name="loss", goal=goal)]
        start = writer.records(writer.open, Shape(shape=0, paths=["loss", "acc\\.top"]), *told)
        rows = b"".join(writer.rows([10 * at], loss, 1 - loss) for at, loss in enumerate(losses))
        writer.send(start + rows)
    kit.folds.save_all()
    queries = Queries(kit.meta, kit.series, kit.runs)
    project, _ = kit.runs.find(kit.ada, "ada", "digits", "a")

    def ids(**asked: Any) -> str:
        return "".join(run.id for run in queries.list_runs(project, **asked).runs)

    assert ids(sort="metric.min.loss") == "cab" and ids(sort="-metric.best.loss") == "bac"
    assert ids(filter="metric.nan.loss>0") == "b" and ids(filter="not metric.nan.loss:*") == "ca"
    assert ids(filter="metric.last.loss<=2 metric.mean.loss<2.5") == "a"
    assert ids(filter='"metric.last.acc.top">0') == "c"
    assert ids(sort="-metric.best.acc.top") == "cab"  # to be maximised
    columns = "metric.at.10.loss,metric.best.loss,metric.at.25.acc.top,metric.at.0.none,config.lr"
    page = queries.list_runs(project, columns=columns, sort="name,metric.min.loss,id")
    assert list(page.columns) == columns.split(",")
    assert [list(row) for row in page.values] == [
        [4.0, 0.5, 0.5, None, None], [1.0, 1.0, -1.0, None, None], ["NaN", 5.0, -4.0, None, None],
    ]  # fmt: skip
    names, found = queries.list_groups(
        project, by="state", columns="metric.best.loss,metric.last.loss"
    )
    assert names == ["metric.best.loss", "metric.last.loss"]
    [best, last] = found.groups[0].spreads
    assert best is not None and last is not None
    assert (best.min, best.max, last.max) == (0.5, 5.0, 5.0)
    assert not any(field.path.startswith("metric.") for field in queries.fields(project).items)
    for bad in ({"sort": "metric.at.10.loss"}, {"filter": "metric.at.10.loss>1"}):
        with pytest.raises(Invalid) as caught:
            queries.list_runs(project, **bad)
        assert caught.value.extra["code"] == "filter"
    many = ",".join(f"metric.at.{step}.loss" for step in range(6))
    with pytest.raises(Invalid):
        queries.list_runs(project, columns=many)
    kit.close()


def test_only_numbers_make_a_metric() -> None:
    sums = Sums()
    sums._add("note", ["a", None], 1, 1)
    assert sums.cells() == {}
    sums._add("note", [3], 2, 0)
    assert sums.cells()["metric.last.note"] == 3.0
