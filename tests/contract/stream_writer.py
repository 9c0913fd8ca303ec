"""Writes batches as the uploader and core would hand them to a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kiseki.record.codec import compress, encode, encode_row
from kiseki.record.frame import pack
from kiseki.record.types import Config, Kind, Shape
from kiseki.storage.interface import Batch, Line

START_US = 1_700_000_000_000_000


class StreamWriter:
    """One stream: numbers its records, defines a shape when it first needs it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.next = 0
        self.shapes: dict[tuple[str, ...], int] = {}

    def batch(
        self,
        segment: int,
        rows: Sequence[tuple[int, Mapping[str, Any]]],
        *,
        kinds: Sequence[Kind] = (),
        lines: Sequence[Line] = (),
        configs: int = 0,
        garbage: bool = False,
    ) -> Batch:
        """Return the next batch: shapes, rows (step, values), and other records around them."""
        first = self.next
        frames: list[bytes] = []
        fresh: dict[int, tuple[str, ...]] = {}

        def put(kind: int, payload: bytes) -> None:
            frames.append(pack(kind, self.next, payload))
            self.next += 1

        for number in range(configs):
            put(Kind.CONFIG, encode(Config(set={"a": number})))
        for place, (step, values) in enumerate(rows):
            paths = tuple(values)
            if paths not in self.shapes:
                self.shapes[paths] = len(self.shapes)
                fresh[self.shapes[paths]] = paths
                put(Kind.SHAPE, encode(Shape(shape=self.shapes[paths], paths=list(paths))))
            if garbage and place % 2:
                put(Kind.ROW, b"\xc1 no msgpack")
            kind = kinds[place] if kinds else Kind.ROW
            time_us = START_US + self.next * 1_000_003 + step
            payload = encode_row(
                self.shapes[paths], step, time_us, self.next * 1000, [*values.values()]
            )
            put(kind, payload)
        if not frames:
            put(Kind.CONFIG, encode(Config(set={"a": 1})))
        steps = [step for step, _ in rows]
        return Batch(
            self.name, segment, first, self.next - first, compress(b"".join(frames)), len(rows),
            min(steps, default=0), max(steps, default=-1), START_US, fresh, lines,
        )  # fmt: skip
