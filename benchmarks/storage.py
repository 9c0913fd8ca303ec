"""The embedded series store: batch log, compaction, bytes per point at rest, reads.

Batches are encoded before the clock runs. Ten runs' worth of them is made and given to the store under many
stream names, so that the file is large while the preparation stays short.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kiseki.record.codec import compress, encode_row
from kiseki.record.frame import pack
from kiseki.record.types import Kind
from kiseki.storage.embedded.series import EmbeddedSeries
from kiseki.storage.interface import Batch, Range

SEGMENTS = 100
STEPS = 10_000
BATCH_ROWS = 100
COMMIT_BATCHES = 100
DISTINCT = 10
ONE_KEY_SEGMENTS = 250
START_US = 1_700_000_000_000_000


def metrics(rng: np.random.Generator, n: int) -> dict[str, list[object]]:
    """Return ten metrics of the kinds that training runs log; most of the bytes are noise."""
    k = np.arange(n)

    def single(values: np.ndarray) -> list[object]:
        return values.astype(np.float32).astype(np.float64).tolist()

    sparse = single(rng.normal(size=n))
    for place in rng.integers(0, n, n // 50):
        sparse[place] = float("nan")
    return {
        "loss": single(np.exp(-k / 3000) + 0.05 * rng.normal(size=n)),
        "grad_norm": single(rng.lognormal(size=n)),
        "accuracy": np.round(0.9 + 0.03 * rng.normal(size=n), 4).tolist(),
        "lr": (0.001 * (1 + np.cos(k / n * np.pi)) / 2).tolist(),
        "epoch": (k // 500).tolist(),
        "time/step": rng.exponential(0.1, n).tolist(),
        "scale": np.where(k % 2000 < 1990, 65536.0, 32768.0).tolist(),
        "val/loss": sparse,
        "weight_norm": single(10 + np.cumsum(rng.normal(size=n)) * 0.01),
        "noise": single(rng.normal(size=n)),
    }


def bodies(rng: np.random.Generator, names: list[str], rows: int) -> list[tuple[int, bytes]]:
    """Return (first step, body) of the batches of one run."""
    columns = metrics(rng, STEPS)
    values = list(zip(*(columns[name] for name in names), strict=True))
    times = START_US + np.cumsum(rng.normal(50_000, 500, STEPS)).astype(np.int64)
    made = []
    for start in range(0, STEPS, rows):
        frames = [
            pack(
                Kind.ROW,
                step,
                encode_row(
                    0, step, int(times[step]), int(times[step]) - START_US + step % 3, values[step]
                ),
            )
            for step in range(start, min(STEPS, start + rows))
        ]
        made.append((start, compress(b"".join(frames))))
    return made


def batch(stream: int, first: int, body: bytes, names: list[str], rows: int) -> Batch:
    shapes = {0: tuple(names)} if first == 0 else {}
    return Batch(
        f"stream-{stream}",
        stream,
        first,
        rows,
        body,
        rows,
        first,
        first + rows - 1,
        START_US,
        shapes,
    )


def ingest(
    store: EmbeddedSeries, project: int, runs: list[list[tuple[int, bytes]]], names: list[str],
    segments: int, rows: int,
) -> tuple[float, float, float]:  # fmt: skip
    """Append all runs side by side, compacting on the way; return seconds: wall, processor, compaction."""
    began, cpu, compacting = time.perf_counter(), time.process_time(), 0.0
    for number in range(STEPS // rows):
        turn = [
            batch(stream, *runs[stream % len(runs)][number], names, rows)
            for stream in range(segments)
        ]
        for start in range(0, segments, COMMIT_BATCHES):
            some = turn[start : start + COMMIT_BATCHES]
            store.append(project, some)
            store.applied(project, {b.stream: b.first + b.count for b in some})
        if (number + 1) * rows % 5000 == 0:
            before = time.perf_counter()
            store.compact(project)
            compacting += time.perf_counter() - before
    before = time.perf_counter()
    store.compact(project, idle=True)
    compacting += time.perf_counter() - before
    return time.perf_counter() - began, time.process_time() - cpu, compacting


def milliseconds(ask: Callable[[], object], rounds: int = 5) -> dict[str, float]:
    """Return the time of the first answer and the median of later ones."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return {"first": round(took[0], 2), "later": round(statistics.median(took[1:]), 2)}


def main() -> None:
    rng = np.random.default_rng(1)
    names = list(metrics(rng, 10))
    segments = int(sys.argv[1]) if len(sys.argv) > 1 else SEGMENTS
    runs = [bodies(rng, names, BATCH_ROWS) for _ in range(DISTINCT)]
    lone = [bodies(rng, ["loss"], 1000) for _ in range(DISTINCT)]
    with tempfile.TemporaryDirectory(prefix="kiseki-bench-") as folder:
        store = EmbeddedSeries(Path(folder))
        wall, cpu, compacting = ingest(store, 1, runs, names, segments, BATCH_ROWS)
        ingest(store, 2, lone, ["loss"], ONE_KEY_SEGMENTS, 1000)
        store.close()
        size = (Path(folder) / "1.db").stat().st_size
        points = segments * STEPS * len(names)

        def cold() -> EmbeddedSeries:
            return EmbeddedSeries(Path(folder), cache_bytes_max=1)

        warm, bare = EmbeddedSeries(Path(folder)), cold()
        every = [Range(segment) for segment in range(segments)]
        lone_every = [Range(segment) for segment in range(ONE_KEY_SEGMENTS)]
        timed = {
            "points_1": milliseconds(lambda: bare.points(1, "loss", [Range(3)])),
            f"points_{segments}": milliseconds(lambda: bare.points(1, "loss", every)),
            f"points_{segments}_cached": milliseconds(lambda: warm.points(1, "loss", every)),
            f"points_{segments}_over_time": milliseconds(
                lambda: bare.points(1, "loss", every, "time")
            ),
            f"cells_{ONE_KEY_SEGMENTS}_of_16": milliseconds(
                lambda: bare.cells(2, "loss", lone_every, 16)
            ),
            f"cells_{ONE_KEY_SEGMENTS}_of_16_cached": milliseconds(
                lambda: warm.cells(2, "loss", lone_every, 16)
            ),
            f"cells_{ONE_KEY_SEGMENTS}_of_4096": milliseconds(
                lambda: bare.cells(2, "loss", lone_every, 4096)
            ),
            "keys": milliseconds(lambda: bare.keys(1, list(range(segments)))),
            "scan_10000_rows": milliseconds(lambda: bare.scan(1, Range(3))),
            "scan_100_rows": milliseconds(lambda: bare.scan(1, Range(3, 5000, 5099))),
        }
        figures = {
            "points": points,
            "points_per_second": round(points / wall),
            "points_per_cpu_second": round(points / cpu),
            "append_seconds": round(wall - compacting, 2),
            "compact_seconds": round(compacting, 2),
            "bytes_per_point": round(size / points, 2),
        } | {f"{name}_{when}_ms": ms for name, took in timed.items() for when, ms in took.items()}
        goals = {
            "points_per_second": [">=", 2_000_000],
            "bytes_per_point": ["<=", 7],
            f"points_{segments}_later_ms": ["<=", 25],
        }
        warm.close()
        bare.close()
    print(json.dumps({"name": "storage", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
