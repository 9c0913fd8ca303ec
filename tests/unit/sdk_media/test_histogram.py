"""Histograms: M-06, and the automatic ones of arrays: L-11."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import kiseki
from kiseki.sdk.values import Normaliser, binned
from tests.unit.sdk_media.conftest import Logged

NUMBERS = st.lists(st.floats(width=64), min_size=33, max_size=80)


@given(NUMBERS)
@example([1.0, 1.0 + 2e-16] * 20)
@example([1e16] * 40)
@example([-1.7e308, 1.7e308] * 20)
@example([5e-324, 0.0] * 20)
@example([1.7976931348623157e308] * 40)
@example([float("nan")] * 33)
def test_it_agrees_with_the_automatic_histogram(numbers: list[float]) -> None:  # M-06, L-11
    array = np.array(numbers)
    automatic = Normaliser(lambda path, reason: None).plain(array, "x")
    media = kiseki.Histogram(array, num_bins=32)
    assert automatic == media.to_value(None, "x")  # type: ignore[arg-type]
    finite = array[np.isfinite(array)]
    assert sum(automatic["values"]) == len(finite)
    lost = automatic.get("nan", 0) + automatic.get("pinf", 0) + automatic.get("ninf", 0)
    assert lost == len(array) - len(finite)
    edges = automatic["bins"]
    assert np.isfinite(edges).all() and edges == sorted(edges)
    if len(finite):
        assert len(edges) == 33 and edges[0] <= finite.min() and finite.max() <= edges[-1]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.integers(1, 40))
def test_counts_are_those_of_a_slow_count(numbers: list[float], bins: int) -> None:
    counts, edges = binned(np.array(numbers), bins)
    slow = [0] * bins
    for number in numbers:
        inside = [n for n in range(bins) if edges[n] <= number < edges[n + 1]]
        slow[inside[0] if inside else bins - 1] += 1
    assert counts.tolist() == slow


def test_a_value_has_no_file(logged: Logged) -> None:  # M-06
    value = logged.value(kiseki.Histogram([[1, 2], [2, 3]]))
    assert set(value) == {"_type", "values", "bins"} and value["_type"] == "histogram"
    assert len(value["values"]) == 64 and len(value["bins"]) == 65 and sum(value["values"]) == 4
    assert not logged.file_records()


def test_np_histogram(logged: Logged) -> None:
    pair = np.histogram([1.0, 2.0, 2.0], bins=3)
    media = kiseki.Histogram(np_histogram=pair)
    assert media.histogram == [1, 0, 2] and media.bins == pair[1].tolist()
    value = logged.value(media)
    assert value["values"] == [1, 0, 2] and value["bins"] == pair[1].tolist()
    assert kiseki.Histogram(np_histogram=([0.5] * 512, range(513))).histogram == [0.5] * 512


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"sequence": [1], "num_bins": 513}, ValueError),
        ({"sequence": [1], "num_bins": 0}, ValueError),
        ({"np_histogram": ([1] * 513, range(514))}, ValueError),
        ({"np_histogram": ([1, 2], [0, 1])}, ValueError),
        ({"np_histogram": ([1, 2], [0, 2, 1])}, ValueError),
        ({"np_histogram": ([1, float("nan")], [0, 1, 2])}, ValueError),
        ({"np_histogram": 3}, ValueError),
        ({}, TypeError),
        ({"sequence": ["a"]}, TypeError),
        ({"sequence": 3}, TypeError),
        ({"sequence": [1], "np_histogram": ([1], [0, 1])}, TypeError),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        kiseki.Histogram(**arguments)
    assert isinstance(caught.value, kiseki.UsageError)
