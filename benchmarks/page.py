"""The rows of the web app's budgets that a browser answers for: what is loaded, painted and kept.

    python benchmarks/page.py [--data DIR] [--live SECONDS]

`--data`: a folder that `fill.py` filled, of full size if the budgets are to be believed; without it small
projects are made, which shows that it works. Times are the best of three visits of a warm server, from
navigation; a chart counts as painted when the first line is stroked on its canvas, so data, code and drawing
are all in it. `--live`: how long a live tab is watched for its memory, on a clock that is about ten times as
fast.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _server import FIRST_KEY, LiveServer
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROUNDS = 3
ENTITY = "ada"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--js-flags=--expose-gc",
]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
SCREEN = {"width": 1600, "height": 1130}  # twelve panels beside the sidebar
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


@contextmanager
def chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if not executable:
        sys.exit("this needs `chromium` on the PATH: python scripts/browser.py")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def signed_in(browser: Browser, live: LiveServer) -> Iterator[BrowserContext]:
    # The policy of the page forbids what Playwright waits with.
    context = browser.new_context(viewport=SCREEN, bypass_csp=True)  # type: ignore[arg-type]
    answer = context.request.post(f"{live.url}/api/v1/session", data={"key": FIRST_KEY})
    assert answer.ok, answer.text()
    yield context
    context.close()


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


def heap_mb(page: Page) -> float:
    session = page.context.new_cdp_session(page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    found = session.send("Runtime.getHeapUsage")
    session.detach()
    return float(found["usedSize"]) / 1e6


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


def logging(live: LiveServer, stop: threading.Event, folder: Path) -> subprocess.Popen[str]:
    """Start a script that logs ten rows a second, in a process of its own."""
    code = (
        "import kiseki, math, time\n"
        "run = kiseki.init(project='live', id='live')\n"
        "step = 0\n"
        "while True:\n"
        "    run.log({f'train/m{i}': math.sin(step / 50 + i) for i in range(12)})\n"
        "    step += 1\n"
        "    time.sleep(0.1)\n"
    )
    env = {
        **os.environ, "KISEKI_BASE_URL": live.url, "KISEKI_API_KEY": FIRST_KEY,
        "KISEKI_CONFIG_DIR": str(folder / "c"), "KISEKI_DATA_DIR": str(folder / "d"),
        "KISEKI_DIR": str(folder), "KISEKI_SILENT": "true",
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", code], env=env, text=True)


def live_tab(browser: Browser, live: LiveServer, seconds: float) -> dict[str, float]:
    """Return the memory of a tab that watches a live run, and by how much it grew.

    The page's clock is moved on: each real second it sees ten, so timers, redraws and questions are ten times
    as many.
    """
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as name:
        script = logging(live, stop, Path(name))
        try:
            with signed_in(browser, live) as context:
                page = context.new_page()
                page.clock.install()
                page.goto(f"{live.url}/{ENTITY}/live?cols=4")
                page.locator(".kiseki-chart").nth(PANELS - 1).wait_for(timeout=60_000)
                run_on(page, seconds * 0.25)
                before = heap_mb(page)
                run_on(page, seconds)
                after = heap_mb(page)
        finally:
            script.kill()
            script.wait()
    return {
        "live_tab_mb": round(after, 1),
        "live_tab_seconds_seen": round(seconds * 12.5),
        "live_tab_growth_percent": round((after / before - 1) * 100, 1),
    }


def run_on(page: Page, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        page.clock.run_for(2_000)
        page.wait_for_timeout(1)
        time.sleep(0.15)


GOALS: dict[str, list[Any]] = {
    "steps_first_load_js_kb": ["<=", 120], "steps_first_load_css_kb": ["<=", 30],
    "steps_shell_ms": ["<=", 300], "steps_first_chart_ms": ["<=", 1000],
    f"steps_{PANELS}_charts_ms": ["<=", 2000], "metrics_first_chart_ms": ["<=", 1000],
    "zoom_sharp_ms": ["<=", 300], "live_tab_mb": ["<=", 400],
    "live_tab_growth_percent": ["<=", 5],
}  # fmt: skip


def fill(data: Path) -> None:
    here = Path(__file__).resolve().parent
    for kind, scale in (("steps", "0.05"), ("runs", "0.02"), ("metrics", "0.1")):
        command = [
            sys.executable,
            str(here / "fill.py"),
            "--data",
            str(data),
            kind,
            "--scale",
            scale,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder that fill.py filled")
    parser.add_argument("--live", type=float, default=30, metavar="SECONDS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = options.data or Path(name) / "data"
        if options.data is None:
            fill(data)
        live = LiveServer(data).start()
        try:
            figures: dict[str, float] = {}
            with chromium() as browser:
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
