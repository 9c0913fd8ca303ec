"""Runs in groups, in the list, the charts and the table; tags, and filters from clicks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.live_server import LiveServer
from tests.web.accessible import check_both
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

SCRIPT = """
    import kiseki

    for index in range(6):
        lr = (0.1, 0.2)[index % 2]
        run = kiseki.init(
            project="groups",
            id=f"g{index}",
            name=f"net-{index}",
            group=("early", "late")[index // 3],
            tags=["wide"] if index % 3 == 0 else None,
            config={"lr": lr, "seed": index},
        )
        # The runs of one learning rate are 1 apart; one of them is shorter than the others.
        for step in range(5 if index == 4 else 10):
            run.log({"loss": lr * 100 + index // 2})
        run.finish()
"""
PROJECT = "/ada/groups"


@pytest.fixture(scope="module")
def groups(own_server: LiveServer, script_env: dict[str, str]) -> str:
    """A project with six runs: two learning rates, two groups, a tag on two of them."""
    run_script(Path(script_env["KISEKI_DIR"]) / "groups", SCRIPT, script_env)
    return PROJECT


def sidebar(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Runs")


def group_by(page: Page, key: str) -> None:
    page.get_by_role("button", name=re.compile("^Group")).first.click()
    page.get_by_role("textbox", name="Find a key").fill(key)
    page.get_by_role("button", name=key, exact=True).click()
    page.keyboard.press("Escape")


def test_a_group_is_one_line_with_its_mean(reader: Visit, groups: str) -> None:
    page = reader.go(groups)
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("6 lines"))
    group_by(page, "lr")
    expect(page).to_have_url(re.compile("group=config.lr"))
    expect(sidebar(page).get_by_role("button", name="lr: 0.1, 3 runs")).to_be_visible()
    # 10, 11 and, up to step 4, 12: the mean of the last step is of the two that came so far.
    chart = reader.chart("loss")
    expect(chart).to_have_accessible_name(re.compile(r"2 lines, .*lr: 0\.1 \(3 runs\): 10\.5 at"))
    expect(chart).to_have_accessible_name(re.compile(r"lr: 0\.2 \(3 runs\): 21 at"))
    page.reload()  # groups are part of the address
    expect(chart).to_have_accessible_name(re.compile("2 lines"))


def test_the_tooltip_says_over_how_many_runs(reader: Visit, groups: str) -> None:
    page = reader.go(f"{groups}?group=config.lr")
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("2 lines"))
    box = reader.plot("loss").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + box["height"] * 0.9)
    expect(page.get_by_text("n = 2 of 3")).to_be_visible()


def test_one_eye_shows_and_hides_a_group(reader: Visit, groups: str) -> None:
    page = reader.go(f"{groups}?group=config.lr")
    runs = sidebar(page)
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("2 lines"))
    runs.get_by_role("button", name="Show the runs of lr: 0.1 in the charts").click()
    expect(reader.chart("loss")).to_have_accessible_name(re.compile(r"1 line, .*lr: 0\.2"))
    runs.get_by_role("button", name="lr: 0.1, 3 runs").click()
    expect(runs.get_by_role("link")).to_have_text(["net-4", "net-2", "net-0"])
    runs.get_by_role("button", name="Show net-2 in the charts").click()
    expect(reader.chart("loss")).to_have_accessible_name(re.compile(r"lr: 0\.1 \(1 run\): 11 at"))


def test_the_table_says_mean_and_deviation_of_each_group(reader: Visit, groups: str) -> None:
    page = reader.go(f"{groups}/table?group=group,config.lr")
    line = page.get_by_role("row").filter(
        has=page.get_by_role("button", name="group: early · lr: 0.1, 2 runs")
    )
    expect(line.get_by_role("gridcell", name="10.50 ± 0.71")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^group: .* runs?$"))).to_have_count(4)
    line.get_by_role("button", name=re.compile("2 runs$")).click()
    expect(page.get_by_role("link", name="net-2")).to_be_visible()
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "7")


def test_a_group_is_a_filter_too(reader: Visit, groups: str) -> None:
    page = reader.go(f"{groups}/table?group=group")
    page.get_by_role("button", name="Show only group: late").click()
    expect(page.get_by_text("3 of 6 runs")).to_be_visible()
    expect(page).to_have_url(re.compile("filter=group:late"))


def test_clicking_a_value_or_a_tag_narrows_the_filter(reader: Visit, groups: str) -> None:
    page = reader.go(f"{groups}/table")
    page.get_by_role("button", name="0.1", exact=True).first.click()
    expect(page.get_by_text("3 of 6 runs")).to_be_visible()
    page.get_by_role("button", name="Columns", exact=True).click()
    page.get_by_role("textbox", name="Find a column").fill("tags")
    page.get_by_role("checkbox", name="Tags").check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="wide", exact=True).first.click()
    expect(page.get_by_text("1 of 6 runs")).to_be_visible()
    expect(page).to_have_url(re.compile(r"filter=config\.lr:0\.1\+tags:wide"))


def test_picked_runs_are_tagged_and_untagged(reader: Visit, groups: str) -> None:  # I-25
    page = reader.go(groups)
    runs = sidebar(page)
    for name in ("net-1", "net-2"):
        runs.get_by_role("checkbox", name=f"Select {name}").check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("textbox", name="Add tag").fill("keep me")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Tagged 2 runs keep me.")).to_be_visible()
    page.get_by_role("combobox", name="Filter runs").fill('tags:"keep me"')
    expect(page.get_by_text("2 of 6 runs")).to_be_visible()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("button", name="Remove tag keep me").click()
    expect(page.get_by_text("Took the tag keep me from 2 runs.")).to_be_visible()
    expect(page.get_by_text("No run matches").first).to_be_visible()
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_role("button", name="Clear selection")).to_have_count(0)


def test_a_tag_of_a_run_page_leads_to_its_like(reader: Visit, groups: str) -> None:
    page = reader.go(f"{groups}/runs/g1/overview")
    field = page.get_by_role("textbox", name="Add tag")
    field.fill("one of a kind")
    field.press("Enter")
    page.get_by_role("main").get_by_role("link", name="one of a kind").first.click()
    expect(page).to_have_url(re.compile("filter=tags:"))
    expect(page.get_by_text("1 of 6 runs")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Remove tag one of a kind").click()
    expect(page.get_by_role("link", name="one of a kind")).to_have_count(0)


def test_picks_are_made_by_keys(reader: Visit, groups: str) -> None:
    page = reader.go(groups)
    expect(sidebar(page).get_by_role("link")).to_have_count(6)
    for key in "jxjx":
        page.keyboard.press(key)
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile(r"/compare\?runs=g5,g4"))


def test_groups_are_for_everybody(reader: Visit, groups: str) -> None:
    shown = re.compile("^lr: 0.1")

    def settled(page: Page) -> None:
        if page.viewport_size and page.viewport_size["width"] < 900 and "table" not in page.url:
            page.get_by_role("button", name=re.compile("^Show runs")).click()
        expect(page.get_by_role("button", name=shown).first).to_be_visible()

    check_both(reader, f"{groups}?group=config.lr", settled)
    check_both(reader, f"{groups}/table?group=config.lr", settled)
