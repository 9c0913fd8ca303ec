"""What a sweep tries: in range, complete, reproducible, and better than chance."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import islice, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.core.sweeps import bayes
from kiseki.core.sweeps.bayes import Seen
from kiseki.core.sweeps.config import SweepConfig, read
from kiseki.core.sweeps.parameters import Parameter, read_parameter
from kiseki.core.sweeps.search import draw, fingerprint, grid, grid_point

PLACES = [0.0, 1e-12, 0.1, 0.25, 0.5, 0.75, 0.9, 1 - 1e-12, 1.0]

scalars = st.one_of(st.booleans(), st.integers(-5, 5), st.text(max_size=3), st.floats(-2, 2))
units = st.floats(0, 1)


def parameter(**given: Any) -> Parameter:
    return read_parameter(("x",), given, [])


@st.composite
def bounded(draw_: st.DrawFn) -> dict[str, Any]:
    """Return a parameter with bounds, and maybe a step."""
    name = draw_(st.sampled_from(
        ["uniform", "log_uniform", "log_uniform_values", "inv_log_uniform", "inv_log_uniform_values"]
    ))  # fmt: skip
    low = draw_(st.floats(1e-4, 5))
    found: dict[str, Any] = {"distribution": name, "min": low, "max": low + draw_(st.floats(0, 5))}
    if not name.startswith("inv") and draw_(st.booleans()):
        found |= {
            "distribution": f"q_{name}",
            "q": draw_(st.sampled_from([0.001, 0.25, 0.1, 1, 3])),
        }
    return found


@given(bounded(), units)
def test_values_lie_within_their_bounds(found: dict[str, Any], unit: float) -> None:
    try:
        one = parameter(**found)
    except Exception as error:
        assert "no multiple of q" in str(error)
        return
    value = one.at(unit)
    low, high = one.bounds or (0, 0)
    slack = 1e-9 * max(1.0, abs(high))
    assert low - slack <= value <= high + slack
    if "q" in found:
        steps = value / found["q"]
        assert math.isclose(steps, round(steps), abs_tol=1e-6)
    assert 0 <= one.place(value) <= 1


@given(st.integers(-(2**62), 2**62), st.integers(0, 2**40), units)
def test_whole_numbers_stay_whole(low: int, width: int, unit: float) -> None:
    one = parameter(min=low, max=low + width)
    assert one.distribution == "int_uniform"
    value = one.at(unit)
    assert type(value) is int
    assert low <= value <= low + width
    assert one.count == width + 1


@pytest.mark.parametrize(
    ("found", "middle"),
    [
        ({"distribution": "uniform", "min": 0, "max": 10}, 5),
        ({"distribution": "log_uniform", "min": -4, "max": 2}, math.exp(-1)),
        ({"distribution": "log_uniform_values", "min": 0.01, "max": 100}, 1),
        ({"distribution": "inv_log_uniform", "min": -4, "max": 2}, math.exp(1)),
        ({"distribution": "inv_log_uniform_values", "min": 0.01, "max": 100}, 1),
        ({"distribution": "normal", "mu": 3, "sigma": 2}, 3),
        ({"distribution": "log_normal", "mu": 1, "sigma": 2}, math.e),
        ({"distribution": "beta", "a": 3, "b": 3}, 0.5),
        ({"distribution": "q_uniform", "min": 0, "max": 10, "q": 2.5}, 5.0),
        ({"distribution": "q_log_uniform_values", "min": 1, "max": 10_000, "q": 10}, 100),
        ({"distribution": "q_log_uniform", "min": 0, "max": 10, "q": 1}, 148),
        ({"distribution": "q_normal", "mu": 3.2, "sigma": 1, "q": 0.5}, 3.0),
        ({"distribution": "q_log_normal", "mu": 0, "sigma": 1, "q": 0.5}, 1.0),
        ({"distribution": "q_beta", "a": 2, "b": 2, "q": 0.25}, 0.5),
        ({"values": ["a", "b", "c"]}, "b"),
        ({"values": ["a", "b", "c"], "probabilities": [0.6, 0.1, 0.3]}, "a"),
        ({"value": {"deep": [1]}}, {"deep": [1]}),
    ],
)
def test_medians(found: dict[str, Any], middle: Any) -> None:
    value = parameter(**found).at(0.5)
    assert value == pytest.approx(middle) if isinstance(middle, (int, float)) else value == middle


@pytest.mark.parametrize(
    ("a", "b"), [(0.5, 0.5), (1, 1), (2, 5), (30, 2), (1e-3, 1e-3), (900, 1_000)]
)
def test_beta_goes_there_and_back(a: float, b: float) -> None:
    one = parameter(distribution="beta", a=a, b=b)
    found = [one.at(place) for place in PLACES]
    assert found == sorted(found)
    assert all(0 <= value <= 1 for value in found)
    if a >= 0.5:
        back = [one.place(value) for value in found]
        assert back == pytest.approx(PLACES, abs=1e-5)


def test_beta_of_known_values() -> None:
    # 1 - (1 - x)² below x, for a = 1 and b = 2.
    one = parameter(distribution="beta", a=1, b=2)
    assert one.place(0.3) == pytest.approx(1 - 0.7**2)


def test_what_cannot_be_is_never_drawn() -> None:
    one = parameter(values=["never", "a", "b", "nor"], probabilities=[0, 0.25, 0.75, 0])
    found = Counter(one.at(index / 999) for index in range(1_000))
    assert set(found) == {"a", "b"}
    assert found["a"] == pytest.approx(250, abs=2)


@given(st.lists(st.lists(scalars, min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_grid_is_complete(lists: list[list[Any]]) -> None:
    config = read({
        "method": "grid",
        "parameters": {f"p{index}": {"values": values} for index, values in enumerate(lists)},
    })  # fmt: skip
    found = [tuple(params[f"p{i}"] for i in range(len(lists))) for _, params in grid(config)]
    assert len(found) == config.combinations
    # 1, 1.0 and True are three values; what is listed twice is one.
    expected = product(*({json.dumps(one): one for one in values} for values in lists))
    assert [tuple(map(json.dumps, one)) for one in found] == list(expected)
    assert len({fingerprint(params) for _, params in grid(config)}) == len(found)


def test_a_large_grid_is_never_made_whole() -> None:
    config = read({
        "method": "grid",
        "parameters": {f"p{index}": {"min": 1, "max": 1_000} for index in range(10)},
    })  # fmt: skip
    assert config.combinations == 10**30
    some = list(islice(grid(config, 10**29), 3))
    assert [params["p9"] for _, params in some] == [1, 2, 3]
    assert {params["p0"] for _, params in some} == {101}
    assert grid_point(config, 10**30 - 1) == {f"p{index}": 1_000 for index in range(10)}


def test_a_grid_of_steps() -> None:
    config = read({
        "method": "grid",
        "parameters": {
            "a": {"distribution": "q_uniform", "min": 0.1, "max": 0.5, "q": 0.1},
            "b": {"value": True},
            "c": {"parameters": {"d": {"values": ["x", None]}}},
        },
    })  # fmt: skip
    found = [params for _, params in grid(config)]
    assert [one["a"] for one in found[::2]] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert [one["c"] for one in found[:2]] == [{"d": "x"}, {"d": None}]
    assert len({fingerprint(one) for one in found}) == 10


def test_a_draw_is_reproducible() -> None:
    config = read({
        "method": "random",
        "parameters": {"a": {"min": 0.0, "max": 1.0}, "b": {"values": list(range(50))}},
    })  # fmt: skip
    first = [draw(config, f"abcd/{number}") for number in range(20)]
    assert first == [draw(config, f"abcd/{number}") for number in range(20)]
    assert len({json.dumps(one) for one in first}) == 20
    assert first != [draw(config, f"efgh/{number}") for number in range(20)]


# ── bayes ──

CURVES = {
    "bowl": lambda p: (p["x"] - 0.3) ** 2 + (p["y"] + 1.2) ** 2 + 0.1 * (p["kind"] != "b"),
    "scales": lambda p: (math.log10(p["lr"]) + 3) ** 2 + (p["n"] - 70) ** 2 / 1_000,
}
SPACES: dict[str, dict[str, Any]] = {
    "bowl": {
        "x": {"min": -2.0, "max": 2.0},
        "y": {"min": -2.0, "max": 2.0},
        "kind": {"values": ["a", "b", "c"]},
    },
    "scales": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-6, "max": 1.0},
        "n": {"min": 1, "max": 200},
    },
}


def _search(config: SweepConfig, curve: Any, seed: int, trials: int, sign: float) -> float:
    seen: list[Seen] = []
    for number in range(trials):
        name = f"{seed}/{number}"
        is_bayes = config.method == "bayes"
        params = bayes.suggest(config, name, seen) if is_bayes else draw(config, name)
        seen.append(Seen(params, sign * curve(params), True))
    return min(sign * (one.value or 0.0) for one in seen)


@pytest.mark.parametrize(("name", "goal"), [("bowl", "maximize"), ("scales", "minimize")])
def test_bayes_beats_chance(name: str, goal: str) -> None:
    sign = 1.0 if goal == "minimize" else -1.0
    shared = {"parameters": SPACES[name], "metric": {"name": "loss", "goal": goal}}
    by_method = {
        method: [
            _search(read({"method": method, **shared}), CURVES[name], seed, 20, sign)
            for seed in range(5)
        ]
        for method in ("bayes", "random")
    }
    wins = sum(a < b for a, b in zip(by_method["bayes"], by_method["random"], strict=True))
    middles = {method: sorted(found)[2] for method, found in by_method.items()}
    assert wins >= 4
    assert middles["bayes"] < middles["random"] / 3


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_bayes_suggests_what_is_allowed(data: st.DataObject) -> None:
    """Whatever was seen: no value, all the same, infinite, failed, of another config."""
    config = read({
        "method": "bayes",
        "metric": {"name": "loss"},
        "parameters": {
            "x": {"min": 0.0, "max": 1.0},
            "n": {"min": 1, "max": 3},
            "kind": {"values": ["a", "b"]},
            "size": {"values": [64, 8, 16]},
            "fixed": {"value": 7},
            "bell": {"mu": 0, "sigma": 1},
        },
    })  # fmt: skip
    numbers = st.one_of(st.none(), st.just(1.0), st.floats(allow_nan=True, allow_infinity=True))
    seen = []
    for number in range(data.draw(st.integers(0, 12))):
        params: dict[str, Any] = draw(config, f"s/{number}")
        if data.draw(st.integers(0, 5)) == 0:
            params = {"other": 1}
        seen.append(Seen(params, data.draw(numbers), data.draw(st.booleans())))
    found = bayes.suggest(config, "seed", seen)
    assert found == bayes.suggest(config, "seed", seen)
    assert 0 <= found["x"] <= 1
    assert found["n"] in (1, 2, 3)
    assert found["kind"] in ("a", "b")
    assert found["size"] in (64, 8, 16)
    assert found["fixed"] == 7


def test_bayes_looks_at_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read({
        "method": "bayes",
        "metric": {"name": "loss"},
        "parameters": {f"p{index}": {"min": 0.0, "max": 1.0} for index in range(3)},
    })  # fmt: skip
    sizes: list[int] = []
    fit = bayes._fit

    def counting(x: Any, y: Any) -> Any:
        sizes.append(len(x))
        return fit(x, y)

    monkeypatch.setattr(bayes, "_fit", counting)
    best = draw(config, "1")
    seen = [Seen(draw(config, str(n)), 0.0 if n == 1 else 1.0, True) for n in range(3_000)]
    found = bayes.suggest(config, "seed", seen)
    assert sizes == [bayes.LOOKED_AT]
    # The best one was 3,000 trials ago, and is not forgotten.
    assert all(abs(found[name] - best[name]) < 0.35 for name in best)
