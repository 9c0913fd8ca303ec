"""A line panel from its making to its settings; its keys, its tooltip and what its legend hides."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.live_server import LiveServer
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

PAGE = "/ada/formed"
WRONG = "= 1 - train/acc + nope("
SCRIPT = """
    import kiseki

    for index in range(3):
        run = kiseki.init(project="formed", id=f"f{index}", name=f"net-{index}", config={"lr": index / 10})
        for step in range(100):
            run.log({"train/acc": step / 100, "train/loss": 3.0 - index - step / 100, "tokens": step * 32})
        run.finish()
    run = kiseki.init(project="formed", fork_from="f0?_step=49", id="fork", name="net-fork")
    for step in range(50, 70):
        run.log({"train/acc": 0.1, "train/loss": 0.2, "tokens": step * 32}, step=step)
    run.finish()
"""


@pytest.fixture(scope="module")
def formed(own_server: LiveServer, script_env: dict[str, str]) -> None:
    run_script(Path(script_env["KISEKI_DIR"]) / "formed", SCRIPT, script_env)


def titled(page: Page, title: str) -> Locator:
    """The whole panel; the chart in it has the same name."""
    return page.locator(f'[data-id][aria-label="{title}"]')


def options_of(visit: Visit, title: str) -> dict[str, Any]:
    """Return the options of the panel of this title as the server keeps them."""
    api = f"{visit.base_url}/api/v1/projects{PAGE}/views/mine"
    answer = visit.context.request.get(api)
    panels = answer.json()["doc"].get("panels", {}) if answer.ok else {}
    return next((one["options"] for one in panels.values() if one.get("title") == title), {})


def test_an_expression_gets_a_panel_and_the_panel_its_settings(formed: None, reader: Visit) -> None:
    page = reader.go(PAGE)
    reader.expect_status(400, "/series")
    expect(reader.chart("train/loss")).to_have_accessible_name(re.compile("4 lines"))

    # What the server cannot read is said with its words, and no panel is made of it.
    page.get_by_role("button", name="Add panel", exact=True).click()
    adding = page.get_by_role("dialog")
    field = adding.get_by_label(re.compile("^Find a metric"))
    field.fill(WRONG)
    adding.get_by_role("button", name="Add", exact=True).click()
    expect(adding.get_by_role("alert")).to_contain_text("nope")
    field.fill("= 1 - train/acc")
    expect(adding.get_by_role("alert")).to_have_count(0)
    adding.get_by_role("button", name="Add", exact=True).click()
    expect(adding).to_be_hidden()
    panel = titled(page, "1 - train/acc")
    expect(panel.get_by_role("img")).to_have_accessible_name(re.compile("values from .* to 1"))

    # `e` on the focused panel opens its settings; every change shows at once.
    panel.focus()
    page.keyboard.press("e")
    form = page.get_by_role("complementary", name=re.compile("^Panel "))
    form.get_by_role("textbox", name="Title").fill("Error")
    panel = titled(page, "Error")
    chart = panel.get_by_role("img")
    metric = form.get_by_role("combobox", name="Metric or expression to add")
    add = form.get_by_role("button", name="Add", exact=True)
    metric.fill("train/loss")
    add.click()
    expect(chart).to_have_accessible_name(re.compile("8 lines"))
    metric.fill(WRONG)
    add.click()
    expect(form.get_by_role("alert")).to_contain_text("nope")
    form.get_by_role("button", name=re.compile("^right axis.*loss$")).click()
    expect(form.get_by_role("group", name="Range of the right axis")).to_be_visible()
    form.get_by_label("X axis", exact=True).select_option("tokens")
    form.get_by_label("Y axis", exact=True).select_option("log")
    form.get_by_role("spinbutton", name="Y range, from").fill("0.01")
    form.get_by_role("spinbutton", name="Y range, from").press("Tab")
    form.get_by_label("Smoothing").first.select_option("ema")
    expect(panel.get_by_text(re.compile("^EMA 0"))).to_be_visible()
    form.get_by_label("Smoothing").first.select_option("none")
    expect(panel.get_by_text(re.compile("^EMA 0"))).to_have_count(0)
    names = form.get_by_role("textbox", name="Names of lines")
    names.fill("lr {config.lr}")
    names.press("Tab")
    expect(chart).to_have_accessible_name(re.compile("lr 0.1"))
    expected = {
        "metrics": ["= 1 - train/acc", "train/loss"],
        "right": ["train/loss"],
        "x": "tokens",
        "yScale": "log",
        "yMin": 0.01,
        "smoothing": "none",
        "legend": "lr {config.lr}",
    }
    reader.until(lambda: expected.items() <= options_of(reader, "Error").items(), "all is kept")

    # Undone and done again, and there after a reload.
    form.get_by_label("Legend", exact=True).click()
    reader.until(lambda: options_of(reader, "Error").get("hasLegend") is False, "no legend")
    form.get_by_role("button", name="Close").click()
    panel.focus()
    page.keyboard.press("Control+z")
    # What was changed right before may be of one step with it.
    reader.until(lambda: options_of(reader, "Error").get("hasLegend") is not False, "undone")
    page.keyboard.press("Control+Shift+z")
    reader.until(lambda: options_of(reader, "Error").get("hasLegend") is False, "done again")
    page.reload()
    panel = titled(page, "Error")
    expect(panel.get_by_role("img")).to_have_accessible_name(re.compile("8 lines.*lr 0.1"))


def rows(visit: Visit) -> Locator:
    return visit.page.locator(".tooltip tbody tr")


def test_keys_in_a_chart_and_what_its_legend_hides(formed: None, reader: Visit) -> None:
    page = reader.go(PAGE)
    panel = reader.panel("train/loss")
    expect(reader.chart("train/loss")).to_have_accessible_name(re.compile("4 lines"))

    panel.focus()
    page.keyboard.press("e")
    page.get_by_role("complementary").get_by_label("X axis", exact=True).select_option("wall")
    reader.until(
        lambda: reader.series_answers("train/loss")[-1][0]["x"] == "_elapsed", "it is asked"
    )
    page.get_by_role("complementary").get_by_role("button", name="Close").click()

    # Time since the start: what the fork inherited was logged before its own.
    asked, found = reader.series_answers("train/loss")[-1]
    assert asked["x"] == "_elapsed"
    points = {one["run"]: (one["total"], min(one["data"]["x"])) for one in found}
    assert {run: total for run, (total, _) in points.items()} == {
        "f0": 100, "f1": 100, "f2": 100, "fork": 20,
    }  # fmt: skip
    assert all(first >= 0 for _, first in points.values())

    # Enter goes into the picture, arrows move the crosshair, Escape leads out again.
    panel.focus()
    page.keyboard.press("Enter")
    chart = panel.locator(".kiseki-chart")
    expect(chart).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(rows(reader).first).to_be_visible()
    # Neither the step nor the time is an axis here.
    expect(page.locator(".tooltip .place")).to_have_text(re.compile(r"^step \d+ · .*\d\d:\d\d"))
    page.keyboard.press("Escape")
    expect(rows(reader)).to_have_count(0)
    expect(chart).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_be_focused()
    page.keyboard.press(".")
    expect(page.get_by_role("menuitem", name="Download as SVG")).to_be_visible()
    page.keyboard.press("Escape")

    # `f` expands the panel in focus, wherever the pointer is; Escape closes it, from the picture too.
    reader.panel("train/acc").hover()
    panel.focus()
    page.keyboard.press("f")
    expect(page).to_have_url(re.compile("panel=train/loss"))
    panel = reader.panel("train/loss")
    page.keyboard.press(".")
    expect(page.get_by_role("menuitem", name="Download as SVG")).to_be_visible()
    page.keyboard.press("Escape")
    panel.locator(".kiseki-chart").focus()
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("panel="))
    reader.panel("train/acc").hover()
    page.evaluate("document.activeElement?.blur()")
    page.keyboard.press("f")
    expect(page).to_have_url(re.compile("panel=train/acc"))
    page.keyboard.press("Escape")

    # What a legend hides stays hidden, in this panel alone.
    panel.get_by_role("button", name=re.compile("^net-1")).click()
    expect(reader.chart("train/loss")).to_have_accessible_name(re.compile("3 lines"))
    api = f"{reader.base_url}/api/v1/projects{PAGE}/views/mine"
    kept = re.compile(r'"hidden": ?\["f1"\]')
    reader.until(lambda: kept.search(reader.context.request.get(api).text()), "it is kept")
    page.reload()
    expect(reader.chart("train/loss")).to_have_accessible_name(re.compile("3 lines"))
    expect(reader.chart("train/acc")).to_have_accessible_name(re.compile("4 lines"))
    panel.get_by_role("button", name=re.compile("^net-1")).click()
    expect(reader.chart("train/loss")).to_have_accessible_name(re.compile("4 lines"))
