"""Sparklines and tables: nothing is hidden, nothing changes the terminal."""

from __future__ import annotations

import math

import click
from hypothesis import given
from hypothesis import strategies as st

from kiseki.cli import draw


def curve(values: list[float], width: int = 40) -> draw.Curve:
    made = draw.Curve(width)
    for value in values:
        made.add(value)
    return made


def test_a_spike_of_one_step_among_many_is_drawn() -> None:
    made = curve([0.0] * 70_000 + [9.0] + [0.0] * 30_000)
    assert made.spark().count("█") == 1
    assert (made.max, made.count) == (9.0, 100_001)
    assert curve([5.0] * 70_000 + [-9.0] + [5.0] * 30_000).spark().count("▁") == 1


def test_a_nan_is_marked() -> None:
    made = curve([0.0] * 5_000 + [math.nan] + [1.0] * 5_000)
    assert made.spark().count("×") == 1
    assert made.nan == 1
    assert curve([math.nan] * 3).spark() == "×××"


def test_few_points_are_drawn_one_by_one() -> None:
    assert curve([0, 1, 2, 3, 4, 5, 6, 7]).spark() == "▁▂▃▄▅▆▇█"
    assert curve([1.0]).spark() == "▅"
    assert curve([]).spark() == ""
    assert curve([0.0, math.inf, 1.0, -math.inf]).spark() == "▁██▁"
    assert curve([math.inf, math.nan]).spark() == "█×"
    assert curve([-1.7e308, 1.7e308]).spark() == "▁█"


@given(st.lists(st.one_of(st.floats(), st.integers(), st.booleans()), max_size=400))
def test_a_curve_is_never_wider_than_asked(values: list[float]) -> None:
    made = curve(values, width=10)
    assert len(made.spark()) == min(len(values), 10) or len(values) > 10
    assert len(made.spark()) <= 10
    assert made.count == len(values)


def test_text_of_a_run_cannot_drive_the_terminal() -> None:
    assert draw.clean("a\x1b[2J\u202eb\tc") == "a\\x1b[2J\\u202eb\tc"


def test_a_table_lines_up() -> None:
    text = click.unstyle(draw.table(("name", "rows"), [["ab", "1,000"], ["日本語", "7"]]))
    assert text == "name     rows\nab      1,000\n日本語      7"


def test_numbers_and_times() -> None:
    assert draw.number(0.1234567) == "0.123457"
    assert draw.number(1234567) == "1,234,567"
    assert draw.number(True) == "True"
    assert draw.number(math.nan) == "nan"
    assert draw.number(10**400).startswith("1")
    assert [draw.duration(us) for us in (1_500_000, 64_000_000, 3_720_000_000)] == [
        "1.5 s", "1 min 04 s", "1 h 02 min",
    ]  # fmt: skip
