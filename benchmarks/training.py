"""What a training loop pays: 0.83 ms steps that touch 8 MB (cold caches), 10 scalars logged at 200 rows/s.

The same loop runs with and without `log()` in turn; the difference of the medians is what a step pays.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from _server import server, workplace

import kiseki

STEPS = 1200
ROUNDS = 5
PACE_SECONDS = 1 / 200


def loop(log: Callable[[dict[str, float]], object] | None) -> tuple[list[float], list[float]]:
    """Return the seconds of each step, and of each `log()` call."""
    weights = np.zeros(1_000_000)
    steps, calls = [], []
    for i in range(STEPS):
        began = time.perf_counter()
        weights += 1e-9  # reads and writes 8 MB: nothing of the tracker stays in the cache
        row = {f"metric/{k}": weights[k] + i * k for k in range(10)}
        row = {key: float(value) for key, value in row.items()}
        if log is not None:
            before = time.perf_counter()
            log(row)
            calls.append(time.perf_counter() - before)
        steps.append(time.perf_counter() - began)
        time.sleep(max(0.0, PACE_SECONDS - (time.perf_counter() - began)))
    return steps, calls


def main() -> None:
    with workplace() as folder, server(folder):
        plain, logged, calls = [], [], []
        with kiseki.init(project="training") as run:
            for _ in range(ROUNDS):
                plain.append(statistics.median(loop(None)[0]))
                steps, latency = loop(run.log)
                logged.append(statistics.median(steps))
                calls += latency
        calls.sort()
        figures = {
            "step_us": round(statistics.median(plain) * 1e6),
            "added_us_per_step": round(
                statistics.median(b - a for a, b in zip(plain, logged, strict=True)) * 1e6, 1
            ),
            "log_p50_us": round(calls[len(calls) // 2] * 1e6, 1),
            "log_p99_us": round(calls[len(calls) * 99 // 100] * 1e6, 1),
        }
    goals = {"added_us_per_step": ["<=", 40], "log_p99_us": ["<=", 200]}
    print(json.dumps({"name": "training", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
