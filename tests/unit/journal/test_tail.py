"""Following a journal that grows: whole frames only, waiting at torn ends, going on behind damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiseki.journal.header import HEADER_BYTES, pack_header
from kiseki.journal.tail import Chunk, Hole, JournalTail
from kiseki.journal.writer import JournalWriter
from kiseki.record.frame import Frame, pack, scan

STREAM = "ab" * 16


def payloads(chunk: Chunk) -> list[bytes]:
    return [found.payload for _, found in scan(chunk.data) if isinstance(found, Frame)]


def drain(tail: JournalTail, bytes_max: int = 1 << 20) -> list[Chunk | Hole]:
    found = []
    while (item := tail.read(bytes_max)) is not None:
        found.append(item)
        if isinstance(item, Hole):
            tail.skip_hole(item)
    return found


def test_every_prefix_of_a_growing_file_gives_whole_frames_only(tmp_path: Path) -> None:
    data = pack_header(STREAM, 1) + b"".join(pack(3, i, b"p" * i) for i in range(6))
    path = tmp_path / "j"
    path.write_bytes(b"")
    tail = JournalTail(path)
    seen = 0
    with path.open("ab", buffering=0) as file:
        for i in range(len(data)):
            file.write(data[i : i + 1])
            for item in drain(tail):
                assert isinstance(item, Chunk) and item.first == seen
                assert payloads(item) == [b"p" * n for n in range(item.first, item.behind)]
                assert item.end == i + 1
                seen = item.behind
    assert seen == 6 and tail.damage == []
    tail.close()


@pytest.mark.parametrize("bytes_max", [1, 30, 100, 1000])
def test_chunks_are_bounded_and_follow_each_other(tmp_path: Path, bytes_max: int) -> None:
    with JournalWriter(tmp_path / "j", STREAM) as writer:
        for i in range(40):
            writer.append(3, b"x" * (i % 7 * 20))
    with JournalTail(tmp_path / "j") as tail:
        items = drain(tail, bytes_max)
    chunks = [item for item in items if isinstance(item, Chunk)]
    assert [c.first for c in chunks] == [0] + [c.behind for c in chunks[:-1]]
    assert chunks[-1].behind == 40
    assert all(len(c.data) <= bytes_max or c.behind - c.first == 1 for c in chunks)
    joined = b"".join(c.data for c in chunks)
    assert joined == (tmp_path / "j").read_bytes()[HEADER_BYTES:]


def test_rewind_and_positions_skip_what_is_known(tmp_path: Path) -> None:
    with JournalWriter(tmp_path / "j", STREAM) as writer:
        for i in range(20):
            writer.append(3, bytes([i]))
    with JournalTail(tmp_path / "j") as tail:
        drain(tail, 100)
        tail.rewind(13)
        (item,) = drain(tail)
    assert isinstance(item, Chunk) and (item.first, item.behind) == (13, 20)
    assert payloads(item)[0] == bytes([13])


def test_damage_in_the_middle_is_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with JournalWriter(path, STREAM) as writer:
        for _ in range(5):
            writer.append(3, b"y" * 50)
    data = bytearray(path.read_bytes())
    data[HEADER_BYTES + 2 * 72 + 30] ^= 1
    path.write_bytes(data)
    with JournalTail(path) as tail:
        first, hole, last = drain(tail)
        assert isinstance(first, Chunk) and first.behind == 2
        assert hole == Hole(2, 3)
        assert isinstance(last, Chunk) and (last.first, last.behind) == (3, 5)
        assert [(d.start, d.end) for d in tail.damage] == [(184, 256)]


def test_damage_at_the_end_waits_while_the_writer_lives(tmp_path: Path) -> None:
    path = tmp_path / "j"
    writer = JournalWriter(path, STREAM)
    writer.append(3, b"a")
    with path.open("ab") as file:
        file.write(b"\0" * 100)
    tail = JournalTail(path)
    assert len(drain(tail)) == 1 and tail.damage == []
    writer.append(3, b"b")
    (item,) = drain(tail)
    assert isinstance(item, Chunk) and payloads(item) == [b"b"]
    assert [(d.end - d.start) for d in tail.damage] == [100]
    with path.open("ab") as file:
        file.write(b"\0" * 10)
    assert drain(tail) == [] and len(tail.damage) == 1
    tail.end()  # nobody writes any more: now it is damage
    assert drain(tail) == [] and len(tail.damage) == 2
    writer.close()
    tail.close()


def test_a_damaged_file_header_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with JournalWriter(path, STREAM) as writer:
        writer.append(3, b"a")
    data = bytearray(path.read_bytes())
    data[0:20] = bytes(20)
    path.write_bytes(data)
    with JournalTail(path) as tail:
        (item,) = drain(tail)
    assert isinstance(item, Chunk) and payloads(item) == [b"a"]
