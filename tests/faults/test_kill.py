"""kill -9 of trainer, uploader, server, and all three at random moments under load (F-23, X-11, I-04).

Every row whose `log()` returned is on the server exactly once after restart or sync, in order, with equal
content, and the run shows how it ended. The seed is printed; `KISEKI_TEST_SEED` repeats a run, and
`KISEKI_TEST_KILLS` sets the number of kills of each kind (default 12; `make slow` does 100).
"""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import kiseki
from tests.fakes.live_server import LiveServer

TRAINER = Path(__file__).parent.parent / "fakes" / "trainer.py"
SETTLE_SECONDS_MAX = 90
KILLS = int(os.environ.get("KISEKI_TEST_KILLS", "12"))
ROUNDS = [pytest.param(KILLS, id="some"), pytest.param(100, id="100", marks=pytest.mark.slow)]


class Trainer:
    """One training process and what it says of itself."""

    def __init__(self, folder: Path, run_id: str, rows: int, rate: float) -> None:
        self.run_id = run_id
        self.seen = "nothing"
        self.progress = folder / f"{run_id}.progress"
        command = [sys.executable, str(TRAINER), str(self.progress), "kills", run_id]
        with (folder / f"{run_id}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*command, str(rows), str(rate)], cwd=folder, stdout=log, stderr=log
            )

    @property
    def logged(self) -> int:
        """Number of `log()` calls that have returned."""
        try:
            data = self.progress.read_bytes()
        except FileNotFoundError:
            return 0
        return int(struct.unpack("<Q", data)[0]) if len(data) == 8 else 0

    def uploader(self) -> psutil.Process | None:
        for child in psutil.Process(self.process.pid).children():
            try:
                if any("uploader" in part for part in child.cmdline()):
                    return child
            except psutil.Error:
                continue
        return None

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("KISEKI_TEST_SEED", str(random.SystemRandom().randrange(10**6))))
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture
def trainers(tmp_path: Path, logged_in: LiveServer) -> Iterator[Callable[..., Trainer]]:
    started: list[Trainer] = []

    def start(run_id: str, rows: int = 2_000_000, rate: float = 4000) -> Trainer:
        started.append(Trainer(tmp_path / "work", run_id, rows, rate))
        return started[-1]

    yield start
    for trainer in started:
        if trainer.process.poll() is None:
            trainer.kill()


def until(claim: Callable[[], Any], what: str, seconds: float = SETTLE_SECONDS_MAX) -> Any:
    """Wait until `claim` returns something true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = claim()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def audit(api: kiseki.Api, trainer: Trainer) -> tuple[int, int]:
    """Return how many rows are lost and doubled; asserts order and content."""
    logged = trainer.logged
    rows = list(api.run(f"ada/kills/{trainer.run_id}").scan_history())
    seen = [row["i"] for row in rows]
    lost = len(set(range(logged)) - set(seen))
    doubled = len(seen) - len(set(seen))
    assert seen == sorted(seen)
    assert set(seen) <= set(range(logged + 1)), "rows that were never logged"
    for row in rows:
        i = row["i"]
        assert row["_step"] == i
        assert row["loss"] == 1 / (i + 1)
        assert row["nested"] == {"half": i / 2}
        assert row["text"] == f"row {i}"
    return lost, doubled


def stored(api: kiseki.Api, trainer: Trainer) -> Any:
    """Return the run if the server has every row that was logged and its end, else None."""
    try:
        run = api.run(f"ada/kills/{trainer.run_id}")
    except kiseki.Error as error:
        trainer.seen = repr(error)
        return None
    trainer.seen = f"{run.state} ({run.cause}), summary {run.summary}, {trainer.logged} rows logged"
    if run.state == "running" or run.summary.get("_step", -1) + 1 < trainer.logged:
        return None
    return run


def until_stored(api: kiseki.Api, trainer: Trainer) -> Any:
    """Wait until the server has every row of a run and its end; return the run."""
    try:
        return until(lambda: stored(api, trainer), "every row is on the server")
    except AssertionError as error:
        raise AssertionError(f"{trainer.run_id}: {error}; last seen: {trainer.seen}") from None


def report(kind: str, rounds: int, lost: int, doubled: int, rows: int) -> None:
    print(f"killed {kind}: {rounds} times, {rows} rows logged, lost {lost}, doubled {doubled}")
    assert (lost, doubled) == (0, 0)


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("rounds", ROUNDS)
def test_kill_trainer(
    rounds: int, trainers: Callable[..., Trainer], chance: random.Random
) -> None:  # F-23
    api = kiseki.Api()
    lost = doubled = rows = 0
    for number in range(rounds):
        trainer = trainers(f"t{number}")
        until(lambda t=trainer: t.logged > 0, "first row")
        time.sleep(chance.uniform(0, 0.6))
        trainer.kill()
        run = until_stored(api, trainer)
        assert run.state == "crashed"
        assert "SIGKILL" in run.cause
        one, two = audit(api, trainer)
        lost, doubled, rows = lost + one, doubled + two, rows + trainer.logged
    report("trainer", rounds, lost, doubled, rows)


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("rounds", ROUNDS)
def test_kill_uploader(
    rounds: int, trainers: Callable[..., Trainer], chance: random.Random
) -> None:  # I-04
    api = kiseki.Api()
    lost = doubled = rows = kills = number = 0
    while kills < rounds:
        trainer = trainers(f"u{number}", rate=2000)
        number += 1
        until(lambda t=trainer: t.logged > 0, "first row")
        for _ in range(min(3, rounds - kills)):
            before = until(trainer.uploader, "an uploader is running")
            time.sleep(chance.uniform(0, 0.5))
            before.send_signal(signal.SIGKILL)
            kills += 1
            until(
                lambda t=trainer, pid=before.pid: (u := t.uploader()) and u.pid != pid,
                "uploader restarted",
            )
        time.sleep(chance.uniform(0, 0.3))
        trainer.process.send_signal(signal.SIGINT)
        trainer.process.wait(60)
        run = until_stored(api, trainer)
        assert run.state == "failed"  # F-22: Ctrl-C ends the run as failed, data kept
        one, two = audit(api, trainer)
        lost, doubled, rows = lost + one, doubled + two, rows + trainer.logged
    report("uploader", kills, lost, doubled, rows)


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("rounds", ROUNDS)
def test_kill_server(
    rounds: int,
    trainers: Callable[..., Trainer],
    logged_in: LiveServer,
    chance: random.Random,
) -> None:
    group = [trainers(f"s{number}", rate=1500) for number in range(3)]
    for trainer in group:
        until(lambda t=trainer: t.logged > 0, "first row")
    for _ in range(rounds):
        time.sleep(chance.uniform(0, 0.5))
        logged_in.kill()
        logged_in.start()
    api = kiseki.Api()
    lost = doubled = rows = 0
    for trainer in group:
        trainer.process.send_signal(signal.SIGINT)
    for trainer in group:
        trainer.process.wait(90)
        until_stored(api, trainer)
        one, two = audit(api, trainer)
        lost, doubled, rows = lost + one, doubled + two, rows + trainer.logged
    report("server", rounds, lost, doubled, rows)


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("rounds", ROUNDS)
def test_kill_all(
    rounds: int,
    trainers: Callable[..., Trainer],
    logged_in: LiveServer,
    chance: random.Random,
    tmp_path: Path,
) -> None:  # F-23, K-03
    killed: list[Trainer] = []
    for number in range(rounds):
        trainer = trainers(f"a{number}")
        until(lambda t=trainer: t.logged > 0, "first row")
        time.sleep(chance.uniform(0, 0.5))
        uploader = trainer.uploader()
        victims: list[Callable[[], object]] = [trainer.kill, logged_in.kill]
        if uploader is not None:
            victims.append(lambda u=uploader: u.send_signal(signal.SIGKILL))
        chance.shuffle(victims)
        for kill in victims:
            kill()
        killed.append(trainer)
        logged_in.start()
    # Half of them were taken in by the server as it started; `kiseki sync` must find nothing to double.
    sync = [sys.executable, "-m", "kiseki", "sync", str(tmp_path / "work" / "kiseki")]
    for _ in range(2):
        done = subprocess.run(sync, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    api = kiseki.Api()
    lost = doubled = rows = 0
    for trainer in killed:
        run = until_stored(api, trainer)
        assert run.state == "crashed"
        one, two = audit(api, trainer)
        lost, doubled, rows = lost + one, doubled + two, rows + trainer.logged
    report("all three", rounds, lost, doubled, rows)
