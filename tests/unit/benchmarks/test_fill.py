"""The projects that budgets are measured on are what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kiseki.core.service import Core, open_core
from kiseki.storage.open import open_storage
from tests.fakes.live_server import FIRST_KEY, FIRST_USER, LiveServer

FOLDER = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(FOLDER))
    import fill

    yield fill
    for name in ("fill", "_projects", "_bulk"):
        sys.modules.pop(name, None)


@contextmanager
def filled(data: Path) -> Iterator[Core]:
    storage, lock = open_storage(data)
    core = open_core(storage)
    try:
        yield core
    finally:
        core.close()
        storage.close()
        lock.release()


def test_projects_hold_what_was_asked_for(fill: ModuleType, tmp_path: Path) -> None:
    sizes = {"steps": (2, 6_000, 3), "metrics": (1, 2, 2_500), "table": (7, 0, 4)}
    wanted = [fill.Plan(k, fill.Size(*size), 1, f"fill-{k}") for k, size in sizes.items()]
    with fill.into_folder(tmp_path / "data", FIRST_USER) as target:
        made = [fill.fill(plan, target, 0) for plan in wanted]
        again = fill.fill(wanted[2], target, 0)  # changes nothing
    assert [(one.runs, one.rows, one.points) for one in made] == [
        (2, 12_000, 36_000), (1, 2, 5_000), (7, 0, 0),
    ]  # fmt: skip
    assert again.runs == 7
    with filled(tmp_path / "data") as core:
        for plan in wanted:
            project = core.meta.project(FIRST_USER, plan.project)
            assert project is not None
            assert core.meta.counted(project).runs == plan.size.runs
            page = core.queries.list_runs(project)
            assert {run.rows for run in page.runs} == {plan.size.steps}
            assert {run.state for run in page.runs} <= {"finished", "failed"}
            numbers = [
                metric for metric in core.meta.metrics(project.number) if metric.kind == "number"
            ]
            assert len(numbers) == (plan.size.metrics if plan.size.steps else 0)
        project = core.meta.project(FIRST_USER, "fill-steps")
        run = core.meta.run(project.number, "steps-000001") if project else None
        assert run is not None
        [points] = core.series.points(run.project, "train/loss", core.runs.ranges(run, "history"))
        assert len(points.values) == 6_000
        assert [int(step) for step in points.steps[points.values == 10.0]] == [1_500, 3_000, 4_500]


def test_runs_made_at_once_are_what_records_make(fill: ModuleType, tmp_path: Path) -> None:
    plan = fill.Plan("table", fill.Size(20, 0, 3), 5, "both")
    answers = []
    for name, is_bulk in (("bulk", True), ("records", False)):
        with fill.into_folder(tmp_path / name, FIRST_USER) as target:
            fill.fill(plan, target if is_bulk else replace(target, store=None), 0)
        with filled(tmp_path / name) as core:
            answers.append(_everything(core))
    assert answers[0] == answers[1]


def _everything(core: Core) -> Any:
    project = core.meta.project(FIRST_USER, "both")
    assert project is not None
    _, _, runs = core.meta.find_runs(project.number)
    same = {"created_us": 0, "heartbeat_us": 0}
    found = []
    for run in runs:
        state = core.folds.state(run.attempt)
        found.append(
            (replace(run, **same), state, core.meta.parts(run.attempt, ("fold", "config")))
        )
    return found, core.meta.fields(project.number), core.meta.cursors()


def test_the_same_seed_makes_the_same_records(fill: ModuleType) -> None:
    plan = fill.Plan("runs", fill.Size(3, 40, 2), 1, "p")
    assert fill.make(plan, 2) == fill.make(plan, 2)
    assert fill.make(plan, 2) != fill.make(replace(plan, seed=2), 2)


@pytest.mark.parametrize("kind", ["runs", "table"])
def test_a_server_is_filled_over_http(kind: str, server: LiveServer) -> None:
    size = ["--runs", "3", "--metrics", "2", *(["--steps", "30"] if kind == "runs" else [])]
    command = [sys.executable, str(FOLDER / "fill.py"), kind, *size, "--url", server.url]
    done = subprocess.run(
        [*command, "--key", FIRST_KEY], capture_output=True, text=True, check=True, timeout=60
    )
    [one] = json.loads(done.stdout.splitlines()[-1])["filled"]
    rows = 90 if kind == "runs" else 0
    assert (one["runs"], one["rows"], one["points"]) == (3, rows, rows * 2)
    project = server.get(f"/api/v1/projects/{FIRST_USER}/fill-{kind}")
    assert project["runs"] == 3


def test_help_and_wrong_words(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "fill.py")]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    assert "100,000 runs without history" in shown.stdout
    for wrong in (["--data", "x", "nothing"], ["table"], ["--data", "x", "--runs", "3"]):
        done = subprocess.run([*command, *wrong], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode != 0 and "Traceback" not in done.stderr
