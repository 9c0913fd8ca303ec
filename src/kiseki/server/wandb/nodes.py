"""Things as the official client reads them. Attributes and methods are named as the fields of its schema.

A field that costs something is a method or property, and is computed only where it is asked for.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from kiseki.core.access import User
from kiseki.core.files import RunFile
from kiseki.core.projects import Project
from kiseki.core.runs import Run
from kiseki.errors import NotFound
from kiseki.record.fold import RunState
from kiseki.server.content import type_of
from kiseki.server.wandb import translation
from kiseki.server.wandb.context import Context, connection, iso, offset_of, page
from kiseki.server.wandb.ids import storage_id
from kiseki.server.wandb.signing import Permit
from kiseki.server.wandb.translation import unparse

ROWS_MAX = 10_000  # of one page of a history
LINES_MAX = 10_000
FILES_MAX = 10_000
SPEC_KEYS_MAX = 1_000

_STATES = {"killed": "crashed"}  # a client that waits for a run's end knows no other word for it


class UserNode:
    """A user; `is_self`: the one who asks, to whom more is told."""

    def __init__(self, user: User, teams: Sequence[str] = (), *, is_self: bool = False) -> None:
        self.id = storage_id("User", user.name)
        self.name = user.display_name or user.name
        self.username = self.entity = user.name
        self.email = (user.email if is_self else "") or ""
        self.admin = user.is_admin if is_self else False
        self.flags = "{}"
        self.deletedAt = self.photoUrl = None
        self.apiKeys: dict[str, Any] = {"edges": []}
        self.teams = {
            "edges": [{"node": {"name": name, "id": storage_id("Entity", name)}} for name in teams]
        }


class EntityNode:
    """An owner of projects."""

    def __init__(self, name: str, *, is_team: bool = False) -> None:
        self.id = storage_id("Entity", name)
        self.name = name
        self.available = False
        self.isTeam = is_team
        self.entityType = "team" if is_team else "user"
        self.readOnly = self.readOnlyAdmin = self.privateOnly = self.isPaid = False
        self.codeSavingEnabled = True
        self.defaultAccess = "PRIVATE"
        self.storageBytes = 0
        self.photoUrl = self.organization = self.user = None
        self.members: list[Any] = []
        self.xxhashDigestsEnabled = False


class ProjectNode:
    """A project. `number` None: it is not there yet."""

    def __init__(self, context: Context, project: Project) -> None:
        self._context = context
        self.project = project
        self.id = storage_id("Project", project.entity, project.name)
        self.internalId = str(project.number)
        self.name = project.name
        self.entityName = project.entity
        self.createdAt = iso(project.created_us)
        self.isBenchmark = self.readOnly = False
        self.description = ""
        self.access = "PRIVATE"
        self.views = "{}"
        self.user = UserNode(context.who.user)
        self.allViews = connection([], [], False)

    @property
    def entity(self) -> EntityNode:
        return EntityNode(self.entityName)

    def bucket(
        self, _info: Any, name: str | None = None, missingOk: bool = False
    ) -> RunNode | None:
        return self.run(_info, name)

    def run(self, _info: Any, name: str | None = None) -> RunNode | None:
        try:
            project, run = self._context.core.runs.find(
                self._context.who, self.entityName, self.name, name or ""
            )
        except NotFound:
            return None
        return RunNode(self._context, project, run)


class RunNode:
    """A run. Its config is in the client's form, its times are ISO."""

    def __init__(self, context: Context, project: Project, run: Run) -> None:
        self._context = context
        self._project = project
        self._run = run
        self.id = storage_id("Run", project.entity, project.name, run.id)
        self.projectId = str(project.number)
        self.internalId = str(run.number)
        self.name = run.id
        self.displayName = run.name
        self.description = self.notes = run.notes
        self.tags = list(run.tags)
        self.state = _STATES.get(run.state, run.state)
        self.group = self.groupName = run.group or None
        self.jobType = run.job_type or None
        self.readOnly = None
        self.createdAt = iso(run.created_us)
        self.heartbeatAt = iso(run.heartbeat_us or run.last_us or run.created_us)
        self.updatedAt = iso(run.last_us or run.created_us)
        self.host, self.program = run.host, run.program
        self.exitcode = run.exit_code
        self.shouldStop = self.stopped = run.stop_us is not None
        self.failed = run.state in ("failed", "crashed", "killed")
        self.running = run.state == "running"

    @cached_property
    def _state(self) -> RunState:
        return self._context.core.runs.state(self._run)

    @property
    def _internal(self) -> dict[str, Any]:
        found = self._state.environment.get("wandb")
        return found if isinstance(found, dict) else {}

    @property
    def user(self) -> UserNode:
        return UserNode(self._context.core.meta.user(self._run.user) or self._context.who.user)

    @property
    def project(self) -> ProjectNode:
        return ProjectNode(self._context, self._project)

    @property
    def sweepName(self) -> str | None:
        return self._state.sweep_id or None

    @property
    def commit(self) -> str | None:
        git = self._state.environment.get("git")
        return git.get("commit") if isinstance(git, dict) else None

    @property
    def config(self) -> str:
        return unparse(translation.wrapped(self._state.config, self._internal))

    def wandbConfig(self, _info: Any, keys: list[str] | None = None) -> str:
        # A run of the native door was initialised too: without `t` the client would not go on with it.
        known = {"t": {}, **self._internal}
        return unparse(known if keys is None else {key: known[key] for key in keys if key in known})

    @property
    def summaryMetrics(self) -> str:
        summary = self._state.summary
        if "_runtime" in summary:
            summary["_wandb"] = {"runtime": int(summary["_runtime"])}
        return unparse(summary)

    @property
    def systemMetrics(self) -> str:
        rows = self._tail("system")
        found = dict(rows[-1]) if rows else {}
        return unparse({_system_name(k): v for k, v in found.items() if not k.startswith("_")})

    @property
    def historyKeys(self) -> dict[str, Any]:
        keys: dict[str, dict[str, Any]] = {}
        for path, tracked in self._state.tracked.items():
            kind = "number" if tracked.kind == "number" else "string"
            about = {"typeCounts": [{"type": kind, "count": tracked.count}], "monotonic": False}
            # The last value is in the summary, unless that is to hold something else of this metric.
            at = path if tracked.rules is None else f"{path}.last"
            if at in self._state.values:
                about["previousValue"] = self._state.values[at]
            keys[path] = about
        for name in ("_step", "_runtime", "_timestamp") if keys else ():
            keys[name] = {
                "typeCounts": [{"type": "number", "count": self._run.rows}],
                "monotonic": True,
            }
        return {"sets": [], "keys": keys, "lastStep": max(-1, self._state.next_step - 1)}

    # ── lines ──

    @cached_property
    def _counts(self) -> tuple[int, int, int]:
        return self._context.door.writers.counts(self._run)

    @property
    def historyLineCount(self) -> int:
        return self._counts[0]

    @property
    def eventsLineCount(self) -> int:
        return self._counts[1]

    @property
    def logLineCount(self) -> int:
        return self._counts[2]

    @property
    def historyTail(self) -> str:
        return translation.tails(self._tail("history"))

    @property
    def eventsTail(self) -> str:
        return translation.tails([_event(row) for row in self._tail("system")])

    def _tail(self, space: Any) -> list[dict[str, Any]]:
        """Return the row of the last step, if there is one."""
        core, run = self._context.core, self._run
        heads = [span.segment for span in core.runs.ranges(run, space)]
        bounds = core.series.bounds(run.project, heads)
        if not bounds:
            return []
        last = max(hi for _, hi in bounds.values())
        if space == "history":
            last = min(last, self._state.next_step - 1)
        return core.queries.history(run, space=space, min_step=last, limit=10).rows[-1:]

    # ── rows ──

    def parquetHistory(self, _info: Any, liveKeys: list[str] | None = None) -> dict[str, Any]:
        return {"parquetUrls": [], "liveData": []}

    def history(
        self,
        _info: Any,
        minStep: int | None = None,
        maxStep: int | None = None,
        samples: int | None = None,
    ) -> list[str]:
        if minStep is None and maxStep is None:
            return [unparse(row) for row in self._picked("history", [], samples or 500)]
        last = None if maxStep is None else maxStep - 1
        return [unparse(row) for row in self._rows([], minStep, last)]

    def events(self, _info: Any, samples: int | None = None) -> list[str]:
        return [unparse(_event(row)) for row in self._picked("system", [], samples or 500)]

    def sampledHistory(self, _info: Any, specs: list[str]) -> list[Any]:
        return [self._sampled(spec) for spec in specs[:20]]

    def _sampled(self, spec: str) -> list[dict[str, Any]]:
        try:
            wanted = translation.parse(spec)
        except (ValueError, RecursionError):
            return []
        if not isinstance(wanted, dict):
            return []
        keys = [key for key in wanted.get("keys") or [] if isinstance(key, str)][:SPEC_KEYS_MAX]
        keys = list(dict.fromkeys(keys))
        low, high = _whole(wanted.get("minStep")), _whole(wanted.get("maxStep"))
        samples = _whole(wanted.get("samples")) or 500
        if low is not None or high is not None:
            rows: Sequence[dict[str, Any]] = list(self._rows(keys, low, high))
        else:
            rows = self._picked("history", keys, samples)
        found = ({key: value_at(row, key) for key in keys} for row in rows)
        return [row for row in found if _MISSING not in row.values()] if keys else list(rows)

    def _rows(
        self, keys: list[str], low: int | None, high: int | None, space: Any = "history"
    ) -> Iterator[dict[str, Any]]:
        after: str | None = ""
        while after is not None:
            found = self._context.core.queries.history(
                self._run,
                space=space,
                keys=keys,
                min_step=low,
                max_step=high,
                after=after,
                limit=ROWS_MAX,
            )
            yield from found.rows
            after = found.next

    def _picked(self, space: Any, keys: list[str], samples: int) -> list[dict[str, Any]]:
        """Return about `samples` rows, evenly picked, the first and last kept."""
        samples = max(2, min(samples, ROWS_MAX * 10))
        total = max(1, self._counts[0 if space == "history" else 1])
        every = max(1, -(-total // samples))
        kept: list[dict[str, Any]] = []
        last: dict[str, Any] | None = None
        for index, row in enumerate(self._rows(keys, None, None, space)):
            last = row
            if index % every == 0:
                kept.append(row)
        if last is not None and kept and kept[-1] is not last:
            kept.append(last)
        return kept

    # ── console ──

    def logLines(
        self,
        _info: Any,
        first: int | None = None,
        last: int | None = None,
        after: str | None = None,
        useImprovedPagination: bool = False,
    ) -> dict[str, Any]:
        begin = offset_of(after)
        limit = min(LINES_MAX, max(1, last or first or 1_000))
        total, lines = self._context.core.queries.console(
            self._run, after=-1 if last else begin - 1, limit=limit, tail=bool(last)
        )
        nodes = [
            {
                "number": index,
                "timestamp": iso(line.time_us),
                "level": "error" if line.stream == "stderr" else "info",
                "label": line.label,
                "line": line.text,
            }
            for index, line in lines
        ]
        cursors = [str(index + 1) for index, _ in lines]
        return connection(nodes, cursors, bool(lines) and lines[-1][0] + 1 < total)

    # ── files ──

    @cached_property
    def _files(self) -> list[RunFile]:
        return [file for file in self._context.core.files.list(self._run) if file.stored]

    @property
    def fileCount(self) -> int:
        return len(self._files)

    def files(
        self,
        _info: Any,
        names: list[str] | None = None,
        after: str | None = None,
        first: int | None = None,
        pattern: str | None = None,
    ) -> dict[str, Any]:
        found = self._files
        if names:
            wanted = {posixpath.normpath(name) for name in names}  # `./a` is asked for, too
            found = [file for file in found if file.path in wanted]
        if pattern:
            found = [file for file in found if _is_like(file.path, pattern)]
        chosen, cursors, more = page(found, after, first, FILES_MAX)
        made = connection([self.file(one) for one in chosen], cursors, more)
        return made | {"totalCount": len(found)}

    def file(self, file: RunFile) -> dict[str, Any]:
        run, context = self._run, self._context
        permit = Permit(
            "get", context.who.user.number, run.entity, run.project_name, run.id, file.path
        )
        url = f"{context.url}/files/-/signed/{context.door.signer.sign(permit)}"
        return {
            "id": storage_id("File", run.entity, run.project_name, run.id, file.path),
            "name": file.path,
            "displayName": file.path,
            "url": url,
            "directUrl": url,
            "sizeBytes": file.size,
            "mimetype": type_of(file.path),
            "updatedAt": iso(file.time_us),
            "md5": None,
            "digest": file.sha256,
            "storagePath": file.path,
        }


_MISSING = object()


def value_at(row: Mapping[str, Any], key: str) -> Any:
    """Return the value under a key, dotted where it is nested; a mark of its own if there is none."""
    if key in row:
        return row[key]
    node: Any = row
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return _MISSING
        node = node[part]
    return node


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and abs(value) < 2**62 else None


def _system_name(path: str) -> str:
    return f"system.{path}"


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    flat = dict(_flat(row, ""))
    found = {
        key if key.startswith("_") else _system_name(key): value for key, value in flat.items()
    }
    return {"_wandb": True, **{key: value for key, value in found.items() if key != "_step"}}


def _flat(row: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _is_like(text: str, pattern: str) -> bool:
    """Return whether a text matches SQL's `LIKE`, in time linear in both."""
    import fnmatch

    special = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return fnmatch.fnmatchcase(text, "".join(special.get(char, char) for char in pattern))
