"""Sending files: what is sent when, what happens on failure; a real HTTP server, no threads of ours."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiseki.client.credentials import Target
from kiseki.client.retry import RetryPolicy
from kiseki.record.types import File, Note, Record
from kiseki.uploader import files as module
from kiseki.uploader.files import FileSender
from tests.fakes.record_server import KEY, RecordServer

PLACE = {"entity": "ada", "project": "p"}


@pytest.fixture
def fake() -> Iterator[RecordServer]:
    with RecordServer() as server:
        yield server


class Kit:
    """A sender on a folder, with a clock of its own."""

    def __init__(self, folder: Path, fake: RecordServer, **options: Any) -> None:
        (folder / "files").mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.now = 1_000.0
        self.key = KEY
        self.told: list[Record] = []
        self.events: list[dict[str, Any]] = []
        self.sender = FileSender(
            folder,
            lambda: Target(fake.url, self.key),
            lambda: PLACE,
            self.told.append,
            self.events.append,
            policy=RetryPolicy(first_s=0.1, longest_s=0.1),
            clock=lambda: self.now,
            **options,
        )

    def write(self, name: str, data: bytes, age_s: float = 60.0) -> None:
        path = self.folder / "files" / name
        path.write_bytes(data)
        before = path.stat().st_mtime - age_s
        os.utime(path, (before, before))

    def run(self, steps: int = 20) -> None:
        """Step, and let the time that it asks for pass."""
        for _ in range(steps):
            self.now += min(self.sender.step(), 5.0)

    @property
    def told_files(self) -> list[tuple[str, str]]:
        return [(r.path, r.sha256) for r in self.told if isinstance(r, File)]


@pytest.fixture
def kit(tmp_path: Path, fake: RecordServer) -> Iterator[Kit]:
    made = Kit(tmp_path / "run", fake)
    yield made
    made.sender.close()


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


BIG = os.urandom(3_000_000)


@pytest.mark.parametrize("data", [b"small", BIG, b""])
def test_a_file_is_sent_and_then_told(kit: Kit, fake: RecordServer, data: bytes) -> None:
    kit.write("a.bin", data)
    kit.sender.name(File(path="a.bin", policy="now"))
    assert not kit.sender.is_drained() and kit.sender.pending().files == 1
    kit.run()
    assert kit.sender.is_drained() and kit.sender.pending() == (0, 0)
    assert fake.blobs == {digest_of(data): data}
    assert kit.told_files == [("a.bin", digest_of(data))]


def test_what_the_server_has_is_not_sent(kit: Kit, fake: RecordServer) -> None:
    fake.blobs[digest_of(BIG)] = BIG
    kit.write("a.bin", BIG)
    kit.write("b.bin", BIG)
    kit.sender.name(File(path="a.bin", policy="now"))
    kit.sender.name(File(path="b.bin", policy="now"))
    kit.run()
    assert fake.puts == [] and len(kit.told_files) == 2


def test_a_new_key_is_used_at_once(kit: Kit, fake: RecordServer) -> None:  # reliability 2.7
    fake.key = "another-key-of-forty-characters-or-more-00"
    kit.write("a.bin", b"small")
    kit.sender.name(File(path="a.bin", policy="now"))
    kit.run(3)
    assert fake.blobs == {}
    kit.key = fake.key
    before = kit.now
    kit.run(5)
    assert kit.sender.is_drained() and kit.now - before < 30


def test_policies(kit: Kit, fake: RecordServer) -> None:
    for policy in ("live", "now", "end"):
        kit.write(policy, b"one")
        kit.sender.name(File(path=policy, policy=policy))
    kit.run()
    one, two = digest_of(b"one"), digest_of(b"two!")
    assert kit.told_files == [("live", one), ("now", one)]
    for policy in ("live", "now", "end"):
        kit.write(policy, b"two!")
    kit.run()
    assert kit.told_files[2:] == [("live", two)]
    kit.sender.end()
    kit.run()
    assert kit.told_files[3:] == [("end", two)]
    kit.sender.name(File(path="now", policy="now"))  # saved again
    kit.run()
    assert kit.told_files[4:] == [("now", two)]


def test_a_file_that_keeps_changing_waits_until_it_settles(kit: Kit) -> None:
    kit.write("live", b"one")
    kit.sender.name(File(path="live", policy="live"))
    kit.run(2)
    kit.write("live", b"two", age_s=-0.9)
    kit.now += module.LOOK_S
    kit.sender.step()
    assert len(kit.told_files) == 1
    kit.now += module.LIVE_EVERY_S  # …but not for ever
    kit.run(3)
    assert len(kit.told_files) == 2


def test_it_waits_for_a_file_that_is_not_there_yet(kit: Kit) -> None:
    kit.sender.name(File(path="late", policy="now"))
    kit.run()
    assert kit.told == [] and kit.sender.is_drained()
    kit.write("late", b"x")
    kit.run()
    assert kit.told_files == [("late", digest_of(b"x"))]


def test_what_never_came_is_told(kit: Kit) -> None:
    kit.sender.name(File(path="never", policy="now"))
    (kit.folder / "files" / "folder").mkdir()
    kit.sender.name(File(path="folder", policy="end"))
    kit.run()
    kit.sender.end()
    kit.run()
    texts = [record.text for record in kit.told if isinstance(record, Note)]
    assert len(texts) == 2 and kit.sender.is_drained()
    assert "the file never was not uploaded: it is not there" in " ".join(texts)
    assert [event["code"] for event in kit.events] == ["KSK-FILE-109"] * 2


@pytest.mark.parametrize("fault", ["503", "429", "507", "reset"])
def test_trouble_passes(kit: Kit, fake: RecordServer, fault: str) -> None:
    fake.file_faults.extend([fault, fault])
    kit.write("a.bin", BIG)
    kit.sender.name(File(path="a.bin", policy="now"))
    kit.run()
    assert fake.blobs == {digest_of(BIG): BIG} and fake.puts == [digest_of(BIG)]
    assert kit.told_files == [("a.bin", digest_of(BIG))]
    assert [event["code"] for event in kit.events] == (["KSK-DISK-107"] if fault == "507" else [])


def test_what_is_too_large_is_given_up_alone(kit: Kit, fake: RecordServer) -> None:
    fake.file_faults.append("413")
    kit.write("a.bin", BIG)
    kit.write("b.bin", BIG[1:])
    for name in ("a.bin", "b.bin"):
        kit.sender.name(File(path=name, policy="now"))
    kit.run()
    assert [path for path, _ in kit.told_files] == ["b.bin"]
    assert [record.code for record in kit.told if isinstance(record, Note)] == ["file"]
    assert kit.sender.is_drained()


def test_a_file_that_never_stands_still_is_sent_from_a_copy(
    kit: Kit, fake: RecordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kit.folder / "files" / "a.bin"
    pieces = FileSender._pieces

    def changing(self: FileSender, source: Path, size: int) -> Iterator[bytes]:
        if source == path:  # overwritten between hashing and sending
            kit.write("a.bin", os.urandom(3_000_000))
        yield from pieces(self, source, size)

    monkeypatch.setattr(FileSender, "_pieces", changing)
    kit.write("a.bin", BIG)
    kit.sender.name(File(path="a.bin", policy="now"))
    kit.run(40)
    assert kit.told_files == [("a.bin", digest_of(path.read_bytes()))]
    assert set(fake.blobs) == {digest_of(path.read_bytes())}
    assert list((kit.folder / "tmp").iterdir()) == []


def test_one_that_is_appended_to_is_sent_as_it_was(
    kit: Kit, fake: RecordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = FileSender._pieces

    def growing(self: FileSender, source: Path, size: int) -> Iterator[bytes]:
        with open(source, "ab") as file:
            file.write(b"more")
        yield from pieces(self, source, size)

    monkeypatch.setattr(FileSender, "_pieces", growing)
    kit.write("log", BIG)
    kit.sender.name(File(path="log", policy="now"))
    kit.run()
    assert kit.told_files == [("log", digest_of(BIG))]


def test_names_that_lead_out_are_not_read(kit: Kit) -> None:
    """A run folder may come from anybody."""
    (kit.folder / "secret").write_text("x")
    for name in ("../secret", "/etc/hostname", "a/../../secret"):
        kit.sender.name(File(path=name, policy="now"))
    kit.sender.end()
    kit.run()
    assert kit.told == [] and kit.sender.is_drained()


def test_ignored(tmp_path: Path, fake: RecordServer) -> None:
    kit = Kit(tmp_path / "run", fake, ignore=["*.tmp"])
    kit.write("a.tmp", b"x")
    kit.sender.name(File(path="a.tmp", policy="now"))
    kit.run()
    assert kit.told == [] and fake.blobs == {}
    kit.sender.close()


def test_small_files_go_together(kit: Kit, fake: RecordServer) -> None:
    for i in range(600):
        kit.write(f"{i}", f"content {i % 500}".encode())
        kit.sender.name(File(path=f"{i}", policy="now"))
    before = fake.requests
    kit.run()
    assert len(kit.told_files) == 600 and len(fake.blobs) == 500
    assert fake.requests - before <= 8
