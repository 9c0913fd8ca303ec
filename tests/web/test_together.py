"""Two people of a team, each with a page of their own, and a server that goes away (ui-spec §6, §7)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.live_server import FIRST_KEY, LiveServer
from tests.web.conftest import Open
from tests.web.demo_server import own_environment, own_folders_of
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

SCRIPT = """
    import kiseki

    for name in ("north", "south"):
        run = kiseki.init(project="shared", id=name, name=name, config={"lr": 0.1})
        run.log({"loss": 1.0})
        run.finish()
"""


@pytest.fixture(scope="module")
def lab(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with a team, two people in it, and a project of the team."""
    folder: Path = tmp_path_factory.mktemp("together")
    server = LiveServer(folder / "server", env=own_folders_of(folder)).start()
    try:
        server.get("/api/v1/teams", "POST", {"team": "lab"})
        env = own_environment(folder)
        env.update(KISEKI_BASE_URL=server.url, KISEKI_API_KEY=FIRST_KEY, KISEKI_DIR=str(folder))
        env.update(KISEKI_ENTITY="lab", KISEKI_DISABLE_META="true", KISEKI_DISABLE_STATS="true")
        run_script(folder, SCRIPT, env)
        yield server
    finally:
        server.stop()


@pytest.fixture
def ada(lab: LiveServer, visits: Open) -> Visit:
    visit = visits(lab.url)
    assert visit.context.request.post(f"{lab.url}/api/v1/session", data={"key": FIRST_KEY}).ok
    return visit


@pytest.fixture
def bob(lab: LiveServer, visits: Open) -> Visit:
    """A member of the team; the first time he is invited."""
    visit = visits(lab.url)
    password = "willow kettle anchor mosaic"
    invite = lab.get("/api/v1/invites", "POST", {"team": "lab"})["url"].partition("#token=")[2]
    body = {"user": "bob", "password": password, "invite": invite}
    if not visit.context.request.post(f"{lab.url}/api/v1/users", data=body).ok:
        body = {"user": "bob", "password": password}
        assert visit.context.request.post(f"{lab.url}/api/v1/session", data=body).ok
    return visit


def add_tag(page: Page, tag: str) -> None:
    page.get_by_role("textbox", name="Add tag").fill(tag)
    page.keyboard.press("Enter")


def rename(page: Page, name: str) -> None:
    page.get_by_role("button", name="Rename run").click()
    page.get_by_role("textbox", name="Rename run").fill(name)
    page.keyboard.press("Enter")


def test_what_one_edits_the_other_sees(ada: Visit, bob: Visit) -> None:
    hers = ada.go("/lab/shared/runs/north/overview")
    his = bob.go("/lab/shared/runs/north/overview")
    for page in (hers, his):
        expect(page.get_by_title("Live updates are on")).to_be_visible()
        expect(page.get_by_role("heading", level=1, name="north")).to_be_visible()
    added = time.monotonic()
    add_tag(hers, "seen")
    expect(his.get_by_role("link", name="seen").first).to_be_visible()
    print(f"a tag: seen after {time.monotonic() - added:.2f} s")
    renamed = time.monotonic()
    rename(his, "north-by-bob")
    expect(hers.get_by_role("heading", level=1, name="north-by-bob")).to_be_visible()
    print(f"a name: seen after {time.monotonic() - renamed:.2f} s")
    # In a list as well, without a reload.
    his = bob.go("/lab/shared/table")
    expect(his.get_by_role("row").filter(has_text="north-by-bob")).to_be_visible()
    rename(hers, "north")
    expect(his.get_by_role("row").filter(has_text="north-by-bob")).to_have_count(0)
    expect(his.get_by_role("row").filter(has_text="north")).to_be_visible()


def test_a_server_that_goes_away_loses_no_edit(lab: LiveServer, ada: Visit, bob: Visit) -> None:
    hers = ada.go("/lab/shared/runs/south/overview")
    his = bob.go("/lab/shared")
    for page in (hers, his):
        expect(page.get_by_title("Live updates are on")).to_be_visible()
    expect(bob.chart("loss")).to_have_accessible_name(re.compile("2 lines"))
    expect(hers.get_by_role("heading", level=1, name="south")).to_be_visible()
    ada.refusal_is_expected = bob.refusal_is_expected = True
    lab.kill()
    try:
        for page in (hers, his):
            expect(page.get_by_title("Live updates are interrupted")).to_contain_text(
                "Reconnecting"
            )
            expect(page.get_by_text("The server does not answer. What is loaded")).to_be_visible()
        # What is loaded stays usable: hidden, shown, searched.
        expect(bob.chart("loss")).to_be_visible()
        his.get_by_role("button", name=re.compile("^Show south in the charts")).click()
        expect(bob.chart("loss")).to_have_accessible_name(re.compile("1 line"))
        rename(hers, "south-while-away")
        expect(hers.get_by_role("heading", level=1, name="south-while-away")).to_be_visible()
        add_tag(hers, "later")
        expect(hers.get_by_text("2 changes will be sent when it is back.")).to_be_visible()
        expect(hers.get_by_role("link", name="later").first).to_be_visible()
    finally:
        lab.start()
    for page in (hers, his):
        expect(page.get_by_text("The server does not answer.")).to_be_hidden()
        expect(page.get_by_title("Live updates are on")).to_have_text("Live")
    expect(his.get_by_text("south-while-away")).to_be_visible()
    expect(hers.get_by_role("heading", level=1, name="south-while-away")).to_be_visible()
    run = lab.get("/api/v1/projects/lab/shared/runs/south")
    assert (run["name"], run["tags"]) == ("south-while-away", ["later"])
    expect(hers.get_by_role("button", name="Reload for the new version")).to_have_count(0)
