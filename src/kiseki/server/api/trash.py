"""Runs deleted, one or many, shown in the trash, and restored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from kiseki.core.people.audit import Action
from kiseki.core.projects import Project
from kiseki.core.rights import can_delete, check_can_delete
from kiseki.core.runs import Run
from kiseki.core.trash import KEPT_US
from kiseki.server.routing import Call, Routes

routes = Routes()

PROJECT = "/api/v1/projects/{entity}/{project}"
RUN = PROJECT + "/runs/{run}"


class RunIds(msgspec.Struct, forbid_unknown_fields=True):
    """Ids of runs of the project, at most 1,000."""

    runs: list[str]


class RunIdsAnswer(msgspec.Struct):
    """The runs that changed; the others were so already."""

    runs: list[str]


class TrashedRunAnswer(msgspec.Struct):
    """A run in the trash. `until_us`: when it goes for good; `restorable`: by who asks."""

    id: str
    name: str
    user: str
    state: str
    color: int
    rows: int
    created_us: int
    deleted_us: int
    deleted_by: str
    until_us: int
    restorable: bool


class TrashAnswer(msgspec.Struct):
    """A page of the trash, deleted last first."""

    total: int
    runs: list[TrashedRunAnswer]


class TrashQuery(msgspec.Struct):
    offset: int = 0
    limit: int = 200


@routes.add("DELETE", RUN, answer=None)
def delete_run(call: Call) -> None:
    """Put a run into the trash for 7 days; its id stays taken."""
    path = call.path
    _, run = call.core.runs.find(call.who, path["entity"], path["project"], path["run"], "write")
    _change(call, [run], _delete, "run-deleted")


@routes.post(f"{RUN}/restore", answer=None)
def restore_run(call: Call) -> None:
    """Take a run out of the trash."""
    runs = call.core.trash.find(_project(call), [call.path["run"]])
    _change(call, runs, _restore, "run-restored")


@routes.post(f"{PROJECT}/runs/delete", body=RunIds, answer=RunIdsAnswer)
def delete_runs(call: Call) -> RunIdsAnswer:
    """Put many runs into the trash for 7 days: all, or none."""
    runs = call.core.trash.find(_project(call), call.body.runs)
    return RunIdsAnswer(_change(call, runs, _delete, "run-deleted"))


@routes.post(f"{PROJECT}/runs/restore", body=RunIds, answer=RunIdsAnswer)
def restore_runs(call: Call) -> RunIdsAnswer:
    """Take many runs out of the trash: all, or none."""
    runs = call.core.trash.find(_project(call), call.body.runs)
    return RunIdsAnswer(_change(call, runs, _restore, "run-restored"))


@routes.get(f"{PROJECT}/trash", query=TrashQuery, answer=TrashAnswer)
def show_trash(call: Call) -> TrashAnswer:
    """Return the runs that can be restored, who deleted them, and until when."""
    total, runs = call.core.trash.list(_project(call), call.query.offset, call.query.limit)
    return TrashAnswer(total, [_answer(call, run) for run in runs])


def _project(call: Call) -> Project:
    return call.core.projects.find(call.who, call.path["entity"], call.path["project"], "write")


def _delete(call: Call, runs: Sequence[Run]) -> list[Run]:
    return call.core.trash.delete(runs, call.who.user.name)


def _restore(call: Call, runs: Sequence[Run]) -> list[Run]:
    return call.core.trash.restore(runs)


def _change(
    call: Call, runs: Sequence[Run], change: Callable[[Call, Any], list[Run]], action: Action
) -> list[str]:
    """Change runs if all of them may be; return the ids of those that did."""
    for run in runs:
        check_can_delete(call.who, run.entity, run.project_name, run.user, f"run {run.id}")
    changed = change(call, runs)
    paths = [f"{run.entity}/{run.project_name}/{run.id}" for run in changed]
    call.core.people.audit.by_each(call.who, action, paths)
    return [run.id for run in changed]


def _answer(call: Call, run: Run) -> TrashedRunAnswer:
    deleted_us = run.deleted_us or 0
    return TrashedRunAnswer(
        run.id, run.name, run.user, run.state, run.color, run.rows, run.created_us, deleted_us,
        run.deleted_by, deleted_us + KEPT_US,
        can_delete(call.who, run.entity, run.project_name, run.user),
    )  # fmt: skip
