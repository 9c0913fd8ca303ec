"""From batches to column chunks, in bounded memory and short transactions.

    read a piece of a segment's log (own snapshot) ─► decode, join, encode (no lock) ─► write

A piece is some 4,096 rows, or fewer if they are wide. Its column chunks are written under the id of a row
chunk that does not exist yet and stands in `stale`; the last transaction makes the row chunk, deletes the
batches and takes the id out of `stale`, so readers see one or the other. A short piece takes the short row
chunks before it in, and is written together with them: each row is rewritten a few times at most (as in
a binary counter).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from kiseki.storage.embedded.blocks import RowChunk, Snapshot, StoredBatch
from kiseki.storage.embedded.cache import Cache
from kiseki.storage.embedded.chunks import (
    Clock,
    Packed,
    pack_clock,
    pack_column,
    pack_kinds,
    pack_layouts,
)
from kiseki.storage.embedded.columns import Bytes, Column, Rows, joined, positions, tally_of
from kiseki.storage.embedded.history_file import HistoryFile
from kiseki.storage.embedded.packing import pack_ints
from kiseki.storage.interface import Ints

CHUNK_ROWS = 4096
PIECE_BYTES = 16 * 1024 * 1024  # of decompressed records compacted at a time
WAITING_BATCHES = 128  # of one segment: so many small ones are slow to read
WAITING_BYTES = 64 * 1024 * 1024  # of one project, before segments are compacted early
WRITE_BYTES = 2 * 1024 * 1024  # of one transaction
WRITE_COLUMNS = 512
MERGE_MAX = 12  # row chunks taken in at a time
# So few rows of so many bytes are smaller as batches than as thousands of columns of a few values each.
SHORT_ROWS = 16
WIDE_ROW_BYTES = 4096
VACUUM_PAGES = 256  # at once: readers and appends get their turn in between
VACUUM_PAGES_MIN = 32


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One batch of a piece, without its body."""

    batch: StoredBatch
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class _Block:
    """The joined rows of a piece; key paths are ids now."""

    arrivals: Ints
    steps: Ints
    clock: Clock
    kinds: Bytes
    layouts: list[tuple[int, ...]]
    layout: npt.NDArray[np.int32]

    def cut(self, start: int, stop: int) -> _Block:
        used = self.layout
        layouts = self.layouts
        if len(used) > 1:
            numbers, places = np.unique(used[start:stop], return_inverse=True)
            layouts = [layouts[number] for number in numbers.tolist()]
            used = places.astype(np.int32).reshape(-1)
            if len(layouts) == 1:
                used = used[:1]
        return _Block(
            self.arrivals[start:stop],
            self.steps[start:stop],
            Clock(self.clock.times[start:stop], self.clock.runtimes[start:stop]),
            self.kinds if len(self.kinds) == 1 else self.kinds[start:stop],
            layouts,
            used,
        )

    def rows_with(self, key: int) -> Ints | None:
        holds = np.array([key in keys for keys in self.layouts], np.bool_)
        return positions(self.layout, holds, len(self.steps))


class Compactor:
    """Compacts one history file; at most one per file at a time (`HistoryFile.maintenance`)."""

    def __init__(self, file: HistoryFile, cache: Cache, applied: Mapping[str, int]) -> None:
        self._file = file
        self._cache = cache
        self._applied = applied

    def run(self, idle: bool) -> int:
        """Compact what is due, everything if `idle`; return the number of batches that are gone."""
        with self._file.maintenance:
            if not self._file.is_clean:
                clean(self._file)
                self._file.is_clean = True
            gone = sum(self._segment(segment, idle) for segment in self._due(idle))
            if gone:
                clean(self._file)
            if idle or not gone:
                self._give_back(idle)
            return gone

    def _due(self, idle: bool) -> list[int]:
        with self._file.read() as db:
            waiting = db.execute(
                "SELECT segment, count(*), sum(rows), sum(size) FROM batch GROUP BY segment"
                " ORDER BY min(id)"
            ).fetchall()
        if idle:
            return [segment for segment, *_ in waiting]
        due = {
            segment
            for segment, batches, rows, size in waiting
            if rows >= CHUNK_ROWS or size >= PIECE_BYTES or batches >= WAITING_BATCHES
        }
        rest = sum(size for segment, _, _, size in waiting if segment not in due)
        for segment, _, _, size in sorted(waiting, key=lambda row: -int(row[3])):
            if rest <= WAITING_BYTES:
                break
            if segment not in due:
                due.add(segment)
                rest -= size
        return [segment for segment, *_ in waiting if segment in due]

    def _segment(self, segment: int, idle: bool) -> int:
        gone, begun = 0, False
        while True:
            done = self._piece(segment, idle, full=begun and not idle)
            gone += done
            if not done:
                return gone
            begun = True

    def _piece(self, segment: int, idle: bool, full: bool) -> int:
        """Compact the oldest batches of a segment, up to one piece (or, if `full`, not less)."""
        with self._file.read() as db:
            piece: list[_Waiting] = []
            rows = size = 0
            is_full = False
            for waiting in self._ready(db, segment):
                is_full = rows >= CHUNK_ROWS or (bool(piece) and size + waiting.size > PIECE_BYTES)
                if is_full:
                    break
                piece.append(waiting)
                rows += waiting.rows
                size += waiting.size
            if not piece or (full and not is_full):
                return 0
            if idle and rows < SHORT_ROWS and size > rows * WIDE_ROW_BYTES > 0:
                return 0
            snapshot = Snapshot(db, self._cache, self._file)
            rows_ = snapshot.joined_rows([waiting.batch for waiting in piece if waiting.rows])
            decoded = [part for part in rows_ if len(part.steps)]
            if not decoded:
                self._finish(segment, piece, [], [], [], [], [], [])
                return len(piece)
            older = self._older(snapshot, segment, sum(len(part.steps) for part in decoded))
            self._write(snapshot, segment, piece, older, decoded)
            return len(piece)

    def _ready(self, db: sqlite3.Connection, segment: int) -> Iterator[_Waiting]:
        """Yield the batches of a segment that may go, oldest first.

        What is left of a stream must have no gap, so a batch stays as long as an earlier one of its
        stream waits in another segment.
        """
        ends: dict[int, int] = {}
        for id, stream, name, first, count, arrival, low, high, rows, size in db.execute(
            "SELECT b.id, b.stream, s.name, b.first, b.count, b.arrival, b.step_min, b.step_max,"
            " b.rows, b.size FROM batch b JOIN stream s ON s.id=b.stream"
            " WHERE b.segment=? ORDER BY b.arrival",
            (segment,),
        ):
            if self._applied.get(name, 0) < first + count:
                return
            behind = ends.get(stream, 0)
            if behind != first and _waits(db, stream, behind, first):
                return
            ends[stream] = first + count
            yield _Waiting(StoredBatch(id, segment, stream, first, arrival, low, high), rows, size)

    @staticmethod
    def _older(snapshot: Snapshot, segment: int, rows: int) -> list[RowChunk]:
        """Return the row chunks before a piece of so many rows that are written anew with it."""
        taken: list[RowChunk] = []
        for chunk in reversed(snapshot.row_chunks([segment])):
            if chunk.count > rows or chunk.count + rows > CHUNK_ROWS or len(taken) == MERGE_MAX:
                break
            taken.append(chunk)
            rows += chunk.count
        taken.reverse()
        return taken

    def _write(
        self,
        snapshot: Snapshot,
        segment: int,
        piece: Sequence[_Waiting],
        older: Sequence[RowChunk],
        decoded: Sequence[Rows],
    ) -> None:
        keys = self._keys(snapshot, decoded)
        block = self._join(snapshot, older, decoded, keys)
        n = len(block.steps)
        parts = max(1, round(n / CHUNK_ROWS))
        cuts = [n * part // parts for part in range(parts + 1)]
        blocks = [block.cut(a, b) if parts > 1 else block for a, b in pairwise(cuts)]
        ascending = [bool((np.diff(part.steps) > 0).all()) for part in blocks]
        ids: list[int] = []
        packed: list[tuple[int, int, Packed]] = []  # part, key, column chunk
        size = 0
        for key, column in self._columns(snapshot, older, decoded, keys):
            held = block.rows_with(key)
            bounds = cuts if held is None else np.searchsorted(held, cuts).tolist()
            for part, (a, b) in enumerate(pairwise(bounds)):
                if a < b:
                    cut = column.cut(a, b) if parts > 1 else column
                    packed.append((part, key, pack_column(cut, ascending[part])))
                    size += packed[-1][2].nbytes
            if size > WRITE_BYTES or len(packed) >= WRITE_COLUMNS:
                with self._file.write(durable=False) as db:
                    ids = ids or _new_ids(db, parts)
                    _insert_columns(db, ids, packed)
                packed, size = [], 0
        self._finish(
            segment, piece, blocks, ascending, ids, packed, _series(decoded, keys),
            [chunk.id for chunk in older],
        )  # fmt: skip

    def _keys(self, snapshot: Snapshot, decoded: Sequence[Rows]) -> dict[str, int]:
        """Return the ids of all key paths in rows; unknown ones get theirs now."""
        paths = dict.fromkeys(path for rows in decoded for own in rows.layouts for path in own)
        keys = snapshot.keys(paths)
        missing = [path for path in paths if path not in keys]
        if missing:
            with self._file.write(durable=False) as db:
                for path in missing:
                    # Since the snapshot was taken nobody else has: this is the only compactor.
                    keys[path] = _inserted(db, "INSERT INTO key (path) VALUES (?)", path)
        return keys

    @staticmethod
    def _join(
        snapshot: Snapshot,
        older: Sequence[RowChunk],
        decoded: Sequence[Rows],
        keys: Mapping[str, int],
    ) -> _Block:
        axes, clocks = snapshot.axes(older), snapshot.clocks(older)
        layouts: dict[tuple[int, ...], int] = {}
        layout: list[npt.NDArray[np.int32]] = []
        arrivals: list[Ints] = []
        kinds: list[Bytes] = []

        def add(own: Sequence[tuple[int, ...]], used: npt.NDArray[np.int32], n: int) -> None:
            numbers = [layouts.setdefault(ids, len(layouts)) for ids in own]
            layout.append(np.broadcast_to(np.array(numbers, np.int32)[used], n))

        for chunk in older:
            arrived, kind = snapshot.arrivals(chunk)
            arrivals.append(arrived)
            kinds.append(np.broadcast_to(kind, chunk.count))
            add(axes[chunk.id].layouts(), axes[chunk.id].layout, chunk.count)
        for rows in decoded:
            n = len(rows.steps)
            arrivals.append(rows.arrivals)
            kinds.append(np.broadcast_to(rows.kinds, n))
            own = [tuple(keys[path] for path in paths) for paths in rows.layouts]
            add(own, rows.layout, n)
        kind = np.concatenate(kinds)
        return _Block(
            np.concatenate(arrivals),
            np.concatenate([*(axes[c.id].steps for c in older), *(r.steps for r in decoded)]),
            Clock(
                np.concatenate([*(clocks[c.id].times for c in older), *(r.times for r in decoded)]),
                np.concatenate([
                    *(clocks[c.id].runtimes for c in older), *(r.runtimes for r in decoded)
                ]),
            ),
            kind[:1] if (kind == kind[0]).all() else kind,
            list(layouts),
            np.concatenate(layout) if len(layouts) > 1 else np.zeros(1, np.int32),
        )  # fmt: skip

    @staticmethod
    def _columns(
        snapshot: Snapshot,
        older: Sequence[RowChunk],
        decoded: Sequence[Rows],
        keys: Mapping[str, int],
    ) -> Iterator[tuple[int, Column]]:
        """Yield the joined values of every key, a few keys in memory at a time."""
        paths = {id: path for path, id in keys.items()}
        axes = snapshot.axes(older)
        every = list(dict.fromkeys([k for c in older for k in axes[c.id].keys.tolist()] + [*paths]))
        for start in range(0, len(every), WRITE_COLUMNS):
            some = every[start : start + WRITE_COLUMNS]
            before = [snapshot.columns(chunk, some) for chunk in older]
            for key in some:
                parts = [columns[key] for columns in before if key in columns]
                path = paths.get(key)
                if path is not None:
                    parts += [rows.columns[path] for rows in decoded if path in rows.columns]
                yield key, joined(parts)

    def _finish(
        self,
        segment: int,
        piece: Sequence[_Waiting],
        blocks: Sequence[_Block],
        ascending: Sequence[bool],
        ids: Sequence[int],
        packed: Sequence[tuple[int, int, Packed]],
        stats: Sequence[tuple[int, int, int, int, int, int]],
        replaced: Sequence[int],
    ) -> None:
        """Exchange batches (and the row chunks they were joined with) for row chunks, all at once."""
        with self._file.write(durable=False) as db:
            ids = ids or _new_ids(db, len(blocks))
            _insert_columns(db, ids, packed)
            db.executemany("DELETE FROM row_chunk WHERE id=?", [(id,) for id in replaced])
            db.executemany("INSERT INTO stale VALUES (?)", [(id,) for id in replaced])
            rows = [
                _row_chunk(id, segment, block, rises)
                for id, block, rises in zip(ids, blocks, ascending, strict=True)
            ]
            db.executemany(f"INSERT INTO row_chunk VALUES ({','.join('?' * 13)})", rows)
            db.executemany("DELETE FROM stale WHERE id=?", [(id,) for id in ids])
            db.executemany("DELETE FROM batch WHERE id=?", [(w.batch.id,) for w in piece])
            known = {
                key for (key,) in db.execute("SELECT key FROM series WHERE segment=?", (segment,))
            }  # fmt: skip
            fresh = [key for key, *_ in stats if key not in known]
            places = {key: place for place, key in enumerate(fresh, len(known))}
            db.executemany(
                "INSERT INTO series VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (segment, key) DO UPDATE"
                " SET numbers=numbers+excluded.numbers, texts=texts+excluded.texts,"
                " others=others+excluded.others, step_min=min(step_min, excluded.step_min),"
                " step_max=max(step_max, excluded.step_max)",
                [(segment, key, places.get(key, 0), *counted) for key, *counted in stats],
            )

    def _give_back(self, idle: bool) -> None:
        """Give unused space back to the file system; a little stays for the batches to come."""
        free, pages = self._file.free_pages()
        worth = pages // (32 if idle else 8)
        while free > max(VACUUM_PAGES_MIN, worth):
            self._file.vacuum(VACUUM_PAGES)
            free, pages = self._file.free_pages()
        self._file.trim_log()


def _waits(db: sqlite3.Connection, stream: int, lo: int, hi: int) -> bool:
    """Return whether batches of a stream with `lo <= first < hi` are stored."""
    sql = "SELECT 1 FROM batch WHERE stream=? AND first>=? AND first<? LIMIT 1"
    return db.execute(sql, (stream, lo, hi)).fetchone() is not None


def _inserted(db: sqlite3.Connection, sql: str, *values: object) -> int:
    id = db.execute(sql, values).lastrowid
    assert id is not None
    return id


def _new_ids(db: sqlite3.Connection, count: int) -> list[int]:
    """Return ids for row chunks to be, which stand in `stale` until they are."""
    return [_inserted(db, "INSERT INTO stale DEFAULT VALUES") for _ in range(count)]


def clean(file: HistoryFile) -> None:
    """Delete the column chunks of row chunks that are no more (or never came to be)."""
    while True:
        with file.write(durable=False) as db:
            ids = db.execute("SELECT id FROM stale LIMIT 64").fetchall()
            room = WRITE_COLUMNS
            for id in ids:
                sql = "SELECT key, data FROM chunk WHERE rows=? LIMIT ?"
                found = db.execute(sql, (*id, room)).fetchall()
                db.executemany("DELETE FROM chunk_data WHERE id=?", [(data,) for _, data in found])
                db.executemany(
                    "DELETE FROM chunk WHERE rows=? AND key=?", [(*id, key) for key, _ in found]
                )
                room -= len(found)
                if not room:
                    break
                db.execute("DELETE FROM stale WHERE id=?", id)
        if not ids:
            return


def drop_segments(file: HistoryFile, segments: Sequence[int], streams: Sequence[str] = ()) -> None:
    """Delete what a file holds of segments: out of sight at once, the column chunks bit by bit."""
    with file.maintenance:
        with file.write() as db:
            for segment in segments:
                sql = "INSERT INTO stale SELECT id FROM row_chunk WHERE segment=?"
                db.execute(sql, (segment,))
                for table in ("row_chunk", "batch", "line", "line_update", "series"):
                    db.execute(f"DELETE FROM {table} WHERE segment=?", (segment,))
                db.execute("DELETE FROM segment WHERE id=?", (segment,))
            for name in streams:
                of_stream = "stream=(SELECT id FROM stream WHERE name=?)"
                db.execute(f"DELETE FROM shape WHERE {of_stream}", (name,))
                db.execute("DELETE FROM stream WHERE name=?", (name,))
            if (
                streams
            ):  # their numbers may be given again: what was decoded of them is not theirs then
                db.execute("UPDATE identity SET id=random()")
            file.memo.clear()
        clean(file)


def _insert_columns(
    db: sqlite3.Connection, ids: Sequence[int], packed: Sequence[tuple[int, int, Packed]]
) -> None:
    """Store column chunks, each told by the place of its row chunk in `ids`."""
    for part, key, chunk in packed:
        data = _inserted(
            db,
            "INSERT INTO chunk_data (level, numbers, objects) VALUES (?,?,?)",
            chunk.level, chunk.numbers, chunk.objects,
        )  # fmt: skip
        db.execute(
            "INSERT INTO chunk VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (ids[part], key, data, *chunk.stats),
        )


def _row_chunk(id: int, segment: int, part: _Block, ascending: bool) -> tuple[object, ...]:
    times, runtimes = pack_clock(part.clock)
    return (
        id, segment, int(part.arrivals[0]), len(part.steps),
        int(part.steps.min()), int(part.steps.max()), ascending,
        pack_ints(part.steps), pack_layouts(part.layouts, part.layout),
        times, runtimes, pack_ints(part.arrivals), pack_kinds(part.kinds),
    )  # fmt: skip


def _series(
    decoded: Sequence[Rows], keys: Mapping[str, int]
) -> list[tuple[int, int, int, int, int, int]]:
    """Return for every key, in the order they appeared: id, numbers, texts, others, first and last step."""
    found: dict[str, list[int]] = {}
    for rows in decoded:
        for path, (numbers, texts, others, low, high) in tally(rows).items():
            known = found.setdefault(path, [0, 0, 0, low, high])
            known[0] += numbers
            known[1] += texts
            known[2] += others
            known[3] = min(known[3], low)
            known[4] = max(known[4], high)
    return [(keys[path], *counted) for path, counted in found.items()]  # type: ignore[misc]


def tally(rows: Rows) -> dict[str, tuple[int, int, int, int, int]]:
    """Return for every key, in the order they appear: numbers, texts, others, first and last step."""
    n = len(rows.steps)
    if not n:
        return {}
    whole = (int(rows.steps.min()), int(rows.steps.max()))
    found: dict[str, tuple[int, int, int, int, int]] = {}
    for path in dict.fromkeys(path for layout in rows.layouts for path in layout):
        steps = whole
        if len(rows.layouts) > 1:
            holds = np.array([path in layout for layout in rows.layouts], np.bool_)
            at = positions(rows.layout, holds, n)
            if at is not None:
                steps = (int(rows.steps[at].min()), int(rows.steps[at].max()))
        found[path] = (*tally_of(rows, path), *steps)
    return found
