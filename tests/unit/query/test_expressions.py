"""Expressions (ui-spec 5.7) against an evaluator of one number at a time, and what is refused."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.core.query.expressions import Work, evaluate, parse
from kiseki.core.query.series import Charts
from kiseki.core.query.series_request import Group, Groups, SeriesRequest
from kiseki.core.query.wire import parse as parse_answer
from kiseki.errors import Invalid
from kiseki.storage.interface import Points, Range
from kiseki.storage.memory.series import MemorySeries
from tests.unit.query.fixtures import START_US, Writer

Steps = dict[int, float]  # of a metric
Tree = Any  # a number, a name, or (function, *arguments)

BINARY: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: np.mod(a, b),
    "<": lambda a, b: math.nan if a != a or b != b else float(a < b),
    ">=": lambda a, b: math.nan if a != a or b != b else float(a >= b),
    "min": lambda a, b: math.nan if a != a or b != b else min(a, b),
    "max": lambda a, b: math.nan if a != a or b != b else max(a, b),
}
UNARY: dict[str, Callable[[float], float]] = {
    "neg": lambda a: -a,
    "abs": abs,
    "sqrt": lambda a: math.sqrt(a) if a >= 0 else math.nan,
    "log10": lambda a: math.log10(a) if a > 0 else -math.inf if a == 0 else math.nan,
    "exp": lambda a: np.exp(a),
}


def written(tree: Tree) -> str:
    if isinstance(tree, str):
        return "${" + tree.replace("}", "\\}") + "}" if " " in tree or "}" in tree else tree
    if isinstance(tree, float):
        return repr(tree) if tree >= 0 else f"(-{-tree!r})"
    function, *arguments = tree
    texts = [written(one) for one in arguments]
    if function == "neg":
        return f"-({texts[0]})"
    if function in "+-*/%<>=":
        return f"({texts[0]}) {function} ({texts[1]})"
    return f"{function}({', '.join(texts)})"


def plain(tree: Tree, metrics: dict[str, Steps], constants: dict[str, float]) -> Any:
    """Return a number, or a dict of step to number; `_step` is a function."""
    if isinstance(tree, float):
        return np.float64(tree)
    if isinstance(tree, str):
        if tree == "_step":
            return np.float64
        return np.float64(constants[tree]) if tree in constants else metrics[tree]
    function, *arguments = tree
    if function in ("diff", "cumsum", "ema", "rolling"):
        given = plain(arguments[0], metrics, constants)
        values = [given[step] for step in sorted(given)]
        return dict(over(function, sorted(given), values, arguments[1:]))
    values = [plain(one, metrics, constants) for one in arguments]
    held = [set(value) for value in values if isinstance(value, dict)]

    def at(step: int) -> np.float64:
        parts = [
            value[step] if isinstance(value, dict) else value(step) if callable(value) else value
            for value in values
        ]
        return np.float64(apply(function, [np.float64(part) for part in parts]))

    if held:
        return {step: at(step) for step in set.intersection(*held)}
    return at if any(callable(value) for value in values) else at(0)


def apply(function: str, values: list[Any]) -> float:
    if function in UNARY:
        return math.nan if values[0] != values[0] else UNARY[function](values[0])
    if function == "if":
        return math.nan if values[0] != values[0] else values[1] if values[0] else values[2]
    return BINARY[function](values[0], values[1])


def over(function: str, steps: list[int], values: list[float], settings: list[Any]) -> Any:
    finite = [value if math.isfinite(value) else math.nan for value in values]
    if function == "diff":
        return zip(steps[1:], (b - a for a, b in itertools.pairwise(finite)), strict=True)
    found = []
    for at, value in enumerate(finite):
        window = [one for one in finite[: at + 1] if one == one]
        if function == "rolling":
            start = max(0, at + 1 - int(settings[0]))
            window = [one for one in finite[start : at + 1] if one == one]
            found.append(rolled(window, settings[1]))
        elif value != value:
            found.append(math.nan)
        elif function == "cumsum":
            found.append(math.fsum(window))
        else:
            state = weights = 0.0
            for one in window:
                state = settings[0] * state + (1 - settings[0]) * one
                weights = settings[0] * weights + (1 - settings[0])
            found.append(state / weights)
    return zip(steps, found, strict=True)


def rolled(window: list[float], how: str) -> float:
    if not window:
        return math.nan
    if how == "std":
        return statistics.stdev(window) if len(window) > 1 else 0.0
    statistic: Callable[[list[float]], float] = {
        "mean": statistics.fmean, "max": max, "min": min, "median": statistics.median,
    }[how]  # fmt: skip
    return statistic(window)


METRICS = ("loss", "train/acc", "val } loss", "日本.x")
LEAVES = st.one_of(st.sampled_from([*METRICS, "_step", "config.lr"]), st.floats(-100, 100))


def trees(children: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.tuples(st.sampled_from(list(BINARY)), children, children),
        st.tuples(st.sampled_from(list(UNARY)), children),
        st.tuples(st.just("if"), children, children, children),
        st.tuples(st.sampled_from(["diff", "cumsum"]), children),
        st.tuples(st.just("ema"), children, st.sampled_from([0.0, 0.5, 0.99])),
        st.tuples(
            st.just("rolling"), children, st.sampled_from([1.0, 3.0, 50.0]),
            st.sampled_from(["mean", "std", "max", "min", "median"]),
        ),
    )  # fmt: skip


def spelled(tree: Tree) -> str:
    """Write a tree; the last argument of `rolling` is a word, not a metric."""
    return written(tree)


POINTS = st.dictionaries(
    st.integers(0, 15),
    st.one_of(st.floats(-1e3, 1e3), st.sampled_from([math.nan, math.inf, -math.inf, 0.0])),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(
    tree=st.recursive(LEAVES, trees, max_leaves=8),
    metrics=st.fixed_dictionaries({name: POINTS for name in METRICS}),
)
def test_expressions_are_what_a_plain_evaluator_says(tree: Tree, metrics: dict[str, Steps]) -> None:
    try:
        expression = parse(spelled(tree))
    except Invalid as error:  # without a metric, there is nothing to draw
        assert "metric" in str(error)
        return
    constants = {"config.lr": 0.1}
    points = {name: points_of(held) for name, held in metrics.items()}
    found = evaluate(expression, points, constants)
    with np.errstate(all="ignore"):
        expected = plain(tree, metrics, constants)
    assert found.steps.tolist() == sorted(expected) and found.x.tolist() == sorted(expected)
    for step, value in zip(found.steps.tolist(), found.values.tolist(), strict=True):
        assert same(value, float(expected[step])), (spelled(tree), step, value, expected[step])


def same(a: float, b: float) -> bool:
    # A comparison of nearly equal numbers may go either way; those few are let through by size alone.
    return (a != a and b != b) or a == b or abs(a - b) <= 1e-6 * max(1.0, abs(a), abs(b))


def points_of(held: Steps) -> Points:
    steps = np.array(sorted(held), np.int64)
    values = np.array([held[step] for step in sorted(held)], np.float64)
    return Points(steps, values, steps.astype(np.float64))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 - a", -1.0), ("-a**2", -4.0), ("2**-a", 0.25), ("2**3**a", 512.0), ("10 - 4 - a", 4.0),
        ("a + 6 / 2 * 3", 11.0), ("7 % 4 + a", 5.0), ("a > 1 + 0.5", 1.0), (".5e1*a", 10.0),
        ("clip(a, 3, 5)", 3.0), ("if(a == 2, 7, 8)", 7.0), ("max(a, 1, 9)", 9.0), ("log(exp(a))", 2.0),
        ("summary.best * a", 6.0), ("a!=2", 0.0), ("rolling(a, 3)", 2.0), ("rolling(a, 3, std)", 0.0),
    ],
)  # fmt: skip
def test_what_signs_mean(text: str, value: float) -> None:
    found = evaluate(parse(text), {"a": points_of({5: 2.0})}, {"summary.best": 3.0})
    assert found.values.tolist() == [pytest.approx(value)]


@pytest.mark.parametrize(
    ("text", "position", "token"),
    [
        ("", 0, ""), ("1 +", 3, ""), ("(a", 2, ""), ("a)", 1, ")"), ("a b", 2, "b"), ("a + * b", 4, "*"),
        ("sin(a)", 0, "sin"), ("ema(a)", 0, "ema"), ("ema(a, 2)", 0, "ema"), ("ema(a, b)", 0, "ema"),
        ("rolling(a, 1.5)", 0, "rolling"), ("rolling(a, 3, mode)", 14, "mode"), ("a; b", 1, ";"),
        ("1 + ${loss", 4, "${"), ("1 + 2", 0, ""), ("_step * 2", 0, ""), ("a + diff(_step)", 4, "diff"),
        ("max(a)", 0, "max"), ("__import__('os')", 11, "'"), ("a." * 600, 1000, ""),
        ("(" * 60 + "a" + ")" * 60, 41, "("), ("-" * 60 + "a", 41, "-"), ("+".join(["a"] * 300), 199, "+"),
        ("+".join(f"m{at}" for at in range(11)), 0, ""), ("rolling(a, 0)", 0, "rolling"),
    ],
)  # fmt: skip
def test_errors_name_token_and_position(text: str, position: int, token: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    extra = caught.value.extra
    assert (extra["code"], extra["token"]) == ("expression", token), caught.value
    assert extra["position"] == position


@given(st.text(alphabet="ab1.+-*/%() ,<>=!${}_/\\", max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse(text)
    except Invalid as error:
        assert 0 <= error.extra["position"] <= len(text)


def test_work_is_bounded() -> None:
    points = points_of({at: 1.0 for at in range(1_000)})
    work = Work(1_500_000)
    evaluate(parse("rolling(a, 500, max)"), {"a": points}, {}, work=work)
    with pytest.raises(Invalid) as caught:
        evaluate(parse("1 + rolling(a, 500, median)"), {"a": points}, {}, work=work)
    assert caught.value.extra["position"] == 4


# ── in charts ──


def test_an_expression_is_drawn_like_a_metric() -> None:
    store = MemorySeries()
    for run in (1, 2):
        writer = Writer(store, run)
        for step in range(0, 2_000, 2):
            writer.rows([{"loss": float(step + run)}], [step])
        writer.rows([{"acc": 0.5}] * 3, [3, 4, 6], is_part=True)
    chains = {f"r{run}": (Range(run),) for run in (1, 2)}
    charts = Charts(store)

    def ask(metric: str, **more: Any) -> Any:
        constants = {"r1": {"config.scale": 10.0}, "r2": {}}
        request = SeriesRequest([metric], chains, constants=constants, **more)
        header, columns = parse_answer(charts.answer(1, request))
        return {
            one["run"]: (one, part) for one, part in zip(header["series"], columns, strict=True)
        }

    found = ask("= loss - acc")
    assert list(found) == ["r1", "r2"] and found["r1"][0]["metric"] == "= loss - acc"
    assert found["r2"][1]["x"].tolist() == [4.0, 6.0]  # where both were logged
    assert found["r2"][1]["first"].tolist() == [5.5, 7.5]
    # Buckets, with counts and extremes; stateful functions know what lies left of the window.
    found = ask("= cumsum(diff(loss))", x_min=1_000.0, x_max=1_500.0, buckets=50)
    head, columns = found["r1"]
    assert not head["exact"] and columns["max"].max() == columns["x"].max() + columns["dx_max"][-1]
    assert int(columns["count"].sum()) == head["total"] >= 250
    # Constants of the run; a run without is left out. Times.
    assert list(ask("= loss * config.scale")) == ["r1"]
    assert ask("= acc * 0 + _runtime")["r1"][1]["first"].tolist() == [3.0, 4.0, 6.0]
    clock = ask("= _timestamp - loss * 0", x="_runtime")["r1"][1]
    assert clock["first"][0] - START_US / 1e6 == pytest.approx(clock["x"][0], abs=1e-3)
    assert ask("= loss / 2", x="acc")["r1"][1]["x"].tolist() == [0.5]
    groups = Groups([Group((1,), ("r1", "r2"))], chains)
    answer = charts.answer(1, SeriesRequest(["= -loss"], {}, groups=groups))
    assert parse_answer(answer)[1][0]["first"][0] == -4.5  # of steps 0, 2, 4, 6


def test_an_expression_that_cannot_be_read_is_refused() -> None:
    charts = Charts(MemorySeries())
    for request in (
        SeriesRequest(["loss", "= loss +"], {}),
        SeriesRequest(["loss"], {}, x="= loss"),
    ):
        with pytest.raises(Invalid):
            charts.answer(1, request)
