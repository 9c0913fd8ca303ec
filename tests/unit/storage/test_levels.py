"""The cells of many column chunks, unpacked together, are those that each was given; even steps are lines."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.errors import DataError
from kiseki.storage.embedded.cells import Level, concatenated, summarise
from kiseki.storage.embedded.chunks import (
    LEVEL_SIZE,
    level_planes,
    pack_layouts,
    pack_level,
    unpack_axis,
    unpack_levels,
)
from kiseki.storage.embedded.packing import Line, line_of, pack_ints, unpack_ints


def columns_of(level: Level) -> dict[str, list[int]]:
    """Return the bits of every column, the counts of what is not finite at their full length."""
    n = len(level.count)
    found = {}
    for column in fields(Level):
        values = np.broadcast_to(getattr(level, column.name), n)
        found[column.name] = np.ascontiguousarray(values).view(np.int64).tolist()
    return found


@st.composite
def columns(draw: st.DrawFn) -> list[np.ndarray]:
    """Columns of a few lengths, as row chunks of a project have them: single, double, with odd values."""
    found = []
    sizes = draw(st.lists(st.integers(LEVEL_SIZE + 1, 200), min_size=1, max_size=3))
    for _ in range(draw(st.integers(1, 12))):
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        values = rng.normal(0, 1, draw(st.sampled_from(sizes)))
        if draw(st.booleans()):
            values = values.astype(np.float32).astype(np.float64)
        if draw(st.booleans()):
            odd = rng.random(len(values)) < draw(st.sampled_from([0.05, 1.0]))
            values[odd] = rng.choice([math.nan, math.inf, -math.inf], int(odd.sum()))
        found.append(values)
    return found


@settings(max_examples=150, deadline=None)
@given(columns())
def test_cells_unpacked_together_are_those_of_each(held: list[np.ndarray]) -> None:
    levels = [summarise(values, LEVEL_SIZE) for values in held]
    stored = [
        (level_planes(pack_level(level)), len(values))
        for level, values in zip(levels, held, strict=True)
    ]
    assert columns_of(unpack_levels(stored)) == columns_of(concatenated(levels))


def test_cells_of_another_length_are_refused() -> None:
    values = np.arange(40.0)
    planes = level_planes(pack_level(summarise(values, LEVEL_SIZE)))
    with pytest.raises(DataError, match="a stored level"):
        unpack_levels([(planes, 40), (planes, 80)])


@settings(max_examples=150, deadline=None)
@given(
    st.integers(-(2**63), 2**63 - 1), st.integers(-(2**40), 2**40), st.integers(0, 300),
    st.lists(st.integers(0, 299), max_size=2),
)  # fmt: skip
def test_even_steps_are_a_line(first: int, stride: int, n: int, bumps: list[int]) -> None:
    last = first + stride * max(n - 1, 0)
    if not -(2**63) <= last < 2**63:
        return
    steps = np.array([first + stride * at for at in range(n)], np.int64)
    even = pack_ints(steps)
    line = line_of(even)
    assert line is None or np.array_equal(line.array(), steps)
    if n > 2 and abs(stride) < 2**20:
        assert line is not None and (line.first, line.count) == (first, n)
    for at in bumps:
        if at < n and steps[at] < 2**63 - 1:
            steps[at] += 1
    layout = pack_layouts([(7,)], np.zeros(1, np.int32))
    axis = unpack_axis(pack_ints(steps), layout)
    assert np.array_equal(axis.steps, steps) and axis.count == n
    assert np.array_equal(unpack_ints(pack_ints(steps)), steps)
    assert isinstance(axis.held, Line) == (line_of(pack_ints(steps)) is not None)
