"""The uploader as a process: life line, respawn, finish, the end; with real SIGKILLs (F-07, F-23)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kiseki.client import registry
from kiseki.journal.reader import read_journal
from kiseki.record.types import End, Environment, System
from kiseki.uploader import death
from kiseki.uploader.adopt import adopt, waiting
from kiseki.uploader.process import UploaderProcess
from kiseki.uploader.progress import load_progress
from kiseki.uploader.sync import sync_folder
from tests.fakes.record_server import KEY, RecordServer
from tests.unit.uploader.folders import STREAM, finish, make_folder, open_writer, row, write_rows

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordServer]:
    monkeypatch.setenv("KISEKI_API_KEY", KEY)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the scripts below
    with RecordServer() as server:
        yield server


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition never held"
        time.sleep(0.01)


def all_rows(n: int) -> list[bytes]:
    return [row(i) for i in range(n)]


@pytest.mark.parametrize("in_thread", [False, True])
def test_finish_returns_when_the_server_has_everything(
    fake: RecordServer, tmp_path: Path, in_thread: bool
) -> None:
    folder = make_folder(tmp_path / "run", base_url=fake.url, pid=os.getpid())
    registry.add(STREAM, folder, fake.url, "r1")
    events: list[dict[str, Any]] = []
    uploader = UploaderProcess(folder, events.append, in_thread=in_thread).start()
    writer = open_writer(folder)
    write_rows(writer, 0, 500)
    wait_until(lambda: any(event["event"] == "run" for event in events))
    finish(writer)
    done = {"event": "done", "synced": True, "pending": 0, "lingers": False}
    assert uploader.finish(30) == done
    assert fake.payloads(STREAM) == all_rows(500)
    uploader.close()
    assert uploader.wait(30)
    assert load_progress(folder).synced and registry.entries() == []
    assert uploader.in_thread is in_thread
    assert not [r for r in fake.records("uploader") if isinstance(r, End)]


def test_finish_is_bounded_and_says_what_is_missing(fake: RecordServer, tmp_path: Path) -> None:
    fake.always = "503"
    folder = make_folder(tmp_path / "run", base_url=fake.url)
    registry.add(STREAM, folder, fake.url, "r1")
    writer = open_writer(folder)
    write_rows(writer, 0, 20)
    finish(writer)
    uploader = UploaderProcess(folder).start()
    done = uploader.finish(1.0)
    uploader.close()
    assert uploader.wait(30)
    assert done["synced"] is False and done["pending"] >= 24
    assert not load_progress(folder).synced and len(registry.entries()) == 1
    fake.always = ""
    result = sync_folder(folder)
    assert result.is_complete and not result.already and registry.entries() == []
    assert fake.payloads(STREAM) == all_rows(20)
    again = sync_folder(folder)
    assert again.already and again.is_complete and fake.payloads(STREAM) == all_rows(20)


def test_offline_nothing_is_sent_and_the_environment_is_kept(
    fake: RecordServer, tmp_path: Path
) -> None:
    folder = make_folder(
        tmp_path / "run",
        base_url=fake.url,
        mode="offline",
        x_disable_meta=False,
        x_disable_stats=False,
        x_stats_sampling_interval=0.1,
        pid=os.getpid(),
        cwd=str(tmp_path),
        argv=["train.py", "--password", "hunter2"],
    )
    uploader = UploaderProcess(folder).start()
    writer = open_writer(folder)
    wait_until(lambda: b"cpu.0.cpu_percent" in _bytes(folder / "uploader-0.kslog"))
    finish(writer)
    done = uploader.finish(30)
    uploader.close()
    assert uploader.wait(30) and done["synced"] is False and done["pending"] >= 4
    assert fake.requests == 0
    about = json.loads((folder / "files" / "wandb-metadata.json").read_text())
    assert about["args"] == ["--password", "[hidden]"] and about["memory"]["total"] > 0
    assert "msgspec==" in (folder / "files" / "requirements.txt").read_text()
    sync_folder(folder)
    kinds = [type(record) for record in fake.records("uploader")]
    assert Environment in kinds and System in kinds and End not in kinds
    assert b"hunter2" not in b"".join(_bytes(path) for path in folder.rglob("*.kslog"))


def test_a_slow_repository_does_not_hold_up_the_end(
    fake: RecordServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # F-07: the rows are confirmed; G-03: the environment still arrives, by itself
    go = tmp_path / "go"
    (tmp_path / "bin").mkdir()
    git = tmp_path / "bin" / "git"
    git.write_text(
        f'#!/bin/sh\nwhile [ ! -e "{go}" ]; do sleep 0.02; done\n'
        'case "$*" in *rev-parse*) printf "c0ffee\\n/repo\\nmain\\n";; esac\n'
    )
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{git.parent}{os.pathsep}{os.environ['PATH']}")
    folder = make_folder(
        tmp_path / "run", base_url=fake.url, x_disable_meta=False, cwd=str(tmp_path)
    )
    registry.add(STREAM, folder, fake.url, "r1")
    uploader = UploaderProcess(folder).start()
    writer = open_writer(folder)
    write_rows(writer, 0, 50)
    finish(writer)
    done = uploader.finish(30)
    assert done == {"event": "done", "synced": True, "pending": 0, "lingers": True}
    assert fake.payloads(STREAM) == all_rows(50)
    uploader.close()  # the training process may go now
    go.touch()
    assert uploader.wait(30)
    (about,) = [r.values for r in fake.records("uploader")[3:] if isinstance(r, Environment)]
    assert about["git"] == {
        "commit": "c0ffee", "root": "/repo", "branch": "main", "dirty": False, "diff_bytes": 0,
    }  # fmt: skip
    assert not [r for r in fake.records("uploader") if isinstance(r, End)]
    assert load_progress(folder).synced and registry.entries() == []
    metadata = json.loads((folder / "files" / "wandb-metadata.json").read_text())
    assert metadata["git"] == about["git"]


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def test_a_killed_uploader_is_started_again_and_loses_nothing(
    fake: RecordServer, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "run", base_url=fake.url)
    events: list[dict[str, Any]] = []
    uploader = UploaderProcess(folder, events.append).start()
    writer = open_writer(folder)
    rng = random.Random(5)
    written = 0
    for kill in range(3):
        pid = uploader.pid
        assert pid is not None
        for _ in range(20):
            write_rows(writer, written, written + 10)
            written += 10
            time.sleep(rng.random() * 0.01)
        if kill:
            wait_until(lambda: len(fake.payloads(STREAM)) > 0)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: uploader.pid != pid)  # type: ignore[misc]
    finish(writer)
    assert uploader.finish(60)["synced"]
    uploader.close()
    assert uploader.wait(30) and uploader.respawns == 3
    assert fake.payloads(STREAM) == all_rows(written)
    told = [event["code"] for event in events if event["event"] == "trouble"]
    assert told.count("KSK-UPL-501") == 1  # one warning


def test_a_forked_child_does_not_hold_the_life_line(fake: RecordServer, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", base_url=fake.url)
    script = f"""
import os, time
from kiseki.uploader.process import UploaderProcess
from tests.unit.uploader.folders import *
from pathlib import Path
folder = Path({str(folder)!r})
uploader = UploaderProcess(folder).start()
writer = open_writer(folder)
write_rows(writer, 0, 5)
if os.fork() == 0:
    uploader.send({{"do": "flush"}}); uploader.close()
    assert uploader.finish(1)["pending"] == -1 and not uploader.is_alive
    time.sleep(600)
os._exit(7)
"""
    trainer = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    try:
        trainer.wait(30)
        wait_until(lambda: any(isinstance(r, End) for r in fake.records("uploader")))
    finally:
        os.killpg(trainer.pid, signal.SIGKILL)  # the sleeping child
    assert fake.payloads(STREAM) == all_rows(5)
    (end,) = [r for r in fake.records("uploader") if isinstance(r, End)]
    assert end.state == "crashed"


TRAINER = """
import sys, threading
from pathlib import Path
from kiseki.uploader.process import UploaderProcess
from tests.unit.uploader.folders import *
folder = Path(sys.argv[1])
uploader = UploaderProcess(folder).start()
writer = open_writer(folder)
print(uploader.pid, flush=True)
for i in range(10**9):
    write_rows(writer, i, i + 1)
    print(i, flush=True)
    time.sleep(0.0003)
"""


class Trainer:
    """A script that logs for ever, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import time\n" + TRAINER, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.uploader_pid = int(self.process.stdout.readline())
        self.accepted = 0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):
                self.accepted = int(line) + 1

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_script_loses_no_accepted_row_and_the_run_says_why(
    fake: RecordServer, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    number = signal.SIGTERM if seed == 3 else signal.SIGKILL
    folder = make_folder(tmp_path / "run", base_url=fake.url)
    trainer = Trainer(folder)
    stop_at = rng.randrange(1, 600)
    wait_until(lambda: trainer.accepted >= stop_at)
    trainer.kill(number)
    wait_until(lambda: not death.is_running(trainer.uploader_pid))
    stored = fake.payloads(STREAM)
    assert stored == all_rows(len(stored))
    assert trainer.accepted <= len(stored) <= trainer.accepted + 1
    (end,) = [r for r in fake.records("uploader") if isinstance(r, End)]
    assert end.state == ("killed" if number == signal.SIGTERM else "crashed")
    assert number.name in end.cause or end.cause == "the process disappeared"  # older kernels


@pytest.mark.parametrize("seed", range(2))
def test_both_killed_then_sync_brings_everything_once_and_the_end(
    fake: RecordServer, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    folder = make_folder(tmp_path / "run", base_url=fake.url)
    trainer = Trainer(folder)
    stop_at = rng.randrange(1, 600)
    wait_until(lambda: trainer.accepted >= stop_at)
    os.kill(trainer.uploader_pid, signal.SIGKILL)
    trainer.kill()
    # The respawned uploader may have come up in between; it ends by itself.
    wait_until(lambda: _no_uploader(folder))
    with read_journal(folder / "run-r1.kslog") as journal:
        on_disk = [frame.payload for frame in journal if frame.kind == 3]
    assert trainer.accepted <= len(on_disk) <= trainer.accepted + 1
    result = sync_folder(folder)
    assert result.is_complete and result.pending == 0
    assert fake.payloads(STREAM) == on_disk == all_rows(len(on_disk))
    sync_folder(folder)
    assert fake.payloads(STREAM) == on_disk


def _no_uploader(folder: Path) -> bool:
    from kiseki.uploader.agent import lock_folder

    lock = lock_folder(folder)
    if lock is None:
        return False
    os.close(lock)
    return True


def test_sync_while_the_run_is_live_changes_nothing(fake: RecordServer, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", base_url=fake.url)
    trainer = Trainer(folder)
    wait_until(lambda: trainer.accepted >= 50)
    for _ in range(3):
        sync_folder(folder, timeout_s=1.0)
    trainer.kill()
    wait_until(lambda: not death.is_running(trainer.uploader_pid))
    stored = fake.payloads(STREAM)
    assert stored == all_rows(len(stored)) and len(stored) >= trainer.accepted


def test_a_run_that_goes_on_after_a_sync_is_not_taken_for_synced(
    fake: RecordServer, tmp_path: Path
) -> None:
    # A starting server took in a run that had just begun; later rows were then skipped as "synced".
    folder = make_folder(tmp_path / "run", base_url=fake.url)
    registry.add(STREAM, folder, fake.url, "r1")
    writer = open_writer(folder)
    write_rows(writer, 0, 10)
    assert sync_folder(folder).pending == 0
    assert load_progress(folder).synced
    assert len(registry.entries()) == 1  # it has not ended: more is to come
    write_rows(writer, 10, 20)
    assert not load_progress(folder).synced
    finish(writer)
    assert sync_folder(folder).pending == 0
    assert fake.payloads(STREAM) == all_rows(20)
    assert load_progress(folder).synced and registry.entries() == []


def test_training_before_the_server_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # design §3.4: the run folder waits in the registry until a server starts and takes it in.
    monkeypatch.setenv("KISEKI_API_KEY", KEY)
    with RecordServer() as early:
        port, url = early.port, early.url
    folder = make_folder(tmp_path / "run", base_url=url)
    other = make_folder(tmp_path / "other", base_url="http://tracker.lab:1")
    registry.add("e" * 32, other, "http://tracker.lab:1", "r2")
    registry.add("f" * 32, tmp_path / "gone", url, "r3")
    registry.add(STREAM, folder, url, "r1")
    uploader = UploaderProcess(folder).start()
    writer = open_writer(folder)
    write_rows(writer, 0, 9)
    finish(writer)
    assert uploader.finish(0.3)["pending"] >= 13
    uploader.close()
    assert uploader.wait(30)
    assert waiting(url) == [folder]
    with RecordServer(port=port) as server:
        assert adopt(url) == 0
        assert server.payloads(STREAM) == all_rows(9)
    assert [entry.run for entry in registry.entries()] == ["r2"]


def test_an_uploader_waits_for_the_server_to_come_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KISEKI_API_KEY", KEY)
    with RecordServer() as early:
        port, url = early.port, early.url
    folder = make_folder(tmp_path / "run", base_url=url)
    events: list[dict[str, Any]] = []
    uploader = UploaderProcess(folder, events.append).start()
    writer = open_writer(folder)
    wait_until(lambda: [event.get("code") for event in events] == ["KSK-NET-102"])
    with RecordServer(port=port) as server:
        write_rows(writer, 0, 9)
        wait_until(lambda: len(server.payloads(STREAM)) == 9)
        finish(writer)
        assert uploader.finish(30)["synced"]
    uploader.close()
    assert uploader.wait(30)
    assert [event["event"] for event in events] == ["trouble", "healed", "run"]


def test_ctrl_c_and_sigterm_do_not_reach_the_uploader(fake: RecordServer, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", base_url=fake.url)
    uploader = UploaderProcess(folder).start()
    writer = open_writer(folder)
    wait_until(lambda: len(fake.streams.get(STREAM, [])) == 3)
    assert uploader.pid is not None and os.getsid(uploader.pid) == uploader.pid  # own session
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(uploader.pid, number)
    write_rows(writer, 0, 3)
    finish(writer)
    assert uploader.finish(30)["synced"] and uploader.respawns == 0
    uploader.close()
    assert uploader.wait(30)
