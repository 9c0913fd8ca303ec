"""The log half of the history file: batches in, exactly once, with what must be found without decoding."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import zstandard

from kiseki.errors import Gap
from kiseki.storage.embedded.history_file import HistoryFile
from kiseki.storage.interface import UPDATES_MAX, Batch, Line

encode_paths = msgspec.msgpack.Encoder().encode
decode_paths = msgspec.msgpack.Decoder(tuple[str, ...]).decode


@dataclass(slots=True)
class _Stream:
    id: int
    next: int


@dataclass(slots=True)
class _Segment:
    records: int  # the arrival of its next record
    rows: int
    lines: int


class _Memo:
    """Counters of streams and segments, read once and then kept in step by the only writer."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._streams: dict[str, _Stream] = {}
        self._segments: dict[int, _Segment] = {}

    def stream(self, name: str) -> _Stream | None:
        found = self._streams.get(name)
        if found is None:
            row = self._db.execute("SELECT id, next FROM stream WHERE name=?", (name,)).fetchone()
            if row is not None:
                found = self._streams[name] = _Stream(*row)
        return found

    def new_stream(self, name: str) -> _Stream:
        cursor = self._db.execute("INSERT INTO stream (name, next) VALUES (?, 0)", (name,))
        assert cursor.lastrowid is not None
        self._streams[name] = _Stream(cursor.lastrowid, 0)
        return self._streams[name]

    def segment(self, id: int) -> _Segment:
        found = self._segments.get(id)
        if found is None:
            sql = "SELECT records, rows, lines FROM segment WHERE id=?"
            found = _Segment(*(self._db.execute(sql, (id,)).fetchone() or (0, 0, 0)))
            self._segments[id] = found
        return found


def append(file: HistoryFile, batches: Sequence[Batch]) -> None:
    """Commit batches in one transaction; see `SeriesStore.append`."""
    with file.write() as db:
        memo = file.memo.get("append")
        if not isinstance(memo, _Memo):
            memo = file.memo["append"] = _Memo(db)
        rows = []
        shapes = []
        streams: dict[int, int] = {}
        segments: set[int] = set()
        for batch in batches:
            stream = memo.stream(batch.stream)
            expected = stream.next if stream is not None else 0
            if batch.first != expected:
                raise Gap(
                    f"stream {batch.stream} goes on at {expected}, not at {batch.first}",
                    next=expected,
                    stream=batch.stream,
                )
            stream = stream or memo.new_stream(batch.stream)
            segment = memo.segment(batch.segment)
            rows.append((
                stream.id, batch.first, batch.count, batch.segment, segment.records, batch.rows,
                batch.step_min, batch.step_max, batch.received_us,
                zstandard.frame_content_size(batch.body), batch.body,
            ))  # fmt: skip
            stream.next += batch.count
            segment.records += batch.count
            segment.rows += batch.rows
            streams[stream.id] = stream.next
            segments.add(batch.segment)
            shapes += [(stream.id, n, encode_paths(paths)) for n, paths in batch.shapes.items()]
            if batch.lines:
                _put_lines(db, batch.segment, stream.id, segment, batch.lines)
        db.executemany(
            "INSERT INTO batch (stream, first, count, segment, arrival, rows,"
            " step_min, step_max, received_us, size, body) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            rows,
        )
        db.executemany("INSERT OR IGNORE INTO shape VALUES (?,?,?)", shapes)
        db.executemany(
            "UPDATE stream SET next=? WHERE id=?", [(next_, id) for id, next_ in streams.items()]
        )
        db.executemany(
            "INSERT OR REPLACE INTO segment VALUES (?,?,?,?)",
            [(id, s.records, s.rows, s.lines) for id in segments if (s := memo.segment(id))],
        )


def _put_lines(
    db: sqlite3.Connection, segment: int, writer: int, counters: _Segment, lines: Sequence[Line]
) -> None:
    for line in lines:
        key = (segment, writer, line.label, line.stream, line.number)
        known = db.execute(
            "SELECT place, updates, time_us, text FROM line"
            " WHERE segment=? AND writer=? AND label=? AND stream=? AND number=?",
            key,
        ).fetchone()
        if known is None:
            db.execute(
                "INSERT INTO line (segment, writer, label, stream, number, place, time_us, text)"
                " VALUES (?,?,?,?,?,?,?,?)",
                (*key, counters.lines, line.time_us, line.text),
            )
            counters.lines += 1
            continue
        place, updates, time_us, text = known
        if not line.text.startswith(text):  # else it was only written in pieces
            db.execute(  # the oldest makes room
                "INSERT OR REPLACE INTO line_update VALUES (?,?,?,?,?)",
                (segment, place, updates % UPDATES_MAX, time_us, text),
            )
            updates += 1
        db.execute(
            "UPDATE line SET time_us=?, text=?, updates=? WHERE segment=? AND place=?",
            (line.time_us, line.text, updates, segment, place),
        )


def cursor(db: sqlite3.Connection, stream: str) -> int:
    """Return the next sequence of a stream, 0 for an unknown one."""
    row = db.execute("SELECT next FROM stream WHERE name=?", (stream,)).fetchone()
    return int(row[0]) if row else 0


def shapes(db: sqlite3.Connection, stream: str) -> dict[int, tuple[str, ...]]:
    """Return every shape a stream has defined."""
    sql = "SELECT shape, paths FROM shape JOIN stream ON stream=id WHERE name=?"
    return {shape: decode_paths(paths) for shape, paths in db.execute(sql, (stream,))}


def batches(db: sqlite3.Connection, stream: str, first: int) -> Iterator[Batch]:
    """Yield the stored batches of a stream that end behind `first`, one body in memory at a time.

    Shapes and lines are not repeated: they are stored beside the batches, and in their records.
    """
    sql = (
        "SELECT segment, first, count, body, rows, step_min, step_max, received_us"
        " FROM batch WHERE stream=(SELECT id FROM stream WHERE name=?) AND first+count>?"
        " ORDER BY first"
    )
    for segment, start, count, body, rows, low, high, received in db.execute(sql, (stream, first)):
        yield Batch(stream, segment, start, count, body, rows, low, high, received)


def lines(
    db: sqlite3.Connection,
    segment: int,
    *,
    stream: str | None,
    label: str | None,
    after: int,
    before: int | None,
    until_us: int | None,
    limit: int,
    tail: bool,
    search: str | None,
) -> tuple[list[tuple[int, Line]], int]:
    """Return console lines and how many match; see `SeriesStore.lines`."""
    where, given = "segment=?", [segment]
    arguments: list[int | str] = list(given)
    if stream is not None:
        where += " AND stream=?"
        arguments.append(stream)
    if label is not None:
        where += " AND label=?"
        arguments.append(label)
    if search is not None:
        where += " AND holds(text, ?)"
        arguments.append(search.casefold())
    total = db.execute(f"SELECT count(*) FROM line WHERE {where}", arguments).fetchone()[0]
    order = "DESC" if tail else "ASC"
    where += " AND place>?"
    arguments.append(after)
    if before is not None:
        where += " AND place<?"
        arguments.append(before)
    if until_us is not None:
        where += " AND time_us<=?"
        arguments.append(until_us)
    found = db.execute(
        f"SELECT place, stream, number, time_us, text, label, updates FROM line WHERE {where}"
        f" ORDER BY place {order} LIMIT ?",
        [*arguments, max(0, limit)],
    ).fetchall()
    if tail:
        found.reverse()
    return [(place, Line(*line)) for place, *line in found], total


def updates(db: sqlite3.Connection, segment: int, index: int) -> list[tuple[int, str]]:
    """Return what a line said before, oldest first; see `SeriesStore.updates`."""
    line = db.execute(
        "SELECT updates FROM line WHERE segment=? AND place=?", (segment, index)
    ).fetchone()
    if line is None or not line[0]:
        return []
    found = {
        number: (time_us, text)
        for number, time_us, text in db.execute(
            "SELECT number, time_us, text FROM line_update WHERE segment=? AND place=?",
            (segment, index),
        )
    }
    first = max(0, line[0] - UPDATES_MAX)
    return [found[n % UPDATES_MAX] for n in range(first, line[0]) if n % UPDATES_MAX in found]
