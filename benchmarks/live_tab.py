"""The memory of a tab that is left open: an hour beside 100 runs of 1,000 metrics, five of them logging.

    python benchmarks/live_tab.py [--data DIR] [--seconds 300]

The page's clock is moved on: each real second it sees about twelve, so timers, redraws and questions are
twelve times as many, and 300 seconds are an hour of it. Now and then somebody scrolls, and hovers over
panels. Sizes are read after garbage was collected, at the top of the page; growth is the slope of a line
through all of them, by hour of the page's clock. The project (`fill-live`) is made when it is missing, in
`--data` if that is given. `process` is the whole renderer: with it, while something listens to its network as
this does, the answers that the browser keeps to show them. The last line is the summary as JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from _browser import ENTITY, chromium, filled, signed_in
from _server import FIRST_KEY, LiveServer
from playwright.sync_api import Browser, Page

LIVE = "fill-live"
PANELS = 12
RUNS_LIVE = 5
METRICS = 1_000
OLD = ("metrics", "--project", LIVE, "--runs", "95", "--metrics", str(METRICS), "--steps", "100")
ROW_EVERY_S = 2.0
"""Of each run; on the clock of the page about two a minute."""
TICK_MS = 2_000
TICK_S = 0.165
WARM_UP = 0.25
SAMPLES = 8
HOUR_S = 3_600


@contextmanager
def logging(live: LiveServer) -> Iterator[None]:
    """Runs that log meanwhile, in a process of their own."""
    command = [
        sys.executable, str(Path(__file__).with_name("_live.py")), live.url, FIRST_KEY, LIVE,
        str(RUNS_LIVE), str(METRICS), str(ROW_EVERY_S),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a tab holds after garbage was collected. `seen_s`: seconds of its own clock since it was warm."""

    seen_s: float
    heap_mb: float
    buffers_mb: float
    process_mb: float
    nodes: int
    listeners: int

    @property
    def total_mb(self) -> float:
        """Of what the page itself holds: objects, and the numbers of its series."""
        return self.heap_mb + self.buffers_mb

    def __str__(self) -> str:
        return (
            f"{self.seen_s / 60:>5.0f} min   {self.total_mb:>6.1f} MB ({self.heap_mb:.1f} objects, "
            f"{self.buffers_mb:.1f} buffers)   process {self.process_mb:.0f} MB   {self.nodes:,} nodes   "
            f"{self.listeners:,} listeners"
        )


def memory(page: Page, seen_s: float) -> Memory:
    session = page.context.new_cdp_session(page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    counters = session.send("Memory.getDOMCounters")
    session.detach()
    return Memory(
        seen_s=seen_s,
        heap_mb=(usage["usedSize"] + usage.get("embedderHeapUsedSize", 0)) / 1e6,
        buffers_mb=usage.get("backingStorageSize", 0) / 1e6,
        process_mb=renderer_mb(page),
        nodes=counters["nodes"],
        listeners=counters["jsEventListeners"],
    )


def renderer_mb(page: Page) -> float:
    """Return the memory of the biggest process that draws pages: ours is the only page."""
    assert page.context.browser is not None
    session = page.context.browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    found = [one["id"] for one in processes if one["type"] == "renderer"]
    return max(psutil.Process(pid).memory_full_info().uss for pid in found) / 1e6


def live_tab(browser: Browser, live: LiveServer, seconds: float) -> dict[str, float]:
    """Return the memory of a tab that watches live runs, and by how much it grew."""
    found: list[Memory] = []
    with logging(live), signed_in(browser, live) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(f"{live.url}/{ENTITY}/{LIVE}?cols=4")
        page.locator(".kiseki-chart").nth(PANELS - 1).wait_for(timeout=120_000)
        run_on(page, seconds * WARM_UP)
        began = page_seconds(page)
        for _ in range(SAMPLES + 1):
            to_top(page)
            found.append(memory(page, page_seconds(page) - began))
            print(found[-1], file=sys.stderr, flush=True)
            if len(found) <= SAMPLES:
                run_on(page, seconds * (1 - WARM_UP) / SAMPLES)
    last = found[-1]
    return {
        "total_mb": round(last.total_mb, 1),
        "process_mb": round(last.process_mb, 1),
        "seconds_seen": round(last.seen_s),
        "growth_percent_an_hour": round(growth(found) * 100, 1),
        "nodes_grown": last.nodes - found[0].nodes,
        "listeners_grown": last.listeners - found[0].listeners,
    }


def growth(found: list[Memory]) -> float:
    """Return by which part of its size the tab grows in an hour: the slope of a line through all samples."""
    times = [one.seen_s for one in found]
    sizes = [one.total_mb for one in found]
    slope = statistics.linear_regression(times, sizes).slope
    return slope * HOUR_S / statistics.fmean(sizes)


def page_seconds(page: Page) -> float:
    return float(page.evaluate("performance.now()")) / 1000


def run_on(page: Page, seconds: float) -> None:
    """Let the page's clock run twelve times as fast for so many real seconds; somebody looks meanwhile."""
    until = time.monotonic() + seconds
    looked = 0
    while time.monotonic() < until:
        began = time.monotonic()
        page.clock.run_for(TICK_MS)
        looked += 1
        if looked % 30 == 0:
            look(page, looked // 30)
        time.sleep(max(0.0, TICK_S - (time.monotonic() - began)))


def look(page: Page, number: int) -> None:
    """Scroll a screen on or back, and hover over a panel there."""
    page.mouse.move(900, 600)
    page.mouse.wheel(0, 900 if number % 4 < 2 else -900)
    page.clock.run_for(500)
    for step in range(6):
        page.mouse.move(700 + 40 * step, 500 + 10 * step)
        page.clock.run_for(32)
    page.mouse.move(4, 4)


def to_top(page: Page) -> None:
    page.mouse.move(900, 600)
    page.mouse.wheel(0, -20_000)
    page.mouse.move(4, 4)
    page.clock.run_for(2_000)
    page.wait_for_timeout(1)
    time.sleep(2)
    page.clock.run_for(1_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder to keep the project in")
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = options.data or Path(name) / "data"
        live = LiveServer(data).start()
        try:
            if not any(one["project"] == LIVE for one in live.get("/api/v1/projects")["projects"]):
                live.stop()
                filled(
                    data, *OLD
                )  # into the folder, which is compacted at the end: as after a night
                live.start()
            with chromium() as browser:
                figures = live_tab(browser, live, options.seconds)
        finally:
            live.stop()
    goals = {"total_mb": ["<=", 400], "growth_percent_an_hour": ["<=", 5]}
    print(json.dumps({"name": "live_tab", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
