"""When to give a run up: Hyperband, by brackets of how often the metric was logged.

A run that has reached a bracket is compared with all that have: unless it is among the best 1/η of them it is
stopped, so the best one never is.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kiseki.errors import Invalid

ITERATIONS_MAX = 1_000_000_000
ETA_DEFAULT = 3.0

Run = TypeVar("Run", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Hyperband:
    """After how many values of the metric runs are compared.

    Attributes:
        brackets: ascending.
        eta: of the runs that reach a bracket one in so many goes on.
        strict: a run is judged by what it had at the bracket; else also by what it reached since.
    """

    brackets: tuple[int, ...]
    eta: float = ETA_DEFAULT
    strict: bool = False


def read_hyperband(found: Any) -> Hyperband:
    """Return `early_terminate` of a config. Raises Invalid."""
    if not isinstance(found, dict) or found.get("type") != "hyperband":
        raise _fault("`type` must be hyperband")
    known = ("type", "min_iter", "max_iter", "s", "eta", "strict")
    unknown = [key for key in found if key not in known]
    if unknown:
        raise _fault(f"{unknown[0]!r} is not known; allowed are {', '.join(known)}")
    eta = found.get("eta", ETA_DEFAULT)
    if isinstance(eta, bool) or not isinstance(eta, (int, float)) or not 1 < eta <= 1_000:
        raise _fault(f"`eta` must be a number above 1, and is {str(eta)[:80]!r}")
    strict = found.get("strict", False)
    if not isinstance(strict, bool):
        raise _fault(f"`strict` must be true or false, and is {str(strict)[:80]!r}")
    if ("min_iter" in found) == ("max_iter" in found):
        raise _fault("give either `min_iter`, or `max_iter` with `s`")
    if "min_iter" in found:
        if "s" in found:
            raise _fault("`s` goes with `max_iter`, not with `min_iter`")
        brackets = _upwards(_whole(found, "min_iter"), eta)
    else:
        brackets = _downwards(_whole(found, "max_iter"), _whole(found, "s"), eta)
    return Hyperband(brackets, float(eta), strict)


def _upwards(first: int, eta: float) -> tuple[int, ...]:
    brackets, at = [first], float(first)
    while (at := at * eta) <= ITERATIONS_MAX:
        if int(at) > brackets[-1]:
            brackets.append(int(at))
        if len(brackets) >= 200:
            break
    return tuple(brackets)


def _downwards(last: int, count: int, eta: float) -> tuple[int, ...]:
    found = [int(last / eta**power) for power in range(1, min(count, 200) + 1) if eta**power < 1e12]
    brackets = tuple(sorted({one for one in found if one >= 1}))
    if not brackets:
        raise _fault(f"`max_iter` {last} is too small for `s` {count}: there is no bracket")
    return brackets


def _whole(found: Mapping[str, Any], key: str) -> int:
    value = found.get(key)
    if value is None:
        raise _fault(f"`{key}` is missing")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not 1 <= value <= ITERATIONS_MAX:
        raise _fault(f"`{key}` must be a whole number from 1, and is {str(value)[:80]!r}")
    return value


def _fault(text: str) -> Invalid:
    return Invalid(f"`early_terminate`: {text}", code="early_terminate")


def best_so_far(values: Sequence[float], bracket: int, *, smallest: bool) -> float:
    """Return the best of the first values of a metric; NaN counts as the worst there is."""
    worst = math.inf if smallest else -math.inf
    found = [value for value in values[:bracket] if not math.isnan(value)]
    return (min if smallest else max)(found, default=worst)


def losers(
    hyperband: Hyperband,
    running: Mapping[Run, tuple[int, float]],
    at: Mapping[Run, Mapping[int, float]],
    *,
    smallest: bool,
) -> list[Run]:
    """Return the running runs that are to be stopped.

    Args:
        running: of each, how many values its metric has, and the best of all of them.
        at: of each run, running or not, the best that it had at each bracket it reached.
        smallest: whether smaller is better.
    """
    of_bracket: dict[int, list[float]] = {}
    for bests in at.values():
        for bracket, best in bests.items():
            of_bracket.setdefault(bracket, []).append(best)
    # Fewer than that are too few to say who is bad.
    compared = {bracket for bracket, bests in of_bracket.items() if len(bests) >= hyperband.eta}
    worst = math.inf if smallest else -math.inf
    found: list[Run] = []
    for run, (count, best) in running.items():
        own = at.get(run, {})
        # Rows come in batches: a run may be far beyond the last bracket that others reached.
        bracket = max((one for one in own if one in compared and one <= count), default=0)
        if not bracket:
            continue
        others = sorted(of_bracket[bracket], reverse=not smallest)
        threshold = others[max(1, int(len(others) / hyperband.eta)) - 1]
        judged = own[bracket] if hyperband.strict else best
        is_worse = judged > threshold if smallest else judged < threshold
        if is_worse or judged == worst:
            found.append(run)
    return found
