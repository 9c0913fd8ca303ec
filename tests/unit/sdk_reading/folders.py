"""Run folders made by hand, record by record."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from kiseki.journal.writer import JournalWriter
from kiseki.record import codec
from kiseki.record.types import Kind, Open, Record, Row, Shape, System

WRITER, UPLOADER, CHILD = "a" * 32, "b" * 32, "c" * 32
OPEN = Open(
    stream=WRITER,
    run="3f9a0c1x",
    project="digits",
    entity="ada",
    started_us=1_000_000,
    name="quiet-river-12",
    notes="why",
    tags=["baseline"],
    group="g",
    job_type="train",
    sweep_id="s",
    host=socket.gethostname(),
    pid=os.getpid(),
    process_started_us=int(psutil.Process().create_time() * 1e6),
    program="train.py",
)


def log(step: int, *, is_part: bool = False, **values: Any) -> Row:
    return Row(tuple(values), step, step * 1_000_000, step, list(values.values()), is_part)


def sample(step: int, time_us: int, **values: Any) -> System:
    return System(tuple(values), step, time_us, 0, list(values.values()))


class Journal:
    """Writes records; a shape goes in front of the first row that needs it (or to the end: `late`)."""

    def __init__(self, path: Path, stream: str = WRITER, *, late_shapes: bool = False) -> None:
        self.path = path
        self.writer = JournalWriter(path, stream)
        self.late = late_shapes
        self.shapes: dict[tuple[str, ...], int] = {}

    def write(self, *records: Record | Row | System) -> Journal:
        for record in records:
            if isinstance(record, Record):
                self.writer.append(record.kind, codec.encode(record))
            else:
                self._write_row(record)
        return self

    def _write_row(self, row: Row | System) -> None:
        shape = self.shapes.get(row.paths)
        if shape is None:
            shape = self.shapes[row.paths] = len(self.shapes)
            if not self.late:
                self._announce(shape, row.paths)
        kind = Kind.SYSTEM
        if isinstance(row, Row):
            kind = Kind.ROW_PART if row.is_part else Kind.ROW
        payload = codec.encode_row(shape, row.step, row.time_us, row.runtime_us, row.values)
        self.writer.append(kind, payload)

    def _announce(self, shape: int, paths: Iterable[str]) -> None:
        self.writer.append(Kind.SHAPE, codec.encode(Shape(shape=shape, paths=list(paths))))

    def close(self) -> Path:
        if self.late:
            for paths, shape in self.shapes.items():
                self._announce(shape, paths)
        self.writer.close()
        return self.path


def run_folder(tmp_path: Path, *records: Record | Row | System, opening: Open = OPEN) -> Path:
    """Return a run folder with one writer's journal of these records."""
    folder = tmp_path / "run-20260102_101500-3f9a0c1x"
    folder.mkdir(exist_ok=True)
    Journal(folder / "run-3f9a0c1x.kslog", opening.stream).write(opening, *records).close()
    return folder
