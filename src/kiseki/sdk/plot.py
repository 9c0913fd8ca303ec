"""Charts of tables: `kiseki.plot.line(table, "x", "y")` and others (P-01 … P-03).

Each function returns a `Plot` to be logged: `run.log({"curve": kiseki.plot.line(…)})`. The chart is drawn
from its table, which is logged under `curve_table`. `split_table` is accepted for scripts that were written
for wandb, where it moves that table; here it changes nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk import plot_curves
from kiseki.sdk.media.plots import Plot
from kiseki.sdk.media.table import Table

__all__ = [
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
]


def plot_table(
    spec: str,
    table: Table,
    fields: Mapping[str, str],
    string_fields: Mapping[str, str] | None = None,
    split_table: bool = False,
) -> Plot:
    """Return any chart of a table.

    Args:
        spec: name of the drawing: `line/v0`, or one that a Vega-Lite drawing of the web app has.
        table: what is drawn.
        fields: the drawing's channels → columns of the table.
        string_fields: the drawing's texts, such as `title`.
        split_table: changes nothing.

    Raises:
        UsageValueError: a field is no column of the table.
    """
    return Plot(spec, table, fields, string_fields)


def line(
    table: Table,
    x: str,
    y: str,
    stroke: str | None = None,
    title: str = "",
    split_table: bool = False,
) -> Plot:
    """Return a line through the rows of a table.

    Args:
        table: what is drawn.
        x, y: columns.
        stroke: column whose values make several lines.
        title: of the chart.
        split_table: changes nothing.
    """
    fields = {"x": x, "y": y} if stroke is None else {"x": x, "y": y, "stroke": stroke}
    return Plot("line/v0", table, fields, {"title": title})


def scatter(table: Table, x: str, y: str, title: str = "", split_table: bool = False) -> Plot:
    """Return a point for each row of a table; arguments as `line`."""
    return Plot("scatter/v0", table, {"x": x, "y": y}, {"title": title})


def bar(table: Table, label: str, value: str, title: str = "", split_table: bool = False) -> Plot:
    """Return a bar for each row of a table: `label` is the column of names, `value` of lengths."""
    return Plot("bar/v0", table, {"label": label, "value": value}, {"title": title})


def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> Plot:
    """Return the distribution of the column `value` of a table."""
    return Plot("histogram/v0", table, {"value": value}, {"title": title})


def line_series(
    xs: Sequence[Any],
    ys: Sequence[Sequence[Any]],
    keys: Sequence[str] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> Plot:
    """Return several lines.

    Args:
        xs: positions, the same for all lines, or one sequence for each.
        ys: a sequence of values for each line.
        keys: names of the lines; default `line_0`, `line_1`, …
        title: of the chart.
        xname: name of the x axis.
        split_table: changes nothing.

    Raises:
        UsageValueError: numbers of lines, names or positions that do not fit each other.
    """
    lines = [list(values) for values in ys]
    positions = list(xs)
    if not positions or not hasattr(positions[0], "__iter__"):
        positions = [positions] * len(lines)
    names = [f"line_{number}" for number in range(len(lines))] if keys is None else list(keys)
    if not len(positions) == len(lines) == len(names):
        raise UsageValueError(
            f"line_series: {len(positions)} of xs, {len(lines)} of ys, {len(names)} keys"
        )
    table = Table(columns=["step", "lineKey", "lineVal"])
    for where, values, name in zip(positions, lines, names, strict=True):
        where = list(where)
        if len(where) != len(values):
            raise UsageValueError(
                f"line_series: {name!r} has {len(where)} positions and {len(values)} values"
            )
        for x, y in zip(where, values, strict=True):
            table.add_data(x, str(name), y)
    fields = {"step": "step", "lineKey": "lineKey", "lineVal": "lineVal"}
    return Plot("lineseries/v0", table, fields, {"title": title, "xname": xname})


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> Plot:
    """Return how often each class was taken for each, pairs that never came included (P-02).

    Args:
        probs: scores (samples, classes); the highest is the prediction. Or:
        preds: the predicted classes.
        y_true: the true classes.
        class_names: names of the classes 0, 1, …, or all values that classes may have. Default: the columns
            of `probs`, or the values that come.
        title: of the chart.
        split_table: changes nothing.

    Raises:
        UsageTypeError: not exactly one of `probs` and `preds`, or no `y_true`.
        UsageValueError: lengths that differ, or a class that has no name.
    """
    if (probs is None) == (preds is None):
        raise UsageTypeError("confusion_matrix: give either probs or preds")
    truth = plot_curves.numbers_of(y_true, "y_true").reshape(-1)
    classes: Sequence[Any] | None = None
    if probs is not None:
        scores = plot_curves.numbers_of(probs, "probs")
        if scores.ndim != 2 or not scores.shape[1]:
            raise UsageValueError(
                f"confusion_matrix: probs must be (samples, classes), got {scores.shape}"
            )
        found, classes = scores.argmax(axis=1), range(scores.shape[1])
    else:
        found = plot_curves.numbers_of(preds, "preds").reshape(-1)
    if len(found) != len(truth):
        raise UsageValueError(f"confusion_matrix: {len(truth)} of y_true, {len(found)} predictions")
    actual, predicted = truth.tolist(), found.tolist()
    if classes is None and class_names is None:
        classes = sorted({*actual, *predicted})
    names = [str(name) for name in (classes if class_names is None else class_names)]  # type: ignore[union-attr]
    index = _index_of(classes, names, {*actual, *predicted})
    counts = [[0] * len(names) for _ in names]
    for one, other in zip(actual, predicted, strict=True):
        counts[index[one]][index[other]] += 1
    table = Table(columns=["Actual", "Predicted", "nPredictions"])
    for row, column in itertools.product(range(len(names)), repeat=2):
        table.add_data(names[row], names[column], counts[row][column])
    fields = {name: name for name in ("Actual", "Predicted", "nPredictions")}
    return Plot("confusion_matrix/v1", table, fields, {"title": title})


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int | None = None,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> Plot:
    """Return precision over recall for each class against the rest (P-03).

    Args:
        y_true: the true classes.
        y_probas: scores (samples, classes), or of the larger of two classes (samples,).
        labels: names of the classes 0, 1, …
        classes_to_plot: some of the classes, by value or name.
        interp_size: number of recalls at equal distances, with the best precision from there on; default: the
            exact points, at most 1,000 a class.
        title: of the chart.
        split_table: changes nothing.

    Raises:
        UsageValueError: the arguments do not fit each other.
    """
    if interp_size is not None and interp_size < 2:
        raise UsageValueError(f"pr_curve: interp_size must be 2 or more, got {interp_size!r}")
    table = Table(columns=["class", "recall", "precision"])
    for name, truth, score in plot_curves.one_against_rest(
        y_true, y_probas, labels, classes_to_plot
    ):
        recall, precision = plot_curves.pr_points(truth, score, interp_size)
        for x, y in zip(recall.tolist(), precision.tolist(), strict=True):
            table.add_data(name, x, y)
    return _area(table, "recall", "precision", title, "Recall", "Precision")


def roc_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> Plot:
    """Return true over false positive rate for each class against the rest; arguments as `pr_curve`."""
    table = Table(columns=["class", "fpr", "tpr"])
    for name, truth, score in plot_curves.one_against_rest(
        y_true, y_probas, labels, classes_to_plot
    ):
        rates = plot_curves.roc_points(truth, score)
        for x, y in zip(rates[0].tolist(), rates[1].tolist(), strict=True):
            table.add_data(name, x, y)
    return _area(table, "fpr", "tpr", title, "False positive rate", "True positive rate")


def _area(table: Table, x: str, y: str, title: str, x_title: str, y_title: str) -> Plot:
    fields = {"x": x, "y": y, "class": "class"}
    strings = {"title": title, "x-axis-title": x_title, "y-axis-title": y_title}
    return Plot("area-under-curve/v0", table, fields, strings)


def _index_of(classes: Sequence[Any] | None, names: list[str], values: set[Any]) -> dict[Any, int]:
    """Return the row and column of every class that comes."""
    if classes is not None and len(classes) == len(names):
        index = {value: number for number, value in enumerate(classes)}
        if values <= index.keys():
            return index
    by_name = {name: number for number, name in enumerate(names)}
    found = {}
    for value in values:
        if isinstance(value, (int, float)) and 0 <= value < len(names) and value % 1 == 0:
            found[value] = int(value)
        elif str(value) in by_name:
            found[value] = by_name[str(value)]
        else:
            raise UsageValueError(f"confusion_matrix: the class {value!r} is none of {names}")
    return found
