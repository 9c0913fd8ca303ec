"""The projects that the budgets of the web app speak of: what their runs hold, as the records of streams.

A run is made from (seed, kind, number) alone, so that the same command makes the same bytes, run by run and
in any order. `Made.bodies` is what an uploader would send of it: zstd bodies of at most `BODY_ROWS` rows.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from kiseki.record import codec, frame
from kiseki.record.types import Config, Describe, Finish, Kind, Open, Record, Shape, Summary

Name = Literal["steps", "runs", "metrics", "table"]

START_US = 1_760_000_000_000_000
STEP_US = 20_000
BODY_ROWS = 5_000
BODY_POINTS = 200_000  # of wide rows fewer go into a body
SPIKES = (0.25, 0.5, 0.75)  # of the way: one step of the first metric each, which no chart may lose
SPIKE = 10.0
CURVES = (
    "train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr", "grad_norm", "epoch", "time/step",
    "time/data", "tokens", "entropy", "weight_norm",
)  # fmt: skip
OPTIMIZERS = ("adam", "adamw", "lion", "sgd")
TAGS = ("baseline", "ablation", "long", "best")


@dataclass(frozen=True, slots=True)
class Size:
    """How much a project holds. `steps` 0: runs without history, their values set in the summary."""

    runs: int
    steps: int
    metrics: int

    def scaled(self, factor: float) -> Size:
        """Return the same with `factor` times the runs, or of a single run the steps."""
        if self.runs > 1:
            return replace(self, runs=max(2, round(self.runs * factor)))
        return replace(self, steps=max(2, round(self.steps * factor)))

    @property
    def points(self) -> int:
        return self.runs * self.steps * self.metrics


SIZES: dict[Name, Size] = {
    "steps": Size(runs=100, steps=100_000, metrics=12),
    "runs": Size(runs=1_000, steps=10_000, metrics=4),
    "metrics": Size(runs=1, steps=100, metrics=10_000),
    "table": Size(runs=100_000, steps=0, metrics=8),
}
"""As the budgets want them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One project to be made."""

    name: Name
    size: Size
    seed: int
    project: str


@dataclass(frozen=True, slots=True)
class Made:
    """One run: its stream and what is sent of it, in order."""

    stream: str
    bodies: tuple[bytes, ...]


def metric_names(count: int) -> list[str]:
    """Return names as people give them: a dozen curves, then thousands from the layers of a model."""
    names = list(CURVES[:count])
    kinds = ("grad_norm", "weight_norm", "activation", "sparsity")
    for number in range(count - len(names)):
        block, kind = divmod(number, len(kinds))
        names.append(f"block{block // 8}/layer{block % 8}/{kinds[kind]}")
    return names


def config_of(number: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the config of a run: a small sweep, five runs with different seeds of each point."""
    point = number // 5
    return {
        "lr": (0.1, 0.03, 0.01, 0.003, 0.001)[point % 5],
        "batch_size": (32, 64, 128, 256)[point // 5 % 4],
        "optimizer": OPTIMIZERS[point // 20 % 4],
        "seed": number % 5,
        "dropout": round(float(rng.uniform(0, 0.5)), 3),
        "model": {"name": "resnet", "depth": (18, 34, 50)[point % 3], "width": 64},
        "data": {"path": "/data/digits", "augment": point % 2 == 0},
    }


def values_of(size: Size, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of a run, float64 of shape (steps, metrics): curves that fall or rise, with noise."""
    way = np.linspace(0, 1, size.steps)[:, None]
    falling = np.exp(-rng.uniform(2, 6, size.metrics) * way)
    rising = np.arange(size.metrics) % 2 == 1
    values = np.where(rising, 1 - falling, falling)
    values += rng.normal(0, 0.02, values.shape)
    for place in SPIKES:
        values[int(place * size.steps), 0] = SPIKE
    return values


def make(plan: Plan, number: int) -> Made:
    """Return one run of a project."""
    size = plan.size
    rng = np.random.default_rng([plan.seed, list(SIZES).index(plan.name), number])
    identity = f"{plan.project} {plan.name} {size} {plan.seed} {number}"
    stream = hashlib.sha256(identity.encode()).hexdigest()[:32]
    frames = _Frames()
    frames.record(
        Open(
            stream=stream, run=f"{plan.name}-{number:06d}", project=plan.project,
            started_us=START_US + number * 1_000_000, name=f"{plan.name}-{number}", host=f"lab{number % 7}",
            program="train.py", pid=1000 + number % 50_000, group=f"sweep-{number // 100}",
            job_type="train" if number % 10 else "eval",
        )
    )  # fmt: skip
    frames.record(Config(set=config_of(number, rng)))
    tags = [tag for at, tag in enumerate(TAGS) if (number >> at) % 3 == 0]
    frames.record(Describe(tags=tags))
    bodies = _rows(frames, size, rng) if size.steps else _summary(frames, size, rng)
    runtime_us = size.steps * STEP_US
    ended_us = START_US + number * 1_000_000 + runtime_us
    code = 1 if number % 17 == 16 else 0
    frames.record(Finish(exit_code=code, time_us=ended_us, runtime_us=runtime_us))
    return Made(stream, (*bodies, frames.body()))


def _rows(frames: _Frames, size: Size, rng: np.random.Generator) -> list[bytes]:
    frames.record(Shape(shape=0, paths=metric_names(size.metrics)))
    values = values_of(size, rng)
    per_body = max(1, min(BODY_ROWS, BODY_POINTS // size.metrics))
    bodies = []
    for start in range(0, size.steps, per_body):
        rows = values[start : start + per_body].tolist()
        for step, row in enumerate(rows, start):
            at = step * STEP_US
            frames.add(Kind.ROW, codec.encode_row(0, step, START_US + at, at, row))
        bodies.append(frames.body())
    return bodies


def _summary(frames: _Frames, size: Size, rng: np.random.Generator) -> list[bytes]:
    names = metric_names(size.metrics)
    values = dict(zip(names, rng.random(size.metrics).tolist(), strict=True))
    if rng.random() < 0.02:
        values[names[0]] = math.nan  # some runs diverge
    frames.record(Summary(set=values))
    return []


class _Frames:
    """Frames of one stream, numbered; `body` takes those waiting."""

    def __init__(self) -> None:
        self._next = 0
        self._waiting: list[bytes] = []

    def record(self, record: Record) -> None:
        self.add(record.kind, codec.encode(record))

    def add(self, kind: Kind, payload: bytes) -> None:
        self._waiting.append(frame.pack(int(kind), self._next, payload))
        self._next += 1

    def body(self) -> bytes:
        body = codec.compress(b"".join(self._waiting))
        self._waiting.clear()
        return body
