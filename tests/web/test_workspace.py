"""The workspace's layout: arranged by hand and by keys, undone, saved, shared (ui-spec 2, 4.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.live_server import LiveServer
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
