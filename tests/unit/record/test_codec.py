"""Records to bytes and back."""

from __future__ import annotations

import contextlib
import datetime
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiseki.errors import CorruptRecord, DataError
from kiseki.record import codec, frame
from kiseki.record.types import STEP_MAX, STRUCTS, Config, Kind, Record, Row, Shape, System
from tests.unit.record.strategies import exact, keys, map_records, steps, times, values


def round_trip(kind: int, payload: bytes, shapes: dict[int, tuple[str, ...]] | None = None):
    return codec.Decoder(shapes).decode(frame.Frame(kind, 7, payload))


@given(map_records)
def test_every_map_shaped_record_comes_back_exactly(record: Record) -> None:
    back = round_trip(record.kind, codec.encode(record))
    assert type(back) is type(record)
    assert exact(back) == exact(record)  # L-10, L-19


@given(
    st.lists(st.tuples(keys, values), max_size=5),
    steps,
    times,
    times,
    st.sampled_from([Kind.ROW, Kind.ROW_PART, Kind.SYSTEM]),
)
def test_every_row_comes_back_exactly(items, step, time_us, runtime_us, kind) -> None:
    paths = tuple(key for key, _ in items)
    payload = codec.encode_row(3, step, time_us, runtime_us, [value for _, value in items])
    back = round_trip(kind, payload, {3: paths})
    assert isinstance(back, System if kind == Kind.SYSTEM else Row)
    assert (back.paths, back.step, back.time_us, back.runtime_us) == (
        paths, step, time_us, runtime_us,
    )  # fmt: skip
    assert exact(back.values) == exact([value for _, value in items])
    if isinstance(back, Row):
        assert back.is_part == (kind == Kind.ROW_PART)


@given(values)
def test_single_values_come_back_exactly(value) -> None:
    assert exact(codec.decode_value(codec.encode_value(value))) == exact(value)


def test_a_nan_keeps_its_payload_bits() -> None:
    odd = msgspec.msgpack.decode(b"\xcb\x7f\xf8\x00\x00\x00\x00\x12\x34")
    assert exact(codec.decode_value(codec.encode_value(odd))) == exact(odd)
    assert math.isnan(odd)


def test_a_big_integer_is_decimal_text_in_extension_1() -> None:
    assert codec.encode_value(2**64) == b"\xc7\x14\x01" + b"18446744073709551616"


def test_every_kind_but_rows_has_a_struct_with_its_number() -> None:
    rows = {Kind.ROW, Kind.ROW_PART, Kind.SYSTEM}
    assert set(STRUCTS) == set(Kind) - rows
    assert all(int(struct.kind) == kind for kind, struct in STRUCTS.items())
    assert 0 not in set(Kind) and 255 not in set(Kind)


def test_a_kind_of_a_newer_version_is_skipped() -> None:
    assert round_trip(200, b"\xc0") is None


def test_a_field_of_a_newer_version_is_skipped() -> None:
    assert round_trip(Kind.CONFIG, msgspec.msgpack.encode({"set": {"a": 1}, "new": 2})) == Config(
        set={"a": 1}
    )


def test_rows_may_stand_before_their_shape_when_shapes_are_learned_first() -> None:
    frames = [
        frame.Frame(Kind.ROW, 0, codec.encode_row(1, 0, 0, 0, [2])),
        frame.Frame(Kind.SHAPE, 1, codec.encode(Shape(shape=1, paths=["a"]))),
    ]
    decoder = codec.Decoder()
    with pytest.raises(CorruptRecord, match="never defined"):
        decoder.decode(frames[0])
    decoder.learn(frames)
    assert decoder.decode(frames[0]) == Row(("a",), 0, 0, 0, [2])


ONE = {1: ("a",)}
BAD_ROWS = {
    "not msgpack": b"\xc1",
    "cut off": b"\x95\x01\x00",
    "a map": b"\x80",
    "no values": msgspec.msgpack.encode([1, 0, 0]),
    "unknown shape": msgspec.msgpack.encode([2, 0, 0, 0, 1]),
    "shape is a list": msgspec.msgpack.encode([[], 0, 0, 0, 1]),
    "one value too many": msgspec.msgpack.encode([1, 0, 0, 0, 1, 2]),
    "step is a float": msgspec.msgpack.encode([1, 0.0, 0, 0, 1]),
    "step is a bool": msgspec.msgpack.encode([1, True, 0, 0, 1]),
    "step is negative": msgspec.msgpack.encode([1, -1, 0, 0, 1]),
    "step too large": msgspec.msgpack.encode([1, STEP_MAX + 1, 0, 0, 1]),
    "time is text": msgspec.msgpack.encode([1, 0, "now", 0, 1]),
    "time too large": msgspec.msgpack.encode([1, 0, 2**63, 0, 1]),
    "bytes": msgspec.msgpack.encode([1, 0, 0, 0, b"x"]),
    "bytes, nested": msgspec.msgpack.encode([1, 0, 0, 0, {"a": [b"x"]}]),
    "a key that is no text": msgspec.msgpack.encode([1, 0, 0, 0, [{1: 2}]]),
    "an unknown extension": msgspec.msgpack.encode([1, 0, 0, 0, msgspec.msgpack.Ext(9, b"x")]),
    "a big integer that is none": msgspec.msgpack.encode(
        [1, 0, 0, 0, msgspec.msgpack.Ext(1, b"x")]
    ),
    "too deep": b"\x95\x01\x00\x00\x00" + b"\x91" * 100_000 + b"\x00",
}


@pytest.mark.parametrize("payload", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_row_that_is_not_one_is_refused_with_our_own_error(payload: bytes) -> None:
    with pytest.raises(CorruptRecord, match="record 7"):
        round_trip(Kind.ROW, payload, ONE)


@given(st.sampled_from([*Kind, 99]), st.binary(max_size=40))
def test_arbitrary_payloads_raise_nothing_but_our_own_error(kind: int, payload: bytes) -> None:
    decoder = codec.Decoder(ONE)
    with contextlib.suppress(CorruptRecord):
        decoder.decode(frame.Frame(kind, 0, payload))


def test_a_time_another_sdk_wrote_becomes_iso_text() -> None:
    moment = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
    payload = codec.encode_row(1, 0, 0, 0, [{"at": moment}])
    assert round_trip(Kind.ROW, payload, ONE).values == [{"at": "2026-01-02T00:00:00+00:00"}]


def test_config_and_summary_hold_plain_values_only() -> None:
    for kind in (Kind.CONFIG, Kind.SUMMARY, Kind.ENVIRONMENT):
        field = "values" if kind == Kind.ENVIRONMENT else "set"
        with pytest.raises(CorruptRecord):
            round_trip(kind, msgspec.msgpack.encode({field: {"a": [b"x"]}}))


@given(st.binary(max_size=300))
def test_bodies_come_back(data: bytes) -> None:
    assert codec.decompress(codec.compress(data)) == data


def test_bodies_are_bounded_and_whole() -> None:
    body = codec.compress(bytes(10_000))
    with pytest.raises(DataError, match="limit"):
        codec.decompress(body, limit=9_999)
    for damaged in (b"", b"<html>", body[:-1], body + b"x", body + body):
        with pytest.raises(DataError):
            codec.decompress(damaged)


def test_frames_of_takes_a_batch_that_is_intact_from_end_to_end_only() -> None:
    one, two = frame.pack(6, 0, b"\x80"), frame.pack(6, 1, b"\x80")
    assert [f.seq for f in codec.frames_of(one + two)] == [0, 1]
    assert list(codec.frames_of(b"")) == []
    with pytest.raises(CorruptRecord, match="within a record"):
        list(codec.frames_of(one + two[:-1]))
    with pytest.raises(CorruptRecord, match="damaged"):
        list(codec.frames_of(one + b"\0" + two))
