"""Sweeps without any other client: `kiseki.sweep`, `kiseki.agent`, `kiseki sweep`, `kiseki agent`."""

from __future__ import annotations

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

import kiseki
from tests.fakes.live_server import LiveServer

WAIT_S = 120

IN_PROCESS = """
import json, kiseki
config = {
    "method": "grid", "metric": {"name": "loss"},
    "parameters": {"x": {"values": [1, 2]}, "net": {"parameters": {"deep": {"values": [True, None]}}}},
}
sweep = kiseki.sweep(config, project="swept")
seen = []

def train():
    run = kiseki.init(project="elsewhere", id="mine", config={"x": 70, "own": 5})
    run.config.x = 71
    run.config["more"] = 6
    seen.append([run.id, run.project, run.sweep_id, run.sweep_url, dict(run.config)])
    run.log({"loss": run.config.x})
    if run.config.x == 2 and run.config.net["deep"]:
        raise ValueError("this one fails")

count = kiseki.agent(sweep, train, project="swept")
print("FOUND " + json.dumps([sweep, count, seen]))
"""

PROGRAM = """
import argparse, sys, time, kiseki
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=int)
parser.add_argument("--name")
given = parser.parse_args()
with kiseki.init(config=vars(given), project="elsewhere") as run:
    for step in range(1_000 if given.x == 9 else 1):
        run.log({"loss": given.x})
        if given.x == 9:
            time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("sweeps") / "server").start()
    yield server
    server.stop()


def begin(server: LiveServer, folder: Path, *command: str) -> subprocess.Popen[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "KISEKI_"))}
    env |= {
        "KISEKI_BASE_URL": server.url, "KISEKI_API_KEY": server.key, "HOME": str(folder),
        "KISEKI_CONFIG_DIR": str(folder / "config"), "KISEKI_DATA_DIR": str(folder / "data"),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, *command], env=env, cwd=folder, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        out, err = process.communicate(timeout=WAIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, out + err
    return out, err


def runs(server: LiveServer, id: str) -> list[Any]:
    with kiseki.Api(server.url, server.key) as api:
        return list(api.runs("ada/swept", f"sweep:{id}", "created"))


def until(check: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.1)
    raise AssertionError("it never came")


def test_a_function(live: LiveServer, tmp_path: Path) -> None:
    out, err = end(begin(live, tmp_path, "-c", IN_PROCESS))
    sweep, count, seen = json.loads(out.partition("FOUND ")[2])
    assert count == 4
    configs = [
        {"x": x, "net": {"deep": deep}, "own": 5, "more": 6}
        for x in (1, 2)
        for deep in (True, None)
    ]
    assert [one[4] for one in seen] == configs
    assert {tuple(one[1:4]) for one in seen} == {
        ("swept", sweep, f"{live.url}/ada/swept/sweeps/{sweep}")
    }
    assert "config['x'] stays 1, as its sweep says" in err
    assert "init(project='elsewhere') is ignored" in err
    assert "this one fails" in err
    found = runs(live, sweep)
    assert [run.id for run in found] == [one[0] for one in seen]
    assert [run.config for run in found] == configs
    assert [run.state for run in found] == ["finished", "finished", "failed", "finished"]
    with kiseki.Api(live.url, live.key) as api:
        one = api.sweep(f"swept/{sweep}")
        assert (one.state, one.method, one.metric, one.expected) == ("FINISHED", "grid", "loss", 4)
        assert one.best_run in (seen[0][0], seen[1][0]) and one.best_value == 1
        assert one.config["parameters"]["x"] == {"values": [1, 2]}
        assert sweep in [other.id for other in api.sweeps("ada/swept")]
        assert len(api.runs("swept", one.filter)) == 4
    shown = live.get(f"/api/v1/projects/ada/swept/sweeps/{sweep}")
    assert (shown["state"], shown["best"]["value"]) == ("FINISHED", 1)
    assert shown["agents"][0]["trials"] == 4


def test_a_program_and_its_end(live: LiveServer, tmp_path: Path) -> None:
    """`kiseki sweep`, `kiseki agent`; the last run is stopped from outside, then the sweep is cancelled."""
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nproject: swept\nmetric: {name: loss}\n"
        "parameters: {x: {values: [1, 9, 3]}, name: {value: 'a b'}}\n"
    )
    out, _ = end(begin(live, tmp_path, "-m", "kiseki", "sweep", "sweep.yaml"))
    path = re.findall(r"kiseki agent (\S+)", out)[0]
    id = path.rpartition("/")[2]
    agent = begin(live, tmp_path, "-m", "kiseki", "agent", path)
    slow = until(lambda: next((r for r in runs(live, id) if r.config["x"] == 9 and r.rows), None))
    with kiseki.Api(live.url, live.key) as api:
        api._client.post_json(f"/api/v1/projects/ada/swept/runs/{slow.id}/stop")
    end(agent)
    found = {run.config["x"]: run for run in runs(live, id)}
    assert {x: run.config["name"] for x, run in found.items()} == {1: "a b", 9: "a b", 3: "a b"}
    assert found[1].state == found[3].state == "finished"
    assert found[9].state != "finished" and found[9].rows < 1_000
    assert live.get(f"/api/v1/projects/ada/swept/sweeps/{id}")["state"] == "FINISHED"

    out, _ = end(begin(live, tmp_path, "-m", "kiseki", "sweep", "sweep.yaml", "--json"))
    path = json.loads(out)["path"]
    for option, state in {"pause": "paused", "resume": "running", "cancel": "canceled"}.items():
        out, _ = end(begin(live, tmp_path, "-m", "kiseki", "sweep", path, f"--{option}"))
        assert state in out
    agent = begin(live, tmp_path, "-m", "kiseki", "agent", path)
    _, err = agent.communicate(timeout=WAIT_S)
    assert agent.returncode == 1 and "takes no more agents" in err
