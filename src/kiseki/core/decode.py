"""One request body to what is stored and folded: trimmed, checked, bad records set aside.

A record that cannot be understood leaves its place in the log to a note that says so (`LOST` for the
others of the same body): the log stays gapless, replays to the same fold, and nobody behind meets the
bytes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice

from kiseki.core import limits
from kiseki.core.limits import RECORD_BYTES_MAX
from kiseki.errors import CorruptRecord, DataError, Gap, Invalid, TooLarge
from kiseki.record import codec, frame
from kiseki.record.frame import Frame
from kiseki.record.table import ROWS_MIN, Table, rows_of, tables
from kiseki.record.types import (
    AnyRecord,
    Console,
    Kind,
    Lost,
    Note,
    Open,
    Row,
    Shape,
    System,
)
from kiseki.storage.interface import Line

BODY_BYTES_MAX = 64 * 1024 * 1024
RECORDS_MAX = 1_000_000  # in one body
TABLE_ROWS_MIN = 32  # fewer are folded as fast one by one
SHORTENED = "shortened"  # code of the note that a record was cut

_LOST = codec.encode(Lost())
_ROWS = (Kind.ROW, Kind.ROW_PART, Kind.SYSTEM)
_FOLDED = frozenset({int(Kind.ROW), int(Kind.ROW_PART)})


@dataclass(slots=True)
class Rejection:
    seq: int
    reason: str


@dataclass(slots=True)
class RowGroup:
    """Consecutive rows with the same keys, folded at once."""

    paths: tuple[str, ...]
    rows: list[Row]


@dataclass(slots=True)
class RowTable:
    """Many consecutive rows with the same keys, as columns: folded as they are, never made rows."""

    paths: tuple[str, ...]
    table: Table


@dataclass(slots=True)
class Decoded:
    """The new records of one body.

    `items` are what the fold is given, in order. `shapes` are those first defined here.
    """

    first: int
    count: int = 0
    body: bytes = b""
    rows: int = 0
    step_min: int = 0
    step_max: int = -1
    shapes: dict[int, tuple[str, ...]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    items: list[RowGroup | RowTable | AnyRecord] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    open: Open | None = None


def read_frames(body: bytes) -> tuple[bytes, list[Frame]]:
    """Return the decompressed body and its frames.

    Raises:
        TooLarge, Invalid: not what a body has to be.
    """
    try:
        buffer = codec.decompress(body)
        frames = list(islice(codec.frames_of(buffer), RECORDS_MAX + 1))
        if len(frames) > RECORDS_MAX:
            raise TooLarge(f"more than {RECORDS_MAX:,} records in one body", code="records")
    except CorruptRecord as error:
        raise Invalid(f"{error} (byte {error.offset:,})", code="damaged") from error
    except DataError as error:
        kind = TooLarge if "limit" in str(error) else Invalid
        raise kind(str(error), code="body") from error
    if not frames:
        raise Invalid("the body holds no record", code="body")
    first = frames[0].seq
    if [found.seq for found in frames] != list(range(first, first + len(frames))):
        raise Invalid("the records of a body must be consecutive", code="sequence")
    return buffer, frames


def decode(
    body: bytes,
    buffer: bytes,
    frames: list[Frame],
    expected: int,
    shapes: Mapping[int, tuple[str, ...]],
) -> Decoded:
    """Return what is new in a body.

    Args:
        body, buffer, frames: what was received, decompressed, cut.
        expected: sequence of the first record that is not stored yet.
        shapes: what the stream defined so far.

    Raises:
        Gap: the body begins behind `expected`.
    """
    skip = expected - frames[0].seq
    if skip < 0:
        raise Gap(f"record {expected:,} is expected next", code="gap", next=expected)
    fresh = frames[skip:] if skip else frames
    found = Decoded(first=expected, count=len(fresh))
    if not fresh:
        return found
    decoder = codec.Decoder(dict(shapes))
    _learn(decoder, fresh)
    skipped = sum([frame.HEADER_SIZE + len(item.payload) for item in frames[:skip]])
    at, behind = 0, skipped
    for length, group in groupby([_row_length(item) for item in fresh]):
        items = fresh[at : at + len(list(group))]
        at += len(items)
        begin = behind
        if length < 0:
            behind += sum([frame.HEADER_SIZE + len(item.payload) for item in items])
        else:
            behind += len(items) * (frame.HEADER_SIZE + length)
        if length < 0 or not _take_tables(found, decoder, items, buffer[begin:behind]):
            for item in items:
                _take(found, decoder, item)
    found.shapes = {
        number: paths for number, paths in decoder.shapes.items() if shapes.get(number) != paths
    }
    if found.rejected:
        found.body = codec.compress(_without(fresh, found))
    elif skip:
        found.body = codec.compress(buffer[skipped:])
    else:
        found.body = body
    return found


def _learn(decoder: codec.Decoder, frames: Iterable[Frame]) -> None:
    """Learn the shapes that stand anywhere in the body; a damaged one is met again in its turn."""
    for item in frames:
        if item.kind == Kind.SHAPE:
            try:
                _decode(decoder, item)
            except CorruptRecord:
                continue


def _row_length(item: Frame) -> int:
    """Return the length of a row, -1 for other records: rows of one form are equally long."""
    return len(item[2]) if item[0] in _FOLDED else -1


def _take_tables(found: Decoded, decoder: codec.Decoder, items: list[Frame], buffer: bytes) -> bool:
    """Take a run of rows at once, many times as fast as one by one; False if they are not alike."""
    if len(items) < ROWS_MIN or len(buffer) > RECORD_BYTES_MAX:
        return False
    run = tables(buffer)
    if run is None:
        return False
    shapes = [decoder.shapes.get(table.shape) for table in run]
    if any(p is None or len(p) != len(t.columns) for p, t in zip(shapes, run, strict=True)):
        return False
    for paths, table in zip(shapes, run, strict=True):
        assert paths is not None
        _take_step(found, int(table.steps.min()), 0)
        _take_step(found, int(table.steps.max()), len(table.steps))
        if len(table.steps) >= TABLE_ROWS_MIN:
            found.items.append(RowTable(paths, table))
        else:
            found.items.append(RowGroup(paths, rows_of(table, paths)))
    return True


def _decode(decoder: codec.Decoder, item: Frame) -> tuple[AnyRecord | None, str]:
    """Return a record as it is kept, and what was cut of it. A shape is learned if it is admitted."""
    size, most = len(item.payload), RECORD_BYTES_MAX
    if item.kind in _ROWS:
        most = limits.ROW_BYTES_MAX
    if size > most:
        raise CorruptRecord(f"record {item.seq}: {size:,} bytes; the limit is {most:,}")
    is_shape = item.kind == Kind.SHAPE
    record = (codec.Decoder() if is_shape else decoder).decode(item)
    if record is None:
        return None, ""
    try:
        kept, cut = limits.admit(record)
    except CorruptRecord as error:
        raise CorruptRecord(f"record {item.seq}: {error}") from error
    if isinstance(kept, Shape):
        decoder.shapes[kept.shape] = tuple(kept.paths)
    return kept, cut


def _take(found: Decoded, decoder: codec.Decoder, item: Frame) -> None:
    try:
        record, cut = _decode(decoder, item)
    except CorruptRecord as error:
        found.rejected.append(Rejection(item.seq, str(error)))
        return
    if cut:
        found.items.append(Note(code=SHORTENED, text=cut, count=1))
    if isinstance(record, Row):
        _take_step(found, record.step)
        last = found.items[-1] if found.items else None
        if isinstance(last, RowGroup) and last.paths is record.paths:
            last.rows.append(record)
        else:
            found.items.append(RowGroup(record.paths, [record]))
    elif isinstance(record, System):
        _take_step(found, record.step)
        found.items.append(record)
    elif isinstance(record, Console):
        found.lines.append(
            Line(record.stream, record.line, record.time_us, record.text, record.label)
        )
    elif isinstance(record, Open):
        found.open = found.open or record
        found.items.append(record)
    elif record is not None and not isinstance(record, (Shape, Lost)):
        found.items.append(record)


def _take_step(found: Decoded, step: int, rows: int = 1) -> None:
    if found.step_max < 0:
        found.step_min = found.step_max = step
    elif step > found.step_max:
        found.step_max = step
    elif step < found.step_min:
        found.step_min = step
    found.rows += rows


def _without(frames: list[Frame], found: Decoded) -> bytes:
    """Return the frames with the rejected ones emptied, the first of them turned into a note."""
    rejected = {item.seq for item in found.rejected}
    first = found.rejected[0]
    note = Note(code="rejected", text=first.reason, count=len(rejected))
    found.items.append(note)
    parts = []
    for item in frames:
        kind, payload = item.kind, item.payload
        if item.seq == first.seq:
            kind, payload = int(Kind.NOTE), codec.encode(note)
        elif item.seq in rejected:
            kind, payload = int(Kind.LOST), _LOST
        parts.append(frame.pack(kind, item.seq, payload))
    return b"".join(parts)
