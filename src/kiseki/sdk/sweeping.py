"""`kiseki.sweep` and `kiseki.agent`: make a sweep on the server, and run what it says (K-06)."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from kiseki.client.credentials import resolve
from kiseki.client.http import Client
from kiseki.errors import AuthenticationError, CommError, ServerError, UsageError
from kiseki.sdk import yaml_files
from kiseki.sdk.current import session

BEAT_S = 5.0
FAILURES_MAX = 3  # runs that fail before any other is tried
STOP_S = 15.0  # that a program has to end by itself
PROJECT_DEFAULT = "uncategorized"
COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")

_VARIABLE = re.compile(r"\$\{envvar:(\w+)\}")


@dataclass(frozen=True, slots=True)
class Assignment:
    """What an agent was told to run: `init` in its function makes this run, whatever its arguments say."""

    entity: str
    project: str
    sweep: str
    run: str
    params: Mapping[str, Any]


def sweep(
    sweep: Mapping[str, Any] | str | os.PathLike[str],
    entity: str | None = None,
    project: str | None = None,
) -> str:
    """Make a sweep on the server, and return its id.

    Args:
        sweep: its config, or the path of a YAML file: `method`, `metric`, `parameters` …
        entity: user or team that owns it; default: yours.
        project: default: that of the config, else of the settings.

    Raises:
        ServerError: the config is refused; the text names the parameter that is wrong.
    """
    made = make(sweep if isinstance(sweep, Mapping) else read_config(sweep), entity, project)
    session.terminal.say(f"sweep {made['id']}: {made['url']}")
    return made["id"]


def make(config: Mapping[str, Any], entity: str | None, project: str | None) -> dict[str, str]:
    """Make a sweep; return its id, path, state and page."""
    with _connected() as client:
        place = _place(client, entity or config.get("entity"), project or config.get("project"))
        answer = client.post_json(_url(*place), {"config": dict(config)})
        for text in answer["warnings"]:
            session.terminal.warn(text)
        id = str(answer["id"])
        path = [*place, id]
        page = "/".join([*(quote(one, safe="") for one in place), "sweeps", id])
        return {
            "id": id, "path": "/".join(path), "state": answer["state"],
            "url": f"{client.base_url}/{page}",
        }  # fmt: skip


def agent(
    sweep_id: str,
    function: Callable[[], Any] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
) -> int:
    """Run what a sweep says, until it ends; return how many runs that were.

    Args:
        sweep_id: `entity/project/id`, or the id alone.
        function: called for each run; it calls `init`, whose `config` holds the parameters. Without one the
            `program` of the sweep is started.
        entity: user or team that owns the sweep; default: yours.
        project: project of the sweep.
        count: at most so many runs.

    Raises:
        UsageError: the sweep names no program, and there is no function.
        CommError: the server does not answer.
    """
    return work(sweep_id, function, entity, project, count)


def work(
    sweep_id: str,
    function: Callable[[], Any] | None,
    entity: str | None,
    project: str | None,
    count: int | None,
    stdout: int | None = None,
) -> int:
    """Be an agent, as `agent`; `stdout` is where programs write theirs."""
    *where, id = sweep_id.split("/")
    if where:
        entity, project = ([None, *where] if len(where) == 1 else where)[-2:]
    with _connected() as client:
        place = _place(client, entity, project)
        return _Agent(client, place, id, function, stdout).run(count)


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the config in a YAML file. Raises UsageError."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            found = yaml_files.load(file)
    except (OSError, yaml.YAMLError, UnicodeError) as error:
        raise UsageError(f"the sweep's config {os.fspath(path)} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"the sweep's config {os.fspath(path)} is no mapping")
    return found


@contextmanager
def _connected() -> Any:
    base = session.base_settings()
    target = resolve(base.base_url, base.api_key, session.environ)
    client = Client(target.base_url, target.key)
    try:
        yield client
    finally:
        client.close()


def _place(client: Client, entity: str | None, project: str | None) -> tuple[str, str]:
    base = session.base_settings()
    owner = entity or base.entity or client.get_json("/api/v1/viewer")["entity"]
    return str(owner), str(project or base.project or PROJECT_DEFAULT)


def _url(entity: str, project: str, *more: str) -> str:
    path = "/".join(quote(one, safe="") for one in more)
    start = f"/api/v1/projects/{quote(entity, safe='')}/{quote(project, safe='')}/sweeps"
    return f"{start}/{path}" if path else start


class _Agent:
    """One agent: asks, runs, asks again. While something runs a thread tells that it does."""

    def __init__(
        self,
        client: Client,
        place: tuple[str, str],
        sweep: str,
        function: Callable[[], Any] | None,
        stdout: int | None = None,
    ) -> None:
        self._client = client
        self._stdout = stdout
        self._place = place
        self._sweep = sweep
        self._function = function
        self._config = client.get_json(_url(*place, sweep))
        if function is None and not self._config["program"]:
            raise UsageError(
                f"sweep {sweep} names no `program`: give the function to call, agent(id, function)"
            )
        made = client.post_json(_url(*place, sweep, "agents"), {"host": socket.gethostname()})
        self._url = _url(*place, sweep, "agents", made["id"])
        self._lock = threading.Lock()

    def run(self, count: int | None) -> int:
        done = failed = 0
        while count is None or done < count:
            command = self._next()
            if command is None:
                break
            params = command["params"]
            session.terminal.say(
                f"run {command['run']} of sweep {self._sweep}: {json.dumps(params)}"
            )
            given = Assignment(*self._place, self._sweep, command["run"], params)
            is_good = self._call(given) if self._function is not None else self._start(given)
            done += 1
            failed += not is_good
            if failed == done == FAILURES_MAX:
                raise CommError(
                    f"the first {failed} runs of sweep {self._sweep} failed; what they said is above"
                )
        return done

    def _beat(self, *running: str) -> list[dict[str, Any]]:
        with self._lock:
            answer = self._client.post_json(self._url, {"running": list(running)})
        found: list[dict[str, Any]] = answer["commands"]
        return found

    def _next(self) -> dict[str, Any] | None:
        """Wait for something to run; None: there is nothing any more."""
        while True:
            try:
                commands = self._beat()
            except ServerError as error:
                if error.status == 404:
                    return None
                if error.status < 500 and error.status != 429:
                    raise
                commands = []
            except AuthenticationError:
                raise
            except CommError as error:
                session.terminal.warn(f"the server does not answer; trying on: {error}")
                commands = []
            for command in commands:
                if command["type"] == "run":
                    return command
                if command["type"] == "exit":
                    return None
            time.sleep(BEAT_S)

    @contextmanager
    def _heard(self, run: str, stop: Callable[[], None]) -> Any:
        """Tell every some seconds that a run goes on; call `stop` if it shall not."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(BEAT_S):
                try:
                    commands = self._beat(run)
                except (CommError, ServerError):  # the next one tells it
                    continue
                if any(one["type"] == "stop" for one in commands):
                    stop()

        thread = threading.Thread(target=beat, name="kiseki-agent", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    # ── a function ──

    def _call(self, given: Assignment) -> bool:
        assert self._function is not None
        stopped = threading.Event()
        session.assignment = given
        code = 0
        try:
            with self._heard(given.run, stopped.set):
                self._function()
        except KeyboardInterrupt:
            # The run itself hears that it shall stop, and says so like this.
            if not stopped.is_set() and not self._is_stopped(given.run):
                raise
            code = 1
        except Exception:
            traceback.print_exc()
            code = 1
        finally:
            session.assignment = None
            for run in list(session.runs):
                run.finish(exit_code=code)
        return code == 0

    def _is_stopped(self, run: str) -> bool:
        try:
            return any(one["type"] == "stop" for one in self._beat(run))
        except (CommError, ServerError):
            return False

    # ── a program ──

    def _start(self, given: Assignment) -> bool:
        with tempfile.TemporaryDirectory(prefix="kiseki-sweep-") as folder:
            path = Path(folder, "config.yaml")
            path.write_text(yaml.safe_dump(dict(given.params)), encoding="utf-8")
            env = {
                **os.environ,
                "KISEKI_BASE_URL": self._client.base_url,
                "KISEKI_ENTITY": given.entity,
                "KISEKI_PROJECT": given.project,
                "KISEKI_RUN_ID": given.run,
                "KISEKI_SWEEP_ID": given.sweep,
                "KISEKI_SWEEP_PARAM_PATH": str(path),
            }
            command = command_of(
                self._config["command"] or COMMAND, self._config["program"], given.params, folder
            )
            process = subprocess.Popen(
                command, env=env, stdout=self._stdout, start_new_session=True
            )
            try:
                with self._heard(given.run, lambda: _ask(process)):
                    return process.wait() == 0
            finally:
                _end(process)


def _ask(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        timer = threading.Timer(STOP_S, _end, (process,))
        timer.daemon = True
        timer.start()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def command_of(
    parts: Sequence[str], program: str, params: Mapping[str, Any], folder: str
) -> list[str]:
    """Return a command line with its `${…}` filled in; parameters that are nested become JSON."""
    texts = {name: _text(value) for name, value in params.items()}
    plain = [f"{name}={text}" for name, text in texts.items()]
    flags = [
        f"--{name}" if params[name] is True else f"--{name}={text}"
        for name, text in texts.items()
        if params[name] is not False
    ]
    found: list[str] = []
    for part in parts:
        if part == "${env}":
            found.append("/usr/bin/env")
        elif part == "${interpreter}":
            found.append(sys.executable)
        elif part == "${program}":
            found.append(program)
        elif part == "${args}":
            found += [f"--{one}" for one in plain]
        elif part == "${args_no_boolean_flags}":
            found += flags
        elif part == "${args_no_hyphens}":
            found += plain
        elif part == "${args_json}":
            found.append(json.dumps(dict(params)))
        elif part == "${args_json_file}":
            path = Path(folder, "args.json")
            path.write_text(json.dumps(dict(params)), encoding="utf-8")
            found.append(str(path))
        else:
            found.append(_VARIABLE.sub(lambda match: os.environ.get(match[1], ""), part))
    return found


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
