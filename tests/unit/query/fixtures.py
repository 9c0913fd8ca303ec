"""Rows into a series store, without a server: what query tests read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kiseki.record import keypath
from kiseki.record.codec import compress, encode, encode_row
from kiseki.record.frame import pack
from kiseki.record.types import Kind, Shape
from kiseki.storage.interface import Batch, Line, SeriesStore

START_US = 1_700_000_000_000_000


class Writer:
    """Appends rows of one segment to a store, one batch a call."""

    def __init__(
        self, store: SeriesStore, segment: int, project: int = 1, kind: Kind = Kind.ROW
    ) -> None:
        self.store = store
        self.segment = segment
        self.project = project
        self.kind = kind
        self.stream = f"stream-{segment}"
        self.next = 0
        self.shapes: dict[tuple[str, ...], int] = {}

    def rows(
        self,
        rows: Sequence[Mapping[str, Any]],
        steps: Sequence[int],
        times_us: Sequence[int] | None = None,
        is_part: bool = False,
    ) -> None:
        """Append rows; each takes a second of run time per step unless `times_us` says otherwise."""
        frames: list[bytes] = []
        shapes: dict[int, tuple[str, ...]] = {}
        first = self.next
        kind = Kind.ROW_PART if is_part else self.kind
        for index, (row, step) in enumerate(zip(rows, steps, strict=True)):
            flat = dict(keypath.flatten(row))
            paths = tuple(flat)
            if paths not in self.shapes:
                self.shapes[paths] = len(self.shapes)
                shapes[self.shapes[paths]] = paths
                shape = Shape(shape=self.shapes[paths], paths=list(paths))
                frames.append(pack(Kind.SHAPE, self.next, encode(shape)))
                self.next += 1
            at = step * 1_000_000 if times_us is None else times_us[index]
            payload = encode_row(self.shapes[paths], step, START_US + at, at, list(flat.values()))
            frames.append(pack(kind, self.next, payload))
            self.next += 1
        self._append(first, frames, len(rows), steps, shapes)

    def lines(self, lines: Sequence[Line]) -> None:
        payload = encode(Shape(shape=10_000, paths=[]))
        first, self.next = self.next, self.next + 1
        self._append(first, [pack(Kind.SHAPE, first, payload)], 0, (), {}, lines)

    def _append(
        self,
        first: int,
        frames: Sequence[bytes],
        rows: int,
        steps: Sequence[int],
        shapes: Mapping[int, tuple[str, ...]],
        lines: Sequence[Line] = (),
    ) -> None:
        batch = Batch(
            stream=self.stream,
            segment=self.segment,
            first=first,
            count=len(frames),
            body=compress(b"".join(frames)),
            rows=rows,
            step_min=min(steps, default=0),
            step_max=max(steps, default=-1),
            received_us=START_US,
            shapes=shapes,
            lines=lines,
        )
        self.store.append(self.project, [batch])
