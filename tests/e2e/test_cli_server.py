"""The commands that talk to a server, against a real one (K-01 … K-03)."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kiseki.client import registry
from kiseki.client.credentials import credentials_path, read_credentials
from kiseki.errors import ServerError
from kiseki.record.types import Config, Finish
from kiseki.sdk.api import Api
from kiseki.sdk.reading import open_run
from tests.fakes.live_server import FIRST_KEY, LiveServer, free_port
from tests.unit.cli.command import kiseki
from tests.unit.record.strategies import exact
from tests.unit.sdk_reading.folders import OPEN, log, run_folder

FINISH = Finish(exit_code=0, time_us=9, runtime_us=9)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    place = tmp_path_factory.mktemp("live")
    env = {"KISEKI_CONFIG_DIR": str(place / "config"), "KISEKI_DATA_DIR": str(place / "data")}
    server = LiveServer(place / "server", env=env).start()
    yield server
    server.stop()


@pytest.fixture
def env(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("KISEKI_BASE_URL", live.url)
    monkeypatch.setenv("KISEKI_API_KEY", FIRST_KEY)
    return {}


def stored(tmp_path: Path, run: str, stream: str, *records: Any) -> Path:
    """Return a run folder as an offline run leaves it."""
    opening = msgspec.structs.replace(OPEN, run=run, stream=stream)
    place = tmp_path / run
    place.mkdir()
    return run_folder(place, *records, opening=opening)


VALUES = [
    1.0,
    1,
    True,
    None,
    "x",
    math.nan,
    math.inf,
    -math.inf,
    -0.0,
    2**70,
    -(2**63),
    2**64,
    [1, 2.5],
]


def test_sync_sends_all_once_and_the_run_reads_back_exactly(tmp_path: Path, env: dict) -> None:
    rows = [log(i, v=value, **{"n.x": i}) for i, value in enumerate(VALUES)]
    folder = stored(tmp_path, "sync1", "1" * 32, Config(set={"lr": 0.5}), *rows, FINISH)
    registry.add("1" * 32, folder, "", "sync1")
    dry = kiseki("sync", folder, "--dry-run", "--json")
    assert (dry.status, dry.document["would_sync"]) == (0, [str(folder)])

    done = kiseki("sync", folder)
    assert (done.status, done.err) == (0, "")
    assert "all are on the server" in done.out
    assert registry.entries() == []

    again = kiseki("sync", folder, "--json").document
    assert again == {"runs": [], "skipped": [str(folder)]}
    checked = kiseki("sync", folder, "--include-synced", "--json").document["runs"][0]
    assert (checked["sent"], checked["pending"], checked["complete"]) == (0, 0, True)

    with Api() as api:
        run = api.run("ada/digits/sync1")
        local = open_run(folder)
        assert exact(run.history()) == exact(local.history())
        assert exact(list(run.scan_history())) == exact(list(local.scan_history()))
        assert exact(run.history(keys=["n.x"])) == exact(local.history(keys=["n.x"]))
        for field in ("id", "entity", "project", "name", "notes", "tags", "group", "job_type",
                      "state", "exit_code", "config", "packages", "metrics", "damage"):  # fmt: skip
            assert getattr(run, field) == getattr(local, field), field
        assert exact(run.summary) == exact(local.summary)
        assert run.console() == local.console()


def test_sync_of_a_damaged_run_sends_the_rest_and_ends_with_3(tmp_path: Path, env: dict) -> None:
    folder = stored(tmp_path, "sync2", "2" * 32, *(log(i, a=i) for i in range(50)), FINISH)
    (journal,) = folder.glob("*.kslog")
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)
    done = kiseki("sync", folder)
    assert done.status == 3  # reliability 2.2, §6
    assert "KSK-DATA-402" in done.err and journal.name in done.err
    with Api() as api:
        assert len(api.run("ada/digits/sync2").history()) == 49


def test_sync_that_cannot_reach_the_server_changes_nothing_and_ends_with_1(tmp_path: Path) -> None:
    folder = stored(tmp_path, "sync3", "3" * 32, log(0, a=1), FINISH)
    done = kiseki("sync", folder, env={"KISEKI_BASE_URL": "http://127.0.0.1:1"})
    assert (done.status, done.out) == (1, "")
    assert f"to try again: kiseki sync {folder}" in done.err
    assert kiseki("sync", tmp_path / "absent").status == 2


def test_sync_under_another_address_is_repeatable_too(tmp_path: Path, env: dict) -> None:
    folder = stored(tmp_path, "sync4", "4" * 32, log(0, a=1), log(1, a=2), FINISH)
    before = {path: path.read_bytes() for path in folder.glob("*.kslog")}
    arguments = ["sync", folder, "--project", "other", "--id", "renamed", "--json"]
    assert kiseki(*arguments).document["runs"][0]["complete"]
    again = kiseki(*arguments, "--include-synced").document["runs"][0]
    assert (again["complete"], again["sent"]) == (True, 0)
    assert {path: path.read_bytes() for path in folder.glob("*.kslog")} == before
    with Api() as api:
        run = api.run("ada/other/renamed")
        assert ([row["a"] for row in run.history()], run.state) == ([1, 2], "finished")


def test_ls_and_show_of_the_server(tmp_path: Path, env: dict) -> None:
    folder = stored(tmp_path, "ls1", "5" * 32, Config(set={"lr": 5}), log(0, a=1.5), FINISH)
    assert kiseki("sync", folder).status == 0
    assert "ada/digits" in kiseki("ls").out
    assert {p["project"] for p in kiseki("ls", "--json").document["projects"]} >= {"digits"}
    said = kiseki("ls", "ada/digits", "--filter", "lr:5", "--json").document
    assert [(run["id"], run["config"]) for run in said["runs"]] == [("ls1", {"lr": 5})]
    assert "ls1" in kiseki("ls", "digits").out  # of the default entity
    done = kiseki("show", "ada/digits/ls1")
    assert done.status == 0
    assert "● finished" in done.out and "1.5" in done.out
    absent = kiseki("show", "ada/digits/absent")
    assert absent.status == 1 and "KSK-CLI-602" in absent.err


def test_the_api_edits_stops_and_deletes(tmp_path: Path, env: dict) -> None:
    folder = stored(tmp_path, "edit1", "6" * 32, log(0, a=1), FINISH)
    assert kiseki("sync", folder).status == 0
    with Api() as api:
        run = api.run("digits/edit1")
        run.name = "renamed"
        run.tags.append("later")
        run.update(notes="because")
        found = next(iter(api.runs("digits", "later")))
        assert (found.id, found.name, found.tags, found.notes) == (
            "edit1", "renamed", ["baseline", "later"], "because",
        )  # fmt: skip
        assert found.url.endswith("/ada/digits/runs/edit1")
        runs = api.runs("digits", "name:renamed", per_page=1)
        assert (len(runs), runs[0].id, runs[-1].id) == (1, "edit1", "edit1")
        with pytest.raises(IndexError):
            runs[1]
        run.stop()
        run.delete()
        assert len(api.runs("digits", "name:renamed")) == 0
        assert api.viewer.user == "ada" and "ada" in api.viewer.entities
        assert api.project("digits").path == "ada/digits"


# --- login, status, admin ---------------------------------------------------------------------


def test_login_stores_what_the_server_accepts(live: LiveServer) -> None:
    done = kiseki("login", "--host", live.url, stdin=FIRST_KEY + "\n")
    assert done.status == 0
    assert "signed in as ada" in done.err and FIRST_KEY not in done.out + done.err
    assert read_credentials() == {live.url: FIRST_KEY}
    assert stat.S_IMODE(credentials_path().stat().st_mode) == 0o600
    said = kiseki("login", "--host", live.url, "--json").document
    assert (said["user"], said["stored"], said["verified"]) == ("ada", False, True)
    status = kiseki("status", "--json", env={"KISEKI_BASE_URL": live.url}).document["server"]
    assert (status["reachable"], status["user"], status["entity"]) == (True, "ada", "ada")


def test_login_stores_nothing_that_is_refused(live: LiveServer) -> None:
    for key in ("short", "x" * 50):
        done = kiseki("login", key, "--host", live.url)
        assert done.status == 1
        assert "KSK-AUTH-201" in done.err  # I-82
    assert read_credentials() == {}
    assert kiseki("login", "x" * 50, "--host", live.url, "--no-verify").status == 0
    said = kiseki("status", "--json", env={"KISEKI_BASE_URL": live.url}).document["server"]
    assert (said["reachable"], said["user"]) == (True, None)
    assert "401" in said["trouble"]


def test_admin_makes_a_key_while_the_server_runs(live: LiveServer, tmp_path: Path) -> None:
    done = kiseki("admin", "create-key", "--data", live.data, "--user", "ada")
    assert done.status == 0
    key = done.out.strip()
    with Api(live.url, key) as api:
        assert api.viewer.user == "ada"
    said = kiseki("admin", "create-key", "--data", live.data, "--json").document
    assert said["user"] == "ada" and said["key"] != key
    assert "ada" in kiseki("admin", "create-key", "--data", live.data, "--user", "x").err
    assert kiseki("admin", "create-key", "--data", tmp_path).status == 2
    assert not list(tmp_path.glob("*.db"))


# --- server -----------------------------------------------------------------------------------


def start_server(data: Path, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "kiseki", "server", "--data", str(data), "--json", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = ""
    for line in process.stdout:
        lines += line
        if line == "}\n":
            return process, json.loads(lines)
    raise AssertionError(f"the server ended with {process.wait()}: {lines}")


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGINT)
    with process:
        return process.wait(30)


def test_the_first_start_signs_the_sdk_in_and_a_later_one_keeps_it(tmp_path: Path) -> None:
    """design §3 "init and the network" 5."""
    port = str(free_port())
    process, said = start_server(tmp_path / "server", "--port", port)
    try:
        assert said["is_new"] and said["pid"] == process.pid
        assert said["sign_in_url"].startswith(f"http://127.0.0.1:{port}/login#token=")
        with Api(said["url"]) as api:
            assert api.viewer.user == said["user"]
        keys = read_credentials()
        taken = kiseki("server", "--data", tmp_path / "other", "--port", port)
        assert taken.status == 2 and port in taken.err
    finally:
        assert stop(process) == 0
    credentials_path().unlink()
    process, said = start_server(tmp_path / "server", "--port", port)
    try:
        with Api(said["url"]) as api:
            assert api.viewer.user == said["user"]
        assert not said["is_new"] and read_credentials() != keys
    finally:
        assert stop(process) == 0


def test_a_server_takes_in_the_runs_that_wait_for_it(tmp_path: Path) -> None:
    """design §3 "init and the network" 4."""
    folder = stored(tmp_path, "early", "7" * 32, log(0, a=1), FINISH)
    opening = msgspec.structs.replace(OPEN, run="early", stream="7" * 32, entity="")
    shutil.rmtree(folder)
    folder = run_folder(tmp_path / "early", log(0, a=1), FINISH, opening=opening)
    registry.add("7" * 32, folder, "", "early")
    process, said = start_server(tmp_path / "server", "--port", "0")
    try:
        with Api(said["url"]) as api:
            deadline = time.monotonic() + 30
            found = None
            while (found is None or found.state != "finished") and time.monotonic() < deadline:
                time.sleep(0.05)
                with contextlib.suppress(ServerError):  # not there yet
                    found = api.run("digits/early")
            assert found is not None and [row["a"] for row in found.history()] == [1]
            assert [project.project for project in api.projects()] == ["digits"]
    finally:
        assert stop(process) == 0
