"""Time from starting `kiseki server` to its first answer, and its memory at rest.

    python benchmarks/server_start.py

`fresh` starts on an empty data folder, `again` on one that exists; best of 5 each. CPU seconds are the
steadier figure on a machine that does other things, too.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))

from _server import cpu_seconds, workplace

from tests.fakes.live_server import LiveServer

TIMES = 5
REST_S = 3.0


def start(data: Path) -> tuple[LiveServer, float, float]:
    """Return a started server, the seconds until it answered, and the CPU seconds it took."""
    server = LiveServer(data)
    began = time.perf_counter()
    server.start()
    took = time.perf_counter() - began
    assert server.process is not None
    return server, took, cpu_seconds(psutil.Process(server.process.pid))


def main() -> None:
    with workplace() as folder:
        fresh = []
        for number in range(TIMES):
            server, took, cpu = start(folder / f"fresh{number}")
            fresh.append((took, cpu))
            server.stop()
        again = []
        for _ in range(TIMES):
            server, took, cpu = start(folder / "fresh0")
            again.append((took, cpu))
            time.sleep(REST_S if len(again) == TIMES else 0)
            assert server.process is not None
            process = psutil.Process(server.process.pid)
            rest_mb = process.memory_info().rss / 1e6
            before = cpu_seconds(process)
            time.sleep(REST_S)
            idle = (cpu_seconds(process) - before) / REST_S
            with urllib.request.urlopen(f"{server.url}/-/health", timeout=5) as answer:
                answer.read()
            server.stop()
    figures = {
        "fresh_s": round(min(fresh)[0], 3),
        "fresh_cpu_s": round(min(cpu for _, cpu in fresh), 3),
        "again_s": round(min(again)[0], 3),
        "again_cpu_s": round(min(cpu for _, cpu in again), 3),
        "rest_mb": round(rest_mb, 1),
        "rest_cpu_share": round(idle, 4),
    }
    goals = {"fresh_s": ["<=", 0.7], "again_s": ["<=", 0.7], "rest_mb": ["<=", 80]}
    print(json.dumps({"name": "server_start", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
