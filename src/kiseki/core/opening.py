"""What the first record of a stream does: finds or makes the project, the run, the attempt.

| id known? | `Open` | outcome |
|---|---|---|
| no | `resume="must"` | refused, `absent` |
| no | anything else | a new run |
| yes | `resume="never"` | refused, `exists` |
| yes, alive in another process | anything else | refused, `alive` |
| yes | `resume="allow"`, `"must"`, `"auto"` | its latest attempt goes on |
| yes | nothing of these | a new attempt; the earlier ones stay readable |
| any | `parent_run`, the same run | *rewind*: a new attempt that begins with rows of the one before |
| any | `parent_run`, another one | *fork*: as for `resume` not given, but beginning with rows of that run |
| yes | `shared`, or not `primary` | joins its latest attempt; a primary only if that is shared or not alive |
"""

from __future__ import annotations

import re

from kiseki.core.attempt import LiveStream
from kiseki.core.folds import Folds
from kiseki.core.lineage import Descent
from kiseki.core.names import check_run_id
from kiseki.core.projects import Projects
from kiseki.core.rights import Principal, can
from kiseki.errors import Conflict, Forbidden, Invalid, NotFound
from kiseki.record.fold import ALIVE
from kiseki.record.types import STEP_MAX, Open
from kiseki.storage.interface import Fold, MetaStore, NewStream, Project, Run

ALIVE_US = 60 * 1_000_000  # heard of this recently, a run may not be taken over
CONTINUING = ("allow", "must", "auto")

_STREAM = re.compile(r"[0-9A-Za-z_-]{8,64}")


class Unseeded(Exception):
    """An attempt that begins with rows of another one needs its fold (`lineage.Seeds`) to be opened."""

    def __init__(self, descent: Descent) -> None:
        super().__init__(descent)
        self.descent = descent


class Opening:
    """Opens streams. Used by the committing thread only, so that runs are never made twice."""

    def __init__(self, meta: MetaStore, projects: Projects, folds: Folds) -> None:
        self._meta = meta
        self._projects = projects
        self._folds = folds

    def open(
        self,
        who: Principal,
        record: Open,
        now_us: int,
        seed: tuple[Descent, Fold] | None = None,
        *,
        takes_over: bool = False,
        in_trash: bool = False,
    ) -> LiveStream:
        """Return the stream that a record opens, created with whatever it needs.

        Args:
            who: who sent it.
            record: the first record of the stream.
            now_us: when it arrived.
            seed: what an earlier call was `Unseeded` for.
            takes_over: a run that seems alive is not refused.
            in_trash: nor is a stream beside the others of a run in the trash.

        Raises:
            Invalid, NotFound, Forbidden, Conflict: with a `code` the SDK knows.
            Unseeded: the seed is missing, or of another attempt than is the parent by now.
        """
        if not _STREAM.fullmatch(record.stream):
            raise Invalid(f"{record.stream[:80]!r} is not a stream id", code="stream")
        if record.role == "uploader":
            return self._attach(who, record, now_us, in_trash=in_trash)
        check_run_id(record.run)
        descent = None
        if record.parent_run is not None:
            project, descent = self._descend(who, record)
        else:
            if record.resume == "must":
                self._check_there(who, record)
            project = self._projects.make(who, record.entity, record.project)
        run = self._meta.run(project.number, record.run)
        if run is not None and not (
            in_trash and not record.primary and run.deleted_us and not run.purged_us
        ):
            self._check_takeover(run, record, now_us, takes_over)
        if descent is not None and (seed is None or seed[0] != descent):
            raise Unseeded(descent)
        attempt = None
        if run is not None and descent is None and _goes_on(record):
            attempt = run.attempt
            self._go_on(run, record, now_us)
        new = NewStream(
            record.stream,
            project.number,
            record.run,
            None if run is None else run.number,
            attempt,
            "writer",
            who.user.number,
            now_us,
            None if descent is None else (descent.segment, descent.step),
            None if descent is None or seed is None else seed[1],
        )
        stream = self._folds.adopt(*self._meta.add_stream(new))
        self._folds.opened(stream, record)
        return stream

    def _check_there(self, who: Principal, record: Open) -> None:
        """Raise NotFound unless the run is there that must be; no project is made for the question."""
        entity, project = self._projects.writable(who, record.entity, record.project)
        if project is None or self._meta.run(project.number, record.run) is None:
            raise NotFound(
                f"there is no run {record.run!r} in {entity}/{record.project} to resume. "
                'Check its id and project, or give resume="allow"',
                code="absent",
            )

    def _descend(self, who: Principal, record: Open) -> tuple[Project, Descent]:
        """Return the project of a rewind or fork, and where the new attempt begins."""
        parent_id, step = record.parent_run, record.parent_step
        assert parent_id is not None
        what = "rewind" if parent_id == record.run else "fork"
        if record.shared or not record.primary:
            raise Invalid(
                f"a run with several writers cannot begin with a {what}: {what} it with one writer first, "
                "then let the others join",
                code="unsupported",
            )
        if step is None or not 0 <= step < STEP_MAX:
            raise Invalid(
                f"a {what} needs the last step to keep, and {step} is none. Give a number from 0",
                code="step",
            )
        entity = record.entity or who.project.partition("/")[0] or who.user.entity
        project = self._projects.find(who, entity, record.project, "write")
        parent = self._meta.run(project.number, parent_id)
        if parent is None or parent.deleted_us is not None:
            where = f"in {entity}/{project.name}"
            gone = f"was deleted {where}" if parent is not None else f"does not exist {where}"
            raise NotFound(
                f"the run {parent_id!r} to {what} {gone}. Only a run of the same project can be taken",
                code="absent",
            )
        last = self._folds.fresh(parent).next_step - 1
        if step > last:
            reached = f"its last step is {last}" if last >= 0 else "it has no rows"
            raise Conflict(
                f"run {entity}/{project.name}/{parent_id} has no step {step} to {what} at: {reached}. "
                "Give a step it has reached; rows that are not uploaded yet do not count",
                code="step",
                last_step=last,
            )
        return project, Descent(
            project.number, parent.attempt, parent.history, step, parent_id != record.run
        )

    def _check_takeover(self, run: Run, record: Open, now_us: int, takes_over: bool) -> None:
        what = f"run {run.entity}/{run.project_name}/{run.id}"
        if run.deleted_us is not None:
            back = ", or restore it from the trash" if run.purged_us is None else ""
            raise Conflict(
                f"{what} was deleted, and its id cannot be used again. Choose another id{back}",
                code="deleted",
            )
        if not record.primary or takes_over:
            return
        if record.resume == "never" and not record.shared:
            raise Conflict(
                f'{what} exists already. Choose another id, or give resume="allow" to continue it',
                code="exists",
            )
        opening, state = self._folds.opening(run.attempt)
        is_shared = opening.shared if opening is not None else state.is_shared
        if not self._is_alive(run, now_us) or (record.shared and is_shared):
            return
        writer = opening or state
        if record.host and (writer.host, writer.pid, writer.process_started_us) == (
            record.host,
            record.pid,
            record.process_started_us,
        ):
            return
        raise Conflict(
            f"{what} is still running, as process {writer.pid} on {writer.host or 'another host'}. "
            "End that process first, or choose another id; "
            'for several writers of one run give mode="shared" to all of them',
            code="alive",
            host=writer.host,
            pid=writer.pid,
        )

    def _is_alive(self, run: Run, now_us: int) -> bool:
        known = self._folds.fresh(run)
        return known.state in ALIVE and (known.heartbeat_us or 0) > now_us - ALIVE_US

    def _go_on(self, run: Run, record: Open, now_us: int) -> None:
        """Prepare a run for a further writer."""
        joins = not record.primary or (record.shared and self._is_alive(run, now_us))
        if run.stop_us is not None and not joins:  # somebody stopped the session before
            self._meta.edit_run(run.number, {"stop_us": None})
            self._folds.stop(run.attempt, None)
        if record.shared and not self._is_alive(run, now_us):
            _, state = self._folds.opening(run.attempt)
            if any(writer.state in ALIVE for writer in state.writers.values()):
                self._folds.lose_writers(run.attempt)

    def _attach(self, who: Principal, record: Open, now_us: int, *, in_trash: bool) -> LiveStream:
        writer = self._folds.stream(record.writer)
        if writer is None:
            raise Conflict(
                f"the writer {record.writer!r} of this stream is not known yet", code="writer"
            )
        attempt = writer.attempt
        check_writable(who, writer, in_trash=in_trash)
        new = NewStream(
            record.stream,
            attempt.run.project,
            attempt.run.id,
            attempt.run.number,
            attempt.number,
            "uploader",
            who.user.number,
            now_us,
        )
        return self._folds.adopt(*self._meta.add_stream(new))


def _goes_on(record: Open) -> bool:
    """Return whether a writer goes on with the latest attempt of a run that exists."""
    return record.resume in CONTINUING or record.shared or not record.primary


def check_writable(who: Principal, stream: LiveStream, *, in_trash: bool = False) -> None:
    """Raise if somebody may not append to a stream: not theirs, or of a deleted run.

    Args:
        in_trash: it may be in the trash, but not purged.
    """
    run = stream.attempt.run
    if not can(who, "write", run.entity, run.project_name):
        if can(who, "read", run.entity, run.project_name):
            raise Forbidden(f"{who.user.name} may not write to {run.entity} with this key")
        raise NotFound(f"stream {stream.id} does not exist", code="entity")
    if stream.attempt.is_deleted and not (in_trash and run.purged_us is None):
        raise Conflict(f"run {run.entity}/{run.project_name}/{run.id} was deleted", code="deleted")
