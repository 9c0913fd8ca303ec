"""Themes and small screens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, ViewportSize, expect

from tests.web.accessible import AXE, check
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


# ---- every address and state, in both themes and three widths ------------------------------------

WINDOWS: tuple[tuple[str, ViewportSize], ...] = (
    ("light", {"width": 1280, "height": 860}),
    ("dark", {"width": 1280, "height": 860}),
    ("dark", {"width": 390, "height": 844}),
    # 1280 px at 400 %, which is what WCAG asks for (reflow).
    ("light", {"width": 320, "height": 640}),
)


def check_all(page: Page, what: str, *, without: tuple[str, ...] = ()) -> None:
    """Look at the page in every theme and width, without loading it anew."""
    page.evaluate(AXE.read_text())
    for theme, size in WINDOWS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        expect(page.locator(f"html[data-theme={theme}]")).to_have_count(1)
        check(page, f"{what}, {theme}, {size['width']} px", without=without)
    page.set_viewport_size(WINDOWS[0][1])


# Comparisons, files, code, media, the trash and groups are looked at where they are tested.
PAGES = {
    "/": "Home|digits",
    "/ada": "Projects of ada",
    "/ada/digits": "slow-learner",
    "/ada/digits?panel=train/loss": "slow-learner",
    "/ada/digits/table": "slow-learner",
    "/ada/digits/runs/RUN": "loss",
    "/ada/digits/runs/RUN/overview": "Config",
    "/ada/digits/runs/RUN/logs": "step|epoch|loss",
    "/search?q=slow": "slow-learner",
    "/settings/appearance": "Appearance",
    "/ada/digits/no/such/page": "There is nothing at this address",
    "/nobody/nothing": "There is no project",
}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_for_everybody(watcher: Visit, demo: DemoServer, path: str) -> None:
    runs = watcher.context.request.get(f"{demo.url}/api/v1/projects{demo.project}/runs").json()
    for part in ("/nobody/nothing", "/api/v1/events"):
        watcher.expect_status(404, part)
    page = watcher.go(path.replace("RUN", runs["runs"][0]["id"]))
    expect(page.get_by_text(re.compile(PAGES[path])).first).to_be_attached()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("banner")).to_have_count(1)
    # Lines of output stand as close as they were printed: going to a line has a field of its own.
    check_all(page, path, without=("target-size",) if path.endswith("/logs") else ())


def test_what_opens_over_a_page_is_for_everybody(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(demo.project)
    expect(watcher.chart("train/loss")).to_be_visible()

    def look(what: str) -> None:
        check_all(page, what)
        page.keyboard.press("Escape")

    page.keyboard.press("Control+k")
    page.keyboard.type("loss")
    expect(page.get_by_role("option").first).to_be_visible()
    look("palette")
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    look("keys")
    for button in ("Project: digits", "Entity: ada", "Account"):
        page.get_by_role("button", name=button).click()
        check(page, button)
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name=button)).to_be_focused()
    page.get_by_role("button", name=re.compile("^Theme:")).click()
    check(page, "themes")


def test_forced_colours_and_more_contrast_keep_what_matters(
    watcher: Visit, demo: DemoServer
) -> None:
    page = watcher.go(demo.project)
    expect(watcher.chart("train/loss")).to_be_visible()
    page.emulate_media(contrast="more")
    hairline, border = (
        page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('{name}')")
        for name in ("--hairline", "--border")
    )
    assert hairline == border
    page.emulate_media(forced_colors="active", contrast="no-preference")
    tab = page.get_by_role("link", name="Table", exact=True)
    tab.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert tab.evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"
    current = page.get_by_role("link", name="Charts", exact=True).first
    colours_of = "(one) => getComputedStyle(one).borderBottomColor"
    assert current.evaluate(colours_of) != tab.evaluate(colours_of)


def test_the_theme_is_there_before_the_first_paint(watcher: Visit, demo: DemoServer) -> None:
    """No flash: the attribute is set before anything of the app has been loaded."""
    watcher.page.add_init_script("localStorage.setItem('kiseki.theme', 'dark')")
    held: list[Route] = []
    watcher.page.route("**/assets/*.js", lambda route: held.append(route))
    page = watcher.page
    page.goto(demo.url + demo.project, wait_until="commit")
    watcher.until(lambda: held, "the script asked for")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    watcher.until(lambda: max(background(page)) < 60, "the dark page")
    expect(page.locator("#app")).to_be_empty()
    for route in held:
        route.continue_()
    page.unroute("**/assets/*.js")
    expect(watcher.chart("train/loss")).to_be_visible()


def test_a_comparison_on_paper_is_whole_and_in_ink(watcher: Visit, demo: DemoServer) -> None:
    runs = watcher.context.request.get(f"{demo.url}/api/v1/projects{demo.project}/runs").json()
    ids = ",".join(run["id"] for run in runs["runs"][:2])
    watcher.page.set_viewport_size({"width": 1000, "height": 300})
    watcher.page.emulate_media(color_scheme="dark")
    page = watcher.go(f"{demo.project}/compare?runs={ids}&tab=environment")
    rows = page.get_by_role("grid").get_by_role("rowheader")
    expect(rows.first).to_be_visible()
    page.get_by_role("checkbox", name="Only differences").uncheck()
    count = page.get_by_role("grid").get_attribute("aria-rowcount")
    page.emulate_media(media="print")
    expect(rows).to_have_count(int(count or 0) - 1)
    expect(rows.last).to_be_visible()
    expect(page.get_by_role("banner")).to_be_hidden()
    assert min(background(page)) > 200
    assert page.evaluate("document.documentElement.scrollHeight") > 300
