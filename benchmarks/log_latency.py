"""`log()` on the training side: latency of 10 and of 1,000 scalars, CPU and memory of 20,000 rows, `init`.

Offline unless `KISEKI_BASE_URL` names a server; then the CPU of the uploader is in the sum too.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = 20_000
WIDE_ROWS = 500


def latency(run: object, keys: list[str], rows: int) -> dict[str, float]:
    """Return p50, p99 and mean of `log()` in microseconds, and the CPU seconds of all of it."""
    log = run.log  # type: ignore[attr-defined]
    times = []
    data = [{key: random.random() for key in keys} for _ in range(min(rows, 200))]
    for _ in range(20):
        log(data[0])
    cpu = time.process_time()
    for i in range(rows):
        row = data[i % len(data)]
        began = time.perf_counter_ns()
        log(row)
        times.append(time.perf_counter_ns() - began)
    cpu = time.process_time() - cpu
    times.sort()
    return {
        "p50": times[rows // 2] / 1e3,
        "p99": times[rows * 99 // 100] / 1e3,
        "mean": sum(times) / rows / 1e3,
        "cpu": cpu,
    }


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure() -> dict[str, float]:
    before = resident_mb()
    import kiseki

    mode = "online" if os.environ.get("KISEKI_BASE_URL") else "offline"
    began = time.perf_counter()
    run = kiseki.init(project="benchmark", mode=mode, settings={"silent": True})
    init_ms = (time.perf_counter() - began) * 1e3
    narrow = latency(run, [f"train/metric_{i}" for i in range(10)], ROWS)
    grown = resident_mb() - before
    journal = next(Path(run.sync_dir).glob("run-*.kslog")).stat().st_size
    wide = latency(run, [f"layer/{i}/norm" for i in range(1000)], WIDE_ROWS)
    run.finish()
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "init_ms": round(init_ms, 1),
        "log_10_p50_us": round(narrow["p50"], 2),
        "log_10_p99_us": round(narrow["p99"], 2),
        "log_10_mean_us": round(narrow["mean"], 2),
        "log_1000_p50_us": round(wide["p50"], 1),
        "log_1000_p99_us": round(wide["p99"], 1),
        "cpu_20000_rows_s": round(narrow["cpu"], 3),
        "cpu_trainer_s": round(own.ru_utime + own.ru_stime, 2),
        "cpu_uploader_s": round(children.ru_utime + children.ru_stime, 2),
        "trainer_grown_mb": round(grown, 1),
        "journal_bytes_per_row": round(journal / ROWS, 1),
    }


def main() -> None:
    if "--measure" in sys.argv:
        print(json.dumps(measure()))
        return
    with tempfile.TemporaryDirectory() as folder:
        script = str(Path(__file__).resolve())
        done = subprocess.run(
            [sys.executable, script, "--measure"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    goals = {
        "init_ms": ["<=", 30],
        "log_10_p50_us": ["<=", 5],
        "log_10_p99_us": ["<=", 50],
        "log_1000_p50_us": ["<=", 300],
        "cpu_20000_rows_s": ["<=", 1.0],
        "trainer_grown_mb": ["<=", 20],
        "journal_bytes_per_row": ["<=", 150],
    }
    figures = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps({"name": "log", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
