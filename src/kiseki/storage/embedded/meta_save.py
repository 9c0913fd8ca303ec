"""Writing folds: the hot statements of the meta store.

The same few statements run with many parameter sets, whatever the number of folds: building and compiling
a statement costs more than running it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, Update, bindparam, select
from sqlalchemy.dialects.sqlite import insert as upsert

from kiseki.storage.embedded import tables as t
from kiseki.storage.interface import EditedRun, Fold, Scalar

PATHS_MAX = 200_000  # remembered
IDS_MAX = 500  # in one `IN (…)`

_ATTEMPT_COLUMNS = ("state", "started_us", "rows")

_OWNERS = (
    select(t.attempt.c.number, t.run.c.number.label("run"), t.run.c.project, t.run.c.attempt)
    .join(t.run, t.attempt.c.run == t.run.c.number)
    .where(
        t.attempt.c.number.in_(bindparam("numbers", expanding=True)),
        t.run.c.purged_us.is_(None),  # what is gone does not come back from somebody's memory
    )
)
_of_stream = t.stream.c.id == bindparam("stream")
_ADVANCE_STREAM = t.stream.update().where(_of_stream).values(applied=bindparam("cursor"))
_CLOSE_STREAM = t.stream.update().where(_of_stream).values(is_open=False)

_insert_part = upsert(t.attempt_part)
_PUT_PART = _insert_part.on_conflict_do_update(set_={"data": _insert_part.excluded.data})

_TAGS = select(t.run_tag.c.run, t.run_tag.c.tag).where(
    t.run_tag.c.run.in_(bindparam("numbers", expanding=True))
)
_DROP_TAGS = t.run_tag.delete().where(t.run_tag.c.run == bindparam("of_run"))
_ADD_TAG = t.run_tag.insert()

_PATHS = select(t.path.c.name, t.path.c.number).where(
    t.path.c.project == bindparam("of_project"),
    t.path.c.name.in_(bindparam("names", expanding=True)),
)
_ADD_PATH = upsert(t.path).on_conflict_do_nothing()

_insert_cell = upsert(t.run_cell)
_PUT_CELL = _insert_cell.on_conflict_do_update(
    set_={"num": _insert_cell.excluded.num, "text": _insert_cell.excluded.text}
)
_DROP_CELL = t.run_cell.delete().where(
    t.run_cell.c.path == bindparam("of_path"), t.run_cell.c.run == bindparam("of_run")
)

_insert_metric = upsert(t.attempt_metric)
_PUT_METRIC = _insert_metric.on_conflict_do_update(
    set_={name: _insert_metric.excluded[name] for name in ("kind", "hidden", "step_metric", "goal")}
)


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose fold it is. `is_latest`: the run shows this attempt."""

    run: int
    project: int
    is_latest: bool


class PathNumbers:
    """Remembers the numbers of paths, which never change. Not thread-safe."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], int] = {}
        self._fresh: dict[tuple[int, str], int] = {}

    def find(self, c: Connection, project: int, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of paths, created where they are new."""
        found: dict[str, int] = {}
        missing: list[str] = []
        for name in names:
            number = self._known.get((project, name))
            if number is None:
                missing.append(name)
            else:
                found[name] = number
        if missing:
            c.execute(_ADD_PATH, [{"project": project, "name": name} for name in missing])
            for some in slices(missing):
                for row in c.execute(_PATHS, {"of_project": project, "names": some}):
                    found[row.name] = self._fresh[project, row.name] = row.number
        return found

    def committed(self) -> None:
        """Believe what was found since the last call: its transaction is committed."""
        if len(self._known) + len(self._fresh) > PATHS_MAX:
            self._known.clear()
        self._known.update(self._fresh)
        self._fresh.clear()

    def rolled_back(self) -> None:
        """Forget what was found since the last commit."""
        self._fresh.clear()


def save_folds(c: Connection, folds: Sequence[Fold], paths: PathNumbers) -> set[int]:
    """Write folds in the transaction of `c`; return the projects whose epoch they move."""
    owners = _owners(c, [fold.attempt for fold in folds])
    known = [(fold, owners[fold.attempt]) for fold in folds if fold.attempt in owners]
    _save_cursors(c, [fold for fold, _ in known])
    _execute(
        c,
        _PUT_PART,
        [
            {"attempt": fold.attempt, "name": name, "data": data}
            for fold, _ in known
            for name, data in fold.parts.items()
        ],
    )
    _save_columns(c, known)
    _save_cells(c, known, paths)
    _save_metrics(c, known, paths)
    _save_alerts(c, known)
    return {owner.project for fold, owner in known if fold.is_visible}


def slices(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), IDS_MAX):
        yield items[start : start + IDS_MAX]


def _execute(c: Connection, statement: Any, parameters: list[dict[str, Any]]) -> None:
    if parameters:
        c.execute(statement, parameters)


def _owners(c: Connection, attempts: Sequence[int]) -> dict[int, _Owner]:
    return {
        row.number: _Owner(row.run, row.project, row.attempt == row.number)
        for some in slices(attempts)
        for row in c.execute(_OWNERS, {"numbers": some})
    }


def _save_cursors(c: Connection, folds: Sequence[Fold]) -> None:
    _execute(
        c,
        _ADVANCE_STREAM,
        [{"stream": id, "cursor": cursor} for fold in folds for id, cursor in fold.cursors.items()],
    )
    _execute(c, _CLOSE_STREAM, [{"stream": id} for fold in folds for id in fold.closed])


@lru_cache(maxsize=64)
def _update(table: Table, names: tuple[str, ...]) -> Update:
    """Return the update of some columns of the row `of_number`."""
    return (
        table.update()
        .where(table.c.number == bindparam("of_number"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )


def _save_columns(c: Connection, known: Sequence[tuple[Fold, _Owner]]) -> None:
    updates: dict[tuple[Table, tuple[str, ...]], list[dict[str, Any]]] = {}

    def change(table: Table, number: int, values: Mapping[str, Any]) -> None:
        if values:
            row = {f"new_{name}": value for name, value in values.items()}
            updates.setdefault((table, tuple(values)), []).append({"of_number": number, **row})

    tags: dict[int, tuple[str, ...]] = {}
    for fold, owner in known:
        own = {name: fold.columns[name] for name in _ATTEMPT_COLUMNS if name in fold.columns}
        change(t.attempt, fold.attempt, own)
        if owner.is_latest:
            values = dict(fold.columns)
            if "tags" in values:
                tags[owner.run] = tuple(values["tags"])
                values["tags"] = json.dumps(values["tags"])
            change(t.run, owner.run, values)
    for (table, names), rows in updates.items():
        c.execute(_update(table, names), rows)
    _save_tags(c, tags)


def _save_tags(c: Connection, tags: Mapping[int, tuple[str, ...]]) -> None:
    stored: dict[int, set[str]] = {run: set() for run in tags}
    for some in slices(list(tags)):
        for row in c.execute(_TAGS, {"numbers": some}):
            stored[row.run].add(row.tag)
    changed = [run for run, known in stored.items() if known != set(tags[run])]
    _execute(c, _DROP_TAGS, [{"of_run": run} for run in changed])
    added = [{"run": run, "tag": tag} for run in changed for tag in dict.fromkeys(tags[run])]
    _execute(c, _ADD_TAG, added)


def _cell(value: Scalar) -> tuple[float | None, str | None]:
    """Return (number, text) of a cell; a flag is both, so that it sorts and is found by its name."""
    if isinstance(value, bool):
        return float(value), "true" if value else "false"
    if isinstance(value, str):
        return None, value
    return value, None


def _save_cells(c: Connection, known: Sequence[tuple[Fold, _Owner]], paths: PathNumbers) -> None:
    written: list[dict[str, Any]] = []
    removed: list[dict[str, Any]] = []
    for fold, owner in known:
        if not (owner.is_latest and fold.cells):
            continue
        numbers = paths.find(c, owner.project, fold.cells)
        for name, value in fold.cells.items():
            if value is None:
                removed.append({"of_path": numbers[name], "of_run": owner.run})
            else:
                num, text = _cell(value)
                written.append({"path": numbers[name], "run": owner.run, "num": num, "text": text})
    _execute(c, _DROP_CELL, removed)
    _execute(c, _PUT_CELL, written)


def _save_alerts(c: Connection, known: Sequence[tuple[Fold, _Owner]]) -> None:
    rows = [
        {
            "project": owner.project, "run": owner.run, "title": alert.title, "text": alert.text,
            "level": alert.level, "time_us": alert.time_us, "step": alert.step,
        }
        for fold, owner in known
        for alert in fold.alerts
    ]  # fmt: skip
    _execute(c, t.alert.insert(), rows)


def edit_runs(c: Connection, runs: Sequence[EditedRun]) -> None:
    """Write what people changed of runs."""
    updates: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    tags: dict[int, tuple[str, ...]] = {}
    for run in runs:
        values = dict(run.columns)
        if "tags" in values:
            tags[run.number] = tuple(values["tags"])
            values["tags"] = json.dumps(values["tags"])
        if values:
            row = {f"new_{name}": value for name, value in values.items()}
            updates.setdefault(tuple(values), []).append({"of_number": run.number, **row})
    for names, rows in updates.items():
        c.execute(_update(t.run, names), rows)
    _save_tags(c, tags)
    _execute(
        c,
        _PUT_PART,
        [
            {"attempt": run.attempt, "name": "edits", "data": run.edits}
            for run in runs
            if run.edits is not None
        ],
    )


def _save_metrics(c: Connection, known: Sequence[tuple[Fold, _Owner]], paths: PathNumbers) -> None:
    rows: list[dict[str, Any]] = []
    for fold, owner in known:
        if not fold.metrics:
            continue
        numbers = paths.find(c, owner.project, [metric.path for metric in fold.metrics])
        for metric in fold.metrics:
            rows.append(
                {
                    "attempt": fold.attempt,
                    "space": metric.space,
                    "path": numbers[metric.path],
                    "kind": metric.kind,
                    "first_us": metric.first_us,
                    "hidden": metric.hidden,
                    "step_metric": metric.step_metric,
                    "goal": metric.goal,
                }
            )
    _execute(c, _PUT_METRIC, rows)
