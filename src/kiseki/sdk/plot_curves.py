"""Curves of classifiers: exact points, in NumPy alone (P-03)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.media.pixels import array_of
from kiseki.sdk.values import type_name

POINTS_MAX = 1_000  # of one curve


def numbers_of(given: Any, what: str) -> Any:
    """Return a NumPy array of a list, an array or a tensor."""
    import numpy

    if given is None:
        raise UsageTypeError(f"{what} is missing")
    if not (hasattr(given, "__array__") or hasattr(given, "detach")):
        if isinstance(given, str) or not hasattr(given, "__iter__"):
            raise UsageTypeError(f"{what} must be a sequence, got {type_name(given)}")
        return numpy.asarray(list(given))
    array, _ = array_of(given, what)
    return array


def one_against_rest(
    y_true: Any, y_probas: Any, labels: Sequence[Any] | None, classes_to_plot: Sequence[Any] | None
) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, whether it is this class, score of this class) for every class to plot.

    The columns of `y_probas` are the classes in order: 0, 1, … where `y_true` holds such numbers, else the
    sorted distinct values of `y_true`. A single column is the score of the larger of two classes.

    Raises:
        UsageValueError: lengths or classes that do not fit each other, or a score that is NaN.
    """
    import numpy

    truth, scores = numbers_of(y_true, "y_true"), numbers_of(y_probas, "y_probas")
    if truth.ndim != 1 or scores.ndim not in (1, 2) or len(truth) != len(scores):
        raise UsageValueError(
            f"y_true of shape {truth.shape} does not fit y_probas of shape {scores.shape}"
        )
    if scores.dtype.kind not in "biuf" or numpy.isnan(scores).any():
        raise UsageValueError("y_probas must be numbers, and not NaN")
    found = numpy.unique(truth)
    if len(found) < 2:
        raise UsageValueError(f"y_true holds {len(found)} class; a curve needs two")
    if scores.ndim == 1 or scores.shape[1] == 1:
        if len(found) != 2:
            raise UsageValueError(f"y_true holds {len(found)} classes, y_probas one column")
        columns = [(found[1], scores.reshape(-1))]
    else:
        columns = list(zip(_classes(found, scores.shape[1]), scores.T, strict=True))
    wanted = None if classes_to_plot is None else [str(item) for item in classes_to_plot]
    for value, score in columns:
        name = _name(value, labels)
        if wanted is not None and name not in wanted and str(value) not in wanted:
            continue
        is_class = truth == value
        if is_class.any() and not is_class.all():
            yield name, is_class, score


def _classes(found: Any, count: int) -> Sequence[Any]:
    if found.dtype.kind in "biu" and int(found[0]) >= 0 and int(found[-1]) < count:
        return range(count)
    if len(found) != count:
        raise UsageValueError(f"y_true holds {len(found)} classes, y_probas {count} columns")
    return list(found)


def _name(value: Any, labels: Sequence[Any] | None) -> str:
    if labels is None or not hasattr(value, "__index__"):
        return str(value)
    index = int(value)
    if not 0 <= index < len(labels):
        raise UsageValueError(f"the class {index} has no name among {len(labels)} labels")
    return str(labels[index])


def _counted(is_class: Any, score: Any) -> tuple[Any, Any]:
    """Return (true positives, false positives) at each distinct score, from the highest down."""
    import numpy

    order = numpy.argsort(
        -score if score.dtype.kind == "f" else -score.astype(float), kind="stable"
    )
    truth, score = is_class[order], score[order]
    last = numpy.append(numpy.flatnonzero(score[1:] != score[:-1]), len(score) - 1)
    hits = numpy.cumsum(truth)[last]
    return hits, last + 1 - hits


def roc_points(is_class: Any, score: Any) -> tuple[Any, Any]:
    """Return (false positive rates, true positive rates), from (0, 0) to (1, 1).

    Points in the middle of a straight piece are left out.
    """
    import numpy

    hits, misses = _counted(is_class, score)
    hits, misses = numpy.append(0, hits), numpy.append(0, misses)
    bends = numpy.ones(len(hits), bool)
    bends[1:-1] = (numpy.diff(hits, 2) != 0) | (numpy.diff(misses, 2) != 0)
    kept = thinned(numpy.flatnonzero(bends))
    return misses[kept] / misses[-1], hits[kept] / hits[-1]


def pr_points(is_class: Any, score: Any, interp_size: int | None = None) -> tuple[Any, Any]:
    """Return (recalls, precisions), recall rising from 0, where precision is 1 by convention.

    With `interp_size`: that many recalls from 0 to 1 at equal distances, and the best precision that any
    threshold with at least this recall has.
    """
    import numpy

    hits, misses = _counted(is_class, score)
    recall = numpy.append(0, hits / hits[-1])
    precision = numpy.append(1, hits / (hits + misses))
    if interp_size is None:
        kept = thinned(numpy.arange(len(recall)))
        return recall[kept], precision[kept]
    best = numpy.maximum.accumulate(precision[::-1])[::-1]
    wanted = numpy.linspace(0, 1, interp_size)
    return wanted, best[numpy.searchsorted(recall, wanted, side="left").clip(max=len(best) - 1)]


def thinned(indices: Any) -> Any:
    """Return at most 1,000 of some points: first and last, and others at equal distances."""
    import numpy

    if len(indices) <= POINTS_MAX:
        return indices
    return indices[numpy.linspace(0, len(indices) - 1, POINTS_MAX).round().astype(int)]
