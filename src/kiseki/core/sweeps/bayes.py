"""Bayesian search: a Gaussian process over the unit cube, and the point of largest expected improvement.

Its cost is bounded whatever the sweep is: the process looks at `LOOKED_AT` trials, and `CANDIDATES` points
are compared. Values that are listed become one axis each, numbers the place among their equals.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from kiseki.core.sweeps.config import SweepConfig
from kiseki.core.sweeps.parameters import Parameter
from kiseki.core.sweeps.search import Params, draw, nested, value_of

FIRST = 4  # trials that are drawn before anything is concluded
LOOKED_AT = 200
CANDIDATES = 1_000
NEAR = 200  # half of them are close to the best one
DRAWS_MAX = 100_000  # candidates times parameters
AXES_MAX = 64  # of one parameter: with more listed values they share one axis
SCALES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
NOISE = (1e-6, 1e-3, 3e-2)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """A trial that was begun. `value`: of the metric, None if there is none (yet)."""

    params: Mapping[str, Any]
    value: float | None
    is_over: bool


def suggest(config: SweepConfig, seed: str, seen: Sequence[Seen]) -> Params:
    """Return what to try next: a draw at first, and where nothing is known of the metric."""
    metric = config.metric
    known = [value for one in seen if (value := _finite(one)) is not None]
    axes = [_Axes(one) for one in config.parameters if one.count != 1]
    if metric is None or len(known) < FIRST or not axes:
        return draw(config, seed)
    sign = 1.0 if metric.goal == "minimize" else -1.0
    values = [sign * value for value in known]
    # Who failed is as bad as the worst, who still runs as good as the middle one: neither is tried again.
    worst, usual = max(values), median(values)
    rows: list[list[float]] = []
    targets: list[float] = []
    for one in _looked_at(seen, sign):
        try:
            rows.append([place for axis in axes for place in axis.of(one.params)])
        except (KeyError, ValueError):
            continue  # of an earlier config
        value = _finite(one)
        targets.append(sign * value if value is not None else worst if one.is_over else usual)
    if len(rows) < FIRST:
        return draw(config, seed)
    return _best_point(config, axes, np.array(rows), np.array(targets), seed)


def _finite(one: Seen) -> float | None:
    return one.value if one.value is not None and math.isfinite(one.value) else None


def _looked_at(seen: Sequence[Seen], sign: float) -> list[Seen]:
    """Return the trials that are looked at: all, or the best and the latest."""
    if len(seen) <= LOOKED_AT:
        return list(seen)
    latest = list(seen[-LOOKED_AT // 2 :])
    earlier = [one for one in seen[: -LOOKED_AT // 2] if _finite(one) is not None]
    earlier.sort(key=lambda one: sign * (one.value or 0.0))
    return earlier[: LOOKED_AT // 2] + latest


class _Axes:
    """The axes of one parameter in the cube."""

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        values = parameter.values
        numbers = all(type(one) in (int, float) for one in values)
        self._is_apart = bool(values) and not numbers and len(values) <= AXES_MAX
        self._ranks: dict[int, float] = {}
        if values and numbers:
            order = sorted(range(len(values)), key=lambda index: values[index])
            self._ranks = {index: (r + 0.5) / len(values) for r, index in enumerate(order)}

    def of(self, params: Mapping[str, Any]) -> list[float]:
        value = value_of(self.parameter, params)
        if not self.parameter.values:
            return [self.parameter.place(value)]
        index = self.parameter.index_of(value)
        if self._ranks:
            return [self._ranks[index]]
        if self._is_apart:
            # So that two different values are as far apart as the two ends of an axis.
            return [math.sqrt(0.5) * (index == at) for at in range(len(self.parameter.values))]
        return [self.parameter.place(value)]


def _best_point(
    config: SweepConfig,
    axes: Sequence[_Axes],
    x: Floats,
    y: Floats,
    seed: str,
) -> Params:
    source = random.Random(seed)
    candidates = max(NEAR, min(CANDIDATES, DRAWS_MAX // len(config.parameters)))
    y = _tamed(y)
    centre, spread = float(y.mean()), float(y.std()) or 1.0
    model = _fit(x, (y - centre) / spread)
    units = [[source.random() for _ in config.parameters] for _ in range(candidates - NEAR // 2)]
    near = int(np.argmin(y))
    close = _places(config, axes, x[near])
    for _ in range(NEAR // 2):
        width = 10 ** source.uniform(-3.0, -0.5)
        units.append([
            min(max(at + source.gauss(0.0, width), 0.0), 1.0) if at is not None else source.random()
            for at in close
        ])  # fmt: skip
    points: list[Params] = []
    places: list[list[float]] = []
    for unit in units:
        values = [one.at(u) for one, u in zip(config.parameters, unit, strict=True)]
        point = nested(config.parameters, values)
        points.append(point)
        places.append([place for axis in axes for place in axis.of(point)])
    gain = _improvement(model, np.array(places), (float(y.min()) - centre) / spread)
    return points[int(np.argmax(gain))]


def _tamed(y: Floats) -> Floats:
    """Return values without those that are bad beyond measure: one loss of 1e30 makes all others equal."""
    y = np.clip(y, -1e100, 1e100)
    low, high = np.percentile(y, [25, 75])
    found: Floats = np.minimum(y, high + 1.5 * (high - low))
    return found


def _places(config: SweepConfig, axes: Sequence[_Axes], row: Floats) -> list[float | None]:
    """Return where in its own interval each parameter of a point is; None: it has no order."""
    found: dict[str, float | None] = {}
    at = 0
    for axis in axes:
        values = axis.parameter.values
        width = len(values) if axis._is_apart else 1
        if not values:
            found[axis.parameter.name] = float(row[at])
        else:
            found[axis.parameter.name] = None
        at += width
    return [found.get(one.name) for one in config.parameters]


@dataclass(frozen=True, slots=True)
class _Model:
    x: Floats
    scale: float
    weights: Floats
    lower: Floats


def _fit(x: Floats, y: Floats) -> _Model:
    """Return the process whose width and noise explain the values best."""
    distance = _distance(x, x)
    root = math.sqrt(x.shape[1])
    best: tuple[float, _Model] | None = None
    for scale in SCALES:
        shape = _kernel(distance, scale * root)
        for noise in NOISE:
            try:
                lower = np.asarray(
                    np.linalg.cholesky(shape + (noise + 1e-8) * np.eye(len(x))), float
                )
            except np.linalg.LinAlgError:
                continue
            half = np.linalg.solve(lower, y)
            evidence = -0.5 * float(half @ half) - float(np.log(np.diag(lower)).sum())
            if best is None or evidence > best[0]:
                best = evidence, _Model(x, scale * root, np.linalg.solve(lower.T, half), lower)
    if best is None:  # no width will do: all points the same
        return _Model(x, root, y, np.eye(len(x), dtype=np.float64))
    return best[1]


def _distance(a: Floats, b: Floats) -> Floats:
    square = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
    found: Floats = np.sqrt(np.maximum(square, 0.0))
    return found


def _kernel(distance: Floats, scale: float) -> Floats:
    """Return Matérn's kernel of 5/2: twice differentiable, as losses are."""
    r = math.sqrt(5.0) * distance / scale
    found: Floats = (1 + r + r**2 / 3) * np.exp(-r)
    return found


def _improvement(model: _Model, x: Floats, best: float) -> Floats:
    """Return by how much each point is expected to be better than the best one."""
    cross = _kernel(_distance(x, model.x), model.scale)
    mean = cross @ model.weights
    half = np.linalg.solve(model.lower, cross.T)
    deviation = np.sqrt(np.maximum(1.0 - (half**2).sum(0), 1e-12))
    z = (best - mean) / deviation
    below = 0.5 * (1 + np.vectorize(math.erf, otypes=[float])(z / math.sqrt(2)))
    found: Floats = deviation * (z * below + np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi))
    return found
