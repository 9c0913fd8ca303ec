"""What a line panel lets one do: legends, pins, several metrics and axes, expressions, files to keep."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.fakes.live_server import LiveServer
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

PAGE = "/ada/lined"
SCRIPT = """
    import kiseki

    for index in range(3):
        run = kiseki.init(project="lined", id=f"l{index}", name=f"net-{index}", config={"lr": index / 10})
        for step in range(200):
            run.log({"loss": 5.0 - index - step / 100, "acc": step / 200})
        run.finish()
"""


@pytest.fixture(scope="module")
def lined(own_server: LiveServer, script_env: dict[str, str]) -> None:
    run_script(Path(script_env["KISEKI_DIR"]) / "lined", SCRIPT, script_env)


@pytest.fixture
def panel(lined: None, reader: Visit) -> Visit:
    reader.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.go(PAGE)
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("3 lines"))
    return reader


def test_the_legend_hides_and_shows_lines(panel: Visit) -> None:
    chip = panel.panel("loss").get_by_role("button", name=re.compile("^net-1"))
    expect(chip).to_have_attribute("aria-pressed", "true")
    chip.click()
    expect(panel.chart("loss")).to_have_accessible_name(re.compile("2 lines"))
    expect(panel.chart("acc")).to_have_accessible_name(re.compile("3 lines"))  # this panel only
    chip.click()
    chip.click(modifiers=["Alt"])
    expect(panel.chart("loss")).to_have_accessible_name(re.compile("1 line, .*net-1"))
    chip.click(modifiers=["Alt"])
    expect(panel.chart("loss")).to_have_accessible_name(re.compile("3 lines"))


def test_pins_are_a_table_and_can_be_copied(panel: Visit) -> None:
    page, plot = panel.page, panel.plot("loss")
    for x in (60, 180):
        plot.click(position={"x": x, "y": 40})
    pins = panel.panel("loss").get_by_role("group", name="Pinned places")
    expect(pins.locator("tbody tr")).to_have_count(3)
    page.keyboard.press("c")
    copied = panel.until(lambda: page.evaluate("navigator.clipboard.readText()"), "text")
    head, *rows = [line.split("\t") for line in copied.strip().split("\n")]
    first, last = (float(x) for x in head[1:])
    assert first < last and len(rows) == 3
    for row in rows:
        lift = 5.0 - int(row[0].removeprefix("net-"))
        assert float(row[1]) == pytest.approx(lift - first / 100, abs=1e-6)
        assert float(row[2]) == pytest.approx(lift - last / 100, abs=1e-6)
    pins.get_by_role("button", name="Clear pins").click()
    expect(pins).to_be_hidden()
    # By keys alone: to a place, pin it.
    chart = panel.panel("loss").locator(".kiseki-chart")
    chart.press("ArrowLeft")
    chart.press("Enter")
    expect(pins.locator("tbody tr")).to_have_count(3)


def saved(visit: Visit, metric: str, item: str) -> Path:
    visit.panel(metric).hover()
    visit.panel(metric).get_by_role("button", name="Panel menu").click()
    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("menuitem", name=item).click()
    return Path(waiting.value.path())


def test_files_to_keep(panel: Visit) -> None:
    rows = saved(panel, "loss", "Download shown values as CSV").read_text().strip().split("\n")
    assert rows[0] == "run_id,name,metric,_step,value"  # every point is there, and no bucket
    assert len(rows) == 1 + 3 * 200 and "l2,net-2,loss,0,3" in rows
    svg = saved(panel, "loss", "Download as SVG").read_text()
    assert svg.startswith("<svg") and svg.count("<path") > 3 and "<image" not in svg
    for text in ("loss", "net-0", "net-1", "net-2", ">200<"):
        assert text in svg, text
    assert saved(panel, "loss", "Download as PNG").read_bytes().startswith(b"\x89PNG")
    parquet = saved(panel, "loss", "Download as Parquet").read_bytes()
    assert parquet[:4] == parquet[-4:] == b"PAR1" and b"net-2" in parquet


def asked(visit: Visit) -> list[dict[str, Any]]:
    """Return every question for series that was answered."""
    return [
        json.loads(answer.request.post_data or "{}")
        for answer in list(visit.responses)
        if answer.url.endswith("/series") and answer.status == 200
    ]


def test_panning_there_and_back_asks_nothing_twice(panel: Visit) -> None:
    page = panel.page
    box = panel.plot("loss").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2

    def drag(start: float, end: float) -> None:
        page.mouse.move(box["x"] + start * box["width"], y)
        page.mouse.down()
        page.mouse.move(box["x"] + end * box["width"], y, steps=4)
        page.mouse.up()

    drag(0.3, 0.6)
    zoomed = panel.until(
        lambda: [one for one in asked(panel) if one["x_min"] is not None], "a zoom"
    )
    expect(page).to_have_url(re.compile("x="))
    address = page.url
    page.keyboard.down("Alt")
    drag(0.5, 0.45)
    page.keyboard.up("Alt")
    panel.until(lambda: page.url != address, "a pan")
    page.wait_for_load_state("networkidle")
    after = [one for one in asked(panel) if one["x_min"] is not None]
    assert {(one["x_min"], one["x_max"]) for one in after} == {
        (one["x_min"], one["x_max"]) for one in zoomed
    }
