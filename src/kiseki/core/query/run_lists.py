"""Questions about many runs of a project: pages, groups, values under a key; which keys there are."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

import msgspec

from kiseki.base.clock import wall_us
from kiseki.core.listed import shortened
from kiseki.core.query import filters
from kiseki.core.query.chains import Chain, clipped
from kiseki.core.query.kept import Lru
from kiseki.core.query.unknown_keys import UnknownKey, unknown_keys
from kiseki.core.runs import Runs
from kiseki.errors import Invalid
from kiseki.record import keypath
from kiseki.storage.filters import ATTRIBUTES, And, Compare, Filter, Key, Not, Or, SortKey
from kiseki.storage.interface import (
    FieldStat,
    GroupValue,
    MetaStore,
    MetricStat,
    Project,
    Run,
    RunGroups,
    RunValues,
    SeriesStore,
)
from kiseki.storage.interface import RunGroup as RunGroup
from kiseki.storage.interface import Spread as Spread

T = TypeVar("T")

RUNS_MAX = 1_000  # of a page of the list
GROUP_KEYS_MAX = 3
GROUP_COLUMNS_MAX = 50
COLUMNS_MAX = 100
AT_COLUMNS_MAX = 5
AT_ROWS_MAX = 20_000_000
AT_STEPS_NEAR = 1_000  # a value at a step is looked for so far before it first
GROUP_MEMBERS_MAX = 1_000
VALUES_MAX = 1_000
PROJECTS_KEPT = 64
SLOW_S = 0.1  # a list that takes longer…
BELIEVED_TIMES = 20  # …is counted anew only after so many times as long
AGE_US = 60_000_000  # a filter by age is answered anew this often


@dataclass(frozen=True, slots=True)
class RunsPage:
    """A page of the runs list: of how many runs, and how many the filter left."""

    total: int
    matching: int
    runs: Sequence[Run]
    columns: Sequence[str] = ()  # as they are spelled
    values: Sequence[Sequence[GroupValue]] = ()  # of each run, under each column
    unknown: Sequence[UnknownKey] = ()  # keys of the filter that no run has, where it finds none


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """What a project had at an epoch. `tag` changes when the items do: most epochs change none of them."""

    epoch: int
    items: Sequence[T]
    tag: str


class _Lists(Generic[T]):
    """Lists over all runs of a project, which change with almost every epoch, but little.

    A list that took long is believed that much longer, so that a large live project is not counted anew
    every second.
    """

    def __init__(self) -> None:
        self._kept: Lru[int, tuple[Listed[T], float]] = Lru(PROJECTS_KEPT)

    def get(self, project: Project, ask: Callable[[int], list[T]]) -> Listed[T]:
        began = time.monotonic()
        kept = self._kept.get(project.number)
        if kept is not None:
            listed, until = kept
            if listed.epoch == project.epoch or began < until:
                return listed
        items = ask(project.number)
        digest = hashlib.blake2b(msgspec.msgpack.encode(items), digest_size=12)
        listed = Listed(project.epoch, items, digest.hexdigest())
        took = time.monotonic() - began
        until = began + took * BELIEVED_TIMES if took > SLOW_S else began
        self._kept.put(project.number, (listed, until), 1)
        return listed


class RunLists:
    """Answers what lists show. Thread-safe."""

    def __init__(self, meta: MetaStore, series: SeriesStore, runs: Runs) -> None:
        self._meta = meta
        self._series = series
        self._runs = runs
        self._metrics: _Lists[MetricStat] = _Lists()
        self._fields: _Lists[FieldStat] = _Lists()

    def list_runs(
        self,
        project: Project,
        *,
        filter: str = "",
        sort: str = "",
        columns: str = "",
        offset: int = 0,
        limit: int = 200,
        user: str = "",
    ) -> RunsPage:
        """Return a page of the project's runs, long values of config and summary cut (`core/listed.py`).

        `columns`: what they hold under further keys, of config, summary and metrics.

        Raises:
            Invalid: the filter or sort cannot be read (`position`, `token`), or a bad page.
        """
        if offset < 0 or not 1 <= limit <= RUNS_MAX:
            raise Invalid(
                f"`offset` is not negative and `limit` is a number from 1 to {RUNS_MAX:,}",
                code="page",
            )
        wanted = filters.parse_columns(columns, COLUMNS_MAX)
        where, order = self._where(project, filter), self._order(project, sort)
        total, matching, found = self._meta.find_runs(
            project.number, where, order, user=user, now_us=wall_us(), offset=offset, limit=limit
        )
        shown = [
            replace(run, config=shortened(run.config), summary=shortened(run.summary))
            for run in found
        ]
        spelled = [filters.key_text(key) for key in wanted]
        unknown = self._unknown(project, where) if total and not matching and where else []
        return RunsPage(
            total, matching, shown, spelled, self.values_of(project, found, wanted), unknown
        )

    def _unknown(self, project: Project, where: Filter) -> list[UnknownKey]:
        fields = [field.path for field in self.fields(project).items]
        return unknown_keys(where, fields, [metric.path for metric in self.metrics(project).items])

    def matching(
        self, project: Project, *, filter: str = "", sort: str = "", user: str = "", limit: int
    ) -> list[int]:
        """Return the numbers of the first runs that match, in order. Raises Invalid."""
        where, order = self._where(project, filter), self._order(project, sort)
        return self._meta.match_runs(
            project.number, where, order, user=user, now_us=wall_us(), limit=limit
        )

    def _where(self, project: Project, text: str) -> Filter | None:
        tree = filters.parse(text)
        return None if tree is None else filters.changed(tree, partial(self._meant, project))

    def _order(self, project: Project, text: str) -> list[SortKey]:
        return [
            replace(item, key=self._meant(project, item.key)) for item in filters.parse_sort(text)
        ]

    def _meant(self, project: Project, key: Key) -> Key:
        """Return what `best` is: the smallest value, but the largest of what is to be maximised."""
        if key.space != "metric" or not key.path.startswith("best."):
            return key
        path = key.path.removeprefix("best.")
        spellings = (path, keypath.escape(path))
        is_max = any(
            metric.goal == "maximize" and metric.path in spellings
            for metric in self.metrics(project).items
        )
        return Key("metric", f"{'max' if is_max else 'min'}.{path}")

    def values_of(
        self, project: Project, runs: Sequence[Run], keys: Sequence[Key]
    ) -> list[list[GroupValue]]:
        """Return what runs hold under keys."""
        steps: dict[Key, int] = {}
        stored: list[Key] = []
        for key in keys:
            what, _ = filters.metric_of(key)
            if key.space == "metric" and what.startswith("at."):
                steps[key] = int(what.removeprefix("at."))
            elif key.space != "run":
                stored.append(key)
        if len(steps) > AT_COLUMNS_MAX:
            raise Invalid(f"at most {AT_COLUMNS_MAX} columns are values at a step", code="columns")
        held = self._meta.values(
            project.number,
            [run.number for run in runs],
            [self._meant(project, key) for key in stored],
        )
        columns: dict[Key, Sequence[GroupValue]] = {
            key: [values[place] for values in held] for place, key in enumerate(stored)
        }
        for key, step in steps.items():
            columns[key] = self._at_step(project, runs, filters.metric_of(key)[1], step)
        nothing = [None] * len(runs)  # attributes stand in the run itself
        return [list(row) for row in zip(*(columns.get(key, nothing) for key in keys), strict=True)]

    def _at_step(
        self, project: Project, runs: Sequence[Run], path: str, step: int
    ) -> tuple[GroupValue, ...]:
        """Return the last value of a metric at or before a step, of each run."""
        known = {metric.path for metric in self.metrics(project).items}
        path = path if path in known else keypath.escape(path)
        chains = [
            clipped(tuple(chain), None, step) for chain in self._runs.ranges_of(runs, "history")
        ]
        rows = self._series.rows(
            project.number, [link.segment for chain in chains for link in chain]
        )
        if sum(rows.values()) > AT_ROWS_MAX:
            raise Invalid(
                f"a value at a step of runs with more than {AT_ROWS_MAX:,} rows in all takes too long: "
                "ask for fewer runs at a time",
                code="too-many-points",
            )
        found: list[GroupValue] = [None] * len(runs)
        near = [clipped(chain, step - AT_STEPS_NEAR, step) for chain in chains]
        self._last_of(project, path, near, found)
        far = [chain if value is None else () for chain, value in zip(chains, found, strict=True)]
        self._last_of(project, path, far, found)
        return tuple(found)

    def _last_of(
        self, project: Project, path: str, chains: Sequence[Chain], found: list[GroupValue]
    ) -> None:
        """Put the last value of each chain into its place."""
        links = [link for chain in chains for link in chain]
        places = [place for place, chain in enumerate(chains) for _ in chain]
        latest: dict[int, int] = {}
        for place, points in zip(
            places, self._series.points(project.number, path, links) if links else (), strict=True
        ):
            if len(points.steps) and points.steps[-1] >= latest.get(place, points.steps[-1]):
                latest[place] = int(points.steps[-1])
                value = float(points.values[-1])
                found[place] = value if math.isfinite(value) else _spelled(value)

    def find_runs(
        self,
        project: Project,
        where: Filter | None,
        order: Sequence[SortKey],
        *,
        offset: int,
        limit: int,
        user: str,
    ) -> tuple[int, Sequence[Run]]:
        """Return how many runs match, and some of them: for doors with a filter language of their own."""
        _, matching, found = self._meta.find_runs(
            project.number, where, order, user=user, now_us=wall_us(), offset=offset, limit=limit
        )
        return matching, found

    def list_groups(
        self,
        project: Project,
        *,
        by: str,
        columns: str = "",
        filter: str = "",
        sort: str = "",
        offset: int = 0,
        limit: int = 200,
        members: int = 0,
        user: str = "",
    ) -> tuple[Sequence[str], RunGroups]:
        """Return the columns asked for as they are spelled, and a page of the groups of all matching runs.

        Raises:
            Invalid: as `list_runs`; none or more than three keys in `by`.
        """
        if offset < 0 or not 1 <= limit <= RUNS_MAX or not 0 <= members <= GROUP_MEMBERS_MAX:
            raise Invalid(
                f"`offset` is not negative, `limit` is a number from 1 to {RUNS_MAX:,} and `members` from 0 "
                f"to {GROUP_MEMBERS_MAX:,}",
                code="page",
            )
        keys = filters.parse_keys(by, GROUP_KEYS_MAX)
        if not keys:
            raise Invalid("`by` names one to three keys", code="by")
        wanted = filters.parse_keys(columns, GROUP_COLUMNS_MAX)
        found = self._meta.group_runs(
            project.number, [self._meant(project, key) for key in keys],
            [self._meant(project, key) for key in wanted],
            self._where(project, filter), self._order(project, sort),
            user=user, now_us=wall_us(), offset=offset, limit=limit, members=members,
        )  # fmt: skip
        return [filters.key_text(key) for key in wanted], found

    def values(
        self,
        project: Project,
        *,
        key: str,
        filter: str = "",
        search: str = "",
        limit: int = 50,
        user: str = "",
    ) -> RunValues:
        """Return the values of matching runs under a key, the most frequent first.

        Raises:
            Invalid: as `list_runs`; not exactly one key.
        """
        if not 1 <= limit <= VALUES_MAX:
            raise Invalid(f"`limit` is a number from 1 to {VALUES_MAX:,}", code="page")
        keys = filters.parse_keys(key, 1)
        if not keys:
            raise Invalid("`key` names one key", code="key")
        return self._meta.frequent_values(
            project.number, self._meant(project, keys[0]), self._where(project, filter),
            search=search, user=user, now_us=wall_us(), limit=limit,
        )  # fmt: skip

    def list_tag(self, project: Project, filter: str) -> str:
        """Return what changes whenever a page of the list might."""
        where = filters.parse(filter)
        minute = wall_us() // AGE_US if where is not None and _has_age(where) else 0
        return f"{project.number}-{project.epoch}-{minute}"

    def fields(self, project: Project) -> Listed[FieldStat]:
        """Return the config and summary keys of the project's runs."""
        return self._fields.get(project, self._meta.fields)

    def metrics(self, project: Project) -> Listed[MetricStat]:
        """Return the metrics of the project's runs, in the order they were first logged."""
        return self._metrics.get(project, self._meta.metrics)


def _has_age(where: Filter) -> bool:
    if isinstance(where, (And, Or)):
        return any(_has_age(item) for item in where.items)
    if isinstance(where, Not):
        return _has_age(where.item)
    return isinstance(where, Compare) and (
        where.key.space == "run" and ATTRIBUTES[where.key.path] == "time"
    )


def _spelled(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
