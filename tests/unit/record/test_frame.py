"""Frames: whatever happens to the bytes, every intact record is found (reliability 2.2)."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiseki.record import frame
from kiseki.record.frame import HEADER_SIZE, MAGIC, PAYLOAD_BYTES_MAX, Damage, Frame

payloads = st.one_of(
    st.binary(max_size=30),
    st.just(MAGIC * 12),
    st.just(bytes(40)),
    st.integers(0, 9).map(lambda n: frame.pack(3, n, b"inner")[:-1]),
)
frame_lists = st.lists(st.tuples(st.integers(1, 254), payloads), min_size=1, max_size=6)
SAMPLE = [(1, b"open"), (2, b""), (3, MAGIC + b"\x03" + bytes(20)), (3, b"row" * 9), (15, b"end")]


def build(items: list[tuple[int, bytes]]) -> tuple[bytes, list[int]]:
    """Return the bytes of frames numbered from 0, and where each begins (and the last ends)."""
    edges, data = [0], b""
    for seq, (kind, payload) in enumerate(items):
        data += frame.pack(kind, seq, payload)
        edges.append(len(data))
    return data, edges


def split(data: bytes, start: int = 0) -> tuple[list[Frame], list[Damage]]:
    found = [item for _, item in frame.scan(data, start)]
    return (
        [item for item in found if isinstance(item, Frame)],
        [item for item in found if isinstance(item, Damage)],
    )


@given(frame_lists)
def test_frames_come_back_with_their_offsets(items) -> None:
    data, edges = build(items)
    found = list(frame.scan(data))
    assert [offset for offset, _ in found] == edges[:-1]
    assert [item for _, item in found] == [
        Frame(kind, seq, payload) for seq, (kind, payload) in enumerate(items)
    ]
    assert [offset for offset, _ in frame.intact(data)] == edges[:-1]


@given(frame_lists, st.integers(0, 60))
def test_a_cut_is_a_torn_tail_and_no_damage(items, back) -> None:
    data, edges = build(items)
    cut = max(0, len(data) - back)
    whole = sum(edge <= cut for edge in edges[1:])
    frames, damage = split(data[:cut])
    assert [f.seq for f in frames] == list(range(whole))
    assert damage == []
    assert frame.is_torn(data[:cut], edges[whole]) == (cut > edges[whole])


def test_cut_at_every_byte() -> None:
    data, edges = build(SAMPLE)
    for cut in range(len(data) + 1):
        frames, damage = split(data[:cut])
        assert len(frames) == sum(edge <= cut for edge in edges[1:])
        assert damage == []


def test_any_one_bit_flipped_costs_at_most_the_record_it_lies_in() -> None:
    data, edges = build(SAMPLE)
    for bit in range(len(data) * 8):
        at = bit // 8
        broken = bytearray(data)
        broken[at] ^= 1 << bit % 8
        hit = sum(edge <= at for edge in edges) - 1
        frames, damage = split(bytes(broken))
        assert [f.seq for f in frames] == [n for n in range(len(SAMPLE)) if n != hit]
        if hit == len(SAMPLE) - 1 and not damage:  # the last one may look like a torn tail
            assert frame.is_torn(bytes(broken), edges[hit])
        else:
            assert [(d.start, d.end) for d in damage] == [(edges[hit], edges[hit + 1])]


@given(frame_lists, frame_lists, st.one_of(st.binary(max_size=50), st.just(bytes(100))))
def test_junk_between_frames_costs_nothing(front, back, junk) -> None:
    one, _ = build(front)
    two, _ = build(back)
    frames, damage = split(one + junk + two)
    assert len(frames) == len(front) + len(back)
    assert [(d.start, d.end) for d in damage] == [(len(one), len(one) + len(junk))][: len(junk)]


@given(frame_lists, st.data())
def test_a_zeroed_block_costs_the_records_it_touches(items, data) -> None:
    whole, edges = build(items)
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start + 1, len(whole)))
    broken = whole[:start] + bytes(end - start) + whole[end:]
    spans = [slice(*pair) for pair in pairwise(edges)]
    changed = [n for n, span in enumerate(spans) if broken[span] != whole[span]]
    frames, damage = split(broken)
    # A payload may itself hold an intact frame, which then becomes visible: never less, and in order.
    intact = [
        Frame(kind, n, payload) for n, (kind, payload) in enumerate(items) if n not in changed
    ]
    assert [f for f in frames if f in intact] == intact
    if changed and changed != [len(items) - 1]:
        assert damage


def test_a_torn_tail_behind_damage_is_left_for_later() -> None:
    """Who follows a growing file must find the rest of a record whose beginning came after damage."""
    tail = frame.pack(3, 9, b"row")
    for cut in range(1, len(tail)):
        data = bytes(30) + tail[:cut]
        (damage,) = [item for _, item in frame.scan(data)]
        assert damage == Damage(0, 30, "no intact record")
        assert split(data + tail[cut:], start=30)[0] == [Frame(3, 9, b"row")]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    spans = [(f, d) for f, d in frame.scan(data)]
    assert all(isinstance(item, (Frame, Damage)) for _, item in spans)


def test_payloads_beyond_the_limit_are_neither_written_nor_believed() -> None:
    with pytest.raises(ValueError, match="limit"):
        frame.pack(3, 0, bytes(PAYLOAD_BYTES_MAX + 1))
    prefix = frame.PREFIX.pack(3, 0, PAYLOAD_BYTES_MAX + 1, 0)
    head = MAGIC + prefix + frame.CHECKS.pack(frame.crc32(prefix) & 0xFFFF, 0)
    assert frame.span_at(head, 0) is None
    assert not frame.is_torn(head, 0)


def test_span_needs_the_header_only() -> None:
    data = frame.pack(3, 0, b"x" * 100)
    assert frame.span_at(data[:HEADER_SIZE], 0) == len(data)
    assert frame.span_at(data[: HEADER_SIZE - 1], 0) is None


def test_false_magics_cost_no_pass_over_the_rest() -> None:
    """Time linear in the input (reliability 7.6): headers that do not check out end the matter."""
    rng = random.Random(1)
    junk = b"".join(
        MAGIC + bytes(rng.randbytes(4)) + b"\xff\xff\x0f\x00" + bytes(12) for _ in range(20_000)
    )
    frames, damage = split(junk + frame.pack(3, 0, b"row"))
    assert [f.seq for f in frames] == [0]
    assert [(d.start, d.end) for d in damage] == [(0, len(junk))]
