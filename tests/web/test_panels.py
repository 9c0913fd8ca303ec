"""Every kind of panel beside lines, on what real scripts logged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.live_server import LiveServer
from tests.web.accessible import check_both
from tests.web.canvas import colours
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

PROJECT = "/ada/kinds"
SCRIPT = """
    import numpy as np

    import kiseki

    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:24, 0:32]
    for index in range(6):
        run = kiseki.init(
            project="kinds",
            id=f"k{index}",
            name=f"net-{index}",
            config={"lr": 0.1 * 2**index, "optimizer": ("adam", "sgd")[index % 2], "same": 1},
        )
        for step in range(0, 40, 10):
            row = {"loss": 5 - index + 1 / (step + 1), "acc": 0.5 + index / 20}
            if index < 2:
                picture = np.zeros((24, 32, 3), np.uint8)
                picture[..., 0] = 200 - step
                picture[..., 2] = index * 200
                mask = (x > 16).astype(int) + 2 * (y > 12)
                names = {1: "cat", 2: "dog", 3: "both"}
                row["weights"] = kiseki.Histogram(rng.normal(step / 10, 1, 400))
                row["seen"] = kiseki.Image(
                    picture, masks={"truth": {"mask_data": mask, "class_labels": names}}
                )
                row["said"] = f"run {index} after {step} steps"
                row["rows"] = kiseki.Table(
                    columns=["name", "score"],
                    data=[[f"n{i}", i + (index if i % 10 == 0 else 0)] for i in range(100)],
                )
            run.log(row, step=step)
        run.finish()
"""


@pytest.fixture(scope="module")
def kinds(own_server: LiveServer, script_env: dict[str, str]) -> str:
    """A project with six runs; the first two log pictures, histograms, text and tables."""
    run_script(Path(script_env["KISEKI_DIR"]) / "kinds", SCRIPT, script_env)
    return PROJECT


def arranged(server: LiveServer, name: str, panels: list[tuple[str, dict[str, Any]]]) -> str:
    """Keep a view of these panels, each as large as it may be; return its address."""
    doc = {
        "version": 1,
        "charts": {},
        "runs": {
            "filter": "",
            "sort": "",
            "group": [],
            "pins": [],
            "baseline": None,
            "colours": {},
        },
        "table": {"columns": None, "pinned": [], "widths": {}},
        "sections": {"Mine": {"order": -1}},
        "panels": {
            f"panel{at}": {"kind": kind, "section": "Mine", "height": 2, "options": options}
            for at, (kind, options) in enumerate(panels)
        },
        "order": {},
        "hidden": [],
        "added": ["Mine"],
    }
    saved = server.get(
        f"/api/v1/projects{PROJECT}/views", "POST", {"name": name, "doc": doc, "shared": True}
    )
    return f"{PROJECT}?view={saved['slug']}"


def panel(page: Page, at: int) -> Locator:
    return page.locator(f'[data-panel="panel{at}"]')


def picture(box: Locator) -> Locator:
    return box.get_by_role("img").first


def test_logged_media_have_panels_that_look_at_one_step(reader: Visit, kinds: str) -> None:
    page = reader.go(kinds)
    seen = page.locator('[data-panel="seen"]')
    seen.scroll_into_view_if_needed()
    assert [
        page.locator(f'[data-panel="{name}"]').count()
        for name in ("rows", "said", "weights", "loss")
    ] == [1, 1, 1, 1]
    body = page.locator('[data-media-panel="seen"]')
    expect(body).to_have_attribute("data-step", "30")
    expect(seen.locator("section img")).to_have_count(2)
    images = seen.locator("section img")
    reader.until(
        lambda: images.evaluate_all("all => all.every(one => one.naturalWidth === 32)"), "pictures"
    )
    # A theme leaves the bytes alone.
    assert images.first.evaluate("one => getComputedStyle(one).filter") == "none"

    # Keys move the step of all panels of the section, and the slider rests on logged steps only.
    slider = seen.get_by_role("slider", name="Step of seen")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(body).to_have_attribute("data-step", "20")
    expect(page.locator('[data-histogram="weights"]')).to_have_attribute("data-step", "20")
    page.keyboard.press("Control+ArrowLeft")
    expect(page.locator('[data-table="rows"]')).to_have_attribute("data-step", "10")
    slider.fill("17")
    expect(body).to_have_attribute("data-step", "20")
    assert "_20_" in (images.first.get_attribute("src") or "")

    # Classes of a mask, one by one.
    mask = seen.locator("section canvas").first
    reader.until(lambda: len(colours(mask)) == 3, "three classes are painted")
    seen.get_by_role("button", name="cat", exact=True).click()
    reader.until(lambda: len(colours(mask)) == 2, "two are left")
    seen.get_by_role("button", name="Masks").click()
    expect(seen.locator("section canvas")).to_have_count(0)

    # Runs down, steps across; then two pictures under one zoom.
    seen.get_by_role("radio", name="Runs × steps").click()
    expect(seen.get_by_role("columnheader")).to_have_text(["0", "10", "20", "30"])
    expect(seen.locator("td img")).to_have_count(8)
    seen.get_by_role("radio", name="Compare").click()
    panes = seen.get_by_role("group", name=re.compile("^Pictures"))
    expect(panes.locator("img")).to_have_count(2)
    panes.focus()
    page.keyboard.press("+")
    reader.until(lambda: float(panes.get_attribute("data-scale") or 1) == 1.5, "closer")
    box = panes.locator("img").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(panes.get_by_text(re.compile(r"→ 180 0 0"))).to_be_visible()
    expect(panes.get_by_text(re.compile(r"→ 180 0 200"))).to_be_visible()
    seen.get_by_role("radio", name="Swipe").click()
    expect(seen.get_by_role("slider", name="Where the pictures meet")).to_be_visible()
    seen.get_by_role("radio", name="Flicker").click()
    seen.get_by_role("button", name="Next", exact=True).click()
    reader.until(
        lambda: (
            panes.locator(".pane").evaluate_all(
                "all => all.map(one => getComputedStyle(one).visibility).join()"
            )
            == "hidden,visible"
        ),
        "the other picture",
    )


def test_runs_as_bars_boxes_points_and_lines(
    own_server: LiveServer, reader: Visit, kinds: str
) -> None:
    address = arranged(
        own_server,
        "numbers",
        [
            ("bar", {"path": "summary.loss"}),
            ("bar", {"path": "summary.loss", "step": 15, "sort": "name"}),
            ("box", {"path": "summary.loss", "by": "config.optimizer"}),
            ("scatter", {"x": "config.lr", "y": "summary.loss", "front": True, "goalX": "min"}),
            ("parallel", {}),
            ("importance", {"target": "summary.loss"}),
            ("number", {"metric": "loss"}),
            ("comparer", {}),
        ],
    )
    page = reader.go(address)
    bars = panel(page, 0).get_by_role("link")
    expect(bars).to_have_text([re.compile(rf"net-{at}\s*{5 - at}\.03") for at in range(6)])
    expect(bars.first).to_have_attribute("href", re.compile("/ada/kinds/runs/k0$"))
    widths = bars.locator(".fill").evaluate_all("all => all.map(one => one.clientWidth)")
    assert widths == sorted(widths, reverse=True) and widths[0] > 3 * widths[-1] > 0
    # At step 15 the last value was logged at step 10.
    expect(panel(page, 1).get_by_role("link").first).to_have_text(re.compile(r"net-0\s*5\.091"))

    # A run that is pointed at is lit wherever it stands.
    bars.first.hover()
    expect(panel(page, 1).locator(".lit")).to_have_text(re.compile("net-0"))
    boxes = panel(page, 2).get_by_role("img", name=re.compile("3 runs"))
    expect(boxes).to_have_count(2)
    assert re.search(r"adam: 3 runs, median 3\.03", boxes.first.get_attribute("aria-label") or "")

    # The smallest learning rate, the least loss, and all between: each better than the others in something.
    points = panel(page, 3)
    expect(picture(points)).to_have_accessible_name(re.compile("loss by lr: 6 runs"))
    expect(points.get_by_text("6 on the front")).to_be_visible()
    points.get_by_role("group", name=re.compile("^Points")).focus()
    page.keyboard.press("ArrowRight")
    expect(points.locator("[aria-live]")).to_have_text(re.compile(r"net-0\. lr 0\.1, loss 5\.03"))
    box = picture(points).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 4, steps=4)
    page.mouse.up()
    expect(
        page.get_by_text("2 selected").or_(page.get_by_text("2 runs selected")).first
    ).to_be_visible()
    assert len(colours(picture(points).locator("canvas"))) > 4

    # Axes by keys: a range keeps the runs in it.
    lines = panel(page, 4)
    expect(picture(lines)).to_have_accessible_name("6 runs across lr, optimizer, loss")
    lines.get_by_role("button", name="lr", exact=True).click()
    page.get_by_role("textbox", name="From").fill("0.3")
    page.keyboard.press("Tab")
    expect(lines.get_by_text("4 of 6 brushed")).to_be_visible()
    page.get_by_role("switch", name="Logarithmic").click()
    page.get_by_role("button", name="Move to the right").click()
    expect(picture(lines)).to_have_accessible_name("4 runs across optimizer, lr, loss")
    page.keyboard.press("Escape")

    rows = panel(page, 5)
    expect(rows.get_by_text("Only 6 runs: below 20")).to_be_visible()
    expect(rows.get_by_role("listitem").filter(has_text="lr")).to_have_text(re.compile("−1"))
    expect(panel(page, 6).locator(".figure")).to_have_text("0.03226")
    differing = panel(page, 7).get_by_role("row")
    expect(differing.filter(has_text="config.same")).to_have_count(0)
    panel(page, 7).get_by_role("checkbox", name="Only differences").uncheck()
    expect(differing.filter(has_text="config.same")).to_have_count(1)


def test_histograms_tables_text_and_notes(
    own_server: LiveServer, reader: Visit, kinds: str
) -> None:
    address = arranged(
        own_server,
        "logged",
        [
            ("histogram", {"metric": "weights", "most": 1}),
            ("table", {"metric": "rows", "run": "k0"}),
            ("text", {"metric": "said"}),
            ("note", {}),
        ],
    )
    page = reader.go(address)
    bins = panel(page, 0)
    expect(picture(bins)).to_have_accessible_name(re.compile("4 steps, values from .* at step 30"))
    heat = colours(picture(bins).locator("canvas"))
    assert len(heat) > 8
    for mode in ("Ridges", "One step"):
        bins.get_by_role("radio", name=mode).click()
        reader.until(lambda: colours(picture(bins).locator("canvas")) != heat, mode)

    # Sorted by a column, filtered by a word, joined with another run.
    table = panel(page, 1)
    grid = table.get_by_role("grid")
    cells = grid.get_by_role("row").nth(1).get_by_role("gridcell")
    expect(cells).to_have_text(["n0", "0"])
    grid.get_by_role("button", name="score").click()
    grid.get_by_role("button", name="score").click()
    expect(cells).to_have_text(["n99", "99"])
    table.get_by_role("searchbox").fill("name:n1")
    expect(table.get_by_text("11 of 100 rows")).to_be_visible()
    table.get_by_role("searchbox").fill("")
    table.get_by_role("combobox", name="Compare with").select_option("k1")
    expect(table.get_by_text("joined on name")).to_be_visible()
    # Every tenth score differs, but the first run's own are as they were.
    expect(table.get_by_text("10 changed cells")).to_be_visible()
    table.get_by_role("checkbox", name="Only what changed").check()
    expect(table.get_by_text("10 of 100 rows")).to_be_visible()

    said = panel(page, 2)
    expect(said.get_by_role("listitem")).to_have_count(8)
    said.get_by_role("searchbox").fill("/run 1 after [12]0/")
    expect(said.get_by_text("2 of 8 texts")).to_be_visible()
    expect(said.get_by_role("listitem").first).to_have_text(
        re.compile("20.*net-1.*run 1 after 20 steps")
    )

    note = panel(page, 3)
    note.get_by_role("button", name="Write a note").click()
    page.keyboard.insert_text("## Found\n\n- lower is **better**")
    page.keyboard.press("Control+Enter")
    expect(note.get_by_role("heading", name="Found")).to_be_visible()
    expect(note.locator("strong")).to_have_text("better")


def test_panels_are_for_everybody(own_server: LiveServer, reader: Visit, kinds: str) -> None:
    names = ["bar", "box", "scatter", "parallel", "importance", "number", "note", "comparer"]
    names += ["histogram", "table", "text", "media"]
    options = {"media": {"metric": "seen"}, "note": {"text": "# A note"}}
    address = arranged(own_server, "all", [(name, options.get(name, {})) for name in names])

    def is_there(page: Page) -> None:
        expect(panel(page, 0).get_by_role("link").first).to_be_visible()

    check_both(reader, address, is_there)
