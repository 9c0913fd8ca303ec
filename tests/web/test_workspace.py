"""The workspace's layout: arranged by hand and by keys, undone, saved, shared (ui-spec 2, 4.2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.live_server import LiveServer
from tests.web.accessible import check_both
from tests.web.conftest import Open
from tests.web.demo_server import own_environment, own_folders_of
from tests.web.scripts import run_script
from tests.web.test_accounts import TEAM, join
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

PROJECT = f"/{TEAM}/arranged"
API = f"/api/v1/projects{PROJECT}"
SCRIPT = """
    import kiseki

    for index in range(2):
        run = kiseki.init(project="arranged", id=f"r{index}", name=f"net-{index}")
        for step in range(20):
            row = {"train/loss": 1 / (step + 1) + index, "train/acc": step / 20}
            row |= {"val/loss": 2 / (step + 1), "val/acc": step / 30, "val/f1": step / 40}
            run.log(row | {"grad": step})
        run.finish()
"""
DECODE = """async () => {
    const text = location.hash.slice(3).replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
    return new Response(stream).json();
}"""


@pytest.fixture(scope="module")
def team(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with a team's project: two runs, three sections."""
    folder = tmp_path_factory.mktemp("team")
    server = LiveServer(folder / "server", env=own_folders_of(folder)).start()
    try:
        server.get("/api/v1/teams", "POST", {"team": TEAM})
        env = own_environment(folder)
        env.update(KISEKI_BASE_URL=server.url, KISEKI_API_KEY=server.key, KISEKI_DIR=str(folder))
        env.update(KISEKI_ENTITY=TEAM, KISEKI_DISABLE_META="true", KISEKI_DISABLE_STATS="true")
        run_script(Path(folder) / "script", SCRIPT, env)
        yield server
    finally:
        server.stop()


@pytest.fixture
def ada(team: LiveServer, visits: Open) -> Visit:
    visit = visits(team.url)
    assert visit.context.request.post(f"{team.url}/api/v1/session", data={"key": team.key}).ok
    return visit


def titles(page: Page) -> list[str]:
    """Return the panels in sight, row by row."""
    return list(page.locator("[data-panel] h3").all_inner_texts())


def sections(page: Page) -> list[str]:
    return [text.split("\n")[0] for text in page.locator("section h2 .fold").all_inner_texts()]


def settled(page: Page) -> None:
    """Wait until the person's view is kept."""
    expect(page.get_by_role("button", name="Add panel", exact=True)).to_be_visible()


def mine(server: LiveServer) -> dict[str, Any]:
    return dict(server.get(f"{API}/views/mine")["doc"])


def heads(page: Page) -> Locator:
    return page.locator("[data-panel] h3")


def drag(page: Page, what: Locator, onto: Locator, part: float) -> None:
    """Drag with the pointer onto a panel, `part` of its width from its left edge."""
    start, end = what.bounding_box(), onto.bounding_box()
    assert start and end
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + part * end["width"], end["y"] + end["height"] / 2, steps=6)
    page.mouse.up()


def width(visit: Visit, metric: str) -> float:
    box = visit.panel(metric).bounding_box()
    assert box
    return box["width"]


def section_menu(page: Page, title: str, item: str) -> None:
    page.get_by_role("region", name=title).hover()
    page.get_by_role("button", name=f"Section {title}", exact=True).click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def panel_menu(visit: Visit, metric: str, item: str) -> None:
    visit.panel(metric).hover()
    visit.panel(metric).get_by_role("button", name="Panel menu (.)").click()
    visit.page.get_by_role("menuitem", name=item, exact=True).click()


def views_of(visit: Visit) -> list[dict[str, Any]]:
    answer = visit.context.request.get(f"{visit.base_url}{API}/views")
    return list(answer.json()["views"])


def view_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^View: "))


def test_views_are_kept_shared_and_followed(team: LiveServer, ada: Visit, visits: Open) -> None:
    page = ada.go(PROJECT)
    settled(page)
    expect(view_button(page)).to_have_accessible_name("View: My view")
    assert sections(page) == ["train", "val", "Charts"]

    # The own view keeps itself, and an address says all of it.
    page.get_by_role("button", name=re.compile("^val")).click()
    page.get_by_role("button", name="Panel settings").click()
    page.get_by_role("checkbox", name="Logarithmic y axis").check()
    page.keyboard.press("Escape")
    ada.until(lambda: "log=y" in page.url and "#d=" in page.url, "the address says it")
    assert page.evaluate(DECODE) == {"p": {"sections": {"val": [{"folded": True}]}}}
    ada.until(
        lambda: "mine" in [v["slug"] for v in team.get(f"{API}/views")["views"]], "a view is kept"
    )
    ada.until(lambda: mine(team)["charts"] == {"logY": True}, "the scale is kept")
    assert mine(team)["sections"]["val"]["folded"] is True

    # A second tab has it too, and follows.
    other = Visit(ada.context, team.url)
    other.go(PROJECT)
    settled(other.page)
    expect(other.page.get_by_role("button", name=re.compile("^val"))).to_have_attribute(
        "aria-expanded", "false"
    )
    assert "log=y" in other.page.url
    other.page.get_by_role("button", name=re.compile("^val")).click()
    expect(page.get_by_role("button", name=re.compile("^val"))).to_have_attribute(
        "aria-expanded", "true", timeout=4000
    )
    page.keyboard.press("Control+z")
    other.page.get_by_role("button", name="Panel settings").click()
    other.page.get_by_role("checkbox", name="Logarithmic y axis").uncheck()
    ada.until(lambda: "log=y" not in page.url, "the other tab's scale is followed")

    # Saved as a shared view; somebody else opens it, and is told of a newer version.
    page.get_by_role("button", name=re.compile("^train")).click()
    view_button(page).click()
    page.get_by_role("button", name="Save as…").click()
    page.get_by_role("textbox", name="Name of the view").fill("Overview")
    page.keyboard.press("Enter")
    expect(view_button(page)).to_have_accessible_name("View: Overview")
    ada.until(lambda: "view=overview" in page.url, "the address names it")
    assert "#d=" not in page.url

    guest = visits(team.url)
    join(team, guest, "grace")
    guest.go(PROJECT + "?view=overview")
    settled(guest.page)
    expect(guest.page.get_by_role("button", name=re.compile("^train"))).to_have_attribute(
        "aria-expanded", "false"
    )
    page.get_by_role("button", name=re.compile("^Charts")).click()
    expect(view_button(page)).to_have_accessible_name("View: Overview, edited")
    ada.until(lambda: "#d=" in page.url, "changes are in the address")
    link = page.url
    page.keyboard.press("Control+s")
    expect(view_button(page)).to_have_accessible_name("View: Overview")
    expect(guest.page.get_by_role("button", name=re.compile("^Charts"))).to_have_attribute(
        "aria-expanded", "false"
    )
    guest.page.goto("about:blank")

    # A link shows what was shown, and leaves the own view of who opens it alone.
    guest.page.goto(re.sub(r"[?&]view=overview", "", link))
    settled(guest.page)
    expect(view_button(guest.page)).to_have_accessible_name("View: From a link")
    expect(guest.page.get_by_role("button", name=re.compile("^train"))).to_have_attribute(
        "aria-expanded", "false"
    )

    folded = guest.page.get_by_role("button", name=re.compile("^train"))
    folded.click()
    view_button(guest.page).click()
    guest.page.get_by_role("button", name="Back to my view").click()
    expect(view_button(guest.page)).to_have_accessible_name("View: My view")
    assert "mine" not in [v["slug"] for v in views_of(guest)]

    # What is too long for an address is kept by the server, and the link is as good.
    page.goto(team.url + PROJECT)
    settled(page)
    version = team.get(f"{API}/views/mine")["version"]
    long = {f"s{i}:": {"title": hashlib.sha256(b"%d" % i).hexdigest()} for i in range(300)}
    doc = {"version": 1, "sections": long | {"train": {"title": "Kept"}}}
    team.get(f"{API}/views/mine", "PUT", {"doc": doc, "base_version": version})
    ada.until(lambda: sections(page)[0] == "Kept", "the view saved elsewhere is followed")
    ada.until(lambda: "#d=@" in page.url, "the address names a draft")
    guest.page.goto("about:blank")
    guest.page.goto(page.url)
    settled(guest.page)
    expect(view_button(guest.page)).to_have_accessible_name("View: From a link")
    assert sections(guest.page)[0] == "Kept"

    # The server is away: changes wait in the browser, are said to, and are kept when it is back.
    for visit in (ada, guest, other):
        visit.refusal_is_expected = True
    team.kill()
    page.get_by_role("button", name=re.compile("^Charts")).click()
    expect(view_button(page)).to_have_accessible_name("View: My view, not saved yet")
    team.start()
    expect(view_button(page)).to_have_accessible_name("View: My view")
    ada.until(lambda: "" in mine(team)["sections"], "kept after all")


def test_panels_are_arranged_and_it_is_undone(team: LiveServer, visits: Open) -> None:
    visit = visits(team.url)
    join(team, visit, "katherine")
    page = visit.go(PROJECT)
    settled(page)
    start = ["loss", "acc", "loss", "acc", "f1", "grad"]
    assert titles(page) == start

    # By the pointer: f1 before the other panels of its section, then into train.
    expect(visit.chart("val/f1")).to_be_visible()
    drag(page, visit.panel("val/f1").locator("header h3"), visit.panel("val/loss"), 0.2)
    expect(heads(page)).to_have_text(["loss", "acc", "f1", "loss", "acc", "grad"])
    drag(page, visit.panel("val/f1").locator("header h3"), visit.panel("train/loss"), 0.8)
    expect(heads(page)).to_have_text(["loss", "f1", "acc", "loss", "acc", "grad"])
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(heads(page)).to_have_text(start)
    page.keyboard.press("Control+Shift+Z")
    expect(heads(page)).to_have_text(["loss", "acc", "f1", "loss", "acc", "grad"])

    # By keys: from panel to panel, its menu, its size.
    visit.panel("train/loss").focus()
    page.keyboard.press("ArrowDown")
    expect(visit.panel("val/f1")).to_be_focused()
    page.keyboard.press(".")
    page.get_by_role("menuitem", name="Move right").click()
    expect(heads(page)).to_have_text(["loss", "acc", "loss", "f1", "acc", "grad"])
    wide = width(visit, "val/f1")
    page.get_by_role("button", name="Size of f1").press("ArrowRight")
    visit.until(lambda: width(visit, "val/f1") > 1.9 * wide, "twice as wide")
    handle = page.get_by_role("button", name="Size of f1").bounding_box()
    assert handle
    page.mouse.move(handle["x"] + 12, handle["y"] + 12)
    page.mouse.down()
    page.mouse.move(handle["x"] - wide, handle["y"] + 12, steps=4)
    page.mouse.up()
    visit.until(lambda: abs(width(visit, "val/f1") - wide) < 2, "as wide as before")

    # A section by its menu; the search finds its new name.
    section_menu(page, "val", "Rename…")
    page.get_by_role("textbox", name="Name of the section").fill("Validation")
    page.keyboard.press("Enter")
    section_menu(page, "Validation", "Pin to the top")
    visit.until(lambda: sections(page) == ["Validation", "train", "Charts"], "pinned")
    page.get_by_role("textbox", name="Search panels").fill("valid f1")
    expect(page.get_by_text("1 of 6 panels")).to_be_visible()
    expect(heads(page)).to_have_text(["f1"])
    page.get_by_role("textbox", name="Search panels").fill("")

    # Taken away, brought back by the toast; taken away again, and added again.
    panel_menu(visit, "val/acc", "Remove")
    expect(visit.panel("val/acc")).to_have_count(0)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(visit.panel("val/acc")).to_have_count(1)
    panel_menu(visit, "val/acc", "Remove")
    page.get_by_role("button", name="Add panel", exact=True).click()
    page.get_by_role("checkbox", name="val/acc").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(visit.panel("val/acc")).to_have_count(1)

    # A panel of two metrics, with settings beside the grid that it follows at once.
    page.get_by_role("button", name="Add panel", exact=True).click()
    for metric in ("train/loss", "val/loss"):
        page.get_by_role("checkbox", name=metric).check()
    page.get_by_role("button", name="Add one panel of 2 metrics").click()
    both = page.locator('[data-id^="p"]')
    expect(both.get_by_role("img")).to_have_accessible_name(re.compile("4 lines"))
    before = page.locator("main .scroller").bounding_box()
    both.focus()
    page.keyboard.press("e")
    drawer = page.get_by_role("complementary", name=re.compile("^Panel "))
    drawer.get_by_role("textbox", name="Title").fill("Losses")
    expect(both.locator("h3")).to_have_text("Losses")
    after = page.locator("main .scroller").bounding_box()
    assert before and after and round(before["width"] - after["width"]) == 420
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)

    # All of it is there after a reload.
    order = titles(page)
    page.reload()
    settled(page)
    expect(heads(page)).to_have_text(order)
    assert "Losses" in order
    assert sections(page)[0] == "Validation"
    check_both(visit, PROJECT, settled)


def fold_of(page: Page, section: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^{section}"))


def test_a_conflict_is_settled_and_versions_and_the_default_are_kept(
    team: LiveServer, visits: Open
) -> None:
    doc = {"version": 1, "sections": {"train": {"folded": True}}}
    made = team.get(f"{API}/views", "POST", {"name": "Board", "doc": doc, "shared": True})
    view = f"{API}/views/{made['slug']}"
    visit = visits(team.url)
    join(team, visit, "rosalind")
    page = visit.go(f"{PROJECT}?view={made['slug']}")
    settled(page)
    expect(view_button(page)).to_have_accessible_name("View: Board")
    expect(fold_of(page, "train")).to_have_attribute("aria-expanded", "false")

    # Somebody saves while another changes: it is told, nothing is overwritten, and both ways are open.
    fold_of(page, "val").click()
    expect(view_button(page)).to_have_accessible_name("View: Board, edited")
    theirs = {"version": 1, "sections": {"train": {"title": "Theirs"}}}
    team.get(view, "PUT", {"doc": theirs, "base_version": made["version"]})
    page.get_by_role("button", name="newer version").click()
    expect(page.get_by_text("saved this view while you changed it.")).to_be_visible()
    assert sections(page)[0] == "train"
    page.get_by_role("button", name="Save mine as the next version").click()
    expect(view_button(page)).to_have_accessible_name("View: Board")
    saved = team.get(view)
    assert saved["version"] == made["version"] + 2
    assert saved["doc"]["sections"] == {"train": {"folded": True}, "val": {"folded": True}}

    # What was saved over is a version that one can go back to.
    view_button(page).click()
    page.get_by_role("button", name="Earlier versions…").click()
    page.get_by_role("button", name=re.compile(rf"^Version {made['version'] + 1}\b")).click()
    visit.until(lambda: sections(page)[0] == "Theirs", "the version that was saved over")
    expect(view_button(page)).to_have_accessible_name("View: Board, edited")
    page.keyboard.press("Control+s")
    expect(view_button(page)).to_have_accessible_name("View: Board")
    assert team.get(view)["version"] == made["version"] + 3

    # The default is what people see who have no view of their own.
    view_button(page).click()
    page.get_by_role("button", name="Make it the default").click()
    visit.until(lambda: team.get(view)["default"], "it is the default")
    other = visits(team.url)
    join(team, other, "barbara")
    other.go(PROJECT)
    settled(other.page)
    assert sections(other.page)[0] == "Theirs"
    expect(view_button(other.page)).to_have_accessible_name("View: My view")
    view_button(page).click()
    page.get_by_role("button", name="No longer the default").click()
    visit.until(lambda: not team.get(view)["default"], "it is not the default any more")
