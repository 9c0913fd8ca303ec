"""`define_metric` (D-*)."""

from __future__ import annotations

from typing import Any

import pytest

from kiseki.errors import Error, UsageError
from kiseki.sdk.metrics import DefinedMetric, metric_record


def test_what_it_records() -> None:  # D-04, D-05, D-06, D-10
    record = metric_record("loss", summary=" Min, LAST,min ", hidden=True, goal="Minimize")
    assert record.summary == ["min", "last"] and record.hidden is True and record.goal == "minimize"
    assert record.step_sync is None and record.overwrite is False
    record = metric_record("a*", step_metric=DefinedMetric("epoch"))
    assert record.step_metric == "epoch" and record.step_sync is True
    assert metric_record("a", step_metric="b", step_sync=False).step_sync is False
    assert metric_record("a", overwrite=True).overwrite is True


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": ""}, {"name": "a*b"}, {"name": "*a"}, {"name": 3}, {"name": "a", "summary": "median"},
        {"name": "a", "summary": 3}, {"name": "a", "summary": "none,min"}, {"name": "a", "summary": ","},
        {"name": "a", "step_metric": 3}, {"name": "a", "step_metric": ""},
        {"name": "a", "step_metric": "b*"}, {"name": "a", "hidden": "yes"},
        {"name": "a", "step_sync": 1}, {"name": "a", "goal": "up"}, {"name": "a", "goal": 1},
    ],
)  # fmt: skip
def test_what_is_refused(arguments: dict[str, Any]) -> None:  # D-08
    with pytest.raises(Error) as caught:
        metric_record(**arguments)
    assert isinstance(caught.value, UsageError)
