"""Rows and their stream on a journal of the test, and the records that came of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kiseki.journal.reader import read_journal
from kiseki.record.codec import Decoder
from kiseki.record.fold import RunState, apply
from kiseki.record.types import Open, Row
from kiseki.sdk.media.batch import Batch
from kiseki.sdk.rows import Rows
from kiseki.sdk.stream import Stream
from kiseki.sdk.terminal import Terminal
from kiseki.sdk.values import Normaliser

STREAM = "0123456789abcdef" * 2


def records_of(path: Path | str) -> list[Any]:
    """Return the decoded records of a journal, which must be intact."""
    with read_journal(path) as journal:
        decoder = Decoder()
        found = [decoder.decode(frame) for frame in journal]
        assert not journal.damage and not journal.missing and not journal.torn_bytes
        assert not journal.duplicates
    return found


def fold_of(records: list[Any]) -> RunState:
    state = RunState()
    for record in records:
        apply(state, record)
    return state


class Recording:
    """A `Rows` with a real journal."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "run-abc.kslog"
        self.files, self.tmp = folder / "files", folder / "tmp"
        for made in (self.files, self.tmp):
            made.mkdir(exist_ok=True)
        self.replaced: list[tuple[str, str]] = []
        opening = Open(stream=STREAM, run="abc", project="p", started_us=1)
        self.stream = Stream(str(self.path), opening, Terminal(silent=True))
        self.state = RunState()
        apply(self.state, opening)
        normaliser = Normaliser(lambda path, reason: self.replaced.append((path, reason)))
        self.rows = Rows(self.stream, self.state, normaliser, time.monotonic_ns(), self._take_media)
        self.log = self.rows.log

    def _take_media(self, data: Mapping[str, Any], keys: tuple[str, ...]) -> Batch:
        def tell(path: str, text: str) -> None:
            self.replaced.append((path, text))

        return Batch(str(self.files), str(self.tmp), tell, tell).take(data, keys)

    def records(self) -> list[Any]:
        return records_of(self.path)

    def logged(self) -> list[Row]:
        return [record for record in self.records() if isinstance(record, Row)]

    def steps(self) -> list[tuple[int, bool]]:
        """(step, is it more of the row before) of every row record."""
        return [(row.step, row.is_part) for row in self.logged()]

    def values(self) -> list[dict[str, Any]]:
        return [dict(zip(row.paths, row.values, strict=True)) for row in self.logged()]
