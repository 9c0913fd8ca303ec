"""Measure the charts in a real browser against the budgets of ui-spec §9.

Builds the chart demo, serves it on 127.0.0.1, drives it with Chromium and prints script times as
JSON. Times are the best of several rounds: other programs only ever add to them.

    python web/bench/charts.py            # every figure
    python web/bench/charts.py --check    # also exit 1 when a figure is over twice its budget
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

WEB = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# name: (call, budget in ms)
FIGURES = {
    "12 panels x 100 lines x 83 buckets, first draw": ("firstDraw(12, 100, 83)", 300.0),
    "zoom frame, 100 lines x 375 buckets (1 500 points)": ("zoom(100, 375)", 10.0),
    "zoom frame, 100 lines x 1 500 buckets (6 000 points)": ("zoom(100, 1500)", 20.0),
    "zoom frame, 1 000 lines x 38 buckets": ("zoom(1000, 38)", 20.0),
    "hover, 100 lines x 400 buckets": ("hover(100, 400, 0)", 4.0),
    "hover, 100 lines x 83 buckets, 11 charts following": ("hover(100, 83, 11)", 20.0),
}


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def build(into: Path) -> None:
    command = ["npx", "vite", "build", "--config", "bench/vite.config.ts", "--outDir", str(into)]
    subprocess.run(command, cwd=WEB, check=True, stdout=subprocess.DEVNULL)


def measure(page: Page, rounds: int) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = {}
    for name, (call, budget_ms) in FIGURES.items():
        times = [page.evaluate(f"window.chartBench.{call}") for _ in range(rounds)]
        figures[name] = {"best_ms": round(min(times), 2), "budget_ms": budget_ms}
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        handler = functools.partial(QuietHandler, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with sync_playwright() as play:
                browser = play.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
                page = browser.new_page(viewport={"width": 1500, "height": 1300})
                page.goto(f"http://127.0.0.1:{server.server_port}/src/charts/demo/index.html?bench")
                page.wait_for_function("window.chartBench !== undefined")
                figures = measure(page, options.rounds)
                browser.close()
        finally:
            server.shutdown()
    print(json.dumps(figures, indent=2))
    over = [name for name, f in figures.items() if f["best_ms"] > 2 * f["budget_ms"]]
    return 1 if options.check and over else 0


if __name__ == "__main__":
    sys.exit(main())
