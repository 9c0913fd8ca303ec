"""Runs beside each other: picked in the list or on the run page, their config, summary and code."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.live_server import LiveServer
from tests.web.accessible import check_both
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

SCRIPT = """
    import kiseki

    run = kiseki.init(
        project="pairs",
        id="{name}",
        name="{name}-run",
        save_code=True,
        config={{"lr": {lr}, "model": {{"depth": {depth}, "act": "relu"}}}},
    )
    run.log_code(".")
    for step in range(5):
        run.log({{"loss": {lr} * (5 - step)}})
    run.finish()
"""


@pytest.fixture(scope="module")
def pairs(own_server: LiveServer, script_env: dict[str, str]) -> str:
    """A project with three runs of a script that changed in between."""
    top = Path(script_env["KISEKI_DIR"]) / "pairs"
    texts = {
        "first": {
            "model.py": "depth = 2\nwidth = 8\n",
            "old.py": "print('old')\n",
            "same.py": "x = 1\n",
        },
        "second": {
            "model.py": "depth = 4\nwidth = 8\n",
            "new.py": "print('new')\n",
            "same.py": "x = 1\n",
        },
        "third": {"model.py": "depth = 4\nwidth = 8\n", "same.py": "x = 1\n"},
    }
    for (name, files), lr, depth in zip(texts.items(), (0.1, 0.2, 0.1), (2, 4, 4), strict=True):
        folder = top / name
        folder.mkdir(parents=True)
        for path, text in files.items():
            (folder / path).write_text(text)
        run_script(folder, SCRIPT.format(name=name, lr=lr, depth=depth), script_env)
    return "/ada/pairs"


def row(page: Page, key: str) -> list[str]:
    """Return the texts of a compared key, one for each run."""
    line = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=key, exact=True))
    return [
        cell.inner_text().replace("\n", " ").strip() for cell in line.get_by_role("gridcell").all()
    ]


def test_runs_picked_in_the_table_are_compared(reader: Visit, pairs: str) -> None:
    page = reader.go(f"{pairs}/table")
    page.get_by_role("checkbox", name="Select first-run").check()
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    page.get_by_role("checkbox", name="Select second-run").check()
    page.get_by_role("button", name="Compare").click()
    expect(page).to_have_url(re.compile(r"/compare\?runs=first,second$"))
    expect(page.get_by_text("2 of 3 keys differ")).to_be_visible()
    assert row(page, "lr") == ["0.1", "0.2 +0.1 (+100 %)"]
    assert row(page, "model.depth") == ["2", "4 +2 (+100 %)"]
    assert row(page, "model.act") == []
    page.get_by_role("checkbox", name="Only differences").uncheck()
    expect(page.get_by_role("rowheader", name="model.act")).to_be_visible()
    page.get_by_role("textbox", name="Search keys").fill("depth")
    expect(page.get_by_role("rowheader")).to_have_text(["model", "depth"])


def test_the_base_is_a_choice_and_runs_come_and_go(reader: Visit, pairs: str) -> None:
    page = reader.go(f"{pairs}/compare?runs=first,second&tab=summary")
    # The loss of the last step is the learning rate.
    reader.until(lambda: row(page, "loss") == ["0.1", "0.2 +0.1 (+100 %)"], "both losses")
    page.get_by_role("button", name="Run actions: second-run").click()
    page.get_by_role("menuitem", name="Compare with second-run as the base").click()
    reader.until(lambda: row(page, "loss") == ["0.2", "0.1 −0.1 (−50 %)"], "the other base")
    page.get_by_role("button", name="Add a run").click()
    page.get_by_role("button", name="Compare with third-run").click()
    reader.until(lambda: len(row(page, "loss")) == 3, "three columns")
    page.get_by_role("button", name="Run actions: first-run").click()
    page.get_by_role("menuitem", name="Take first-run out of the comparison").click()
    expect(page).to_have_url(re.compile("runs=second,third"))


def test_keys_fold_are_ignored_and_shown_in_full(reader: Visit, pairs: str) -> None:
    page = reader.go(f"{pairs}/compare?runs=first,second,third")
    fold = page.get_by_role("button", name="model: 1 difference")
    fold.click()
    expect(page.get_by_role("rowheader", name="model.depth")).to_have_count(0)
    fold.click()
    # n and p walk over the differences, and what is shown in full follows.
    page.keyboard.press("n")
    expect(page.get_by_text("1 of 2", exact=True)).to_be_visible()
    page.get_by_role("button", name="Show the whole value of model.depth").click()
    expect(page).to_have_url(re.compile(r"key=model\.depth"))
    value = page.get_by_role("region", name="Value of model.depth")
    expect(value.get_by_role("definition")).to_have_text(["2", "4", "4"])
    page.keyboard.press("p")
    expect(page.get_by_role("region", name="Value of lr")).to_be_visible()
    page.get_by_role("region", name="Value of lr").get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Ignore keys").click()
    page.get_by_role("textbox", name="Ignore keys").fill("model.*")
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 of 1 key differs, 2 keys ignored")).to_be_visible()
    page.reload()  # remembered for the project
    expect(page.get_by_role("button", name="Ignore keys (1)")).to_be_visible()
    # Columns move, by the menu.
    page.get_by_role("button", name="Run actions: third-run").click()
    page.get_by_role("menuitem", name="Move third-run to the left").click()
    expect(page).to_have_url(re.compile("runs=first,third,second"))


def test_a_comparison_is_taken_along_as_markdown_and_on_paper(reader: Visit, pairs: str) -> None:
    page = reader.go(f"{pairs}/compare?runs=first,second")
    page.get_by_role("button", name="Export the comparison").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="Download as Markdown").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert "| Key | first-run | second-run |" in text
    assert "| lr | 0.1 | 0.2 (+0.1 (+100 %)) |" in text
    assert "| model.depth | 2 | 4 (+2 (+100 %)) |" in text
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    printed = page.locator("table", has_text="model.depth")
    expect(printed).to_be_visible()
    expect(page.get_by_role("main")).to_be_hidden()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(printed).to_have_count(0)


def test_code_is_compared_file_by_file(reader: Visit, pairs: str) -> None:  # I-70
    page = reader.go(f"{pairs}/runs/second/code")
    page.get_by_role("button", name="Compare code with…").click()
    page.get_by_role("textbox", name="Find a run").fill("first")
    page.get_by_role("button", name="Compare with first-run").click()
    # In place first: this run's files, marked where the other's differ, and what changed in them.
    expect(page).to_have_url(re.compile(r"code\?against=first"))
    own = page.get_by_role("navigation", name="Code")
    expect(own.get_by_role("link", name=re.compile(r"^model\.py\s*changed"))).to_be_visible()
    own.get_by_role("link", name=re.compile(r"^model\.py")).click()
    expect(page).to_have_url(re.compile(r"code/model\.py\?against=first"))
    expect(page.locator(".deleted .mark")).to_have_text("2")
    page.get_by_role("link", name="Open the comparison").click()
    expect(page).to_have_url(re.compile("runs=first,second&tab=code"))
    files = page.get_by_role("navigation", name="Saved files")
    counts = {
        "model.py": "1 line added, 1 removed",
        "new.py": "1 line added, 0 removed added",
        "old.py": "0 lines added, 1 removed removed",
        "same.py": "same",
    }
    for file, count in counts.items():
        expect(files.get_by_role("button", name=f"{file} {count}", exact=True)).to_be_visible()
    files.get_by_role("button", name=re.compile(r"^model\.py")).click()
    content = page.get_by_role("region", name="Content of model.py")
    expect(content.locator(".deleted")).to_have_text(re.compile("depth = 2"))
    expect(content.locator(".inserted")).to_have_text(re.compile("depth = 4"))
    expect(content.locator(".mark")).to_have_text(["2", "4"])
    page.get_by_role("radio", name="Unified").click()
    expect(content.get_by_role("listitem")).to_have_count(3)  # gone, new, and what is the same
    files.get_by_role("button", name=re.compile(r"^new\.py")).click()
    expect(page.get_by_text("Only in second-run")).to_be_visible()
    page.reload()  # the file is part of the address
    expect(page.get_by_text("Only in second-run")).to_be_visible()


def test_white_space_may_be_left_out(reader: Visit, pairs: str, own_server: LiveServer) -> None:
    address = f"{own_server.url}/api/v1/projects/ada/pairs/runs/third/files/code/same.py"
    request = urllib.request.Request(
        address, b"x  =  1\n", {"Authorization": f"Bearer {own_server.key}"}, method="PUT"
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201
    page = reader.go(f"{pairs}/compare?runs=first,third&tab=code&file=same.py")
    content = page.get_by_role("region", name="Content of same.py")
    expect(content.locator(".inserted")).to_have_count(1)
    page.get_by_role("button", name="Ignore white space").click()
    expect(content.locator(".inserted")).to_have_count(0)


def test_charts_show_the_compared_runs_alone(reader: Visit, pairs: str) -> None:
    page = reader.go(f"{pairs}/compare?runs=first,third")
    # The project has a page of that name, too.
    page.get_by_role("main").get_by_role("link", name="Charts", exact=True).click()
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("2 lines"))


def test_charts_show_how_far_runs_are_from_the_base(reader: Visit, pairs: str) -> None:
    page = reader.go(f"{pairs}/compare?runs=first,second&tab=charts")
    page.get_by_role("radio", name="Difference from base").click()
    expect(page).to_have_url(re.compile("mode=difference"))
    # 0.2 * (5 - step) less 0.1 * (5 - step), at step 4
    chart = reader.chart("loss")
    expect(chart).to_have_accessible_name(re.compile("second-run − first-run: 0.1 at step 4"))
    expect(page.get_by_text("Each value is the difference of two logged points.")).to_be_visible()
    page.reload()
    expect(chart).to_have_accessible_name(re.compile("1 line"))


def test_a_run_that_is_gone_is_said_so(reader: Visit, pairs: str) -> None:
    reader.expect_status(404, "/runs/nobody")
    page = reader.go(f"{pairs}/compare?runs=first,nobody")
    expect(page.get_by_text("There is no run nobody")).to_be_visible()
    expect(page.get_by_text("Choose at least two runs")).to_be_visible()


def test_the_comparison_is_for_everybody(reader: Visit, pairs: str) -> None:
    address = f"{pairs}/compare?runs=first,second,third"
    check_both(
        reader,
        f"{address}&key=lr",
        lambda page: expect(page.get_by_role("region", name="Value of lr")).to_be_visible(),
    )
    check_both(
        reader,
        f"{address}&tab=code",
        lambda page: expect(
            page.get_by_role("region", name=re.compile("^Content of"))
        ).to_be_visible(),
    )
