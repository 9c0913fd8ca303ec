"""The rows of the web app's budgets that a browser answers for: what is loaded, painted, found and heard of.

    python benchmarks/page.py [--data DIR] [--only PART]

`--data`: a folder that `fill.py` filled, of full size if the budgets are to be believed; without it small
projects are made, which shows that it works. Parts:

    load      code loaded, shell, first and all charts painted (100 runs × 100,000 steps; 1,000 runs; 10,000
              metrics); from navigation, best of three visits of a warm server. A chart counts as painted
              when the first line is stroked on its canvas: data, code and drawing are all in it.
    zoom      from the end of a drag to the drawing of the finer answer
    palette   from a key to results that are painted, among 100,000 runs and among 10,000 metrics
    live      from `log()`, and from the server's receipt, to the stroke on the canvas of an open page
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _browser import ENTITY, chromium, filled, loop_ms, signed_in
from _live import Stream
from _server import FIRST_KEY, LiveServer
from playwright.sync_api import Browser, BrowserContext, Page

from kiseki.client.http import Client

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


# ---- the palette ----

TYPED = {"fill-table": "table-777", "fill-metrics": "block7/layer"}
# From the press of a key to the frame in which the list has other results.
LISTEN = """
  window.answers = [];
  let pressed = 0;
  addEventListener('keydown', (event) => (pressed = event.timeStamp), true);
  const options = () =>
    [...document.querySelectorAll('dialog [role=option]')].map((one) => one.textContent).join('|');
  let before = '';
  const look = () => {
    const now = options();
    if (now !== before && now !== '' && pressed > 0) {
      const from = pressed;
      pressed = 0;
      requestAnimationFrame(() => setTimeout(() => window.answers.push(performance.now() - from)));
    }
    before = now;
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
"""


def palette(browser: Browser, live: LiveServer, project: str, name: str) -> dict[str, float]:
    """Return the ms from a key to results: the first opening loads its code, a second and letters do not."""
    opened, again, letters = [], [], []
    with signed_in(browser, live) as context:
        for _ in range(ROUNDS):
            page = context.new_page()
            page.add_init_script(LISTEN)
            page.goto(f"{live.url}/{ENTITY}/{project}?cols=4")
            page.locator(".kiseki-chart, [role=listitem]").first.wait_for()
            page.wait_for_timeout(1_500)
            page.keyboard.press("Control+k")
            page.wait_for_function("window.answers.length > 0")
            opened.append(page.evaluate("window.answers[0]"))
            page.wait_for_timeout(500)
            page.keyboard.press("Escape")
            page.wait_for_timeout(300)
            page.evaluate("window.answers = []")
            page.keyboard.press("Control+k")
            page.wait_for_function("window.answers.length > 0")
            again.append(page.evaluate("window.answers[0]"))
            page.wait_for_timeout(300)
            for letter in TYPED[project]:
                page.evaluate("window.answers = []")
                page.keyboard.type(letter)
                page.wait_for_timeout(250)
                # Also the same results again are an answer, which nobody can see: those do not count.
                letters += page.evaluate("window.answers.slice(0, 1)")
            page.close()
    return {
        f"palette_{name}_open_ms": best(opened),
        f"palette_{name}_open_again_ms": best(again),
        f"palette_{name}_letter_ms": round(statistics.median(letters), 1),
        f"palette_{name}_letter_p95_ms": round(sorted(letters)[int(len(letters) * 0.95)], 1),
    }


# ---- a point that is logged while somebody looks ----

POINTS = 10
POINT_EVERY_S = 1.7
# When the line of the metric had more vertices than ever, and how many, on the clock of the machine: points
# are few enough that each is one.
HEAR = """
  window.heard = [];
  let [vertices, most] = [0, 0];
  const { beginPath, lineTo, stroke } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.beginPath = function () {
    vertices = 1;
    return beginPath.call(this);
  };
  CanvasRenderingContext2D.prototype.lineTo = function (x, y) {
    vertices += 1;
    return lineTo.call(this, x, y);
  };
  CanvasRenderingContext2D.prototype.stroke = function (...args) {
    const isLine = this.canvas.getAttribute('aria-hidden') && this.canvas.closest?.('[data-panel$="loss"]');
    if (isLine && vertices > most) {
      most = vertices;
      window.heard.push([Date.now() / 1000, most]);
    }
    return stroke.apply(this, args);
  };
"""
LOGGING = """
import sys, time
import kiseki
run = kiseki.init(project=sys.argv[3])
for step in range(2):
    run.log({"loss": 1.0})
print("ready", flush=True)
sys.stdin.readline()
for step in range(int(sys.argv[1])):
    print(time.time(), flush=True)
    run.log({"loss": 1.0 / (step + 2)})
    time.sleep(float(sys.argv[2]))
run.finish()
"""


def point(browser: Browser, live: LiveServer) -> dict[str, float]:
    """Return the seconds from `log()`, and from the receipt of the server, until a point is drawn."""
    with tempfile.TemporaryDirectory() as name, signed_in(browser, live) as context:
        project = f"live-{time.time_ns() // 1_000_000}"
        env = {
            **os.environ, "KISEKI_BASE_URL": live.url, "KISEKI_API_KEY": FIRST_KEY, "KISEKI_DIR": name,
            "KISEKI_CONFIG_DIR": f"{name}/c", "KISEKI_DATA_DIR": f"{name}/d", "KISEKI_SILENT": "true",
        }  # fmt: skip
        script = subprocess.Popen(
            [sys.executable, "-c", LOGGING, str(POINTS), str(POINT_EVERY_S), project],
            env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert script.stdin is not None and script.stdout is not None
        script.stdout.readline()
        page = watched(context, live, project)
        script.stdin.write("go\n")
        script.stdin.flush()
        logged = [float(line) for line in script.stdout]
        script.wait(30)
        from_log = delays(logged, page)
        page.close()

        with Client(live.url, FIRST_KEY) as client:
            stream = Stream(client, f"{project}-sent", 0, 1)
            stream.rows(2)
            page = watched(context, live, f"{project}-sent")
            received = []
            for _ in range(POINTS):
                stream.rows(1)
                received.append(time.time())
                page.wait_for_timeout(POINT_EVERY_S * 1000)
            from_receipt = delays(received, page)
            stream.finish()
    return {
        "point_seen_after_log_s": round(statistics.median(from_log), 2),
        "point_seen_after_log_max_s": round(max(from_log), 2),
        "point_seen_after_receipt_s": round(statistics.median(from_receipt), 2),
        "point_seen_after_receipt_max_s": round(max(from_receipt), 2),
    }


def watched(context: BrowserContext, live: LiveServer, project: str) -> Page:
    """Open the page of a project with two points, and wait until it rests."""
    page = context.new_page()
    page.add_init_script(HEAR)
    page.goto(f"{live.url}/{ENTITY}/{project}")
    page.wait_for_function("window.heard.some(([, vertices]) => vertices >= 2)", timeout=60_000)
    page.wait_for_timeout(2_000)
    return page


def delays(since: list[float], page: Page) -> list[float]:
    """Return how long after each time its point was drawn: the third of the line, the fourth …"""
    page.wait_for_timeout(3_000)
    heard = page.evaluate("window.heard")
    found = []
    for number, at in enumerate(since, 3):
        drawn = next((when for when, vertices in heard if vertices >= number), None)
        assert drawn is not None, f"point {number} was never drawn: {heard}"
        found.append(drawn - at)
    return found


GOALS: dict[str, list[Any]] = {
    "steps_first_load_js_kb": ["<=", 120], "steps_first_load_css_kb": ["<=", 30],
    "steps_shell_ms": ["<=", 300], "steps_first_chart_ms": ["<=", 1000],
    f"steps_{PANELS}_charts_ms": ["<=", 2000], "metrics_first_chart_ms": ["<=", 1000],
    "zoom_sharp_ms": ["<=", 300], "palette_runs_letter_ms": ["<=", 50],
    "palette_runs_open_again_ms": ["<=", 50], "palette_metrics_open_again_ms": ["<=", 50],
    "palette_metrics_letter_ms": ["<=", 50], "point_seen_after_log_s": ["<=", 2],
    "point_seen_after_receipt_s": ["<=", 1],
}  # fmt: skip


def small(data: Path) -> None:
    for kind, scale in (("steps", "0.05"), ("runs", "0.02"), ("metrics", "0.1"), ("table", "0.02")):
        filled(data, kind, "--scale", scale)


def load(browser: Browser, live: LiveServer) -> dict[str, float]:
    figures = workspace(browser, live, "fill-steps", "steps", PANELS)
    figures |= workspace(browser, live, "fill-runs", "runs", 4)
    return figures | workspace(browser, live, "fill-metrics", "metrics", PANELS)


def palettes(browser: Browser, live: LiveServer) -> dict[str, float]:
    figures = palette(browser, live, "fill-table", "runs")
    return figures | palette(browser, live, "fill-metrics", "metrics")


PARTS: dict[str, Callable[[Browser, LiveServer], dict[str, float]]] = {
    "load": load,
    "zoom": lambda browser, live: zoom(browser, live, "fill-steps"),
    "palette": palettes,
    "live": point,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder that fill.py filled")
    parser.add_argument("--only", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = options.data or Path(name) / "data"
        if options.data is None:
            small(data)
        live = LiveServer(data).start()
        figures: dict[str, float] = {}
        try:
            with chromium() as browser:
                page = browser.new_page()
                figures["loop_ms"] = loop_ms(page)
                page.close()
                for part, measure in PARTS.items():
                    if options.only in (None, part):
                        figures |= measure(browser, live)
        finally:
            live.stop()
    goals = {name: goal for name, goal in GOALS.items() if name in figures}
    print(json.dumps({"name": "page", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
