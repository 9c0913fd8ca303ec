"""Deleted, restored and purged on real servers, killed at every step of a purge (I-21, reliability 5.12)."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import kiseki
from kiseki.errors import ServerError
from kiseki.uploader.sync import sync_folder
from tests.e2e.raw_client import Connection, RawStream
from tests.e2e.run_scripts import only_folder, run_script
from tests.fakes.live_server import FIRST_KEY, LiveServer

BASE = "/api/v1/projects/ada/digits"
WEEK_US = 7 * 24 * 3600 * 1_000_000

# Purges a data folder in processes that kill themselves before or after their n-th write, wherever that is.
PURGER = """
import os, shutil, signal, sys
from pathlib import Path
from kiseki.core.service import open_core
from kiseki.storage.embedded.blobs import EmbeddedBlobs
from kiseki.storage.embedded.database import Database
from kiseki.storage.embedded.history_file import HistoryFile
from kiseki.storage.open import open_storage

left = 0

def point():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

class Within:
    def __init__(self, inner):
        self.inner = inner
    def __enter__(self):
        return self.inner.__enter__()
    def __exit__(self, *error):
        point()  # all is written and nothing is committed
        ended = self.inner.__exit__(*error)
        point()
        return ended

def counted(function):
    def wrapped(*args, **options):
        result = function(*args, **options)
        if hasattr(result, "__enter__"):
            return Within(result)
        point()
        return result
    return wrapped

def purge():
    storage, lock = open_storage(Path(sys.argv[1]))
    core = open_core(storage)
    for owner, name in ((Database, "_write"), (HistoryFile, "write"), (EmbeddedBlobs, "drop")):
        setattr(owner, name, counted(getattr(owner, name)))
    for _ in core.trash.purge():
        pass
    os._exit(0)  # nothing of an orderly end

def ends(kill_at):
    global left
    left = kill_at  # 0: never
    child = os.fork()  # what takes long was imported once
    if not child:
        purge()
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status == 0

whole, copies, n = Path(sys.argv[1]), Path(sys.argv[2]), 1
while True:
    shutil.copytree(whole, copies / str(n))
    sys.argv[1] = copies / str(n)
    if ends(n):
        break
    assert ends(0)
    n += 1
"""


def purge_all(data: Path, copies: Path) -> list[Path]:
    """Purge a copy of a data folder for each instant at which a purge may be killed; return the copies."""
    done = subprocess.run(
        [sys.executable, "-c", PURGER, str(data), str(copies)],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(copies.iterdir(), key=lambda copy: int(copy.name))


def check_purged(data: Path) -> None:
    """Look at what is left of `gone` and `parent`, on which `child` hangs."""
    kept = [path for path in (data / "blobs").glob("??/*") if len(path.name) == 62]
    assert [path.read_bytes() for path in kept] == [b"same"], data
    with closing(sqlite3.connect(data / "meta.db")) as db:

        def ask(query: str) -> int:
            return int(db.execute(query).fetchone()[0])

        of_gone = "JOIN attempt a ON a.number=segment.attempt JOIN run r ON r.number=a.run WHERE r.id='gone'"
        assert ask("SELECT count(*) FROM run WHERE purged_us IS NOT NULL") == 2
        assert ask(f"SELECT count(*) FROM segment {of_gone}") == 0
        assert ask("SELECT count(*) FROM unnamed") == 0
        assert ask("SELECT count(*) FROM audit WHERE action='run-purged'") <= 2
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        segments = {row[0] for row in db.execute("SELECT number FROM segment")}
    (history,) = (data / "history").glob("*.db")
    with closing(sqlite3.connect(history)) as db:
        rows = dict(db.execute("SELECT id, rows FROM segment"))
        assert set(rows) <= segments and sorted(filter(None, rows.values())) == [2, 6, 6], data


def logged(connection: Connection, run: str, rows: range, **options: object) -> RawStream:
    stream = RawStream(connection, run, **options)
    stream.add_rows(rows)
    stream.send_all(random.Random(1))
    return stream


def upload(connection: Connection, run: str, name: str, text: bytes) -> None:
    status, answer = connection.ask("PUT", f"{BASE}/runs/{run}/files/{name}", text)
    assert status == 201, answer


def steps(connection: Connection, run: str) -> list[int]:
    connection.headers["Accept"] = "application/json"
    status, page = connection.ask("GET", f"{BASE}/runs/{run}/history?mode=exact")
    assert status == 200, page
    return [row["_step"] for row in page["rows"]]


def test_a_purge_killed_at_every_step_loses_nothing_that_is_needed(tmp_path: Path) -> None:
    data = tmp_path / "server"
    server = LiveServer(data).start()
    connection = Connection(server.url, FIRST_KEY)
    try:
        for run in ("gone", "parent", "other"):
            logged(connection, run, range(6))
        logged(connection, "child", range(4, 6), parent_run="parent", parent_step=3)
        for run, name, text in (
            ("gone", "own.txt", b"own"), ("gone", "same.txt", b"same"), ("other", "same.txt", b"same"),
        ):  # fmt: skip
            upload(connection, run, name, text)
        answer = server.get(f"{BASE}/runs/delete", "POST", {"runs": ["gone", "parent"]})
        assert answer == {"runs": ["gone", "parent"]}
    finally:
        assert server.stop() == 0
        connection.close()
    with closing(sqlite3.connect(data / "meta.db")) as db, db:
        db.execute("UPDATE run SET deleted_us = deleted_us - ?", (WEEK_US,))
        db.execute("UPDATE blob SET created_us = created_us - ?", (2 * WEEK_US,))
    copies = purge_all(data, tmp_path / "copies")
    print(f"{len(copies) - 1} kills")
    assert len(copies) > 20
    for copy in copies:
        check_purged(copy)
    server.data = copies[len(copies) // 2]
    server.start()
    connection = Connection(server.url, FIRST_KEY)
    try:
        assert steps(connection, "child") == steps(connection, "other") == list(range(6))
        listed = server.get(f"{BASE}/runs")
        assert {run["id"] for run in listed["runs"]} == {"other", "child"}
        assert server.get(f"{BASE}/trash") == {"total": 0, "runs": []}
        assert connection.ask("POST", f"{BASE}/runs/gone/restore")[1]["code"] == "purged"
        (file,) = server.get(f"{BASE}/runs/other/files")["files"]
        assert file["stored"]
        refused = RawStream(connection, "gone")
        status, answer = refused.post(0, len(refused.frames))
        assert (status, answer["code"]) == (409, "deleted")
    finally:
        server.stop()
        connection.close()


def test_a_run_deleted_while_it_ran_heals_once_it_is_restored(
    server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KISEKI_BASE_URL", server.url)
    monkeypatch.setenv("KISEKI_API_KEY", server.key)
    monkeypatch.chdir(tmp_path)
    run_script(
        """
        import kiseki
        with kiseki.init(project="digits", id="r1") as run:
            for step in range(10):
                run.log({"n": step})
                if step == 4:
                    kiseki.Api().run("digits/r1").delete()
        """,
        {"KISEKI_MODE": "online"},
    )
    folder = only_folder(tmp_path)
    refused = sync_folder(folder)
    assert refused.code == "deleted" and "restore it from the trash" in refused.hint
    api = kiseki.Api()
    with pytest.raises(ServerError):
        api.run("digits/r1")
    (trashed,) = api.trash("digits")
    assert (trashed.id, trashed.deleted_by) == ("r1", "ada")
    trashed.restore()
    assert api.trash("digits") == []
    healed = sync_folder(folder)
    assert not healed.error, healed
    run = api.run("digits/r1")
    assert [row["n"] for row in run.scan_history()] == list(range(10))
    assert run.state == "finished"
    run.delete()
    run.restore()
    assert api.run("digits/r1").state == "finished"
