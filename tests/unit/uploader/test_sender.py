"""The sender against a real HTTP server with every fault: all rows, once, in order (reliability 2.3, 2.7)."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kiseki.client.credentials import Target
from kiseki.record.frame import HEADER_SIZE
from kiseki.record.types import Kind, Note
from kiseki.uploader import feed as feed_module
from kiseki.uploader import messages
from kiseki.uploader.progress import load_progress
from kiseki.uploader.sender import Sender
from tests.fakes.record_server import KEY, RecordServer
from tests.unit.uploader.folders import (
    STREAM,
    finish,
    make_folder,
    open_writer,
    row,
    write_rows,
)


class Clock:
    """Time that passes only when the sender waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A sender, its folder, its server and what it said."""

    def __init__(self, folder: Path, server: RecordServer) -> None:
        self.folder = make_folder(folder)
        self.server = server
        self.target = Target(server.url, KEY)
        self.events: list[dict[str, Any]] = []
        self.clock = Clock()
        self.senders: list[Sender] = []

    def sender(self, is_live: bool = False) -> Sender:
        made = Sender(
            self.folder,
            lambda: self.target,
            self.events.append,
            is_live=is_live,
            clock=self.clock,
            jitter=random.Random(3).random,
        )
        self.senders.append(made)
        return made

    def drive(self, sender: Sender, until: Callable[[], bool], seconds: float = 4000) -> None:
        """Step until a condition holds; waiting costs no real time."""
        end = self.clock.now + seconds
        while not until():
            self.clock.now += max(0.001, sender.step())
            assert self.clock.now < end, self.events

    def send_all(self, sender: Sender | None = None) -> Sender:
        sender = sender or self.sender()
        self.drive(sender, sender.is_drained)
        return sender

    def codes(self) -> list[str]:
        return [event.get("code", event["event"]) for event in self.events]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with RecordServer() as server:
        made = Bench(tmp_path / "run", server)
        yield made
        for sender in made.senders:
            sender.close()


def all_rows(n: int) -> list[bytes]:
    return [row(i) for i in range(n)]


def test_a_finished_folder_is_sent_once_and_remembered(bench: Bench) -> None:
    writer = open_writer(bench.folder)
    write_rows(writer, 0, 1000)
    finish(writer)
    sender = bench.send_all()
    assert bench.server.payloads(STREAM) == all_rows(1000)
    assert bench.codes() == ["run"]
    sender.close()
    progress = load_progress(bench.folder)
    assert progress.synced and progress.positions[STREAM][0] == 1004
    assert progress.positions[STREAM][1] == (bench.folder / "run-r1.kslog").stat().st_size
    requests = bench.server.requests
    bench.send_all()
    assert bench.server.requests == requests  # nothing is read or sent again


@pytest.mark.parametrize(
    "fault",
    ["reset", "commit-then-reset", "html", "empty", "cut", "500", "502", "503", "429", "408"],
)
def test_every_fault_of_an_answer_loses_and_doubles_nothing(
    bench: Bench, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "BODY_BYTES_MAX", 2000)
    writer = open_writer(bench.folder)
    write_rows(writer, 0, 300)
    finish(writer)
    bench.server.faults.extend(["", fault, fault, "", fault])
    bench.send_all()
    assert bench.server.payloads(STREAM) == all_rows(300)


@pytest.mark.parametrize("seed", range(8))
def test_any_finite_schedule_of_faults_while_the_journal_grows(
    bench: Bench, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "BODY_BYTES_MAX", 1500)
    rng = random.Random(seed)
    kinds = ["", "", "reset", "commit-then-reset", "html", "cut", "500", "429", "forget"]
    writer = open_writer(bench.folder)
    sender = bench.sender(is_live=True)
    written = 0
    for _ in range(60):
        more = rng.randrange(12)
        write_rows(writer, written, written + more)
        written += more
        action = rng.choice(kinds)
        if action == "forget":  # restored from a backup
            stored = bench.server.streams.get(STREAM, [])
            del stored[rng.randrange(len(stored) + 1) :]
        else:
            bench.server.faults.append(action)
        bench.clock.now += rng.random() * 3
        sender.step()
        if rng.random() < 0.1:  # killed and started again
            if rng.random() < 0.5:
                sender.close()
            sender = bench.sender(is_live=True)
    bench.server.faults.clear()
    write_rows(writer, written, written + 1)  # a server that forgot shows it at the next contact
    bench.drive(sender, lambda: len(bench.server.payloads(STREAM)) == written + 1)
    assert bench.server.payloads(STREAM) == all_rows(written + 1)
    writer.close()


def test_a_server_that_lost_everything_gets_everything_again(bench: Bench) -> None:
    writer = open_writer(bench.folder)
    write_rows(writer, 0, 50)
    sender = bench.sender(is_live=True)
    bench.drive(sender, sender.is_drained)
    bench.server.streams.clear()
    write_rows(writer, 50, 60)
    finish(writer)
    bench.send_all(sender)
    assert bench.server.payloads(STREAM) == all_rows(60)


def test_a_bad_record_is_set_aside_and_the_rest_goes_on(bench: Bench) -> None:
    writer = open_writer(bench.folder)
    write_rows(writer, 0, 200)
    finish(writer)
    bad = {row(17), row(99), row(199)}
    bench.server.refuse = lambda frame: "cannot be read" if frame.payload in bad else ""
    sender = bench.send_all()
    assert bench.server.payloads(STREAM) == [p for p in all_rows(200) if p not in bad]
    lines = (bench.folder / "rejected.jsonl").read_text().splitlines()
    rejected = [json.loads(line) for line in lines]
    assert {bytes.fromhex(line["payload"]) for line in rejected} == bad
    assert all("cannot be read" in line["reason"] for line in rejected)
    assert sender.rejected() == 3
    assert bench.codes().count(messages.REJECTED) == 1  # said once
    notes = [r for r in bench.server.records() if isinstance(r, Note)]
    assert [(note.code, note.count) for note in notes] == [("rejected", 1)] * 3


def test_what_the_server_takes_and_sets_aside_is_kept_here_too(bench: Bench) -> None:
    writer = open_writer(bench.folder)
    write_rows(writer, 0, 20)
    finish(writer)
    bench.server.set_aside = lambda frame: "odd" if frame.payload == row(7) else ""
    bench.server.faults.append("commit-then-reset")
    sender = bench.send_all()
    (line,) = (bench.folder / "rejected.jsonl").read_text().splitlines()
    assert json.loads(line)["payload"] == row(7).hex() and sender.rejected() == 1


def test_damage_in_the_journal_is_named_and_the_rest_is_sent(bench: Bench) -> None:
    writer = open_writer(bench.folder)
    write_rows(writer, 0, 40)
    finish(writer)
    path = bench.folder / "run-r1.kslog"
    data = bytearray(path.read_bytes())
    at = data.index(row(20))
    data[at - HEADER_SIZE : at + 2 * (HEADER_SIZE + len(row(20)))] = bytes(
        HEADER_SIZE + 2 * (HEADER_SIZE + len(row(20)))
    )
    path.write_bytes(data)
    sender = bench.send_all()
    stored = bench.server.payloads(STREAM)
    assert stored == [row(i) for i in range(40) if i not in (20, 21, 22)]
    assert len(stored) == 37 and sender.feeds[0].lost == 3
    assert messages.DAMAGED in bench.codes()
    (note,) = [r for r in bench.server.records() if isinstance(r, Note)]
    assert note.code == "damaged" and note.count == 3
    assert len(bench.server.payloads(STREAM, Kind.LOST)) == 2


def test_a_rejected_key_pauses_and_a_new_one_is_used_at_once(bench: Bench) -> None:
    writer = open_writer(bench.folder)
    write_rows(writer, 0, 10)
    bench.target = Target(bench.server.url, "ksk_revoked_" + "x" * 30)
    sender = bench.sender(is_live=True)
    before = bench.clock.now
    for _ in range(150):
        bench.clock.now += max(0.001, sender.step())
    assert bench.clock.now - before > 60 and bench.server.requests <= 5  # every 60 s
    assert bench.codes() == [messages.KEY]
    assert "ksk_revo…" in bench.events[0]["text"] and "ksk_revoked_" not in str(bench.events)
    bench.target = Target(bench.server.url, KEY)
    bench.drive(sender, sender.is_drained, seconds=3)
    assert bench.codes() == [messages.KEY, "healed", "run"]
    assert bench.server.payloads(STREAM) == all_rows(10)
    writer.close()


def test_trouble_is_told_after_30_s_then_every_5_min_and_its_end_once(bench: Bench) -> None:
    #
    writer = open_writer(bench.folder)
    sender = bench.sender(is_live=True)
    bench.drive(sender, sender.is_drained)
    bench.server.always = "500"
    write_rows(writer, 0, 5)
    start = bench.clock.now
    told_at: list[float] = []
    bench.events.clear()
    while bench.clock.now < start + 700:
        before = len(bench.events)
        bench.clock.now += max(0.001, sender.step())
        told_at += [bench.clock.now - start] * (len(bench.events) - before)
    assert [round(at / 10) for at in told_at] == [3, 33, 63]
    text = bench.events[0]["text"]
    assert bench.server.url in text and "500" in text and str(bench.folder) in text
    assert "[KSK-NET-104]" in text and len(text.splitlines()) <= 4 and "kiseki sync" in text
    bench.server.always = ""
    bench.drive(sender, sender.is_drained, seconds=100)
    assert bench.codes()[-1] == "healed"
    writer.close()


def test_a_server_that_is_not_there_is_told_at_once_and_asked_every_second(bench: Bench) -> None:
    open_writer(bench.folder).close()
    bench.server.close()
    sender = bench.sender(is_live=True)
    start = bench.clock.now
    pauses = [sender.step()]
    assert bench.codes() == [messages.REFUSED]
    bench.clock.now = start + 1.0
    pauses.append(sender.step())
    assert pauses == [1.0, 1.0]
    with RecordServer(port=bench.server.port) as again:
        bench.server = again
        bench.drive(sender, sender.is_drained, seconds=5)
        assert len(again.streams[STREAM]) == 3
    with bench.server._http.socket:
        pass


def test_a_run_the_server_does_not_want_stays_on_disk_and_is_told(bench: Bench) -> None:
    writer = open_writer(bench.folder)
    write_rows(writer, 0, 3)
    bench.server.always = "404"
    sender = bench.sender(is_live=True)
    for _ in range(30):
        bench.clock.now += max(0.001, sender.step())
    assert bench.codes() == [messages.RUN_REFUSED]
    assert bench.events[0]["status"] == 404
    assert not (bench.folder / "rejected.jsonl").exists() and sender.rejected() == 0
    bench.server.always = ""
    bench.drive(sender, sender.is_drained, seconds=120)
    assert bench.server.payloads(STREAM) == all_rows(3)
    writer.close()


def test_heartbeats_keep_a_silent_run_alive_and_carry_stop(bench: Bench) -> None:
    writer = open_writer(bench.folder)
    sender = bench.sender(is_live=True)
    bench.drive(sender, sender.is_drained)
    requests, bench.server.stop = bench.server.requests, True
    end = bench.clock.now + 100
    while bench.clock.now < end:
        bench.clock.now += max(0.01, sender.step())
    assert bench.server.requests - requests == 3  # one each 30 s
    assert bench.codes() == ["run", "stop"]  # said once
    writer.close()


def test_rows_of_a_quiet_run_go_together(bench: Bench) -> None:
    writer = open_writer(bench.folder)
    sender = bench.sender(is_live=True)
    bench.drive(sender, sender.is_drained)
    bodies = len(bench.server.bodies)
    for i in range(100):  # 200 rows/s for half a second
        write_rows(writer, i, i + 1)
        if sender.step() == 0:
            sender.step()
        bench.clock.now += 0.005
    bench.drive(sender, sender.is_drained)
    assert len(bench.server.bodies) - bodies <= 12
    writer.close()
