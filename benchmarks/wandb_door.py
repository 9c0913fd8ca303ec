"""The second door: how many values a second the server takes from the official client's bodies on one
core, and whether a thousand paced runs, each logging one row a second, lose a row.

Bodies are as that client writes them: JSON lines with 10 values, a NaN in some of them, the summary with
each, machine samples and console lines with some. The paced runs are sent twice: with a request for every
row, which is the most that the client can be set to (`each`), and with one every 15 seconds, as it does by
itself (`client`). The server has one core; its CPU time counts, so that the sender's does not. `http_cpu_ms`
is what a request costs that does nothing, for comparison.

    WANDB_DOOR_RUNS=1000 WANDB_DOOR_SECONDS=30 python benchmarks/wandb_door.py
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import math
import os
import random
import sys
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import psutil
from _server import cpu_seconds, server, workplace

from tests.fakes.live_server import FIRST_KEY, LiveServer

ROWS = 40_000
KEYS = 10
LINES_A_BODY = 2_000
NAN_SHARE = 0.1
RUNS = int(os.environ.get("WANDB_DOOR_RUNS", "1000"))
SECONDS = int(os.environ.get("WANDB_DOOR_SECONDS", "30"))

HEADERS = {
    "Authorization": "Basic " + base64.b64encode(f"api:{FIRST_KEY}".encode()).decode(),
    "Content-Type": "application/json",
}
START = """mutation U($name: String) {
  upsertBucket(input: {name: $name, modelName: "door", host: "h", config: "{}"}) { bucket { id } } }"""


def line(rng: random.Random, step: int) -> str:
    row = {f"metric/{key}": rng.gauss(0, 1) for key in range(KEYS)}
    if rng.random() < NAN_SHARE:
        row["metric/0"] = math.nan
    row |= {"_step": step, "_timestamp": 1_795_000_000.25 + step, "_runtime": step / 10}
    return json.dumps(row)


def body(first: int, lines: list[str], beside: Mapping[str, object], **more: object) -> bytes:
    files = {
        "wandb-history.jsonl": {"offset": first, "content": lines},
        "wandb-summary.json": {"offset": 0, "content": lines[-1:]},
        **beside,
    }
    return json.dumps({"files": files, **more}).encode()


def start(connection: http.client.HTTPConnection, name: str) -> None:
    text = json.dumps({"query": START, "variables": {"name": name}})
    connection.request("POST", "/graphql", text, HEADERS)
    answer = json.loads(connection.getresponse().read())
    assert answer["data"]["upsertBucket"]["bucket"]["id"], answer


class Line:
    """A kept connection, opened again where the server let it go."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, text: bytes) -> int:
        """Return the status of a request; 0 if there was no answer."""
        if self.ends is None:
            self.ends = await asyncio.open_connection(self.address, self.port)
        reader, writer = self.ends
        head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        head += f"Host: {self.address}:{self.port}\r\nContent-Length: {len(text)}\r\n\r\n"
        try:
            writer.write(f"POST {path} HTTP/1.1\r\n{head}".encode() + text)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(answer.partition("content-length:")[2].partition("\r\n")[0])
            await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            return 0
        return int(answer.split()[1])

    def close(self) -> None:
        if self.ends is not None:
            self.ends[1].close()
        self.ends = None


class Pace:
    """A thousand runs at once: one row a second, some of them in each request."""

    def __init__(self, prefix: str, rows_a_request: int, seconds: int) -> None:
        self.prefix, self.each, self.seconds = prefix, rows_a_request, seconds
        self.waits: list[float] = []
        self.asked_again = 0
        self.sent = 0

    async def run(self, line_out: Line, index: int, began: float) -> None:
        """Be one run, on a connection of its own. Runs begin at different moments of the first interval."""
        rng = random.Random(index)
        path = f"/files/ada/door/{self.prefix}{index}/file_stream"
        for step in range(0, self.seconds, self.each):
            due = began + self.each * (index + 1) / RUNS + step
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            lines = [line(rng, step + row) for row in range(self.each)]
            is_last = step + self.each >= self.seconds
            await self.post(line_out, path, self.body(step, lines, is_last))
            self.sent += len(lines)
        line_out.close()

    def body(self, step: int, lines: list[str], is_last: bool) -> bytes:
        more: dict[str, object] = {"complete": True, "exitcode": 0} if is_last else {}
        beside = {}
        if step % 15 == 0:  # as the client samples the machine
            sample = {f"system.cpu.{core}": 1.5 for core in range(4)} | {"_wandb": True}
            sample |= {"_timestamp": 1_795_000_000 + step, "_runtime": step}
            said = {"offset": step // 15, "content": [json.dumps(sample)]}
            text = [f"2026-11-22T05:26:17.250342 step {step}"]
            beside = {
                "wandb-events.jsonl": said,
                "output.log": {"offset": step // 15, "content": text},
            }
        return body(step, lines, beside, **more)

    async def post(self, line_out: Line, path: str, text: bytes) -> None:
        asked = time.monotonic()
        while (status := await line_out.post(path, text)) != 200:
            assert status in (0, 429, 503), status
            self.asked_again += 1
            await asyncio.sleep(1)
        self.waits.append(time.monotonic() - asked)

    async def all(self, address: str, port: int) -> None:
        began = time.monotonic()
        runs = (self.run(Line(address, port), index, began) for index in range(RUNS))
        await asyncio.gather(*runs)

    def measure(self, live: LiveServer, process: psutil.Process) -> dict[str, float]:
        """Send them all, and return what it cost and whether all is there."""
        connection = http.client.HTTPConnection(f"127.0.0.1:{live.port}", timeout=60)
        before = cpu_seconds(process)
        for index in range(RUNS):
            start(connection, f"{self.prefix}{index}")
        start_cpu = cpu_seconds(process) - before
        before, began = cpu_seconds(process), time.monotonic()
        asyncio.run(self.all("127.0.0.1", live.port))
        cpu, wall = cpu_seconds(process) - before, time.monotonic() - began
        waits = sorted(self.waits)
        stored = self.stored()
        found = {
            "rows_sent": self.sent,
            "rows_stored": stored,
            "rows_lost": self.sent - stored,
            "requests": len(waits),
            "asked_again": self.asked_again,
            "cpu_ms_per_request": round(cpu / len(waits) * 1e3, 3),
            "cpu_share": round(cpu / wall, 3),
            "wait_p50_ms": round(waits[len(waits) // 2] * 1e3, 1),
            "wait_p99_ms": round(waits[len(waits) * 99 // 100] * 1e3, 1),
            # How much longer it took than it should: a server that cannot keep up falls behind.
            "behind_s": round(max(0.0, wall - self.seconds - self.each), 1),
            "start_cpu_ms": round(start_cpu / RUNS * 1e3, 2),
        }
        return {f"{self.prefix}_{key}": value for key, value in found.items()}

    def stored(self) -> int:
        """Return how many rows there are. Of some runs every row is looked at."""
        import kiseki

        deadline = time.monotonic() + 60
        while True:  # the list of runs is some seconds behind
            found = kiseki.Api().runs("ada/door", order="created")
            runs = [run for run in found if run.id.startswith(self.prefix)]
            rows = sum(run.rows for run in runs)
            if rows == self.sent or time.monotonic() > deadline:
                break
            time.sleep(1)
        for run in runs[:: max(1, len(runs) // 50)]:
            assert [row["_step"] for row in run.history()] == list(range(self.seconds)), run.id
        return rows


def http_cpu_ms(port: int, process: psutil.Process, count: int = 2_000) -> float:
    """Return what a request costs that does nothing."""
    connection = http.client.HTTPConnection(f"127.0.0.1:{port}", timeout=60)
    before = cpu_seconds(process)
    for _ in range(count):
        connection.request("GET", "/-/health", headers=HEADERS)
        connection.getresponse().read()
    return round((cpu_seconds(process) - before) / count * 1e3, 3)


def main() -> None:
    rng = random.Random(0)
    lines = [line(rng, step) for step in range(ROWS)]
    with workplace() as folder, server(folder) as (live, process):
        address = urlsplit(live.url)
        process.cpu_affinity([min(os.sched_getaffinity(0))])
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
        start(connection, "fast")
        before, began = cpu_seconds(process), time.perf_counter()
        for first in range(0, ROWS, LINES_A_BODY):
            text = body(first, lines[first : first + LINES_A_BODY], {})
            connection.request("POST", "/files/ada/door/fast/file_stream", text, HEADERS)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        cpu, wall = cpu_seconds(process) - before, time.perf_counter() - began
        figures: dict[str, float] = {
            "values_per_cpu_second": round(ROWS * KEYS / cpu),
            "values_per_second": round(ROWS * KEYS / wall),
            "cpu_us_per_row": round(cpu / ROWS * 1e6, 1),
        }
        if RUNS:
            figures["http_cpu_ms"] = http_cpu_ms(live.port, process)
            for pace in (Pace("each", 1, SECONDS), Pace("client", 15, SECONDS * 2 // 15 * 15)):
                figures |= pace.measure(live, process)
    goals = {"values_per_cpu_second": [">=", 200_000]}
    if RUNS:
        goals |= {"each_rows_lost": ["<=", 0], "client_rows_lost": ["<=", 0]}
        goals |= {"each_cpu_ms_per_request": ["<=", 1.0]}
    print(json.dumps({"name": "wandb_door", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    sys.exit(main())
