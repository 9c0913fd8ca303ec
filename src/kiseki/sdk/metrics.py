"""`define_metric`: checking what it was given (D-01 … D-10)."""

from __future__ import annotations

from typing import Any

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.record.types import Metric

RULES = ("min", "max", "mean", "last", "first", "best", "copy", "none")
GOALS = ("minimize", "maximize")


class DefinedMetric:
    """What `define_metric` returns; may be given as the `step_metric` of another.

    Attributes:
        name: the name it was defined under.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"DefinedMetric({self.name!r})"


def metric_record(
    name: Any,
    step_metric: Any = None,
    step_sync: Any = None,
    hidden: Any = None,
    summary: Any = None,
    goal: Any = None,
    overwrite: Any = None,
) -> Metric:
    """Return the record of one `define_metric` call.

    Raises:
        UsageValueError: empty name, `*` not at the end, unknown summary rule or goal (D-08).
        UsageTypeError: an argument of the wrong type.
    """
    _check_name("name", name)
    if isinstance(step_metric, DefinedMetric):
        step_metric = step_metric.name
    if step_metric is not None:
        _check_name("step_metric", step_metric)
        if step_metric.endswith("*"):
            raise UsageValueError(f"step_metric must be one metric, got {step_metric!r}")
    for what, flag in (("step_sync", step_sync), ("hidden", hidden), ("overwrite", overwrite)):
        if flag is not None and not isinstance(flag, bool):
            raise UsageTypeError(f"{what} must be True, False or None, got {flag!r}")
    return Metric(
        name=name,
        step_metric=step_metric,
        step_sync=True if step_sync is None and step_metric is not None else step_sync,
        hidden=hidden,
        summary=_rules(summary),
        goal=_goal(goal),
        overwrite=bool(overwrite),
    )


def _check_name(what: str, name: Any) -> None:
    if not isinstance(name, str):
        raise UsageTypeError(f"{what} must be text, got {name!r}")
    if not name:
        raise UsageValueError(f"{what} must not be empty")
    if "*" in name[:-1]:
        raise UsageValueError(f"{what}: * is allowed at the end only, got {name!r}")


def _rules(summary: Any) -> list[str] | None:
    if summary is None:
        return None
    if not isinstance(summary, str):
        raise UsageTypeError(f"summary must be text such as 'min,last', got {summary!r}")
    rules = [part.strip().lower() for part in summary.split(",") if part.strip()]
    for rule in rules:
        if rule not in RULES:
            raise UsageValueError(
                f"summary: unknown rule {rule!r}; one or more of {', '.join(RULES)}"
            )
    if not rules:
        raise UsageValueError("summary: no rule given")
    if len(rules) > 1 and ("none" in rules or "copy" in rules):
        raise UsageValueError(f"summary: 'none' and 'copy' stand alone, got {summary!r}")
    return list(dict.fromkeys(rules))


def _goal(goal: Any) -> str | None:
    if goal is None:
        return None
    if not isinstance(goal, str):
        raise UsageTypeError(f"goal must be text, got {goal!r}")
    if goal.lower() not in GOALS:
        raise UsageValueError(f"goal must be one of {', '.join(GOALS)}; got {goal!r}")
    return goal.lower()
