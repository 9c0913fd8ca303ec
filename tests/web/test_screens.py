"""Themes and small screens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.canvas import colours
from tests.web.demo_server import DemoServer
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}


def background(page: Page) -> list[int]:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return [int(part) for part in re.findall(r"\d+", colour)[:3]]


def choose_theme(page: Page, name: str) -> None:
    page.get_by_role("button", name=re.compile("^Theme:")).click()
    page.get_by_role("menuitemradio", name=name).click()


def test_dark_is_a_choice_that_stays(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(demo.project)
    expect(watcher.chart("train/lr")).to_have_accessible_name(re.compile("3 lines"))
    assert min(background(page)) > 200  # Chromium without a wish is light
    light = colours(watcher.lines("train/lr"))
    choose_theme(page, "Dark")
    assert max(background(page)) < 60
    dark = watcher.until(
        lambda: (now := colours(watcher.lines("train/lr")))[:1] != light[:1] and now, "dark lines"
    )
    assert dark[0] not in light
    page.reload()
    assert max(background(page)) < 60
    choose_theme(page, "Light")
    assert min(background(page)) > 200


def test_the_system_theme_is_followed(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(demo.project)
    page.emulate_media(color_scheme="dark")
    watcher.until(lambda: max(background(page)) < 60, "the dark page")
    page.emulate_media(color_scheme="light")
    watcher.until(lambda: min(background(page)) > 200, "the light page")


@pytest.mark.parametrize(
    "path", ["", "/table", "/runs/RUN", "/runs/RUN/overview", "/runs/RUN/logs"]
)
def test_a_phone_shows_every_page_without_sideways_scrolling(
    watcher: Visit, demo: DemoServer, path: str
) -> None:
    runs = watcher.context.request.get(f"{demo.url}/api/v1/projects{demo.project}/runs").json()
    watcher.page.set_viewport_size(PHONE)
    page = watcher.go(demo.project + path.replace("RUN", runs["runs"][0]["id"]))
    expect(page.get_by_text(re.compile("wide|loss|slow-learner")).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    # In one look: the page is live, and buttons come and go between two.
    beyond = page.get_by_role("button").evaluate_all(
        """(all, width) => all
            .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > width + 1)
            .map((one) => one.ariaLabel || one.textContent)""",
        PHONE["width"],
    )
    assert beyond == []


def test_the_runs_list_of_a_phone_is_a_sheet(watcher: Visit, demo: DemoServer) -> None:
    watcher.page.set_viewport_size(PHONE)
    page = watcher.go(demo.project)
    page.get_by_role("button", name=re.compile("^Show runs")).click()
    expect(page.get_by_role("complementary").get_by_text("slow-learner")).to_be_visible()
    page.get_by_role("complementary").get_by_role("button", name=re.compile("^Hide runs")).click()
    expect(page.get_by_role("complementary")).to_have_count(0)


def test_keys_move_and_open(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(demo.project)
    expect(watcher.chart("train/loss")).to_be_visible()
    page.keyboard.press("Control+j")
    expect(page.get_by_role("complementary")).to_have_count(0)
    page.keyboard.press("Control+j")
    expect(page.get_by_role("complementary")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile("/table$"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
