"""What a page asks of series, and what one answer may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kiseki.core.query.chains import Chain
from kiseki.core.query.expressions import MARK, of_metric
from kiseki.core.query.grouping import MEAN, Look
from kiseki.core.query.smoothing import PLAIN, Smoothing
from kiseki.errors import Invalid
from kiseki.storage.interface import GroupValue, XAxis

PAIRS_MAX = 20_000  # metrics × runs of one request
BUCKETS_EACH_MAX = 8_192

ELAPSED = "_elapsed"
AXES: dict[str, XAxis] = {
    "_step": "step", "_runtime": "runtime", "_timestamp": "time", ELAPSED: "time",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """Runs to be drawn as one line: what they have in common, and their ids."""

    values: tuple[GroupValue, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of runs, each a line of its own.

    Attributes:
        groups: a run may be in several.
        chains: run id → where its rows lie, of all members.
    """

    groups: Sequence[Group]
    chains: Mapping[str, Chain]
    look: Look = MEAN
    smoothing: Smoothing = PLAIN


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """What a page asks for.

    Attributes:
        metrics: key paths, and expressions (`= 1 - train/acc`).
        runs: run id → where its rows lie.
        x: `_step`, `_runtime` (s), `_elapsed` (s since `origins`), `_timestamp` (Unix s) or the key path of a
            metric.
        x_min, x_max: the window; None: as far as the data goes.
        buckets: at most this many of each series.
        origins: run id → the Unix second from which `_elapsed` counts.
        inherited: run id → up to which step its rows are those of another run.
        constants: run id → the numbers that expressions name of its config and summary.
    """

    metrics: Sequence[str]
    runs: Mapping[str, Chain]
    x: str = "_step"
    x_min: float | None = None
    x_max: float | None = None
    buckets: int = 400
    log_x: bool = False
    groups: Groups | None = None
    constants: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    inherited: Mapping[str, int] = field(default_factory=dict)
    origins: Mapping[str, float] = field(default_factory=dict)

    def check(self) -> None:
        """Raise Invalid if this cannot be answered."""
        for metric in self.metrics:
            of_metric(metric)
        if self.x.startswith(MARK):
            raise Invalid("`x` is an axis or a metric, not an expression", code="x")
        runs = len(self.runs) + (len(self.groups.chains) if self.groups else 0)
        pairs = len(self.metrics) * runs
        if pairs > PAIRS_MAX:
            raise Invalid(
                f"{len(self.metrics):,} metrics of {runs:,} runs are {pairs:,} series; "
                f"at most {PAIRS_MAX:,} fit in one answer: ask for fewer at a time",
                code="too-many-series",
            )
        if not 2 <= self.buckets <= BUCKETS_EACH_MAX:
            raise Invalid(f"`buckets` is a number from 2 to {BUCKETS_EACH_MAX:,}", code="buckets")
        for name, bound in (("x_min", self.x_min), ("x_max", self.x_max)):
            if bound is not None and not math.isfinite(bound):
                raise Invalid(f"`{name}` must be a finite number", code="window")
        if self.x_min is not None and self.x_max is not None and self.x_min > self.x_max:
            raise Invalid("`x_min` is larger than `x_max`", code="window")
