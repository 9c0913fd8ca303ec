r"""Expressions over the metrics of a run (ui-spec 5.7): text to tree, tree to points; nothing is run as code.

    1 - train/acc        ema(loss, 0.99) - loss        ${val loss} / ${train loss} * config.scale

    comparison = sum { ("<" | "<=" | ">" | ">=" | "==" | "!=") sum }
    sum        = product { ("+" | "-") product }       product = unary { ("*" | "/" | "%") unary }
    unary      = "-" unary | power                     power   = atom [ "**" unary ]
    atom       = number | name | function "(" … ")" | "(" comparison ")"
    name       = letter-led words joined by "." and, without spaces, "/"; or "${" anything "}"

So `a/b` is the metric of that name and `a / b` divides. Metrics are joined where they have the same step.
Functions over points (`ema`, `diff`, `cumsum`, `rolling`) see all points of what they are given, before any
join; values that are not finite pass through them as NaN and change nothing that comes later.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kiseki.errors import Invalid
from kiseki.storage.interface import Floats, Ints, Points

MARK = "="
"""What a metric that is an expression begins with: `= 1 - train/acc`."""

CHARS_MAX = 1_000
NODES_MAX = 200
DEPTH_MAX = 40
METRICS_MAX = 10
WINDOW_MAX = 100_000
WORK_MAX = 200_000_000  # values that the windows of one answer hold in all
WORK = {"mean": 0, "max": 1, "min": 1, "std": 2, "median": 5}  # what each of them costs
BLOCK = 4_000_000  # of them at a time

AXES = ("_step", "_runtime", "_timestamp")
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | \$\{(?P<quoted>(?:[^}\\]|\\.)+)\}
      | (?P<name>[^\W\d]\w*(?:\.\w+)*(?:/\w+(?:\.\w+)*)*)
      | (?P<sign>\*\*|<=|>=|==|!=|[-+*/%<>(),])""",
    re.VERBOSE | re.DOTALL,
)
HOWS = ("mean", "std", "max", "min", "median")


# ── the tree ──


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """A metric, an axis (`_step`), or `config.…` and `summary.…` of the run."""

    text: str

    @property
    def is_constant(self) -> bool:
        return self.text.startswith(("config.", "summary."))


@dataclass(frozen=True, slots=True)
class Apply:
    """A function or sign of one or more arguments; `how` is a word, of `rolling`."""

    function: str
    arguments: tuple[Node, ...]
    position: int
    how: str = "mean"


Node = Number | Name | Apply


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression, and what it needs."""

    root: Node
    metrics: tuple[str, ...]
    constants: tuple[str, ...]
    axes: tuple[str, ...]  # `_runtime` and `_timestamp` among its names
    is_local: bool  # a point depends on nothing but its own step


class _Token(NamedTuple):
    kind: str  # number, name, quoted, sign, end
    text: str
    start: int


# name → fewest and most arguments
_FUNCTIONS = {
    "ema": (2, 2), "diff": (1, 1), "cumsum": (1, 1), "rolling": (2, 2), "log": (1, 1), "log10": (1, 1),
    "exp": (1, 1), "abs": (1, 1), "sqrt": (1, 1), "clip": (3, 3), "min": (2, 20), "max": (2, 20),
    "if": (3, 3),
}  # fmt: skip
_OVER_POINTS = ("ema", "diff", "cumsum", "rolling")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def _refuse(message: str, token: _Token) -> NoReturn:
    raise Invalid(message, code="expression", position=token.start, token=token.text)


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0
        self.nodes = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.next
        self.at += token.kind != "end"
        return token

    def sign(self, *signs: str) -> _Token | None:
        return self.take() if self.next.kind == "sign" and self.next.text in signs else None

    def expect(self, sign: str, after: str) -> None:
        if self.sign(sign) is None:
            what = repr(self.next.text) if self.next.text else "the end"
            _refuse(f"{sign!r} is missing after {after}, before {what}", self.next)

    def node(self, node: Node, token: _Token) -> Node:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            _refuse(f"the expression has more than {NODES_MAX} parts", token)
        return node

    def chain(self, signs: Sequence[str], below: Callable[[int], Node], depth: int) -> Node:
        left = below(depth)
        while token := self.sign(*signs):
            left = self.node(Apply(token.text, (left, below(depth)), token.start), token)
        return left

    def whole(self, depth: int = 0) -> Node:
        if depth > DEPTH_MAX:
            _refuse(f"more than {DEPTH_MAX} levels of nesting", self.next)
        return self.chain(_COMPARISONS, self.sums, depth)

    def sums(self, depth: int) -> Node:
        return self.chain("+-", self.products, depth)

    def products(self, depth: int) -> Node:
        return self.chain("*/%", self.unary, depth)

    def unary(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            _refuse(f"more than {DEPTH_MAX} levels of nesting", self.next)
        if token := self.sign("-"):
            return self.node(Apply("neg", (self.unary(depth + 1),), token.start), token)
        base = self.atom(depth)
        if token := self.sign("**"):
            return self.node(Apply("**", (base, self.unary(depth + 1)), token.start), token)
        return base

    def atom(self, depth: int) -> Node:
        token = self.take()
        if token.kind == "number":
            return self.node(Number(float(token.text)), token)
        if token.kind == "quoted":
            return self.node(Name(token.text), token)
        if token.kind == "name":
            if self.sign("("):
                return self.function(token, depth)
            return self.node(Name(token.text), token)
        if token.text == "(":
            inner = self.whole(depth + 1)
            self.expect(")", "what stands in '('")
            return inner
        if token.kind == "end":
            _refuse("something is missing at the end", token)
        _refuse(f"{token.text!r} stands where a number, a metric or '(' is expected", token)

    def function(self, name: _Token, depth: int) -> Node:
        if name.text not in _FUNCTIONS:
            known = ", ".join(_FUNCTIONS)
            _refuse(f"there is no function {name.text!r}; there are {known}", name)
        least, most = _FUNCTIONS[name.text]
        arguments: list[Node] = []
        how = "mean"
        while not self.sign(")"):
            if arguments:
                self.expect(",", f"an argument of {name.text!r}")
            if name.text == "rolling" and len(arguments) == 2:
                how = self.how()
                self.expect(")", "the arguments of 'rolling'")
                break
            arguments.append(self.whole(depth + 1))
            if len(arguments) > most:
                break
        if not least <= len(arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            _refuse(f"{name.text!r} takes {wanted} arguments", name)
        if name.text in ("ema", "rolling"):
            self.check_setting(name, arguments[1])
        return self.node(Apply(name.text, tuple(arguments), name.start, how), name)

    def how(self) -> str:
        token = self.take()
        if token.text not in HOWS:
            _refuse(f"'rolling' gives {', '.join(HOWS)}, not {token.text!r}", token)
        return token.text

    def check_setting(self, name: _Token, node: Node) -> None:
        value = node.value if isinstance(node, Number) else math.nan
        if name.text == "ema" and not 0 <= value < 1:
            _refuse("the weight of 'ema' is a number from 0 up to, not with, 1", name)
        if name.text == "rolling" and not (value == int(value) if math.isfinite(value) else False):
            _refuse("'rolling' is over a whole number of points", name)
        if name.text == "rolling" and not 1 <= value <= WINDOW_MAX:
            _refuse(f"'rolling' is over 1 to {WINDOW_MAX:,} points", name)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            if text.startswith("${", at):
                _refuse("'${' is never closed, or names nothing", _Token("sign", "${", at))
            _refuse(f"unexpected {text[at]!r}", _Token("sign", text[at], at))
        kind = str(found.lastgroup)
        if kind == "quoted":
            yield _Token(kind, re.sub(r"\\([}\\])", r"\1", found["quoted"]), at)
        elif kind != "space":
            yield _Token(kind, found[0], at)
        at = found.end()
    yield _Token("end", "", len(text))


@lru_cache(maxsize=1_000)
def parse(text: str) -> Expression:
    """Return the tree of an expression.

    Raises:
        Invalid: code `expression`; `extra` names `position` (character offset) and `token`.
    """
    if len(text) > CHARS_MAX:
        end = _Token("end", "", CHARS_MAX)
        _refuse(f"the expression is longer than {CHARS_MAX:,} characters", end)
    parser = _Parser(text)
    root = parser.whole()
    rest = parser.next
    if rest.kind != "end":
        _refuse(f"{rest.text!r} is one too many: an operator is missing before it", rest)
    names = dict.fromkeys(node.text for node in _walk(root) if isinstance(node, Name))
    constants = tuple(name for name in names if Name(name).is_constant)
    metrics = tuple(name for name in names if name not in AXES and name not in constants)
    if not metrics:
        _refuse("the expression names no metric", _Token("end", "", 0))
    if len(metrics) > METRICS_MAX:
        _refuse(f"the expression names more than {METRICS_MAX} metrics", _Token("end", "", 0))
    applied = [node for node in _walk(root) if isinstance(node, Apply)]
    for node in applied:
        if node.function in _OVER_POINTS and not _has_metric(node.arguments[0]):
            token = _Token("name", node.function, node.position)
            _refuse(f"{node.function!r} needs a metric to go over", token)
    return Expression(
        root, metrics, constants, tuple(name for name in AXES[1:] if name in names),
        not any(node.function in _OVER_POINTS for node in applied),
    )  # fmt: skip


def _walk(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Apply):
        for argument in node.arguments:
            yield from _walk(argument)


def _has_metric(node: Node) -> bool:
    return any(
        isinstance(one, Name) and one.text not in AXES and not one.is_constant
        for one in _walk(node)
    )


def of_metric(metric: str) -> Expression | None:
    """Return the expression that a metric of a request is; None for what was logged. Raises Invalid."""
    return parse(metric[len(MARK) :]) if metric.startswith(MARK) else None


# ── the points ──


class _Axis:
    """Something that has a value at any step."""

    def __init__(self, at: Callable[[Ints], Floats]) -> None:
        self.at = at


_Value = float | _Axis | Points


class Work:
    """What is left of the work that one answer may be."""

    def __init__(self, left: int = WORK_MAX) -> None:
        self.left = left


def evaluate(
    expression: Expression,
    points: Mapping[str, Points],
    constants: Mapping[str, float],
    times: Mapping[str, Points] | None = None,
    work: Work | None = None,
) -> Points:
    """Return the points of an expression; their x is that of the first metric it joins.

    Args:
        points: of each of its metrics.
        constants: the numbers under its `config.…` and `summary.…` keys, NaN where there is none.
        times: by `_runtime` and `_timestamp`, points whose x is that axis, at every step of the metrics.

    Raises:
        Invalid: the windows of `rolling` hold more values than there is work left.
    """
    with np.errstate(all="ignore"):
        value = _Evaluator(points, constants, times or {}, work or Work()).value(expression.root)
    assert isinstance(value, Points)
    return value


class _Evaluator:
    def __init__(
        self,
        points: Mapping[str, Points],
        constants: Mapping[str, float],
        times: Mapping[str, Points],
        work: Work,
    ) -> None:
        self._points = points
        self._constants = constants
        self._times = times
        self._work = work

    def value(self, node: Node) -> _Value:
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Name):
            return self._named(node)
        if node.function in _OVER_POINTS:
            given = self.value(node.arguments[0])
            assert isinstance(given, Points)
            return self._over_points(node, given)
        return _joined(_ELEMENTWISE[node.function], [self.value(one) for one in node.arguments])

    def _named(self, name: Name) -> _Value:
        if name.is_constant:
            return self._constants.get(name.text, math.nan)
        if name.text == "_step":
            return _Axis(lambda steps: steps.astype(np.float64))
        if name.text in AXES:
            table = self._times[name.text]
            return _Axis(lambda steps: table.x[np.searchsorted(table.steps, steps)])
        return self._points[name.text]

    def _over_points(self, node: Apply, given: Points) -> Points:
        y = np.where(np.isfinite(given.values), given.values, np.nan)
        if node.function == "diff":
            return Points(given.steps[1:], np.diff(y), given.x[1:])
        if node.function == "cumsum":
            sums = np.cumsum(np.where(np.isnan(y), 0.0, y))
            return Points(given.steps, np.where(np.isnan(y), np.nan, sums), given.x)
        setting = node.arguments[1]
        assert isinstance(setting, Number)
        if node.function == "ema":
            return Points(given.steps, _ema(y, setting.value), given.x)
        window = int(setting.value)
        self._work.left -= min(window, len(y)) * len(y) * WORK[node.how]
        if self._work.left < 0:
            token = _Token("name", "rolling", node.position)
            text = f"'rolling' over {window:,} points takes too long here"
            _refuse(f"{text}: choose a smaller window, fewer runs, or the mean", token)
        return Points(given.steps, _rolling(y, window, node.how), given.x)


def _joined(function: Callable[..., Any], values: Sequence[_Value]) -> _Value:
    """Return a function of values where all of them have one."""
    held = [value for value in values if isinstance(value, Points)]
    if held:
        steps = held[0].steps
        if any(one.steps is not steps and not np.array_equal(one.steps, steps) for one in held[1:]):
            steps = reduce(np.intersect1d, [one.steps for one in held])

        def column(value: _Value) -> Any:
            if isinstance(value, Points):
                same = len(value.steps) == len(steps)
                return value.values if same else value.values[np.searchsorted(value.steps, steps)]
            return value.at(steps) if isinstance(value, _Axis) else value

        y = np.broadcast_to(np.asarray(function(*map(column, values)), np.float64), steps.shape)
        first = held[0]
        same = len(first.steps) == len(steps)
        x = first.x if same else first.x[np.searchsorted(first.steps, steps)]
        return Points(steps, y, x)
    if any(isinstance(value, _Axis) for value in values):
        return _Axis(
            lambda steps: np.asarray(
                function(*(one.at(steps) if isinstance(one, _Axis) else one for one in values)),
                np.float64,
            )
        )
    return float(function(*values))


def _truth(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a comparison as 0 and 1; NaN of what is NaN."""

    def compared(a: Any, b: Any) -> Any:
        return np.where(np.isnan(a) | np.isnan(b), np.nan, function(a, b))

    return compared


def _choice(condition: Any, a: Any, b: Any) -> Any:
    return np.where(np.isnan(condition), np.nan, np.where(np.asarray(condition) != 0, a, b))


_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.mod, "**": np.float_power,
    "neg": np.negative, "log": np.log, "log10": np.log10, "exp": np.exp, "abs": np.abs, "sqrt": np.sqrt,
    "<": _truth(np.less), "<=": _truth(np.less_equal), ">": _truth(np.greater),
    ">=": _truth(np.greater_equal), "==": _truth(np.equal), "!=": _truth(np.not_equal),
    "min": lambda *values: reduce(np.minimum, values), "max": lambda *values: reduce(np.maximum, values),
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high), "if": _choice,
}  # fmt: skip


def _ema(y: Floats, weight: float) -> Floats:
    """Return s ← w·s + (1 − w)·y, shown s / (1 − wⁿ)."""
    found = np.full(len(y), math.nan)
    state, kept = 0.0, 1.0
    for at, value in enumerate(y.tolist()):
        if value == value:
            state = weight * state + (1 - weight) * value
            kept *= weight
            found[at] = state / (1 - kept)
    return found


def _rolling(y: Floats, window: int, how: str) -> Floats:
    """Return a statistic of the last `window` points at each point, of fewer at the beginning."""
    if not len(y):
        return y
    window = min(window, len(y))
    padded = np.concatenate((np.full(window - 1, math.nan), y))
    if how == "mean":
        return _rolling_mean(padded, window)
    statistic = {"max": np.fmax.reduce, "min": np.fmin.reduce}.get(how)
    found = np.empty(len(y))
    views = sliding_window_view(padded, window)
    step = max(1, BLOCK // window)
    for start in range(0, len(y), step):
        part = views[start : start + step]
        if statistic is not None:
            found[start : start + step] = statistic(part, axis=1)
        else:
            found[start : start + step] = _spread(part) if how == "std" else _median(part)
    return found


def _rolling_mean(padded: Floats, window: int) -> Floats:
    has = ~np.isnan(padded)
    centre = float(np.median(padded[has])) if has.any() else 0.0
    sums = np.concatenate(([0.0], np.cumsum(np.where(has, padded - centre, 0.0))))
    counts = np.concatenate(([0], np.cumsum(has)))
    n = counts[window:] - counts[:-window]
    mean = (sums[window:] - sums[:-window]) / np.maximum(n, 1) + centre
    return np.where(n > 0, mean, math.nan)


def _spread(part: Floats) -> Floats:
    """Return the deviation of the sample of each row, 0 of a single number."""
    n = np.count_nonzero(~np.isnan(part), axis=1)
    mean = np.nansum(part, axis=1) / np.maximum(n, 1)
    squares = np.nansum((part - mean[:, None]) ** 2, axis=1)
    found: Floats = np.where(n > 0, np.sqrt(squares / np.maximum(n - 1, 1)), math.nan)
    return found


def _median(part: Floats) -> Floats:
    n = np.count_nonzero(~np.isnan(part), axis=1)
    ordered = np.sort(part, axis=1)
    row = np.arange(len(part))
    low, high = np.maximum(n - 1, 0) // 2, n // 2
    high = np.minimum(high, part.shape[1] - 1)
    found: Floats = np.where(n > 0, (ordered[row, low] + ordered[row, high]) / 2, math.nan)
    return found
