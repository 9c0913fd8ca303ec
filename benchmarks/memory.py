"""Resident memory: what logging adds to the trainer, what uploader and server hold (idle and under load)."""

from __future__ import annotations

import json
import os
import time

import psutil
from _server import server, workplace

ROWS = 100_000


def resident_mb(process: psutil.Process) -> float:
    return round(process.memory_info().rss / 1e6, 1)


def main() -> None:
    me = psutil.Process(os.getpid())
    with workplace() as folder, server(folder) as (_live, process):
        time.sleep(1)
        figures = {"server_idle_mb": resident_mb(process)}
        import kiseki

        row = {f"metric/{k}": k / 7 for k in range(10)}
        before = me.memory_info().rss
        run = kiseki.init(project="memory")
        for i in range(ROWS):
            row["metric/0"] = i / 3
            run.log(row)
        figures["trainer_added_mb"] = round((me.memory_info().rss - before) / 1e6, 1)
        uploaders = [p for p in me.children() if any("uploader" in part for part in p.cmdline())]
        figures["uploader_mb"] = max(map(resident_mb, uploaders))
        run.finish()
        figures["server_after_load_mb"] = resident_mb(process)
    goals = {
        "trainer_added_mb": ["<=", 20],
        "uploader_mb": ["<=", 150],
        "server_idle_mb": ["<=", 80],
    }
    print(json.dumps({"name": "memory", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
