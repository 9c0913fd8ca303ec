"""The official `wandb` client, unmodified, in processes of its own, against a real server.

Whatever is logged is read back twice: by that client's own `Api`, and by Kiseki's. Needs `wandb` (an extra of
`dev`): without it everything here is skipped.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import kiseki
from tests.compat import wandb_children as children
from tests.compat.wandb_children import as_sent
from tests.fakes.live_server import LiveServer

CHILDREN = Path(children.__file__)
WAIT_S = 120

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="wandb is not installed"
)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One server for the whole file: every test has runs of its own in it."""
    server = LiveServer(tmp_path_factory.mktemp("wandb") / "server").start()
    yield server
    server.stop()


def environment(server: LiveServer, folder: Path, **more: str) -> dict[str, str]:
    """Return what a child sees: this server, a home of its own, and nothing of ours."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "KISEKI_"))}
    return env | {
        "WANDB_BASE_URL": server.url,
        "WANDB_API_KEY": server.key,
        "HOME": str(folder),
        "WANDB_DIR": str(folder),
        "WANDB_CONFIG_DIR": str(folder / "config"),
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_DATA_DIR": str(folder / "data"),
        "PYTHONUNBUFFERED": "1",
        **more,
    }


class Client:
    """Starts scripts that use the client, in one folder."""

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self._children: list[Child] = []

    def close(self) -> None:
        for child in self._children:
            child.close()

    def run(
        self, name: str, *arguments: Any, script: Path = CHILDREN, **env: str
    ) -> dict[str, Any]:
        """Run one of the children to its end, and return its last line."""
        return self.begin(name, *arguments, script=script, **env).end()

    def begin(self, name: str, *arguments: Any, script: Path = CHILDREN, **env: str) -> Child:
        command = [sys.executable, str(script), name]
        command += [one if isinstance(one, str) else json.dumps(one) for one in arguments]
        child = Child(command, environment(self.server, self.folder, **env), self.folder)
        self._children.append(child)
        return child

    def sync(self, *options: str) -> str:
        """Run `wandb sync`, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "wandb", "sync", *options],
            env=environment(self.server, self.folder),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


class Child:
    """A script that runs. Its lines of JSON are what it tells."""

    def __init__(self, command: list[str], env: dict[str, str], folder: Path) -> None:
        self.process = subprocess.Popen(
            command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._errors: list[str] = []
        self._told: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._threads = [
            threading.Thread(target=hear, daemon=True) for hear in (self._hear, self._hear_errors)
        ]
        for thread in self._threads:
            thread.start()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self._told.put(json.loads(line))
        self._told.put(None)

    def _hear_errors(self) -> None:
        assert self.process.stderr is not None
        self._errors.extend(self.process.stderr)

    def next(self) -> dict[str, Any]:
        """Wait for what it tells next."""
        told = self._told.get(timeout=WAIT_S)
        assert told is not None, "".join(self._errors)[-4_000:]
        return told

    def end(self) -> dict[str, Any]:
        """Wait for its end, and return what it told last."""
        last: dict[str, Any] = {}
        while (told := self._told.get(timeout=WAIT_S)) is not None:
            last = told
        assert self.process.wait(WAIT_S) == 0, "".join(self._errors)[-4_000:]
        return last

    def kill(self) -> None:
        """SIGKILL it and the companions it started, which else go on uploading."""
        children_of = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        companions = [int(one) for one in children_of.read_text().split()]
        for pid in (self.process.pid, *companions):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(WAIT_S)

    def close(self) -> None:
        """Leave nothing behind of it, wherever the test ended."""
        if self.process.poll() is None:
            self.kill()
        for thread in self._threads:
            thread.join(WAIT_S)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def client(live: LiveServer, tmp_path: Path) -> Iterator[Client]:
    (tmp_path / "home").mkdir()
    made = Client(live, tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def api(live: LiveServer) -> Iterator[kiseki.Api]:
    with kiseki.Api(live.url, live.key) as made:
        yield made


def run_of(api: kiseki.Api, id: str) -> Any:
    return api.run(f"ada/{children.PROJECT}/{id}")


def until(check: Callable[[], Any], what: str) -> Any:
    """Poll until something is true."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.1)
    raise AssertionError(f"never came: {what}")


def plain(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = as_sent(children.plain(row))
    return found


LOUD = re.compile(r"\bWARN(ING)?\b|\bERROR\b|retry|Traceback")
OF_THE_MACHINE = (  # what the client says of where it runs: no server is in these
    "otel",
    "error generating diff",
    "error getting latest commit",
    "git repo not found",
    "program relative path is empty",
    "tensorboard: no root directory",
    "job builder disabled",
    "_config_callback",  # a config that is shown may hold any word
)


def assert_quiet(folder: str) -> None:
    """Assert that the client had nothing to complain of and sent nothing twice."""
    logs = Path(folder, "logs")
    text = (logs / "debug-internal.log").read_text()
    assert text
    text += (logs / "debug.log").read_text() + (logs / "debug-core.log").read_text()
    loud = [line for line in text.splitlines() if LOUD.search(line)]
    loud = [line for line in loud if not any(words in line for words in OF_THE_MACHINE)]
    assert not loud, loud[:5]


# ── values ──


def test_every_value_of_ten_thousand_rows_is_kept(client: Client, api: kiseki.Api) -> None:
    told = client.run("values", "values")
    wanted = [as_sent(row) for row in children.rows(1, children.ROWS)]
    assert (told["count"], told["wrong"]) == (children.ROWS, "")
    assert told["steps"] and told["chosen"] and told["last"] == children.ROWS - 1
    assert told["state"] == "finished" and 90 <= told["sampled"] <= 110
    found = [plain(row) for row in run_of(api, "values").scan_history()]
    assert list(map(children.spelled, found)) == list(map(children.spelled, wanted))
    assert run_of(api, "values").config["big"] == 2**60
    assert_quiet(told["folder"])


def test_sixteen_runs_at_once(client: Client, api: kiseki.Api) -> None:
    client.run("many", "many", 16)
    for index in range(16):
        run = run_of(api, f"many{index}")
        wanted = [as_sent(row) for row in children.rows(index, 100)]
        found = [plain(row) for row in run.scan_history()]
        assert list(map(children.spelled, found)) == list(map(children.spelled, wanted)), index
        assert (run.state, run.config["index"]) == ("finished", index)


# ── everything a script uses ──


def test_what_scripts_use_arrives(client: Client, api: kiseki.Api) -> None:
    subprocess.run(["git", "init", "-q"], cwd=client.folder, check=True)
    shutil.copy(CHILDREN, client.folder / "train.py")
    told = client.run("everything", "everything", script=client.folder / "train.py")
    assert_quiet(told["folder"])
    assert (told["name"], told["notes"], told["tags"]) == (
        "another name",
        "second",
        ["a", "b", "c"],
    )
    assert (told["group"], told["job_type"], told["user"]) == ("g", "train", "ada")
    assert told["config"] == {"lr": 0.2, "gone": 1, "new": [1, 2]}
    assert told["summary"]["acc"] == {"max": 1}
    assert told["summary"]["low"]["min"] == 0
    assert told["summary"]["by hand"] == {"deep": 2**60}
    assert told["few"] == ["kept.txt"] and len(told["like"]) == 4
    assert told["downloaded"]["kept.txt"] == "kept\n"
    assert told["downloaded"]["näme & 100%+?.txt"] == "odd name\n"
    assert {"requirements.txt", "config.yaml", "wandb-metadata.json"} <= set(told["files"])
    assert any(name.startswith("code/") for name in told["files"]), told["files"]
    assert told["samples"] > 0 and "system.cpu" in told["system"]
    assert told["keys"]["keys"]["acc"]["typeCounts"] == [{"type": "number", "count": 20}]

    run = run_of(api, "everything")
    assert (run.name, run.notes, run.tags) == ("another name", "second", ["a", "b", "c"])
    lines = run.console()
    assert [text for stream, text in lines[:2]] == [
        "progress 19",
        "a line",
    ]  # rewritten lines are one
    assert ("stderr", "an error") in lines
    assert [(one["title"], one["level"]) for one in run.alerts()] == [("Low", "WARN")]
    assert run.metrics["val/*"]["step_metric"] == "epoch"
    assert run.system_metrics() and run.packages.get("wandb")
    row = run.history()[20]
    assert row["picture"]["_type"] == "image-file" and row["pictures"]["count"] == 2
    assert row["histogram"]["_type"] == "histogram" and row["page"]["_type"] == "html-file"
    assert run.file(row["picture"]["path"]).size == row["picture"]["size"]
    assert run.state == "finished"


def test_an_ended_run_is_edited_and_deleted(client: Client, api: kiseki.Api) -> None:
    client.run("steps", "edited", 0, 5, {"config": {"lr": 1}, "tags": ["a"]})
    told = client.run("edited", "edited")
    assert told["config"] == {"lr": 1, "added": {"deep": 1}}
    assert (told["tags"], told["notes"], told["name"]) == (["x", "y"], "edited", "renamed")
    assert (told["group"], told["score"], told["rows"]) == ("other", 3, 5)
    assert (told["state"], told["file"], told["files"]) == ("finished", 4, [])
    assert told["deleted"]
    with pytest.raises(kiseki.errors.ServerError, match="exist"):
        run_of(api, "edited").refresh()


def test_runs_are_filtered_and_sorted(client: Client, live: LiveServer) -> None:
    made = []
    for index, id in enumerate(["q-a", "q-b", "q-c", "q-d"]):
        tags = ["even"] if index % 2 == 0 else ["odd", "last"]
        config = {"q": index, "nest": {"v": f"text {index}"}}
        more = {"config": config, "tags": tags, "group": "asked", "name": f"name {index}"}
        made.append([id, index * 10, more])
    client.run("listed", made)
    within = {"group": "asked"}
    cases: list[tuple[Any, str, list[str]]] = [
        (within, "+created_at", ["q-a", "q-b", "q-c", "q-d"]),
        (within, "-created_at", ["q-d", "q-c", "q-b", "q-a"]),
        (within, "-config.q.value", ["q-d", "q-c", "q-b", "q-a"]),
        (within, "+summary_metrics.x", ["q-a", "q-b", "q-c", "q-d"]),
        ({**within, "config.q": {"$gte": 2}}, "+created_at", ["q-c", "q-d"]),
        ({**within, "config.q.value": 1}, "+created_at", ["q-b"]),
        ({**within, "config.nest.v": "text 2"}, "+created_at", ["q-c"]),
        ({**within, "config.nest.value.v": "text 2"}, "+created_at", ["q-c"]),
        ({"$and": [within, {"$or": [{"config.q": 0}, {"name": "q-d"}]}]}, "name", ["q-a", "q-d"]),
        ({**within, "tags": "even"}, "+created_at", ["q-a", "q-c"]),
        ({**within, "tags": {"$in": ["last", "none"]}}, "+created_at", ["q-b", "q-d"]),
        ({**within, "tags": {"$nin": ["last"]}}, "+created_at", ["q-a", "q-c"]),
        ({**within, "summary_metrics.x": {"$gt": 11, "$lt": 31}}, "+created_at", ["q-c"]),
        ({**within, "display_name": {"$regex": "^name 0"}}, "+created_at", ["q-a"]),
        ({**within, "display_name": {"$regex": "me 3"}}, "+created_at", ["q-d"]),
        ({**within, "$nor": [{"config.q": 0}, {"config.q": 1}]}, "+created_at", ["q-c", "q-d"]),
        ({**within, "summary_metrics.none": None}, "+created_at", ["q-a", "q-b", "q-c", "q-d"]),
        ({**within, "config.q": {"$exists": False}}, "+created_at", []),
        ({**within, "state": "finished"}, "-name", ["q-d", "q-c", "q-b", "q-a"]),
        ({**within, "state": {"$ne": "finished"}}, "+created_at", []),
        ({**within, "created_at": {"$gt": "2099-01-01T00:00:00Z"}}, "+created_at", []),
        ({**within, "username": "ada"}, "+created_at", ["q-a", "q-b", "q-c", "q-d"]),
        ({**within, "keys_info.keys.x": {"$exists": True}}, "+name", ["q-a", "q-b", "q-c", "q-d"]),
    ]
    found = client.run("asked", [(filters, order) for filters, order, _ in cases])["found"]
    for (filters, order, wanted), got in zip(cases, found, strict=True):
        assert got == wanted, (filters, order)
    (error,) = client.run("asked", [({"display_name": {"$regex": "(a+)+$("}}, "")])["found"]
    assert "regular expression" in error


# ── starting again ──


def test_resume_rewind_and_fork(client: Client, api: kiseki.Api) -> None:
    """One run: started, resumed, refused, rewound; another forked from it."""
    client.run("steps", "r", 0, 10, {"config": {"a": 1}, "notes": "kept", "tags": ["t"]})
    told = client.run("refused", "r", {"resume": "never"})
    assert "never" in told["error"] or "exists" in told["error"]
    told = client.run("steps", "r", 10, 5, {"resume": "must", "config": {"b": 2}})
    assert_quiet(told["folder"])
    back = client.run("back", "r")
    assert (back["x"], back["steps"]) == (list(range(15)), list(range(15)))
    assert (back["config"], back["notes"], back["tags"]) == ({"a": 1, "b": 2}, "kept", ["t"])
    client.run("steps", "r", 15, 5, {"resume": "allow"})
    assert [row["x"] for row in run_of(api, "r").history()] == list(range(20))

    told = client.run("steps", "fork", 100, 3, {"fork_from": "r?_step=7"})
    assert_quiet(told["folder"])
    back = client.run("back", "fork")
    assert (back["x"], back["steps"]) == ([*range(8), 100, 101, 102], list(range(11)))
    assert [row["x"] for row in run_of(api, "fork").history()] == back["x"]
    assert [row["x"] for row in run_of(api, "r").history()] == list(range(20))

    told = client.run("steps", "r", 200, 2, {"resume_from": "r?_step=4"})
    assert_quiet(told["folder"])
    back = client.run("back", "r")
    assert (back["x"], back["steps"]) == ([0, 1, 2, 3, 4, 200, 201], list(range(7)))
    assert back["config"]["a"] == 1
    told = client.run("refused", "none", {"resume": "must"})
    assert "does not exist" in told["error"]
    told = client.run("refused", "lone-fork", {"fork_from": "no-such-run?_step=7"})
    assert "no-such-run" in told["error"]


def test_a_run_that_starts_over_is_another_attempt(client: Client, api: kiseki.Api) -> None:
    client.run("steps", "over", 0, 10, {"config": {"a": 1}})
    client.run("steps", "over", 50, 3, {"config": {"b": 2}})
    back = client.run("back", "over")
    assert (back["x"], back["config"]) == ([50, 51, 52], {"b": 2})
    run = run_of(api, "over")
    assert len(run.attempts) == 2
    assert [row["x"] for row in run.attempt(1).history()] == list(range(10))


def test_a_folder_is_synced_as_often_as_one_likes(client: Client, api: kiseki.Api) -> None:
    told = client.run("steps", "off", 0, 300, {"mode": "offline", "config": {"a": 1}})
    for _ in range(3):
        client.sync("--no-skip-synced", told["folder"])
    back = client.run("back", "off")
    assert (back["x"], back["state"], back["config"]) == (list(range(300)), "finished", {"a": 1})
    run = run_of(api, "off")
    assert [row["x"] for row in run.history()] == list(range(300))
    assert len(run.attempts) == 1


def test_folders_of_one_id_are_synced_as_often_as_one_likes(
    client: Client, api: kiseki.Api
) -> None:
    """Two that start the run, and one that went on with the second."""
    made = [
        client.run("steps", "offs", first, 5, {"mode": "offline", **more})["folder"]
        for first, more in ((0, {}), (10, {}), (20, {"resume": "allow"}))
    ]
    for folder in (*made, *reversed(made)):
        client.sync("--no-skip-synced", folder)
    run = run_of(api, "offs")
    found = [[row["x"] for row in run.attempt(n).scan_history()] for n in (1, 2)]
    assert found == [list(range(5)), [*range(10, 15), *range(20, 25)]]
    assert len(run.attempts) == 2 and run.rows == 10


def test_two_processes_under_one_id_lose_nothing(client: Client, api: kiseki.Api) -> None:
    first = client.begin("paced", "two", 60, 0.1)
    first.next()
    until(lambda: _rows(api, "two") >= 1, "the first rows")
    second = client.begin("paced", "two", 60, 0.1)
    for child in (first, second):
        child.end()
    run = run_of(api, "two")
    assert [one.rows for one in run.attempts] == [60, 60]
    assert [[row["x"] for row in run.attempt(n).scan_history()] for n in (1, 2)] == [
        list(range(60))
    ] * 2


def test_a_killed_run_is_synced(client: Client, api: kiseki.Api) -> None:
    child = client.begin("killed", "dead")
    folder = child.next()["folder"]
    until(lambda: _rows(api, "dead") >= 1, "the first rows")
    child.kill()
    for _ in range(2):
        client.sync("--no-skip-online", "--no-skip-synced", folder)
    run = run_of(api, "dead")
    assert [row["x"] for row in run.history()] == list(range(50))
    assert len(run.attempts) == 1


def _rows(api: kiseki.Api, id: str) -> int:
    try:
        return len(run_of(api, id).history())
    except kiseki.errors.ServerError:
        return 0


# ── while it runs ──


@pytest.mark.slow  # the client asks every 15 seconds
def test_stop_interrupts_the_script(client: Client, api: kiseki.Api) -> None:
    child = client.begin("stopped", "stop")
    child.next()
    until(lambda: _rows(api, "stop") >= 1, "the first row")
    run_of(api, "stop").stop()
    assert child.end() == {"interrupted": True}
    until(lambda: run_of(api, "stop").state != "running", "its end")


def test_a_run_deleted_while_it_logs_loses_nothing(client: Client, api: kiseki.Api) -> None:
    ids = ["thrown", "unseen"]
    children_of = {id: client.begin("paced", id, 100, 0.1) for id in ids}
    before = {}
    for id, child in children_of.items():
        child.next()
        until(lambda id=id: _rows(api, id) >= 3, "the first rows")
        before[id] = _rows(api, id)
        run_of(api, id).delete()
    until(
        lambda: all(_trashed_rows(api)[id] > before[id] + 10 for id in ids), "rows of deleted runs"
    )
    (one,) = [run for run in api.trash(children.PROJECT) if run.id == "thrown"]
    one.restore()
    for child in children_of.values():
        assert child.end() == {"done": True}
    (other,) = [run for run in api.trash(children.PROJECT) if run.id == "unseen"]
    other.restore()  # it ended in the trash
    for id in ids:
        run = run_of(api, id)
        assert [row["x"] for row in run.history()] == list(range(100))
        assert (run.state, len(run.attempts)) == ("finished", 1)
        assert "wandb-summary.json" in [file.path for file in run.files()]


def _trashed_rows(api: kiseki.Api) -> dict[str, int]:
    told = api._client.get_json(f"/api/v1/projects/ada/{children.PROJECT}/trash")
    return {run["id"]: run["rows"] for run in told["runs"]}


def test_the_server_restarts_under_a_run(tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "own").start()
    (tmp_path / "home").mkdir()
    client = Client(server, tmp_path / "home")
    try:
        child = client.begin("paced", "paced", 100, 0.04)
        child.next()
        with kiseki.Api(server.url, server.key) as api:
            until(lambda: _rows(api, "paced") >= 5, "the first rows")
        server.kill()
        time.sleep(0.5)
        server.start()
        assert child.end() == {"done": True}
        with kiseki.Api(server.url, server.key) as api:
            run = run_of(api, "paced")
            assert [row["x"] for row in run.history()] == list(range(100))
            assert (run.state, len(run.attempts)) == ("finished", 1)
    finally:
        client.close()
        server.stop()


def test_several_clients_write_one_run(client: Client, api: kiseki.Api) -> None:
    first = client.begin("shared", "shared", "first", 100)
    until(lambda: _is_there(api, "shared"), "the run")
    second = client.begin("shared", "shared", "second", 60)
    second.end()
    first.end()
    run = run_of(api, "shared")
    rows = run.history()
    assert sorted(row["first"] for row in rows if "first" in row) == list(range(100))
    assert sorted(row["second"] for row in rows if "second" in row) == list(range(60))
    assert (run.summary["first"], run.summary["second"]) == (99, 59)
    lines = [text for _, text in run.console()]
    assert [line for line in lines if line.startswith("first")] == [
        f"first {n}" for n in range(100)
    ]
    assert [line for line in lines if line.startswith("second")] == [
        f"second {n}" for n in range(60)
    ]
    assert (len(run.attempts), run.state) == (1, "finished")


def _is_there(api: kiseki.Api, id: str) -> bool:
    return any(run.id == id for run in api.runs(f"ada/{children.PROJECT}"))


def test_long_lines_and_compressed_bodies(client: Client, api: kiseki.Api) -> None:
    told = client.run("large", "large")
    assert told["sizes"] == [3_000_000] * 4
    assert [len(row["long"]) for row in run_of(api, "large").history()] == [3_000_000] * 4


# ── who may ──


def test_a_wrong_key_is_told_in_words(client: Client) -> None:
    wrong = "ksk_wrongone" + "0" * 48
    told = client.run("refused", "wrong", {}, WANDB_API_KEY=wrong)
    assert "<no message>" not in told["error"] and "key" in told["error"], told
    done = subprocess.run(
        [sys.executable, "-m", "wandb", "login", "--verify", "--relogin", client.server.key],
        env=environment(client.server, client.folder),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert done.returncode == 0, done.stderr
    assert "ada" in done.stdout + done.stderr
