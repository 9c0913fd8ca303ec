"""Files: a large one up and down over the API, and many small ones from `save` until the server has them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import psutil
from _server import server, workplace

import kiseki

LARGE_MB = 300
SMALL = 1_000


def write_large(path: Path) -> None:
    piece = os.urandom(1_000_000)
    with path.open("wb") as file:
        for i in range(LARGE_MB):
            file.write(i.to_bytes(4, "big") + piece[4:])


def seconds_up(run: kiseki.Run, pattern: str, count: int) -> float:
    """Save files and wait until the server tells their content."""
    began = time.perf_counter()
    run.save(pattern, policy="now")
    with kiseki.Api() as api:
        while True:
            try:
                stored = [f for f in api.run(run.path).files() if f.is_stored and f.size]
            except kiseki.CommError:
                stored = []
            if sum(f.path.startswith(pattern.partition("/")[0]) for f in stored) >= count:
                return time.perf_counter() - began
            time.sleep(0.02)


def main() -> None:
    with workplace() as folder, server(folder) as (_live, process):
        Path("large").mkdir()
        write_large(Path("large/file.bin"))
        Path("small").mkdir()
        for i in range(SMALL):
            Path(f"small/{i}.txt").write_text(f"the content of file {i}\n" * 20)
        with kiseki.init(project="benchmark") as run:
            before = process.memory_info().rss
            up_s = seconds_up(run, "large/file.bin", 1)
            grown = process.memory_info().rss - before
            small_s = seconds_up(run, "small/*.txt", SMALL)
            with kiseki.Api() as api:
                found = api.run(run.path).file("large/file.bin")
                began = time.perf_counter()
                size = sum(map(len, found.read()))
                down_s = time.perf_counter() - began
            assert size == LARGE_MB * 1_000_000
    figures = {
        "up, hashed twice and synced, MB/s": round(LARGE_MB / up_s, 1),
        "down, MB/s": round(LARGE_MB / down_s, 1),
        "small files, files/s": round(SMALL / small_s, 1),
        "memory the server grew by, MB": round(max(0, grown) / 1e6, 1),
        "cores": psutil.cpu_count(),
    }
    goals = {
        "up, hashed twice and synced, MB/s": [">=", 100],
        "down, MB/s": [">=", 200],
        "small files, files/s": [">=", 300],
        "memory the server grew by, MB": ["<=", 30],
    }
    print(json.dumps({"name": "files", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
