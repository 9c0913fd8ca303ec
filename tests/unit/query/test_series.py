"""Bucketed series over the oracle store, as the web app receives them."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.core.query import buckets as bucketing
from kiseki.core.query import series as charts_module
from kiseki.core.query import series_reader, wire
from kiseki.core.query.series import Charts
from kiseki.core.query.series_request import SeriesRequest
from kiseki.errors import Invalid
from kiseki.record.types import Kind
from kiseki.storage.interface import Range
from kiseki.storage.memory.series import MemorySeries
from tests.unit.query.fixtures import START_US, Writer


def ask(charts: Charts, **request: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the series of an answer by (metric, run): header fields and columns together."""
    answer = charts.answer(1, SeriesRequest(**request))
    header, columns = wire.parse(answer)
    assert header["x"] == request.get("x", "_step")
    return {
        (head["metric"], head["run"]): head | one
        for head, one in zip(header["series"], columns, strict=True)
    }


def chain(segment: int) -> tuple[Range, ...]:
    return (Range(segment),)


@pytest.fixture
def store() -> MemorySeries:
    return MemorySeries()


def fill(store: MemorySeries, segment: int, values: list[Any], key: str = "loss") -> Writer:
    writer = Writer(store, segment)
    writer.rows([{key: value} for value in values], range(len(values)))
    return writer


def test_the_bytes_of_an_answer(store: MemorySeries) -> None:
    fill(store, 1, [1.0, 3.0, 2.0, 1.0, 2.0, 1.0, 4.0, 1.0, 2.0, math.nan])
    answer = Charts(store).answer(1, SeriesRequest(["loss"], {"a": chain(1)}, buckets=2))
    assert answer[:4] == b"KSR1"
    (length,) = struct.unpack_from("<I", answer, 4)
    assert (8 + length) % 8 == 0
    header, (columns,) = wire.parse(answer)
    (head,) = header["series"]
    assert head["n"] == 2 and head["total"] == 10 and head["nan"] == 1 and head["pinf"] == 0
    assert head["exact"] is False and head["level"] == "points"
    assert [offset % 8 for _, offset, _ in head["columns"].values()] == [0] * len(head["columns"])
    assert {name: dtype for name, (dtype, _, _) in head["columns"].items()} == {
        "x": "f8", "first": "f4", "count": "u4", "min": "f4", "max": "f4", "last": "f4", "mean": "f4",
        "dx_min": "f4", "dx_max": "f4", "dx_last": "f4", "nan": "u4",
    }  # fmt: skip
    assert columns["x"].tolist() == [0, 8]
    assert columns["max"].tolist() == [4, 2]
    assert columns["dx_max"].tolist() == [6, 0]
    assert columns["last"].tolist() == [1, 2]
    assert columns["nan"].tolist() == [0, 1]


def test_a_short_series_comes_point_by_point(store: MemorySeries) -> None:
    """Where a bucket each costs no more than what was asked for: four values a bucket, one a point."""
    fill(store, 1, [float(n % 7) for n in range(200)])
    fill(store, 2, [float(n % 5) for n in range(300)])
    short = ask(Charts(store), metrics=["loss"], runs={"a": chain(1)}, buckets=64)
    assert short["loss", "a"]["exact"] is True and short["loss", "a"]["n"] == 200
    both = ask(Charts(store), metrics=["loss"], runs={"a": chain(1), "b": chain(2)}, buckets=64)
    assert both["loss", "b"]["exact"] is False and both["loss", "b"]["n"] <= 64


def test_an_exact_series_holds_the_points_themselves(store: MemorySeries) -> None:
    """L-10: NaN and ±Inf reach the chart."""
    fill(store, 1, [1.5, math.nan, math.inf, -math.inf, 2])
    (found,) = ask(Charts(store), metrics=["loss"], runs={"a": chain(1)}).values()
    assert found["exact"] is True
    assert set(found["columns"]) == {"x", "first", "nan", "pinf", "ninf"}
    np.testing.assert_array_equal(found["first"], [1.5, math.nan, math.inf, -math.inf, 2])
    assert found["pinf"].tolist() == [0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0.0, 1.0], "f4"),
        ([1e9, 1e9 + 1], "f8"),  # f4 would merge them
        ([1.0, 1.0], "f4"),
        ([0.1, 0.1], "f8"),  # a constant stays what it is
        ([1e300, 2e300], "f8"),
        ([0.0, 1e-44], "f8"),
        ([math.nan, math.inf], "f4"),
    ],
)
def test_values_are_never_moved_visibly(
    store: MemorySeries, values: list[float], dtype: str
) -> None:
    fill(store, 1, values)
    (found,) = ask(Charts(store), metrics=["loss"], runs={"a": chain(1)}).values()
    assert found["columns"]["first"][0] == dtype


def test_pairs_without_points_are_left_out(store: MemorySeries) -> None:
    fill(store, 1, [1.0, 2.0])
    fill(store, 2, ["text", None])
    found = ask(
        Charts(store),
        metrics=["loss", "acc"],
        runs={"a": chain(1), "b": chain(2), "c": chain(99), "d": ()},
    )
    assert list(found) == [("loss", "a")]


def test_metrics_have_their_own_grid_and_runs_share_it(store: MemorySeries) -> None:
    fill(store, 1, [float(n) for n in range(1000)])
    fill(store, 2, [float(n) for n in range(100)])
    fill(store, 3, [1.0, 2.0, 3.0], key="val")
    runs = {"a": chain(1), "b": chain(2), "c": chain(3)}
    found = ask(Charts(store), metrics=["loss", "val"], runs=runs, buckets=100)
    assert found["val", "c"]["exact"]
    width = {np.diff(found["loss", run]["x"]).max() for run in "ab"}
    assert len(width) == 1
    assert set(found["loss", "b"]["x"]) <= set(found["loss", "a"]["x"])


def test_later_value_of_a_step_wins(store: MemorySeries) -> None:
    """L-04: a row at an earlier step is stored there; in a chart the later value counts."""
    writer = fill(store, 1, [0.0, 1.0, 2.0])
    writer.rows([{"loss": 9.0}], [1])
    (found,) = ask(Charts(store), metrics=["loss"], runs={"a": chain(1)}).values()
    assert found["first"].tolist() == [0, 9, 2]


def test_a_chain_of_segments(store: MemorySeries) -> None:
    """A rewound or forked run shows its ancestor up to the fork, and its own rows."""
    fill(store, 1, [1.0] * 10)
    writer = Writer(store, 2)
    writer.rows([{"loss": 2.0}] * 5, range(4, 9))
    runs = {"a": (Range(1, None, 3), Range(2, 4, None))}
    (found,) = ask(Charts(store), metrics=["loss"], runs=runs).values()
    assert found["first"].tolist() == [1.0] * 4 + [2.0] * 5
    # Links that overlap: the later one wins within a step.
    writer.rows([{"loss": 7.0}], [1])
    runs = {"a": (Range(1, None, 3), Range(2, None, None))}
    (found,) = ask(Charts(store), metrics=["loss"], runs=runs).values()
    assert found["first"].tolist() == [1, 7, 1, 1] + [2.0] * 5


@pytest.mark.parametrize(("late", "level"), [((), "cells"), ((3,), "points")])
def test_a_fork_of_a_long_run_is_summed_where_no_step_is_in_two_segments(
    store: MemorySeries, monkeypatch: pytest.MonkeyPatch, late: tuple[int, ...], level: str
) -> None:
    """Links have no lower bound; what they hold tells whether they overlap."""
    monkeypatch.setattr(series_reader, "CELLS_FROM_POINTS", 0)
    monkeypatch.setattr(series_reader, "POINTS_PER_BUCKET_MIN", 4)
    monkeypatch.setattr(series_reader, "CELL_MIN", 1)
    fill(store, 1, [1.0] * 300)
    writer = Writer(store, 2)
    writer.rows([{"loss": 2.0}] * 200, range(200, 400))
    writer.rows([{"loss": 7.0}] * len(late), late)
    runs = {"a": (Range(1, None, 199), Range(2), Range(3))}
    (found,) = ask(Charts(store), metrics=["loss"], runs=runs, buckets=16).values()
    assert (found["level"], found["total"]) == (level, 400)
    assert np.nanmax(found["max"]) == (7.0 if late else 2.0)


def test_metrics_that_are_few_points_each_and_many_together_are_summed(
    store: MemorySeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read point by point is limited for the answer, and what would exceed that is not refused."""
    monkeypatch.setattr(series_reader, "CELLS_FROM_POINTS", 400)
    monkeypatch.setattr(series_reader, "POINTS_MAX", 1_000)
    monkeypatch.setattr(series_reader, "POINTS_PER_BUCKET_MIN", 4)
    monkeypatch.setattr(series_reader, "CELL_MIN", 1)
    metrics = [f"m{n}" for n in range(12)]
    Writer(store, 1).rows(
        [dict.fromkeys(metrics, 9.0 if at == 77 else 1.0) for at in range(300)], range(300)
    )
    found = ask(Charts(store), metrics=metrics, runs={"a": chain(1)}, buckets=16)
    assert [one["total"] for one in found.values()] == [300] * 12
    assert [np.nanmax(one["max"]) for one in found.values()] == [9.0] * 12
    assert [one["level"] for one in found.values()].count("cells") >= 10


def test_time_axes(store: MemorySeries) -> None:
    writer = Writer(store, 1)
    writer.rows([{"loss": 1.0}, {"loss": 2.0}], [0, 5], [0, 2_500_000])
    for x, start in (("_runtime", 0.0), ("_timestamp", START_US / 1e6)):
        (found,) = ask(Charts(store), metrics=["loss"], runs={"a": chain(1)}, x=x).values()
        assert found["x"].tolist() == [start, start + 2.5]


def test_another_metric_as_x(store: MemorySeries) -> None:
    writer = Writer(store, 1)
    writer.rows(
        [{"loss": 1.0, "epoch": 3.0}, {"loss": 2.0, "epoch": 1.0}, {"loss": 3.0}, {"epoch": 9.0},
         {"loss": 4.0, "epoch": math.nan}],
        range(5),
    )  # fmt: skip
    (found,) = ask(Charts(store), metrics=["loss"], runs={"a": chain(1)}, x="epoch").values()
    assert found["x"].tolist() == [1, 3]
    assert found["first"].tolist() == [2, 1]
    assert found["omitted"] == 2  # one without an epoch, one whose epoch is NaN


def test_logarithmic_x(store: MemorySeries) -> None:
    fill(store, 1, [float(n) for n in range(1001)])
    (found,) = ask(
        Charts(store), metrics=["loss"], runs={"a": chain(1)}, log_x=True, buckets=40
    ).values()
    assert found["omitted"] == 1 and found["total"] == 1000
    assert found["n"] <= 40
    widths = np.diff(np.log10(found["x"]))
    assert widths.max() < 0.4
    # The same window asked for by its ends shows the same buckets.
    (window,) = ask(
        Charts(store), metrics=["loss"], runs={"a": chain(1)}, log_x=True, buckets=40,
        x_min=1.0, x_max=1000.0,
    ).values()  # fmt: skip
    assert window["x"].tolist() == found["x"].tolist()


def test_system_metrics_are_series_too(store: MemorySeries) -> None:
    writer = Writer(store, 7, kind=Kind.SYSTEM)
    writer.rows([{"cpu": 10.0}, {"cpu": 30}], [0, 1])
    (found,) = ask(Charts(store), metrics=["cpu"], runs={"a": chain(7)}, x="_runtime").values()
    assert found["first"].tolist() == [10, 30]


@pytest.mark.parametrize("bounds", [(250.0, 500.0), (250.5, None), (None, 499.25), (990.0, None)])
def test_windows_show_the_same_buckets(store: MemorySeries, bounds: tuple[Any, Any]) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=1000)
    fill(store, 1, values.tolist())
    x_min, x_max = bounds
    request = {"metrics": ["loss"], "runs": {"a": chain(1)}, "x_min": x_min, "x_max": x_max}
    charts = Charts(store)
    for _ in range(2):  # the second time from the cache
        (found,) = ask(charts, buckets=32, **request).values()
        lo = 0.0 if x_min is None else x_min
        hi = 999.0 if x_max is None else x_max
        on = bucketing.grid(lo, hi, 32)
        (want,) = bucketing.reduce_points([(np.arange(1000.0), values)], on)
        assert found["x"].tolist() == want.x.tolist()
        assert found["exact"] == want.exact
        np.testing.assert_allclose(found.get("max", found["first"]), want.max, atol=1e-3)
        assert found["total"] == want.total
    assert ask(charts, metrics=["loss"], runs={"a": chain(1)}, x_min=5_000.0) == {}


def test_a_live_run_costs_only_itself(store: MemorySeries, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[int]] = []
    points = MemorySeries.points

    def watched(self: MemorySeries, project: int, path: str, ranges: Any, x: Any = "step") -> Any:
        asked.append([link.segment for link in ranges])
        return points(self, project, path, ranges, x)

    monkeypatch.setattr(MemorySeries, "points", watched)
    charts = Charts(store)
    for segment in (1, 2, 3):
        fill(store, segment, [float(n) for n in range(100)])
    request: dict[str, Any] = {
        "metrics": ["loss"], "runs": {str(n): chain(n) for n in (1, 2, 3)}, "buckets": 20,
    }  # fmt: skip
    first = ask(charts, **request)
    tag = charts.tag(1, SeriesRequest(**request))
    assert charts.tag(1, SeriesRequest(**request)) == tag
    again = ask(charts, **request)
    assert asked == [[1, 2, 3]]
    np.testing.assert_equal(again, first)
    Writer(store, 4).rows([{"loss": 1.0}], [0])
    assert charts.tag(1, SeriesRequest(**request)) == tag  # another run's rows
    more = Writer(store, 2)
    more.stream = "another"
    more.rows([{"loss": 5.0}], [100])
    assert charts.tag(1, SeriesRequest(**request)) != tag
    after = ask(charts, **request)
    assert asked[1:] == [[2]]
    assert after["loss", "2"]["total"] == 101
    np.testing.assert_equal(after["loss", "1"], first["loss", "1"])


def test_limits(store: MemorySeries, monkeypatch: pytest.MonkeyPatch) -> None:
    charts = Charts(store)
    fill(store, 1, [float(n) for n in range(500)])
    runs = {"a": chain(1)}
    for bad in (
        {"buckets": 1}, {"buckets": 10**6}, {"x_min": 2.0, "x_max": 1.0}, {"x_max": math.inf},
    ):  # fmt: skip
        with pytest.raises(Invalid):
            charts.answer(1, SeriesRequest(["loss"], runs, **bad))
    with pytest.raises(Invalid, match="series"):
        charts.answer(1, SeriesRequest(["m"] * 30_000, runs))
    monkeypatch.setattr(charts_module, "BUCKETS_MAX", 100)
    (found,) = ask(charts, metrics=["loss"], runs=runs, buckets=400).values()
    assert found["n"] <= 100
    monkeypatch.setattr(series_reader, "POINTS_MAX", 400)
    with pytest.raises(Invalid, match="points"):
        Charts(store).answer(1, SeriesRequest(["loss"], runs))


@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=5),
    st.integers(2, 40),
    st.sampled_from(["_step", "_runtime"]),
    st.integers(1, 400),
)
@settings(max_examples=60, deadline=None)
def test_summaries_lose_nothing(lengths: list[int], buckets: int, x: str, every: int) -> None:
    """Read through summaries, a series has the same points, extremes and NaN as read one by one."""
    store = MemorySeries()
    rng = np.random.default_rng(sum(lengths))
    for segment, length in enumerate(lengths):
        values = rng.normal(size=length)
        values[rng.random(length) < 0.05] = math.nan
        writer = Writer(store, segment)
        rows: list[dict[str, Any]] = [{"other": 1} for _ in range(length)]
        for at in range(0, length, max(1, every % 7)):
            rows[at]["loss"] = float(values[at])
        writer.rows(rows, range(length))
    request: dict[str, Any] = {
        "metrics": ["loss"], "runs": {str(n): chain(n) for n in range(len(lengths))},
        "buckets": buckets, "x": x,
    }  # fmt: skip
    plain = ask(Charts(store), **request)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series_reader, "CELLS_FROM_POINTS", 0)
        patch.setattr(series_reader, "POINTS_PER_BUCKET_MIN", 4)
        patch.setattr(series_reader, "CELL_MIN", 1)
        summed = ask(Charts(store), **request)
    assert summed.keys() == plain.keys()
    for key, one in summed.items():
        other = plain[key]
        for name in ("total", "nan"):
            assert np.sum(one[name]) == np.sum(other[name])
        if not one["exact"] and not other["exact"]:
            assert np.nanmin(one["min"]) == pytest.approx(np.nanmin(other["min"]))
            assert np.nanmax(one["max"]) == pytest.approx(np.nanmax(other["max"]))
            assert abs(one["n"] - other["n"]) <= other["n"]


@pytest.mark.parametrize("cells_from", [0, 10**9])
@given(
    lengths=st.lists(st.integers(1, 400), min_size=2, max_size=6),
    block=st.integers(1, 500),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=40, deadline=None)
def test_an_answer_does_not_depend_on_the_blocks_it_is_read_in(
    cells_from: int, lengths: list[int], block: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    store = MemorySeries()
    for segment, length in enumerate(lengths):
        values = rng.normal(size=length)
        values[rng.random(length) < 0.05] = math.nan
        writer = Writer(store, segment)
        writer.rows([{"loss": value} for value in values.tolist()], range(length))
    request: dict[str, Any] = {
        "metrics": ["loss"], "runs": {str(n): chain(n) for n in range(len(lengths))}, "buckets": 8,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series_reader, "CELLS_FROM_POINTS", cells_from)
        patch.setattr(series_reader, "POINTS_PER_BUCKET_MIN", 4)
        patch.setattr(series_reader, "CELL_MIN", 1)
        whole = ask(Charts(store), **request)
        patch.setattr(series_reader, "BLOCK_POINTS", block)
        patch.setattr(series_reader, "BLOCK_CELLS", block)
        parts = ask(Charts(store), **request)
    assert parts.keys() == whole.keys()
    for key, one in parts.items():
        other = whole[key]
        assert one.keys() == other.keys()
        for name, values in one.items():
            if name == "mean":  # added up in another order
                assert values == pytest.approx(other[name], rel=1e-6, abs=1e-6, nan_ok=True)
            elif name not in ("columns",):
                assert np.array_equal(values, other[name], equal_nan=isinstance(values, np.ndarray))


@pytest.mark.parametrize("cells_from", [0, 10**9])
def test_elapsed_time_counts_from_the_start_of_each_run(
    monkeypatch: pytest.MonkeyPatch, cells_from: int
) -> None:
    monkeypatch.setattr(series_reader, "CELLS_FROM_POINTS", cells_from)
    store = MemorySeries()
    late = START_US + 3_600_000_000
    for run, start_us in ((1, START_US), (2, late)):
        writer = Writer(store, run)
        times = [start_us + step * 1_000_000 for step in range(500)]
        writer.rows(
            [{"loss": float(step)} for step in range(500)],
            range(500),
            times_us=[t - START_US for t in times],
        )
    origins = {"1": START_US / 1e6, "2": late / 1e6}
    chains = {"1": (Range(1),), "2": (Range(2),)}
    request = SeriesRequest(["loss"], chains, x="_elapsed", buckets=8, origins=origins)
    charts = Charts(store)
    header, columns = wire.parse(charts.answer(1, request))
    assert header["series"][0]["level"] == ("points" if cells_from else "cells")
    assert [one["total"] for one in header["series"]] == [500, 500]
    assert columns[0]["x"].tolist() == columns[1]["x"].tolist()
    assert columns[0]["x"][0] == 0.0 and columns[0]["mean"].tolist() == columns[1]["mean"].tolist()
    moved = SeriesRequest(
        ["loss"], chains, x="_elapsed", buckets=8, origins={**origins, "2": late / 1e6 - 10}
    )
    assert (
        wire.parse(charts.answer(1, moved))[1][1]["x"][0] == 10.0
    )  # not what was kept of the other
