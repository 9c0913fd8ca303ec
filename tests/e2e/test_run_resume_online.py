"""Resume, rewind and fork with a real server, and scripts that are killed (§7, §8 of the SDK's contract)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import kiseki
from kiseki.client import registry
from kiseki.record.types import Open
from kiseki.sdk.registration import registered
from tests.e2e.run_scripts import QUIET, folders, of, run_script, start_script
from tests.fakes.live_server import LiveServer, free_port
from tests.unit.sdk.recording import records_of

ONLINE = {**QUIET, "KISEKI_MODE": "", "KISEKI_PROJECT": "p"}


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kiseki.teardown()
    for name, value in {**ONLINE, "KISEKI_SILENT": "true"}.items():
        monkeypatch.setenv(name, value)
    yield
    kiseki.teardown()


def train(rows: int, exit_code: int = 0, **arguments: Any) -> kiseki.Run:
    run = kiseki.init(**arguments)
    for _ in range(rows):
        run.log({"i": run.step})
    run.finish(exit_code)
    return run


def until(claim: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def rows_of(server: LiveServer, run_id: str, **options: Any) -> list[int]:
    with kiseki.Api(server.url, server.key) as api:
        return [row["_step"] for row in api.run(f"ada/p/{run_id}", **options).history()]


def assert_nothing_is_left() -> None:  # I-81, I-84
    assert kiseki.run is None and not registry.entries()


def test_resume_brings_everything_back(logged_in: LiveServer) -> None:  # I-26, I-55, I-69, C-13
    run = kiseki.init(
        id="a",
        name="first",
        notes="why",
        tags=["x"],
        group="g",
        job_type="j",
        config={"lr": 1, "n": 2},
    )
    assert not run.resumed and run.starting_step == 0
    run.define_metric("loss", summary="min,max,mean,first,last")
    run.define_metric("acc", step_metric="epoch")
    for i in range(10):
        run.log({"loss": 10 - i, "epoch": i, "deep": {"x": float("inf")}})
    run.summary["by hand"] = {"nan": float("nan")}
    started = run.start_time
    run.finish(1)
    shutil.rmtree("kiseki")  # another machine

    run = kiseki.init(id="a", resume="allow", config={"lr": 3, "m": 4}, tags=["y"])
    assert run.resumed and (run.starting_step, run.step) == (10, 10)
    assert (run.name, run.notes, run.group, run.job_type) == ("first", "why", "g", "j")
    assert run.tags == ("y",) and run.start_time == started
    assert dict(run.config) == {"lr": 3, "n": 2, "m": 4}
    assert run.summary["deep"]["x"] == float("inf") and run.summary["by hand"]["nan"] != 0
    with pytest.raises(kiseki.ConfigError):
        run.config["n"] = 7
    runtime = run.summary["_runtime"]
    assert runtime > 0
    run.log({"loss": 20, "acc": 1.0})
    wanted = {"first": 10, "last": 20, "min": 1, "max": 20, "mean": pytest.approx(75 / 11)}
    assert run.summary["loss"] == wanted and run.summary["_runtime"] > runtime
    run.finish()
    found = logged_in.get("/api/v1/projects/ada/p/runs/a")
    assert found["summary"]["loss"] == wanted and found["summary"]["epoch"] == 9
    assert (found["attempt"], found["rows"], found["state"]) == (1, 11, "finished")
    assert found["tags"] == ["y"] and found["name"] == "first"
    assert found["config"] == {"lr": 3, "n": 2, "m": 4}
    assert rows_of(logged_in, "a") == list(range(11))
    run = kiseki.init(id="a", resume="must")  # tags not given stay (I-26)
    assert run.tags == ("y",) and run.step == 11
    run.tags += ["z"]  # type: ignore[operator]  # I-27
    run.finish()
    assert logged_in.get("/api/v1/projects/ada/p/runs/a")["tags"] == ["y", "z"]


def test_never_and_must(logged_in: LiveServer) -> None:  # I-56, I-57, I-80
    with pytest.raises(kiseki.CommError, match=r"no run 'a'.*must"):
        kiseki.init(id="a", resume="must")
    assert_nothing_is_left()
    train(2, id="a", resume="never")
    with pytest.raises(kiseki.UsageError, match=r"'a' exists.*never"):
        kiseki.init(id="a", resume="never")
    assert_nothing_is_left()
    run = train(1, id="a", resume="must")
    assert run.resumed and run.starting_step == 2
    again = train(1, id="a")  # I-62: the earlier one stays readable as an earlier attempt
    assert not again.resumed and again.starting_step == 0
    with kiseki.Api(logged_in.url, logged_in.key) as api:
        found = api.run("ada/p/a")
        assert [attempt.kind for attempt in found.attempts] == ["start", "again"]
        assert [row["_step"] for row in found.attempt(1).history()] == [0, 1, 2]
        assert [row["_step"] for row in found.history()] == [0]


def test_rewind_and_fork(logged_in: LiveServer) -> None:  # I-63, I-64, I-65, I-66, I-67
    run = kiseki.init(id="a", config={"lr": 1}, name="base", tags=["t"])
    run.define_metric("i", summary="max")
    for i in range(10):
        run.log({"i": i, "j": -i})
    run.finish()
    run = kiseki.init(id="ignored", resume_from="a?_step=4", config={"lr": 2})
    assert (run.id, run.resumed, run.starting_step, run.name) == ("a", True, 5, "base")
    assert run.summary["i"] == {"max": 4} and run.summary["j"] == -4 and run.config["lr"] == 2
    run.log({"i": 100})
    run.finish()
    assert run.summary["i"] == {"max": 100}
    fork = kiseki.init(fork_from="a?_step=5", id="f")
    assert (fork.id, fork.resumed, fork.step, fork.config["lr"]) == ("f", False, 6, 2)
    assert fork.summary["i"] == {"max": 100} and fork.tags == ("t",)
    assert fork.start_time > run.start_time
    fork.log({"i": 0})
    fork.finish()
    with kiseki.Api(logged_in.url, logged_in.key) as api:
        found, forked = api.run("ada/p/a"), api.run("ada/p/f")
        assert [row["i"] for row in found.history()] == [0, 1, 2, 3, 4, 100]
        assert [row["i"] for row in forked.history()] == [0, 1, 2, 3, 4, 100, 0]
        assert found.summary["i"] == forked.summary["i"] == {"max": 100}
        assert [row["i"] for row in found.attempt(1).history()] == list(range(10))
        assert [row["i"] for row in api.run("ada/p/a", attempt=1).history()] == list(range(10))
        assert [attempt.kind for attempt in found.attempts] == ["start", "rewind"]
        assert found.parent is not None and found.parent.step == 4 and found.parent.run == "a"
        assert forked.parent is not None and (forked.parent.run, forked.parent.step) == ("a", 5)
        assert [(fork.run, fork.step) for fork in found.forks] == [("f", 5)]
        assert [piece.run for piece in forked.lineage] == ["a", "a", "f"]
        assert forked.writers[0].pid == os.getpid()
        with pytest.raises(ValueError, match="attempt"):
            found.attempt(3)
    wrong: Any
    for wrong, match in (
        ({"fork_from": "zz?_step=1"}, "no run 'zz'"), ({"resume_from": "zz?_step=1"}, "no run 'zz'"),
        ({"fork_from": "a?_step=6"}, "no step 6"), ({"resume_from": "a?_step=77"}, "no step 77"),
        ({"fork_from": "a?_step=1", "project": "other"}, "no run 'a'"),
    ):  # fmt: skip
        with pytest.raises(kiseki.CommError, match=match):
            kiseki.init(**wrong)
        assert_nothing_is_left()
    with pytest.raises(kiseki.UsageError):
        kiseki.init(id="a", fork_from="a?_step=1")


@pytest.mark.parametrize("killed", ["script", "both"])
def test_auto_after_a_kill(logged_in: LiveServer, killed: str) -> None:  # I-58, F-23
    done = run_script(
        f"""
        import os, signal, kiseki
        run = kiseki.init()
        for i in range(500):
            run.log({{"i": i}})
        print(run.id, flush=True)
        if {killed == "both"}:
            os.kill(run._link._process.pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        ONLINE,
    )
    run = kiseki.init(resume="auto")  # what the dead one had not sent is sent first
    assert run.id == done.stdout.strip() and run.resumed and run.step == 500, done.stderr
    run.log({"i": 500})
    run.finish()
    found = logged_in.get(f"/api/v1/projects/ada/p/runs/{run.id}")
    assert (found["state"], found["rows"], found["attempt"]) == ("finished", 501, 1)
    assert rows_of(logged_in, run.id) == list(range(501))


def test_auto_of_a_deleted_run_starts_a_new_one(logged_in: LiveServer) -> None:  # I-21, I-58
    train(1, 1, id="a")
    with kiseki.Api(logged_in.url, logged_in.key) as api:
        api.run("ada/p/a").delete()
    with pytest.raises(kiseki.CommError, match="deleted"):
        kiseki.init(id="a", resume="allow")
    with kiseki.init(resume="auto") as run:
        assert run.id != "a" and not run.resumed


def test_alive_elsewhere(logged_in: LiveServer) -> None:  # I-62
    process = start_script(
        """
        import sys, kiseki
        kiseki.init(id="a").log({"a": 1})
        print("up", flush=True)
        sys.stdin.read()
        """,
        ONLINE,
        stdin=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        until(lambda: logged_in.get("/api/v1/projects/ada/p/runs/a")["rows"])
        for asked in ({}, {"resume": "allow"}, {"resume": "must"}, {"resume_from": "a?_step=0"}):
            with pytest.raises(kiseki.UsageError, match=rf"alive.*process {process.pid}.*shared"):
                kiseki.init(**({"id": "a"} | asked))  # type: ignore[arg-type]
            assert kiseki.run is None
        with kiseki.init(fork_from="a?_step=0") as fork:  # which changes nothing of it
            assert fork.step == 1
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "asked",
    [
        {"id": "a", "resume": "must"}, {"id": "a", "resume": "never"},
        {"resume_from": "a?_step=1"}, {"fork_from": "a?_step=1"},
    ],
)  # fmt: skip
def test_questions_that_only_a_server_answers(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:  # I-83, design §3.2
    monkeypatch.setenv("KISEKI_BASE_URL", url := f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("KISEKI_INIT_TIMEOUT", "0.5")
    with pytest.raises(kiseki.CommError, match=f"{url}.*base_url.*init_timeout"):
        kiseki.init(**asked)
    assert_nothing_is_left()
    assert not folders()


def test_resume_with_the_server_away(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # I-83: recorded to disk, settled when it is back
    monkeypatch.setenv("KISEKI_BASE_URL", server.url)
    monkeypatch.setenv("KISEKI_API_KEY", server.key)
    train(3, id="a")
    server.kill()
    run = kiseki.init(id="a", resume="allow")
    assert run.resumed and run.step == 3 and run.url is None  # known from the folder
    run.log({"i": 3})
    server.start()
    until(lambda: run.url)
    run.finish()
    assert rows_of(server, "a") == [0, 1, 2, 3]


@pytest.mark.parametrize("fault", ["refused", "silent"])
def test_a_server_in_trouble_delays_a_resume_no_longer(
    fault: str, server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # I-83: what the killed one had not sent is looked after, too, within init_timeout
    env = {**ONLINE, "KISEKI_BASE_URL": server.url, "KISEKI_API_KEY": server.key}
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    run_script(
        """
        import os, signal, kiseki
        run = kiseki.init(id="a", settings={"init_timeout": 0.2})
        run.log({"i": 0})
        os.kill(run._link._process.pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        env,
    )
    assert len(registry.entries()) == 1
    if fault == "refused":
        server.kill()
    monkeypatch.setenv("KISEKI_BASE_URL", server.url)
    monkeypatch.setenv("KISEKI_API_KEY", server.key)
    began = time.monotonic()
    run = kiseki.init(id="a", resume="allow", settings={"init_timeout": 1, "finish_timeout": 0.5})
    assert time.monotonic() - began < 6 and run.step == 1
    run.finish()
    server.process.send_signal(signal.SIGCONT) if fault == "silent" else None


def test_kill_resume_rewind_as_somebody_would(logged_in: LiveServer) -> None:  # I-55, I-63, I-69
    code = """
        import os, sys, kiseki
        run = kiseki.init(id="exp", resume="allow", config={"lr": 0.1})
        for step in range(run.step, 100):
            if step == int(sys.argv[1] if len(sys.argv) > 1 else os.environ["STOP"]):
                os.kill(os.getpid(), 9)
            run.log({"loss": 1 / (step + 1)})
        """
    assert run_script(code, {**ONLINE, "STOP": "40"}).returncode == -signal.SIGKILL
    assert run_script(code, {**ONLINE, "STOP": "70"}).returncode == -signal.SIGKILL
    done = run_script(code, {**ONLINE, "STOP": "-1"})
    assert done.returncode == 0, done.stderr
    assert rows_of(logged_in, "exp") == list(range(100))
    run = kiseki.init(resume_from="exp?_step=9")
    run.log({"loss": 0})
    run.finish()
    assert rows_of(logged_in, "exp") == list(range(11))
    assert rows_of(logged_in, "exp", attempt=1) == list(range(100))
    found = logged_in.get("/api/v1/projects/ada/p/runs/exp")
    assert found["parent"]["step"] == 9 and len(found["attempts"]) == 2


def test_an_offline_part_that_was_never_uploaded(
    logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # I-55: it begins anew, and says so
    train(3, id="a", mode="offline")
    run = train(1, id="a", resume="allow", settings={"silent": False})
    assert not run.resumed and run.starting_step == 0
    told = capsys.readouterr().err
    assert "begins anew" in told and f"kiseki sync {os.path.dirname(run.sync_dir)}" in told


def test_the_writers_open_is_asked_once(logged_in: LiveServer) -> None:
    """A rewind is one `Open`: what is repeated in the journal changes nothing."""
    train(5, id="a")
    run = kiseki.init(resume_from="a?_step=2")
    (path,) = [p for p in folders()[-1].glob("run-*.kslog")]
    opened = of(records_of(path), Open)
    assert len(opened) >= 2 and {(o.parent_run, o.parent_step) for o in opened} == {("a", 2)}
    for _ in range(3):
        run._stream.repeat_open()
    run.log({"i": 3})
    run.finish()
    assert rows_of(logged_in, "a") == [0, 1, 2, 3]
    assert len(logged_in.get("/api/v1/projects/ada/p/runs/a")["attempts"]) == 2


def test_an_answer_of_an_older_server() -> None:
    opening = Open(stream="s" * 32, run="a", project="p", started_us=7)
    assert registered({}, opening).restored is None
    found = registered({"resumed": True, "next_step": 3}, opening)
    assert found.restored is not None and found.restored.state.next_step == 3
