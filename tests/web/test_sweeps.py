"""Sweeps in the browser: made from a config, watched while trials come, paused, cancelled, found again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
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
  lr: {values: [0.1, 0.01]}
  model:
    parameters:
      width: {MIN: 2, max: 4}
"""
# As users of the official client write it. The value is least at lr 0.01 and width 3; the last trial fails.
AGENT = """
import pathlib, time
import wandb

def train():
    with wandb.init(settings=wandb.Settings(x_disable_stats=True, silent=True, console="off")) as run:
        lr, width = run.config.lr, run.config["model"]["width"]
        deadline = time.monotonic() + 120
        while not pathlib.Path("go").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        if (lr, width) == (0.01, 4):
            raise RuntimeError("diverged")
        run.log({"val_loss": abs(lr - 0.01) * 10 + abs(width - 3) + 0.5})

wandb.agent("SWEEP", train, entity="ada", project="PROJECT")
"""
OTHER = """
import kiseki
with kiseki.init(project="PROJECT", name="other") as run:
    run.log({"val_loss": 0.1})
"""


def rows_of(page: Page) -> Locator:
    return page.get_by_role("grid", name="Runs").get_by_role("row")


@pytest.fixture
def start_agent(
    own_server: LiveServer, script_env: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start the official client's agent on a sweep, in a process of its own."""
    env = {key: value for key, value in script_env.items() if not key.startswith("KISEKI_")}
    env.update(WANDB_BASE_URL=own_server.url, WANDB_API_KEY=FIRST_KEY, WANDB_DIR=str(tmp_path))
    begun: list[subprocess.Popen[bytes]] = []

    def start(sweep: str) -> subprocess.Popen[bytes]:
        script = tmp_path / "agent.py"
        script.write_text(AGENT.replace("SWEEP", sweep).replace("PROJECT", tmp_path.name))
        with (tmp_path / "agent.log").open("wb") as log:
            command = [sys.executable, str(script)]
            begun.append(
                subprocess.Popen(
                    command, cwd=tmp_path, env=env, stdout=log, stderr=log, start_new_session=True
                )
            )
        return begun[-1]

    yield start
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def test_a_sweep_from_its_config_to_its_end(
    reader: Visit,
    own_server: LiveServer,
    script_env: dict[str, str],
    visits: Open,
    start_agent: Callable[[str], subprocess.Popen[bytes]],
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
        CONFIG.replace("MIN", "min") + "run_cap: 20\n"
    )
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("20 runs", exact=True)).to_be_visible()
    assert own_server.get(address)["run_cap"] == 20

    # An agent comes: the page and, elsewhere, the list hear of it and of its first trial.
    other = visits(own_server.url)
    other.context.request.post(f"{own_server.url}/api/v1/session", data={"key": FIRST_KEY})
    listed = other.go(f"/ada/{project}/sweeps")
    expect(listed.get_by_text("no run yet")).to_be_visible()
    agent = start_agent(id)
    for watched in (page, listed):
        expect(watched.get_by_text("1 running", exact=True).first).to_be_visible()
    expect(page.get_by_text("1 of 6 trials · 5 left")).to_be_visible()
    agents = page.get_by_role("complementary", name="Sweep").get_by_role("listitem")
    first = own_server.get(address)["agents"][0]["runs"][0]["run"]
    expect(agents.filter(has_text="running").locator(f'a[href$="/runs/{first}"]')).to_be_visible()
    expect(page.get_by_role("button", name="Edit", exact=True)).to_have_count(0)

    # Paused, named, gone on, stopped and taken back; told everywhere.
    page.get_by_role("button", name="Pause").click()
    expect(listed.get_by_role("cell", name="Paused", exact=True)).to_be_visible()
    assert own_server.get(address)["state"] == "PAUSED"
    page.get_by_role("button", name="Rename the sweep").click()
    page.keyboard.type("better rates")
    page.keyboard.press("Enter")
    expect(listed.get_by_role("link", name="better rates")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(listed.get_by_role("cell", name="Running", exact=True)).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(listed.get_by_role("cell", name="Finished", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(listed.get_by_role("cell", name="Running", exact=True)).to_be_visible()

    (tmp_path / "go").touch()
    assert agent.wait(120) == 0, (tmp_path / "agent.log").read_text()
    best = own_server.get(address)["best"]
    assert best["value"] == 0.5
    for watched in (page, listed):
        expect(watched.get_by_text("5 finished")).to_be_visible()
        expect(watched.get_by_text("1 failed").first).to_be_visible()
        expect(watched.get_by_role("link", name=best["name"]).first).to_be_visible()
    expect(listed.get_by_role("cell", name="Finished", exact=True)).to_be_visible()
    expect(page.get_by_text("6 of 6 trials")).to_be_visible()
    expect(agents.filter(has_text="exited")).to_contain_text("6 trials")
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    expect(page.get_by_text("6 runs", exact=True)).to_be_visible()
    trials = rows_of(page).filter(has=page.get_by_role("checkbox"))
    expect(trials.first).to_contain_text(best["name"])
    expect(page.get_by_role("columnheader", name=re.compile("val_loss"))).to_have_attribute(
        "aria-sort", "ascending"
    )
    expect(page.get_by_role("row", name=re.compile("^lr")).first).to_contain_text("0.01")

    # The pictures: which axes, how many trials, how sure.
    axes = re.compile(r"6 runs .*lr, model.width, val_loss")
    expect(page.get_by_role("img", name=axes)).to_be_visible()
    curve = page.get_by_role("img", name=re.compile(r"val_loss of 5 trials .* 3 times .* 0\.5$"))
    expect(curve).to_be_visible()
    expect(page.get_by_text("n = 5 · 2 improvements · 1 without a value")).to_be_visible()
    expect(page.get_by_text("Only 5 runs")).to_be_visible()
    keyed = page.get_by_role("group", name="Arrow keys go from trial to trial")
    keyed.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    told = f"{best['name']}. Trial 5, val_loss 0.5, Best so far 0.5"
    expect(keyed.locator("[aria-live]")).to_have_text(told)
    # What a panel shows is chosen in its form, for this page alone.
    page.get_by_role("group", name="Parameters and result").focus()
    page.keyboard.press("e")
    drawer = page.get_by_role("complementary", name="Panel Parameters and result")
    drawer.get_by_role("button", name="Take model.width away").click()
    expect(page.get_by_role("img", name=re.compile("6 runs across lr, val_loss"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    reader.go(f"/ada/{project}/sweeps/{id}?panel=best")
    expect(curve).to_be_visible()
    expect(page.get_by_text("Only 5 runs")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_text("Only 5 runs")).to_be_visible()

    # Another order is the address's, as in the runs table.
    page.get_by_role("columnheader", name=re.compile("^lr")).get_by_role("button").first.click()
    page.wait_for_url("**sort=-config.lr*")
    expect(trials.first).not_to_contain_text(best["name"])

    # The same again; what is for good asks first.
    page.get_by_role("button", name="New from this").click()
    text.fill(text.input_value().replace("rates", "again"))
    page.get_by_role("button", name="Create sweep").click()
    expect(page.get_by_role("heading", name="again")).to_be_visible()
    again = page.url.rsplit("/", 1)[1]
    assert again != id
    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog = page.get_by_role("dialog", name="Cancel again?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    assert own_server.get(f"{address[: -len(id)]}{again}")["state"] == "RUNNING"
    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog.get_by_role("button", name="Cancel the sweep").click()
    expect(listed.get_by_role("cell", name="Cancelled", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Pause|Resume|Stop"))).to_have_count(0)

    # From anywhere by its name; from here to its runs, and back.
    page.keyboard.press("Control+k")
    page.keyboard.type("better rat")
    expect(page.get_by_role("option", name=re.compile("better rates"))).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/sweeps/{id}")
    page.get_by_role("link", name="Open in the runs table").click()
    page.wait_for_url(f"**/ada/{project}/table?filter=sweep:{id}*")
    expect(page.get_by_text("6 of 7 runs").first).to_be_visible()
    reader.go(f"/ada/{project}/runs/{best['run']}/overview")
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
        lambda shown: expect(shown.get_by_text(best["name"]).last).to_be_visible(),
    )
