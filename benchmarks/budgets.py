"""The rows of the web app's budgets that a server answers for, over HTTP, on projects of `fill.py`.

    python benchmarks/budgets.py [--data DIR]

`--data`: a folder that `fill.py` filled, of full size if the budgets are to be believed; only the projects it
has are measured. Without it small ones are made. `cold`: the first answer of a fresh server process; the
others are the best of five. Where the budget is of the whole page (a chart painted in 1.0 s), the goal here
is what is left for the server. Beside the time that passed stands what the server's process had of the
processor, all threads of it together: on a machine with other work, that is the figure to compare.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _projects import SIZES, Name, Plan
from _server import FIRST_KEY, LiveServer, cpu_seconds_exactly

from kiseki.client.http import Client

ROUNDS = 5
STEPS_SEEN = 3_000  # in a zoomed chart
ENTITY = "ada"
LOSS = "summary.train/loss"
TWO_KEYS = f"config.lr,-{LOSS}"
GOALS = {"cold": 500.0, "series": 150.0, "table": 300.0, "palette": 50.0}  # ms
SMALL: dict[Name, float] = {"steps": 0.02, "runs": 0.01, "metrics": 0.1, "table": 0.01}


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of an answer, and of the server's processor time."""

    ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One row: what was asked, the milliseconds of the answer, and at most how many it may take."""

    what: str
    took: Took
    goal: float

    @property
    def ms(self) -> float:
        return self.took.ms

    @property
    def line(self) -> str:
        mark = "reached" if self.ms <= self.goal else f"{self.ms / self.goal:.1f} times the goal"
        cpu = f"{self.took.cpu_ms:>9,.1f} ms CPU"
        return f"{self.what:<58} {self.ms:>9,.1f} ms {cpu}   goal {self.goal:>5,.0f} ms   {mark}"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    client: Client
    pid: int

    def took(self, ask: Callable[[], object]) -> Took:
        began, cpu = time.perf_counter(), cpu_seconds_exactly(self.pid)
        ask()
        ms = (time.perf_counter() - began) * 1e3
        return Took(ms, (cpu_seconds_exactly(self.pid) - cpu) * 1e3)

    def best(self, ask: Callable[[], object]) -> Took:
        rounds = [self.took(ask) for _ in range(ROUNDS)]
        return Took(min(one.ms for one in rounds), min(one.cpu_ms for one in rounds))


@contextmanager
def serving(data: Path) -> Iterator[Server]:
    live = LiveServer(data).start()
    assert live.process is not None
    try:
        with Client(live.url, FIRST_KEY, timeout=120) as client:
            client.get_json("/-/ready")
            yield Server(client, live.process.pid)
    finally:
        live.stop()


def series(client: Client, project: str, runs: int, buckets: int) -> Callable[..., bytes]:
    """Return how to ask for one chart of all runs; its arguments change the request."""
    url = f"/api/v1/projects/{ENTITY}/{project}"
    page = client.get_json(f"{url}/runs", {"limit": runs})
    body = {
        "space": "history", "metrics": ["train/loss"], "runs": [run["id"] for run in page["runs"]],
        "x": "_step", "buckets": buckets,
    }  # fmt: skip

    def ask(**more: Any) -> bytes:
        text = json.dumps({**body, **more}).encode()
        return client.post_bytes(
            f"{url}/series", text, "application/json", "application/x-kiseki-series"
        )

    return ask


def of_series(data: Path, project: str, runs: int, title: str) -> Iterator[Measured]:
    buckets = 1_500 if runs <= 100 else 300_000 // 2 // runs
    with serving(data) as server:
        took, best = server.took, server.best
        ask = series(server.client, project, runs, buckets)
        yield Measured(f"{title}, first chart, cold", took(ask), GOALS["cold"])
        yield Measured(f"{title}, same again", best(ask), GOALS["series"])
        low = 1_000

        def zoom() -> object:
            nonlocal low
            low += 7  # never a window that was asked before
            return ask(x_min=low, x_max=low + STEPS_SEEN)

        yield Measured(f"{title}, zoom", best(zoom), GOALS["series"])
        groups = {"by": ["config.lr"], "band": "std"}
        in_groups = {"runs": [], "groups": groups}
        yield Measured(f"{title}, in groups, first", took(lambda: ask(**in_groups)), GOALS["cold"])
        yield Measured(f"{title}, in groups", best(lambda: ask(**in_groups)), GOALS["series"])


def of_lists(data: Path, project: str, runs: int, title: str) -> Iterator[Measured]:
    url = f"/api/v1/projects/{ENTITY}/{project}"
    asked = {
        "runs, first page": ("runs", {"limit": 200}),
        "runs, page at the middle": ("runs", {"limit": 200, "offset": runs // 2}),
        "runs, filter by a number": ("runs", {"limit": 200, "filter": "lr>=0.03"}),
        "runs, filter by text and tag": ("runs", {"filter": "optimizer:adam tags:best"}),
        "runs, a word": ("runs", {"filter": "table-777"}),
        "runs, sort by a summary value": ("runs", {"sort": "-summary.train/loss"}),
        "runs, filter and sort by two": ("runs", {"filter": "lr>=0.03", "sort": TWO_KEYS}),
        "groups by one key": ("groups", {"by": "config.lr", "columns": LOSS}),
        "groups by two keys and tags": (
            "groups", {"by": "config.lr,config.optimizer,tags", "columns": LOSS, "members": 200},
        ),
        "values with counts": ("values", {"key": "config.optimizer"}),
        "values of a name, searched": ("values", {"key": "name", "search": "77"}),
        "fields": ("fields", {}),
        "metrics": ("metrics", {}),
    }  # fmt: skip
    if runs == 1:  # with many metrics: lists of runs are none
        asked = {
            what: ask
            for what, ask in asked.items()
            if not what.startswith(("runs", "groups", "values"))
        }
    with serving(data) as server:
        for what, (path, params) in asked.items():

            def ask(path: str = path, params: dict[str, Any] = params) -> object:
                return server.client.get_json(f"{url}/{path}", params)

            first = server.took(ask)
            if path in ("fields", "metrics"):  # a server remembers these until runs change
                yield Measured(f"{title}, {what}, first", first, GOALS["table"])
                yield Measured(f"{title}, {what}", server.best(ask), GOALS["palette"])
                continue
            # It remembers lists as they were sent, too: none that was asked for before.
            anew = _anew(server.client, f"{url}/{path}", params)
            yield Measured(f"{title}, {what}", server.best(anew), GOALS["table"])


def _anew(client: Client, url: str, params: dict[str, Any]) -> Callable[[], object]:
    """Return how to ask for a list, each time for one more or less of it."""
    limits = itertools.count(params.get("limit", 100) - ROUNDS)
    return lambda: client.get_json(url, {**params, "limit": next(limits)})


def measure(data: Path) -> Iterator[Measured]:
    with serving(data) as server:
        projects = server.client.get_json("/api/v1/projects")["projects"]
    sizes = {one["project"]: one for one in projects}
    for project in ("fill-steps", "fill-runs"):
        if project in sizes:
            title = _title(sizes[project])
            yield from of_series(data, project, sizes[project]["runs"], title)
    for project in ("fill-table", "fill-metrics"):
        if project in sizes:
            yield from of_lists(data, project, sizes[project]["runs"], _title(sizes[project]))


def _title(project: dict[str, Any]) -> str:
    return f"{project['project']} ({project['runs']:,} runs)"


def small(folder: Path) -> Path:
    """Make small projects; return their folder."""
    import fill

    with fill.into_folder(folder / "data", ENTITY) as target:
        for kind, scale in SMALL.items():
            size = SIZES[kind].scaled(scale)
            fill.fill(Plan(kind, size, 0, f"fill-{kind}"), target, 1)
    return folder / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder that fill.py filled")
    args = parser.parse_args()
    os.environ["KISEKI_FIRST_KEY"] = FIRST_KEY
    rows = []
    with ExitStack() as stack:
        data = args.data or small(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        for row in measure(data):
            rows.append(row)
            print(row.line, file=sys.stderr, flush=True)
    print(
        json.dumps(
            {
                "name": "budgets",
                "figures": {row.what: round(row.ms, 1) for row in rows},
                "cpu_ms": {row.what: round(row.took.cpu_ms, 1) for row in rows},
                "goals": {row.what: ["<=", row.goal] for row in rows} if args.data else {},
            }
        )
    )


if __name__ == "__main__":
    main()
