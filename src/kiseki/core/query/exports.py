"""All matching runs, or all rows of some metrics, piece by piece: exact values, in bounded memory.

The runs are chosen at one moment; what is read of each is as of when it is its turn. One that is deleted
meanwhile is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kiseki.base.clock import iso
from kiseki.core.folds import Folds
from kiseki.core.query import filters
from kiseki.core.query.history import OWN_KEYS
from kiseki.core.query.queries import Queries
from kiseki.errors import Invalid, NotFound
from kiseki.record import keypath
from kiseki.storage.filters import ATTRIBUTES, Key
from kiseki.storage.interface import MetaStore, Project, Run, Space

RUNS_MAX = 1_000_000
COLUMNS_MAX = 2_000
METRICS_MAX = 100
STEP = 100  # runs read at once, with all of their config and summary
PAGE_ROWS = 10_000
OWN_COLUMNS = (
    "id", "name", "state", "user", "group", "job_type", "tags", "notes", "created", "started", "finished",
    "updated", "runtime", "step", "rows", "attempt", "host", "program", "exit_code", "cause",
)  # fmt: skip
_FIELDS = {
    "attempt": "ordinal", "created": "created_us", "finished": "finished_us", "heartbeat": "heartbeat_us",
    "runtime": "runtime_us", "started": "started_us", "updated": "last_us",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table of runs: how it is spelled, and what it shows."""

    name: str
    key: Key

    def of(self, run: Run, trees: dict[str, dict[str, Any]]) -> Any:
        """Return a value, None where the run has none; moments as text, lengths of time in seconds.

        Args:
            trees: config and summary of the run, flat.
        """
        space, path = self.key.space, self.key.path
        if space == "run":
            return _attribute(run, path)
        for name in (space,) if space else ("config", "summary"):
            values = trees[name]
            for spelled in (path, keypath.escape(path)):
                if spelled in values:
                    return values[spelled]
        return None


def _attribute(run: Run, name: str) -> Any:
    if name == "step":
        return run.next_step - 1
    value = getattr(run, _FIELDS.get(name, name))
    kind = ATTRIBUTES[name]
    if kind == "time":
        return None if value is None else iso(value)
    if kind == "duration":
        return value / 1e6
    return list(value) if kind == "tags" else value


class Exports:
    """Chooses and reads what is exported. Rights are checked before."""

    def __init__(self, meta: MetaStore, folds: Folds, queries: Queries) -> None:
        self._meta = meta
        self._folds = folds
        self._queries = queries

    def columns(self, project: Project, text: str) -> list[Column]:
        """Return the columns that are named as in a sort; without a name all that the runs have.

        Raises:
            Invalid: they cannot be read, are too many, or of a kind that is not exported.
        """
        if text.strip():
            keys = filters.parse_columns(text, COLUMNS_MAX)
        else:
            fields = self._queries.fields(project).items[: COLUMNS_MAX - len(OWN_COLUMNS)]
            keys = [Key("run", name) for name in OWN_COLUMNS]
            keys += [_key_of(field.path) for field in fields]
        for key in keys:
            if key.space == "metric" and filters.metric_of(key)[0].startswith("at."):
                raise Invalid(
                    f"{filters.key_text(key)} is not exported with runs; export the metric's rows instead",
                    code="columns",
                )
        return [Column(filters.key_text(key), key) for key in keys]

    def choose(
        self,
        project: Project,
        *,
        ids: Sequence[str] = (),
        filter: str = "",
        sort: str = "",
        user: str = "",
    ) -> list[int]:
        """Return the numbers of the runs that are named, or that a filter finds, in order.

        Raises:
            Invalid: a filter or sort cannot be read, or too many runs.
            NotFound: one does not exist.
        """
        if ids:
            found = self._meta.runs(project.number, list(dict.fromkeys(ids)))
            known = {run.id for run in found}
            for id in ids:
                if id not in known:
                    raise NotFound(f"run {id[:100]!r} does not exist", code="absent")
            return [run.number for run in found]
        numbers = self._queries.matching(
            project, filter=filter, sort=sort, user=user, limit=RUNS_MAX + 1
        )
        if len(numbers) > RUNS_MAX:
            raise Invalid(f"more than {RUNS_MAX:,} runs match; narrow the filter", code="runs")
        return numbers

    def runs(self, numbers: Sequence[int]) -> Iterator[Run]:
        """Yield runs with all of their config and summary."""
        for some in self._steps(numbers):
            yield from some

    def _steps(self, numbers: Sequence[int]) -> Iterator[list[Run]]:
        for start in range(0, len(numbers), STEP):
            some = self._meta.runs_by_number(numbers[start : start + STEP], whole=True)
            yield [self._folds.fresh(run) for run in some]

    def table(
        self, project: Project, numbers: Sequence[int], columns: Sequence[Column]
    ) -> Iterator[list[Any]]:
        """Yield the values of runs, column by column."""
        metrics = [column.key for column in columns if column.key.space == "metric"]
        for runs in self._steps(numbers):
            of_metrics = (
                self._queries.values_of(project, runs, metrics) if metrics else [()] * len(runs)
            )
            for run, values in zip(runs, of_metrics, strict=True):
                trees = {
                    "config": dict(keypath.flatten(run.config)),
                    "summary": dict(keypath.flatten(run.summary)),
                }
                waiting = iter(values)
                yield [
                    next(waiting) if column.key.space == "metric" else column.of(run, trees)
                    for column in columns
                ]

    def rows(
        self, numbers: Sequence[int], metrics: Sequence[str], space: Space
    ) -> Iterator[tuple[str, int, float, str, Any]]:
        """Yield (run, step, time in seconds, metric, value) of each value that was logged, run by run."""
        for start in range(0, len(numbers), STEP):
            for run in self._meta.runs_by_number(numbers[start : start + STEP]):
                after = ""
                while True:
                    page = self._queries.history(
                        run, space=space, keys=metrics, after=after, limit=PAGE_ROWS, is_exact=True
                    )
                    for row in page.rows:
                        step, time = row["_step"], row["_timestamp"]
                        for name, value in row.items():
                            if name not in OWN_KEYS:
                                yield run.id, step, time, name, value
                    if page.next is None:
                        break
                    after = page.next


def _key_of(path: str) -> Key:
    space, _, rest = path.partition(".")
    return Key("config" if space == "config" else "summary", rest)
