"""Sweeps in the browser: made from a config, watched while trials come, paused, cancelled, found again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.live_server import FIRST_KEY, LiveServer
from tests.web.accessible import check_both
from tests.web.conftest import Open
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

CONFIG = """\
program: train.py
name: rates
method: grid
metric: {name: val_loss, goal: minimize}
parameters:
  lr: {values: [0.1, 0.01, 0.001]}
  model:
    parameters:
      width: {MIN: 2, max: 4}
"""
# A trial, as its run tells of it: the value is least at lr 0.01 and width 3.
TRIALS = """
import sys
import kiseki
for at, (lr, width) in enumerate([(lr, width) for lr in (0.1, 0.01, 0.001) for width in (2, 3, 4)]):
    config = {"lr": lr, "model": {"width": width}}
    with kiseki.init(project="PROJECT", name=f"trial-{at}", id=f"PROJECT-{at}", config=config) as run:
        if at == 8:
            sys.exit(3)  # without a value
        run.log({"val_loss": abs(lr - 0.01) * 10 + abs(width - 3) + 0.5})
"""
OTHER = """
import kiseki
with kiseki.init(project="PROJECT", name="other") as run:
    run.log({"val_loss": 0.1})
"""


def rows_of(page: Page) -> Locator:
    return page.get_by_role("grid", name="Runs").get_by_role("row")


def test_a_sweep_from_its_config_to_its_end(
    reader: Visit,
    own_server: LiveServer,
    script_env: dict[str, str],
    visits: Open,
    tmp_path: Path,
) -> None:
    project = tmp_path.name
    run_script(tmp_path, OTHER.replace("PROJECT", project), script_env)
    page = reader.go(f"/ada/{project}")
    expect(page.get_by_role("link", name="other")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url(f"**/ada/{project}/sweeps")
    expect(page.get_by_role("heading", name="No sweep yet")).to_be_visible()
    expect(page.get_by_text(f"export WANDB_BASE_URL={own_server.url}")).to_be_visible()
    expect(page.get_by_text(f"wandb sweep --entity ada --project {project}")).to_be_visible()

    # What the server does not accept is said beside the text, with the way to its line.
    page.get_by_role("button", name="New sweep").click()
    text = page.get_by_role("textbox", name="Config of the sweep")
    expect(text).to_be_focused()
    text.fill(CONFIG.replace("MIN", "minimum"))
    reader.expect_status(400, "/sweeps")
    page.keyboard.press("Control+Enter")
    wrong = page.get_by_role("alert")
    expect(wrong).to_contain_text("Parameter model.width")
    expect(wrong).to_contain_text("minimum")
    page.get_by_role("button", name="Go to line 9").click()
    assert page.evaluate("getSelection().toString()") == "      width: {minimum: 2, max: 4}"
    # Closed and opened again: what was typed is there.
    page.keyboard.press("Escape")
    expect(text).not_to_be_visible()
    page.get_by_role("button", name="New sweep").click()
    expect(text).to_have_value(CONFIG.replace("MIN", "minimum"))
    text.fill(CONFIG.replace("MIN", "min"))
    page.keyboard.press("Meta+Enter")

    # The address is the one that the client prints.
    page.wait_for_url(re.compile(rf"/ada/{project}/sweeps/\w+$"))
    id = page.url.rsplit("/", 1)[1]
    address = f"/api/v1/projects/ada/{project}/sweeps/{id}"
    expect(page.get_by_role("heading", name="rates")).to_be_visible()
    expect(page.get_by_text("No trial yet").first).to_be_visible()
    expect(page.get_by_text(f"wandb agent ada/{project}/{id}")).to_be_visible()
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_role("textbox", name="Config of the sweep").fill(
        CONFIG.replace("MIN", "min") + "run_cap: 8\n"
    )
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("8 runs", exact=True)).to_be_visible()
    assert own_server.get(address)["run_cap"] == 8

    # Trials come: the page and, elsewhere, the list hear of them.
    other = visits(own_server.url)
    other.context.request.post(f"{own_server.url}/api/v1/session", data={"key": FIRST_KEY})
    listed = other.go(f"/ada/{project}/sweeps")
    expect(listed.get_by_text("no run yet")).to_be_visible()
    env = {**script_env, "KISEKI_SWEEP_ID": id}
    with pytest.raises(AssertionError):  # its last trial fails, on purpose
        run_script(tmp_path, TRIALS.replace("PROJECT", project), env)
    for watched in (page, listed):
        expect(watched.get_by_text("8 finished")).to_be_visible()
        expect(watched.get_by_text("1 failed").first).to_be_visible()
        expect(watched.get_by_role("link", name="trial-4").first).to_be_visible()
    expect(page.get_by_text("9 runs", exact=True)).to_be_visible()
    best_row = rows_of(page).filter(has_text="trial-").first
    expect(best_row).to_contain_text("trial-4")
    expect(best_row).to_contain_text("0.01")
    expect(page.get_by_role("columnheader", name=re.compile("val_loss"))).to_have_attribute(
        "aria-sort", "ascending"
    )
    expect(page.get_by_role("row", name=re.compile("^lr")).first).to_contain_text("0.01")

    # The pictures: which axes, how many trials, how sure.
    expect(
        page.get_by_role("img", name=re.compile("9 runs .*lr, model.width, val_loss"))
    ).to_be_visible()
    curve = page.get_by_role("img", name=re.compile("val_loss of 8 trials .* 3 times .* 0.5$"))
    expect(curve).to_be_visible()
    expect(page.get_by_text("n = 8 · 2 improvements · 1 without a value")).to_be_visible()
    expect(page.get_by_text("Only 8 runs")).to_be_visible()
    keyed = page.get_by_role("group", name="Arrow keys go from trial to trial")
    keyed.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(keyed.locator("[aria-live]")).to_have_text(
        "trial-4. Trial 5, val_loss 0.5, Best so far 0.5"
    )
    reader.go(f"/ada/{project}/sweeps/{id}?panel=best")
    expect(curve).to_be_visible()
    expect(page.get_by_text("Only 8 runs")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_text("Only 8 runs")).to_be_visible()

    # Another order is the address's, as in the runs table.
    page.get_by_role("columnheader", name=re.compile("^lr")).get_by_role("button").first.click()
    page.wait_for_url("**sort=-config.lr*")
    expect(rows_of(page).filter(has_text="trial-").first).to_contain_text("0.1")

    # Paused, named, gone on; told everywhere. What is for good asks first.
    page.get_by_role("button", name="Pause").click()
    expect(listed.get_by_role("cell", name="Paused")).to_be_visible()
    assert own_server.get(address)["state"] == "PAUSED"
    page.get_by_role("button", name="Rename the sweep").click()
    page.keyboard.type("better rates")
    page.keyboard.press("Enter")
    expect(listed.get_by_role("link", name="better rates")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(listed.get_by_role("cell", name="Running")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(listed.get_by_role("cell", name="Finished")).to_be_visible()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(listed.get_by_role("cell", name="Running")).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog = page.get_by_role("dialog", name="Cancel better rates?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    assert own_server.get(address)["state"] == "RUNNING"
    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog.get_by_role("button", name="Cancel the sweep").click()
    expect(listed.get_by_role("cell", name="Cancelled")).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)

    # From here to its runs, and back.
    page.get_by_role("link", name="Open in the runs table").click()
    page.wait_for_url(f"**/ada/{project}/table?filter=sweep:{id}*")
    expect(page.get_by_text("9 of 10 runs").first).to_be_visible()
    reader.go(f"/ada/{project}/runs/{project}-4/overview")
    page.get_by_role("link", name=id).click()
    expect(page.get_by_role("heading", name="better rates")).to_be_visible()
    reader.expect_status(404, "/sweeps/nothing")
    reader.go(f"/ada/{project}/sweeps/nothing")
    expect(page.get_by_text("There is no sweep nothing here").first).to_be_visible()
    check_both(
        reader,
        f"/ada/{project}/sweeps",
        lambda shown: expect(shown.get_by_role("link", name="better rates")).to_be_visible(),
    )
    check_both(
        reader,
        f"/ada/{project}/sweeps/{id}",
        lambda shown: expect(shown.get_by_text("trial-4").last).to_be_visible(),
    )
