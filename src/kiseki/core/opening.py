"""What the first record of a stream does: finds or makes the project, the run, the attempt.

| id known? | `resume` | outcome |
|---|---|---|
| no | `must` | refused, `absent` |
| no | anything else | a new run |
| yes | `never` | refused, `exists` |
| yes, alive in another process | anything else | refused, `alive` |
| yes | `allow` `must` `auto` | its latest attempt goes on |
| yes | not given | a new attempt; the earlier ones stay readable |
"""

from __future__ import annotations

import re

from kiseki.core.access import Principal, can
from kiseki.core.attempt import ALIVE, LiveStream
from kiseki.core.folds import Folds
from kiseki.core.names import check_run_id
from kiseki.core.projects import Projects
from kiseki.errors import Conflict, Forbidden, Invalid, NotFound
from kiseki.record.types import Open
from kiseki.storage.interface import MetaStore, NewStream, Run

ALIVE_US = 60 * 1_000_000  # heard of this recently, a run may not be taken over
CONTINUING = ("allow", "must", "auto")

_STREAM = re.compile(r"[0-9A-Za-z_-]{8,64}")


class Opening:
    """Opens streams. Used by the committing thread only, so that runs are never made twice."""

    def __init__(self, meta: MetaStore, projects: Projects, folds: Folds) -> None:
        self._meta = meta
        self._projects = projects
        self._folds = folds

    def open(self, who: Principal, record: Open, now_us: int) -> LiveStream:
        """Return the stream that a record opens, created with whatever it needs.

        Raises:
            Invalid, NotFound, Forbidden, Conflict: with a `code` the SDK knows.
        """
        if not _STREAM.fullmatch(record.stream):
            raise Invalid(f"{record.stream[:80]!r} is not a stream id", code="stream")
        if record.role == "uploader":
            return self._attach(who, record, now_us)
        if record.parent_run is not None:
            raise Invalid("this server does not know rewind and fork yet", code="unsupported")
        check_run_id(record.run)
        project = self._projects.make(who, record.entity, record.project)
        run = self._meta.run(project.number, record.run)
        attempt = None
        if run is None:
            if record.resume == "must":
                raise NotFound(
                    f"there is no run {record.run!r} in {project.entity}/{project.name} to resume",
                    code="absent",
                )
        else:
            self._check_takeover(run, record, now_us)
            if record.resume in CONTINUING or not record.primary:
                attempt = run.attempt
        new = NewStream(
            record.stream,
            project.number,
            record.run,
            None if run is None else run.number,
            attempt,
            "writer",
            who.user.number,
            now_us,
        )
        return self._folds.adopt(*self._meta.add_stream(new))

    def _check_takeover(self, run: Run, record: Open, now_us: int) -> None:
        what = f"run {run.entity}/{run.project_name}/{run.id}"
        if run.deleted_us is not None:
            raise Conflict(f"{what} was deleted: its id cannot be used again", code="deleted")
        if not record.primary:
            return
        if record.resume == "never":
            raise Conflict(f"{what} exists already", code="exists")
        known = self._folds.fresh(run)
        state = self._folds.state(run.attempt)
        is_same_process = (state.host, state.pid, state.process_started_us) == (
            record.host,
            record.pid,
            record.process_started_us,
        )
        is_heard = (known.heartbeat_us or 0) > now_us - ALIVE_US
        if known.state in ALIVE and is_heard and not (record.host and is_same_process):
            raise Conflict(
                f"{what} is still running, as process {known.pid} on {known.host or 'another host'}",
                code="alive",
                host=known.host,
                pid=known.pid,
            )

    def _attach(self, who: Principal, record: Open, now_us: int) -> LiveStream:
        writer = self._folds.stream(record.writer)
        if writer is None:
            raise Conflict(
                f"the writer {record.writer!r} of this stream is not known yet", code="writer"
            )
        attempt = writer.attempt
        check_writable(who, writer)
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


def check_writable(who: Principal, stream: LiveStream) -> None:
    """Raise if somebody may not append to a stream: not theirs, or of a deleted run."""
    run = stream.attempt.run
    if not can(who, "write", run.entity, run.project_name):
        if can(who, "read", run.entity, run.project_name):
            raise Forbidden(f"{who.user.name} may not write to {run.entity} with this key")
        raise NotFound(f"stream {stream.id} does not exist", code="entity")
    if stream.attempt.is_deleted:
        raise Conflict(f"run {run.entity}/{run.project_name}/{run.id} was deleted", code="deleted")
