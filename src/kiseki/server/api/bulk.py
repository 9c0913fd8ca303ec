"""Many runs changed at once: named by id, or found by a filter; and taken back."""

from __future__ import annotations

from typing import Any

import msgspec

from kiseki.core.edits import Changes, Chosen, Outcome
from kiseki.core.projects import Project
from kiseki.record.fold import Edit
from kiseki.server.routing import Call, Routes

routes = Routes()

RUNS = "/api/v1/projects/{entity}/{project}/runs"


class BulkEdit(msgspec.Struct, forbid_unknown_fields=True):
    """Of `runs` (ids, at most 10,000) or those that `filter` finds (at most 100,000); absent fields stay."""

    runs: list[str] | None = None
    filter: str | None = None
    tags_add: list[str] = []
    tags_remove: list[str] = []
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    color: int | None = None


class BulkStop(msgspec.Struct, forbid_unknown_fields=True):
    """Of either `runs` (ids) or those that `filter` finds."""

    runs: list[str] | None = None
    filter: str | None = None


class BulkDelete(msgspec.Struct, forbid_unknown_fields=True):
    """`expected`: how many runs match as far as the person knows; with more nothing is deleted."""

    filter: str
    expected: int | None = None


class BulkAnswer(msgspec.Struct):
    """`changed` of `matching` runs are different now; `undo`: what takes it back, "" if nothing does."""

    matching: int
    changed: int
    undo: str


@routes.post(f"{RUNS}/edit", body=BulkEdit, answer=BulkAnswer)
def edit_runs(call: Call) -> BulkAnswer:
    """Change tags, group, job type, notes or color of many runs."""
    body: BulkEdit = call.body
    edit = Edit(
        tags_add=body.tags_add, tags_remove=body.tags_remove, group=body.group,
        job_type=body.job_type, notes=body.notes,
    )  # fmt: skip
    chosen = _choose(call, body.runs, body.filter)
    return _answer(call.core.edits.edit_many(call.who, chosen, Changes(edit, body.color)))


@routes.post(f"{RUNS}/edit/{{undo}}/undo", answer=BulkAnswer)
def undo_edit(call: Call) -> BulkAnswer:
    """Take a change of many runs back, but for what was changed again since."""
    return _answer(call.core.edits.undo(call.who, _project(call), call.path["undo"]))


@routes.post(f"{RUNS}/stop", body=BulkStop, answer=BulkAnswer)
def stop_runs(call: Call) -> BulkAnswer:
    """Ask the scripts of many runs to stop; those that are not running are left alone."""
    return _answer(call.core.edits.stop_many(_choose(call, call.body.runs, call.body.filter)))


@routes.post(f"{RUNS}/delete-matching", body=BulkDelete, answer=BulkAnswer)
def delete_matching_runs(call: Call) -> BulkAnswer:
    """Put all runs that a filter finds into the trash for 7 days: all, or none."""
    body: BulkDelete = call.body
    chosen = _choose(call, None, body.filter)
    return _answer(call.core.edits.delete_many(call.who, chosen, body.expected))


def _project(call: Call) -> Project:
    return call.core.projects.find(call.who, call.path["entity"], call.path["project"], "write")


def _choose(call: Call, runs: Any, filter: Any) -> Chosen:
    return call.core.edits.choose(_project(call), call.who.user.name, runs, filter)


def _answer(outcome: Outcome) -> BulkAnswer:
    return BulkAnswer(outcome.matching, outcome.changed, outcome.undo)
