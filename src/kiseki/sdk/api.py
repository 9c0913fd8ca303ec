"""`kiseki.Api`: runs of a server, with the same attributes and methods as `kiseki.open`.

Every answer is asked for when it is needed; one connection is kept open. Values come back exactly as
they were logged: NaN, ±Inf, integers of any size, text, nested values.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, overload
from urllib.parse import quote

from kiseki.client.credentials import resolve
from kiseki.client.http import TIMEOUT_S, Client, numbers_of
from kiseki.errors import UsageValueError
from kiseki.sdk.api_files import ApiFile, file_of, files_of, upload
from kiseki.sdk.api_lineage import Attempt, Fork, Parent, Piece, Writer, attempts_of, known
from kiseki.sdk.api_sweeps import Sweep, sweep_of, sweeps_of
from kiseki.sdk.api_trash import TrashedRun, trashed_runs

__all__ = ["Api", "ApiRun", "Project", "Runs", "Sweep", "Viewer"]

PAGE_RUNS = 200
PAGE_ROWS = 10_000
PAGE_LINES = 1_000


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who the key belongs to.

    Attributes:
        user: name of the user.
        entity: the default entity, where runs go without `entity=`.
        entities: all entities the user can see.
        admin: whether the user administers the server.
        version: version of the server.
        url: address of the server as people reach it.
    """

    user: str
    entity: str
    entities: tuple[str, ...]
    admin: bool
    version: str
    url: str


@dataclass(frozen=True, slots=True)
class Project:
    """A project and how many runs it has; times are Unix microseconds, None when unknown."""

    entity: str
    project: str
    runs: int
    running: int
    created_us: int | None
    last_us: int | None

    @property
    def path(self) -> str:
        """`entity/project`, as `Api.runs` takes it."""
        return f"{self.entity}/{self.project}"


class Api:
    """Reads and edits what is on a server.

    Args:
        base_url: address of the server. Default: KISEKI_BASE_URL, else the server on this machine.
        api_key: key. Default: KISEKI_API_KEY, else what `kiseki login` stored.
        timeout: seconds that one answer may take.

    Raises (all methods):
        AuthenticationError: no key, or one that does not allow this.
        ServerError: the server answered no; 404 where something does not exist or may not be seen.
        TransportError: the server does not answer.
    """

    def __init__(
        self, base_url: str | None = None, api_key: str | None = None, timeout: float = TIMEOUT_S
    ) -> None:
        target = resolve(base_url, api_key)
        self._client = Client(target.base_url, target.key, timeout)
        self._entity = ""

    def __repr__(self) -> str:
        return f"<kiseki.Api of {self.base_url}>"

    @property
    def base_url(self) -> str:
        """Address of the server."""
        return self._client.base_url

    @property
    def viewer(self) -> Viewer:
        """Who the key belongs to."""
        answer = self._client.get_json("/api/v1/viewer")
        server = answer.get("server", {})
        return Viewer(
            user=answer["user"],
            entity=answer["entity"],
            entities=tuple(answer.get("entities", ())),
            admin=bool(answer.get("admin")),
            version=server.get("version", ""),
            url=server.get("url", ""),
        )

    @property
    def default_entity(self) -> str:
        """Entity that runs go to without `entity=`; asked for once."""
        if not self._entity:
            self._entity = self.viewer.entity
        return self._entity

    def projects(self, entity: str | None = None) -> list[Project]:
        """Return the projects one may see, newest activity first; only those of `entity` if given."""
        answer = self._client.get_json("/api/v1/projects")
        found = [_project(raw) for raw in answer["projects"]]
        return [project for project in found if entity is None or project.entity == entity]

    def project(self, path: str) -> Project:
        """Return one project by `entity/project`, or `project` of the default entity."""
        return _project(self._client.get_json(self._url(self._parts(path, 2))))

    def runs(
        self, path: str, filters: str = "", order: str = "-created", per_page: int = PAGE_RUNS
    ) -> Runs:
        """Return the runs of a project, loaded page by page.

        Args:
            path: `entity/project`, or `project` of the default entity.
            filters: filter text as in the web app: `state:running lr>=1e-4 tags:baseline`.
            order: sort keys, `-` for descending: `-summary.acc,created`.
            per_page: runs per request.
        """
        if per_page < 1:
            raise UsageValueError(f"per_page is at least 1, not {per_page}")
        url = self._url(self._parts(path, 2)) + "/runs"
        return Runs(self._client, url, filters, order, per_page)

    @overload
    def run(self, path: str) -> ApiRun: ...

    @overload
    def run(self, path: str, attempt: int) -> Attempt: ...

    def run(self, path: str, attempt: int | None = None) -> ApiRun | Attempt:
        """Return one run by `entity/project/id`, or `project/id` of the default entity.

        Args:
            path: of the run.
            attempt: number of one of its attempts, from 1; then that is returned.
        """
        parts = self._parts(path, 3)
        run = ApiRun(self._client, self._client.get_json(self._url(parts)), is_whole=True)
        return run if attempt is None else run.attempt(attempt)

    def trash(self, path: str) -> list[TrashedRun]:
        """Return the deleted runs of a project that can be restored, deleted last first.

        Args:
            path: `entity/project`, or `project` of the default entity.
        """
        return trashed_runs(self._client, self._url(self._parts(path, 2)))

    def sweep(self, path: str) -> Sweep:
        """Return one sweep by `entity/project/id`, or `project/id` of the default entity."""
        *where, id = self._parts(path, 3)
        url = f"{self._url(where)}/sweeps/{quote(id, safe='')}"
        return sweep_of(self._client.get_json(url))

    def sweeps(self, path: str) -> list[Sweep]:
        """Return the sweeps of a project, the youngest first, without their configs.

        Args:
            path: `entity/project`, or `project` of the default entity.
        """
        return sweeps_of(self._client, self._url(self._parts(path, 2)))

    def close(self) -> None:
        """Close the connection; the next question opens a new one."""
        self._client.close()

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _parts(self, path: str, count: int) -> list[str]:
        parts = path.strip("/").split("/")
        if len(parts) == count - 1 and all(parts):
            parts.insert(0, self.default_entity)
        if len(parts) != count or not all(parts):
            example = "entity/project/id" if count == 3 else "entity/project"
            raise UsageValueError(f"not a path of the form {example}: {path!r}")
        return parts

    @staticmethod
    def _url(parts: list[str]) -> str:
        entity, project, *run = (quote(part, safe="") for part in parts)
        url = f"/api/v1/projects/{entity}/{project}"
        return f"{url}/runs/{run[0]}" if run else url


class Runs:
    """The runs of a project that match a filter, in order. Iterating loads page after page."""

    def __init__(self, client: Client, url: str, filters: str, order: str, per_page: int) -> None:
        self._client = client
        self._url = url
        self._params = {"filter": filters or None, "sort": order or None, "limit": per_page}

    def _page(self, offset: int, limit: int | None = None) -> dict[str, Any]:
        params = {**self._params, "offset": offset}
        if limit is not None:
            params["limit"] = limit
        page: dict[str, Any] = self._client.get_json(self._url, params)
        return page

    def __iter__(self) -> Iterator[ApiRun]:
        offset = 0
        while True:
            page = self._page(offset)
            yield from (ApiRun(self._client, raw) for raw in page["runs"])
            offset += len(page["runs"])
            if not page["runs"] or offset >= page["matching"]:
                return

    def __len__(self) -> int:
        return int(self._page(0, limit=1)["matching"])

    def unknown_keys(self) -> list[dict[str, str]]:
        """Return keys of a filter that finds nothing which no run has: `key`, and `like` it is one."""
        return list(self._page(0, limit=1).get("unknown", []))

    def __getitem__(self, index: int) -> ApiRun:
        position = index + len(self) if index < 0 else index
        found = self._page(position, limit=1)["runs"] if position >= 0 else []
        if not found:
            raise IndexError(f"run {index} of {len(self)}")
        return ApiRun(self._client, found[0])


class ApiRun:
    """A run on a server: attributes and methods as of `kiseki.open`, and a few more.

    The attributes are as of when the run was asked for, or of the last `refresh`. `name`, `notes` and `tags`
    may be changed; `update` sends them.

    Attributes:
        url: page of the run.
        user: who made it.
        cause, rows, started_us, runtime_us: as of `kiseki.open`.
    """

    id: str
    entity: str
    project: str
    name: str
    notes: str
    tags: list[str]
    group: str
    job_type: str
    sweep_id: str
    user: str
    state: str
    exit_code: int | None
    cause: str
    rows: int
    started_us: int
    runtime_us: int

    def __init__(self, client: Client, raw: dict[str, Any], is_whole: bool = False) -> None:
        self._client = client
        parts = [raw["entity"], raw["project"], raw["id"]]
        self._url = Api._url(parts)
        self._take(raw, is_whole)

    def __repr__(self) -> str:
        return f"<kiseki run {self.path} ({self.state})>"

    @property
    def path(self) -> str:
        """`entity/project/id`."""
        return f"{self.entity}/{self.project}/{self.id}"

    def refresh(self) -> None:
        """Ask the server again and bring the attributes up to date; unsent changes are forgotten."""
        self._take(self._client.get_json(self._url), is_whole=True)

    def _take(self, raw: dict[str, Any], is_whole: bool) -> None:
        self._raw, self._is_whole = raw, is_whole
        for field in ("id", "entity", "project", "name", "notes", "group", "job_type", "user"):
            setattr(self, field, raw.get(field) or "")
        self.sweep_id = raw.get("sweep_id") or ""
        self.tags = list(raw.get("tags") or ())
        self.state, self.exit_code = raw["state"], raw.get("exit_code")
        self.cause = raw.get("cause") or ""
        self.rows = raw.get("rows") or 0
        self.started_us = raw.get("started_us") or 0
        self.runtime_us = raw.get("runtime_us") or 0
        self._trees: dict[str, dict[str, Any]] = {}

    def _whole(self) -> dict[str, Any]:
        """Return everything the server says of this run; lists of runs say less."""
        if not self._is_whole:
            self._raw, self._is_whole = self._client.get_json(self._url), True
        return self._raw

    def _tree(self, name: str) -> dict[str, Any]:
        if name not in self._trees:
            raw = self._raw.get(name) or {}
            if not self._is_whole and _is_cut(raw):
                raw = self._whole().get(name) or {}
            self._trees[name] = numbers_of(raw)
        return self._trees[name]

    # -- as of `kiseki.open` --------------------------------------------------------------------------

    @property
    def config(self) -> dict[str, Any]:
        """The whole config, nested. Lists of runs cut long values: these are then asked for."""
        return self._tree("config")

    @property
    def summary(self) -> dict[str, Any]:
        """The whole summary, nested, as `config`."""
        return self._tree("summary")

    @property
    def url(self) -> str:
        """Page of the run in the web app."""
        return self._whole().get("url") or f"{self._client.base_url}/{self.path}"

    @property
    def metadata(self) -> dict[str, Any]:
        """What was captured of the machine: host, python, git, …"""
        found: dict[str, Any] = numbers_of(self._whole().get("environment") or {})
        return found

    @property
    def packages(self) -> dict[str, str]:
        """Name → version of the installed packages."""
        return dict(self._whole().get("packages") or {})

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """Name → {step_metric, step_sync, hidden, summary, goal}, for each `define_metric`."""
        fields = ("step_metric", "step_sync", "hidden", "summary", "goal")
        return {
            definition["name"]: {field: definition.get(field) for field in fields}
            for definition in self._whole().get("definitions") or ()
        }

    @property
    def notices(self) -> list[dict[str, Any]]:
        """What the reader should know: rows dropped, values replaced; `code text count time_us`."""
        return list(self._whole().get("notices") or ())

    @property
    def damage(self) -> list[tuple[str, int, int, str]]:
        """Parts that could not be read. A server holds intact records only: always []."""
        return []

    def history(self, keys: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Return one dict per step, in the order of steps; within a step the later value wins.

        Args:
            keys: key paths (`val.loss`); only rows that hold one of them, cut down to them. None = all.
        """
        return list(self._rows_of("history", "merged", keys))

    def scan_history(self, keys: Iterable[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield one dict per `log()`, ordered by (step, arrival); nothing is merged."""
        return self._rows_of("history", "exact", keys)

    def system_metrics(self) -> list[dict[str, Any]]:
        """Return the samples of machine metrics, one flat dict each, with `_step`, `_timestamp`, …"""
        return [_flat(row) for row in self._rows_of("system", "exact", None)]

    def console(self) -> list[tuple[str, str]]:
        """Return the console as (stream, text) per line, in the order the lines began; final texts."""
        return self._lines_of()

    def _lines_of(self, attempt: int | None = None) -> list[tuple[str, str]]:
        lines: list[tuple[str, str]] = []
        after = -1
        while True:
            page = self._client.get_json(
                self._url + "/console",
                {"after": after, "limit": PAGE_LINES, "attempt": attempt},
            )["lines"]
            lines += ((line["stream"], line["text"]) for line in page)
            if len(page) < PAGE_LINES:
                return lines
            after = page[-1]["index"]

    def files(self, names: Iterable[str] | None = None) -> list[ApiFile]:
        """Return the run's files, in the order they were named; each is also a pair (path, policy).

        Args:
            names: only these. None = all.
        """
        found = files_of(self._client, self._url)
        if names is None:
            return found
        wanted = {names} if isinstance(names, str) else set(names)
        return [file for file in found if file.path in wanted]

    def file(self, name: str) -> ApiFile:
        """Return one of the run's files. Raises ServerError (404) if there is none of that name."""
        return file_of(self._client, self._url, name)

    def artifacts(self) -> list[dict[str, Any]]:
        """Return the artifacts the run logged. No record of this version can name one: always []."""
        return []

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts as dicts with `title`, `text`, `level`, `time_us`, `step`."""
        return list(self._whole().get("alerts") or ())

    # -- where it comes from --------------------------------------------------------------------------

    @property
    def attempts(self) -> list[Attempt]:
        """The attempts of the run, oldest first; the run itself shows the last one."""
        return attempts_of(self._whole(), self._rows_of, self._lines_of)

    def attempt(self, number: int) -> Attempt:
        """Return one attempt, by its number from 1."""
        for attempt in self.attempts:
            if attempt.attempt == number:
                return attempt
        raise UsageValueError(f"{self.path} has no attempt {number}")

    @property
    def parent(self) -> Parent | None:
        """The moment that the run was last rewound to or forked from, None if it never was."""
        raw = self._whole().get("parent")
        return known(Parent, raw) if raw else None

    @property
    def lineage(self) -> list[Piece]:
        """The pieces that the history is made of, oldest first, the run itself last."""
        return [known(Piece, raw) for raw in self._whole().get("lineage") or ()]

    @property
    def forks(self) -> list[Fork]:
        """The runs that were forked from this one."""
        return [known(Fork, raw) for raw in self._whole().get("forks") or ()]

    @property
    def writers(self) -> list[Writer]:
        """The processes that logged to the latest attempt."""
        return [known(Writer, raw) for raw in self._whole().get("writers") or ()]

    # -- changes --------------------------------------------------------------------------------------

    def update(
        self, name: str | None = None, notes: str | None = None, tags: list[str] | None = None
    ) -> None:
        """Send changed name, notes and tags, given here or assigned before."""
        wanted: dict[str, Any] = {
            "name": self.name if name is None else name,
            "notes": self.notes if notes is None else notes,
            "tags": list(self.tags if tags is None else tags),
        }
        known = {"name": "", "notes": "", "tags": [], **self._raw}
        changes = {field: value for field, value in wanted.items() if value != known[field]}
        if changes:
            self._take(self._client.post_json(self._url, changes, method="PATCH"), is_whole=False)

    def upload_file(
        self, path: str | os.PathLike[str], root: str | os.PathLike[str] = "."
    ) -> ApiFile:
        """Send a file of this disk to the run; one of that name is replaced.

        Args:
            path: the file.
            root: folder that its name in the run counts from.
        """
        return upload(self._client, self._url, path, root)

    def stop(self) -> None:
        """Ask the script to stop: it gets a KeyboardInterrupt."""
        self._client.post_json(self._url + "/stop")

    def delete(self) -> None:
        """Put the run into the trash for 7 days (`Api.trash`). Its id stays taken."""
        self._client.post_json(self._url, method="DELETE")

    def restore(self) -> None:
        """Take the run out of the trash, if it is there."""
        self._client.post_json(self._url + "/restore")

    def _rows_of(
        self, space: str, mode: str, keys: Iterable[str] | None, attempt: int | None = None
    ) -> Iterator[dict[str, Any]]:
        wanted = None if keys is None else [keys] if isinstance(keys, str) else list(keys)
        if wanted == []:
            return
        after: Any = None
        while True:
            page = self._client.get_msgpack(
                self._url + "/history",
                {
                    "keys": wanted,
                    "after": after,
                    "limit": PAGE_ROWS,
                    "mode": mode,
                    "space": space,
                    "attempt": attempt,
                },
            )
            yield from page["rows"]
            after = page["next"]
            if after is None:
                return


def _project(raw: dict[str, Any]) -> Project:
    return Project(
        raw["entity"], raw["project"], raw["runs"], raw["running"], raw.get("created_us"), raw.get("last_us")
    )  # fmt: skip


def _is_cut(value: Any) -> bool:
    """Return whether a list of runs may have cut something of a JSON value."""
    if isinstance(value, dict):
        return value.get("_type") == "omitted" or any(map(_is_cut, value.values()))
    if isinstance(value, list):
        return any(map(_is_cut, value))
    return isinstance(value, str) and value.endswith("…")


def _flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
