"""Operations that start, change and end runs.

One operation, `upsertBucket`, means six things; which one is told by what it leaves out:

| `id` | `host` | run | meaning |
|---|---|---|---|
| none | given | unknown | starts a run, or forks one (`_wandb.branch_point`) |
| none | given | known | starts it anew, another attempt; or the same one is sent again (`starts.py`) |
| given | given | not running | goes on with it |
| given | given | running | changes name, notes, tags, config |
| either | none | known | changes what is given: config while running, edits through the API |
| none | none | unknown | makes a run through the API |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from kiseki.base import ids
from kiseki.base.clock import wall_us
from kiseki.base.run_names import run_name
from kiseki.core.edits import Changes
from kiseki.core.ingest import Receipt
from kiseki.core.projects import Project
from kiseki.core.rights import check_can_delete
from kiseki.core.runs import Run
from kiseki.errors import Conflict, Invalid, NotFound
from kiseki.record.fold import ALIVE, Edit
from kiseki.record.types import Alert, Config, Open, Record, Summary
from kiseki.server.wandb import starts, translation
from kiseki.server.wandb.context import Context, project_name
from kiseki.server.wandb.ids import names_of
from kiseki.server.wandb.nodes import RunNode
from kiseki.server.wandb.translation import moment_us
from kiseki.server.wandb.writers import PREFIX, Body, Track, stream_of, stream_of_client


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is, or will be."""

    entity: str
    project: str
    run: str


def upsert_bucket(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    return _upserted(info.context, input) | {"serverSettings": {"serverMessages": []}}


def _upserted(context: Context, input: Mapping[str, Any]) -> dict[str, Any]:
    place, found = _find(context, input)
    is_start = input.get("host") is not None
    if found is None:
        if input.get("id"):
            raise NotFound(f"run {place.entity}/{place.project}/{place.run} does not exist")
        return _start(context, place, input) | {"inserted": True}
    _, run = found
    if is_start and not input.get("id") and not context.is_shared:
        return _start_over(context, place, run, input) | {"inserted": False}
    run = _settled(context, place, run, input)
    if is_start and run.state not in ALIVE:
        return _go_on(context, place, run, input) | {"inserted": False}
    _change(context, run, input)
    return {"bucket": _node(context, place), "inserted": False}


def _find(context: Context, input: Mapping[str, Any]) -> tuple[Place, tuple[Project, Run] | None]:
    if input.get("id"):
        place = Place(*names_of("Run", input["id"], 3))
    else:
        name = input.get("name") or ids.run_id()
        place = Place(
            context.entity(input.get("entityName")), project_name(input.get("modelName")), name
        )
    try:
        return place, context.core.runs.find(
            context.who,
            place.entity,
            place.project,
            place.run,
            "write",
            in_trash=input.get("host") is None,  # what goes on; nobody starts it there
        )
    except NotFound:
        return place, None


def _start(context: Context, place: Place, input: Mapping[str, Any]) -> dict[str, Any]:
    """Start a run: a new one, another attempt of one that is there, or a fork."""
    stream, records = _beginning(place, input, client=context.client)
    _send(context, stream, records)
    _, run = context.core.runs.find(context.who, place.entity, place.project, place.run)
    context.door.writers.make_current(run, stream)
    return {"bucket": _Started(context, place, _inherited(context, run))}


def _beginning(
    place: Place, input: Mapping[str, Any], goes_on: bool = False, *, client: str = ""
) -> tuple[str, list[Record]]:
    """Return the stream that a start opens, and its first records."""
    config, internal = _config(input)
    names = (place.entity, place.project, place.run)
    stream = stream_of(*names, internal) or PREFIX + ids.stream_id()
    if client:
        stream = stream_of_client(*names, client, PREFIX)
    opening = _opening(place, stream, input, internal, resume="must" if goes_on else None)
    if not goes_on and (branch := _branch(place, internal)) is not None:
        opening = msgspec.structs.replace(opening, parent_run=branch[0], parent_step=branch[1])
    return stream, [opening, *_config_records(config, internal, {}), *_summary(input)]


def _branch(place: Place, internal: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the run and step that a fork begins with; a rewind's point is its own run."""
    branch = internal.get("branch_point")
    if not isinstance(branch, dict) or not isinstance(parent := branch.get("run_id"), str):
        return None
    step = branch.get("step")
    return None if parent == place.run else (parent, step if type(step) is int else 0)


def _start_over(
    context: Context, place: Place, run: Run, input: Mapping[str, Any]
) -> dict[str, Any]:
    """Start a run that is there: `starts.py` tells what that may mean."""
    core, writers = context.core, context.door.writers
    _, internal = _config(input)
    stream = stream_of(place.entity, place.project, place.run, internal)
    known = None if stream is None else core.folds.stream(stream)
    if stream is not None and known is not None:  # sent again
        writers.make_current(run, stream)
        return {"bucket": _Started(context, place, _inherited(context, run))}
    before = starts.internal_of(core, run)
    branch = _branch(place, internal)
    if writers.of(run) is None or branch != _branch(place, before):
        return _start(context, place, input)
    same = starts.attempt_of_writer(core, run, internal)
    is_told = starts.tells_writer(internal)
    if not is_told and not before.get("e") and not core.folds.state(run.attempt).rows:
        same = run  # nothing came of the start before: its answer got lost
    if is_told and same is None:
        return _start(context, place, input)
    inherited = _inherited(context, same or run)
    if same is None:
        writers.starts.put(run, input, partial(_beginning, place), inherited)
    elif same.attempt != run.attempt:
        writers.make_current(same)
    return {"bucket": _Started(context, place, inherited)}


def _settled(context: Context, place: Place, run: Run, input: Mapping[str, Any]) -> Run:
    """Decide what an open start of a run means, if this tells it; return the run as it is then."""
    writers = context.door.writers
    start = writers.starts.add(run, input) if input.get("config") is not None else None
    if start is None:
        return run
    _, internal = _config(start.input)
    stream = stream_of(place.entity, place.project, place.run, internal)
    known = None if stream is None else context.core.folds.stream(stream)
    if known is not None:
        same: Run | None = starts.view_of(context.core, run, known.attempt.number)
    else:
        same = starts.attempt_of_writer(context.core, run, internal)
    if same is not None or starts.tells_writer(internal):
        writers.settle(run, context.who, same)
    return context.core.runs.find(context.who, place.entity, place.project, place.run)[1]


def _go_on(context: Context, place: Place, run: Run, input: Mapping[str, Any]) -> dict[str, Any]:
    """Go on with a run that ended, or fell silent."""
    config, internal = _config(input)
    stream = stream_of(place.entity, place.project, place.run, internal) or PREFIX + ids.stream_id()
    if context.core.folds.stream(stream) is not None:
        stream = PREFIX + ids.stream_id()
    opening = _opening(place, stream, input, internal, resume="must")
    known = context.core.folds.state(run.attempt).config
    _send(context, stream, [opening, *_config_records(config, internal, known)])
    context.door.writers.make_current(run, stream)
    return {"bucket": _node(context, place)}


def _change(context: Context, run: Run, input: Mapping[str, Any]) -> None:
    """Set what is given, and nothing else."""
    core = context.core
    state = core.folds.state(run.attempt)
    config, internal = _config(input)
    records: list[Record] = []
    if input.get("config") is not None:
        records += _config_records(config, internal, state.config)
    records += _summary(input, state.values)
    if records:
        context.door.writers.say(run, context.who, records)
    notes = input.get("notes") if input.get("notes") is not None else input.get("description")
    edit = Edit(
        name=input.get("displayName") or None,
        notes=notes,
        tags=input.get("tags"),
        group=input.get("groupName"),
        job_type=input.get("jobType"),
    )
    if edit != Edit():
        core.edits.edit(run, Changes(edit=edit))


def _config(input: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    text = input.get("config")
    if text is None:
        return {}, {}
    try:
        return translation.config(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the config cannot be read: {error}", code="config") from error


def _config_records(
    config: Mapping[str, Any],
    internal: Mapping[str, Any],
    known: Mapping[str, Any],
) -> list[Record]:
    """Return what makes a config the one that was sent, which is always the whole."""
    changed = {
        key: value
        for key, value in config.items()
        if key not in known or not translation.same(known[key], value)
    }
    gone = [key for key in known if key not in config]
    records: list[Record] = []
    if changed or gone:
        records.append(Config(set=changed, delete=gone))
    if internal:
        records.append(translation.environment(internal))
        records += translation.definitions(internal.get("m"))
    return records


def _summary(input: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> list[Record]:
    text = input.get("summaryMetrics")
    if text is None:
        return []
    try:
        changed, gone = translation.summary_change(translation.summary(text), known or {})
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the summary cannot be read: {error}", code="summary") from error
    return [Summary(set=changed, delete=gone)] if changed or gone else []


def _opening(
    place: Place,
    stream: str,
    input: Mapping[str, Any],
    internal: Mapping[str, Any],
    resume: str | None,
) -> Open:
    writer = translation.newest_writer(internal) or {}
    return Open(
        stream=stream,
        run=place.run,
        project=place.project,
        entity=place.entity,
        started_us=moment_us(writer.get("startedAt")) or wall_us(),
        name=input.get("displayName") or run_name(),
        is_default_name=not input.get("displayName"),
        notes=input.get("notes") if input.get("notes") is not None else input.get("description"),
        tags=input.get("tags"),
        group=input.get("groupName"),
        job_type=input.get("jobType"),
        sweep_id=input.get("sweep"),
        resume=resume,
        host=str(input.get("host") or ""),
        program=str(input.get("jobProgram") or writer.get("program") or ""),
        sdk=f"wandb {internal.get('cli_version') or ''}".strip(),
    )


def _send(context: Context, stream: str, records: list[Record]) -> Receipt:
    """Commit the first records of a stream. Raises PublicError."""
    body = Body(Track(stream))
    for record in records:
        body.add(record)
    return context.door.writers.send(body, context.who, takes_over=True)


def _node(context: Context, place: Place) -> RunNode:
    project, run = context.core.runs.find(
        context.who, place.entity, place.project, place.run, in_trash=True
    )
    return RunNode(context, project, run)


def _inherited(context: Context, run: Run) -> int:
    """Return how many rows a run began with: those of its parent."""
    core = context.core
    links = core.runs.ranges(run, "history")
    if len(links) == 1:
        return 0
    own = core.series.rows(run.project, [links[-1].segment]).get(links[-1].segment, 0)
    return core.folds.state(run.attempt).rows - own


class _Started(RunNode):
    """A run as the answer to its start tells it: lines begin behind what it took over."""

    def __init__(self, context: Context, place: Place, inherited: int) -> None:
        project, run = context.core.runs.find(context.who, place.entity, place.project, place.run)
        super().__init__(context, project, run)
        self._inherited = inherited

    @property
    def historyLineCount(self) -> int:
        return self._inherited


def rewind_run(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    context: Context = info.context
    place = Place(
        context.entity(input.get("entityName")),
        project_name(input.get("projectName")),
        input["runName"],
    )
    _, run = context.core.runs.find(context.who, place.entity, place.project, place.run, "write")
    if input["metricName"] != "_step":
        raise Invalid(f"a run is rewound to a _step, not to a {input['metricName']!r}", code="step")
    stream = PREFIX + ids.stream_id()
    opening = Open(
        stream=stream,
        run=place.run,
        project=place.project,
        entity=place.entity,
        started_us=wall_us(),
        parent_run=place.run,
        parent_step=int(input["metricValue"]),
        host=run.host,
        program=run.program,
        sdk="wandb",
    )
    _send(context, stream, [opening])
    _, run = context.core.runs.find(context.who, place.entity, place.project, place.run)
    context.door.writers.make_current(run, stream)
    return {"rewoundRun": _node(context, place)}


def delete_run(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    context: Context = info.context
    place = Place(*names_of("Run", input["id"], 3))
    _, run = context.core.runs.find(context.who, place.entity, place.project, place.run, "write")
    what = f"run {place.entity}/{place.project}/{place.run}"
    check_can_delete(context.who, place.entity, place.project, run.user, what)
    context.core.trash.delete([run], context.who.user.name)
    return {"clientMutationId": input.get("clientMutationId")}


def stop_run(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    context: Context = info.context
    place = Place(*names_of("Run", input["id"], 3))
    _, run = context.core.runs.find(context.who, place.entity, place.project, place.run, "write")
    context.core.edits.stop(run)
    return {"success": True}


def update_run_state(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    raise Conflict(
        f"the state {input['state']!r} of a run cannot be set here: it is told by the run itself",
        code="state",
    )


def alert(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    context: Context = info.context
    _, run = context.core.runs.find(
        context.who,
        context.entity(input.get("entityName")),
        project_name(input.get("projectName")),
        input.get("runName") or "",
        "write",
    )
    wait_us = int(input.get("waitDuration") or 0) * 1_000
    now, state = wall_us(), context.core.folds.state(run.attempt)
    title = input.get("title") or ""
    recent = [one for one in state.alerts if one.title == title and one.time_us > now - wait_us]
    if not recent:
        made = Alert(
            title=title,
            text=input.get("text") or "",
            level=input.get("severity") or "INFO",
            time_us=now,
            step=max(0, state.next_step - 1),
        )
        context.door.writers.say(run, context.who, [made])
    return {"success": True}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.upsertBucket": upsert_bucket,
    "Mutation.rewindRun": rewind_run,
    "Mutation.deleteRun": delete_run,
    "Mutation.stopRun": stop_run,
    "Mutation.updateRunState": update_run_state,
    "Mutation.notifyScriptableRunAlert": alert,
}
