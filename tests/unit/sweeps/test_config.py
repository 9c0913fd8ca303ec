"""What a sweep's config may say, and what is said where it may not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiseki.core.sweeps.config import CONFIG_BYTES_MAX, read, read_text
from kiseki.core.sweeps.parameters import DISTRIBUTIONS
from kiseki.errors import Invalid, PublicError, TooLarge

WHOLE = """
program: train.py
method: bayes
name: first tries
description: what we know by now
metric: {name: val.loss, goal: minimize, target: 0.1}
parameters:
  lr: {distribution: log_uniform_values, min: 1e-5, max: 0.1}
  depth: {min: 2, max: 8}
  dropout: {min: 0.0, max: 0.5}
  optimizer:
    parameters:
      name: {values: [adam, sgd], probabilities: [0.9, 0.1]}
      momentum: {value: 0.9}
early_terminate: {type: hyperband, max_iter: 27, s: 2}
run_cap: 40
command: ["${env}", python, "${program}", "${args}"]
"""


def test_a_whole_config() -> None:
    config = read_text(WHOLE)
    assert config.method == "bayes"
    assert [(one.name, one.distribution) for one in config.parameters] == [
        ("lr", "log_uniform_values"),
        ("depth", "int_uniform"),
        ("dropout", "uniform"),
        ("optimizer.name", "categorical_w_probabilities"),
        ("optimizer.momentum", "constant"),
    ]
    assert config.metric is not None and config.metric.target == 0.1
    assert config.early_stop is not None and config.early_stop.brackets == (3, 9)
    assert config.expected == config.run_cap == 40
    assert config.command[1] == "python"
    # YAML 1.1 takes 1e-5 for a text: it is understood, and told.
    assert config.parameters[0].given["min"] == 1e-5
    assert len(config.warnings) == 1 and "1.0e-3" in config.warnings[0]


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        (3, "write {value: …}"),
        ({}, "says nothing of its values"),
        ({"value": 1, "colour": 2}, "'colour' is not known"),
        ({"value": 1, "values": [1]}, "'values' does not go with"),
        ({"min": 1}, "`max` is missing"),
        ({"min": 2, "max": 1}, "is above"),
        ({"min": "low", "max": 1}, "must be a number, and is 'low'"),
        ({"min": True, "max": 1}, "must be a number"),
        ({"min": 0.0, "max": float("inf")}, "finite"),
        ({"min": 0.5, "max": 2, "distribution": "int_uniform"}, "whole number"),
        ({"min": 0, "max": 2, "distribution": "log_uniform_values"}, "above 0"),
        ({"min": 0, "max": 1_000, "distribution": "log_uniform"}, "log_uniform_values"),
        ({"min": 0, "max": 1, "distribution": "gauss"}, "allowed are beta"),
        ({"min": 0, "max": 1, "q": -1}, "`q` must be above 0"),
        ({"min": 0.1, "max": 0.2, "q": 1}, "no multiple of q"),
        ({"mu": 0, "sigma": 0}, "`sigma` must be above 0"),
        ({"values": []}, "at least one"),
        ({"values": "abc"}, "at least one"),
        ({"values": [1, 2], "probabilities": [1]}, "2 numbers"),
        ({"values": [1, 2], "probabilities": [0.1, 0.2]}, "add up to 0.3"),
        ({"values": [1, 2], "probabilities": [-1, 2]}, "from 0 to 1"),
        ({"distribution": "constant"}, "needs `value`"),
        ({"parameters": {"deep": {"min": 1}}}, "parameter 'x.deep'"),
        ({"parameters": {}}, "`x.parameters`"),
    ],
)
def test_faults_of_a_parameter(parameter: Any, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        read({"method": "random", "parameters": {"x": parameter}})
    assert said in str(caught.value)
    assert "x" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"method": "hill"}, "grid, random, bayes"),
        ({"method": "bayes"}, "needs `metric`"),
        ({"parameters": None}, "`parameters` must be"),
        ({"metric": "loss"}, "`metric` needs a `name`"),
        ({"metric": {"name": "a", "goal": "min"}}, "minimize or maximize"),
        ({"metric": {"name": "a", "target": "low"}}, "`metric.target`"),
        ({"run_cap": 0}, "`run_cap`"),
        ({"command": {"a": 1}}, "`command`"),
        ({"controller": {"type": "local"}}, "local controller"),
        ({"early_terminate": {"type": "hyperband", "min_iter": 3}}, "needs `metric`"),
        ({"early_terminate": {"type": "median"}}, "hyperband"),
        ({"early_terminate": {"type": "hyperband"}}, "`min_iter`, or `max_iter`"),
        ({"early_terminate": {"type": "hyperband", "min_iter": 0}}, "whole number from 1"),
        ({"early_terminate": {"type": "hyperband", "max_iter": 2, "s": 3}}, "too small"),
        ({"early_terminate": {"type": "hyperband", "min_iter": 1, "eta": 1}}, "`eta`"),
        ({"early_terminate": {"type": "hyperband", "min_iter": 1, "stict": True}}, "not known"),
    ],
)
def test_faults_of_the_rest(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=None) as caught:
        read({"method": "random", "parameters": {"x": {"value": 1}}, **change})
    assert said in str(caught.value)


def test_a_grid_counts() -> None:
    with pytest.raises(Invalid, match="list `values`, give a step `q`"):
        read({"method": "grid", "parameters": {"x": {"min": 0.0, "max": 1.0}}})
    config = read({
        "method": "grid", "run_cap": 5,
        "parameters": {"x": {"min": 0.0, "max": 1.0, "q": 0.25}, "y": {"min": 1, "max": 3}},
    })  # fmt: skip
    assert (config.combinations, config.expected) == (15, 5)


def test_unknown_words_are_told() -> None:
    config = read({"method": "random", "parametres": {}, "parameters": {"x": {"values": ["1e-3"]}}})
    assert [text.split()[0] for text in config.warnings] == ["'parametres'", "parameter"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "[1, 2]",
        "{unclosed",
        "a: !!python/object/apply:os.system [id]",
        "a: &a [*a]\nmethod: random",
        "? [1, 2]\n: 3",
        "method: 2001-13-41",
        "n: " + "9" * 5_000,
        "method: random\nparameters: {x: {value: " + "9" * 40 + "}}",
        "a: " + "[" * 5_000,
        "\x00",
        "method: random\nparameters: {'': {value: 1}}",
        "method: random\nparameters: {x: {value: !!binary aGk=}}",
        "method: random\nparameters: {x: {value: !!set {a, b}}}",
        'method: random\nparameters: {x: {value: "\\ud800"}}',
    ],
)
def test_hostile_text_is_refused_or_plain(text: str) -> None:
    try:
        config = read_text(text)
    except PublicError as error:
        assert error.status in (400, 413)
    else:
        assert config.parameters


def test_yaml_that_grows_is_not_followed() -> None:
    """Nine lines that refer to each other nine times: a billion values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(TooLarge, match="50,000 values"):
        read_text("\n".join(lines))
    with pytest.raises(TooLarge, match="limit"):
        read_text("x" * (CONFIG_BYTES_MAX + 1))


def test_shared_parts_are_taken() -> None:
    """The official client writes what is the same object with references."""
    config = read_text("method: grid\nparameters: {a: {values: &v [1, 2]}, b: {values: *v}}")
    assert config.combinations == 4


scalar = st.sampled_from(
    [
        None,
        True,
        0,
        1,
        -3,
        2**62,
        0.5,
        1e300,
        -1e-300,
        float("nan"),
        float("inf"),
        "",
        "a",
        "1e-3",
        "nan",
    ]
)
plain: st.SearchStrategy[Any] = st.one_of(
    scalar, st.lists(scalar, max_size=3), st.just({}), st.just({"type": "hyperband"})
)
keys = ["value", "values", "min", "max", "q", "mu", "sigma", "a", "b", "probabilities"]
top = ["metric", "early_terminate", "run_cap", "command", "name", "controller"]


@given(
    st.sampled_from(["grid", "random", "bayes"]),
    st.one_of(st.none(), st.sampled_from(sorted(DISTRIBUTIONS))),
    st.dictionaries(st.sampled_from(keys), plain, max_size=4),
    st.dictionaries(st.sampled_from(top), plain, max_size=2),
)
def test_nothing_else_ever_happens(
    method: str, distribution: str | None, parameter: dict[str, Any], rest: dict[str, Any]
) -> None:
    """Any data is either a config that can be searched, or refused with a text."""
    if distribution is not None:
        parameter["distribution"] = distribution
    found = {"metric": {"name": "loss"}, **rest, "method": method, "parameters": {"x": parameter}}
    try:
        config = read(found)
    except (Invalid, TooLarge):
        return
    for one in config.parameters:
        for unit in (0.0, 0.3, 1.0):
            value = one.at(unit)
            if one.bounds is not None:
                assert 0 <= one.place(value) <= 1
