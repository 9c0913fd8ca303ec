"""Writing a fold: the hot statements of the meta store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert as upsert

from kiseki.storage.embedded import tables as t
from kiseki.storage.interface import Fold, Metric, Scalar

_ATTEMPT_COLUMNS = ("state", "started_us", "rows")


def save_fold(c: Connection, fold: Fold) -> int | None:
    """Write one fold; return the project whose epoch it moves, if it does."""
    query = (
        select(t.run.c.number, t.run.c.project, t.run.c.attempt)
        .join(t.attempt, t.attempt.c.run == t.run.c.number)
        .where(t.attempt.c.number == fold.attempt)
    )
    run = c.execute(query).first()
    if run is None:
        return None
    _save_cursors(c, fold)
    if fold.parts:
        insert = upsert(t.attempt_part)
        c.execute(
            insert.on_conflict_do_update(set_={"data": insert.excluded.data}),
            [
                {"attempt": fold.attempt, "name": name, "data": data}
                for name, data in fold.parts.items()
            ],
        )
    if fold.columns:
        own = {name: fold.columns[name] for name in _ATTEMPT_COLUMNS if name in fold.columns}
        if own:
            c.execute(t.attempt.update().where(t.attempt.c.number == fold.attempt).values(**own))
    is_latest = run.attempt == fold.attempt
    if is_latest and fold.columns:
        _save_columns(c, run.number, fold.columns)
    if is_latest and fold.cells:
        _save_cells(c, run.project, run.number, fold.cells)
    if fold.metrics:
        _save_metrics(c, run.project, fold)
    return int(run.project) if fold.is_visible else None


def _save_cursors(c: Connection, fold: Fold) -> None:
    if fold.cursors:
        c.execute(
            t.stream.update()
            .where(t.stream.c.id == bindparam("stream"))
            .values(applied=bindparam("cursor")),
            [{"stream": id, "cursor": cursor} for id, cursor in fold.cursors.items()],
        )
    if fold.closed:
        c.execute(
            t.stream.update().where(t.stream.c.id == bindparam("stream")).values(is_open=False),
            [{"stream": id} for id in fold.closed],
        )


def _save_columns(c: Connection, run: int, columns: Mapping[str, Any]) -> None:
    values = dict(columns)
    tags = values.pop("tags", None)
    if tags is not None:
        values["tags"] = json.dumps(list(tags))
        of_run = t.run_tag.c.run == run
        known = set(c.scalars(select(t.run_tag.c.tag).where(of_run)))
        if known != set(tags):
            c.execute(t.run_tag.delete().where(of_run))
            if tags:
                c.execute(
                    t.run_tag.insert(), [{"run": run, "tag": tag} for tag in dict.fromkeys(tags)]
                )
    c.execute(t.run.update().where(t.run.c.number == run).values(**values))


def path_numbers(c: Connection, project: int, names: list[str]) -> dict[str, int]:
    """Return the numbers of paths, created where they are new."""
    found = _known_paths(c, project, names)
    new = [{"project": project, "name": name} for name in names if name not in found]
    if new:
        c.execute(upsert(t.path).on_conflict_do_nothing(), new)
        found |= _known_paths(c, project, [item["name"] for item in new])  # type: ignore[misc]
    return found


def _known_paths(c: Connection, project: int, names: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(names), 500):
        some = names[start : start + 500]
        query = select(t.path.c.name, t.path.c.number).where(
            t.path.c.project == project, t.path.c.name.in_(some)
        )
        found.update((row.name, row.number) for row in c.execute(query))
    return found


def _cell(value: Scalar) -> tuple[float | None, str | None]:
    """Return (number, text) of a cell; a flag is both, so that it sorts and is found by its name."""
    if isinstance(value, bool):
        return float(value), "true" if value else "false"
    if isinstance(value, str):
        return None, value
    return value, None


def _save_cells(c: Connection, project: int, run: int, cells: Mapping[str, Scalar]) -> None:
    paths = path_numbers(c, project, list(cells))
    written = []
    removed = []
    for name, value in cells.items():
        if value is None:
            removed.append({"cell_path": paths[name], "cell_run": run})
        else:
            num, text = _cell(value)
            written.append({"path": paths[name], "run": run, "num": num, "text": text})
    if written:
        insert = upsert(t.run_cell)
        c.execute(
            insert.on_conflict_do_update(
                set_={"num": insert.excluded.num, "text": insert.excluded.text}
            ),
            written,
        )
    if removed:
        c.execute(
            t.run_cell.delete().where(
                t.run_cell.c.path == bindparam("cell_path"),
                t.run_cell.c.run == bindparam("cell_run"),
            ),
            removed,
        )


def _save_metrics(c: Connection, project: int, fold: Fold) -> None:
    paths = path_numbers(c, project, [metric.path for metric in fold.metrics])
    insert = upsert(t.attempt_metric)
    changing = ("kind", "hidden", "step_metric", "goal")
    c.execute(
        insert.on_conflict_do_update(set_={name: insert.excluded[name] for name in changing}),
        [_metric(fold.attempt, paths[metric.path], metric) for metric in fold.metrics],
    )


def _metric(attempt: int, path: int, metric: Metric) -> dict[str, Any]:
    return {
        "attempt": attempt,
        "space": metric.space,
        "path": path,
        "kind": metric.kind,
        "first_us": metric.first_us,
        "hidden": metric.hidden,
        "step_metric": metric.step_metric,
        "goal": metric.goal,
    }
