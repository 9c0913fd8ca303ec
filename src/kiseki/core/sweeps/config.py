"""The config of a sweep: what is searched, how, for what, and when to give a run up.

It is YAML text (kept as it came) or plain data, in the words of the official client: `method`, `metric`,
`parameters`, `early_terminate`, `run_cap`, `program`, `command`, `name`, `description`.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

import yaml

from kiseki.core.sweeps.early_stop import Hyperband, read_hyperband
from kiseki.core.sweeps.parameters import WHOLE_MAX, Parameter, once, read_parameter
from kiseki.errors import Invalid, TooLarge

CONFIG_BYTES_MAX = 256 * 1024
NODES_MAX = 50_000  # values in it, each counted wherever YAML refers to it
DEPTH_MAX = 20
PARAMETERS_MAX = 1_000
NAME_CHARS_MAX = 512
RUNS_MAX = 100_000  # of one sweep
WARNINGS_MAX = 20
TEXTS_KEPT = 64  # configs that stay parsed

Method = Literal["grid", "random", "bayes"]
Goal = Literal["minimize", "maximize"]

_TOP = frozenset({
    "method", "metric", "parameters", "early_terminate", "run_cap", "program", "command", "name",
    "description", "project", "entity", "controller", "$schema",
})  # fmt: skip
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Metric:
    """What a sweep is for. `target`: once a run reaches it, no other is begun."""

    name: str
    goal: Goal = "minimize"
    target: float | None = None

    def is_better(self, one: float, other: float) -> bool:
        return one < other if self.goal == "minimize" else one > other

    def is_reached(self, value: float) -> bool:
        return self.target is not None and not self.is_better(self.target, value)


@dataclass(frozen=True, slots=True)
class SweepConfig:
    """A checked config. `warnings` say what of it is not done, or probably not meant."""

    method: Method
    parameters: tuple[Parameter, ...]
    metric: Metric | None = None
    early_stop: Hyperband | None = None
    run_cap: int | None = None
    program: str = ""
    command: tuple[str, ...] = ()
    name: str = ""
    description: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def combinations(self) -> int | None:
        """How many there are of a grid's values; None: of no grid."""
        if self.method != "grid":
            return None
        return math.prod(parameter.count or 1 for parameter in self.parameters)

    @property
    def expected(self) -> int | None:
        """How many runs there will be; None: nobody knows."""
        bounds = [count for count in (self.combinations, self.run_cap) if count is not None]
        return min(bounds, default=None)


@lru_cache(TEXTS_KEPT)
def read_text(text: str) -> SweepConfig:
    """Return a config given as YAML (or JSON, which is YAML). Raises Invalid, TooLarge."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > CONFIG_BYTES_MAX:
        raise TooLarge(f"the sweep's config has {size:,} bytes; the limit is {CONFIG_BYTES_MAX:,}")
    try:
        found = yaml.load(text, _LOADER)
    # Whatever its constructors meet: a date of month 13, a number of 5,000 digits, a list as a key.
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Invalid(
            f"the sweep's config is not YAML: {str(error)[:300]}", code="config"
        ) from error
    return read(found)


def plain(found: Any) -> Any:
    """Return a copy of what YAML, or a program, made, as JSON can hold it. Raises Invalid, TooLarge."""
    return _Plain().copy(found, 0)


def read(found: Any) -> SweepConfig:
    """Return a config given as plain data. Raises Invalid, which names the parameter that is wrong."""
    found = plain(found)
    if not isinstance(found, dict):
        raise Invalid(
            "the sweep's config is no mapping: it has keys such as `method` and `parameters`",
            code="config",
        )
    warnings = [f"{key!r} is not known here, and left out" for key in found if key not in _TOP]
    method = found.get("method")
    if method not in ("grid", "random", "bayes"):
        raise Invalid(
            f"`method` must be one of grid, random, bayes, and is {str(method)[:80]!r}",
            code="method",
        )
    controller = found.get("controller")
    if isinstance(controller, dict) and controller.get("type") == "local":
        raise Invalid(
            "a local controller is not supported: leave `controller` out, and the server searches",
            code="controller",
        )
    parameters: list[Parameter] = []
    _read_parameters((), found.get("parameters"), parameters, warnings)
    metric = _metric(found.get("metric"))
    if method == "bayes" and metric is None:
        raise Invalid(
            "the method bayes needs `metric`, such as {name: val_loss, goal: minimize}",
            code="metric",
        )
    if method == "grid":
        for parameter in parameters:
            doubles = len(parameter.values) - len(parameter.distinct)
            if doubles:
                warnings.append(
                    f"parameter {parameter.name!r}: {doubles} values come twice, and count once"
                )
            if parameter.count is None:
                raise Invalid(
                    f"parameter {parameter.name!r}: a grid needs values that can be counted, and "
                    f"{parameter.distribution!r} has any number: list `values`, give a step `q`, or take the "
                    "method random or bayes",
                    code="parameter", parameter=parameter.name,
                )  # fmt: skip
    early = found.get("early_terminate")
    early_stop = None if early is None else read_hyperband(early)
    if early_stop is not None and metric is None:
        raise Invalid("`early_terminate` needs `metric`: what runs are compared by", code="metric")
    return SweepConfig(
        cast(Method, method),
        tuple(map(once, parameters)) if method == "grid" else tuple(parameters),
        metric,
        early_stop,
        _run_cap(found.get("run_cap")),
        _text(found, "program"),
        _command(found.get("command")),
        _text(found, "name"),
        _text(found, "description", 100_000),
        tuple(warnings[:WARNINGS_MAX]),
    )


class _Plain:
    """Copies what YAML made into plain data that JSON can hold, and counts it."""

    def __init__(self) -> None:
        self._nodes = 0

    def copy(self, value: Any, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise TooLarge(f"the sweep's config has more than {NODES_MAX:,} values")
        if depth > DEPTH_MAX:
            raise Invalid(
                f"the sweep's config is nested deeper than {DEPTH_MAX} levels", code="config"
            )
        if isinstance(value, Mapping):
            return {self._key(key): self.copy(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.copy(item, depth + 1) for item in value]
        if isinstance(value, (datetime.date, datetime.datetime)):
            return value.isoformat()
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > WHOLE_MAX:
            raise Invalid(
                "the sweep's config holds a whole number of more than 64 bits", code="config"
            )
        if isinstance(value, str):
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if value is None or isinstance(value, (bool, int, float)):
            return value
        raise Invalid(
            f"the sweep's config holds a {type(value).__name__}, which is no plain value",
            code="config",
        )

    def _key(self, key: Any) -> str:
        text = key if isinstance(key, str) else str(key)
        if not 0 < len(text) <= NAME_CHARS_MAX:
            raise Invalid(
                f"a key of the sweep's config has 1 to {NAME_CHARS_MAX} characters", code="config"
            )
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read_parameters(
    within: tuple[str, ...], found: Any, into: list[Parameter], warnings: list[str]
) -> None:
    where = ".".join((*within, "parameters"))
    if not isinstance(found, dict) or not found:
        raise Invalid(
            f"`{where}` must be a mapping of at least one name to what its values may be",
            code="parameters",
        )
    for name, one in found.items():
        path = (*within, name)
        if len(into) >= PARAMETERS_MAX:
            raise TooLarge(f"a sweep has at most {PARAMETERS_MAX:,} parameters")
        if not isinstance(one, dict):
            shown = ".".join(path)
            raise Invalid(
                f"parameter {shown!r}: write {{value: …}}, {{values: […]}} or {{min: …, max: …}} instead of "
                f"{str(one)[:60]!r}",
                code="parameter", parameter=shown,
            )  # fmt: skip
        if isinstance(one.get("parameters"), dict) and set(one) <= {"parameters", "distribution"}:
            _read_parameters(path, one["parameters"], into, warnings)
        else:
            into.append(read_parameter(path, one, warnings))


def _metric(found: Any) -> Metric | None:
    if found is None:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("name"), str) or not found["name"]:
        raise Invalid("`metric` needs a `name`: what your script logs", code="metric")
    goal = found.get("goal", "minimize")
    if goal not in ("minimize", "maximize"):
        raise Invalid(
            f"`metric.goal` must be minimize or maximize, and is {str(goal)[:80]!r}", code="metric"
        )
    target = found.get("target")
    is_number = isinstance(target, (int, float)) and not isinstance(target, bool)
    if target is not None and not (is_number and math.isfinite(target)):
        raise Invalid(
            f"`metric.target` must be a number, and is {str(target)[:80]!r}", code="metric"
        )
    return Metric(found["name"], cast(Goal, goal), None if target is None else float(target))


def _run_cap(found: Any) -> int | None:
    if found is None:
        return None
    if type(found) is not int or not 1 <= found <= RUNS_MAX:
        raise Invalid(
            f"`run_cap` must be a whole number from 1 to {RUNS_MAX:,}, and is {str(found)[:80]!r}",
            code="run_cap",
        )
    return found


def _text(found: Mapping[str, Any], key: str, most: int = 10_000) -> str:
    value = found.get(key)
    if value is None:
        return ""
    if not isinstance(value, (str, int, float)) or len(str(value)) > most:
        raise Invalid(f"`{key}` must be a text of at most {most:,} characters", code=key)
    return str(value)


def _command(found: Any) -> tuple[str, ...]:
    if found is None:
        return ()
    if isinstance(found, str):
        return (found,)
    if not isinstance(found, list) or not all(isinstance(one, (str, int, float)) for one in found):
        raise Invalid("`command` must be a list of texts", code="command")
    return tuple(map(str, found))
