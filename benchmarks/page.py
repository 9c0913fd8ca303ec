"""The rows of the web app's budgets that a browser answers for: what is loaded, painted and kept.

    python benchmarks/page.py [--data DIR] [--live SECONDS]

`--data`: a folder that `fill.py` filled, of full size if the budgets are to be believed; without it small
projects are made, which shows that it works. Times are the best of three visits of a warm server, from
navigation; a chart counts as painted when the first line is stroked on its canvas, so data, code and drawing
are all in it. `--live`: how long a live tab is watched for its memory, on a clock that is about twelve times
as fast; its project (`fill-live`) is made when it is missing.
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
from typing import Any

import psutil
from _browser import ENTITY, chromium, filled, signed_in
from _server import FIRST_KEY, LiveServer
from playwright.sync_api import Browser, Page

ROUNDS = 3
PANELS = 12

# When a line is first stroked on each canvas of lines: axes have another canvas, and the lit line another.
STROKES = """
  window.painted = [];
  const seen = new Set();
  const stroke = CanvasRenderingContext2D.prototype.stroke;
  CanvasRenderingContext2D.prototype.stroke = function (...args) {
    const canvas = this.canvas;
    if (!seen.has(canvas) && canvas.closest?.('.kiseki-chart') && canvas.getAttribute('aria-hidden')) {
      seen.add(canvas);
      window.painted.push(performance.now());
    }
    window.lastStroke = performance.now();
    return stroke.apply(this, args);
  };
"""


def painted(page: Page, url: str, panels: int) -> tuple[float, float]:
    """Go to a workspace; return the ms until the first chart, and until `panels` charts, were painted."""
    page.goto(url)
    page.wait_for_function(f"window.painted.length >= {panels}", timeout=120_000)
    times = page.evaluate("window.painted.slice().sort((a, b) => a - b)")
    return times[0], times[panels - 1]


def first_paint(page: Page, url: str) -> float:
    page.goto(url)
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    return float(
        page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    )


def loaded(page: Page) -> dict[str, float]:
    """Return the kB, compressed, of the scripts and styles that a page loaded."""
    entries = page.evaluate(
        "performance.getEntriesByType('resource').map((one) => [one.name, one.encodedBodySize])"
    )
    kinds = {"js_kb": ".js", "css_kb": ".css"}
    return {
        kind: sum(size for name, size in entries if name.split("?")[0].endswith(end)) / 1000
        for kind, end in kinds.items()
    }


def best(found: list[float]) -> float:
    return round(min(found), 1)


def workspace(
    browser: Browser, live: LiveServer, project: str, name: str, panels: int
) -> dict[str, float]:
    firsts, alls, shells, figures = [], [], [], {}
    with signed_in(browser, live) as context:
        for round in range(ROUNDS):
            page = context.new_page()
            page.add_init_script(STROKES)
            url = f"{live.url}/{ENTITY}/{project}?cols=4"
            first, every = painted(page, url, panels)
            firsts.append(first)
            alls.append(every)
            if round == 0:
                figures = {
                    f"{name}_first_load_{kind}": round_kb(kb) for kind, kb in loaded(page).items()
                }
            page.close()
            page = context.new_page()
            shells.append(first_paint(page, url))
            page.close()
    return figures | {
        f"{name}_first_chart_ms": best(firsts),
        f"{name}_{panels}_charts_ms": best(alls),
        f"{name}_shell_ms": best(shells),
    }


def round_kb(value: float) -> float:
    return round(value, 1)


def zoom(browser: Browser, live: LiveServer, project: str) -> dict[str, float]:
    """Return the ms from the end of a drag to the drawing of the finer answer."""
    found = []
    with signed_in(browser, live) as context:
        page = context.new_page()
        page.add_init_script(STROKES)
        painted(page, f"{live.url}/{ENTITY}/{project}?cols=4", PANELS)
        for part in range(1, ROUNDS + 2):
            page.goto(f"{live.url}/{ENTITY}/{project}?cols=1&panel=train%2Floss")
            chart = page.locator(".kiseki-chart .kiseki-plot").first
            chart.wait_for()
            page.wait_for_function("window.painted.length > 0")
            page.wait_for_load_state("networkidle")
            box = chart.bounding_box()
            assert box is not None
            y = box["y"] + box["height"] / 2
            page.mouse.move(box["x"] + box["width"] * 0.1 * part, y)
            page.mouse.down()
            page.mouse.move(box["x"] + box["width"] * (0.1 * part + 0.05), y, steps=4)
            with page.expect_response(lambda answer: answer.url.endswith("/series")) as answered:
                began = page.evaluate("performance.now()")
                page.mouse.up()
            answered.value.finished()
            page.wait_for_timeout(500)  # nothing else is drawn while the pointer rests
            found.append(page.evaluate("window.lastStroke") - began)
        page.close()
    return {"zoom_sharp_ms": best(found)}


# ---- a tab that is left open ----

LIVE = "fill-live"
RUNS_LIVE = 10
METRICS = 1_000
OLD = ("metrics", "--project", LIVE, "--runs", "90", "--metrics", str(METRICS), "--steps", "100")
ROW_EVERY_S = 1.0
"""Of each run; on the clock of the page every twelve seconds."""
TICK_MS = 2_000
TICK_S = 0.165
WARM_UP = 0.2
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
    """Return the memory of a tab that watches live runs, and by how much it grew.

    100 runs of 1,000 metrics each, ten of them logging. The page's clock is moved on: each real second it
    sees about twelve, so timers, redraws and questions are twelve times as many. Every now and then somebody
    scrolls on, and over some panels.
    """
    found: list[Memory] = []
    if not any(one["project"] == LIVE for one in live.get("/api/v1/projects")["projects"]):
        filled(live, *OLD)
    with logging(live), signed_in(browser, live) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(f"{live.url}/{ENTITY}/{LIVE}?cols=4")
        page.locator(".kiseki-chart").nth(PANELS - 1).wait_for(timeout=120_000)
        run_on(page, seconds * WARM_UP)
        began = page_seconds(page)
        for _ in range(SAMPLES + 1):
            found.append(memory(page, page_seconds(page) - began))
            print(found[-1], file=sys.stderr, flush=True)
            if len(found) <= SAMPLES:
                run_on(page, seconds * (1 - WARM_UP) / SAMPLES)
    last = found[-1]
    return {
        "live_tab_mb": round(last.total_mb, 1),
        "live_tab_process_mb": round(last.process_mb, 1),
        "live_tab_seconds_seen": round(last.seen_s),
        "live_tab_growth_percent": round(growth(found) * 100, 1),
        "live_tab_nodes_grown": last.nodes - found[0].nodes,
        "live_tab_listeners_grown": last.listeners - found[0].listeners,
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
    """Scroll to another part of the page, and hover over a panel there."""
    page.mouse.move(900, 600)
    page.mouse.wheel(0, 900 if number % 8 < 6 else -2_700)
    page.clock.run_for(500)
    for step in range(6):
        page.mouse.move(700 + 40 * step, 500 + 10 * step)
        page.clock.run_for(32)
    page.mouse.move(4, 4)


GOALS: dict[str, list[Any]] = {
    "steps_first_load_js_kb": ["<=", 120], "steps_first_load_css_kb": ["<=", 30],
    "steps_shell_ms": ["<=", 300], "steps_first_chart_ms": ["<=", 1000],
    f"steps_{PANELS}_charts_ms": ["<=", 2000], "metrics_first_chart_ms": ["<=", 1000],
    "zoom_sharp_ms": ["<=", 300], "live_tab_mb": ["<=", 400],
    "live_tab_growth_percent": ["<=", 5],
}  # fmt: skip


def small(data: Path) -> None:
    for kind, scale in (("steps", "0.05"), ("runs", "0.02"), ("metrics", "0.1")):
        filled(data, kind, "--scale", scale)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder that fill.py filled")
    parser.add_argument(
        "--live", type=float, default=30, metavar="SECONDS", help="330: an hour of its clock"
    )
    parser.add_argument("--only-live", action="store_true", help="nothing but the live tab")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = options.data or Path(name) / "data"
        if options.data is None:
            small(data)
        live = LiveServer(data).start()
        try:
            figures: dict[str, float] = {}
            with chromium() as browser:
                if not options.only_live:
                    figures |= workspace(browser, live, "fill-steps", "steps", PANELS)
                    figures |= zoom(browser, live, "fill-steps")
                    figures |= workspace(browser, live, "fill-runs", "runs", 4)
                    figures |= workspace(browser, live, "fill-metrics", "metrics", PANELS)
                figures |= live_tab(browser, live, options.live)
        finally:
            live.stop()
    print(json.dumps({"name": "page", "figures": figures, "goals": GOALS}))


if __name__ == "__main__":
    main()
