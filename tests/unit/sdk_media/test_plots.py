"""Charts: P-01 … P-03; curves against scikit-learn, counts against a slow count."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

import kiseki
from kiseki.sdk import plot, plot_curves
from tests.unit.sdk_media.conftest import Logged

TABLE = kiseki.Table(["a", "b", "c"], [[1, 2, "x"], [3, 4, "y"]])
TITLE = {"title": "T"}


@pytest.mark.parametrize(
    ("made", "spec", "fields"),
    [
        (plot.line(TABLE, "a", "b", title="T"), "line/v0", {"x": "a", "y": "b"}),
        (
            plot.line(TABLE, "a", "b", stroke="c", title="T", split_table=True),
            "line/v0",
            {"x": "a", "y": "b", "stroke": "c"},
        ),
        (plot.scatter(TABLE, "a", "b", title="T"), "scatter/v0", {"x": "a", "y": "b"}),
        (plot.bar(TABLE, "c", "a", title="T"), "bar/v0", {"label": "c", "value": "a"}),
        (plot.histogram(TABLE, "a", title="T"), "histogram/v0", {"value": "a"}),
        (kiseki.plot_table("mine/v1", TABLE, {"z": "a"}, TITLE), "mine/v1", {"z": "a"}),
        (plot.plot_table("wandb/line/v0", TABLE, {"x": "a"}, TITLE), "line/v0", {"x": "a"}),
    ],
)
def test_a_chart_and_its_table(
    logged: Logged, made: Any, spec: str, fields: dict[str, str]
) -> None:  # P-01
    logged.log({"eval": {"my chart": made}})
    logged.check_files()
    (row,) = logged.values()
    assert row["eval.my chart"] == {
        "_type": "plot",
        "spec": spec,
        "table": "eval.my chart_table",
        "fields": fields,
        "strings": TITLE,
    }
    table = row["eval.my chart_table"]
    assert table["_type"] == "table-file"
    assert json.loads(logged.bytes_of(table))["data"] == TABLE.data


def test_charts_that_cannot_be(logged: Logged) -> None:
    with pytest.raises(ValueError, match="no column 'z'"):
        plot.line(TABLE, "a", "z")
    with pytest.raises(TypeError):
        plot.line([[1, 2]], "a", "b")  # type: ignore[arg-type]
    chart = plot.histogram(TABLE, "a")
    with pytest.raises(ValueError, match="taken"):
        logged.log({"x": chart, "x_table": 1})
    with pytest.raises(TypeError, match="a key of its own"):
        logged.log({"x": [chart]})
    assert not logged.values() and not logged.file_records() and not list(logged.tmp.iterdir())


def test_line_series() -> None:  # P-01
    found = plot.line_series([0, 1], [[1, 2], [3, 4]], keys=["p", "q"], title="T", xname="epoch")
    assert found.table.columns == ["step", "lineKey", "lineVal"]
    assert found.table.data == [[0, "p", 1], [1, "p", 2], [0, "q", 3], [1, "q", 4]]
    assert found.strings == {"title": "T", "xname": "epoch"}
    found = plot.line_series([[0], np.array([5, 6])], [[1], np.array([7.0, 8.0])])
    assert found.table.data == [[0, "line_0", 1], [5, "line_1", 7.0], [6, "line_1", 8.0]]
    for xs, ys, keys in (
        ([0], [[1, 2]], None),
        ([[0]], [[1], [2]], None),
        ([0], [[1]], ["a", "b"]),
    ):
        with pytest.raises(ValueError):
            plot.line_series(xs, ys, keys)


PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=20)
@given(PAIRS)
def test_confusion_matrix_counts_every_pair(pairs: list[tuple[int, int]]) -> None:  # P-02
    truth, preds = zip(*pairs, strict=True)
    names = [f"class {n}" for n in range(5)]
    found = plot.confusion_matrix(y_true=truth, preds=preds, class_names=names).table
    assert found.columns == ["Actual", "Predicted", "nPredictions"]
    assert len(found.data) == 25
    for (row, column), cells in zip(itertools.product(range(5), repeat=2), found.data, strict=True):
        assert cells == [names[row], names[column], pairs.count((row, column))]
    wanted = metrics.confusion_matrix(truth, preds, labels=range(5)).reshape(-1).tolist()
    assert found.get_column("nPredictions") == wanted
    probs = np.eye(5)[list(preds)]
    assert plot.confusion_matrix(probs, truth).table.get_column("nPredictions") == wanted


def test_confusion_matrix_of_names() -> None:  # P-02
    found = plot.confusion_matrix(y_true=["cat", "dog"], preds=["cat", "cat"])
    assert found.table.data == [
        ["cat", "cat", 1], ["cat", "dog", 0], ["dog", "cat", 1], ["dog", "dog", 0],
    ]  # fmt: skip
    found = plot.confusion_matrix(y_true=["b"], preds=["a"], class_names=["a", "b", "c"])
    assert found.table.get_column("nPredictions") == [0, 0, 0, 1, 0, 0, 0, 0, 0]
    found = plot.confusion_matrix(y_true=[5, 9], preds=[9, 9])
    assert found.table.get_column("Actual") == ["5", "5", "9", "9"]
    found = plot.confusion_matrix(y_true=[1.0, 0.0], preds=[1.0, 1.0], class_names=["n", "y"])
    assert found.table.get_column("nPredictions") == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"y_true": [1]}, TypeError),
        ({"y_true": [1], "preds": [1], "probs": [[1]]}, TypeError),
        ({"preds": [1]}, TypeError),
        ({"y_true": [1], "preds": [1, 2]}, ValueError),
        ({"y_true": [1], "preds": [2], "class_names": ["a", "b"]}, ValueError),
        ({"y_true": ["z"], "preds": ["a"], "class_names": ["a", "b"]}, ValueError),
        ({"y_true": [0], "probs": [0.5]}, ValueError),
        ({"y_true": [3], "probs": [[0.5, 0.5]]}, ValueError),
    ],
)
def test_no_confusion_matrix(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        plot.confusion_matrix(**arguments)


@st.composite
def scores(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Return three classes, each of which comes, and scores with ties."""
    more = draw(st.lists(st.integers(0, 2), max_size=30))
    truth = np.array([0, 1, 2, *more])
    steps = st.lists(st.integers(0, 6), min_size=3, max_size=3)
    rows = draw(st.lists(steps, min_size=len(truth), max_size=len(truth)))
    return truth, np.array(rows) / 6


@settings(deadline=None, max_examples=20)  # scikit-learn takes a while
@given(scores())
def test_curves_are_those_of_scikit_learn(drawn: tuple[np.ndarray, np.ndarray]) -> None:  # P-03
    truth, probas = drawn
    roc = plot.roc_curve(truth, probas.tolist(), labels=["a", "b", "c"]).table
    pr = plot.pr_curve(truth.tolist(), probas, labels=["a", "b", "c"]).table
    for number, name in enumerate("abc"):
        fpr, tpr, _ = metrics.roc_curve(truth == number, probas[:, number], drop_intermediate=False)
        rows = np.array([row[1:] for row in roc.data if row[0] == name])
        every = np.stack([fpr, tpr], 1)
        assert (rows[0] == [0, 0]).all() and (rows[-1] == [1, 1]).all()
        for row in rows:  # all are points of the curve, and what is left out lies between them
            assert np.isclose(every, row).all(axis=1).any()
        assert metrics.auc(*rows.T) == pytest.approx(metrics.auc(fpr, tpr))
        precision, recall, _ = metrics.precision_recall_curve(truth == number, probas[:, number])
        rows = [row[1:] for row in pr.data if row[0] == name]
        assert np.allclose(rows, np.stack([recall, precision], 1)[::-1])


@settings(deadline=None, max_examples=20)
@given(scores(), st.integers(2, 30))
def test_interpolated_precision(drawn: tuple[np.ndarray, np.ndarray], size: int) -> None:  # P-03
    truth, probas = drawn
    table = plot.pr_curve(truth, probas, interp_size=size).table
    precision, recall, _ = metrics.precision_recall_curve(truth == 0, probas[:, 0])
    rows = [row[1:] for row in table.data if row[0] == "0"]
    assert np.allclose([x for x, _ in rows], np.linspace(0, 1, size))
    for x, y in rows:
        assert y == pytest.approx(precision[recall >= x].max())


def test_classes_to_plot_and_two_classes() -> None:  # P-03
    truth, probas = ["no", "yes", "yes", "no"], [0.1, 0.9, 0.4, 0.5]
    both = np.stack([1 - np.array(probas), probas], 1)
    one = plot.roc_curve(truth, probas).table
    assert set(one.get_column("class")) == {"yes"}
    assert plot.roc_curve(truth, both, classes_to_plot=["yes"]).table.data == one.data
    assert set(plot.roc_curve(truth, both).table.get_column("class")) == {"no", "yes"}
    table = plot.pr_curve([0, 1, 2], np.eye(3), ["a", "b", "c"], classes_to_plot=[0, "c"]).table
    assert set(table.get_column("class")) == {"a", "c"}
    # A class that never comes keeps its column.
    table = plot.roc_curve([0, 2], np.eye(3)[[0, 2]]).table
    assert set(table.get_column("class")) == {"0", "2"}


def test_a_long_curve_is_thinned_but_keeps_its_ends() -> None:
    rng = np.random.default_rng(0)
    truth, score = rng.integers(0, 2, 20_000), rng.normal(size=20_000)
    for points in (plot_curves.roc_points, plot_curves.pr_points):
        x, y = points(truth == 1, score)
        assert len(x) == len(y) == plot_curves.POINTS_MAX
        assert (x[0], x[-1]) == (0, 1) and (np.diff(x) >= 0).all()


@pytest.mark.parametrize(
    ("y_true", "y_probas", "more"),
    [
        ([0, 1], [[0.5, 0.5]], {}),
        ([0, 0], [[0.5, 0.5]] * 2, {}),
        ([0, 1, 2], [0.1, 0.2, 0.3], {}),
        ([0, 1], [float("nan"), 0.5], {}),
        (["a", "b"], [[0.1, 0.2, 0.7]] * 2, {}),
        ([0, 1], [[0.5, 0.5]] * 2, {"labels": ["a"]}),
        ([[0, 1]], [[0.5, 0.5]], {}),
    ],
)
def test_no_curves(y_true: Any, y_probas: Any, more: dict[str, Any]) -> None:
    for curve in (plot.pr_curve, plot.roc_curve):
        with pytest.raises(ValueError):
            curve(y_true, y_probas, **more)
    with pytest.raises(TypeError):
        plot.pr_curve(None, y_probas)
    with pytest.raises(ValueError):
        plot.pr_curve([0, 1], [0.1, 0.9], interp_size=1)
