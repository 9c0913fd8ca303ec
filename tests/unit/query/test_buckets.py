"""Buckets against a naive reference: nothing is sampled away, whatever the window."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.core.query import buckets as bucketing
from kiseki.core.query.buckets import Buckets, Grid
from kiseki.storage.interface import Cells

values = st.one_of(
    st.floats(-1e6, 1e6, allow_nan=False),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e308, -1e308, 5e-324]),
)
points = st.lists(st.tuples(st.integers(-1000, 1000), values), max_size=80).map(
    lambda found: sorted(found, key=lambda point: point[0])
)


def arrays(series: list[tuple[float, float]]) -> tuple[Any, Any]:
    return (
        np.array([x for x, _ in series], np.float64),
        np.array([y for _, y in series], np.float64),
    )


def naive(series: list[tuple[float, float]], on: Grid) -> list[dict[str, Any]]:
    """Return the buckets of a series, one dict each, by the plainest code."""
    cells: dict[int, list[tuple[float, float]]] = {}
    for x, y in series:
        number = int(on.indices(np.array([x], np.float64))[0])
        if on.first <= number <= on.last:
            cells.setdefault(number, []).append((x, y))
    found = []
    for _, inside in sorted(cells.items()):
        finite = [(x, y) for x, y in inside if math.isfinite(y)]
        low = min(finite, key=lambda p: p[1], default=(inside[0][0], math.nan))
        high = max(finite, key=lambda p: p[1], default=(inside[0][0], math.nan))
        found.append(
            {
                "x": inside[0][0],
                "first": finite[0][1] if finite else math.nan,
                "last": finite[-1][1] if finite else math.nan,
                "min": low[1],
                "max": high[1],
                "x_min": low[0],
                "x_max": high[0],
                "x_last": finite[-1][0] if finite else inside[-1][0],
                "mean": math.fsum(y / len(finite) for _, y in finite) if finite else math.nan,
                "scale": max((abs(y) for _, y in finite), default=0.0),
                "count": len(inside),
                "nan": sum(math.isnan(y) for _, y in inside),
                "pinf": sum(y == math.inf for _, y in inside),
                "ninf": sum(y == -math.inf for _, y in inside),
                "raw": inside[0][1],
            }
        )
    return found


def check(got: Buckets, want: list[dict[str, Any]]) -> None:
    assert got.size == len(want)
    assert got.total == sum(cell["count"] for cell in want)
    assert got.exact == all(cell["count"] == 1 for cell in want)
    for name in ("x", "x_min", "x_max", "x_last", "count", "nan", "pinf", "ninf"):
        assert getattr(got, name).tolist() == [cell[name] for cell in want], name
    if got.exact:
        np.testing.assert_array_equal(got.first, [cell["raw"] for cell in want])
        return
    for name in ("first", "min", "max", "last"):
        np.testing.assert_array_equal(getattr(got, name), [cell[name] for cell in want])
    for mean, cell in zip(got.mean.tolist(), want, strict=True):
        assert mean == pytest.approx(
            cell["mean"], rel=1e-9, abs=1e-9 * cell["scale"] + 1e-320, nan_ok=True
        )


@given(st.lists(points, min_size=1, max_size=4), st.integers(2, 300))
@settings(max_examples=200, deadline=None)
def test_equals_the_naive_reference(many: list[Any], count: int) -> None:
    x = [x for series in many for x, _ in series]
    on = bucketing.grid(min(x, default=0), max(x, default=0), count)
    assert on.size <= count
    got = bucketing.reduce_points([arrays(series) for series in many], on)
    for one, series in zip(got, many, strict=True):
        check(one, naive(series, on))


@given(points, st.integers(2, 40), st.integers(-1000, 1000), st.integers(0, 500))
@settings(max_examples=200, deadline=None)
def test_buckets_do_not_depend_on_the_window(
    series: list[Any], count: int, start: int, width: int
) -> None:
    """Panning and zooming re-use buckets: of one width, they are the same in every window."""
    window = bucketing.grid(start, start + width, count)
    whole = Grid(window.exponent, -(2**60), 2**60)
    (all_of_it,) = bucketing.reduce_points([arrays(series)], whole)
    (part,) = bucketing.reduce_points([arrays(series)], window)
    inside = whole.indices(all_of_it.x)
    chosen = (inside >= window.first) & (inside <= window.last)
    assert part.x.tolist() == all_of_it.x[chosen].tolist()
    assert part.count.tolist() == all_of_it.count[chosen].tolist()
    np.testing.assert_array_equal(part.nan, all_of_it.nan[chosen])
    if not part.exact:
        np.testing.assert_array_equal(part.max, np.where(
            np.isfinite(all_of_it.max[chosen]), all_of_it.max[chosen], np.nan))  # fmt: skip


@given(points, st.integers(2, 40), st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_coarsening_equals_bucketing_anew(series: list[Any], count: int, coarser: int) -> None:
    if not series:
        return
    fine = bucketing.grid(series[0][0], series[-1][0], count)
    shift = 2**coarser
    coarse = Grid(fine.exponent + coarser, fine.first // shift, fine.last // shift)
    (one,) = bucketing.reduce_points([arrays(series)], fine)
    check(bucketing.coarsen(one, coarse), naive(series, coarse))


@given(points, st.integers(1, 9), st.integers(2, 40))
@settings(max_examples=200, deadline=None)
def test_cells_stay_exact_in_counts_and_extremes(series: list[Any], size: int, count: int) -> None:
    x, y = arrays(series)
    on = bucketing.grid(-1000, 1000, count)
    cells = cells_of(x, y, size)
    none, found = bucketing.reduce_cells(cells, np.array([0, 0, len(cells.count)]), on)
    assert none.size == 0
    finite = y[np.isfinite(y)]
    assert found.total == len(y)
    assert int(found.nan.sum()) == int(np.isnan(y).sum())
    assert int(found.pinf.sum() + found.ninf.sum()) == int(np.isinf(y).sum())
    if len(finite):
        assert found.min[np.isfinite(found.min)].min() == finite.min()
        assert found.max[np.isfinite(found.max)].max() == finite.max()


def cells_of(x: Any, y: Any, size: int) -> Cells:
    columns: dict[str, list[float]] = {field.name: [] for field in fields(Cells)}
    for start in range(0, len(x), size):
        cell = y[start : start + size]
        at = x[start : start + size]
        finite = cell[np.isfinite(cell)]
        some = len(finite) > 0
        row = {
            "x_first": at[0],
            "x_last": at[-1],
            "x_min": (at[0] + at[-1]) / 2,
            "x_max": (at[0] + at[-1]) / 2,
            "first": finite[0] if some else math.nan,
            "min": finite.min() if some else math.nan,
            "max": finite.max() if some else math.nan,
            "last": finite[-1] if some else math.nan,
            "total": math.fsum(finite / 2) * 2 if abs(finite).max(initial=0) < 1e300 else 0.0,
            "count": len(cell),
            "nan": np.isnan(cell).sum(),
            "pinf": (cell == np.inf).sum(),
            "ninf": (cell == -np.inf).sum(),
        }
        for name, value in row.items():
            columns[name].append(value)
    ints = ("count", "nan", "pinf", "ninf")
    return Cells(
        **{
            name: np.array(column, np.int64 if name in ints else np.float64)
            for name, column in columns.items()
        }
    )


@pytest.mark.parametrize("buckets", [2, 24, 40, 83, 400, 1500, 8192])
def test_a_spike_is_visible_at_every_zoom(buckets: int) -> None:
    """Three one-step spikes among 100,000 points, the whole and ever narrower windows around each."""
    rng = np.random.default_rng(5)
    x, y = np.arange(100_000.0), rng.normal(size=100_000)
    spikes = {12_345: 50.0, 54_321: -40.0, 99_999: 30.0}
    for at, height in spikes.items():
        y[at] = height
    for at, height in spikes.items():
        width = 100_000.0
        while width > 1:
            on = bucketing.grid(max(0.0, at - width), min(99_999.0, at + width), buckets)
            (found,) = bucketing.reduce_points([(x, y)], on)
            assert found.size <= buckets
            extremes = np.concatenate((found.min, found.max))
            assert height in extremes
            place = found.x_max if height > 0 else found.x_min
            assert float(at) in place
            width /= 7


def test_many_series_are_reduced_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucketing, "BLOCK_POINTS", 50)
    rng = np.random.default_rng(1)
    many = [(np.arange(float(n)), rng.normal(size=n)) for n in (0, 1, 49, 50, 120, 0, 3)]
    on = bucketing.grid(0, 119, 10)
    for one, (x, y) in zip(bucketing.reduce_points(many, on), many, strict=True):
        check(one, naive(list(zip(x.tolist(), y.tolist(), strict=True)), on))


def test_points_without_a_place_are_counted() -> None:
    x = np.array([3.0, math.nan, -1.0, 2.0, math.inf, 0.0])
    y = np.arange(6.0)
    placed_x, placed_y, omitted = bucketing.placed(x, y)
    assert placed_x.tolist() == [-1, 0, 2, 3]
    assert placed_y.tolist() == [2, 5, 3, 0]
    assert omitted == 2
    placed_x, placed_y, omitted = bucketing.placed(x, y, log=True)
    assert (placed_x.tolist(), placed_y.tolist(), omitted) == ([2, 3], [3, 0], 4)


def test_equal_x_keeps_the_order_of_logging() -> None:
    _, y, _ = bucketing.placed(np.array([1.0, 0.0, 1.0, 0.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert y.tolist() == [2, 4, 1, 3]


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(2, 10_000),
)
def test_a_grid_covers_its_window(one: float, other: float, count: int) -> None:
    lo, hi = sorted((one, other))
    on = bucketing.grid(lo, hi, count)
    assert on.size <= count
    assert on.indices(np.array([lo, hi])).tolist() == [on.first, on.last]
    # The finest such grid: half the width would need more, unless x itself is no finer.
    if on.exponent > bucketing.EXPONENT_MIN and math.inf > hi - lo > 1e-9 * max(abs(lo), abs(hi)):
        half = bucketing.Grid(on.exponent - 1, 0, 0)
        first, last = half.indices(np.array([lo, hi])).tolist()
        assert last - first + 1 > count


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=60), st.integers(2, 50))
@settings(max_examples=200, deadline=None)
def test_logarithmic_buckets(found: list[float], count: int) -> None:
    series = [(x, float(index)) for index, x in enumerate(sorted(found))]
    on = bucketing.grid(series[0][0], series[-1][0], count, log=True)
    assert on.size <= count
    (one,) = bucketing.reduce_points([arrays(series)], on)
    check(one, naive(series, on))


def test_no_points() -> None:
    on = bucketing.grid(0, 10, 5)
    (none,) = bucketing.reduce_points([(np.zeros(0), np.zeros(0))], on)
    assert none.size == 0 and none.total == 0
    assert bucketing.reduce_cells(cells_of([], [], 1), np.array([0, 0]), on)[0].size == 0
    assert bucketing.reduce_points([], on) == []
