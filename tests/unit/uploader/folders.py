"""Run folders for the tests of the uploader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kiseki.journal.writer import JournalWriter
from kiseki.record.codec import encode, encode_row
from kiseki.record.types import Finish, Kind, Open, Shape

STREAM = "cd" * 16


def make_folder(path: Path, **settings: Any) -> Path:
    """Return a new run folder with `settings.json`."""
    path.mkdir(parents=True)
    quiet = {"x_disable_meta": True, "x_disable_stats": True, "argv": ["train.py"]}
    (path / "settings.json").write_text(json.dumps({**quiet, **settings}))
    return path


def open_writer(folder: Path, stream: str = STREAM, **fields: Any) -> JournalWriter:
    """Return the writer of a run's journal, its `Open` and one shape written."""
    writer = JournalWriter(folder / "run-r1.kslog", stream)
    opened = encode(Open(stream=stream, run="r1", project="p", started_us=1, **fields))
    writer.append(Kind.OPEN, opened)
    writer.append(Kind.OPEN, opened)
    writer.append(Kind.SHAPE, encode(Shape(shape=0, paths=["i"])))
    return writer


def row(i: int) -> bytes:
    """Return the payload of row `i`."""
    return encode_row(0, i, 1, 1, [i])


def write_rows(writer: JournalWriter, first: int, behind: int) -> None:
    """Append the rows `first … behind - 1`."""
    for i in range(first, behind):
        writer.append(Kind.ROW, row(i))


def finish(writer: JournalWriter) -> None:
    """Append `Finish` and close."""
    writer.append(Kind.FINISH, encode(Finish(exit_code=0, time_us=1, runtime_us=1)))
    writer.close()
