"""One journal on its way to the server: bodies out, receipts in. No sockets here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kiseki.base.clock import wall_us
from kiseki.errors import CorruptRecord
from kiseki.journal.reader import read_journal
from kiseki.journal.tail import Chunk, Hole, JournalTail
from kiseki.record.codec import Decoder, encode
from kiseki.record.frame import Damage, Frame, pack, scan
from kiseki.record.types import Kind, Lost, Note, Open

if TYPE_CHECKING:
    from kiseki.uploader.behind import Mover

BODY_BYTES_MAX = 1024 * 1024  # of frames, before compression
FILL_RECORDS_MAX = 20_000  # stand-ins for lost records in one body


@dataclass(frozen=True, slots=True)
class Body:
    """Consecutive records `first … behind - 1` to be sent together.

    `end` is the file offset behind them, None where that is not known.
    """

    data: bytes
    first: int
    behind: int
    end: int | None
    kinds: frozenset[int] = frozenset()


@dataclass(slots=True)
class Feed:
    """Position of one journal file at the server."""

    path: Path
    stream: str
    tail: JournalTail
    acked: int = 0
    acked_offset: int = 0
    rejected: int = 0
    lost: int = 0
    is_finished: bool = False  # a Finish or End was read
    retry_at: float = 0.0  # of this stream alone: the server does not want it now
    on_files: Callable[[bytes], None] | None = None  # given each chunk that names files, once
    mover: Mover | None = None  # of a run whose steps were not known when it was recorded
    _waiting: list[Body] = field(default_factory=list)

    @property
    def is_uploader(self) -> bool:
        """Whether this is an uploader's stream rather than a writer's."""
        return self.path.name.startswith("uploader-")

    def next_body(self) -> Body | None:
        """Return the records to be sent now; the same ones until `accept`, `split` or `set_aside`."""
        if not self._waiting:
            found = self.tail.read(BODY_BYTES_MAX)
            if isinstance(found, Chunk):
                data = found.data if self.mover is None else self.mover.moved(found.data)
                self._waiting.append(Body(data, found.first, found.behind, found.end, found.kinds))
                if found.kinds & {Kind.FINISH, Kind.END}:
                    self.is_finished = True
                if Kind.FILE in found.kinds and self.on_files is not None:
                    self.on_files(found.data)
            elif isinstance(found, Hole):
                self._waiting.append(self._fill(found))
        return self._waiting[-1] if self._waiting else None

    def has_backlog(self) -> bool:
        """Return whether something is on its way or stands in the file behind what was read."""
        return bool(self._waiting) or self.tail.size() > self.tail.offset

    def unread_bytes(self) -> int:
        """Return how many bytes of the file were not read yet."""
        return max(0, self.tail.size() - self.tail.offset)

    def _fill(self, hole: Hole) -> Body:
        """Return stand-ins for records that are not in the file, so that the stream can go on."""
        behind = min(hole.behind, hole.first + FILL_RECORDS_MAX)
        damage = self.tail.damage[-1] if self.tail.damage else None
        where = f" (bytes {damage.start:,} to {damage.end:,})" if damage else ""
        count = behind - hole.first
        note = Note(
            code="damaged",
            text=f"{count:,} records could not be read from {self.path.name}{where}",
            count=count,
            time_us=wall_us(),
        )
        data = pack(Kind.NOTE, hole.first, encode(note))
        empty = encode(Lost())
        data += b"".join(pack(Kind.LOST, seq, empty) for seq in range(hole.first + 1, behind))
        self.tail.skip_hole(Hole(hole.first, behind))
        self.lost += count
        return Body(data, hole.first, behind, None)

    def accept(self, expected: int) -> bool:
        """Take the sequence number the server expects next; return whether that is progress."""
        body = self._waiting[-1] if self._waiting else None
        moved = expected > self.acked
        self.acked = expected
        if body is not None and expected == body.behind:
            self._waiting.pop()
            if body.end is not None and not self._waiting:
                self.acked_offset = body.end
            return moved
        if body is not None and expected > body.behind:  # somebody else sends this journal too
            self._waiting.clear()
            self.tail.next_seq = max(self.tail.next_seq, expected)
            if expected < self.tail.next_seq:
                self.tail.rewind(expected)
            return moved
        if expected < self.tail.next_seq:  # the server took a part, or forgot what it had
            self._waiting.clear()
            self.tail.rewind(expected)
            self.acked_offset = 0
        elif expected > self.tail.next_seq:
            self.tail.next_seq = expected
        return moved

    def split(self) -> bool:
        """Halve the body that was refused; return False for a single record, which cannot be."""
        body = self._waiting[-1]
        if body.behind - body.first < 2:
            return False
        frames = list(scan(body.data))
        half = len(frames) // 2
        at, middle = frames[half]
        assert isinstance(middle, Frame)
        self._waiting[-1:] = [
            Body(body.data[at:], middle.seq, body.behind, body.end, _kinds(frames[half:])),
            Body(body.data[:at], body.first, middle.seq, None, _kinds(frames[:half])),
        ]
        return True

    def set_aside(self, reason: str) -> None:
        """Put the single record the server refuses into the file `rejected`; a note takes its place.

        Raises:
            OSError: the file cannot be written; the record stays where it is then.
        """
        body = self._waiting[-1]
        ((_, frame),) = scan(body.data)
        assert isinstance(frame, Frame)
        write_rejected(self.path.parent, self.stream, frame, reason)
        note = Note(code="rejected", text=reason[:2000], count=1, time_us=wall_us())
        data = pack(Kind.NOTE, frame.seq, encode(note))
        self._waiting[-1] = Body(data, body.first, body.behind, body.end)
        self.rejected += 1

    def pending(self) -> int:
        """Return how many records stand in the file that the server has not acknowledged."""
        with self.tail.again(self.acked_offset, self.acked) as rest:
            count = 0
            while (found := rest.read(BODY_BYTES_MAX)) is not None:
                count += found.behind - found.first
                if isinstance(found, Hole):
                    rest.skip_hole(found)
                elif found.kinds & {Kind.FINISH, Kind.END}:
                    self.is_finished = True
        return count

    def close(self) -> None:
        """Close the file."""
        self.tail.close()


def _kinds(frames: list[tuple[int, Frame | Damage]]) -> frozenset[int]:
    return frozenset(found.kind for _, found in frames if isinstance(found, Frame))


def open_feed(path: Path, seq: int = 0, offset: int = 0, is_live: bool = True) -> Feed:
    """Return the feed of a journal file, at a position known from earlier.

    Raises:
        OSError: the file cannot be read.
        CorruptRecord: neither its header nor an `Open` says which stream this is.
    """
    with read_journal(path) as journal:
        stream = journal.header.stream if journal.header is not None else ""
        if not stream:
            found = first_open(path)
            stream = found.stream if found is not None else ""
    if not stream:
        raise CorruptRecord(f"{path}: the stream of this journal cannot be told", path=str(path))
    tail = JournalTail(path, offset, seq, is_live)
    return Feed(path, stream, tail, acked=seq, acked_offset=offset)


def first_open(path: Path, records_max: int = 2000) -> Open | None:
    """Return the first readable `Open` among the first records of a journal, None if there is none."""
    decoder = Decoder()
    with read_journal(path) as journal:
        for count, frame in enumerate(journal):
            if count >= records_max:
                break
            if frame.kind == Kind.OPEN:
                try:
                    record = decoder.decode(frame)
                except CorruptRecord:
                    continue
                if isinstance(record, Open):
                    return record
    return None


def write_rejected(folder: Path, stream: str, frame: Frame, reason: str) -> None:
    """Append one refused record to `rejected.jsonl`: what it was, why, and all of its bytes."""
    line = {
        "stream": stream,
        "seq": frame.seq,
        "kind": frame.kind,
        "reason": reason,
        "time_us": wall_us(),
        "payload": frame.payload.hex(),
    }
    with (folder / "rejected.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
