"""Panels of logged media, on what real scripts logged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.fakes.live_server import LiveServer
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
