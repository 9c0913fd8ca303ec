"""Sweeps of the official `wandb` client, unmodified, in processes of its own, against a real server."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import kiseki
from tests.compat import wandb_sweep_children as children
from tests.fakes.live_server import LiveServer

WAIT_S = 240
CHILDREN = str(Path(children.__file__))
SWEEPS = f"/api/v1/projects/ada/{children.PROJECT}/sweeps"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="wandb is not installed"
)


class Desk:
    """Starts the client's commands in a folder of its own, and ends what it started."""

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        env = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "KISEKI_"))}
        self._env = env | {
            "WANDB_BASE_URL": server.url, "WANDB_API_KEY": server.key, "HOME": str(folder),
            "WANDB_DIR": str(folder), "WANDB_CONFIG_DIR": str(folder / "config"),
            "WANDB_CACHE_DIR": str(folder / "cache"), "WANDB_DATA_DIR": str(folder / "data"),
            "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        self._started: list[subprocess.Popen[str]] = []
        self.began = folder / "began"
        self.began.touch()

    def begin(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own."""
        out = (self.folder / f"out-{len(self._started)}").open("w+")
        made = subprocess.Popen(
            [sys.executable, *command], env=self._env, cwd=self.folder, stdout=out,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        made.stdout = out
        self._started.append(made)
        return made

    def end(self, process: subprocess.Popen[str]) -> str:
        """Wait for the end of a command, and return what it printed."""
        code = process.wait(WAIT_S)
        assert process.stdout is not None
        process.stdout.seek(0)
        said = process.stdout.read()
        assert code == 0, said[-4_000:]
        return said

    def run(self, *command: str) -> str:
        return self.end(self.begin(*command))

    def told(self, *command: str) -> list[dict[str, Any]]:
        """Run one of the children, and return its lines of JSON."""
        lines = self.run(CHILDREN, *command).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def kill(self, process: subprocess.Popen[str]) -> None:
        """SIGKILL a command with all it started."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(WAIT_S)

    def close(self) -> None:
        for process in self._started:
            self.kill(process)
            assert process.stdout is not None
            process.stdout.close()

    def write(self, name: str, xs: list[float], method: str = "grid", **more: Any) -> Path:
        """Write the config of a sweep whose program is `train`."""
        fixed = {
            "log": {"value": str(self.began)},
            **{key: {"value": value} for key, value in more.pop("fixed", {}).items()},
        }
        config = {
            "name": name, "program": CHILDREN, "method": method,
            "metric": {"name": "loss", "goal": "minimize"},
            "parameters": {"x": {"values": xs}, **fixed},
            "command": [sys.executable, "${program}", "train", "${args}"], **more,
        }  # fmt: skip
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    def make(self, *arguments: Any, **more: Any) -> str:
        """Make a sweep with the command line, and return its id."""
        path = self.write(*arguments, **more)
        said = self.run("-m", "wandb", "sweep", "--project", children.PROJECT, str(path))
        found = re.search(r"sweep with ID: \W*(?:\x1b\[\d+m)?(\w{8})", said)
        assert found, said
        return found[1]

    def sweep(self, option: str, id: str, *more: str) -> str:
        return self.run("-m", "wandb", "sweep", option, f"ada/{children.PROJECT}/{id}", *more)

    def agent(self, id: str) -> subprocess.Popen[str]:
        return self.begin("-m", "wandb", "agent", f"ada/{children.PROJECT}/{id}")

    def show(self, id: str) -> Any:
        return self.server.get(f"{SWEEPS}/{id}")

    def runs(self, id: str) -> list[Any]:
        with kiseki.Api(self.server.url, self.server.key) as api:
            return list(api.runs(f"ada/{children.PROJECT}", f"sweep:{id}"))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("wandb-sweeps") / "server").start()
    yield server
    server.stop()


@pytest.fixture
def desk(live: LiveServer, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(live, tmp_path)
    yield made
    made.close()


def until(check: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.2)
    raise AssertionError(f"never came: {what}")


def test_two_agents_and_a_server_that_is_killed(desk: Desk) -> None:
    """`wandb agent` twice on one grid; the server is killed once the first runs began."""
    id = desk.make("grid", [1, 2, 3, 4])
    agents = [desk.agent(id) for _ in range(2)]
    until(lambda: desk.show(id)["trials"] >= 2, "both agents at work")
    desk.server.kill()
    desk.server.start()
    for agent in agents:
        assert "Traceback" not in desk.end(agent)
    shown = desk.show(id)
    assert (shown["state"], shown["trials"], shown["remaining"]) == ("FINISHED", 4, 0)
    assert shown["runs"] == {"finished": 4}
    assert sorted(run.config["x"] for run in desk.runs(id)) == [1, 2, 3, 4]
    assert sorted(desk.began.read_text().split()) == ["1", "2", "3", "4"]  # each began once
    assert shown["best"]["value"] == 1.5
    assert sorted(agent["trials"] for agent in shown["agents"]) in ([1, 3], [2, 2])
    assert {agent["state"] for agent in shown["agents"]} == {"finished"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_grid_with_the_python_agent(desk: Desk) -> None:
    *seen, told = desk.told("grid")
    xs, kinds = [1, 2.5, -3], ["mlp", "cnn", None]
    expected = [{"x": x, "net": {"kind": kind, "deep": True}} for x in xs for kind in kinds]
    assert sorted(json.dumps(one["config"], sort_keys=True) for one in seen) == sorted(
        json.dumps(one, sort_keys=True) for one in expected
    )
    id = told["sweep"]
    assert {one["sweep"] for one in seen} == {id}
    assert {one["url"] for one in seen} == {f"{desk.server.url}/ada/{children.PROJECT}/sweeps/{id}"}
    assert (told["state"], told["expected"], told["order"]) == (
        "FINISHED", 9, "+summary_metrics.loss",
    )  # fmt: skip
    assert told["best"][1] == -3
    by_run = {one["run"]: one["config"] for one in seen}
    assert told["runs"] == by_run
    assert told["filtered"] == sorted(by_run)
    assert told["found"] == [id] or id in told["found"]
    assert told["agents"] == [["FINISHED", 9, 9]]
    assert {run.id: run.config for run in desk.runs(id)} == by_run
    assert desk.show(id)["runs"] == {"finished": 9}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("method", "cap"), [("random", 4), ("bayes", 8)])
def test_draws_until_the_cap(desk: Desk, method: str, cap: int) -> None:
    [told] = desk.told("drawn", method, str(cap))
    assert (told["state"], told["expected"], len(told["configs"])) == ("FINISHED", cap, cap)
    for config in told["configs"]:
        assert 1e-5 <= config["lr"] <= 0.1
        assert type(config["layers"]) is int and 1 <= config["layers"] <= 4
        assert config["size"] % 8 == 0 and 8 <= config["size"] <= 64
        assert config["kind"] in ("a", "b")
    assert len({config["lr"] for config in told["configs"]}) == cap


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_bad_run_is_stopped_early(desk: Desk) -> None:
    early = {"type": "hyperband", "min_iter": 2, "eta": 2}
    id = desk.make("early", [1, 100], early_terminate=early, fixed={"slow-from": 50, "steps": 4})
    desk.end(desk.agent(id))  # the bad run alone would take 200 seconds
    shown = desk.show(id)
    assert (shown["state"], shown["early_stops"]) == ("FINISHED", 1)
    good, bad = sorted(desk.runs(id), key=lambda run: run.config["x"])
    assert (good.state, good.config["x"]) == ("finished", 1)
    assert bad.state != "finished"  # its agent ended it before it could say anything
    assert bad.summary["loss"] > 100


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_update_pause_resume_stop_cancel(desk: Desk) -> None:
    id = desk.make("steps", [1, 2, 3])
    changed = desk.write("renamed", [1, 2, 3, 4, 5, 6, 7, 8])
    desk.sweep("--update", id, str(changed))
    assert desk.show(id)["expected"] == 8
    desk.sweep("--pause", id)
    agent = desk.agent(id)
    until(lambda: desk.show(id)["agents"], "an agent")
    beats = desk.show(id)["agents"][0]["heartbeat_us"]
    until(lambda: desk.show(id)["agents"][0]["heartbeat_us"] > beats, "a beat")
    assert desk.show(id)["trials"] == 0
    desk.sweep("--resume", id)
    until(lambda: desk.show(id)["runs"].get("finished"), "a run")
    desk.sweep("--stop", id)
    desk.end(agent)
    shown = desk.show(id)
    assert shown["state"] == "FINISHED" and 1 <= shown["trials"] < 8
    assert set(shown["runs"]) == {"finished"}  # what ran went on to its end

    cancelled = desk.make("cancelled", [1, 100, 101], fixed={"slow-from": 50})
    agent = desk.agent(cancelled)
    until(lambda: len(desk.began.read_text().split("100")) > 1, "the slow run")
    until(lambda: desk.show(cancelled)["runs"].get("running"), "the slow run on the server")
    desk.sweep("--cancel", cancelled)
    desk.end(agent)
    assert desk.show(cancelled)["state"] == "CANCELED"
    assert "101" not in desk.began.read_text().split()
    states = {run.config["x"]: run.state for run in desk.runs(cancelled)}
    assert states[1] == "finished" and states[100] != "finished"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_a_killed_agent_had_goes_to_another(desk: Desk) -> None:
    id = desk.make("killed", [1, 2], fixed={"before": 20})
    first = desk.agent(id)
    until(lambda: desk.began.read_text(), "the first run's script")
    desk.kill(first)  # before its `init`
    assert desk.show(id)["runs"] == {}
    desk.end(desk.agent(id))
    assert sorted(run.config["x"] for run in desk.runs(id)) == [1, 2]
    assert desk.show(id)["state"] == "FINISHED"
    assert [agent["state"] for agent in desk.show(id)["agents"]] == ["finished", "gone"]


@pytest.mark.slow
def test_what_cannot_be_is_told(desk: Desk) -> None:
    [told] = desk.told("refused")
    no_metric, turned = told["said"]
    assert "bayes" in no_metric and "metric" in no_metric
    assert "x" in turned
