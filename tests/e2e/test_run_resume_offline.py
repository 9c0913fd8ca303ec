"""Resume, rewind and fork without a server, and what becomes of them at sync (design §3.2)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kiseki
from tests.e2e.run_scripts import OFFLINE, folders, run_script, start_script
from tests.fakes.live_server import LiveServer


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kiseki.teardown()
    for name, value in {**OFFLINE, "KISEKI_SILENT": "true", "KISEKI_PROJECT": "p"}.items():
        monkeypatch.setenv(name, value)
    yield
    kiseki.teardown()


def train(rows: int, exit_code: int = 0, **arguments: Any) -> kiseki.Run:
    run = kiseki.init(**arguments)
    for _ in range(rows):
        run.log({"i": run.step})
    run.finish(exit_code)
    return run


def sync(server: LiveServer, *arguments: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "kiseki", "sync", "--json", "--host", server.url, *arguments]
    env = {**os.environ, "KISEKI_MODE": "", "KISEKI_API_KEY": server.key}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout), done.stderr


def steps(run: Any) -> list[int]:
    return [row["_step"] for row in run.history()]


def test_resume_restores_everything() -> None:  # I-26, I-36, I-55, I-69, C-13
    run = kiseki.init(
        id="a",
        name="first",
        notes="why",
        tags=["x"],
        group="g",
        job_type="j",
        config={"lr": 1, "n": 2},
    )
    run.define_metric("loss", summary="min,max,mean,first,last")
    run.define_metric("acc", step_metric="epoch")
    for i in range(10):
        run.log({"loss": 10 - i, "epoch": i, "n": {"x": i}})
    run.log({"acc": 0.5})
    run.summary["by hand"] = 5
    started, runtime = run.start_time, run.summary["_runtime"]
    run.finish(1)

    run = kiseki.init(id="a", resume="allow", config={"lr": 3, "m": 4}, tags=["y"])
    assert run.resumed and (run.starting_step, run.step) == (11, 11)
    assert (run.name, run.notes, run.group, run.job_type) == ("first", "why", "g", "j")
    assert run.tags == ("y",)  # given: they replace the stored ones
    assert dict(run.config) == {"lr": 3, "n": 2, "m": 4} and run.start_time == started
    assert run.summary["by hand"] == 5 and run.summary["n"]["x"] == 9
    with pytest.raises(kiseki.ConfigError):
        run.config["n"] = 7
    run.log({"loss": 20, "acc": 1.0})
    assert run.summary["loss"] == {
        "first": 10, "last": 20, "min": 1, "max": 20, "mean": pytest.approx(75 / 11),
    }  # fmt: skip
    assert run.summary["_runtime"] > runtime and run.summary["_step"] == 11
    run.finish()
    (row,) = kiseki.open(run.sync_dir).history()
    assert row["epoch"] == 9 and row["_runtime"] > runtime  # D-04 goes on too
    assert kiseki.init(id="a", resume="must").step == 12


def test_a_made_up_name_never_renames() -> None:
    name = train(1, 1, id="a").name
    assert train(1, 0, id="a", resume="must").name == name
    run = kiseki.init(id="a", resume="allow", name="chosen")
    assert run.name == "chosen"


def test_never_and_must() -> None:  # I-56, I-57
    train(1, id="a", resume="never")
    with pytest.raises(kiseki.UsageError, match="never"):
        kiseki.init(id="a", resume="never")
    with pytest.raises(kiseki.UsageError, match="must"):
        kiseki.init(id="b", resume="must")
    assert kiseki.run is None and len(folders()) == 1
    with kiseki.init(id="c"):
        with pytest.raises(kiseki.UsageError, match="active"):
            kiseki.init(id="a", resume="must")
        other = kiseki.init(id="a", resume="must", reinit="create_new")
        assert other.step == 1
        other.finish()
    assert train(1, id="c").starting_step == 0  # I-62: no resume, a new attempt


def test_auto(capsys: pytest.CaptureFixture[str]) -> None:  # I-58, I-59, I-60
    assert not kiseki.init(resume="auto", id="x").resumed
    kiseki.finish()
    assert train(1, 0, resume="auto").id != "x"  # it ended cleanly
    train(2, 1, id="a")
    train(1, 1, id="elsewhere", project="other")
    run = kiseki.init(resume="auto")
    assert (run.id, run.step, run.resumed) == ("a", 2, True)
    run.finish()
    assert kiseki.init(resume="auto").id not in ("a", "elsewhere")  # continued, and well
    kiseki.finish()
    train(1, 1, id="b")
    kiseki.teardown()
    os.environ["KISEKI_SILENT"] = ""
    run = kiseki.init(resume=True)
    assert run.id == "b"
    run.finish(1)
    assert kiseki.init(resume=False).id != "b"
    kiseki.finish()
    kiseki.init(resume=True, id="new").finish()
    told = capsys.readouterr().err
    assert told.count("init(resume=True) is deprecated") == 1
    assert told.count("init(resume=False) is deprecated") == 1


@pytest.mark.parametrize(
    ("ending", "is_continued"),
    [
        ("os._exit(0)", True), ("os.kill(os.getpid(), 9)", True), ("raise ValueError", True),
        ("sys.exit(3)", True), ("sys.exit(0)", False), ("pass", False), ("run.finish()", False),
    ],
)  # fmt: skip
def test_auto_after_a_script(ending: str, is_continued: bool) -> None:  # I-58
    run_script(
        f"""
        import os, sys, kiseki
        run = kiseki.init(id="crashed")
        for i in range(5):
            run.log({{"i": i}})
        {ending}
        """
    )
    run = kiseki.init(resume="auto")
    assert (run.id == "crashed") is run.resumed is is_continued
    assert run.step == (5 if is_continued else 0)


def test_auto_leaves_a_running_script_alone() -> None:  # I-58
    process = start_script(
        """
        import sys, kiseki
        kiseki.init(id="alive").log({"a": 1})
        print("up", flush=True)
        sys.stdin.read()
        """,
        stdin=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        assert not kiseki.init(resume="auto").resumed
    finally:
        process.kill()
        process.communicate()
    kiseki.finish()
    assert kiseki.init(resume="auto").id == "alive"


def test_resume_and_id_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:  # E-03
    monkeypatch.setenv("KISEKI_RUN_ID", "a")
    monkeypatch.setenv("WANDB_RESUME", "allow")
    assert not train(2).resumed
    run = train(1)
    assert run.resumed and (run.id, run.starting_step) == ("a", 2)
    run = train(1, fork_from="a?_step=0", id="b")  # an argument beats the environment
    assert not run.resumed and run.starting_step == 1


def test_rewind_and_fork() -> None:  # I-63, I-64, I-66
    run = kiseki.init(id="a", config={"lr": 1}, name="base", tags=["t"])
    run.define_metric("i", summary="max")
    for i in range(10):
        run.log({"i": i, "j": -i})
    run.summary["later"] = 1
    run.finish()
    run = kiseki.init(id="ignored", resume_from="a?_step=4")
    assert (run.id, run.resumed, run.starting_step, run.name) == ("a", True, 5, "base")
    assert run.summary["i"] == {"max": 4} and run.summary["j"] == -4 and "later" not in run.summary
    run.log({"i": 100})
    assert run.summary["i"] == {"max": 100}
    run.finish()
    found = kiseki.open(run.sync_dir)
    assert (found.parent_run, found.parent_step, steps(found)) == ("a", 4, [5])

    fork = kiseki.init(fork_from="a?_step=5")  # of the rewound history
    assert fork.id != "a" and not fork.resumed and fork.step == 6 and fork.config["lr"] == 1
    assert fork.summary["i"] == {"max": 100} and fork.tags == ("t",)
    assert fork.start_time > run.start_time
    fork.log({"i": 0})
    fork.finish()
    again = kiseki.init(id=fork.id, resume="must")
    assert again.step == 7 and again.summary["i"] == {"max": 100}
    again.finish()
    assert kiseki.open(fork.sync_dir).parent_run == "a"
    assert kiseki.open(again.sync_dir).parent_run is None
    with pytest.raises(ValueError, match="no step 6"):
        kiseki.init(fork_from="a?_step=6")
    unknown = train(2, fork_from="nowhere?_step=41")  # settled at sync
    assert steps(kiseki.open(unknown.sync_dir)) == [42, 43]


def test_a_chain_is_settled_at_sync(server: LiveServer) -> None:  # I-55, I-63, I-66, K-03
    train(5, 1, id="a", config={"lr": 1})
    train(5, 0, id="a", resume="must", config={"m": 2})
    train(3, id="f", fork_from="a?_step=6")
    train(2, id="f", resume="allow")
    train(4, resume_from="a?_step=2")
    for _ in range(2):  # repeating is safe
        code, _, told = sync(server, "--include-synced", "kiseki")
        assert code == 0, told
    with kiseki.Api(server.url, server.key) as api:
        found = {run.id: run for run in api.runs("ada/p")}
        assert steps(found["f"]) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
        assert [row["i"] for row in found["f"].history()] == list(range(12))
        assert steps(found["a"]) == [0, 1, 2, 3, 4, 5, 6]
        assert found["a"].config == found["f"].config == {"lr": 1, "m": 2}
        assert found["a"].state == found["f"].state == "finished"
        assert found["f"].summary["i"] == 11 and found["a"].summary["i"] == 6


def test_a_refusal_keeps_everything(server: LiveServer) -> None:  # I-21, I-56, I-65
    train(2, id="there")
    assert sync(server, "kiseki")[0] == 0
    refused = [
        train(2, id="there", resume="never", dir="else"),
        train(2, id="mine", fork_from="absent?_step=3", dir="else"),
        train(2, id="late", fork_from="there?_step=9", dir="else/more"),
        train(2, resume_from="gone?_step=1", dir="else"),
    ]
    good = train(2, id="good", dir="else")
    code, answer, told = sync(server, "else/kiseki", "else/more")
    assert code == 3  # the good one is there
    found = {result["run"]: result for result in answer["runs"]}
    assert found["good"]["complete"] and good.id == "good"
    for run, word in zip(refused, ("exists", "absent", "9", "gone"), strict=True):
        result = found[run.id]
        assert word in result["error"] and result["pending"] and "kiseki sync" in result["hint"]
        assert run.sync_dir in result["hint"] and len(kiseki.open(run.sync_dir).history()) == 2
    code, answer, told = sync(server, refused[1].sync_dir)
    assert code == 1
    code, answer, told = sync(server, "--detach", refused[1].sync_dir)
    assert code == 0, told
    code, answer, told = sync(server, "--id", "fresh", refused[0].sync_dir)
    assert code == 0, told
    with kiseki.Api(server.url, server.key) as api:
        assert steps(api.run("ada/p/mine")) == [4, 5] and steps(api.run("ada/p/fresh")) == [0, 1]
        assert len(list(api.runs("ada/p"))) == 4


def test_a_forked_child_joins_at_sync(server: LiveServer) -> None:  # T-02
    run_script(
        """
        import os, kiseki
        run = kiseki.init(id="a")
        run.log({"i": 0})
        if os.fork() == 0:
            run.log({"child": 1})
            os._exit(0)
        os.wait()
        run.log({"i": 1})
        """
    )
    code, _, told = sync(server, "kiseki")
    assert code == 0, told
    found = server.get("/api/v1/projects/ada/p/runs/a")
    assert (found["attempt"], found["rows"], found["state"]) == (1, 3, "finished")


def test_the_journal_holds_the_question() -> None:
    train(1, id="a")
    run = train(1, id="b", fork_from="a?_step=0")
    (path,) = Path(run.sync_dir).glob("run-*.kslog")
    from tests.unit.sdk.recording import records_of

    opening = records_of(path)[0]
    assert (opening.parent_run, opening.parent_step, opening.is_default_name) == ("a", 0, True)


def test_resume_of_a_run_that_is_recorded_elsewhere(
    server: LiveServer,
) -> None:  # I-55, design §3.2
    train(5, id="a", dir="first machine")
    run = kiseki.init(id="a", resume="allow", dir="second machine")
    assert (run.step, run.resumed) == (0, False)  # nobody here knows better
    for i in range(3):
        run.log({"i": 5 + i})
    run.log({"i": 40}, step=40)  # the script's own: it knows
    run.log({"i": 41}, step=41)
    run.finish()
    train(2, id="new", resume="allow", dir="second machine")
    assert sync(server, "first machine/kiseki")[0] == 0
    for _ in range(2):
        code, _, told = sync(server, "--include-synced", "second machine/kiseki")
        assert code == 0, told
    with kiseki.Api(server.url, server.key) as api:
        found = api.run("ada/p/a")
        assert [(row["_step"], row["i"]) for row in found.scan_history()] == [
            *((i, i) for i in range(8)), (40, 40), (41, 41),
        ]  # fmt: skip
        assert steps(api.run("ada/p/new")) == [0, 1]


def test_resume_with_the_server_away_and_nothing_known(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # I-83, design §3.2
    monkeypatch.setenv("KISEKI_MODE", "")
    monkeypatch.setenv("KISEKI_SILENT", "")
    monkeypatch.setenv("KISEKI_BASE_URL", server.url)
    monkeypatch.setenv("KISEKI_API_KEY", server.key)
    train(3, id="a", dir="one")
    server.kill()
    run = train(2, id="a", resume="allow", dir="two")
    assert run.offline and "is not known here either" in capsys.readouterr().err
    server.start()
    assert sync(server, run.sync_dir)[0] == 0
    with kiseki.Api(server.url, server.key) as api:
        assert steps(api.run("ada/p/a")) == [0, 1, 2, 3, 4]


def test_a_session_that_died_is_heard_of_before_older_folders_are_refused(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # K-03, I-63, F-23
    online = {"KISEKI_MODE": "", "KISEKI_BASE_URL": server.url, "KISEKI_API_KEY": server.key}
    first = run_script(
        "import kiseki\nr = kiseki.init(id='a')\nfor i in range(4): r.log({'i': i})", online
    )
    assert first.returncode == 0, first.stderr
    train(2, resume_from="a?_step=1")
    # Its uploader is a thread of it, so that nobody is left to tell the server how it ended.
    died = run_script(
        """
        import os, signal
        from kiseki.uploader.process import UploaderProcess
        begin = UploaderProcess.__init__
        UploaderProcess.__init__ = lambda self, *a, **k: begin(self, *a, **{**k, "in_thread": True})
        import kiseki
        run = kiseki.init(id="a", resume="must")
        run.log({"i": 4})
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        online,
    )
    assert died.returncode == -9, died.stderr
    status, said, told = sync(server, "kiseki")
    assert status == 0, told
    assert [entry["error"] for entry in said["runs"]] == [""] * len(said["runs"])
    monkeypatch.setenv("KISEKI_BASE_URL", server.url)
    monkeypatch.setenv("KISEKI_API_KEY", server.key)
    monkeypatch.delenv("KISEKI_MODE")
    kiseki.teardown()
    attempts = kiseki.Api().run("ada/p/a").attempts
    assert [steps(attempt) for attempt in attempts] == [[0, 1, 2, 3, 4], [0, 1, 2, 3]]
