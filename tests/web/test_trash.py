"""The trash: deleted without a question, undone, restored from its page, told to other tabs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.fakes.live_server import FIRST_KEY, LiveServer
from tests.web.accessible import check_both
from tests.web.conftest import Open
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

SCRIPT = """
import kiseki
for name in ("one", "two", "three"):
    with kiseki.init(project="PROJECT", name=name, id=name) as run:
        run.log({"loss": 1.0})
"""


@pytest.fixture
def project(own_server: LiveServer, script_env: dict[str, str], tmp_path: Path) -> str:
    run_script(tmp_path, SCRIPT.replace("PROJECT", tmp_path.name), script_env)
    return f"/ada/{tmp_path.name}"


def test_what_is_deleted_comes_back(
    reader: Visit, own_server: LiveServer, visits: Open, project: str
) -> None:
    other = visits(own_server.url)
    other.context.request.post(f"{own_server.url}/api/v1/session", data={"key": FIRST_KEY})
    watching = other.go(f"{project}/table")
    expect(watching.get_by_text("3 runs", exact=True).first).to_be_visible()
    page = reader.go(project)
    for name in ("one", "two"):
        page.get_by_role("checkbox", name=re.compile(name)).check()
    # By keys alone.
    page.get_by_role("button", name="Move to trash").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 runs moved to the trash")).to_be_visible()
    expect(page.get_by_text("1 run", exact=True).first).to_be_visible()
    expect(watching.get_by_text("1 run", exact=True).first).to_be_visible()
    trash = other.go(f"{project}/trash")
    expect(trash.get_by_text("7 days left")).to_have_count(2)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("2 runs restored")).to_be_visible()
    expect(page.get_by_text("3 runs", exact=True).first).to_be_visible()
    expect(trash.get_by_text("The trash is empty")).to_be_visible()  # without asking again

    watching = other.go(f"{project}/runs/three")
    expect(watching.get_by_role("heading", name="three")).to_be_visible()
    page = reader.go(f"{project}/runs/three")
    page.get_by_role("button", name="Run actions").click()
    page.get_by_role("menuitem", name="Move to trash").click()
    expect(page.get_by_text("three moved to the trash")).to_be_visible()
    expect(page).to_have_url(re.compile(f"{project}$"))
    expect(watching.get_by_text("This run was moved to the trash.")).to_be_visible()
    trash = reader.go(f"{project}/trash")
    trash.get_by_role("button", name="Restore three").click()
    expect(trash.get_by_text("three is back")).to_be_visible()
    expect(watching.get_by_text("This run was moved to the trash.")).to_have_count(0)
    page = reader.go(project)
    expect(page.get_by_text("3 runs", exact=True).first).to_be_visible()


def test_the_page_is_found_and_accessible(reader: Visit, project: str) -> None:
    page = reader.go(project)
    page.get_by_role("button", name="Project: " + project.rpartition("/")[2]).click()
    page.get_by_role("link", name="Trash of this project").click()
    expect(page.get_by_text("The trash is empty")).to_be_visible()
    url = reader.base_url + "/api/v1/projects" + project + "/runs/delete"
    assert reader.context.request.post(
        url, data={"runs": ["one", "two"]}, headers={"Origin": reader.base_url}
    ).ok
    check_both(
        reader,
        f"{project}/trash",
        lambda page: expect(page.get_by_role("button", name="Restore two")).to_be_visible(),
    )
