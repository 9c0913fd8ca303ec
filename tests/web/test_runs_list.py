"""Filter, sort and columns: the same runs in the list, in the charts and in the table."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.demo_server import DemoServer
from tests.web.visit import Visit

pytestmark = pytest.mark.browser


def names(page: Page) -> list[str]:
    """Return the names of the runs, from the top."""
    found = page.locator('a[href*="/runs/"]').all()
    found.sort(key=lambda link: (link.bounding_box() or {"y": 0})["y"])
    return [link.inner_text().strip() for link in found]


def test_a_filter_narrows_the_list_and_the_charts(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(demo.project)
    expect(watcher.chart("train/lr")).to_have_accessible_name(re.compile("3 lines"))
    field = page.get_by_role("combobox", name="Filter runs")
    field.fill("config.hidden>=64 not name:slow*")
    expect(page.get_by_text("1 of 3 runs")).to_be_visible()
    assert names(page) == ["wide"]
    expect(watcher.chart("train/lr")).to_have_accessible_name(re.compile("1 line, .*wide"))
    expect(page).to_have_url(re.compile(r"filter="))
    page.reload()  # a filter is an address
    expect(page.get_by_text("1 of 3 runs")).to_be_visible()
    field.fill("hidden>100000")
    expect(page.get_by_text("No run matches hidden>100000").first).to_be_visible()
    page.get_by_role("button", name="Clear filter").first.click()
    expect(page.get_by_text("3 runs", exact=True)).to_be_visible()
    watcher.expect_status(400, "/runs")
    field.fill("lr>>")
    expect(page.get_by_role("alert").first).to_be_visible()
    field.press("Escape")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_eye_takes_a_run_out_of_the_charts(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(demo.project)
    expect(watcher.chart("train/lr")).to_have_accessible_name(re.compile("3 lines"))
    page.get_by_role("button", name="Show narrow in the charts").click()
    expect(watcher.chart("train/lr")).to_have_accessible_name(re.compile("2 lines"))
    page.get_by_role("button", name="Show all").click()
    expect(watcher.chart("train/lr")).to_have_accessible_name(re.compile("3 lines"))


def test_sorting_orders_the_table(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(f"{demo.project}/table")
    header = page.get_by_role("columnheader", name="hidden")
    header.get_by_role("button").first.click()
    for _ in range(2):
        direction = header.get_attribute("aria-sort")
        wanted = ["narrow", "slow-learner", "wide"]
        wanted = wanted if direction == "ascending" else wanted[::-1]
        watcher.until(lambda wanted=wanted: names(page) == wanted, f"runs {direction} by hidden")
        assert "config.hidden" in page.url
        header.get_by_role("button").first.click()
        expect(header).not_to_have_attribute("aria-sort", direction or "")
    page.get_by_role("columnheader", name="Run").get_by_role("button").first.click()
    watcher.until(lambda: names(page) == ["wide", "slow-learner", "narrow"], "runs by name, down")
    assert "sort=-name" in page.url


def test_columns_are_a_choice_that_stays(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(f"{demo.project}/table")
    expect(page.get_by_role("columnheader", name="hidden")).to_be_visible()
    momentum = page.get_by_role("columnheader", name="momentum")
    expect(momentum).to_have_count(0)  # the same in every run
    page.get_by_role("button", name="Columns", exact=True).click()
    page.get_by_role("textbox", name="Find a column").fill("momentum")
    page.get_by_role("checkbox", name="momentum").check()
    expect(momentum).to_have_count(1)
    row = page.get_by_role("row").filter(has_text="wide")
    expect(row.get_by_role("gridcell", name="0.9", exact=True)).to_have_count(1)
    page.reload()
    expect(momentum).to_have_count(1)
    page.get_by_role("button", name="Columns", exact=True).click()
    page.get_by_role("button", name="Reset columns").click()
    expect(momentum).to_have_count(0)
