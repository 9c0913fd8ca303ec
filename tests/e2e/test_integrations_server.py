"""What others do to a run, or for it, as the real server sees it: Stop, pre-emption, TensorBoard."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import kiseki
from tests.e2e.run_scripts import QUIET, start_script
from tests.fakes.live_server import LiveServer

RUN = "/api/v1/projects/ada/p/runs/x"
LOOP = """
import time, kiseki
run = kiseki.init(project="p", id="x"{})
print("ready", flush=True)
for at in range(6000):
    run.log({{"at": at}})
    time.sleep(0.01)
"""


@pytest.fixture(autouse=True)
def online(logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kiseki.teardown()
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    yield
    kiseki.teardown()


def until(question: Callable[[], Any], wanted: Any) -> None:
    deadline = time.monotonic() + 20
    while (found := question()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def state(server: LiveServer) -> str:
    return str(server.get(RUN)["state"])


def ready(script: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert script.stdout is not None and script.stdout.readline() == "ready\n"
    return script


def content(server: LiveServer, path: str) -> bytes:
    request = urllib.request.Request(
        f"{server.url}{RUN}/files/{path}", headers={"Authorization": f"Bearer {server.key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def stop(server: LiveServer) -> None:
    request = urllib.request.Request(
        f"{server.url}{RUN}/stop", method="POST", headers={"Authorization": f"Bearer {server.key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 204


def test_stop_interrupts_the_script(server: LiveServer) -> None:  # F-26
    script = ready(start_script(LOOP.format(""), {"KISEKI_MODE": "online"}))
    stop(server)
    _, err = script.communicate(timeout=60)
    assert script.returncode in (1, 130, -signal.SIGINT) and "KeyboardInterrupt" in err
    assert "stopped in the web app" in err
    until(lambda: state(server) in ("failed", "killed"), True)


def test_stop_calls_the_function_of_the_script(server: LiveServer) -> None:  # F-26
    script = LOOP.format(', settings={"stop_fn": lambda: told.append(1)}').replace(
        "time, kiseki", "time, kiseki; told = []"
    )
    script += "    if told: break\nprint(len(told))\n"
    running = ready(start_script(script, {"KISEKI_MODE": "online"}))
    stop(server)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0 and out == "1\n", err
    until(lambda: state(server), "finished")


def test_a_machine_that_is_taken_away(server: LiveServer) -> None:
    code = LOOP.format("").replace('print("ready"', 'run.mark_preempting(); print("ready"')
    script = ready(start_script(code, {"KISEKI_MODE": "online"}))
    until(lambda: state(server), "preempting")
    os.kill(script.pid, signal.SIGKILL)
    script.communicate(timeout=60)
    until(lambda: state(server), "preempted")


def test_what_tensorboard_writes_is_seen_live(server: LiveServer) -> None:  # I-72, X-10
    code = """
        import sys, kiseki
        from tensorboardX import SummaryWriter
        run = kiseki.init(project="p", id="x", sync_tensorboard=True)
        board = SummaryWriter("logs/train")
        for step in range(100):
            board.add_scalar("loss", step, step)
        print("ready", flush=True)
        sys.stdin.readline()
        """
    script = ready(start_script(code, {"KISEKI_MODE": "online"}, stdin=subprocess.PIPE))
    with kiseki.Api() as api:
        until(lambda: len(api.run("ada/p/x").history(keys=["train/loss"])), 100)
    script.communicate("end\n", timeout=60)
    with kiseki.Api() as api:
        run = api.run("ada/p/x")
        assert run.state == "finished" and run.summary["global_step"] == 99
        (path,) = [path for path, _ in run.files() if "tfevents" in path]
        (written,) = Path("logs/train").iterdir()
        assert path == f"train/{written.name}"
        until(lambda: content(server, path), written.read_bytes())


def test_writers_of_a_shared_run_take_their_own_steps(server: LiveServer) -> None:  # T-10
    from tensorboardX import SummaryWriter

    with kiseki.init(project="p", id="x", mode="shared", sync_tensorboard=True) as run:
        SummaryWriter("logs").add_scalar("loss", 1.0, 1000)
        run.log({"mine": 1})
    with kiseki.Api() as api:
        rows = list(api.run("ada/p/x").history())
    assert [row["_step"] for row in rows] == [0, 1]
    assert (rows[0]["loss"], rows[0]["global_step"], rows[1]["mine"]) == (1.0, 1000, 1)
