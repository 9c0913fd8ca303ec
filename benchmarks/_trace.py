"""What a trace of Chromium says of the main thread of a page: script, layout and painting, frame by frame.

Times are of the thread's own clock, which stands still while other processes have the processor.
"""

from __future__ import annotations

import bisect
import itertools
import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

Event = dict[str, Any]

CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing"]
STACKS = ["v8", "disabled-by-default-v8.cpu_profiler"]
FRAME = "kiseki-frame"
SCRIPT = {
    "FunctionCall", "EvaluateScript", "RunMicrotasks", "FireAnimationFrame", "TimerFire", "EventDispatch",
    "XHRReadyStateChange",
}  # fmt: skip
LAYOUT = {"UpdateLayoutTree", "Layout", "PrePaint"}
PAINT = {"Paint", "Layerize", "Commit", "PaintImage", "UpdateLayer"}
TASK = {"RunTask"}
LONG_MS = 50

# Marks every frame from now on; a frame is what is between two marks.
MARK_FRAMES = """(() => {
  window.kisekiFrames = true;
  const next = () => {
    performance.mark('kiseki-frame');
    if (window.kisekiFrames) requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})()"""
STOP_FRAMES = "window.kisekiFrames = false; performance.clearMarks()"


@dataclass
class Traced:
    """What was recorded between the beginning and the end of a gesture."""

    events: list[Event] = field(default_factory=list)
    everything: list[Event] = field(default_factory=list)

    @property
    def marks(self) -> list[float]:
        return sorted(one["ts"] for one in self.events if one["name"] == FRAME)

    def frames(self, inputs: set[str] | None = None) -> list[list[Event]]:
        """Return the events of each frame; with `inputs` only frames that answered to such an event."""
        tasks = sorted(
            (one for one in self.events if one["name"] in TASK), key=lambda one: one["ts"]
        )
        starts = [one["ts"] for one in tasks]
        edges = []
        for mark in self.marks:  # from the beginning of the task that the mark is in
            at = bisect.bisect_right(starts, mark) - 1
            isin = at >= 0 and mark <= starts[at] + tasks[at].get("dur", 0)
            edges.append(starts[at] if isin else mark)
        found: list[list[Event]] = [[] for _ in edges[1:]]
        for one in self.events:
            at = bisect.bisect_right(edges, one["ts"]) - 1
            if 0 <= at < len(found):
                found[at].append(one)
        if inputs is None:
            return found
        return [frame for frame in found if any(kind_of(one) in inputs for one in frame)]

    def intervals(self) -> list[float]:
        marks = self.marks
        return [(b - a) / 1000 for a, b in itertools.pairwise(marks)]

    def tasks(self) -> list[float]:
        """Return the ms of the thread's own time of every task, but for those of the tracing itself."""
        found = [one for one in self.events if one["name"] in TASK]
        own = [one["ts"] for one in self.events if one["name"].startswith("CpuProfiler::")]
        return [
            own_ms(one)
            for one in found
            if not any(one["ts"] <= at <= one["ts"] + one.get("dur", 0) for at in own)
        ]


def kind_of(event: Event) -> str:
    """Return what an input event is called: pointermove, wheel …; '' for anything else."""
    if event["name"] != "EventDispatch":
        return ""
    return str(event.get("args", {}).get("data", {}).get("type", ""))


def own_ms(event: Event) -> float:
    return float(event.get("tdur", event.get("dur", 0))) / 1000


def spent(events: list[Event], names: set[str]) -> float:
    """Return the thread's ms in events of these names; what one holds of another counts once."""
    found = sorted(
        (one for one in events if one.get("ph") == "X" and one["name"] in names),
        key=lambda one: (one["ts"], -one.get("dur", 0)),
    )
    total, end = 0.0, 0.0
    for one in found:
        if one["ts"] >= end:
            total += own_ms(one)
            end = one["ts"] + one.get("dur", 0)
    return total


def median(values: list[float]) -> float:
    return round(statistics.median(values), 2) if values else 0.0


def p95(values: list[float]) -> float:
    return round(sorted(values)[int(len(values) * 0.95)], 2) if values else 0.0


@contextmanager
def traced(page: Page, folder: Path, stacks: bool = False) -> Iterator[Traced]:
    """Record what happens meanwhile; `stacks` samples the call stacks, too, which costs time of its own."""
    browser = page.context.browser
    assert browser is not None
    path = folder / "trace.json"
    categories = [*CATEGORIES, *(STACKS if stacks else [])]
    browser.start_tracing(page=page, path=path, categories=categories)
    page.evaluate(MARK_FRAMES)
    found = Traced()
    try:
        yield found
    finally:
        page.evaluate(STOP_FRAMES)
        browser.stop_tracing()
    found.everything = json.loads(path.read_text())["traceEvents"]
    path.unlink()
    marks = [one for one in found.everything if one["name"] == FRAME]
    where = {(one["pid"], one["tid"]) for one in marks}
    start, end = min(one["ts"] for one in marks), max(one["ts"] for one in marks)
    found.events = [
        one
        for one in found.everything
        if (one["pid"], one["tid"]) in where and start <= one["ts"] <= end
    ]
