"""A chart of 100,000 known points: it may be coarse, never wrong (principle 1 of the web app)."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.web.canvas import groups, picture
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

STEPS = 100_000
SPIKES = (12_345, 50_001, 87_654)
NAN_AT, INF_AT = 40_000, 70_000
PAGE = "/ada/known"


def noise(step: int) -> float:
    return (step * 7919 % 1000) / 1000


def logged(step: int) -> float:
    return 20.0 if step in SPIKES else noise(step)


SCRIPT = f"""
    import kiseki
    with kiseki.init(project="known", name="known") as run:
        for step in range({STEPS}):
            noisy = 20.0 if step in {SPIKES} else (step * 7919 % 1000) / 1000
            calm = float({{{NAN_AT}: "nan", {INF_AT}: "inf"}}.get(step, 0.5))
            run.log({{"noisy": noisy, "calm": calm}})
"""


@pytest.fixture(scope="module")
def known(script_env: dict[str, str]) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT)]
    subprocess.run(
        command, env=script_env, cwd=script_env["KISEKI_DIR"], check=True, capture_output=True
    )


@pytest.fixture
def chart(known: None, reader: Visit) -> Visit:
    reader.go(PAGE)
    for metric in ("noisy", "calm"):
        name = re.compile(rf"^{metric}: 1 line, .* at step 99 ?999")
        expect(reader.chart(metric)).to_have_accessible_name(name)
    return reader


def column(step: float, width: int) -> float:
    return step / (STEPS - 1) * width


def test_one_step_spikes_stand_at_full_zoom_out(chart: Visit) -> None:
    seen = picture(chart.lines("noisy"))
    assert seen.width < STEPS / 100  # hundreds of points share a pixel
    # Between the noise below and the marks at the edge there is nothing but the three spikes.
    stretches = groups(seen.painted(0.2, 0.8))
    assert len(stretches) == len(SPIKES), stretches
    for step, (first, last) in zip(SPIKES, stretches, strict=True):
        at = column(step, seen.width)
        assert first - 2 <= at <= last + 2 and last - first <= 4, (step, at, stretches)
        assert seen.top_of(range(first, last + 1)) < 0.1 * seen.height  # and they have their height
    assert "20" in (chart.chart("noisy").get_attribute("aria-label") or "")


def test_nan_and_infinity_are_marked_where_they_happened(chart: Visit) -> None:
    expect(chart.panel("calm").get_by_role("note")).to_have_text(re.compile(r"NaN ×1\s+\+Inf ×1"))
    said = chart.chart("calm").get_attribute("aria-label") or ""
    match = re.search(
        r"from 0\.5 to 0\.5\..* NaN ×1, \+Inf ×1 from about step (\d+)\s?(\d{3})\.", said
    )
    assert match, said
    assert 0 <= NAN_AT - int(match[1] + match[2]) < STEPS / 256  # where the bucket begins
    seen = picture(chart.lines("calm"))
    line = seen.busiest_row()
    assert len(seen.rows[line]) > 0.97 * seen.width  # a NaN poisons nothing but itself
    off = [(x, y) for y, row in enumerate(seen.rows) if abs(y - line) > 2 for x in row]
    crossed, arrow = groups({x for x, _ in off}, apart=6)
    for stretch, step in ((crossed, NAN_AT), (arrow, INF_AT)):
        middle = sum(stretch) / 2
        assert abs(middle - column(step, seen.width)) < 3, (stretch, step)
        assert stretch[1] - stretch[0] < 14
    arms = [y - line for x, y in off if crossed[0] <= x <= crossed[1]]
    assert min(arms) < 0 < max(arms)  # × on the last finite value
    heights = [y for x, y in off if arrow[0] <= x <= arrow[1]]
    assert max(heights) < 0.15 * seen.height  # ▲ at the upper edge


def drag(visit: Visit, metric: str, start: float, end: float) -> None:
    """Drag over two shares of the width of a plot."""
    box = visit.plot(metric).bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    visit.page.mouse.move(box["x"] + start * box["width"], y)
    visit.page.mouse.down()
    for share in (0.25, 0.5, 0.75, 1.0):
        visit.page.mouse.move(box["x"] + (start + share * (end - start)) * box["width"], y)
    visit.page.mouse.up()


def zoom_range(visit: Visit) -> tuple[float, float]:
    match = re.search(r"[?&]x=([\d.e+-]+)\.\.([\d.e+-]+)(&|$)", visit.page.url)
    return (float(match[1]), float(match[2])) if match else (0.0, STEPS - 1.0)


def test_zooming_sharpens_until_every_point_is_there(chart: Visit) -> None:
    asked, (part,) = chart.series_answers("noisy")[-1]
    assert asked["x_min"] is None and asked["x_max"] is None
    assert not part["exact"] and part["total"] == STEPS

    step = SPIKES[0]
    spacings = [spacing(part)]
    while not part["exact"] and len(spacings) < 6:
        low, high = zoom_range(chart)
        at = (step - low) / (high - low)
        drag(chart, "noisy", at - 0.06, at + 0.06)
        low, high = chart.until(
            lambda before=(low, high): (now := zoom_range(chart)) != before and now,
            "the dragged range in the address",
        )
        asked, (part,) = chart.until(
            lambda low=low, high=high: answer_for(chart, low, high), "a series of the dragged range"
        )
        assert low < step < high
        spacings.append(spacing(part))
    assert part["exact"]
    assert all(finer < coarser for coarser, finer in itertools.pairwise(spacings))
    # What is drawn now is what was logged, point for point.
    steps = [int(x) for x in part["data"]["x"]]
    assert steps == list(range(steps[0], steps[-1] + 1)) and steps[0] <= low < high <= steps[-1]
    assert part["data"]["first"] == pytest.approx([logged(s) for s in steps], rel=1e-6)

    chart.panel("noisy").hover()
    chart.panel("noisy").get_by_role("button", name="Panel menu").click()
    chart.page.get_by_role("menuitem", name="View as table").click()
    rows = chart.panel("noisy").locator("tbody tr")
    for row in (step - 1, step):
        text = f"{row:,}".replace(",", r"\s?") + rf"\s*{logged(row):.4g}"
        expect(rows.filter(has_text=re.compile(text))).to_have_count(1)


def spacing(series: dict[str, Any]) -> float:
    """Mean distance between neighbouring places of a series."""
    x = series["data"]["x"]
    return float((x[-1] - x[0]) / (len(x) - 1))


def answer_for(visit: Visit, low: float, high: float) -> Any:
    """Return the newest answer that covers a range and was asked for it, or nothing."""
    asked, series = visit.series_answers("noisy")[-1]
    if asked["x_min"] is None or asked["x_max"] - asked["x_min"] > 3 * (high - low):
        return None
    return (asked, series) if asked["x_min"] <= low and high <= asked["x_max"] else None


def test_a_zoom_is_an_address(chart: Visit) -> None:  # principle 3
    drag(chart, "noisy", 0.3, 0.6)
    expect(chart.page).to_have_url(re.compile(r"[?&]x="))
    address = chart.page.url
    chart.page.goto("about:blank")
    chart.page.goto(address)
    low, high = zoom_range(chart)
    assert abs(low - 0.3 * STEPS) < 0.02 * STEPS and abs(high - 0.6 * STEPS) < 0.02 * STEPS

    def only_spike() -> tuple[int, int] | None:
        stretches = groups(picture(chart.lines("noisy")).painted(0.2, 0.8))
        return stretches[0] if len(stretches) == 1 else None

    first, last = chart.until(only_spike, "the one spike of the range")
    at = (SPIKES[1] - low) / (high - low) * picture(chart.lines("noisy")).width
    assert first - 2 <= at <= last + 2
    chart.page.get_by_role("toolbar").get_by_role("button", name="Reset zoom").click()
    expect(chart.page).to_have_url(re.compile(r"/ada/known$"))


def test_hover_tells_the_values_and_so_does_the_keyboard(chart: Visit) -> None:
    chart.plot("noisy").hover(position={"x": 120, "y": 60})
    tooltip = chart.page.locator(".tooltip")  # hidden from readers, who hear the region below
    expect(tooltip).to_contain_text("known")
    expect(tooltip).to_contain_text("Step")
    chart.page.mouse.move(2, 2)
    expect(tooltip).to_be_hidden()
    chart.panel("noisy").locator(".kiseki-chart").press("ArrowRight")
    expect(tooltip).to_contain_text("known")
    expect(chart.panel("noisy").locator("[aria-live=polite]")).to_contain_text("known")


def test_smoothing_and_log_axes_are_part_of_the_address(chart: Visit) -> None:
    before = picture(chart.lines("noisy"))
    chart.page.get_by_role("button", name="Smoothing").click()
    chart.page.get_by_role("combobox", name="Smoothing").select_option(label="Exponential")
    expect(chart.page).to_have_url(re.compile("smooth=ema"))
    expect(chart.panel("noisy")).to_contain_text("EMA 0.9")
    chart.until(lambda: picture(chart.lines("noisy")).rows != before.rows, "a smoothed line")
    chart.page.keyboard.press("Escape")
    chart.page.get_by_role("button", name="Panel settings").click()
    chart.page.get_by_label("Logarithmic y axis").check()
    expect(chart.page).to_have_url(re.compile("log=y"))
