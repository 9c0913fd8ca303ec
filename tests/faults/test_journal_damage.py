"""Damage of a journal on disk: every intact record is read, the rest is named (reliability 2.2)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.journal.header import HEADER_BYTES
from kiseki.journal.reader import JournalRead, read_journal
from kiseki.journal.writer import JournalWriter
from kiseki.record.frame import HEADER_SIZE, Frame, pack

STREAM = "0123456789abcdef" * 2
PAYLOADS = [b"\x80", b"first row", b"", b"\xd7K inside", bytes(range(256)), b"last"]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "run.kslog"
    with JournalWriter(path, STREAM) as writer:
        for payload in PAYLOADS:
            writer.append(3, payload)
    return path.read_bytes()


def starts() -> list[int]:
    """Return where each frame begins, and where the last one ends."""
    offsets = [HEADER_BYTES]
    for payload in PAYLOADS:
        offsets.append(offsets[-1] + HEADER_SIZE + len(payload))
    return offsets


def read(path: Path, data: bytes, window_bytes: int = 64) -> tuple[JournalRead, list[Frame]]:
    path.write_bytes(data)
    found = read_journal(path, window_bytes)
    return found, found.frames()


def test_cut_at_every_byte_keeps_every_whole_record(journal: bytes, tmp_path: Path) -> None:
    ends = starts()[1:]
    for cut in range(len(journal) + 1):
        found, frames = read(tmp_path / "cut", journal[:cut])
        whole = sum(end <= cut for end in ends)
        assert [frame.payload for frame in frames] == PAYLOADS[:whole], cut
        assert found.damage == [], cut  # a torn tail is normal, not damage
        last = max([end for end in ends if end <= cut] + ([HEADER_BYTES] if cut >= 40 else [0]))
        assert found.torn_bytes == cut - last, cut
        assert found.missing == []


def test_one_bit_flipped_anywhere_costs_at_most_one_record(journal: bytes, tmp_path: Path) -> None:
    ends = starts()
    for bit in range(len(journal) * 8):
        data = bytearray(journal)
        data[bit // 8] ^= 1 << bit % 8
        found, frames = read(tmp_path / "flip", bytes(data))
        hit = next((i for i, end in enumerate(ends[1:]) if ends[i] <= bit // 8 < end), None)
        others = [i for i in range(len(PAYLOADS)) if i != hit]
        seen = [frame.seq for frame in frames]
        assert [i for i in seen if i != hit] == others, bit
        for frame in frames:
            assert frame.payload == PAYLOADS[frame.seq]
        if hit is not None and hit not in seen:
            assert found.damage or found.torn_bytes, bit  # reported, never silently repaired
            assert found.missing == ([(hit, hit + 1)] if hit != len(PAYLOADS) - 1 else [])
        elif hit is None:
            assert found.header is None and found.damage, bit


@pytest.mark.parametrize("cut", [10, 39, 45, 70])
def test_continuing_after_a_cut_gives_an_intact_file(
    journal: bytes, tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "cut"
    path.write_bytes(journal[:cut])
    before = read_journal(path).frames()
    with JournalWriter(path, STREAM) as writer:
        writer.append(3, b"after")
    found = read_journal(path)
    assert [f.payload for f in found] == [f.payload for f in before] + [b"after"]
    assert (found.damage, found.torn_bytes, found.missing) == ([], 0, [])


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"junk", b"\xd7K\xd7K" * 300, b"\xff" * 50])
def test_junk_and_zeroes_behind_the_records_are_reported(
    journal: bytes, tmp_path: Path, tail: bytes
) -> None:
    found, frames = read(tmp_path / "junk", journal + tail)
    assert [frame.payload for frame in frames] == PAYLOADS
    (damage,) = found.damage
    assert damage.start == len(journal)
    assert damage.end + found.torn_bytes == len(journal) + len(tail)


def test_records_written_behind_junk_are_read(journal: bytes, tmp_path: Path) -> None:
    path = tmp_path / "junk"
    path.write_bytes(journal + b"\0" * 777)
    with JournalWriter(path, STREAM) as writer:
        assert writer.append(3, b"after") == len(PAYLOADS)
    assert read_journal(path, 64).frames()[-1] == Frame(3, len(PAYLOADS), b"after")


def test_a_block_that_stands_twice_or_in_another_place_is_read_once(
    journal: bytes, tmp_path: Path
) -> None:
    at = starts()
    moved = journal[: at[1]] + journal[at[2] :] + journal[at[1] : at[3]]
    found, frames = read(tmp_path / "moved", moved)
    assert sorted(frame.seq for frame in frames) == list(range(len(PAYLOADS)))
    assert found.duplicates == 1 and found.missing == []


def test_a_frame_larger_than_the_window_and_a_damaged_one_before_it(tmp_path: Path) -> None:
    big = random.Random(7).randbytes(300_000)
    data = bytearray(pack(3, 0, b"x" * 1000) + pack(3, 1, big) + pack(3, 2, b"end"))
    data[500] ^= 4
    found, frames = read(tmp_path / "big", bytes(data), window_bytes=4096)
    assert [frame.payload for frame in frames] == [big, b"end"]
    # No file header either: it is named too.
    assert found.header is None and found.missing == [(0, 1)]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    window=st.sampled_from([16, 100, 4096]),
    blocks=st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 400)), max_size=4),
)
def test_random_blocks_overwritten(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    window: int,
    blocks: list[tuple[int, int]],
) -> None:
    rng = random.Random(seed)
    payloads = [rng.randbytes(rng.randrange(120)) for _ in range(40)]
    head = b"".join(pack(3, seq, payload) for seq, payload in enumerate(payloads))
    path = tmp_path_factory.mktemp("blocks") / "run.kslog"
    with JournalWriter(path, STREAM) as writer:
        for payload in payloads:
            writer.append(3, payload)
    data = bytearray(path.read_bytes())
    assert data[HEADER_BYTES:] == head
    damaged = [False] * len(data)
    for start, length in blocks:
        end = min(start + length, len(data))
        if start < end:
            data[start:end] = rng.randbytes(end - start)
            damaged[start:end] = [True] * (end - start)
    found, frames = read(path, bytes(data), window)
    seen = {frame.seq: frame.payload for frame in frames}
    offset = HEADER_BYTES
    for seq, payload in enumerate(payloads):
        behind = offset + HEADER_SIZE + len(payload)
        if not any(damaged[offset:behind]):
            assert seen[seq] == payload
        offset = behind
    assert all(payloads[seq] == payload for seq, payload in seen.items())
    lost = set(range(40)) - set(seen)
    assert not lost or found.damage or found.torn_bytes
