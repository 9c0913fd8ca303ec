"""Records to payload bytes and back.

Integers beyond 64 bits travel as msgpack extension 1 holding their decimal text; floats keep every
bit (NaN and ±Inf included) and stay floats; integers stay integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import zstandard

from kiseki.errors import CorruptRecord, DataError
from kiseki.record.frame import HEADER_SIZE, Damage, Frame, scan
from kiseki.record.types import STRUCTS, AnyRecord, Kind, Record, Row, Shape, System

BIG_INT = 1  # msgpack extension code
BATCH_BYTES_MAX = 256 * 1024 * 1024  # of one request body or stored batch, decompressed


def _from_ext(code: int, data: memoryview) -> Any:
    if code == BIG_INT:
        return int(bytes(data))
    return msgspec.msgpack.Ext(code, bytes(data))


_encode = msgspec.msgpack.Encoder().encode
_decode_any = msgspec.msgpack.Decoder(ext_hook=_from_ext).decode
_decode_list = msgspec.msgpack.Decoder(list[Any], ext_hook=_from_ext).decode
_decoders = {
    kind: msgspec.msgpack.Decoder(struct, ext_hook=_from_ext).decode
    for kind, struct in STRUCTS.items()
}


def widen(value: Any) -> Any:
    """Return `value` with integers beyond 64 bits replaced by their extension, at any depth."""
    if isinstance(value, int) and not isinstance(value, bool):
        if -(2**63) <= value < 2**64:
            return value
        return msgspec.msgpack.Ext(BIG_INT, str(value).encode())
    if isinstance(value, dict):
        return {key: widen(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [widen(item) for item in value]
    return value


def encode(record: Record) -> bytes:
    """Return the payload of a map-shaped record."""
    try:
        return _encode(record)
    except OverflowError:
        return _encode(widen(msgspec.structs.asdict(record)))


def encode_row(
    shape: int, step: int, time_us: int, runtime_us: int, values: Sequence[Any]
) -> bytes:
    """Return the payload of a row or system sample.

    Raises:
        TypeError, UnicodeEncodeError: a value that is not text, number, bool, None or a nest of these.
    """
    try:
        return _encode([shape, step, time_us, runtime_us, *values])
    except OverflowError:
        return _encode([shape, step, time_us, runtime_us, *map(widen, values)])


def decode_row(payload: bytes) -> list[Any]:
    """Return `[shape, step, time_us, runtime_us, value, …]` of a row payload, shape not resolved."""
    return _decode_list(payload)


class Decoder:
    """Decodes the records of one stream; remembers its shapes.

    A `Shape` must be decoded (or given to `learn`) before the rows that use it.
    """

    def __init__(self, shapes: dict[int, tuple[str, ...]] | None = None) -> None:
        self.shapes: dict[int, tuple[str, ...]] = dict(shapes or {})

    def learn(self, frames: Iterable[Frame]) -> None:
        """Remember every shape among `frames`, so that rows may stand before their shape."""
        for frame in frames:
            if frame.kind == Kind.SHAPE:
                self.decode(frame)

    def decode(self, frame: Frame) -> AnyRecord | None:
        """Return the record of a frame, or None for a kind this version does not know.

        Raises:
            CorruptRecord: the payload is not what its kind demands, or its shape is unknown.
        """
        kind = frame.kind
        try:
            if kind in (Kind.ROW, Kind.ROW_PART, Kind.SYSTEM):
                shape, step, time_us, runtime_us, *values = _decode_list(frame.payload)
                paths = self.shapes[shape]
                if len(values) != len(paths):
                    raise ValueError(f"{len(values)} values for {len(paths)} keys")
                if kind == Kind.SYSTEM:
                    return System(paths, step, time_us, runtime_us, values)
                return Row(paths, step, time_us, runtime_us, values, kind == Kind.ROW_PART)
            decode = _decoders.get(kind)
            if decode is None:
                return None
            record = decode(frame.payload)
        except KeyError as error:
            raise CorruptRecord(f"record {frame.seq}: shape {error} was never defined") from error
        except (ValueError, TypeError, msgspec.MsgspecError) as error:
            raise CorruptRecord(f"record {frame.seq} of kind {kind}: {error}") from error
        if isinstance(record, Shape):
            self.shapes[record.shape] = tuple(record.paths)
        return record


def compress(frames: bytes, level: int = 1) -> bytes:
    """Return a request or batch body: one zstd frame with its content size."""
    return zstandard.ZstdCompressor(level=level).compress(frames)


def decompress(body: bytes, limit: int = BATCH_BYTES_MAX) -> bytes:
    """Return the frames of a body; refuses bodies that would grow beyond `limit` bytes.

    Raises:
        DataError: not zstd, no content size, or too large.
    """
    try:
        size = zstandard.frame_content_size(body)
        if size < 0:
            raise DataError("the body does not tell its decompressed size")
        if size > limit:
            raise DataError(f"the body decompresses to {size:,} bytes; the limit is {limit:,}")
        return zstandard.ZstdDecompressor().decompress(body)
    except zstandard.ZstdError as error:
        raise DataError(f"the body is not zstd: {error}") from error


def frames_of(buffer: bytes) -> Iterator[Frame]:
    """Yield the frames of a batch, which must be intact from end to end.

    Raises:
        CorruptRecord: damage, or a frame cut off at the end.
    """
    end = 0
    for offset, found in scan(buffer):
        if isinstance(found, Damage):
            raise CorruptRecord(f"damaged batch: {found.reason}", offset=found.start)
        yield found
        end = offset + HEADER_SIZE + len(found.payload)
    if end != len(buffer):
        raise CorruptRecord("the batch ends within a record", offset=end)


def decode_value(data: bytes) -> Any:
    """Return one msgpack value (big integers included)."""
    return _decode_any(data)


def encode_value(value: Any) -> bytes:
    """Return one value as msgpack (big integers included)."""
    try:
        return _encode(value)
    except OverflowError:
        return _encode(widen(value))
