"""Random programs of log, resume, rewind, fork, kill and sync against plain lists (I-55 … I-69, F-23).

Sessions are real processes that log to a real server; some die by kill -9. After each program every
attempt of every run is read back from the server: its rows are those of the lists, in order, once.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import kiseki
from tests.fakes.live_server import FIRST_KEY, LiveServer

EXAMPLES = int(os.environ.get("KISEKI_TEST_PROGRAMS", "200"))
HOST = Path(__file__).parent.parent / "fakes" / "session_host.py"
SETTLE_SECONDS_MAX = 30

Row = tuple[int, dict[str, int]]  # step, values


@dataclass
class Attempt:
    """One attempt as a list of rows in the order of their arrival; the inherited ones first."""

    rows: list[Row] = field(default_factory=list)
    first_step: int = 0  # of its own rows

    @property
    def next_step(self) -> int:
        return max([self.first_step, *(step + 1 for step, _ in self.rows)])

    def until(self, step: int) -> list[Row]:
        return [row for row in self.rows if row[0] <= step]

    def merged(self) -> list[dict[str, int]]:
        """Return one row per step, in which the later value of a key wins (L-04)."""
        found: dict[int, dict[str, int]] = {}
        for step, values in self.rows:
            found.setdefault(step, {}).update(values)
        return [{"_step": step, **found[step]} for step in sorted(found)]

    def last(self, key: str) -> int | None:
        """Return what the summary says: the value at the largest step, of equal ones the later."""
        points = [(step, values[key]) for step, values in self.rows if key in values]
        top = max((step for step, _ in points), default=None)
        return None if top is None else [value for step, value in points if step == top][-1]


@dataclass
class Session:
    """A training process: what it asked `init` for, and what it logged."""

    kind: str  # start, again, resume, rewind, fork
    id: str
    parent: tuple[str, int] | None
    is_offline: bool
    is_in_thread: bool
    pid: int = 0
    rows: list[Row] = field(default_factory=list)
    attempt: Attempt | None = None  # online: where the rows go


class Host:
    """The process that forks the sessions."""

    def __init__(self, folder: Path, url: str) -> None:
        env = {
            **os.environ,
            "KISEKI_BASE_URL": url,
            "KISEKI_API_KEY": FIRST_KEY,
            "KISEKI_CONFIG_DIR": str(folder / "config"),
            "KISEKI_DATA_DIR": str(folder / "data"),
            "KISEKI_DISABLE_META": "true",
            "KISEKI_DISABLE_STATS": "true",
            "KISEKI_CONSOLE": "off",
            "KISEKI_SILENT": "true",
        }
        self.log = (folder / "host.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, str(HOST)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=env,
            cwd=folder,
        )

    def ask(self, **question: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the host of the sessions is gone"
        return dict(json.loads(line))

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.log.close()

    def kill(self) -> None:
        for child in psutil.Process(self.process.pid).children(recursive=True):
            child.kill()
        self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.close()


class Lineage(RuleBasedStateMachine):
    """The program and its lists. `url`, `api` and `folder` are set by the test."""

    url: str
    api: kiseki.Api
    folder: Path
    hosts: list[Host]  # at most one: of the programs before, if they went well
    projects = count()
    values = count(1)

    @initialize()
    def begin(self) -> None:
        self.host = self.hosts.pop() if self.hosts else Host(self.folder, self.url)
        self.project = f"p{next(self.projects)}"
        self.root = Path(tempfile.mkdtemp(dir=self.folder))
        self.runs: dict[str, list[Attempt]] = {}
        self.waiting: list[Session] = []  # ended offline, not on the server yet
        self.active: Session | None = None

    # -- starting --

    @precondition(lambda self: self.active is None)
    @rule(is_offline=st.booleans(), is_in_thread=st.sampled_from([True] * 5 + [False]))
    def start(self, is_offline: bool, is_in_thread: bool) -> None:
        number = len(self.runs) + sum(session.kind in ("start", "fork") for session in self.waiting)
        self._begin(Session("start", f"r{number}", None, is_offline, is_in_thread))

    @precondition(lambda self: self.active is None and self.runs)
    @rule(data=st.data(), how=st.sampled_from(["again", "resume"]), is_in_thread=st.booleans())
    def go_on(self, data: st.DataObject, how: str, is_in_thread: bool) -> None:
        id = data.draw(st.sampled_from(sorted(self.runs)))
        if how == "again" and self._is_awaited(id):
            return
        self._begin(Session(how, id, None, False, is_in_thread))

    @precondition(lambda self: self.active is None and self._with_rows())
    @rule(data=st.data(), how=st.sampled_from(["rewind", "fork"]), is_offline=st.booleans())
    def branch(self, data: st.DataObject, how: str, is_offline: bool) -> None:
        parent = data.draw(st.sampled_from(self._with_rows()))
        step = data.draw(st.integers(0, self.runs[parent][-1].next_step - 1))
        number = len(self.runs) + sum(session.kind in ("start", "fork") for session in self.waiting)
        id = parent if how == "rewind" else f"r{number}"
        if is_offline and self.waiting:  # what waits may change what the step means
            is_offline = False
        if how == "rewind" and self._is_awaited(id):
            return
        self._begin(Session(how, id, (parent, step), is_offline, True))

    def _is_awaited(self, id: str) -> bool:
        """Return whether what waits begins at a step of a run that is to stay there."""
        return any(session.parent and session.parent[0] == id for session in self.waiting)

    def _with_rows(self) -> list[str]:
        return sorted(id for id, attempts in self.runs.items() if attempts[-1].rows)

    def _begin(self, session: Session) -> None:
        init: dict[str, Any] = {"project": self.project, "dir": str(self.root)}
        if session.is_offline:
            init["mode"] = "offline"
        if session.kind in ("start", "again", "resume", "fork"):
            init["id"] = session.id
        if session.kind == "resume":
            init["resume"] = "must"
        if session.parent is not None:
            word = "resume_from" if session.kind == "rewind" else "fork_from"
            init[word] = "{}?_step={}".format(*session.parent)
        answer = self.host.ask(do="begin", in_thread=session.is_in_thread, init=init)
        assert "error" not in answer, answer
        self.active = session
        assert answer["id"] == session.id
        session.pid = answer["pid"]
        if not session.is_offline:
            session.attempt = self._settle(session)
            assert answer["step"] == session.attempt.next_step
            assert answer["resumed"] == (session.kind in ("resume", "rewind"))
        elif session.parent is not None:
            assert answer["step"] == session.parent[1] + 1

    def _settle(self, session: Session) -> Attempt:
        """Do to the lists what the server does when it hears of a session."""
        attempts = self.runs.setdefault(session.id, [])
        if session.kind == "resume":
            return attempts[-1]
        if session.parent is None:
            attempts.append(Attempt())
        else:
            parent, step = session.parent
            attempts.append(Attempt(self.runs[parent][-1].until(step), step + 1))
        return attempts[-1]

    # -- logging and ending --

    @precondition(lambda self: self.active is not None)
    @rule(data=st.data(), rows=st.integers(1, 6))
    def log(self, data: st.DataObject, rows: int) -> None:
        assert self.active is not None
        sent: list[tuple[int | None, dict[str, int]]] = []
        for _ in range(rows):
            value = next(self.values)
            row = {"v": value, "w": value} if value % 3 == 0 else {"v": value}
            step = data.draw(st.one_of(st.none(), st.none(), st.none(), st.integers(0, 12)))
            sent.append((step, row))
        answer = self.host.ask(do="log", rows=sent)
        logged = [(step, row) for step, (_, row) in zip(answer["steps"], sent, strict=True)]
        if self.active.attempt is not None:
            for step, row in logged:
                self.active.attempt.rows.append((step, row))
            assert answer["step"] == self.active.attempt.next_step
        self.active.rows += logged

    @precondition(lambda self: self.active is not None)
    @rule(exit_code=st.sampled_from([0, 0, 1]))
    def finish(self, exit_code: int) -> None:
        assert self.active is not None
        answer = self.host.ask(do="finish", exit_code=exit_code)
        attempt = self.active.attempt
        if attempt is not None:
            for key in ("v", "w"):
                assert answer["summary"].get(key) == attempt.last(key)
        self._ended()

    @precondition(lambda self: self.active is not None)
    @rule()
    def kill(self) -> None:
        session = self.active
        assert session is not None
        os.kill(session.pid, 9)
        assert self.host.hear() == {"signal": 9}
        self._ended()
        if session.is_offline:
            return
        if session.is_in_thread:  # its uploader died with it
            answer = self.host.ask(do="sync", folder=str(self.root))
            assert answer["status"] == 0, answer
            self._synced()
        self._wait_for_end(session.id)

    def _ended(self) -> None:
        assert self.active is not None
        if self.active.is_offline:
            self.waiting.append(self.active)
        self.active = None

    def _wait_for_end(self, id: str) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while self.api.run(f"ada/{self.project}/{id}").state == "running":
            assert time.monotonic() < deadline, f"{id} is still running"
            time.sleep(0.02)

    @precondition(lambda self: self.active is None and self.waiting)
    @rule(times=st.integers(1, 2))
    def sync(self, times: int) -> None:
        for _ in range(times):
            answer = self.host.ask(do="sync", folder=str(self.root))
            assert answer["status"] == 0, answer
        self._synced()

    def _synced(self) -> None:
        for session in self.waiting:
            self._settle(session).rows.extend(session.rows)
        self.waiting = []

    # -- looking --

    @invariant()
    def ids_are_apart(self) -> None:
        starts = [
            session.id for session in getattr(self, "waiting", ()) if session.kind != "rewind"
        ]
        assert len(set(starts)) == len(starts)

    def teardown(self) -> None:
        if not hasattr(self, "runs"):
            return
        is_well = False
        try:
            if self.active is not None:
                self.finish(0)
            if self.waiting:
                self.sync(1)
            for id, attempts in self.runs.items():
                self._look(id, attempts)
            is_well = True
        finally:
            if is_well:
                self.hosts.append(self.host)
            else:
                self.host.kill()

    def _look(self, id: str, attempts: list[Attempt]) -> None:
        run = self.api.run(f"ada/{self.project}/{id}")
        assert run.state in ("finished", "failed", "crashed"), run.state
        assert len(run.attempts) == len(attempts)
        for number, attempt in enumerate(attempts, start=1):
            found = self.api.run(f"ada/{self.project}/{id}", attempt=number)
            merged = [_plain(row) for row in found.history()]
            assert merged == attempt.merged(), f"{id}, attempt {number}"
            exact = [(row["_step"], row["v"]) for row in found.scan_history()]
            rows = sorted(((step, row["v"]) for step, row in attempt.rows), key=lambda row: row[0])
            assert exact == rows, f"{id}, attempt {number}"
            for key in ("v", "w"):
                assert found.summary.get(key) == attempt.last(key), f"{id}, attempt {number}"


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key in ("_step", "v", "w")}


@pytest.fixture
def machine(logged_in: LiveServer, tmp_path: Path) -> Iterator[type[Lineage]]:
    class Prepared(Lineage):
        pass

    Prepared.url, Prepared.hosts, Prepared.folder = logged_in.url, [], tmp_path
    with kiseki.Api() as api:
        Prepared.api = api
        yield Prepared
    for host in Prepared.hosts:
        host.close()


@pytest.mark.timeout(900)
def test_programs_agree_with_plain_lists(machine: type[Lineage]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
