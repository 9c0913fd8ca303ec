"""The runs table: columns, baseline, pins, filter, groups, edits, selection; as one person would use it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from kiseki.client.http import Client
from kiseki.record import codec, frame
from kiseki.record.types import Open as OpenRecord
from tests.fakes.live_server import FIRST_KEY, LiveServer
from tests.web.accessible import check_both
from tests.web.conftest import Open
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

SCRIPT = """
    import kiseki

    for index in range(12):
        run = kiseki.init(
            project="table",
            id=f"t{index:02}",
            name=f"row-{index:02}",
            group=("early", "late")[index % 2],
            config={
                "seed": index,
                "optimizer": {"lr": (0.1, 0.2, 0.4)[index % 3], "betas": {"first": index / 10, "second": 2}},
                "layers": list(range(20)),
            },
        )
        run.define_metric("val/loss", goal="minimize")
        for step in range(5):
            run.log({"val/loss": 10 - index + step, "val/acc": index / 20})
        run.finish()
"""
TABLE = "/ada/table/table"


@pytest.fixture(scope="module", autouse=True)
def runs(own_server: LiveServer, script_env: dict[str, str]) -> None:
    run_script(Path(script_env["KISEKI_DIR"]) / "table", SCRIPT, script_env)


def opened(visit: Visit, query: str = "") -> Page:
    page = visit.go(TABLE + query)
    expect(row(page, "row-11").or_(page.get_by_role("row").nth(3)).first).to_be_visible()
    return page


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def head(page: Page, name: str) -> Locator:
    return page.get_by_role("columnheader").filter(
        has=page.get_by_role("button", name=name, exact=True)
    )


def rename(page: Page, name: str) -> None:
    row(page, name).get_by_role("link").hover()
    page.get_by_role("button", name=f"Rename {name}").click()


def menu(page: Page, column: str, item: str) -> None:
    head(page, column).first.hover()
    page.get_by_role("button", name=f"Column {column}", exact=True).first.click()
    page.get_by_role("menuitem", name=item).click()


def labels(page: Page) -> list[str]:
    return [cell.inner_text().strip() for cell in page.locator("[data-column]").all()]


def choose(page: Page, *names: str) -> None:
    page.get_by_role("button", name="Columns", exact=True).click()
    for name in names:
        page.get_by_role("textbox", name="Find a column").fill(name.partition(":")[0])
        role = "button" if ":" in name else "checkbox"
        page.get_by_role(role, name=name, exact=True).click()  # type: ignore[arg-type]
    page.keyboard.press("Escape")


def test_columns_nest_fold_move_and_stay(reader: Visit) -> None:
    page = opened(reader)
    grid = page.get_by_role("grid")
    fold = page.get_by_role("button", name="Fold 2 columns of optimizer")
    expect(fold).to_be_visible()
    expect(page.get_by_role("button", name="Fold 1 column of betas")).to_be_visible()
    expect(head(page, "first")).to_be_visible()
    expect(head(page, "second")).to_have_count(0)  # the same in every run
    # Title rows, labels, and twelve runs.
    expect(grid).to_have_attribute("aria-rowcount", "15")
    columns = int(grid.get_attribute("aria-colcount") or 0)
    fold.click()
    unfold = page.get_by_role("button", name="Show 2 columns of optimizer")
    expect(grid).to_have_attribute("aria-colcount", str(columns - 1))
    expect(row(page, "row-04").get_by_role("gridcell", name="first 0.4 · lr 0.2")).to_be_visible()
    unfold.click()
    expect(grid).to_have_attribute("aria-colcount", str(columns))

    choose(page, "layers", "val/loss: min", "val/loss: Line")
    # The line comes with one request for all rows and says which run it is of.
    line = page.get_by_role("img", name="Line of val/loss of row-03")
    expect(line).to_be_visible()
    asked = [one for one in reader.requests if one.url.endswith("/series")]
    assert len(asked) == 1 and '"buckets":40' in (asked[0].post_data or "")
    expect(row(page, "row-03").get_by_role("gridcell", name="7", exact=True)).to_be_visible()
    row(page, "row-03").get_by_role("button", name="Show config.layers in full").click()
    expect(page.get_by_role("dialog", name="config.layers")).to_contain_text("19")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="config.layers")).to_have_count(0)

    # By keys and by the pointer: one column in two ways to another place.
    before = labels(page)
    menu(page, "seed", "Move left")
    at = before.index("seed")
    expect(page.locator("[data-column]").nth(at - 1)).to_have_text("seed")
    box, target = head(page, "seed").bounding_box(), head(page, "State").bounding_box()
    assert box and target
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(target["x"] + 30, target["y"] + 10, steps=4)
    page.mouse.move(target["x"] + 4, target["y"] + 10)
    page.mouse.up()
    expect(page.locator("[data-column]").first).to_have_text("seed")
    assert "sort=" not in page.url  # a drag is no click
    menu(page, "min", "Pin column")
    expect(page.locator("[data-column]").first).to_have_text("min")
    width = head(page, "State").bounding_box()
    menu(page, "State", "Wider")
    wider = head(page, "State").bounding_box()
    assert width and wider and wider["width"] == width["width"] + 24
    page.get_by_role("button", name="Table options").click()
    page.get_by_role("menuitemradio", name="Tall rows").click()
    tall = row(page, "row-11").bounding_box()
    assert tall and tall["height"] == 36
    menu(page, "Duration", "Hide column")
    expect(head(page, "Duration")).to_have_count(0)


def test_a_baseline_and_pins_stand_above_and_numbers_say_how_far(reader: Visit) -> None:
    page = opened(reader)
    for key in "jjjb":  # row-09
        page.keyboard.press(key)
    first = page.get_by_role("grid").get_by_role("link").first
    expect(first).to_have_text("row-09")
    # val/loss is 14 - index: 2 more, which is worse; nobody said which val/acc is better.
    worse = row(page, "row-07").locator(".worse")
    expect(worse).to_have_text(re.compile("▲.\\+2"))
    expect(row(page, "row-10").locator(".better")).to_have_text(re.compile("▼.−1"))
    expect(row(page, "row-07").get_by_title("−0.1 (−22.2 %): different")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("p")  # row-08, which goes above the list as well
    expect(page.get_by_role("grid").get_by_role("link").nth(1)).to_have_text("row-08")
    # They stay where no filter would find them, and in the list of the charts.
    page.get_by_role("combobox", name="Filter runs").fill("seed<2")
    expect(page.get_by_text("2 of 12 runs")).to_be_visible()
    expect(page.get_by_role("grid").get_by_role("link")).to_have_text(
        ["row-09", "row-08", "row-01", "row-00"]
    )
    page.get_by_role("link", name="Charts", exact=True).click()
    names = page.get_by_role("complementary", name="Runs").get_by_role("link")
    expect(names.first).to_have_text("row-09")
    page.keyboard.press("j")
    page.keyboard.press("b")
    expect(names.first).to_have_text("row-08")


def test_a_filter_is_chips_and_completes_itself(reader: Visit) -> None:
    page = opened(reader)
    field = page.get_by_role("combobox", name="Filter runs")
    field.press_sequentially("optimizer.l")
    option = page.get_by_role("option", name=re.compile("config.optimizer.lr"))
    expect(option).to_contain_text("12")
    option.click()
    expect(field).to_have_value("config.optimizer.lr>")
    field.press_sequentially("0.1 group:")
    value = page.get_by_role("option", name=re.compile("late"))
    expect(value).to_contain_text("4")  # of those that match what stands before
    field.press("ArrowDown")
    field.press("ArrowDown")
    field.press("Enter")
    expect(page.get_by_text("4 of 12 runs")).to_be_visible()
    page.get_by_role("button", name="Group", exact=True).focus()
    expect(page.get_by_role("button", name="Change config.optimizer.lr>0.1")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Remove group:")).click()
    expect(page.get_by_text("8 of 12 runs")).to_be_visible()
    expect(field).to_have_value("config.optimizer.lr>0.1")
    page.get_by_role("button", name="Change config.optimizer.lr>0.1").click()
    reader.expect_status(400, "/runs")
    field.fill("seed>1 lr>abc")
    expect(page.get_by_role("alert")).to_have_text(
        re.compile(r"is not a number: abc \(at character 11\)")
    )
    field.press("Escape")
    expect(page.get_by_text("12 runs", exact=True)).to_be_visible()


def test_groups_hold_all_their_runs_nested_or_flat(reader: Visit) -> None:
    page = opened(reader, "?group=group,config.optimizer.lr")
    expect(page.get_by_role("button", name=re.compile("2 runs$"))).to_have_count(6)
    page.get_by_role("button", name="Group", exact=True).click()
    page.get_by_role("radio", name="Groups within groups").click()
    page.keyboard.press("Escape")
    late = page.get_by_role("button", name="group: late, 6 runs")
    late.click()
    inner = page.get_by_role("button", name="optimizer.lr: 0.4, 2 runs")
    inner.click()
    expect(page.get_by_role("grid").get_by_role("link")).to_have_text(["row-11", "row-05"])
    group = page.get_by_role("row").filter(has=inner)
    # val/loss is 3 and 9.
    expect(group.get_by_role("gridcell", name="6.0 ± 4.2")).to_be_visible()
    expect(group.get_by_title(re.compile("from 3 to 9, over 2 runs"))).to_be_visible()
    late.click()
    expect(inner).to_have_count(0)


def test_edits_are_seen_at_once_and_elsewhere(
    reader: Visit, own_server: LiveServer, visits: Open
) -> None:
    other = visits(own_server.url)
    other.context.request.post(f"{own_server.url}/api/v1/session", data={"key": FIRST_KEY})
    watching = opened(other)
    page = opened(reader)
    choose(page, "Group", "Notes")
    rename(page, "row-02")
    field = page.get_by_role("textbox", name="Name of row-02")
    field.fill("renamed")
    field.press("Enter")
    expect(row(page, "renamed")).to_be_visible()
    expect(row(watching, "renamed")).to_be_visible()
    cell = row(page, "renamed").get_by_role("gridcell", name="early")
    cell.dblclick()
    page.get_by_role("textbox", name="Group of renamed").fill("moved")
    page.keyboard.press("Enter")
    expect(row(page, "renamed").get_by_role("gridcell", name="moved")).to_be_visible()
    # A refusal is said, and the old text comes back.
    reader.expect_status(400, "/runs/t03")
    rename(page, "row-03")
    page.get_by_role("textbox", name="Name of row-03").fill("x" * 600)
    page.keyboard.press("Enter")
    expect(page.get_by_text("512 characters")).to_be_visible()
    expect(row(page, "row-03")).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    # While the server is away an edit waits.
    reader.refusal_is_expected = True
    page.route("**/runs/t04", lambda route: route.abort())
    row(page, "row-04").get_by_role("checkbox").check()
    rename(page, "row-04")
    page.get_by_role("textbox", name="Name of row-04").fill("patient")
    page.keyboard.press("Enter")
    expect(row(page, "patient")).to_be_visible()
    expect(page.get_by_text("The server is away: 1 change waits for it")).to_be_visible()
    page.unroute("**/runs/t04")
    expect(page.get_by_text("The server is away")).to_have_count(0)
    expect(row(watching, "patient")).to_be_visible()


def test_many_are_picked_tagged_coloured_and_exported(reader: Visit) -> None:
    page = opened(reader, "?filter=seed>=6&sort=name")
    row(page, "row-06").get_by_role("checkbox").click()
    row(page, "row-08").get_by_role("checkbox").click(modifiers=["Shift"])
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.get_by_role("button", name="Select all 6 matching").click()
    row(page, "row-07").get_by_role("checkbox").uncheck()
    expect(page.get_by_text("5 selected")).to_be_visible()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("textbox", name="Add tag").fill("bulk")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Tagged 5 runs bulk.")).to_be_visible()
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="Download as CSV").click()
    with open(waiting.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    assert [one["name"] for one in rows] == ["row-06", "row-08", "row-09", "row-10", "row-11"]
    assert [float(one["config.optimizer.betas.first"]) for one in rows] == [0.6, 0.8, 0.9, 1.0, 1.1]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Changed 5 runs.")).to_be_visible()
    page.get_by_role("button", name="Clear selection").click()

    page.get_by_role("button", name="Colour of row-06").click()
    page.get_by_role("button", name="Colour 2, dashed").click()
    swatch = row(page, "row-06").locator(".colour line")
    expect(swatch).to_have_attribute("stroke", "#833525")
    menu(page, "lr", "Colour runs by it")
    # The lowest and the highest of all twelve, though the filter shows six.
    low = row(page, "row-09").locator(".colour rect")
    expect(low).to_have_attribute("fill", "#440154")
    expect(row(page, "row-08").locator(".colour rect")).to_have_attribute("fill", "#b29614")
    expect(swatch).to_have_attribute("stroke", "#833525")


def test_rows_that_leave_are_the_rows_that_come(reader: Visit, own_server: LiveServer) -> None:
    with Client(own_server.url, FIRST_KEY) as client:
        for number in range(60):
            opened_run = OpenRecord(
                stream=f"{number:032x}", run=f"long-{number:02}", project="long", started_us=number + 1,
                name=f"long-{number:02}", host="", program="", pid=1,
            )  # fmt: skip
            body = frame.pack(int(opened_run.kind), 0, codec.encode(opened_run))
            client.append(opened_run.stream, codec.compress(body))
    page = reader.go("/ada/long/table")
    page.set_viewport_size({"width": 1000, "height": 500})
    first, last = (row(page, f"long-{number}") for number in ("59", "00"))
    expect(first).to_have_attribute("aria-rowindex", "2")
    link = first.get_by_role("link")
    link.focus()
    page.evaluate("window.made = new Set(document.querySelectorAll('[role=grid] [data-index]'))")

    page.mouse.move(500, 300)
    page.mouse.wheel(0, 5_000)
    expect(last).to_be_visible()
    expect(first).to_have_count(0)
    shown = page.evaluate(
        "[...document.querySelectorAll('[role=grid] [data-index]')].map((one) => ["
        "window.made.has(one), Number(one.dataset.index), one.querySelector('a').textContent,"
        " Number(one.querySelector('[role=row]').getAttribute('aria-rowindex'))])"
    )
    # Each says of itself what stands there, in order, and none was made anew.
    assert all(known for known, *_ in shown)
    assert [name for *_, name, _ in shown] == [f"long-{59 - index:02}" for _, index, *_ in shown]
    assert [index for *_, index in shown] == list(range(62 - len(shown), 62))
    # The focus went with its row, and did not stay on another run.
    assert page.evaluate("document.activeElement === document.body")
    page.mouse.wheel(0, -5_000)
    expect(first).to_have_attribute("aria-rowindex", "2")
    expect(last).to_have_count(0)


def test_the_table_is_for_everybody(reader: Visit) -> None:
    def settled(page: Page) -> None:
        expect(page.get_by_role("link", name="row-11", exact=True).first).to_be_visible()

    check_both(reader, TABLE, settled)
    check_both(
        reader,
        f"{TABLE}?group=group&filter=seed>1",
        lambda page: expect(
            page.get_by_role("button", name=re.compile("^group: late")).first
        ).to_be_visible(),
    )
