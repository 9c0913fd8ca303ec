"""Names, tags and notes as long and as odd as they may be: nothing is cut off, covered, or run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.fakes.live_server import LiveServer
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

SCRIPT = """
    import kiseki

    notes = (
        "# What was tried\\nA **small** net <script>document.title = 'taken'</script>, see "
        "[the paper](https://example.org/p)\\nand [not this](javascript:alert(1)).\\n"
    )
    with kiseki.init(project="odd", id="long", name="x" * 120, tags=["y" * 64], notes=notes) as run:
        run.log({"loss": 1.0, "weights": kiseki.Histogram([1, 2, 2, 3], num_bins=3)})
"""
PROJECT = "/ada/odd"
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def odd(own_server: LiveServer, script_env: dict[str, str]) -> str:
    run_script(Path(script_env["KISEKI_DIR"]) / "odd", SCRIPT, script_env)
    return PROJECT


def is_uncovered(one: Locator) -> bool:
    """Whether the middle of it is what a click there would hit."""
    expect(one).to_be_visible()
    return bool(
        one.evaluate(
            """(element) => {
                const {x, y, width, height} = element.getBoundingClientRect();
                const hit = document.elementFromPoint(x + width / 2, y + height / 2);
                return element === hit || element.contains(hit);
            }"""
        )
    )


def scrolls_sideways(page: Page) -> bool:
    root = "document.documentElement"
    return bool(page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))


def test_a_long_name_leaves_room_for_the_state_behind_it(reader: Visit, odd: str) -> None:
    page = reader.go(odd)
    row = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="x" * 120))
    assert is_uncovered(row.get_by_title("finished"))
    page.set_viewport_size(PHONE)
    page = reader.go(f"{odd}/table")  # cards
    assert is_uncovered(row.get_by_title("finished"))


@pytest.mark.parametrize("window", [None, PHONE])
def test_a_long_tag_can_be_taken_away(reader: Visit, odd: str, window: ViewportSize | None) -> None:
    if window:
        reader.page.set_viewport_size(window)
    page = reader.go(f"{odd}/runs/long/overview")
    assert is_uncovered(page.get_by_role("button", name=re.compile("Remove.*yyy")))
    assert not scrolls_sideways(page)


def test_notes_are_markdown_and_nothing_in_them_runs(reader: Visit, odd: str) -> None:  # I-25
    page = reader.go(f"{odd}/runs/long/overview")
    expect(page.get_by_role("heading", name="What was tried")).to_be_visible()
    expect(page.get_by_role("link", name="the paper")).to_have_attribute("rel", re.compile("noop"))
    expect(page.get_by_role("link", name="not this")).to_have_count(0)
    expect(page.get_by_text("<script>")).to_be_visible()
    expect(page).not_to_have_title("taken")

    page.get_by_role("button", name="Edit notes").click()
    box = page.get_by_role("textbox", name="Notes")
    expect(box).to_have_value(re.compile(r"A \*\*small\*\* net"))
    box.press("Control+End")
    box.press_sequentially("- and *one* more")
    box.press("Control+Enter")
    expect(page.get_by_role("listitem").filter(has_text="and one more")).to_be_visible()


def test_logged_media_are_one_line_of_the_summary_until_opened(reader: Visit, odd: str) -> None:
    page = reader.go(f"{odd}/runs/long/overview")
    line = page.get_by_role("listitem").filter(has_text="weights")
    expect(line).to_contain_text("histogram")
    expect(page.get_by_text("bins", exact=True)).to_have_count(0)
    line.get_by_role("button", name="weights").first.click()
    expect(page.get_by_text("bins", exact=True)).to_be_visible()


def test_a_filter_that_no_run_matches_is_an_ordinary_state(reader: Visit, odd: str) -> None:
    page = reader.go(f"{odd}/table?filter=absent:1")
    expect(page.get_by_text("No run matches absent:1")).to_be_visible()
    page.get_by_role("button", name="Clear filter").click()
    expect(page.get_by_role("row").filter(has_text="x" * 120)).to_be_visible()
    assert reader.problems() == []
