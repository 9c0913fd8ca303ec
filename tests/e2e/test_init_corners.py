"""Corners of `init` that users come to: what a run that goes on finds of the one before, odd arguments."""

from __future__ import annotations

import enum
import inspect
import socket
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kiseki
from tests.e2e.run_scripts import QUIET, start_script
from tests.fakes.live_server import FIRST_KEY, LiveServer


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)


def test_media_of_kept_rows_are_files_of_the_run_that_goes_on(logged_in: LiveServer) -> None:
    """I-63, I-66, M-00: what a row shows can be fetched where the row is read."""
    with kiseki.init(project="p", id="one", mode="online") as run:
        for step in range(3):
            run.log({"image": kiseki.Image(np.full((4, 4, 3), step * 40, np.uint8))})
        with open(f"{run.dir}/own.txt", "w") as file:
            file.write("of the first attempt")
        run.save(f"{run.dir}/own.txt", policy="now")
    with kiseki.init(project="p", fork_from="one?_step=1", id="two") as run:
        run.log({"image": kiseki.Image(np.full((4, 4, 3), 200, np.uint8))})
    with kiseki.init(project="p", resume_from="one?_step=0") as run:
        run.log({"loss": 1.0})
    with kiseki.init(project="p", fork_from="two?_step=2", id="three") as run:
        pass
    for id, images in (("one", 1), ("two", 3), ("three", 3)):
        found = kiseki.Api().run(f"p/{id}")
        named = [row["image"] for row in found.history() if "image" in row]
        assert len(named) == images
        for image in named:
            assert len(b"".join(found.file(image["path"]).read())) == image["size"]
        media = [file.path for file in found.files() if file.path.startswith("media/")]
        assert media == [image["path"] for image in named]  # none of rows that were cut off
        assert "own.txt" not in [file.path for file in found.files()]
    kiseki.Api().run("p/two").delete()
    assert len(list(kiseki.Api().run("p/three").file(named[2]["path"]).read())) == 1


class Stage(str, enum.Enum):
    TRAIN = "train"


def test_text_of_other_kinds_is_text() -> None:
    """Names come out of arrays, enums and tables of pandas; surrogates out of names of files."""
    with kiseki.init(
        entity=np.str_("ada"), project=Stage.TRAIN, id=np.str_("one"), name=np.str_("first"),
        tags=list(np.array(["a", "b"])), group=Stage.TRAIN, notes="\udcff", mode="offline",
    ) as run:  # fmt: skip
        assert f"{run.path} {run.name} {run.group}" == "ada/train/one first train"
        assert run.tags == ("a", "b") and run.notes == "�"
        run.name, run.tags = np.str_("second"), [Stage.TRAIN]
        folder = run.sync_dir
    found = kiseki.open(folder)
    assert (found.project, found.id, found.name, found.tags) == (
        "train",
        "one",
        "second",
        ["train"],
    )


def test_an_id_of_many_bytes_has_a_folder() -> None:
    """I-20, G-10: 128 characters may be 512 bytes, names of files have 255."""
    id = "木" * 128
    with kiseki.init(project="p", id=id, mode="offline") as run:
        run.log({"loss": 1.0})
    assert Path(run.sync_dir).parent == Path("kiseki").absolute()
    assert kiseki.open(run.sync_dir).id == id
    with kiseki.init(project="p", id=id, mode="offline", resume="must") as run:
        assert run.step == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"entity": "a/b"}, {"entity": " a"}, {"settings": {"entity": "a/b"}}, {"dir": "a\0b"},
        {"resume": 0}, {"resume": 1}, {"resume": []}, {"force": "no"}, {"allow_val_change": "no"},
        {"config": {"a": 1}, "config_include_keys": 5}, {"config": {"a": 1}, "config_exclude_keys": "a"},
    ],
)  # fmt: skip
def test_arguments_that_cannot_be_meant(arguments: dict[str, Any]) -> None:
    """I-10, I-15, I-33, I-34, I-36, I-46, I-55, I-80, I-84: refused before anything is made."""
    with pytest.raises(kiseki.UsageError):
        kiseki.init(project="p", mode="offline", **arguments)
    assert kiseki.run is None and not Path("kiseki").exists()


def test_a_disabled_run_has_every_attribute_of_a_run() -> None:
    """X-01, X-02: `if run.resumed:` in a script does not fail where nothing is recorded."""
    with kiseki.init(project="p", mode="disabled") as run:
        found = {
            name: getattr(run, name)
            for name, member in inspect.getmembers(kiseki.Run)
            if isinstance(member, property) and not name.startswith("_")
        }
    assert (found["resumed"], found["starting_step"], found["step"]) == (False, 0, 0)


@pytest.mark.parametrize("key", ["", "k" * 44])
def test_a_key_that_is_refused_is_told_with_the_way_out(
    logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str
) -> None:
    """I-46, I-82, I-84; the message names the command."""
    monkeypatch.setenv("KISEKI_CONFIG_DIR", str(tmp_path / "nobody"))
    monkeypatch.setenv("KISEKI_API_KEY", key)
    with pytest.raises(kiseki.AuthenticationError, match="kiseki login"):
        kiseki.init(project="p", force=True)
    assert kiseki.run is None and not list(Path("kiseki").glob("*"))


def test_a_run_that_must_be_there_makes_no_project(logged_in: LiveServer) -> None:
    """I-57, I-84: a typo in the project leaves nothing behind."""
    with pytest.raises(kiseki.CommError, match="no run 'one'"):
        kiseki.init(project="typo", id="one", resume="must")
    assert "typo" not in [
        project["name"] for project in logged_in.get("/api/v1/projects")["projects"]
    ]


def test_files_of_other_runs_are_not_saved_by_the_way() -> None:
    """A-01: `**` goes into the run folders, too, and through the link to the latest one."""
    Path("model.pt").write_text("one")
    for _ in range(2):
        with kiseki.init(project="p", mode="offline") as run:
            saved = run.save("**/*.pt")
            named = [path for path, _ in kiseki.open(run.sync_dir).files() if path.endswith(".pt")]
        assert saved == [f"{run.dir}/model.pt"] and named == ["model.pt"]
    with kiseki.init(project="p", mode="offline") as other:
        assert other.save(f"{run.dir}/*.pt") == [f"{other.dir}/files/model.pt"]  # by its name


def test_a_part_that_was_never_uploaded_is_told_when_the_run_goes_on_without_it(
    logged_in: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """I-69, design 3.2: the rows that are only here would get steps that are taken."""
    for mode in ("online", "offline"):
        with kiseki.init(project="p", id="one", mode=mode, resume="allow") as run:
            run.log({"loss": 1.0})
    assert "kiseki sync" not in capsys.readouterr().err.split("to upload")[0]
    with kiseki.init(project="p", id="one", resume="must") as run:
        assert run.step == 1
    said = capsys.readouterr().err
    assert "up to step 1, on" in said and "up to step 0: it goes on from there" in said
    assert f"kiseki sync {Path('kiseki').absolute()}, then resume" in said


@pytest.mark.parametrize(
    "arguments", [{"id": "one", "resume": "allow"}, {"resume_from": "one?_step=0"}]
)
def test_a_run_that_is_alive_here_is_not_gone_on_with_offline(arguments: dict[str, Any]) -> None:
    """Design 3.7 without a server: two processes would give the same steps."""
    process = start_script(
        """
        import kiseki
        kiseki.init(project="p", id="one").log({"loss": 1.0})
        print("logged", flush=True)
        input()
        """,
        stdin=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "logged\n"
        with pytest.raises(kiseki.UsageError, match=f"still alive on this machine .*{process.pid}"):
            kiseki.init(project="p", mode="offline", **arguments)
        kiseki.init(project="p", mode="offline", fork_from="one?_step=0").finish()
        process.kill()
        process.wait()
        with kiseki.init(project="p", mode="offline", **arguments) as run:
            assert run.step == 1
    finally:
        process.kill()
        process.communicate()


def test_a_script_that_is_ended_while_it_registers_is_no_error_of_the_server(
    server: LiveServer,
) -> None:
    """I-81: Ctrl-C in `init` cuts a request off; the server's log has no incident of it."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"POST /api/v1/streams/{'0' * 32}/records HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Authorization: Bearer {FIRST_KEY}\r\nContent-Type: application/x-kiseki-records\r\n"
            "Content-Length: 1000\r\n\r\nhalf of it".encode()
        )
    server.get("/api/v1/projects")
    server.stop()
    assert "Traceback" not in server.log.read_text()
