"""Ten reference pictures of charts, compared pixel by pixel; and three spikes that nothing may hide.

    KISEKI_GOLDEN=write python -m pytest tests/web/test_golden_charts.py

draws the references anew: look at them. Lines are compared as pixels, everything written as text, since fonts
differ between machines (web/src/charts/demo/golden.ts).
"""

from __future__ import annotations

import base64
import functools
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.web.demo_server import ROOT

pytestmark = pytest.mark.browser

GOLDEN = Path(__file__).parent / "golden"
WRITES = os.environ.get("KISEKI_GOLDEN") == "write"
NAMES = [
    "spikes", "lost", "log-zeros", "holes", "time", "bands", "outliers", "symlog", "dashes", "two-axes",
]  # fmt: skip
# Of the pixels of a picture: edges of strokes may fall differently in another build of Chromium.
DIFFERENT_MAX = 0.002
PREFIX = "data:image/png;base64,"


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def demo_page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The chart demo, built as the app is, on a page that draws no text."""
    folder = tmp_path_factory.mktemp("charts")
    command = ["npx", "vite", "build", "--config", "bench/vite.config.ts", "--outDir", str(folder)]
    subprocess.run(command, cwd=ROOT / "web", check=True, stdout=subprocess.DEVNULL)
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context(
        viewport={"width": 1300, "height": 1000}, device_scale_factor=1, timezone_id="UTC"
    )
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/src/charts/demo/index.html?golden")
    page.wait_for_function("window.chartGolden !== undefined")
    yield page
    context.close()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def texts() -> Iterator[dict[str, Any]]:
    file = GOLDEN / "texts.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    yield known
    if WRITES:
        file.write_text(json.dumps(known, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def test_there_are_ten(demo_page: Page) -> None:
    assert sorted(demo_page.evaluate("window.chartGolden.names()")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_chart_looks_as_it_did(name: str, demo_page: Page, texts: dict[str, Any]) -> None:
    drawn = demo_page.evaluate("(name) => window.chartGolden.draw(name)", name)
    picture = drawn.pop("picture")
    file = GOLDEN / f"{name}.png"
    if WRITES:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(base64.b64decode(picture.removeprefix(PREFIX)))
        texts[name] = drawn
        return
    assert drawn == texts[name]
    known = PREFIX + base64.b64encode(file.read_bytes()).decode()
    found = demo_page.evaluate("([a, b]) => window.chartGolden.compare(a, b)", [known, picture])
    if found["different"] > DIFFERENT_MAX * found["pixels"]:
        beside = Path(os.environ.get("TMPDIR", "/tmp")) / f"kiseki-chart-{name}.png"
        beside.write_bytes(base64.b64decode(picture.removeprefix(PREFIX)))
        raise AssertionError(f"{found['different']} of {found['pixels']} pixels differ: {beside}")


def test_a_lost_spike_would_be_noticed(demo_page: Page) -> None:
    """The comparison itself: two different pictures are different."""
    one, other = (
        demo_page.evaluate("(name) => window.chartGolden.draw(name)", name)["picture"]
        for name in ("spikes", "outliers")
    )
    found = demo_page.evaluate("([a, b]) => window.chartGolden.compare(a, b)", [one, other])
    assert found["different"] > DIFFERENT_MAX * found["pixels"]


@pytest.mark.parametrize("points", [1_000, 30_000, 400_000])
def test_three_spikes_stand_at_every_zoom_and_budget(points: int, demo_page: Page) -> None:
    seen = set()
    for buckets in (24, 83, 180, 400, 1500):
        for share in (1.0, 0.31, 0.07, 0.004):
            for centre in (0.25, 0.5, 0.75):
                span = share * points
                low = min(max(0.0, centre * points - span / 2), points - 1 - span * 0.999)
                view = [points, buckets, max(0.0, low), min(points - 1.0, low + span)]
                found = demo_page.evaluate("(view) => window.chartGolden.spikes(...view)", view)
                for spike in found:
                    # 9 of 10 stands a tenth below the top; the noise ends at 2, eight tenths below.
                    assert spike["reach"] < 0.12, (view, spike)
                    seen.add(spike["step"])
    assert len(seen) == 3
