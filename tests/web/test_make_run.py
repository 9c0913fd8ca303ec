"""What `make run` starts, as the person sees it who opens the link."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from playwright.sync_api import Response, expect

from tests.web.canvas import groups, picture
from tests.web.demo_server import ROOT, DemoServer, until
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

# All that a workspace loads by itself, with what comes behind the first charts.
WORKSPACE_GZ_MAX = 120_000
# All that somebody loads who goes everywhere, but editors, Vega and 3-D.
SESSION_GZ_MAX = 300_000
BUILT = ROOT / "src" / "kiseki" / "server" / "static"
TRIALS = ("wide", "narrow", "slow-learner")


def last_step(visit: Visit, metric: str = "train/loss") -> int:
    said = visit.chart(metric).get_attribute("aria-label") or ""
    return max(
        [int(re.sub(r"\D", "", at)) for at in re.findall(r"at step ([\d\s]+)", said)] or [-1]
    )


def test_three_live_runs_move_without_a_reload(watcher: Visit, demo: DemoServer) -> None:
    watcher.go(demo.project)
    for name in TRIALS:
        expect(watcher.page.get_by_role("listitem").filter(has_text=name)).to_contain_text(
            re.compile("running|finished")
        )
    first = watcher.until(lambda: (at := last_step(watcher)) > 0 and at, "a first point")
    watcher.until(lambda: last_step(watcher) > first, "a later point")
    assert len([r for r in watcher.requests if r.is_navigation_request()]) == 1


def scripts_of(visit: Visit) -> dict[str, Response]:
    found = {r.url.rsplit("/", 1)[-1]: r for r in visit.responses if r.url.endswith(".js")}
    assert len(found) >= 2
    return found


def packed(scripts: dict[str, Response]) -> dict[str, int]:
    """Return bytes by file name, of what was built: a browser forgets answers of pages that it left."""
    built = {path.name: path for path in BUILT.rglob("*.js")}
    return {name: len(gzip.compress(built[name].read_bytes(), 6)) for name in scripts}


def test_the_first_load_is_small_packed_and_kept(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(demo.project)
    watcher.until(lambda: last_step(watcher) > 0, "a chart")
    page.wait_for_load_state("load")
    # What is fetched behind the charts counts too.
    expect(page.get_by_role("button", name="Add panel", exact=True)).to_be_visible()
    page.wait_for_timeout(500)
    scripts = scripts_of(watcher)
    sizes = packed(scripts)
    assert sum(sizes.values()) <= WORKSPACE_GZ_MAX, sizes
    for answer in scripts.values():
        if "/assets/" in answer.url:
            assert answer.headers["content-encoding"] in ("gzip", "br", "zstd")
            assert "immutable" in answer.headers["cache-control"]


def test_a_session_everywhere_stays_small(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(demo.project)
    page.get_by_role("link", name="Projects").first.click()
    page.get_by_role("row").filter(has_text="digits").get_by_role("link").first.click()
    watcher.until(lambda: last_step(watcher) > 0, "a chart")
    watcher.panel("train/loss").focus()
    page.keyboard.press("f")
    expect(page.get_by_role("heading", level=2, name="train/loss")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Table", exact=True).click()
    expect(page.get_by_role("grid").get_by_role("row").filter(has_text="wide")).to_be_visible()
    page.get_by_role("link", name="Charts", exact=True).click()
    page.get_by_role("listitem").get_by_role("link", name="wide").click()
    tabs = page.get_by_role("navigation", name="wide")
    for tab in ("Overview", "System", "Logs", "Files", "Code"):
        tabs.get_by_role("link", name=tab).click()
        expect(tabs.get_by_role("link", name=tab)).to_have_attribute("aria-current", "page")
        page.wait_for_load_state("networkidle")
    runs = watcher.context.request.get(f"{watcher.base_url}/api/v1/projects{demo.project}/runs")
    ids = ",".join(run["id"] for run in runs.json()["runs"])
    watcher.go(f"{demo.project}/compare?runs={ids}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.wait_for_timeout(500)
    sizes = packed(scripts_of(watcher))
    for part in ("HomePage", "TablePage", "RunPage", "ComparePage", "Palette"):
        assert any(name.startswith(part) for name in sizes), (part, sizes)
    print(f"a session loads {sum(sizes.values()):,} bytes of JavaScript, gzip")
    assert sum(sizes.values()) <= SESSION_GZ_MAX, sizes


def test_the_deliberate_spike_and_nan_are_seen_at_full_zoom_out(
    watcher: Visit, demo: DemoServer
) -> None:
    watcher.go(demo.project)
    watcher.until(lambda: last_step(watcher) >= 1400, "almost the whole training")
    expect(watcher.panel("train/loss").get_by_role("note")).to_have_text("NaN ×3")
    expect(watcher.chart("train/loss")).to_have_accessible_name(
        re.compile("NaN ×1 from (about )?step")
    )
    seen = picture(watcher.lines("train/loss"))
    # From step 300 on the losses lie low; what stands there in the upper half is the spike.
    share = 750 / max(1, last_step(watcher))
    high = {x for x in seen.painted(0.1, 0.5) if x > 0.2 * seen.width}
    assert any(abs(first / seen.width - share) < 0.05 for first, _ in groups(high)), groups(high)


def test_the_pages_of_a_run(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(demo.project)
    page.get_by_role("listitem").get_by_role("link", name="wide").click()
    expect(page).to_have_url(re.compile(rf"{demo.project}/runs/\w+"))
    expect(page.get_by_role("heading", level=1, name="wide")).to_be_visible()
    watcher.until(lambda: last_step(watcher) > 0, "the run's own chart")
    tabs = page.get_by_role("navigation", name="wide")

    tabs.get_by_role("link", name="Overview").click()
    expect(page).to_have_url(re.compile("/overview$"))
    for name in ("Config", "Summary", "Environment", "Packages", "Details", "Tags"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    config = page.locator("section").filter(has=page.get_by_role("heading", name="Config"))
    expect(config.last).to_contain_text(re.compile(r"hidden\s*128"))
    expect(page.get_by_text("digits.py").first).to_be_visible()

    tabs.get_by_role("link", name="System").click()
    expect(page.get_by_role("heading", name=re.compile("CPU|Memory")).first).to_be_visible()
    expect(page.get_by_role("img").first).to_have_accessible_name(re.compile("1 line, values from"))

    tabs.get_by_role("link", name="Logs").click()
    expect(page.get_by_text(re.compile(r"step\s+\d+\s+loss")).last).to_be_visible()
    page.get_by_role("textbox", name="Find in log").fill("step   124 ")
    expect(page.get_by_text("1 of 1", exact=True)).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile("/(system|logs)$"))


def test_home_lists_projects_and_what_runs(watcher: Visit, demo: DemoServer) -> None:
    page = watcher.go(demo.project)
    page.get_by_role("link", name="Projects").first.click()
    expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="digits")
    expect(row).to_contain_text("3")
    row.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(f"{demo.project}$"))


def test_unknown_addresses_say_so(watcher: Visit, demo: DemoServer) -> None:
    watcher.expect_status(404, "")
    page = watcher.go("/ada/digits/no/such/page/at/all")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing at this address")
    page.get_by_role("link", name="Go to projects").click()
    expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()
    watcher.go("/ada/nothing-here")
    expect(page.get_by_role("heading", name="There is no project")).to_be_visible()
    watcher.go(f"{demo.project}/runs/absent")
    expect(page.get_by_role("heading", name="There is no such run")).to_be_visible()


def test_ctrl_c_leaves_nothing_running(tmp_path: Path, built: None) -> None:
    demo = DemoServer(tmp_path / "demo", rate=20, steps=100_000)
    try:
        demo.link()
        # The demo itself, the server, three trials, and an uploader for each.
        until(lambda: len(demo.processes()) >= 8, what="the start of all processes")
        assert demo.interrupt() == 0, demo.output.read_text()
        # An uploader with unsent rows looks for the server half a minute longer.
        until(lambda: not demo.processes(), 60, "the end of all processes")
        assert "Traceback" not in demo.output.read_text()
    finally:
        demo.end()
