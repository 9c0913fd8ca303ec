"""With the keyboard alone (ui-spec §10, §11): from home to a comparison and back, and the palette."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.live_server import LiveServer
from tests.web.conftest import Open
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

SCRIPT = """
    import kiseki

    for name, lr, tag in (("calm", 0.1, "baseline"), ("eager", 0.2, "sweep")):
        run = kiseki.init(
            project="{project}", id=name, name=name + "-run", config={{"lr": lr, "act": "relu"}}, tags=[tag]
        )
        for step in range(3):
            run.log({{"train/loss": lr * (3 - step), "val/acc": 1 - lr}})
        run.finish()
"""
STOPS_MAX = 40


@pytest.fixture(scope="module")
def projects(own_server: LiveServer, script_env: dict[str, str]) -> None:
    """Two projects, so that home is a page to choose from."""
    for project in ("keyed", "other"):
        folder = Path(script_env["KISEKI_DIR"]) / f"keyboard-{project}"
        run_script(folder, SCRIPT.format(project=project), script_env)


def check_ring(page: Page, what: str) -> None:
    """Fail where somebody who looks at the page cannot tell what has the focus."""
    seen = page.evaluate(
        """() => {
          const at = document.activeElement;
          const box = at.getBoundingClientRect();
          const ringed = (one) => {
            const style = getComputedStyle(one);
            return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)
              || style.boxShadow !== 'none';
          };
          const isRinged = ringed(at) || (at.parentElement !== null && ringed(at.parentElement));
          const isInView = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
          return {tag: at.tagName, isRinged, isInView};
        }"""
    )
    assert seen["tag"] != "BODY", what
    assert seen["isRinged"], (what, seen)
    assert seen["isInView"], (what, seen)


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Go on until a control whose name or text matches has the focus; every stop has a ring."""
    for _ in range(STOPS_MAX):
        page.keyboard.press(key)
        at = page.evaluate(
            "document.activeElement.ariaLabel || document.activeElement.textContent.trim()"
        )
        check_ring(page, at)
        if re.search(name, at):
            return
    raise AssertionError(f"no stop is called {name}")


def test_from_home_to_a_comparison_and_back(reader: Visit, projects: None) -> None:
    page = reader.go("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    check_ring(page, "the way past the bar")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    tab_to(page, "keyed")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/ada/keyed$"))
    expect(reader.chart("train/loss")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()  # and not lost with the link
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("checkbox", name="Select eager-run")).to_be_visible()
    for key in "jx":
        page.keyboard.press(key)
    expect(
        page.get_by_role("checkbox", name=re.compile("^Select .*run"), checked=True)
    ).to_have_count(1)
    for key in "jx":
        page.keyboard.press(key)
    expect(
        page.get_by_role("checkbox", name=re.compile("^Select .*run"), checked=True)
    ).to_have_count(2)
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile(r"/compare\?runs=(calm,eager|eager,calm)$"))
    expect(page.get_by_role("rowheader", name="lr")).to_be_visible()
    expect(page.get_by_role("rowheader", name="act")).to_have_count(0)  # alike in both
    tab_to(page, "^Summary$")
    page.keyboard.press("Enter")
    expect(page.get_by_role("rowheader", name="train/loss")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("h")
    expect(page).to_have_url(reader.base_url + "/")
    expect(page.get_by_role("link", name=re.compile("keyed"))).to_be_visible()


def test_the_palette_finds_and_goes(reader: Visit, projects: None) -> None:
    page = reader.go("/ada/keyed")
    expect(reader.chart("train/loss")).to_be_visible()
    field = page.get_by_role("combobox", name=re.compile("^Search runs"))
    options = page.get_by_role("listbox", name="Results").get_by_role("option")
    chosen = options.and_(page.locator("[aria-selected=true]"))

    page.get_by_role("button", name="Search", exact=True).focus()
    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    expect(options.filter(has_text="Runs table")).to_be_visible()
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_focused()

    # A metric: its panel, in full.
    page.keyboard.press("Control+k")
    page.keyboard.type("/acc")
    expect(chosen).to_have_text(re.compile("val/acc"))
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?panel=val/acc$"))

    # A run that the page knows, and one of another project that only the server knows.
    page.keyboard.press("Control+k")
    page.keyboard.type("eager")
    expect(options.filter(has_text="ada/other")).to_be_visible()
    expect(chosen).to_have_text(re.compile("eager-run"))
    page.keyboard.press("ArrowDown")
    expect(chosen).to_have_text(re.compile("ada/other"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/ada/other/runs/eager$"))

    # A tag is a filter; an action does what its key does; what was used last comes first.
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(reader.chart("train/loss")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("#base")
    expect(chosen).to_have_text(re.compile("baseline"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"filter=tags:baseline$"))
    page.keyboard.press("Control+k")
    page.keyboard.type(">dark")
    expect(chosen).to_have_text(re.compile("Theme: dark"))
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("Control+k")
    expect(options.first).to_have_text(re.compile("Theme: dark"))
    page.keyboard.press("End")
    page.keyboard.type("calm")
    page.keyboard.press("ArrowUp")
    expect(chosen).to_have_text(re.compile("Search all projects for “calm”"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=calm$"))
    expect(page.get_by_role("link", name=re.compile("calm-run"))).to_have_count(2)


def test_what_is_typed_before_the_palette_is_there_is_kept(reader: Visit, projects: None) -> None:
    page = reader.page
    reader.context.route(
        "**/assets/Palette-*.js", lambda route: (page.wait_for_timeout(1_000), route.continue_())
    )
    reader.go("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("gd ?")
    expect(page.get_by_role("combobox", name=re.compile("earch"))).to_have_value("gd ?")
    page.keyboard.type("x")
    expect(page.get_by_role("combobox", name=re.compile("earch"))).to_have_value("gd ?x")
    expect(page.get_by_role("dialog")).to_have_count(1)  # no shortcut was meant


def test_addresses_that_lead_elsewhere(reader: Visit, projects: None) -> None:
    page = reader.go("/ada/keyed/groups/big%20one")
    expect(page).to_have_url(re.compile(r"/ada/keyed\?filter=group:%22big\+one%22$"))
    page = reader.go("/ada/keyed/nowhere/calm")
    expect(page.get_by_role("heading", name="There is nothing at this address")).to_be_attached()
    page.get_by_role("link", name="Search for “calm”").click()
    expect(page.get_by_role("link", name=re.compile("calm-run"))).to_have_count(2)


def test_single_letters_can_be_switched_off(reader: Visit, projects: None) -> None:
    page = reader.go("/settings/appearance")
    switch = page.get_by_role("switch", name="Single-letter shortcuts")
    switch.click()
    expect(switch).not_to_be_checked()
    page.get_by_role("link", name="Projects", exact=True).click()
    expect(page.get_by_role("link", name=re.compile("keyed"))).to_be_visible()
    page.keyboard.press("?")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.keyboard.press("Control+/")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog.get_by_text("Single-letter shortcuts are switched off.")).to_be_visible()
    dialog.get_by_role("link", name="Change").click()
    expect(page).to_have_url(re.compile("/settings/appearance$"))
    switch.click()
    page.keyboard.press("Escape")
    page.get_by_role("main").focus()
    page.keyboard.press("?")
    expect(dialog).to_be_visible()


def test_the_page_speaks_japanese(visits: Open, own_server: LiveServer, projects: None) -> None:
    visit = visits(own_server.url, locale="ja-JP")
    sign_in = {"key": own_server.key}
    assert visit.context.request.post(f"{own_server.url}/api/v1/session", data=sign_in).ok
    page = visit.go("/ada/keyed")
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.get_by_role("link", name="テーブル")).to_be_visible()
    expect(visit.chart("train/loss")).to_have_accessible_name(re.compile("2 本の線"))
    assert sum("/ja-" in request.url for request in visit.requests) == 1
    visit.go("/settings/appearance")
    page.get_by_role("radio", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", name="Appearance")).to_be_visible()
    visit.requests.clear()
    page.reload()
    expect(page.get_by_role("heading", name="Appearance")).to_be_visible()
    assert [request.url for request in visit.requests if "/ja-" in request.url] == []
