"""Hyperband: the bad ones are stopped at their brackets, the best one never."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from kiseki.core.sweeps.early_stop import Hyperband, best_so_far, losers, read_hyperband

numbers = st.floats(-100, 100)
curves = st.lists(
    st.lists(st.one_of(numbers, st.just(math.nan)), min_size=1, max_size=30), max_size=12
)


def _losers(hyperband: Hyperband, runs: list[list[float]], *, smallest: bool) -> list[int]:
    at = {
        index: {
            bracket: best_so_far(values, bracket, smallest=smallest)
            for bracket in hyperband.brackets
            if bracket <= len(values)
        }
        for index, values in enumerate(runs)
    }
    running = {
        index: (len(values), best_so_far(values, len(values), smallest=smallest))
        for index, values in enumerate(runs)
    }
    return losers(hyperband, running, at, smallest=smallest)


def test_brackets() -> None:
    upwards = read_hyperband({"type": "hyperband", "min_iter": 3})
    assert upwards.brackets[:4] == (3, 9, 27, 81)
    downwards = read_hyperband({"type": "hyperband", "max_iter": 27, "s": 2})
    assert downwards.brackets == (3, 9)
    finer = read_hyperband({"type": "hyperband", "max_iter": 100, "s": 9, "eta": 2})
    assert finer.brackets == (1, 3, 6, 12, 25, 50)


def test_the_bad_ones_are_stopped() -> None:
    hyperband = read_hyperband({"type": "hyperband", "min_iter": 3})
    runs = [[level - step / 10 for step in range(5)] for level in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)]
    assert _losers(hyperband, runs, smallest=True) == [2, 3, 4, 5]
    assert _losers(hyperband, runs, smallest=False) == [0, 1, 2, 3]


def test_few_runs_are_left_alone() -> None:
    hyperband = read_hyperband({"type": "hyperband", "min_iter": 1})
    assert _losers(hyperband, [[1.0], [9.0]], smallest=True) == []
    assert _losers(hyperband, [[1.0], [9.0], [8.0]], smallest=True) == [1, 2]


def test_a_run_that_caught_up_goes_on_unless_strict() -> None:
    late = [9.0, 9.0, 9.0, 0.0]
    runs = [[1.0] * 4, [2.0] * 4, late]
    loose = read_hyperband({"type": "hyperband", "min_iter": 3})
    strict = read_hyperband({"type": "hyperband", "min_iter": 3, "strict": True})
    assert _losers(loose, runs, smallest=True) == [1]
    assert _losers(strict, runs, smallest=True) == [1, 2]


@given(curves, st.booleans(), st.booleans(), st.sampled_from([1.5, 2.0, 3.0, 4.0]))
def test_the_best_is_never_stopped(
    runs: list[list[float]], smallest: bool, strict: bool, eta: float
) -> None:
    """Of the runs that are judged at a bracket, the best there is not among the losers."""
    hyperband = Hyperband((1, 3, 9, 27), eta, strict)
    found = set(_losers(hyperband, runs, smallest=smallest))
    reached = {
        bracket: {
            index: best_so_far(values, bracket, smallest=smallest)
            for index, values in enumerate(runs)
            if bracket <= len(values)
        }
        for bracket in hyperband.brackets
    }
    judged_at = {
        index: max(
            (b for b in reached if index in reached[b] and len(reached[b]) >= eta), default=0
        )
        for index in range(len(runs))
    }
    assert found <= {index for index, bracket in judged_at.items() if bracket}
    for bracket, there in reached.items():
        finite = [best for best in there.values() if math.isfinite(best)]
        if not finite or len(there) < eta:
            continue
        bar = sorted(there.values(), reverse=not smallest)[max(1, int(len(there) / eta)) - 1]
        best = (min if smallest else max)(finite)
        for index, own in there.items():
            if judged_at[index] != bracket:
                continue
            if own == best:
                assert index not in found
            is_among = own <= bar if smallest else own >= bar
            if strict and math.isfinite(own):
                assert (index in found) == (not is_among)


def test_a_run_beyond_all_others_is_judged_where_they_were() -> None:
    """Rows come in batches of 15 seconds: nobody sees the run while it is at the bracket."""
    hyperband = read_hyperband({"type": "hyperband", "min_iter": 2, "eta": 2})
    assert _losers(hyperband, [[1.0] * 4, [100.0] * 70], smallest=True) == [1]
    assert _losers(hyperband, [[1.0] * 4, [0.5] * 70], smallest=True) == [0]
