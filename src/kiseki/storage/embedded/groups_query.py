"""Runs in groups: those with the same values under some keys, and what their numbers amount to.

SQL finds and orders the runs and reads whole columns; the grouping is arithmetic on arrays, since exact means
and deviations need every value anyway, and a join of as many cells is slower than reading them.

    numbers of the runs, in order ──► codes of their values, key by key ──► groups ──► a page of them
                                      (of several tags: the run repeated)
"""

from __future__ import annotations

import itertools
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, and_, case, literal, select

from kiseki.storage.embedded import tables
from kiseki.storage.embedded.meta_save import slices
from kiseki.storage.embedded.runs_query import (
    arrayed,
    column_of,
    find_columns,
    listed,
    path_numbers,
)
from kiseki.storage.filters import ATTRIBUTES, Filter, Key, SortKey
from kiseki.storage.interface import Floats, GroupValue, Ints, RunGroup, RunGroups, Spread

_run = tables.run.c
_cell = tables.run_cell.c
_NONE = 0  # the code of runs without a value
_STATE = "state, by place"  # a column that is no attribute's


def find_groups(
    connection: Connection,
    project: int,
    by: Sequence[Key],
    columns: Sequence[Key] = (),
    where: Filter | None = None,
    order: Sequence[SortKey] = (),
    *,
    user: str = "",
    now_us: int = 0,
    offset: int = 0,
    limit: int = 200,
    members: int = 0,
) -> RunGroups:
    """Return a page of groups. The rules are those of `MetaStore.group_runs`."""
    keys = [*by, *columns]
    states = connection.scalars(select(_run.state).distinct().order_by(_run.state)).all()
    attributes = {_STATE: _places_of(states), "color": _run.color} | {
        key.path: column_of(key.path) for key in keys if key.space == "run"
    }
    total, held = find_columns(
        connection, project, attributes, where, order, user=user, now_us=now_us,
        whole=(_STATE, "color"),
    )  # fmt: skip
    numbers = held["number"]
    matching = len(numbers)
    if not matching:
        return RunGroups(total, 0, 0, ())
    source = _Source(connection, held, states, path_numbers(connection, project, keys))
    grouped = _group([source.codes(key) for key in by], len(numbers))
    page = grouped.order[offset : offset + limit]
    ids = source.ids([grouped.runs_of(group)[:members] for group in page])
    values = [source.numbers_of(key) for key in columns]
    found = tuple(
        RunGroup(
            values=grouped.values_of(group),
            runs=len(runs := grouped.runs_of(group)),
            states=source.states_of(runs),
            color=int(source.colors[runs].min()),
            members=tuple(ids[runs[:members]].tolist()),
            spreads=tuple(_spread(column[runs]) for column in values),
        )
        for group in page
    )
    return RunGroups(total, matching, len(grouped.order), found)


def find_values(
    connection: Connection, project: int, runs: Sequence[int], keys: Sequence[Key]
) -> list[tuple[GroupValue, ...]]:
    """Return what runs hold under keys. The rules are those of `MetaStore.values`."""
    paths = path_numbers(connection, project, keys)
    places: dict[int, list[int]] = {}
    for at, key in enumerate(keys):
        places.setdefault(paths[key], []).append(at)
    found: dict[int, list[GroupValue]] = {run: [None] * len(keys) for run in runs}
    for some in slices(list(found)):
        query = select(_cell.run, _cell.path, _cell.num, _cell.text).where(
            _cell.path.in_(list(places)), _cell.run.in_(some)
        )
        for run, path, num, text in connection.execute(query):
            for at in places[path]:
                found[run][at] = _cell_value(num, text)
    return [tuple(found[run]) for run in runs]


@dataclass(frozen=True, slots=True)
class _Codes:
    """The values of one key: of run `i` those at `starts[i]` and the `counts[i] - 1` behind it."""

    values: list[GroupValue]  # by code
    flat: Ints
    starts: Ints
    counts: Ints


@dataclass(frozen=True, slots=True)
class _Grouped:
    """Groups by number, and in which order they come: that of their first runs."""

    keys: Sequence[_Codes]
    codes: Sequence[Ints]  # key by key, of every place
    places: Ints  # of runs in the list; a run of several tags stands there several times
    by_group: Ints  # places, group by group
    bounds: Ints
    order: list[int]

    def runs_of(self, group: int) -> Ints:
        """Return where in the list the runs of a group are, in order."""
        return self.places[self.by_group[self.bounds[group] : self.bounds[group + 1]]]

    def values_of(self, group: int) -> tuple[GroupValue, ...]:
        first = self.by_group[self.bounds[group]]
        return tuple(
            key.values[code[first]] for key, code in zip(self.keys, self.codes, strict=True)
        )


def _group(keys: Sequence[_Codes], size: int) -> _Grouped:
    places = np.arange(size)
    codes: list[Ints] = []
    combined, most = np.zeros(size, np.int64), 1
    for key in keys:
        times = key.counts[places]
        behind = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        code = key.flat[np.repeat(key.starts[places], times) + behind]
        places = np.repeat(places, times)
        codes = [np.repeat(one, times) for one in codes] + [code]
        combined, most = np.repeat(combined, times), most * len(key.values)
        if most >= 2**63:  # numbered anew, so that the product never overflows
            _, combined = np.unique(combined, return_inverse=True)
            most = (int(combined.max()) + 1) * len(key.values)
        combined = combined * len(key.values) + code
    combined = combined.astype(np.min_scalar_type(most))  # short ones are sorted faster
    _, first, counts = np.unique(combined, return_index=True, return_counts=True)
    bounds = np.concatenate(([0], np.cumsum(counts)))
    by_group = np.argsort(combined, kind="stable")
    return _Grouped(keys, codes, places, by_group, bounds, np.argsort(first).tolist())


class _Source:
    """What the runs of a list hold, each at its place in it."""

    def __init__(
        self,
        connection: Connection,
        attributes: Mapping[str, Any],
        states: Sequence[str],
        paths: Mapping[Key, int],
    ) -> None:
        self._connection = connection
        self._attributes = attributes
        self._state_names = states
        self._paths = paths
        self._numbers = np.asarray(attributes["number"], np.int64)
        self._size = len(self._numbers)
        # By number of a run its place; one behind the last for runs that are not in the list.
        self._place = np.full(int(self._numbers.max()) + 2, self._size, np.int64)
        self._place[self._numbers] = np.arange(self._size)
        self._states = np.asarray(attributes[_STATE], np.int64)
        self.colors = np.asarray(attributes["color"], np.int64)

    def _places(self, numbers: Any) -> Ints:
        return self._place[np.minimum(np.asarray(numbers, np.int64), len(self._place) - 1)]

    def states_of(self, runs: Ints) -> dict[str, int]:
        counts = np.bincount(self._states[runs]).tolist()
        return {self._state_names[at]: count for at, count in enumerate(counts) if count}

    def ids(self, wanted: Sequence[Ints]) -> npt.NDArray[Any]:
        """Return the ids of runs by place, of those that are wanted."""
        found = np.empty(self._size, object)
        if wanted:
            numbers = self._numbers[np.unique(np.concatenate(wanted))].tolist()
            query = select(_run.number, _run.id).where(_run.number.in_(listed(numbers)))
            held = arrayed(self._connection, query, [("run", "i8"), ("id", "O")])
            found[self._place[held["run"]]] = held["id"]
        return found

    def codes(self, key: Key) -> _Codes:
        if key.space == "run":
            values = self._attributes[key.path].tolist()
            if key.path == "tags":
                return _coded(values, lambda text: dict.fromkeys(json.loads(text)))
            return _coded(values, lambda value: (value,))
        query = select(_cell.run, _cell.num, _cell.text).where(_cell.path == self._paths[key])
        cells = arrayed(self._connection, query, [("run", "i8"), ("num", "f8"), ("text", "O")])
        values = _Values()
        flat = np.full(self._size + 1, _NONE)
        places, has_number = self._places(cells["run"]), ~np.isnan(cells["num"])
        has_text = cells["text"] != None  # noqa: E711
        plain = has_number & ~has_text
        known, code = np.unique(cells["num"][plain], return_inverse=True)
        codes = [values.code(_cell_value(value, None)) for value in known.tolist()]
        flat[places[plain]] = np.asarray(codes, np.int64)[code]
        if has_text.any():
            kinds, kind = _kinds(cells["text"][has_text & ~has_number].tolist())
            codes = [values.code(text) for text in kinds]
            flat[places[has_text & ~has_number]] = np.asarray(codes, np.int64)[kind]
            for flag in (False, True):  # a flag has a number, too, for sorting
                held = has_text & has_number & ((cells["num"] != 0) == flag)
                if held.any():
                    flat[places[held]] = values.code(flag)
        one = np.ones(self._size, np.int64)
        return _Codes(values.all, flat[: self._size], np.arange(self._size), one)

    def numbers_of(self, key: Key) -> Floats:
        """Return the numbers under a key, NaN where there is none."""
        if key.space == "run":
            if ATTRIBUTES[key.path] in ("text", "tags"):
                return np.full(self._size, math.nan)
            values = self._attributes[key.path]
            return np.asarray(
                [math.nan if value is None else value for value in values], np.float64
            )
        # A flag has a number, too, for sorting.
        is_number = and_(_cell.num.is_not(None), _cell.text.is_(None))
        query = select(_cell.run, _cell.num).where(_cell.path == self._paths[key], is_number)
        cells = arrayed(self._connection, query, [("run", "i8"), ("num", "f8")])
        found = np.full(self._size + 1, math.nan)
        found[self._places(cells["run"])] = cells["num"]
        return found[: self._size]


class _Values:
    """The values of a key by their codes."""

    def __init__(self) -> None:
        self.all: list[GroupValue] = [None]
        self._codes: dict[tuple[type, GroupValue], int] = {}  # `True` is another value than 1

    def code(self, value: GroupValue) -> int:
        if value is None or value == "":
            return _NONE
        known = self._codes.setdefault((type(value), value), len(self.all))
        if known == len(self.all):
            self.all.append(value)
        return known


def _places_of(states: Sequence[str]) -> ColumnElement[int]:
    """Return the place of a run's state among all of them: numbers are read faster than texts."""
    if not states:
        return literal(0)
    return case(*((_run.state == state, at) for at, state in enumerate(states)), else_=0)


def _coded(held: Sequence[Any], read: Callable[[Any], Iterable[GroupValue]]) -> _Codes:
    """Return codes for what runs hold (None: nothing); `read` makes it one or several values."""
    values = _Values()
    kinds, kind = _kinds(held)
    codes = [
        [_NONE] if one is None else [values.code(value) for value in read(one)] or [_NONE]
        for one in kinds
    ]
    sizes = np.asarray([len(some) for some in codes], np.int64)
    flat = np.asarray([code for some in codes for code in some], np.int64)
    return _Codes(values.all, flat, (np.cumsum(sizes) - sizes)[kind], sizes[kind])


def _kinds(held: Sequence[Any]) -> tuple[list[Any], Ints]:
    """Return what is different of this, and which of it each is."""
    kinds: defaultdict[Any, int] = defaultdict(itertools.count().__next__)
    kind = np.fromiter(map(kinds.__getitem__, held), np.int64, len(held))
    return list(kinds), kind


def _cell_value(num: float | None, text: str | None) -> GroupValue:
    if num is None:
        return text
    if text is not None:
        return bool(num)
    if math.isinf(num):
        return "Infinity" if num > 0 else "-Infinity"  # as one is written in a config
    return float(num)


def _spread(column: Floats) -> Spread | None:
    """Return what finite numbers amount to; sums are exact, and no square overflows."""
    values = column[np.isfinite(column)]
    n = len(values)
    if n == 0:
        return None
    low, high = float(values.min()), float(values.max())
    # Scaled, as the sum of large ones could leave the range of floats.
    scale = max(abs(low), abs(high)) or 1.0
    mean = min(max(math.fsum((values / scale).tolist()) / n * scale, low), high)
    deviation = None
    if n > 1:
        off = values / scale - mean / scale
        deviation = math.sqrt(math.fsum((off * off).tolist()) / (n - 1)) * scale
    return Spread(n, mean, deviation, low, high)
