"""One metric of 1, 100 and 1,000 runs × 10,000 steps, and of one run of 1,000,000, as the server answers it.

The rows are in the embedded store, compacted. `cold` is the first answer after the store was opened; `warm`
a later one of a server that forgot the bucketed series (its store may remember decoded chunks); `again` the
same question asked twice. In the process of the server: reading, bucketing, encoding. Best of 5. Beside the
time that passed stands the processor time: on a machine with other work, that is the figure to compare.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _server import workplace

from kiseki.core.query import wire
from kiseki.core.query.series import Charts
from kiseki.core.query.series_request import SeriesRequest
from kiseki.storage.embedded.series import EmbeddedSeries
from kiseki.storage.interface import Range

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.unit.query.fixtures import Writer

STEPS = 10_000
RUNS = 1_000
LONG_STEPS = 1_000_000
LONG = RUNS + 1
BATCH = 2_000
ROUNDS = 5


def fill(store: EmbeddedSeries, segment: int, steps: int) -> None:
    rng = np.random.default_rng(segment)
    writer = Writer(store, segment)
    loss = np.exp(-np.arange(steps) / steps * 3) + rng.normal(0, 0.02, steps)
    for start in range(0, steps, BATCH):
        stop = min(start + BATCH, steps)
        rows = [{"loss": value, "lr": 0.1} for value in loss[start:stop].tolist()]
        writer.rows(rows, range(start, stop))
    store.applied(1, {writer.stream: writer.next})


def timed(ask: Callable[[], bytes], rounds: int = 1) -> tuple[tuple[float, float], bytes]:
    """Return the least milliseconds that passed and that the processor took, and the answer."""
    took = []
    for _ in range(rounds):
        began, cpu = time.perf_counter(), time.process_time()
        answer = ask()
        took.append((time.perf_counter() - began, time.process_time() - cpu))
    wall, cpu = (round(min(one) * 1e3, 1) for one in zip(*took, strict=True))
    return (wall, cpu), answer


def measure(folder: Path, segments: range, buckets: int) -> tuple[dict[str, float], int]:
    store = EmbeddedSeries(folder)
    request = SeriesRequest(
        ["loss"], {str(number): (Range(number),) for number in segments}, buckets=buckets
    )
    cold, answer = timed(lambda: Charts(store).answer(1, request))
    warm, _ = timed(lambda: Charts(store).answer(1, request), ROUNDS)
    charts = Charts(store)
    charts.answer(1, request)
    again, _ = timed(lambda: charts.answer(1, request), ROUNDS)
    header, _ = wire.parse(answer)
    assert len(header["series"]) == len(segments)
    store.close()
    found: dict[str, float] = {}
    for name, (wall, cpu) in (("cold", cold), ("warm", warm), ("again", again)):
        found |= {f"{name}_ms": wall, f"{name}_cpu_ms": cpu}
    return found, len(answer)


def main() -> None:
    figures: dict[str, float] = {}
    with workplace() as folder:
        data = folder / "history"
        store = EmbeddedSeries(data)
        began = time.perf_counter()
        for segment in range(1, RUNS + 1):
            fill(store, segment, STEPS)
            if segment % 50 == 0:
                store.compact(idle=True)
        fill(store, LONG, LONG_STEPS)
        while store.compact(idle=True):
            pass
        store.close()
        print(f"filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        for name, segments, buckets in (
            ("1_run", range(1, 2), 1500),
            ("100_runs", range(1, 101), 400),
            ("1000_runs", range(1, RUNS + 1), 300),
            ("1000_runs_40_buckets", range(1, RUNS + 1), 40),
            ("1_run_1M_steps", range(LONG, LONG + 1), 1500),
        ):
            found, size = measure(data, segments, buckets)
            figures.update({f"{name}_{key}": value for key, value in found.items()})
            figures[f"{name}_bytes"] = size
    goals = {
        "100_runs_warm_ms": ["<=", 50],
        "1000_runs_warm_ms": ["<=", 400],
    }
    print(json.dumps({"name": "series_read", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
