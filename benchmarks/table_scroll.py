"""Scroll the runs table of a big project in a browser: what script one frame costs, and how long frames take.

    python benchmarks/fill.py --data DIR table
    python benchmarks/table_scroll.py --data DIR [--trace FILE]

Starts a server on the folder and Chromium on the page, turns the wheel, and reads the browser's trace: script
is what the page's main thread spends in JavaScript, layout what it spends on styles and layout, main
all it does, on average of a frame and on the thread's own clock; `frame` is the time that passes from one
frame to the next, which other work on the machine makes longer. How fast the machine is, a loop in the same
browser tells. The last line is the summary as JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from _browser import ENTITY, chromium, filled, loop_ms, signed_in
from _server import LiveServer
from _trace import LAYOUT, PAINT, SCRIPT, TASK, Event, median, p95, spent, traced
from playwright.sync_api import Page

SCREEN = (1600, 900)
FRAMES_A_SECOND = 60
NODES_A_ROW = """(() => {
  const rows = [...document.querySelectorAll('[role=grid] .row')];
  return Math.round(rows.reduce((sum, row) => sum + row.querySelectorAll('*').length, 0) / rows.length);
})()"""
GOALS = {"slow_script_ms": ["<=", 4.0], "slow_frame_ms": ["<=", 17.0]}


def measure(
    page: Page, frames: int, pixels: int, folder: Path, keep: list[Event] | None
) -> dict[str, float]:
    session = page.context.new_cdp_session(page)
    gesture = {
        "x": 800, "y": 500, "yDistance": -pixels * frames, "speed": pixels * FRAMES_A_SECOND,
        "gestureSourceType": "mouse", "preventFling": True,
    }  # fmt: skip
    with traced(page, folder, stacks=keep is not None) as found:
        session.send("Input.synthesizeScrollGesture", gesture)
    session.detach()
    if keep is not None:
        keep.extend(found.everything)
    each = found.frames()
    times = found.intervals()
    tasks = found.tasks()
    return {
        "script_ms": mean_of(each, SCRIPT),
        "layout_ms": mean_of(each, LAYOUT),
        "paint_ms": mean_of(each, PAINT),
        "main_ms": mean_of(each, TASK),
        "frames": float(len(times)),
        "frame_ms": median(times),
        "frame_p95_ms": p95(times),
        "longest_task_ms": round(max(tasks, default=0.0), 1),
    }


def mean_of(frames: list[list[Event]], names: set[str]) -> float:
    return round(statistics.fmean(spent(frame, names) for frame in frames), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, help="default: a folder with 2,000 runs, made and removed"
    )
    parser.add_argument("--project", default="fill-table")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--trace", type=Path, metavar="FILE", help="keep the trace")
    asked = parser.parse_args()
    if asked.data is not None:
        return scroll(asked)
    with tempfile.TemporaryDirectory() as folder:
        asked.data = Path(folder) / "data"
        filled(asked.data, "table", "--scale", "0.02")
        scroll(asked)


def scroll(asked: argparse.Namespace) -> None:
    live = LiveServer(asked.data).start()
    keep: list[Event] | None = [] if asked.trace else None
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            chromium() as browser,
            signed_in(browser, live, SCREEN) as context,
        ):
            page = context.new_page()
            page.goto(f"{live.url}/{ENTITY}/{asked.project}/table")
            page.wait_for_selector("[role=grid] [role=row] a")
            page.wait_for_timeout(2000)
            grid = page.get_by_role("grid")
            figures: dict[str, float] = {
                "rows": int(grid.get_attribute("aria-rowcount") or 0),
                "columns": int(grid.get_attribute("aria-colcount") or 0),
                "loop_ms": loop_ms(page),
            }
            figures["nodes"] = page.evaluate("document.querySelectorAll('*').length")
            figures["nodes_a_row"] = page.evaluate(NODES_A_ROW)
            # Slowly within windows that are loaded, and fast over many that are not.
            for name, pixels in (("slow", 28), ("fast", 2000)):
                found = measure(page, asked.frames, pixels, Path(folder), keep)
                print(f"{name}: {json.dumps(found)}")
                figures |= {f"{name}_{figure}": value for figure, value in found.items()}
    finally:
        live.stop()
    if asked.trace:
        asked.trace.write_text(json.dumps({"traceEvents": keep}))
    print(json.dumps({"name": "table_scroll", "figures": figures, "goals": GOALS}))


if __name__ == "__main__":
    main()
