"""The official client's commands, and the rarer things it does, against a real server."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import kiseki
from tests.compat import wandb_cli_children as children
from tests.compat.test_wandb_client import WAIT_S, Client, environment, until
from tests.fakes.live_server import LiveServer

SCRIPT = Path(children.__file__)
CHECKED = (  # by `wandb verify`; the others are about TLS and a separate object store
    "logged in", "Signed URL upload", "large payloads", "package version", "logged metrics",
    "artifact save and download", "sweep creation",
)  # fmt: skip

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="wandb is not installed"
)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("cli") / "server").start()
    yield server
    server.stop()


class Commands(Client):
    """Runs commands of the client beside scripts."""

    def wandb(self, *arguments: str, folder: Path | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "wandb", *arguments],
            env=environment(self.server, self.folder),
            cwd=folder or self.folder,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def child(self, name: str, *arguments: Any) -> dict[str, Any]:
        return self.run(name, *map(str, arguments), script=SCRIPT)


@pytest.fixture
def client(live: LiveServer, tmp_path: Path) -> Iterator[Commands]:
    (tmp_path / "home").mkdir()
    made = Commands(live, tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def api(live: LiveServer) -> Iterator[kiseki.Api]:
    with kiseki.Api(live.url, live.key) as made:
        yield made


@pytest.mark.slow
def test_verify_and_status(client: Commands) -> None:
    assert "ada" in client.wandb("login", "--verify", "--relogin", client.server.key)
    assert client.server.url in client.wandb("status")
    said = client.wandb("verify")
    lines = [line for line in said.splitlines() if line.startswith("Checking")]
    for wanted in CHECKED:
        [line] = [line for line in lines if wanted.lower() in line.lower()]
        assert line.endswith("✅"), said


def test_artifacts_by_command(client: Commands, tmp_path: Path) -> None:
    (tmp_path / "d" / "sub").mkdir(parents=True)
    (tmp_path / "d" / "a.txt").write_text("a")
    (tmp_path / "d" / "sub" / "ä b.txt").write_text("b")
    put = ("artifact", "put", "-n", "ada/cli/things", "-t", "dataset", "-a", "first")
    assert "things:v0" in client.wandb(*put, str(tmp_path / "d"))
    assert "things:v0" in client.wandb("artifact", "ls", "ada/cli")
    client.wandb("artifact", "get", "ada/cli/things:first", "--root", str(tmp_path / "got"))
    assert (tmp_path / "got" / "sub" / "ä b.txt").read_text() == "b"


@pytest.mark.parametrize(
    "command", [("sync",), pytest.param(("beta", "sync"), marks=pytest.mark.slow)]
)
def test_an_offline_run_with_an_artifact(
    client: Commands, api: kiseki.Api, tmp_path: Path, command: tuple[str, ...]
) -> None:
    id = "-".join(("off", *command))
    told = client.child("offline", id)
    client.wandb(*command, told["folder"])
    run = api.run(f"ada/cli/{id}")
    assert [row["x"] for row in run.history() if "x" in row] == list(range(children.ROWS))
    assert (run.state, run.config) == ("finished", {"a": 1})
    assert "saved.txt" in [file.path for file in run.files()]
    client.wandb("artifact", "get", "ada/cli/offline:latest", "--root", str(tmp_path / "got"))
    assert (tmp_path / "got" / "f.txt").read_text() == "content"
    (tmp_path / "pulled").mkdir()
    client.wandb("pull", f"ada/cli/{id}", folder=tmp_path / "pulled")
    assert (tmp_path / "pulled" / "saved.txt").read_text() == "saved"


@pytest.mark.slow
def test_restore_goes_back_to_the_commit(client: Commands, tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=n", "-c", "user.email=a@b.c"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "x", "--allow-empty"]):
        subprocess.run([*git, *arguments], cwd=client.folder, check=True)
    told = client.child("offline", "restored")
    client.wandb("sync", told["folder"])
    said = client.wandb("restore", "ada/cli/restored")
    assert "Created branch wandb/restored" in said and "Restored config" in said


def test_sounds_films_and_code(client: Commands, api: kiseki.Api) -> None:
    told = client.child("media", "media")
    row = told["row"]
    assert (row["sound"]["_type"], row["sound"]["caption"]) == ("audio-file", "a tone")
    assert row["film"]["_type"] == "video-file"
    assert {row["sound"]["path"], row["film"]["path"]} <= set(told["files"])
    assert len(told["code"]) == 1
    run = api.run("ada/cli/media")
    assert run.file(row["film"]["path"]).size == row["film"]["size"]


def test_what_was_logged_last_is_told_by_key(client: Commands) -> None:
    told = client.child("keys", "keys")
    keys = told["keys"]["keys"]
    last = {path: keys[path]["previousValue"] for path in ("loss", "best", "dict.a", "dict.t")}
    assert last == {"loss": 0.2, "best": 4, "dict.a": 4, "dict.t": "text 4"}
    assert told["keys"]["lastStep"] == 4
    assert told["file"] == "wandb-summary.json"


def test_references_are_downloaded_too(client: Commands, tmp_path: Path) -> None:
    found = client.child("references", tmp_path)
    assert found == {"near.txt": "near", "own.txt": "own"}


@pytest.mark.slow
def test_a_client_that_is_killed_in_an_upload(client: Commands, api: kiseki.Api) -> None:
    """Nothing is to be seen of the artifact, and it can be logged again. A sync of the folder brings the
    rows; of an artifact that is sent at once the client writes nothing down.
    """
    child = client.begin("uploading", "torn", "600", script=SCRIPT)
    folder = child.next()["folder"]
    blobs = client.server.data
    [log] = Path(folder).glob("*.wandb")
    until(lambda: log.stat().st_size > 100_000, "its log on the disk")
    until(lambda: _receiving(blobs) > 5_000_000, "the first part of it")
    child.kill()
    assert not [one for one in _artifacts(client) if one.startswith("torn:")]
    client.wandb("sync", "--no-skip-online", "--no-skip-synced", folder)
    assert len(api.run("ada/cli/torn").history()) == 100
    assert client.child("again", "torn-again", 600) == {"version": "v0", "size": 600 * 1024**2}


def _artifacts(client: Commands) -> list[str]:
    return client.wandb("artifact", "ls", "ada/cli").split()


def _receiving(folder: Path) -> int:
    """Return the size of the largest file that is on its way in, or has just come."""
    sizes = [0]
    for path in folder.rglob("*"):
        try:
            if path.is_file() and path.suffix not in (".db", ".db-wal", ".sqlite"):
                sizes.append(path.stat().st_size)
        except FileNotFoundError:
            continue
    return max(sizes)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_file_of_three_gigabytes_costs_no_memory(client: Commands) -> None:
    """The client would send it in parts; one piece is as good, since it is written as it comes."""
    assert client.server.process is not None
    server = psutil.Process(client.server.process.pid)
    before, most, done = server.memory_info().rss, [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            most[0] = max(most[0], server.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        size = 3 * 1024**3
        command = [sys.executable, str(SCRIPT), "huge", str(size)]
        env = environment(client.server, client.folder)
        told = subprocess.run(
            command, env=env, cwd=client.folder, capture_output=True, text=True, timeout=800
        )
        assert told.returncode == 0, told.stderr[-3_000:]
    finally:
        done.set()
        watching.join()
    assert f'"size": {size}' in told.stdout and os.path.exists(client.server.data)
    assert most[0] - before < 200 * 1024 * 1024, f"{(most[0] - before) / 1e6:.0f} MB more"
