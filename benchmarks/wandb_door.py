"""The second door: how many values a second the server takes from the official client's bodies on one
core, and whether a thousand paced runs lose a row.

Bodies are as that client writes them: JSON lines with 10 values, a NaN in some of them. The server has one
core; its CPU time counts, so that the sender's does not.
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
from urllib.parse import urlsplit

from _server import cpu_seconds, server, workplace

from tests.fakes.live_server import FIRST_KEY

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


def body(first: int, lines: list[str], **more: object) -> bytes:
    files = {
        "wandb-history.jsonl": {"offset": first, "content": lines},
        "wandb-summary.json": {"offset": 0, "content": lines[-1:]},
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


async def pace(line_out: Line, index: int, began: float, waits: list[float]) -> None:
    """Be one run: one row a second, each in a request of its own on one connection."""
    rng = random.Random(index)
    for step in range(SECONDS):
        await asyncio.sleep(max(0.0, began + index / RUNS + step - time.monotonic()))
        more = {"complete": True, "exitcode": 0} if step == SECONDS - 1 else {}
        text = body(step, [line(rng, step)], **more)
        asked = time.monotonic()
        while (
            status := await line_out.post(f"/files/ada/door/paced{index}/file_stream", text)
        ) != 200:
            assert status in (0, 429, 503), status
            await asyncio.sleep(1)
        waits.append(time.monotonic() - asked)
    line_out.close()


async def pace_all(address: str, port: int) -> list[float]:
    waits: list[float] = []
    began = time.monotonic()
    await asyncio.gather(*(pace(Line(address, port), index, began, waits) for index in range(RUNS)))
    return sorted(waits)


def main() -> None:
    import kiseki

    rng = random.Random(0)
    lines = [line(rng, step) for step in range(ROWS)]
    with workplace() as folder, server(folder) as (live, process):
        address = urlsplit(live.url)
        process.cpu_affinity([min(os.sched_getaffinity(0))])
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
        start(connection, "fast")
        before, began = cpu_seconds(process), time.perf_counter()
        for first in range(0, ROWS, LINES_A_BODY):
            text = body(first, lines[first : first + LINES_A_BODY])
            connection.request("POST", "/files/ada/door/fast/file_stream", text, HEADERS)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        cpu, wall = cpu_seconds(process) - before, time.perf_counter() - began
        figures = {
            "values_per_cpu_second": round(ROWS * KEYS / cpu),
            "values_per_second": round(ROWS * KEYS / wall),
            "cpu_us_per_row": round(cpu / ROWS * 1e6, 1),
        }
        if RUNS:
            before = cpu_seconds(process)
            for index in range(RUNS):
                start(connection, f"paced{index}")
            figures["start_cpu_ms"] = round((cpu_seconds(process) - before) / RUNS * 1e3, 2)
            before = cpu_seconds(process)
            assert address.hostname and address.port
            waits = asyncio.run(pace_all(address.hostname, address.port))
            figures |= {
                "paced_cpu_ms_per_request": round(
                    (cpu_seconds(process) - before) / len(waits) * 1e3, 3
                ),
                "paced_wait_p50_ms": round(waits[len(waits) // 2] * 1e3, 1),
                "paced_wait_p99_ms": round(waits[len(waits) * 99 // 100] * 1e3, 1),
            }
            runs = [run for run in kiseki.Api().runs("ada/door") if run.id.startswith("paced")]
            figures["paced_rows"] = sum(len(run.history()) for run in runs)
            figures["paced_rows_lost"] = RUNS * SECONDS - figures["paced_rows"]
    goals = {"values_per_cpu_second": [">=", 200_000], "paced_rows_lost": ["<=", 0]}
    print(json.dumps({"name": "wandb_door", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    sys.exit(main())
