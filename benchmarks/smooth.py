"""How smooth the workspace is: a trace of the browser while somebody pans, zooms, hovers and filters.

    python benchmarks/smooth.py [--data DIR] [--trace FILE] [--gesture TEXT]

`--data`: a folder that `fill.py` filled (`runs`: 1,000 runs × 10,000 steps); without it a small project is
made, which shows that it works. The gestures are those of a mouse and a keyboard, once with 100 lines in each
of four panels and once with all 1,000. One line per gesture:

    frames   that answered to the gesture, of all meanwhile      layout   ms of styles and layout of it
    frame    ms from one frame to the next                       main     ms of all of the main thread
    script   ms of JavaScript in one frame                       longest  task of the main thread, ms
             (median, 95th percentile)                           long     tasks of more than 50 ms

All but `frame` are of the thread's own clock: what other processes take is no part of it. Without a GPU the
browser paints in software, on the same processors and for canvases on the same thread; that is in `frame`,
`main` and the tasks, not in `script`. `--trace` keeps the trace, to be opened in DevTools or
https://ui.perfetto.dev, with call stacks, which cost time of their own: figures are then some tenths higher.
The last line is the summary as JSON.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _browser import ENTITY, chromium, filled, loop_ms, signed_in
from _server import LiveServer
from _trace import LAYOUT, LONG_MS, PAINT, SCRIPT, TASK, Traced, median, p95, spent, traced
from playwright.sync_api import Locator, Page, Request

PROJECT = "fill-runs"
FILTER = "lr>=0.01 optimizer:adam"
KEY_PAUSE_MS = 90
TOGGLES = 8
WATCH = """
  window.lastStroke = 0;
  const stroke = CanvasRenderingContext2D.prototype.stroke;
  CanvasRenderingContext2D.prototype.stroke = function (...args) {
    window.lastStroke = performance.now();
    // Of a line; axes have another canvas, and the lit line too.
    if (this.canvas.getAttribute('aria-hidden')) window.firstStroke ??= window.lastStroke;
    return stroke.apply(this, args);
  };
"""
NO_STROKE = "window.firstStroke = undefined, performance.now()"
QUIET_MS = 700
POLL_MS = 100
SETTLE_MAX_S = 120
GOALS = {
    "100": {"script": 10.0, "hover": 4.0},
    "1000": {"script": 20.0, "hover": 4.0},
}


@dataclass
class Measured:
    """One gesture."""

    name: str
    answered: int
    figures: dict[str, float]

    @property
    def line(self) -> str:
        one = self.figures
        return (
            f"{self.name:<24}{self.answered:>5}/{one['frames']:<5.0f}"
            f"{one['frame_ms']:>7.1f}{one['frame_p95_ms']:>7.1f}"
            f"{one['script_ms']:>9.2f}{one['script_p95_ms']:>8.2f}"
            f"{one['layout_ms']:>8.2f}{one['main_ms']:>8.2f}"
            f"{one['longest_task_ms']:>9.1f}{one['long_tasks']:>6.0f}"
        )


HEAD = (
    f"{'':<24}{'frames':>11}{'frame':>7}{'p95':>7}{'script':>9}{'p95':>8}{'layout':>8}{'main':>8}"
    f"{'longest':>9}{'long':>6}"
)


def figures_of(name: str, found: Traced, inputs: set[str] | None) -> Measured:
    frames = found.frames(inputs)
    script = [spent(frame, SCRIPT) for frame in frames]
    tasks = found.tasks()
    intervals = found.intervals()
    figures = {
        "frames": float(len(intervals)),
        "frame_ms": median(intervals),
        "frame_p95_ms": p95(intervals),
        "script_ms": median(script),
        "script_p95_ms": p95(script),
        "layout_ms": median([spent(frame, LAYOUT) for frame in frames]),
        "paint_ms": median([spent(frame, PAINT) for frame in frames]),
        "main_ms": median([spent(frame, TASK) for frame in frames]),
        "longest_task_ms": round(max(tasks, default=0.0), 1),
        "long_tasks": float(sum(task > LONG_MS for task in tasks)),
    }
    return Measured(name, len(frames), figures)


class Workspace:
    """The page, and what a person does in it."""

    def __init__(self, page: Page, folder: Path, keep: list[dict[str, Any]] | None) -> None:
        self.page = page
        self.folder = folder
        self.keep = keep
        self.pictures: dict[str, float] = {}
        """ms from the last key or press of a gesture to the first line that is drawn."""
        self.under_way: set[Request] = set()
        page.on("request", self._asked)
        page.on("requestfinished", lambda one: self.under_way.discard(one))
        page.on("requestfailed", lambda one: self.under_way.discard(one))

    def _asked(self, request: Request) -> None:
        if not request.url.endswith("/events") and "/events?" not in request.url:
            self.under_way.add(request)

    def open(self, url: str) -> None:
        self.page.goto(url)
        self.page.locator(".kiseki-chart").nth(3).wait_for(timeout=120_000)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing was asked for and nothing drawn for a while."""
        until = time.monotonic() + SETTLE_MAX_S
        quiet = 0
        while quiet < QUIET_MS:
            assert time.monotonic() < until, "the page comes to no rest"
            self.page.wait_for_timeout(POLL_MS)
            drawn = self.page.evaluate("performance.now() - window.lastStroke")
            quiet = quiet + POLL_MS if not self.under_way and drawn > QUIET_MS else 0

    def show_all(self) -> str:
        """Draw every run, as the list behind the legend offers it; return what the legend says then."""
        count = self.page.locator(".legend .count").first
        count.click()
        self.page.get_by_role("button", name=re.compile(r"^All [\d,]+$")).click()
        self.page.keyboard.press("Escape")
        self.settle()
        return count.inner_text().strip()

    @contextmanager
    def gesture(self, name: str, inputs: set[str] | None, into: list[Measured]) -> Iterator[None]:
        with traced(self.page, self.folder, stacks=self.keep is not None) as found:
            yield
        if self.keep is not None:
            self.keep.extend(found.everything)
        into.append(figures_of(name, found, inputs))
        print(into[-1].line, flush=True)

    def plot(self, number: int) -> Locator:
        return self.page.locator(".kiseki-chart .kiseki-plot").nth(number)

    def box(self, number: int = 0) -> dict[str, float]:
        box = self.plot(number).bounding_box()
        assert box is not None
        return dict(box)  # type: ignore[arg-type]

    def at(self, box: dict[str, float], x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    # ---- gestures ----

    def wheel(self) -> None:
        box = self.box()
        self.page.mouse.move(*self.at(box, 0.4, 0.5))
        self.page.keyboard.down("Control")
        for step in range(40):
            self.page.mouse.wheel(0, -40 if step < 24 else 30)
        self.page.keyboard.up("Control")

    def pan(self) -> None:
        box = self.box()
        self.page.keyboard.down("Alt")
        self.page.mouse.move(*self.at(box, 0.8, 0.5))
        self.page.mouse.down()
        for step in range(60):
            self.page.mouse.move(*self.at(box, 0.8 - 0.01 * step, 0.5))
        self.page.mouse.up()
        self.page.keyboard.up("Alt")

    def drag(self) -> None:
        box = self.box(1)
        for part in (0.1, 0.3, 0.5):
            self.page.mouse.move(*self.at(box, part, 0.4))
            self.page.mouse.down()
            for step in range(20):
                self.page.mouse.move(*self.at(box, part + 0.015 * step, 0.4))
            self.page.mouse.up()
            self.page.wait_for_timeout(150)
        self.page.mouse.dblclick(*self.at(box, 0.5, 0.5))

    def hover(self) -> None:
        for number in range(4):
            box = self.box(number)
            for step in range(40):
                y = 0.3 + 0.4 * ((step * 37) % 90) / 90
                self.page.mouse.move(*self.at(box, 0.05 + 0.0225 * step, y))

    def hover_list(self) -> None:
        rows = self.page.locator("aside [role=listitem]")
        box = rows.nth(1).bounding_box()
        assert box is not None
        for step in range(60):
            self.page.mouse.move(box["x"] + 90, box["y"] + 6 + 9 * step)

    def filter(self) -> None:
        field = self.page.locator("aside input[role=combobox]")
        field.click()
        for letter in FILTER:
            began = self.page.evaluate(NO_STROKE)
            self.page.keyboard.type(letter)
            self.page.wait_for_timeout(KEY_PAUSE_MS)
        self.picture("type a filter", began)

    def unfilter(self) -> None:
        began = self.page.evaluate(NO_STROKE)
        self.page.locator("aside .field .clear").click()
        self.picture("clear the filter", began)

    def picture(self, name: str, began: float) -> None:
        self.page.wait_for_function("window.firstStroke !== undefined", timeout=SETTLE_MAX_S * 1000)
        self.pictures[name] = round(self.page.evaluate("window.firstStroke") - began, 1)
        self.settle()

    def toggle(self) -> None:
        eyes = self.page.locator("aside .eye")
        for number in range(TOGGLES):
            eyes.nth(number).click()
            self.page.wait_for_timeout(120)
        self.settle()


def measure(space: Workspace, title: str, only: str) -> list[Measured]:
    found: list[Measured] = []
    moved = {"pointermove", "mousemove"}
    gestures: list[tuple[str, set[str] | None, Callable[[], None]]] = [
        ("zoom by the wheel", {"wheel"}, space.wheel),
        ("pan", moved, space.pan),
        ("zoom by a box", moved, space.drag),
        ("hover over panels", moved, space.hover),
        ("hover over the list", moved, space.hover_list),
        ("type a filter", None, space.filter),
        ("clear the filter", None, space.unfilter),
        ("hide runs", None, space.toggle),
    ]
    print(f"\n{title}\n{HEAD}")
    for name, inputs, act in gestures:
        if only not in name:
            continue
        with space.gesture(name, inputs, found):
            act()
        space.settle()
        if name in space.pictures:
            found[-1].figures["first_picture_ms"] = space.pictures[name]
            print(f"{'':<24}first picture after {space.pictures[name]:.0f} ms", flush=True)
    return found


def run(data: Path, project: str, trace: Path | None, only: str) -> dict[str, Any]:
    figures: dict[str, float] = {}
    keep: list[dict[str, Any]] | None = [] if trace else None
    live = LiveServer(data).start()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            chromium() as browser,
            signed_in(browser, live) as context,
        ):
            page = context.new_page()
            page.add_init_script(WATCH)
            space = Workspace(page, Path(folder), keep)
            space.open(f"{live.url}/{ENTITY}/{project}?cols=2")
            figures["loop_ms"] = loop_ms(page)
            parts = {"100": measure(space, "100 lines in each of four panels", only)}
            space.open(f"{live.url}/{ENTITY}/{project}?cols=2")
            page.evaluate("localStorage.clear()")
            space.open(f"{live.url}/{ENTITY}/{project}?cols=2")
            began = time.perf_counter()
            shown = space.show_all()
            figures["all_runs_shown_s"] = round(time.perf_counter() - began, 1)
            parts["1000"] = measure(space, f"{shown} in each of four panels", only)
    finally:
        live.stop()
    if trace:
        trace.write_text(json.dumps({"traceEvents": keep}))
        print(f"\nthe trace is in {trace}")
    for size, gestures in parts.items():
        for one in gestures:
            for figure, value in one.figures.items():
                figures[f"{size} lines, {one.name}: {figure}"] = value
    return {"name": "smooth", "figures": figures, "goals": goals(figures)}


def goals(figures: dict[str, float]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name in figures:
        size, _, rest = name.partition(" lines, ")
        gesture, _, figure = rest.partition(": ")
        if figure == "script_ms" and gesture in ("zoom by the wheel", "pan"):
            found[name] = ["<=", GOALS[size]["script"]]
        elif figure == "script_ms" and gesture.startswith("hover"):
            found[name] = ["<=", GOALS[size]["hover"]]
        elif (figure == "long_tasks" and gesture in ("pan", "zoom by the wheel")) or (
            figure == "long_tasks" and gesture.startswith("hover")
        ):
            found[name] = ["<=", 0]
        elif figure == "longest_task_ms" and gesture in (
            "type a filter", "clear the filter", "hide runs",
        ):  # fmt: skip
            found[name] = ["<=", 200]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder that fill.py filled")
    parser.add_argument("--project", default=PROJECT)
    parser.add_argument("--trace", type=Path, metavar="FILE", help="keep the trace")
    parser.add_argument("--gesture", default="", metavar="TEXT", help="only those named so")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = asked.data or Path(name) / "data"
        if asked.data is None:
            filled(data, "runs", "--runs", "150", "--steps", "2000")
        print(json.dumps(run(data, asked.project, asked.trace, asked.gesture)))


if __name__ == "__main__":
    main()
