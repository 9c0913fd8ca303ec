"""Runs in groups: those with the same values under some keys, and what their numbers amount to.

SQL finds and orders the runs and reads whole columns; the grouping is arithmetic on arrays, since exact means
and deviations need every value anyway, and a join of as many cells is slower than reading them.

    numbers of the runs, in order ──► codes of their values, key by key ──► groups ──► a page of them
                                      (of several tags: the run repeated)
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, select

from kiseki.storage.embedded import tables
from kiseki.storage.embedded.meta_save import slices
from kiseki.storage.embedded.runs_query import column_of, find_numbers, path_numbers
from kiseki.storage.filters import ATTRIBUTES, Filter, Key, SortKey
from kiseki.storage.interface import Floats, GroupValue, Ints, RunGroup, RunGroups, Spread

_run = tables.run.c
_cell = tables.run_cell.c
_NONE = 0  # the code of runs without a value


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
    total, matching, numbers = find_numbers(
        connection, project, where, order, user=user, now_us=now_us, limit=None
    )
    if not numbers:
        return RunGroups(total, 0, 0, ())
    source = _Source(connection, project, numbers, [*by, *columns])
    grouped = _group([source.codes(key) for key in by], len(numbers))
    page = grouped.order[offset : offset + limit]
    ids = source.ids([at for group in page for at in grouped.runs_of(group)[:members]])
    values = [source.numbers_of(key) for key in columns]
    found = tuple(
        RunGroup(
            values=grouped.values_of(group),
            runs=len(runs := grouped.runs_of(group)),
            states=source.states_of(runs),
            color=int(source.colors[runs].min()),
            members=tuple(ids[at] for at in runs[:members].tolist()),
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
    combined = np.zeros(size, np.int64)
    for key in keys:
        times = key.counts[places]
        behind = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        code = key.flat[np.repeat(key.starts[places], times) + behind]
        places = np.repeat(places, times)
        codes = [np.repeat(one, times) for one in codes] + [code]
        # Numbered anew with each key, so that the product of three never overflows.
        _, combined = np.unique(
            np.repeat(combined, times) * len(key.values) + code, return_inverse=True
        )
    _, first, counts = np.unique(combined, return_index=True, return_counts=True)
    bounds = np.concatenate(([0], np.cumsum(counts)))
    by_group = np.argsort(combined, kind="stable")
    return _Grouped(keys, codes, places, by_group, bounds, np.argsort(first).tolist())


class _Source:
    """What the runs of a list hold, each at its place in it."""

    def __init__(
        self, connection: Connection, project: int, numbers: Sequence[int], keys: Sequence[Key]
    ) -> None:
        self._connection = connection
        self._numbers = np.asarray(numbers, np.int64)
        self._size = len(numbers)
        # By number of a run its place; one behind the last for runs that are not in the list.
        self._place = np.full(int(self._numbers.max()) + 2, self._size, np.int64)
        self._place[self._numbers] = np.arange(self._size)
        self._paths = path_numbers(connection, project, keys)
        self._attributes = self._read_attributes(project, keys)
        states = self._attributes["state"]
        self._state_names = sorted(set(states))
        code = {state: at for at, state in enumerate(self._state_names)}
        self._states = np.fromiter((code[state] for state in states), np.int64, self._size)
        self.colors = np.asarray(self._attributes["color"], np.int64)

    def _read_attributes(self, project: int, keys: Sequence[Key]) -> dict[str, Sequence[Any]]:
        """Return what is needed of the runs themselves, in their order, by name."""
        wanted = {"state": _run.state, "color": _run.color} | {
            key.path: column_of(key.path) for key in keys if key.space == "run"
        }
        query = select(_run.number, *(column.label(None) for column in wanted.values()))
        if "user" in wanted:
            query = query.select_from(
                tables.run.join(tables.user, tables.user.c.number == _run.user)
            )
        numbers, *columns = zip(*self._fetch(query.where(_run.project == project)), strict=True)
        row_of = np.empty(self._size + 1, np.int64)
        row_of[self._places(numbers)] = np.arange(len(numbers))
        rows = row_of[: self._size].tolist()
        return {
            name: [column[row] for row in rows]
            for name, column in zip(wanted, columns, strict=True)
        }

    def _fetch(self, query: Any) -> Sequence[Any]:
        """Return plain tuples: making rows of them takes longer than reading them."""
        cursor = self._connection.execute(query).cursor
        assert cursor is not None
        return cursor.fetchall()

    def _places(self, numbers: Any) -> Ints:
        return self._place[np.minimum(np.asarray(numbers, np.int64), len(self._place) - 1)]

    def states_of(self, runs: Ints) -> dict[str, int]:
        counts = np.bincount(self._states[runs]).tolist()
        return {self._state_names[at]: count for at, count in enumerate(counts) if count}

    def ids(self, places: Sequence[int]) -> dict[int, str]:
        numbers = self._numbers[np.unique(np.asarray(places, np.int64))].tolist()
        return {
            int(self._place[row.number]): row.id
            for some in slices(numbers)
            for row in self._connection.execute(
                select(_run.number, _run.id).where(_run.number.in_(some))
            )
        }

    def codes(self, key: Key) -> _Codes:
        if key.space == "run":
            values = self._attributes[key.path]
            if key.path == "tags":
                return _coded(values, lambda text: dict.fromkeys(json.loads(text)))
            return _coded(values, lambda value: (value,))
        found: list[tuple[float | None, str | None] | None] = [None] * (self._size + 1)
        cells = self._fetch(
            select(_cell.run, _cell.num, _cell.text).where(_cell.path == self._paths[key])
        )
        places = self._places([run for run, _, _ in cells]).tolist()
        for place, (_, num, text) in zip(places, cells, strict=True):
            found[place] = (num, text)
        return _coded(found[: self._size], lambda held: (_cell_value(*held),))

    def numbers_of(self, key: Key) -> Floats:
        """Return the numbers under a key, NaN where there is none."""
        if key.space == "run":
            if ATTRIBUTES[key.path] in ("text", "tags"):
                return np.full(self._size, math.nan)
            values = self._attributes[key.path]
            return np.asarray(
                [math.nan if value is None else value for value in values], np.float64
            )
        found = np.full(self._size + 1, math.nan)
        # A flag has a number, too, for sorting; here it is none.
        is_number = and_(_cell.num.is_not(None), _cell.text.is_(None))
        query = select(_cell.run, _cell.num).where(_cell.path == self._paths[key], is_number)
        cells = np.asarray(self._fetch(query), np.float64).reshape(-1, 2)
        found[self._places(cells[:, 0])] = cells[:, 1]
        return found[: self._size]


def _coded(held: Sequence[Any], read: Any) -> _Codes:
    """Return codes for what runs hold (None: nothing); `read` makes it one or several values."""
    values: list[GroupValue] = [None]
    codes: dict[tuple[type, GroupValue], int] = {}  # `True` is another value than 1

    def code(value: GroupValue) -> int:
        if value is None or value == "":
            return _NONE
        known = codes.setdefault((type(value), value), len(values))
        if known == len(values):
            values.append(value)
        return known

    known: dict[Any, list[int]] = {None: [_NONE]}
    flat: list[int] = []
    counts = np.empty(len(held), np.int64)
    for at, one in enumerate(held):
        mine = known.get(one)
        if mine is None:
            mine = known[one] = [code(value) for value in read(one)] or [_NONE]
        flat += mine
        counts[at] = len(mine)
    return _Codes(values, np.asarray(flat, np.int64), np.cumsum(counts) - counts, counts)


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
