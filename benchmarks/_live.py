"""Runs that log while something is measured: `python _live.py URL KEY PROJECT RUNS METRICS SECONDS`.

Sends what the uploaders of so many processes would send, a row of each run every so many seconds, until its
standard input ends; then the runs are finished.
"""

from __future__ import annotations

import math
import secrets
import select
import sys
import time

from _projects import metric_names

from kiseki.client.http import Client
from kiseki.record import codec, frame
from kiseki.record.types import Config, Finish, Kind, Open, Record, Shape

BEFORE = 120
"""Rows of each run before it is watched: more than a panel has buckets, so that its data grow no more."""


class Stream:
    """One run as its uploader sends it."""

    def __init__(self, client: Client, project: str, number: int, metrics: int) -> None:
        self.client = client
        self.id = secrets.token_hex(16)
        self.number = number
        self.metrics = metrics
        self.step = 0
        self.next = 0
        self.began = time.time_ns() // 1000
        run = f"live-{self.id[:8]}"
        opened = Open(
            stream=self.id, run=run, project=project, started_us=self.began, name=run,
            host="lab", program="train.py", pid=1000 + number,
        )  # fmt: skip
        self.send([opened, Config(set={"lr": 0.1 / (number + 1), "optimizer": "adam"})])
        self.send([Shape(shape=0, paths=metric_names(metrics))])

    def send(self, records: list[Record]) -> None:
        frames = [self.frame(int(one.kind), codec.encode(one)) for one in records]
        self.client.append(self.id, codec.compress(b"".join(frames)))

    def frame(self, kind: int, payload: bytes) -> bytes:
        self.next += 1
        return frame.pack(kind, self.next - 1, payload)

    def rows(self, count: int) -> None:
        """Send so many rows in one body."""
        self.client.append(self.id, codec.compress(b"".join(self._row() for _ in range(count))))

    def _row(self) -> bytes:
        way = math.exp(-self.step / 300)
        values = [
            way + 0.1 * math.sin(self.step / 7 + metric + self.number)
            for metric in range(self.metrics)
        ]
        now = time.time_ns() // 1000
        payload = codec.encode_row(0, self.step, now, now - self.began, values)
        self.step += 1
        return self.frame(int(Kind.ROW), payload)

    def finish(self) -> None:
        now = time.time_ns() // 1000
        self.send([Finish(exit_code=0, time_us=now, runtime_us=now - self.began)])


def main() -> None:
    url, key, project, runs, metrics, pause = sys.argv[1:]
    with Client(url, key, timeout=120) as client:
        streams = [Stream(client, project, number, int(metrics)) for number in range(int(runs))]
        for stream in streams:
            stream.rows(BEFORE)
        due = time.monotonic()
        while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
            due = max(time.monotonic(), due + float(pause))
            for stream in streams:
                stream.rows(1)
        for stream in streams:
            stream.finish()


if __name__ == "__main__":
    main()
