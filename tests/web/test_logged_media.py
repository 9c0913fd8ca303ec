"""What the official client logs beside numbers, as people see it; and artifacts on their pages."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.live_server import LiveServer
from tests.web import accessible, canvas
from tests.web.demo_server import ROOT
from tests.web.visit import Visit

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None or importlib.util.find_spec("plotly") is None,
    reason="wandb and plotly are not installed",
)
RUN = "/ada/media/runs/zoo"
ARTIFACTS = "/ada/media/artifacts"


@pytest.fixture(scope="module")
def logged(own_server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A run of the official client that logged one of everything."""
    home = tmp_path_factory.mktemp("wandb-media")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "KISEKI_"))}
    env |= {
        "WANDB_BASE_URL": own_server.url, "WANDB_API_KEY": own_server.key, "HOME": str(home),
        "WANDB_DIR": str(home), "WANDB_CACHE_DIR": str(home / "cache"),
        "WANDB_CONFIG_DIR": str(home / "config"), "WANDB_DATA_DIR": str(home / "data"),
    }  # fmt: skip
    script = [sys.executable, str(ROOT / "tests" / "web" / "media_script.py"), str(home)]
    done = subprocess.run(script, env=env, cwd=home, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def colours_in(drawn: Locator) -> int:
    """Return how many colours a canvas shows: one is an empty one."""
    found: int = drawn.evaluate(
        f"""canvas => {{ {canvas.PIXELS}
          const seen = new Set();
          for (let i = 0; i < pixels.length; i += 4)
            if (pixels[i + 3]) seen.add(pixels[i] * 65536 + pixels[i + 1] * 256 + pixels[i + 2]);
          return seen.size;
        }}"""
    )
    return found


def panel(page: Page, key: str) -> Locator:
    found = page.locator(f'[data-media="{key}"]')
    found.scroll_into_view_if_needed()
    return found


@pytest.fixture
def viewer(reader: Visit) -> Iterator[Visit]:
    """A page that may complain of one thing: a logged page that is kept in."""
    yield reader
    reader.complaints[:] = [
        one for one in reader.complaints if "Content Security Policy" not in one
    ]


@pytest.mark.timeout(400)
def test_each_kind_is_shown(viewer: Visit, logged: None) -> None:
    page = viewer.go(f"{RUN}/media")
    img = panel(page, "img")
    expect(img.locator("figcaption")).to_have_text("street 1")
    expect(img.get_by_role("button", name="Masks")).to_be_visible()
    expect(img.locator("svg rect, .box").first).to_be_visible()
    expect(panel(page, "several").locator("img")).to_have_count(3)
    assert panel(page, "val.sound").locator("audio").evaluate("a => a.tagName") == "AUDIO"
    expect(panel(page, "film")).to_contain_text("The browser cannot play this file")
    expect(panel(page, "film").get_by_role("link", name="Download")).to_be_visible()
    frame = panel(page, "page").frame_locator("iframe")
    expect(frame.locator("body")).to_contain_text("script ran kept in")
    expect(frame.locator("body")).not_to_contain_text("LEAK")

    plotly = panel(page, "plotly")
    expect(plotly.locator('[data-figure="2"]')).to_be_visible()
    drawn = plotly.locator("canvas")
    viewer.until(lambda: colours_in(drawn) > 20, "the lines of the plotly figure")
    before = colours_in(drawn)
    plotly.get_by_role("button", name="cos").click()
    viewer.until(lambda: colours_in(drawn) != before, "a line that is hidden by its name")
    expect(panel(page, "sankey")).to_contain_text("Not drawn here: sankey")

    for key, what in (("points", "500"), ("mesh", "8"), ("mol", "2")):
        space = panel(page, key).locator("[data-space]")
        expect(space).to_have_attribute("data-space", what)
        viewer.until(lambda space=space: colours_in(space.locator("canvas")) > 1, f"{key} in space")
    cloud = panel(page, "points").get_by_role("application")
    turned = cloud.get_attribute("data-turn")
    cloud.focus()
    cloud.press("ArrowLeft")
    expect(cloud).not_to_have_attribute("data-turn", turned or "")
    cloud.press("0")
    expect(cloud).to_have_attribute("data-turn", turned or "")

    pics = panel(page, "pics")
    expect(pics).to_contain_text("5 rows, 3 columns")
    expect(pics.locator("img").first).to_be_visible()
    shown = pics.locator("img").first
    viewer.until(lambda: shown.evaluate("img => img.naturalWidth") == 16, "a picture in a cell")
    big = panel(page, "big")
    expect(big).to_contain_text("12 000 rows, 2 columns")  # the client's own file ends after 10,000
    line = panel(page, "line_table")
    expect(line).to_contain_text("A line")
    viewer.until(lambda: colours_in(line.locator("canvas")) > 5, "the chart of a table")
    line.get_by_text("Rows", exact=True).click()
    expect(line).to_contain_text("60 rows, 2 columns")
    matrix = panel(page, "matrix_table")
    viewer.until(lambda: colours_in(matrix.locator("canvas")) > 5, "the confusion matrix")

    # The step goes back for all: what was logged at 0.
    slider = img.get_by_role("slider", name="Step of img")
    slider.focus()
    slider.press("ArrowLeft")
    expect(panel(page, "img").locator("figcaption")).to_have_text("street 0")
    accessible.check_both(
        viewer, f"{RUN}/media", lambda page: expect(panel(page, "img")).to_be_visible()
    )
    page.set_viewport_size({"width": 1440, "height": 900})
    workspace = viewer.go("/ada/media")
    for metric in ("plotly", "points", "matrix_table"):
        one = workspace.locator(f'[data-panel="{metric}"]')
        viewer.until(lambda one=one: reach(viewer, one), f"the panel {metric}")
        viewer.until(lambda one=one: colours_in(one.locator("canvas").last) > 1, f"{metric} drawn")


def reach(reader: Visit, panel: Locator) -> bool:
    """Scroll on until a panel is there: those far from the view are not made."""
    if panel.locator("canvas").count() > 0:
        panel.scroll_into_view_if_needed()
        return True
    reader.page.mouse.move(900, 600)
    reader.page.mouse.wheel(0, 400)
    return False


@pytest.mark.timeout(300)
def test_artifacts_have_pages(reader: Visit, logged: None) -> None:
    page = reader.go(ARTIFACTS)
    expect(page.get_by_role("heading", name="Artifacts", level=1)).to_be_visible()
    page.get_by_role("navigation", name="Types").get_by_role("link", name="model").click()
    expect(page.locator("[data-collections]")).to_have_attribute("data-collections", "2")
    page.get_by_role("link", name="net", exact=True).click()
    expect(page.get_by_role("row", name="v0")).to_contain_text("best")
    page.get_by_role("link", name="v0").click()
    expect(page.get_by_role("heading", name="net:v0")).to_be_visible()
    page.get_by_role("link", name="Folder part 0").click()
    page.get_by_role("link", name="w0.txt").click()
    expect(page.get_by_role("main")).to_contain_text("weights 0")
    assert page.url.endswith("/artifacts/model/net/v0/files/part%200/w0.txt")
    page.get_by_role("link", name="Lineage").click()
    expect(page.get_by_role("region", name="Made by")).to_contain_text("everything")
    expect(page.get_by_role("region", name="Used by")).to_contain_text("fine-tune")
    page.get_by_role("link", name="Usage").click()
    expect(page.get_by_role("main")).to_contain_text('use_artifact("ada/media/net:v0")')
    page.get_by_role("link", name="Metadata").click()
    expect(page.get_by_role("main")).to_contain_text("0.5")
    page.get_by_role("button", name="Add an alias").click()
    page.get_by_role("textbox", name="Alias").fill("prod")
    page.get_by_role("textbox", name="Alias").press("Enter")
    expect(page.get_by_role("group", name="Aliases")).to_contain_text("prod")
    page.get_by_role("combobox", name="Time to live").select_option("week")
    expect(page.get_by_role("main")).to_contain_text("is deleted")

    reader.go(f"{ARTIFACTS}/model/other/v1/changes")
    expect(page.get_by_role("main")).to_contain_text("1 added, 0 removed, 1 changed, 0 as before")
    expect(page.get_by_role("row", name="more.txt")).to_contain_text("added")
    reader.go("/ada/media/runs/user/artifacts")
    expect(page.get_by_role("region", name="Used")).to_contain_text("net:v0")
    changes = f"{ARTIFACTS}/model/other/v1/changes"
    for address in (ARTIFACTS, f"{ARTIFACTS}/model/net", f"{ARTIFACTS}/model/net/v0", changes):
        accessible.check_both(
            reader,
            address,
            lambda page: expect(page.get_by_role("heading", level=1)).to_be_visible(),
        )
    reader.page.set_viewport_size({"width": 1440, "height": 900})
    page = reader.go(f"{ARTIFACTS}/model/net/v0")
    page.get_by_role("button", name="Delete version").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 aliases and 1 run refer to it")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("main")).to_contain_text("net")
    reader.expect_status(404, "/artifacts/net/v0")
    page = reader.go(f"{ARTIFACTS}/model/net/v0")
    expect(page.get_by_role("main")).to_contain_text("There is no artifact net:v0")
