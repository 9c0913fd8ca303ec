"""Groups of runs as lines (ui-spec 5.5) against a plain reference, over any series store."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.core.query import buckets as bucketing
from kiseki.core.query.grouping import Band, Line, Look
from kiseki.core.query.series import Charts
from kiseki.core.query.series_request import Group, Groups, SeriesRequest
from kiseki.core.query.smoothing import Smoothing
from kiseki.core.query.wire import parse
from kiseki.errors import Invalid
from kiseki.storage.interface import Range
from kiseki.storage.memory.series import MemorySeries
from tests.unit.query.fixtures import Writer

LINES: tuple[Line, ...] = ("mean", "median", "min", "max", "last", "sum")
BANDS: tuple[Band, ...] = ("none", "min-max", "std", "standard-error", "ci95", "quartiles")

Points = Sequence[tuple[int, float]]  # (step, value), by step


# ── the reference: one dict a cell, one loop a rule ──


def quantile(ordered: Sequence[float], share: float) -> float:
    at = (len(ordered) - 1) * share
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] * (1 - (at - low)) + ordered[high] * (at - low)


def median_spacing(xs: Sequence[float]) -> float:
    gaps = sorted(b - a for a, b in itertools.pairwise(xs))
    return gaps[len(gaps) // 2]


def reference(
    runs: Mapping[str, Points], members: Sequence[str], buckets: int, look: Look
) -> list[tuple[float, float, float, float, int]]:
    """Return (x, line, low, high, runs) of each cell."""
    steps = [step for points in runs.values() for step, _ in points]
    fine = 2.0 ** bucketing.grid(min(steps), max(steps), buckets).exponent
    series: list[list[tuple[float, float, float, int]]] = []  # a member's first x, last x, mean, n
    for member in members:
        held: dict[int, list[tuple[int, float]]] = {}
        for step, value in runs[member]:
            held.setdefault(math.floor(step / fine), []).append((step, value))
        mine = []
        for points in held.values():
            finite = [(x, y) for x, y in points if math.isfinite(y)]
            if finite:
                mean = math.fsum(y for _, y in finite) / len(finite)
                mine.append((points[0][0], finite[-1][0], mean, len(finite)))
        if mine:
            series.append(mine)
    if not series:
        return []
    enough = max(2, min(8, max(map(len, series))))
    widest = max(
        (median_spacing([first for first, *_ in one]) for one in series if len(one) >= enough),
        default=0.0,
    )
    width = max(fine, 2.0 ** math.ceil(math.log2(widest) - 1e-9)) if widest else fine
    cells: dict[int, dict[int, list[tuple[float, float, int]]]] = {}
    for at, one in enumerate(series):
        for first, last, mean, n in one:
            cells.setdefault(math.floor(first / width), {}).setdefault(at, []).append(
                (last, mean, n)
            )
    found = []
    shortest = min(one[-1][1] for one in series)
    for number in sorted(cells):
        own = {at: _mean(parts) for at, parts in cells[number].items()}
        values = dict(own)
        for at in range(len(series)):
            for back in (1, 2):
                if at not in values and at in cells.get(number - back, {}):
                    values[at] = _mean(cells[number - back][at])
        x, newest = max((last, at) for at, parts in cells[number].items() for last, _, _ in parts)
        if look.stop_at_shortest and x > shortest:
            continue
        line = line_of(sorted(values.values()), own[newest], look.line)
        low, high = band_of(sorted(values.values()), line, look.band)
        found.append((x, line, low, high, len(values)))
    return found


def _mean(parts: Sequence[tuple[float, float, int]]) -> float:
    return math.fsum(mean * n for _, mean, n in parts) / sum(n for *_, n in parts)


def line_of(values: Sequence[float], newest: float, line: Line) -> float:
    return {
        "mean": math.fsum(values) / len(values),
        "median": quantile(values, 0.5),
        "min": values[0],
        "max": values[-1],
        "last": newest,
        "sum": math.fsum(values),
    }[line]


def band_of(values: Sequence[float], line: float, band: Band) -> tuple[float, float]:
    if band == "min-max":
        return values[0], values[-1]
    if band == "quartiles":
        return quantile(values, 0.25), quantile(values, 0.75)
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    error = deviation / math.sqrt(len(values))
    reach = {"none": 0.0, "std": deviation, "standard-error": error, "ci95": 1.959964 * error}[band]
    return line - reach, line + reach


# ── the store ──


def stored(runs: Mapping[str, Points]) -> tuple[Charts, dict[str, tuple[Range, ...]]]:
    store = MemorySeries()
    chains = {}
    for number, (run, points) in enumerate(runs.items(), 1):
        Writer(store, number).rows([{"loss": y} for _, y in points], [step for step, _ in points])
        chains[run] = (Range(number),)
    return Charts(store), chains


def ask(
    charts: Charts, request: SeriesRequest
) -> list[tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]]:
    header, columns = parse(charts.answer(1, request))
    return list(zip(header["series"], columns, strict=True))


VALUES = st.one_of(
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0]),
)
STEPS = st.one_of(
    st.integers(1, 40).map(lambda n: list(range(n))),
    st.tuples(st.integers(0, 300), st.integers(1, 30), st.sampled_from([2, 3, 10, 16])).map(
        lambda given_: [given_[0] + at * given_[2] for at in range(given_[1])]
    ),
    st.lists(st.integers(0, 500), min_size=1, max_size=30, unique=True).map(sorted),
)
RUN = STEPS.flatmap(
    lambda steps: st.lists(VALUES, min_size=len(steps), max_size=len(steps)).map(
        lambda values: list(zip(steps, values, strict=True))
    )
)


@settings(max_examples=150, deadline=None)
@given(
    runs=st.lists(RUN, min_size=1, max_size=6),
    groups=st.lists(st.sets(st.integers(0, 5), min_size=1), min_size=1, max_size=3),
    buckets=st.sampled_from([2, 8, 50, 400]),
    line=st.sampled_from(LINES),
    band=st.sampled_from(BANDS),
    stop=st.booleans(),
)
def test_groups_are_what_a_plain_reference_says(
    runs: list[list[tuple[int, float]]],
    groups: list[set[int]],
    buckets: int,
    line: Line,
    band: Band,
    stop: bool,
) -> None:
    # done-when 2: to 1e-9; runs of uneven length and spacing, in several groups, with NaN and carries.
    named = {f"r{at}": points for at, points in enumerate(runs)}
    charts, chains = stored(named)
    look = Look(line, band, stop)
    wanted = [
        Group((at,), members)
        for at, some in enumerate(groups)
        if (members := tuple(run for run in named if int(run[1:]) in some))
    ]
    used = {run: chains[run] for group in wanted for run in group.members}
    request = SeriesRequest(["loss"], {}, buckets=buckets, groups=Groups(wanted, used, look))
    answers = {head["group"][0]: (head, columns) for head, columns in ask(charts, request)}
    again = {head["group"][0]: columns for head, columns in ask(charts, request)}
    inside = {run: named[run] for run in used}
    for group in wanted:
        expected = reference(inside, group.members, buckets, look)
        head, columns = answers[group.values[0]]
        points = [y for run in group.members for _, y in named[run]]
        assert head["runs"] == len(group.members) and head["exact"] is True
        assert head["total"] == len(points) and head["nan"] == sum(map(math.isnan, points))
        assert head["size"] == sum(
            any(math.isfinite(y) for _, y in named[r]) for r in group.members
        )
        size = max((abs(y) for y in points if math.isfinite(y)), default=1.0) * len(group.members)
        assert columns["x"].tolist() == [x for x, *_ in expected]
        assert columns["runs"].tolist() == [n for *_, n in expected]
        close(columns["first"], [y for _, y, *_ in expected], size)
        if band == "none":
            assert "low" not in columns
        elif expected:
            close(columns["low"], [low for _, _, low, _, _ in expected], size)
            close(columns["high"], [high for _, _, _, high, _ in expected], size)
        for name, column in again[group.values[0]].items():  # the second answer is from the cache
            assert np.array_equal(column, columns[name])


def close(found: np.ndarray[Any, Any], expected: Sequence[float], size: float) -> None:
    assert found.tolist() == pytest.approx(list(expected), rel=1e-9, abs=1e-9 * max(size, 1e-300))


def test_a_group_and_single_runs_stand_in_one_answer() -> None:
    charts, chains = stored({"a": [(0, 1.0), (1, 2.0)], "b": [(0, 3.0), (1, 6.0), (2, 9.0)]})
    group = Group(("adam", None), ("a", "b", "gone"))
    groups = Groups([group], chains, Look(band="min-max"))
    [(single, _), (head, columns)] = ask(
        charts, SeriesRequest(["loss", "loss"], {"a": chains["a"]}, groups=groups)
    )
    assert single["run"] == "a" and "group" not in single
    assert head["group"] == ["adam", None] and head["runs"] == 3 and head["size"] == 2
    assert columns["first"].tolist() == [2.0, 4.0, 5.5]  # a's last value is carried
    assert columns["low"].tolist() == [1.0, 2.0, 2.0]
    assert columns["runs"].tolist() == [2, 2, 2]


def test_a_run_of_two_far_points_does_not_blur_its_group() -> None:
    runs = {"a": [(step, float(step)) for step in range(100)], "b": [(0, 0.0), (99, 99.0)]}
    charts, chains = stored(runs)
    groups = Groups([Group((1,), ("a", "b"))], chains)
    [(_, columns)] = ask(charts, SeriesRequest(["loss"], {}, groups=groups))
    assert len(columns["x"]) == 100


def test_members_are_smoothed_before_they_are_joined() -> None:
    runs = {"a": [(at, float(at % 2)) for at in range(50)], "b": [(at, 1.0) for at in range(50)]}
    charts, chains = stored(runs)
    how = Smoothing("ema", weight=0.9)
    groups = Groups([Group((1,), ("a", "b"))], chains, smoothing=how)
    [(_, columns)] = ask(charts, SeriesRequest(["loss"], {}, groups=groups))
    state, total = 0.0, 0
    for at in range(50):
        state, total = 0.9 * state + 0.1 * (at % 2), total + 1
        assert columns["first"][at] == pytest.approx((state / (1 - 0.9**total) + 1.0) / 2)


def test_the_tag_knows_how_a_group_is_drawn() -> None:
    charts, chains = stored({"a": [(0, 1.0)]})
    group = [Group((1,), ("a",))]
    tags = {
        charts.tag(1, SeriesRequest(["loss"], {}, groups=groups))
        for groups in (
            None,
            Groups(group, chains),
            Groups(group, chains, Look("max")),
            Groups(group, chains, smoothing=Smoothing("mean", points=3)),
            Groups([Group((2,), ("a",))], chains),
        )
    }
    assert len(tags) == 5


def test_too_many_members_are_refused() -> None:
    charts, _ = stored({"a": [(0, 1.0)]})
    chains = {f"r{at}": (Range(1),) for at in range(20_001)}
    with pytest.raises(Invalid) as caught:
        charts.answer(1, SeriesRequest(["loss"], {}, groups=Groups([], chains)))
    assert caught.value.extra["code"] == "too-many-series"
