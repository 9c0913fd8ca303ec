"""Scroll the runs table of a big project in a browser: what script one frame costs, and how long frames take.

    python benchmarks/fill.py --data DIR table

Starts a server on the folder and Chromium on the page, scrolls once a frame, and reads the browser's trace:
script is what the renderer's main thread spends in JavaScript, layout what it spends on styles and layout.
How fast the machine is, a loop in the same browser tells. The last line is the summary as JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _server import FIRST_KEY, LiveServer
from playwright.sync_api import Browser, Page, sync_playwright

CALIBRATE = """(() => {
  const start = performance.now();
  let sum = 0;
  for (let i = 0; i < 2e7; i++) sum += i % 7;
  return performance.now() - start + sum * 0;
})()"""
FRAMES = """async ([frames, pixels]) => {
  const box = document.querySelector('[role=grid] .scroller');
  const times = [];
  let last = performance.now();
  for (let i = 0; i < frames; i++) {
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
    performance.mark('kiseki-frame');
    box.scrollTop += pixels;
  }
  return times;
}"""
SCRIPT = {
    "FunctionCall",
    "EvaluateScript",
    "RunMicrotasks",
    "FireAnimationFrame",
    "TimerFire",
    "EventDispatch",
}
LAYOUT = {"UpdateLayoutTree", "Layout", "PrePaint"}


def spent(events: list[dict[str, Any]], names: set[str]) -> float:
    """Return the thread's milliseconds in events of these names; what one holds of another counts once.

    The thread's own clock stands still while other processes have the processor.
    """
    found = sorted(
        (one for one in events if one.get("ph") == "X" and one["name"] in names),
        key=lambda one: (one["ts"], -one.get("dur", 0)),
    )
    total, end = 0.0, 0.0
    for one in found:
        if one["ts"] >= end:
            total += one.get("tdur", one.get("dur", 0))
            end = one["ts"] + one.get("dur", 0)
    return total / 1000


def renderer(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events of the thread on which the page marked its frames."""
    marks = [one for one in events if one["name"] == "kiseki-frame"]
    where = {(one["pid"], one["tid"]) for one in marks}
    start, end = min(one["ts"] for one in marks), max(one["ts"] for one in marks)
    return [
        one for one in events if (one["pid"], one["tid"]) in where and start <= one["ts"] <= end
    ]


def measure(browser: Browser, page: Page, frames: int, pixels: int, trace: Path) -> dict[str, Any]:
    browser.start_tracing(
        page=page, path=trace, categories=["devtools.timeline", "blink.user_timing"]
    )
    times = page.evaluate(FRAMES, [frames, pixels])
    browser.stop_tracing()
    events = renderer(json.loads(trace.read_text())["traceEvents"])
    return {
        "frames": frames,
        "pixels_a_frame": pixels,
        "script_ms_a_frame": round(spent(events, SCRIPT) / frames, 2),
        "layout_ms_a_frame": round(spent(events, LAYOUT) / frames, 2),
        "frame_ms_median": round(statistics.median(times), 1),
        "frame_ms_p95": round(sorted(times)[int(frames * 0.95)], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, help="default: a folder with 2,000 runs, made and removed"
    )
    parser.add_argument("--project", default="fill-table")
    parser.add_argument("--frames", type=int, default=300)
    asked = parser.parse_args()
    if asked.data is None:
        with tempfile.TemporaryDirectory() as folder:
            asked.data = Path(folder) / "data"
            fill = [
                sys.executable,
                str(Path(__file__).parent / "fill.py"),
                "--data",
                str(asked.data),
            ]
            subprocess.run([*fill, "table", "--scale", "0.02"], check=True, stdout=sys.stderr)
            scroll(asked)
    else:
        scroll(asked)


def scroll(asked: argparse.Namespace) -> None:
    live = LiveServer(asked.data).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            context = browser.new_context(viewport={"width": 1600, "height": 900}, bypass_csp=True)
            signed = context.request.post(f"{live.url}/api/v1/session", data={"key": FIRST_KEY})
            assert signed.ok, signed.text()
            page = context.new_page()
            page.goto(f"{live.url}/ada/{asked.project}/table")
            page.wait_for_selector("[role=grid] [role=row] a")
            page.wait_for_timeout(2000)
            grid = page.get_by_role("grid")
            shown = int(grid.get_attribute("aria-colcount") or 0)
            rows = int(grid.get_attribute("aria-rowcount") or 0)
            calibration = statistics.median(page.evaluate(CALIBRATE) for _ in range(5))
            trace = asked.data.parent / "table_scroll.trace.json"
            # Slowly within windows that are loaded, and fast over many that are not.
            slow = measure(browser, page, asked.frames, 28, trace)
            fast = measure(browser, page, asked.frames, 2000, trace)
            nodes = page.evaluate("document.querySelectorAll('*').length")
            trace.unlink()
            browser.close()
    finally:
        live.stop()
    summary: dict[str, Any] = {
        "rows": rows, "columns": shown, "nodes": nodes, "loop_ms": round(calibration, 1),
        "slow": slow, "fast": fast,
    }  # fmt: skip
    for name in ("slow", "fast"):
        print(f"{name}: {json.dumps(summary[name])}")
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
