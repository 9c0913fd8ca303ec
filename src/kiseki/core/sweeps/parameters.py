"""One parameter of a sweep: what values it may have, and how likely each is.

Every parameter is a map of the unit interval onto its values (`at`), and back (`place`): a random search
draws the number, a Bayesian one works in the unit cube, a grid counts (`count`, `choice`).
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from statistics import NormalDist
from typing import Any

from kiseki.errors import Invalid

WHOLE_MAX = 2**63 - 1
EXPONENT_MAX = 700.0  # of e, so that the result is a number
CHOICES_MAX = 10_000  # listed values of one parameter
_EDGE = 1e-9  # how far from 0 and 1 a tail is cut

_BOUNDED = frozenset({
    "uniform", "int_uniform", "log_uniform", "log_uniform_values", "inv_log_uniform",
    "inv_log_uniform_values",
})  # fmt: skip
_UNBOUNDED = frozenset({"normal", "log_normal"})
_QUANTISED = frozenset({
    "uniform", "log_uniform", "log_uniform_values", "normal", "log_normal", "beta",
})  # fmt: skip
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "constant": ("value",),
    "categorical": ("values",),
    "categorical_w_probabilities": ("values", "probabilities"),
    **{name: ("min", "max") for name in _BOUNDED},
    **{name: ("mu", "sigma") for name in _UNBOUNDED},
    "beta": ("a", "b"),
}
DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    **_ALLOWED,
    **{f"q_{name}": (*_ALLOWED[name], "q") for name in _QUANTISED},
}
"""Every distribution, with the keys that go with it."""

_KEYS = (
    "distribution", "value", "values", "probabilities", "min", "max", "mu", "sigma", "a", "b", "q",
)  # fmt: skip
_DEFAULTS = {"mu": 0.0, "sigma": 1.0, "q": 1, "a": 1.0, "b": 1.0}
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Parameter:
    """A parameter. `path` leads to it through nested ones; `given` is what its config says, completed.

    Attributes:
        values: those that are listed; one for a constant, none where there are bounds or a bell.
        weights: their probabilities; empty: all the same.
    """

    path: tuple[str, ...]
    distribution: str
    given: Mapping[str, Any]
    values: tuple[Any, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @cached_property
    def _base(self) -> str:
        return self.distribution.removeprefix("q_")

    @cached_property
    def _sums(self) -> list[float]:
        return list(accumulate(self.weights))

    @cached_property
    def bounds(self) -> tuple[float, float] | None:
        """The smallest and largest value there may be, before they are made whole."""
        if self._base == "beta":
            return 0.0, 1.0
        if self._base not in _BOUNDED:
            return None
        low, high = self.given["min"], self.given["max"]
        if self._base == "log_uniform":
            return math.exp(low), math.exp(high)
        if self._base == "inv_log_uniform":
            return math.exp(-high), math.exp(-low)
        return low, high

    @cached_property
    def _steps(self) -> tuple[int, int] | None:
        """The first and last multiple of `q` (of 1 for whole numbers) within the bounds."""
        if self.bounds is None or not self.is_stepped:
            return None
        low, high = self.bounds
        if self.distribution == "int_uniform":
            return int(low), int(high)
        q = self.given["q"]
        return math.ceil(low / q - 1e-9), math.floor(high / q + 1e-9)

    @property
    def is_stepped(self) -> bool:
        return self.distribution.startswith("q_") or self.distribution == "int_uniform"

    # ── counting ──

    @property
    def distinct(self) -> tuple[Any, ...]:
        """The listed values, each once."""
        return tuple({json.dumps(one, sort_keys=True): one for one in self.values}.values())

    @property
    def count(self) -> int | None:
        """How many values there are; None: too many to count."""
        if self.values:
            return len(self.values)
        if self._steps is None:
            return None
        first, last = self._steps
        return last - first + 1

    def choice(self, index: int) -> Any:
        """Return one of the `count` values."""
        if self.values:
            return self.values[index]
        assert self._steps is not None
        return self._step(self._steps[0] + index)

    def _step(self, number: int) -> int | float:
        if self.distribution == "int_uniform":
            return number
        q = self.given["q"]
        # 3 × 0.1 is 0.3 to whoever wrote 0.1.
        return number * q if isinstance(q, int) else float(f"{number * q:.12g}")

    # ── the unit interval ──

    def at(self, unit: float) -> Any:
        """Return the value at a number from 0 to 1: evenly drawn numbers give the distribution."""
        if self.values:
            return self.values[self._listed_at(unit)]
        if self.distribution == "int_uniform":
            first, last = self.given["min"], self.given["max"]
            return min(last, first + int(unit * (last - first + 1)))
        value = self._smooth(unit)
        if not self.is_stepped:
            return value
        number = round(value / self.given["q"])
        if self._steps is not None:
            number = min(max(number, self._steps[0]), self._steps[1])
        return self._step(number)

    def _listed_at(self, unit: float) -> int:
        if not self.weights:
            return min(len(self.values) - 1, int(unit * len(self.values)))
        place = bisect_right(self._sums, unit * self._sums[-1])
        # At the very end, and never a value of probability 0.
        place = min(place, len(self.values) - 1)
        while not self.weights[place]:
            place -= 1
        return place

    def _smooth(self, unit: float) -> float:
        if self._base in _UNBOUNDED:
            bell = NormalDist(self.given["mu"], self.given["sigma"])
            value = bell.inv_cdf(min(max(unit, _EDGE), 1 - _EDGE))
            return _exp(value) if self._base == "log_normal" else value
        if self._base == "beta":
            return _beta_at(self.given["a"], self.given["b"], unit)
        assert self.bounds is not None
        low, high = self.bounds
        if self._base == "uniform":
            value = low + unit * (high - low)
        else:
            value = _exp(math.log(low) + unit * (math.log(high) - math.log(low)))
        return min(max(float(value), float(low)), float(high))

    def place(self, value: Any) -> float:
        """Return where in the unit interval a value is. Raises ValueError: it is none of these."""
        if self.values:
            index = self.index_of(value)
            return (index + 0.5) / len(self.values)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{value!r} is no number")
        if self._base in _UNBOUNDED:
            if self._base == "log_normal":
                if value <= 0:
                    return 0.0
                value = math.log(value)
            return NormalDist(self.given["mu"], self.given["sigma"]).cdf(value)
        if self._base == "beta":
            return _beta_below(self.given["a"], self.given["b"], min(max(value, 0.0), 1.0))
        assert self.bounds is not None
        low, high = self.bounds
        if self.distribution == "int_uniform":
            return min(max((value - low + 0.5) / (high - low + 1), 0.0), 1.0)
        if low == high:
            return 0.5
        if self._base != "uniform":
            value = max(value, low)
            low, high, value = math.log(low), math.log(high), math.log(value)
        return float(min(max((value - low) / (high - low), 0.0), 1.0))

    def index_of(self, value: Any) -> int:
        """Return which of the listed values one is. Raises ValueError."""
        for index, one in enumerate(self.values):
            if one == value and isinstance(one, bool) == isinstance(value, bool):
                return index
        raise ValueError(f"{value!r} is none of the values")


def _exp(value: float) -> float:
    return math.exp(min(max(value, -EXPONENT_MAX), EXPONENT_MAX))


def _beta_at(a: float, b: float, unit: float) -> float:
    """Return the value below which a beta distribution has this much."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _beta_below(a, b, middle) < unit:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_below(a: float, b: float, x: float) -> float:
    """Return how much of a beta distribution is below x: the continued fraction of Lentz."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta_below(b, a, 1.0 - x)
    lead = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(lead + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    d = 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    c, total = 1.0, d
    for m in range(1, 300):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + part * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + part / c
            c = c if abs(c) > tiny else tiny
            total *= d * c
        if abs(d * c - 1.0) < 1e-12:
            break
    return min(1.0, front * total)


def once(parameter: Parameter) -> Parameter:
    """Return a parameter without values that are listed twice, as a grid takes it."""
    if len(parameter.distinct) == len(parameter.values):
        return parameter
    given = {**parameter.given, "values": list(parameter.distinct)}
    return Parameter(parameter.path, "categorical", given, parameter.distinct)


# ── reading ──


def read_parameter(
    path: tuple[str, ...], found: Mapping[str, Any], warnings: list[str]
) -> Parameter:
    """Return a parameter of a config. Raises Invalid, which names it and what is allowed."""
    reader = _Reader(path, found, warnings)
    unknown = [key for key in found if key not in _KEYS]
    if unknown:
        raise reader.fault(f"{unknown[0]!r} is not known; allowed are {', '.join(_KEYS)}")
    distribution = reader.distribution()
    allowed = DISTRIBUTIONS[distribution]
    extra = [key for key in found if key != "distribution" and key not in allowed]
    if extra:
        raise reader.fault(
            f"{extra[0]!r} does not go with the distribution {distribution!r}, which takes "
            + ", ".join(allowed)
        )
    if distribution == "constant":
        if "value" not in found:
            raise reader.fault("a constant needs `value`")
        return Parameter(path, distribution, {"value": found["value"]}, (found["value"],))
    if distribution.startswith("categorical"):
        return reader.listed(distribution)
    given: dict[str, Any] = {key: reader.number(key) for key in allowed}
    if "min" in given:
        reader.check_bounds(distribution, given)
    for key in ("sigma", "q", "a", "b"):
        if key in given and not given[key] > 0:
            raise reader.fault(f"`{key}` must be above 0, and is {given[key]!r}")
    if any(abs(given[key]) > 1e6 or given[key] < 1e-6 for key in ("a", "b") if key in given):
        raise reader.fault("`a` and `b` must be between 0.000001 and 1000000")
    made = Parameter(path, distribution, given)
    if made.count is not None and made.count < 1:
        raise reader.fault(f"no multiple of q={given['q']!r} lies between its bounds")
    return made


class _Reader:
    def __init__(
        self, path: tuple[str, ...], found: Mapping[str, Any], warnings: list[str]
    ) -> None:
        self.name = ".".join(path)
        self.path, self.found, self.warnings = path, found, warnings

    def fault(self, text: str) -> Invalid:
        return Invalid(f"parameter {self.name!r}: {text}", code="parameter", parameter=self.name)

    def distribution(self) -> str:
        found = self.found
        named = found.get("distribution")
        if named is not None:
            if not isinstance(named, str) or named not in DISTRIBUTIONS:
                raise self.fault(
                    f"the distribution {named!r} is not known; allowed are "
                    + ", ".join(sorted(DISTRIBUTIONS))
                )
            return named
        if "value" in found:
            return "constant"
        if "values" in found:
            has_odds = found.get("probabilities") is not None
            return "categorical_w_probabilities" if has_odds else "categorical"
        if "min" in found or "max" in found:
            whole = all(type(found.get(key)) is int for key in ("min", "max"))
            if "q" in found:
                return "q_uniform"
            return "int_uniform" if whole else "uniform"
        if "mu" in found or "sigma" in found:
            return "q_normal" if "q" in found else "normal"
        if "a" in found or "b" in found:
            return "q_beta" if "q" in found else "beta"
        raise self.fault(
            "it says nothing of its values: give `value`, `values`, or `min` and `max`"
        )

    def number(self, key: str) -> int | float:
        value = self.found.get(key, _DEFAULTS.get(key))
        if value is None:
            raise self.fault(f"`{key}` is missing")
        if isinstance(value, str):  # YAML takes 1e-3, without a point, for a text
            try:
                number: int | float = float(value)
            except ValueError:
                raise self.fault(f"`{key}` must be a number, and is {value[:80]!r}") from None
            self.warnings.append(
                f"parameter {self.name!r}: `{key}` is the text {value[:40]!r}, taken as the number "
                f"{number!r}; YAML wants a point in it, such as 1.0e-3"
            )
            value = number
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.fault(f"`{key}` must be a number, and is {str(value)[:80]!r}")
        if abs(value) > WHOLE_MAX if isinstance(value, int) else not math.isfinite(value):
            raise self.fault(f"`{key}` must be a finite number of at most 64 bits")
        return value

    def check_bounds(self, distribution: str, given: dict[str, Any]) -> None:
        low, high = given["min"], given["max"]
        if distribution == "int_uniform":
            for key in ("min", "max"):
                if given[key] != int(given[key]):
                    raise self.fault(f"`{key}` must be a whole number, and is {given[key]!r}")
                given[key] = int(given[key])
        if low > high:
            raise self.fault(f"`min` ({low!r}) is above `max` ({high!r})")
        if distribution.endswith("_values") and low <= 0:
            raise self.fault(f"`min` must be above 0 for {distribution!r}, and is {low!r}")
        if distribution.endswith("log_uniform") and max(abs(low), abs(high)) > EXPONENT_MAX:
            raise self.fault(
                f"`min` and `max` of {distribution!r} are exponents of e, within ±{EXPONENT_MAX:.0f}; for "
                f"the values themselves write {distribution + '_values'!r}"
            )
        if not math.isfinite(float(high) - float(low)):
            raise self.fault("`min` and `max` are too far from each other")

    def listed(self, distribution: str) -> Parameter:
        values = self.found.get("values")
        if not isinstance(values, Sequence) or isinstance(values, str) or not values:
            raise self.fault("`values` must be a list of at least one value")
        if len(values) > CHOICES_MAX:
            raise self.fault(f"{len(values):,} values; the limit is {CHOICES_MAX:,}")
        for value in values:
            if isinstance(value, str) and _spells_exponent(value):
                self.warnings.append(
                    f"parameter {self.name!r}: the value {value[:40]!r} is a text, not a number; YAML wants "
                    "a point in it, such as 1.0e-3"
                )
        given: dict[str, Any] = {"values": list(values)}
        odds = self.found.get("probabilities")
        if odds is None:
            if distribution == "categorical_w_probabilities":
                raise self.fault("`probabilities` is missing")
            return Parameter(self.path, distribution, given, tuple(values))
        if not isinstance(odds, Sequence) or isinstance(odds, str) or len(odds) != len(values):
            raise self.fault(
                f"`probabilities` must be a list of {len(values)} numbers, one for each value"
            )
        for one in odds:
            if isinstance(one, bool) or not isinstance(one, (int, float)) or not 0 <= one <= 1:
                raise self.fault(
                    f"`probabilities` must be numbers from 0 to 1, and {str(one)[:40]} is none"
                )
        if not math.isclose(sum(odds), 1.0, abs_tol=0.01):
            raise self.fault(f"`probabilities` must add up to 1, and add up to {sum(odds):.6g}")
        given["probabilities"] = list(odds)
        return Parameter(self.path, distribution, given, tuple(values), tuple(map(float, odds)))


def _spells_exponent(text: str) -> bool:
    if not text[:1].isdigit() or "e" not in text.lower() or len(text) > 30:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True
