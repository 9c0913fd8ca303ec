"""Several processes and one run id: shared runs (T-10), and those that are not meant to be (I-62)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kiseki
from kiseki.record.types import Config, Console, Finish, Open, Row
from tests.e2e.run_scripts import QUIET, folders, of, only_folder, run_script
from tests.fakes.live_server import LiveServer
from tests.unit.sdk.recording import records_of

SHARED = {**QUIET, "KISEKI_MODE": "shared", "KISEKI_PROJECT": "p"}
PROCESSES = 16
ROWS = 20


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kiseki.teardown()
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KISEKI_PROJECT", "p")
    yield
    kiseki.teardown()


def start_many(code: str, env: dict[str, str], count: int = PROCESSES) -> list[dict[str, Any]]:
    """Run a script `count` times at once; return what each printed last, as JSON."""
    path = Path("many.py").absolute()
    path.write_text(textwrap.dedent(code))
    started = [
        subprocess.Popen(
            [sys.executable, str(path), str(number)],
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    found = []
    try:
        for process in started:
            out, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
            found.append({**json.loads(out.splitlines()[-1]), "err": err})
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
                process.wait()
    return found


WORKER = f"""
    import json, sys, kiseki
    number = int(sys.argv[1])
    try:
        run = kiseki.init(id="one", settings={{"x_label": f"w{{number}}", "x_primary": number == 0}})
    except kiseki.Error as error:
        print(json.dumps({{"refused": str(error)}}))
        sys.exit(0)
    for i in range({ROWS}):
        run.log({{f"w{{number}}": i}})
    print("hello")
    run.finish()
    print(json.dumps({{"folder": run.sync_dir}}))
    """


def logged(rows: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Return the values of each writer, in the order in which they stand."""
    found: dict[str, list[int]] = {}
    for row in rows:
        for key, value in row.items():
            if key.startswith("w"):
                found.setdefault(key, []).append(value)
    return found


@pytest.mark.slow
def test_sixteen_shared_writers(logged_in: LiveServer) -> None:  # T-10, reliability §3
    found = start_many(WORKER, SHARED)
    assert not [item for item in found if "refused" in item], found
    with kiseki.Api(logged_in.url, logged_in.key) as api:
        run = api.run("ada/p/one")
        assert logged(list(run.scan_history())) == {
            f"w{number}": list(range(ROWS)) for number in range(PROCESSES)
        }
        assert len(run.writers) == PROCESSES and len(run.attempts) == 1
        assert sum(writer.primary for writer in run.writers) == 1
        assert {writer.label for writer in run.writers} == {f"w{n}" for n in range(PROCESSES)}
        assert run.state == "finished"


@pytest.mark.slow
def test_sixteen_writers_that_do_not_share(logged_in: LiveServer) -> None:  # I-62
    found = start_many(WORKER, {**SHARED, "KISEKI_MODE": "online"})
    kept = [number for number, item in enumerate(found) if "folder" in item]
    for number, item in enumerate(found):
        assert number in kept or "alive" in item["refused"]
    with kiseki.Api(logged_in.url, logged_in.key) as api:
        run = api.run("ada/p/one")
        rows: list[dict[str, Any]] = []
        for attempt in run.attempts:
            rows += attempt.scan_history()
        assert logged(rows) == {f"w{number}": list(range(ROWS)) for number in kept}


@pytest.mark.slow
def test_sixteen_writers_offline(server: LiveServer) -> None:  # K-03
    found = start_many(WORKER, {**SHARED, "KISEKI_MODE": "offline"})
    assert all("folder" in item for item in found) and len(folders()) == PROCESSES
    env = {**os.environ, "KISEKI_API_KEY": server.key}
    for _ in range(2):
        command = [sys.executable, "-m", "kiseki", "sync", "--host", server.url, "kiseki"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    with kiseki.Api(server.url, server.key) as api:
        attempts = api.run("ada/p/one").attempts
        assert len(attempts) == PROCESSES
        rows = [row for attempt in attempts for row in attempt.scan_history()]
        assert logged(rows) == {f"w{number}": list(range(ROWS)) for number in range(PROCESSES)}


def test_what_a_writer_that_is_not_primary_leaves_out(logged_in: LiveServer) -> None:  # T-10
    primary = kiseki.init(mode="shared", id="one", config={"lr": 1}, name="team")
    assert primary.mode == "online" and not primary.resumed
    done = run_script(
        """
        import os, time, kiseki
        run = kiseki.init(id="one", config={"by": "worker"}, settings={
            "x_primary": False, "x_label": "node-1", "x_update_finish_state": False})
        assert run.resumed and run.name == "team" and dict(run.config) == {"lr": 1, "by": "worker"}
        run.log({"a": 1}, step=70)
        run.log({"a": 2}, step=80)
        assert run.step < 10
        print("said by a worker")
        run.finish()
        print(run.sync_dir, os.listdir(run.dir))
        """,
        {**SHARED, "KISEKI_DISABLE_META": ""},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the step given to log() is ignored") == 1
    folder, _, files = done.stdout.splitlines()[-1].partition(" ")
    assert files == "['output.log']"
    records = records_of(next(Path(folder).glob("run-*.kslog")))
    opening = of(records, Open)[0]
    assert opening.shared and not opening.primary and opening.label == "node-1"
    assert not of(records, Finish) and {line.label for line in of(records, Console)} == {"node-1"}
    assert [record.set for record in of(records, Config)] == [{"by": "worker"}]
    assert [row.values for row in of(records, Row)] == [[1], [2]]
    found = logged_in.get("/api/v1/projects/ada/p/runs/one")
    assert found["state"] == "running"  # the worker's end is not the run's
    primary.log({"b": 1})
    primary.finish()
    found = logged_in.get("/api/v1/projects/ada/p/runs/one")
    assert found["state"] == "finished" and found["rows"] == 3 and found["name"] == "team"
    assert found["config"] == {"lr": 1, "by": "worker"}
    labels = {writer["label"]: writer["primary"] for writer in found["writers"]}
    assert labels == {"": True, "node-1": False}


def test_a_worker_that_dies_does_not_end_the_run(logged_in: LiveServer) -> None:  # T-10
    primary = kiseki.init(mode="shared", id="one")
    done = run_script(
        """
        import os, kiseki
        run = kiseki.init(id="one", settings={"x_primary": False, "x_update_finish_state": False})
        run.log({"a": 1})
        print(run.sync_dir)
        os.kill(os.getpid(), 9)
        """,
        SHARED,
    )
    folder = Path(done.stdout.strip())
    primary.finish()
    found = logged_in.get("/api/v1/projects/ada/p/runs/one")
    assert found["state"] == "finished"
    assert not list(folder.glob("uploader-*.kslog")) or "crashed" not in str(
        [records_of(path) for path in folder.glob("uploader-*.kslog")]
    )


def test_a_shared_run_does_not_take_over_another(logged_in: LiveServer) -> None:  # I-62, T-10
    run = kiseki.init(id="alone")
    done = run_script(
        """
        import kiseki
        try:
            kiseki.init(id="alone")
        except kiseki.UsageError as error:
            print(error)
        """,
        SHARED,
    )
    assert "alive" in done.stdout and str(os.getpid()) in done.stdout, done.stderr
    run.finish()
    assert len(folders()) == 1 and only_folder()
