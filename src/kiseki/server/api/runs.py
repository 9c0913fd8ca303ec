"""One run: shown, edited, stopped."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from kiseki.core.edits import Changes
from kiseki.core.runs import Run
from kiseki.record.fold import Edit, RunState
from kiseki.server.api.urls import run_url
from kiseki.server.routing import Call, Routes

routes = Routes()

RUN = "/api/v1/projects/{entity}/{project}/runs/{run}"


class RunAnswer(msgspec.Struct, kw_only=True):
    """A run as lists show it. Times are Unix microseconds, null when unknown."""

    entity: str
    project: str
    id: str
    name: str
    notes: str
    tags: list[str]
    group: str
    job_type: str
    user: str
    state: str
    cause: str
    exit_code: int | None
    color: int
    attempt: int
    host: str
    pid: int
    program: str
    created_us: int
    started_us: int
    finished_us: int | None
    heartbeat_us: int | None
    last_us: int | None
    runtime_us: int
    next_step: int
    rows: int
    config: dict[str, Any]
    summary: dict[str, Any]
    values: dict[str, bool | float | str | None] | msgspec.UnsetType = msgspec.UNSET


class AlertAnswer(msgspec.Struct):
    title: str
    text: str
    level: str
    time_us: int
    step: int


class NoticeAnswer(msgspec.Struct):
    """Something to know about the run's data: rows dropped, records refused, damage."""

    code: str
    text: str
    count: int
    time_us: int


class DefinitionAnswer(msgspec.Struct):
    """What `define_metric` said about one name (or prefix ending in `*`)."""

    name: str
    step_metric: str | None
    step_sync: bool | None
    hidden: bool
    summary: list[str] | None
    goal: str | None


class AttemptAnswer(msgspec.Struct):
    """One start of the run under its id. A rewind or fork begins with rows up to `parent_step`."""

    attempt: int
    kind: Literal["start", "again", "rewind", "fork"]
    parent_step: int | None
    state: str
    started_us: int
    rows: int
    segment: int


class ParentAnswer(msgspec.Struct):
    """Where the latest attempt begins: the rows of `attempt` of `run`, up to and with `step`."""

    run: str
    name: str
    attempt: int
    step: int


class PieceAnswer(msgspec.Struct):
    """A piece of the history, written by an attempt of a run; null = not bounded by another piece."""

    run: str
    name: str
    attempt: int
    from_step: int | None
    to_step: int | None


class ForkAnswer(msgspec.Struct):
    """A run that begins with rows of this one, up to and with `step`."""

    run: str
    name: str
    step: int


class WriterAnswer(msgspec.Struct):
    """A process that writes, or wrote, the latest attempt."""

    stream: str
    label: str
    host: str
    pid: int
    primary: bool
    state: str
    opened_us: int


class FileAnswer(msgspec.Struct):
    """A file of the run, and when it is uploaded: `live`, `now` or `end`."""

    path: str
    policy: str


class LoggedAnswer(msgspec.Struct):
    """A metric of the run; `space` is `history` or `system`."""

    path: str
    space: str


class FullRunAnswer(RunAnswer, kw_only=True):
    """A run with everything known about it."""

    url: str
    sweep_id: str
    stopped_us: int | None  # when somebody pressed Stop
    files: list[FileAnswer]
    environment: dict[str, Any]
    packages: dict[str, str]
    alerts: list[AlertAnswer]
    notices: list[NoticeAnswer]
    logged: list[LoggedAnswer]
    definitions: list[DefinitionAnswer]
    attempts: list[AttemptAnswer]
    parent: ParentAnswer | None
    lineage: list[PieceAnswer]
    forks: list[ForkAnswer]
    writers: list[WriterAnswer]


class RunEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What to change; absent fields stay. `tags` are all of them, `tags_add` and `tags_remove` some."""

    name: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    tags_add: list[str] = []
    tags_remove: list[str] = []
    group: str | None = None
    job_type: str | None = None
    color: int | None = None


def fields_of(run: Run) -> dict[str, Any]:
    """Return the fields of `RunAnswer`."""
    return {
        "entity": run.entity,
        "project": run.project_name,
        "id": run.id,
        "name": run.name,
        "notes": run.notes,
        "tags": list(run.tags),
        "group": run.group,
        "job_type": run.job_type,
        "user": run.user,
        "state": run.state,
        "cause": run.cause,
        "exit_code": run.exit_code,
        "color": run.color,
        "attempt": run.ordinal,
        "host": run.host,
        "pid": run.pid,
        "program": run.program,
        "created_us": run.created_us,
        "started_us": run.started_us,
        "finished_us": run.finished_us,
        "heartbeat_us": run.heartbeat_us,
        "last_us": run.last_us,
        "runtime_us": run.runtime_us,
        "next_step": run.next_step,
        "rows": run.rows,
        "config": dict(run.config),
        "summary": dict(run.summary),
    }


def to_answer(run: Run) -> RunAnswer:
    """Return a run as lists show it."""
    return RunAnswer(**fields_of(run))


def changes_of(body: msgspec.Struct) -> Changes:
    """Return what a body says is to be changed of runs."""
    values = msgspec.structs.asdict(body)
    color = values.pop("color")
    return Changes(Edit(**values), color)


def _find(call: Call, verb: Any = "read") -> Run:
    path = call.path
    return call.core.runs.find(call.who, path["entity"], path["project"], path["run"], verb)[1]


def _full(call: Call, run: Run) -> FullRunAnswer:
    state: RunState = call.core.runs.state(run)
    return FullRunAnswer(
        **fields_of(run),
        url=run_url(call.core.url, run.entity, run.project_name, run.id),
        sweep_id=state.sweep_id,
        stopped_us=run.stop_us,
        files=[FileAnswer(path, file.policy) for path, file in state.files.items()],
        environment=state.environment,
        packages=state.packages,
        alerts=[
            AlertAnswer(item.title, item.text, item.level, item.time_us, item.step)
            for item in state.alerts
        ],
        notices=[
            NoticeAnswer(item.code, item.text, item.count, item.time_us) for item in state.notices
        ],
        logged=[LoggedAnswer(item.path, item.space) for item in call.core.runs.metrics(run)],
        definitions=[
            DefinitionAnswer(
                item.name, item.step_metric, item.step_sync, item.hidden, item.summary, item.goal
            )
            for item in state.definitions.values()
        ],
        attempts=[
            AttemptAnswer(
                item.ordinal, item.kind, item.parent_step, item.state, item.started_us, item.rows,
                item.history,
            )
            for item in call.core.runs.attempts(run)
        ],
        **_lineage(call, run),
        writers=[
            WriterAnswer(
                stream, item.label, item.host, item.pid, item.primary, item.state, item.opened_us
            )
            for stream, item in state.writers.items()
        ],
    )  # fmt: skip


def _lineage(call: Call, run: Run) -> dict[str, Any]:
    pieces = call.core.runs.pieces(run)
    hangs = [piece.parent_step for piece in pieces[1:]]  # the last step that is kept of each piece
    parent = None
    if hangs and hangs[-1] is not None:
        above = pieces[-2]
        parent = ParentAnswer(above.run_id, above.run_name, above.ordinal, hangs[-1])
    shown: list[PieceAnswer] = []
    end: int | None = None
    for piece, hang in zip(reversed(pieces), [None, *reversed(hangs)], strict=True):
        end = hang if end is None else min(end, hang or 0)
        start = None if piece.parent_step is None else piece.parent_step + 1
        if start is None or end is None or start <= end:
            shown.append(PieceAnswer(piece.run_id, piece.run_name, piece.ordinal, start, end))
    return {
        "parent": parent,
        "lineage": shown[::-1],
        "forks": [
            ForkAnswer(fork.run_id, fork.run_name, fork.step) for fork in call.core.runs.forks(run)
        ],
    }


@routes.get(RUN, answer=FullRunAnswer)
def show_run(call: Call) -> FullRunAnswer:
    """Return one run with its whole config, summary, environment, alerts, notices and attempts."""
    return _full(call, _find(call))


@routes.add("PATCH", RUN, body=RunEdit, answer=FullRunAnswer)
def edit_run(call: Call) -> FullRunAnswer:
    """Change name, notes, tags, group, job type or color of a run."""
    run = _find(call, "write")
    call.core.edits.edit(run, changes_of(call.body))
    return _full(call, _find(call))


@routes.post(f"{RUN}/stop", answer=None)
def stop_run(call: Call) -> None:
    """Ask the script to stop: it gets a KeyboardInterrupt."""
    call.core.edits.stop(_find(call, "write"))
