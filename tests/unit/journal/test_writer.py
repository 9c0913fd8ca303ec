"""The writer of a journal: one record, one write(2), and an intact file whatever the disk does."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kiseki.errors import CorruptRecord, UsageValueError
from kiseki.journal import writer as writer_module
from kiseki.journal.reader import read_journal
from kiseki.journal.writer import JournalWriter
from kiseki.record.frame import HEADER_SIZE, PAYLOAD_BYTES_MAX, Frame, pack

STREAM = "ab" * 16


def test_bytes_are_those_of_the_frame_format(tmp_path: Path) -> None:
    with JournalWriter(tmp_path / "j", STREAM) as writer:
        assert [writer.append(3, b"one"), writer.append(4, b"two")] == [0, 1]
    data = (tmp_path / "j").read_bytes()
    assert data[40:] == pack(3, 0, b"one") + pack(4, 1, b"two")
    header = read_journal(tmp_path / "j").header
    assert header is not None and header.stream == STREAM


def test_each_append_is_one_write_without_a_buffer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counting(fd: int, data: bytes) -> int:
        calls.append(len(data))
        return os.write(fd, data)

    with JournalWriter(tmp_path / "j", STREAM) as writer:
        monkeypatch.setattr(writer_module, "_write", counting)
        for i in range(10):
            writer.append(3, b"x" * i)
            # 2.1: with the operating system when append returns
            assert read_journal(tmp_path / "j").frames()[-1].seq == i
    assert len(calls) == 10


def test_continuing_goes_on_with_the_sequence(tmp_path: Path) -> None:
    for expected in range(3):
        with JournalWriter(tmp_path / "j", STREAM) as writer:
            assert writer.append(3, b"x") == expected
    assert [f.seq for f in read_journal(tmp_path / "j")] == [0, 1, 2]


def test_refuses_the_journal_of_another_stream_and_other_files(tmp_path: Path) -> None:
    JournalWriter(tmp_path / "j", STREAM).close()
    with pytest.raises(CorruptRecord, match="stream"):
        JournalWriter(tmp_path / "j", "cd" * 16)
    (tmp_path / "text").write_text("not a journal, but something of value\n" * 9)
    before = (tmp_path / "text").read_bytes()
    with pytest.raises(CorruptRecord, match="not a Kiseki journal"):
        JournalWriter(tmp_path / "text", STREAM)
    assert (tmp_path / "text").read_bytes() == before


def test_too_large_a_payload_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with JournalWriter(tmp_path / "j", STREAM) as writer:
        with pytest.raises(UsageValueError, match="limit"):
            writer.append(3, bytes(PAYLOAD_BYTES_MAX + 1))
        assert writer.append(3, b"small") == 0
    assert read_journal(tmp_path / "j").frames() == [Frame(3, 0, b"small")]


@pytest.mark.parametrize("fail_truncate", [False, True])
def test_a_short_write_then_no_space_leaves_the_file_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail_truncate: bool
) -> None:
    full = [False]

    def short(fd: int, data: bytes) -> int:
        if not full[0]:
            return os.write(fd, data)
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(fd, data[:60])

    def no_truncate(fd: int, size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(writer_module, "_write", short)
    real_truncate = os.ftruncate
    with JournalWriter(tmp_path / "j", STREAM) as writer:
        writer.append(3, b"before")
        full[0] = True
        if fail_truncate:
            monkeypatch.setattr(os, "ftruncate", no_truncate)
        with pytest.raises(OSError, match="No space"):
            writer.append(3, b"y" * 100)
        monkeypatch.setattr(os, "ftruncate", real_truncate)
        full[0] = False
        assert writer.append(3, b"after") == 1
    found = read_journal(tmp_path / "j")
    assert [f.payload for f in found] == [b"before", b"after"]
    assert (found.damage, found.torn_bytes) == ([], 0)


def test_interrupted_short_writes_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with JournalWriter(tmp_path / "j", STREAM) as writer:
        monkeypatch.setattr(writer_module, "_write", lambda fd, data: os.write(fd, data[:7]))
        writer.append(3, b"z" * 100)
    assert read_journal(tmp_path / "j").frames() == [Frame(3, 0, b"z" * 100)]


def test_a_real_file_size_limit(tmp_path: Path) -> None:
    """The kernel's own short write: EFBIG behind a limit in the middle of a frame."""
    limit = 40 + 3 * (HEADER_SIZE + 100) + 50
    script = f"""
import resource, signal
from kiseki.journal.writer import JournalWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = JournalWriter({str(tmp_path / "j")!r}, {STREAM!r})
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
taken = refused = 0
for _ in range(10):
    try:
        writer.append(3, b"p" * 100)
        taken += 1
    except OSError:
        refused += 1
print(taken, refused)
"""
    assert resource.RLIMIT_FSIZE and signal.SIGXFSZ  # POSIX only
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["3", "7"]
    found = read_journal(tmp_path / "j")
    assert [f.seq for f in found] == [0, 1, 2]
    assert (found.damage, found.torn_bytes) == ([], 0)


def test_always_policy_asks_for_the_disk_at_each_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    with JournalWriter(tmp_path / "j", STREAM, fsync="always") as writer:
        monkeypatch.setattr(os, "fsync", synced.append)
        writer.append(3, b"a")
        writer.append(3, b"b")
    assert len(synced) == 2


def test_closed_writer_raises_oserror(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j", STREAM)
    writer.close()
    writer.close()
    assert writer.is_closed
    with pytest.raises(OSError):
        writer.append(3, b"x")
