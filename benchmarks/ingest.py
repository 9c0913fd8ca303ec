"""Ingest end to end on one core: journal → uploader → HTTP → server → committed.

A run of 200,000 rows of 10 scalars is recorded offline; then the uploader code sends it to a real server.
Both processes share one core, so points per second are those of the whole way on one core.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from pathlib import Path

from _server import cpu_seconds, server, workplace

import kiseki

ROWS = 200_000
KEYS = 10
ROUNDS = 3


def record(number: int) -> Path:
    """Record one run offline and return its folder."""
    rng = random.Random(number)
    with kiseki.init(project="ingest", mode="offline", id=f"run{number}") as run:
        for i in range(ROWS):
            run.log(
                {
                    "loss": math.exp(-i / 50_000) + rng.gauss(0, 0.01),
                    "accuracy": round(1 - math.exp(-i / 50_000), 4),
                    "lr": 0.1 * math.cos(i / ROWS),
                    "epoch": i // 1000,
                    "grad": rng.gauss(1, 0.1),
                    "time/data": rng.expovariate(100),
                    "time/step": rng.expovariate(10),
                    "tokens": i * 512,
                    "scale": 65536.0,
                    "entropy": rng.random(),
                }
            )
        return Path(run.sync_dir)


def main() -> None:
    from kiseki.client.credentials import resolve
    from kiseki.uploader.sync import sync_folder

    with workplace() as folder:
        folders = [record(number) for number in range(ROUNDS)]
        core = min(os.sched_getaffinity(0))
        with server(folder) as (live, process):
            process.cpu_affinity([core])
            os.sched_setaffinity(0, {core})
            speeds, sender_cpu, server_cpu = [], [], []
            for run_folder in folders:
                began, mine, theirs = time.perf_counter(), time.process_time(), cpu_seconds(process)
                result = sync_folder(run_folder, resolve())
                elapsed = time.perf_counter() - began
                speeds.append(ROWS * KEYS / elapsed)
                sender_cpu.append(time.process_time() - mine)
                server_cpu.append(cpu_seconds(process) - theirs)
                assert result.pending == 0 and not result.error, result
            time.sleep(20)  # let the compactor do what is due
            history = sum(
                p.stat().st_size for p in (live.data / "history").rglob("*") if p.is_file()
            )
        figures = {
            "points_per_second_one_core": round(max(speeds)),
            "points_per_second_median": round(sorted(speeds)[ROUNDS // 2]),
            "sender_cpu_us_per_row": round(min(sender_cpu) / ROWS * 1e6, 2),
            "server_cpu_us_per_row": round(min(server_cpu) / ROWS * 1e6, 2),
            "bytes_per_point_on_disk": round(history / (ROUNDS * ROWS * KEYS), 2),
            "journal_bytes_per_row": round(
                sum(p.stat().st_size for p in folders[0].glob("run-*.kslog")) / ROWS
            ),
        }
    goals = {
        "points_per_second_one_core": [">=", 1_000_000],
        "bytes_per_point_on_disk": ["<=", 7],
        "journal_bytes_per_row": ["<=", 150],
    }
    print(json.dumps({"name": "ingest", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
