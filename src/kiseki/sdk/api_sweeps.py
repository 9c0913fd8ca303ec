"""Sweeps of a server, as `kiseki.Api` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from kiseki.client.http import Client, numbers_of

PAGE_SWEEPS = 100


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep on a server, as it was when it was asked for. Its runs: `api.runs(path, sweep.filter)`.

    Attributes:
        state: RUNNING, PAUSED, FINISHED or CANCELED.
        method: grid, random or bayes.
        metric, goal: what it is for; "" where nothing is said.
        runs: how many there are, by state.
        best_run, best_value: the best run's id and its value of the metric; None without any.
        trials: how many sets of values were handed out.
        expected: how many runs there will be; None: nobody knows.
        config: as it was given; empty for sweeps of a list.
    """

    id: str
    name: str
    description: str
    state: str
    method: str
    metric: str
    goal: str
    user: str
    runs: Mapping[str, int]
    best_run: str | None
    best_value: float | None
    trials: int
    expected: int | None
    early_stops: int
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def filter(self) -> str:
        """What finds its runs: `api.runs("entity/project", sweep.filter)`."""
        return f"sweep:{self.id}"


def sweep_of(raw: Mapping[str, Any]) -> Sweep:
    """Return a sweep from its JSON."""
    metric, best = raw["metric"] or {}, raw["best"] or {}
    config = yaml.safe_load(raw["config"]) if "config" in raw else {}
    return Sweep(
        raw["id"], raw["name"], raw["description"], raw["state"], raw["method"],
        metric.get("name", ""), metric.get("goal", ""), raw["user"], raw["runs"],
        best.get("run"), numbers_of(best.get("value")), raw["trials"], raw["expected"],
        raw["early_stops"], config,
    )  # fmt: skip


def sweeps_of(client: Client, url: str) -> list[Sweep]:
    """Return all sweeps of a project, the youngest first."""
    found: list[Sweep] = []
    while True:
        page = client.get_json(f"{url}/sweeps", {"offset": len(found), "limit": PAGE_SWEEPS})
        found += [sweep_of(raw) for raw in page["sweeps"]]
        if not page["sweeps"] or len(found) >= page["total"]:
            return found
