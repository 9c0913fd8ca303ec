"""Records to payload bytes and back.

Integers beyond 64 bits travel as msgpack extension 1 holding their decimal text; floats keep every
bit (NaN and ±Inf included) and stay floats; integers stay integers. What comes out of a decoder is plain:
None, bool, int, float, str, and lists and dicts with text keys of these. Everything else is refused, so
that nobody behind has to expect it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

import msgspec

from kiseki.errors import CorruptRecord, DataError
from kiseki.record.fold import RunState
from kiseki.record.frame import HEADER_SIZE, Frame, intact, is_torn
from kiseki.record.types import (
    STEP_MAX,
    STRUCTS,
    AnyRecord,
    Config,
    Environment,
    Kind,
    Record,
    Row,
    Shape,
    Summary,
    System,
)

BIG_INT = 1  # msgpack extension code
INT_DIGITS_MAX = 4300  # Python reads no longer integers from text
_INT_LIMIT: int = 10**INT_DIGITS_MAX
BATCH_BYTES_MAX = 256 * 1024 * 1024  # of one request body or stored batch, decompressed


def _from_ext(code: int, data: memoryview) -> Any:
    if code == BIG_INT:
        return int(bytes(data))
    raise ValueError(f"unknown extension {code}")


_encode = msgspec.msgpack.Encoder().encode
_decode_any = msgspec.msgpack.Decoder(ext_hook=_from_ext).decode
_decode_list = msgspec.msgpack.Decoder(list[Any], ext_hook=_from_ext).decode


class _Decoders(dict[type, Callable[[bytes], Any]]):
    """Decoders by type, each made when it is first wanted: a training process decodes next to nothing."""

    def __missing__(self, kind: type) -> Callable[[bytes], Any]:
        made: Callable[[bytes], Any] = msgspec.msgpack.Decoder(kind, ext_hook=_from_ext).decode
        self[kind] = made
        return made


_decoders = _Decoders()


def is_readable_int(value: int) -> bool:
    """Return whether an integer can be read again once it is written."""
    return abs(value) < _INT_LIMIT


def widen(value: Any) -> Any:
    """Return `value` with integers beyond 64 bits replaced by their extension, at any depth."""
    if isinstance(value, int) and not isinstance(value, bool):
        if -(2**63) <= value < 2**64:
            return value
        if not is_readable_int(value):
            raise ValueError(f"an integer of more than {INT_DIGITS_MAX:,} digits")
        return msgspec.msgpack.Ext(BIG_INT, str(value).encode())
    if isinstance(value, dict):
        return {key: widen(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [widen(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return widen(msgspec.structs.asdict(value))
    return value


def encode(record: Record) -> bytes:
    """Return the payload of a map-shaped record."""
    try:
        return _encode(record)
    except OverflowError:
        return _encode(widen(record))


_PLAIN = frozenset({bool, int, float, str, type(None)})
_INT_MAX = 2**63 - 1


def _plain(value: Any) -> Any:
    """Return a decoded value if it is plain, with times as ISO text (any SDK may write them)."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str:
                raise ValueError(f"a key of type {type(key).__name__}")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise ValueError(f"a value of type {type(value).__name__}")


def encode_row(
    shape: int, step: int, time_us: int, runtime_us: int, values: Sequence[Any]
) -> bytes:
    """Return the payload of a row or system sample.

    The values must be plain already; what msgspec itself would convert (bytes, sets) is not refused here,
    but by readers.

    Raises:
        TypeError, ValueError: a value that has no msgpack form: other objects, text with lone
            surrogates, integers of more than 4,300 digits.
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
                if not (type(step) is type(time_us) is type(runtime_us) is int):
                    raise ValueError("step and times must be integers")
                if not (0 <= step <= STEP_MAX and abs(time_us) <= _INT_MAX >= abs(runtime_us)):
                    raise ValueError(f"step {step} or a time is out of range")
                paths = self.shapes[shape]
                if len(values) != len(paths):
                    raise ValueError(f"{len(values)} values for {len(paths)} keys")
                if not _PLAIN.issuperset(map(type, values)):
                    values = [_plain(value) for value in values]
                if kind == Kind.SYSTEM:
                    return System(paths, step, time_us, runtime_us, values)
                return Row(paths, step, time_us, runtime_us, values, kind == Kind.ROW_PART)
            struct = STRUCTS.get(kind)
            if struct is None:
                return None
            record: Record = _decoders[struct](frame.payload)
            if isinstance(record, (Config, Summary, Environment)):
                record = _checked(record)
        except KeyError as error:
            raise CorruptRecord(f"record {frame.seq}: shape {error} was never defined") from error
        except (ValueError, TypeError, RecursionError, msgspec.MsgspecError) as error:
            raise CorruptRecord(f"record {frame.seq} of kind {kind}: {error}") from error
        if isinstance(record, Shape):
            self.shapes[record.shape] = tuple(record.paths)
        return record


def _checked(record: Config | Summary | Environment) -> Record:
    """Return a record that holds trees of values with those made plain."""
    if isinstance(record, Environment):
        return msgspec.structs.replace(record, values=_plain(record.values))
    return msgspec.structs.replace(record, set=_plain(record.set))


def compress(frames: bytes, level: int = 1) -> bytes:
    """Return a request or batch body: one zstd frame with its content size."""
    import zstandard  # 6 ms that `import kiseki` does not need

    return zstandard.ZstdCompressor(level=level).compress(frames)


def decompress(body: bytes, limit: int = BATCH_BYTES_MAX) -> bytes:
    """Return the frames of a body; refuses bodies that would grow beyond `limit` bytes.

    Raises:
        DataError: not zstd, no content size, or too large.
    """
    import zstandard

    try:
        size = zstandard.frame_content_size(body)
        if size < 0:
            raise DataError("the body does not tell its decompressed size")
        if size > limit:
            raise DataError(f"the body decompresses to {size:,} bytes; the limit is {limit:,}")
        return zstandard.ZstdDecompressor().decompress(body, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DataError(f"the body is not zstd: {error}") from error


def frames_of(buffer: bytes) -> Iterator[Frame]:
    """Yield the frames of a batch, which must be intact from end to end.

    Raises:
        CorruptRecord: damage, or a frame cut off at the end.
    """
    # Stops at the first damage without a search behind it, which a hostile body could make long.
    found: tuple[int, Frame] | None = None
    for found in intact(buffer):
        yield found[1]
    end = 0 if found is None else found[0] + HEADER_SIZE + len(found[1].payload)
    if end != len(buffer):
        reason = "ends within a record" if is_torn(buffer, end) else "is damaged"
        raise CorruptRecord(f"the batch {reason}", offset=end)


def encode_state(state: RunState) -> bytes:
    """Return a folded run as msgpack, for stores that keep it with a cursor."""
    return encode_value(state)


def decode_state(data: bytes) -> RunState:
    """Return what `encode_state` took. Fields that an older Kiseki did not write have their default."""
    try:
        return cast(RunState, _decoders[RunState](data))
    except msgspec.ValidationError:
        raw = _decode_any(data)
        # Kiseki 0.1 kept nothing but the policy of a file.
        raw["files"] = {path: {"policy": policy} for path, policy in raw["files"].items()}
        return msgspec.convert(raw, RunState)


def decode_value(data: bytes) -> Any:
    """Return one msgpack value (big integers included)."""
    return _decode_any(data)


def encode_value(value: Any) -> bytes:
    """Return one value as msgpack (big integers included)."""
    try:
        return _encode(value)
    except OverflowError:
        return _encode(widen(value))
