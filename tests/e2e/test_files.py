"""Files of real runs on a real server: saved, killed in the middle, offline, fetched back."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import kiseki
from kiseki.errors import UsageValueError
from kiseki.uploader.sync import sync_folder
from tests.e2e.run_scripts import QUIET, only_folder, run_script, start_script
from tests.fakes.live_server import LiveServer

ONLINE = {"KISEKI_MODE": "online"}


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition never held"
        time.sleep(0.02)


def files_of(server: LiveServer, run: str = "r1") -> dict[str, dict[str, Any]]:
    path = f"/api/v1/projects/ada/p/runs/{run}/files"
    try:
        return {file["path"]: file for file in server.get(path)["files"]}
    except OSError:  # the server is being restarted, or does not know the run yet
        return {}


def is_stored(server: LiveServer, name: str, data: bytes, run: str = "r1") -> bool:
    file = files_of(server, run).get(name, {})
    return bool(file.get("stored")) and file["sha256"] == hashlib.sha256(data).hexdigest()


def text_of(file: Any) -> str:
    with file.download("got") as opened:
        return str(opened.read())


def drafts(server: LiveServer) -> list[Path]:
    return list((server.data / "blobs" / "incoming").iterdir())


def test_saved_files_are_on_the_server_when_finish_returns(logged_in: LiveServer) -> None:
    """A-01, I-70, G-05; the files that are written by themselves go the same way."""
    done = run_script(
        """
        import kiseki, os, pathlib
        pathlib.Path("out/deep").mkdir(parents=True)
        pathlib.Path("out/deep/model.bin").write_bytes(b"x" * 3_000_000)
        pathlib.Path("out/a.txt").write_text("a")
        with kiseki.init(project="p", id="r1", save_code=True) as run:
            print("hello")
            run.log({"loss": 1})
            found = run.save("out/**", policy="now")
            assert [os.path.relpath(path, run.dir) for path in found] == ["out/a.txt", "out/deep/model.bin"]
            assert all(os.path.islink(path) for path in found)
        """,
        {**ONLINE, "KISEKI_DISABLE_META": "false"},
    )
    assert done.returncode == 0, done.stderr
    assert "1 row is on the server" in done.stderr
    files = files_of(logged_in)
    assert {
        "out/a.txt", "out/deep/model.bin", "code/script.py", "config.yaml", "output.log",
        "wandb-summary.json",
    } <= set(files)  # fmt: skip
    assert all(file["stored"] for file in files.values()), files
    run = kiseki.Api().run("p/r1")
    assert text_of(run.file("output.log")).strip().endswith("hello")
    code = Path("script.py").read_text()
    assert text_of(run.file("code/script.py")) == code
    metadata = json.loads((only_folder() / "files" / "wandb-metadata.json").read_text())
    assert metadata["codePath"] == "script.py"
    data = Path("got/out/deep/model.bin")
    run.file("out/deep/model.bin").download("got").close()
    assert data.read_bytes() == b"x" * 3_000_000
    with pytest.raises(UsageValueError, match="there already"):
        run.file("out/deep/model.bin").download("got")
    run.file("out/deep/model.bin").download("got", exist_ok=True).close()
    with kiseki.restore("out/a.txt", "ada/p/r1", root="back") as file:  # type: ignore[union-attr]
        assert file.read() == "a"
    assert kiseki.restore("nothing", "ada/p/r1") is None
    with pytest.raises(ValueError, match="run_path"):
        kiseki.restore("out/a.txt")


def test_by_hand_over_the_api(logged_in: LiveServer) -> None:
    run_script('import kiseki; kiseki.init(project="p", id="r1").finish()', ONLINE)
    run = kiseki.Api().run("p/r1")
    Path("notes").mkdir()
    Path("notes/ä b.txt").write_text("hi")
    file = run.upload_file("notes/ä b.txt")
    assert (file.path, file.size, file.is_stored) == ("notes/ä b.txt", 2, True)
    assert ("notes/ä b.txt", "now") in run.files()
    assert text_of(run.file("notes/ä b.txt")) == "hi"
    assert run.upload_file("notes/ä b.txt", root="notes").path == "ä b.txt"
    with pytest.raises(UsageValueError, match="not below"):
        run.upload_file("notes/ä b.txt", root="other")
    run.file("ä b.txt").delete()
    assert [one.path for one in run.files(["ä b.txt", "notes/ä b.txt"])] == ["notes/ä b.txt"]


def test_a_live_file_is_uploaded_whenever_it_changed(logged_in: LiveServer) -> None:
    process = start_script(
        """
        import kiseki, pathlib, sys
        live, late = pathlib.Path("live.txt"), pathlib.Path("late.txt")
        live.write_text("one")
        late.write_text("first")
        run = kiseki.init(project="p", id="r1")
        run.save("live.txt")
        run.save("late.txt", policy="end")
        print("saved", flush=True)
        for line in sys.stdin:
            live.write_text(line.strip())
            late.write_text("last")
        run.finish()
        """,
        ONLINE,
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        assert process.stdout.readline() == "saved\n"
        wait_until(lambda: is_stored(logged_in, "live.txt", b"one"))
        assert files_of(logged_in)["late.txt"]["stored"] is False
        process.stdin.write("two\n")
        process.stdin.flush()
        wait_until(lambda: is_stored(logged_in, "live.txt", b"two"))
        assert files_of(logged_in)["late.txt"]["stored"] is False
        process.communicate(timeout=60)
        assert is_stored(logged_in, "late.txt", b"last")
    finally:
        process.kill()
        process.wait()


def test_a_killed_script_has_its_files_uploaded(logged_in: LiveServer) -> None:
    """A-03: `end` is when the run ends, however it ends."""
    process = start_script(
        """
        import kiseki, pathlib, time
        pathlib.Path("last.bin").write_bytes(b"z" * 1_000_000)
        run = kiseki.init(project="p", id="r1")
        run.save("last.bin", policy="end")
        run.log({"a": 1})
        print("saved", flush=True)
        time.sleep(600)
        """,
        ONLINE,
    )
    assert process.stdout is not None and process.stdout.readline() == "saved\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_until(lambda: is_stored(logged_in, "last.bin", b"z" * 1_000_000))
    wait_until(
        lambda: logged_in.get("/api/v1/projects/ada/p/runs/r1")["state"] == "crashed", seconds=30
    )


_BIG = """
import kiseki, pathlib, sys, time
run = kiseki.init(project="p", id="r1")
run.log({"a": 1})
run.save("big.bin", policy="now")
print("saved", flush=True)
for line in sys.stdin:
    run.log({"a": 2})
run.finish()
"""


@pytest.mark.parametrize("who", ["uploader", "server"])
def test_a_kill_within_an_upload_costs_nothing(logged_in: LiveServer, who: str) -> None:
    """The file is there complete once, whatever is killed while it is on its way."""
    data = os.urandom(1_000_000) * 50
    Path("big.bin").write_bytes(data)
    process = start_script(_BIG, ONLINE, stdin=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "saved\n"
        wait_until(lambda: drafts(logged_in) or is_stored(logged_in, "big.bin", data))
        if who == "uploader":
            (uploader,) = psutil.Process(process.pid).children()
            uploader.kill()
        else:
            logged_in.kill()
            logged_in.start()
        wait_until(lambda: is_stored(logged_in, "big.bin", data))
        _, err = process.communicate(timeout=90)
        assert process.returncode == 0 and "1 row is on the server" in err, err
    finally:
        process.kill()
        process.wait()
    assert drafts(logged_in) == []
    assert kiseki.Api().run("p/r1").file("big.bin").sha256 == hashlib.sha256(data).hexdigest()
    blobs = [path for path in (logged_in.data / "blobs").glob("??/*")]
    for path in blobs:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        assert found == path.parent.name + path.name


def test_many_small_files(logged_in: LiveServer) -> None:
    done = run_script(
        """
        import kiseki, pathlib
        pathlib.Path("small").mkdir()
        for i in range(1_000):
            pathlib.Path(f"small/{i:04}.txt").write_text(f"file {i}")
        with kiseki.init(project="p", id="r1") as run:
            assert len(run.save("small/*.txt", policy="now")) == 1_000
        """,
        ONLINE,
    )
    assert done.returncode == 0, done.stderr
    files = files_of(logged_in)
    small = [file for path, file in files.items() if path.startswith("small/")]
    assert len(small) == 1_000 and all(file["stored"] for file in small), done.stderr
    assert text_of(kiseki.Api().run("p/r1").file("small/0777.txt")) == "file 777"


def test_offline_and_sync_twice(logged_in: LiveServer) -> None:  # K-03
    done = run_script(
        """
        import kiseki, pathlib
        pathlib.Path("m.bin").write_bytes(b"m" * 400_000)
        pathlib.Path("x.tmp").write_bytes(b"x")
        with kiseki.init(project="p", id="r1", settings={"ignore_globs": ["*.tmp"]}) as run:
            run.log({"a": 1})
            run.save("m.bin")
            run.save("x.tmp")
            run.save("gone.txt")
        """
    )
    assert done.returncode == 0, done.stderr
    folder = only_folder()
    result = sync_folder(folder)
    assert result.is_complete and result.files == 3, result  # with config.yaml, the summary
    files = files_of(logged_in)
    assert is_stored(logged_in, "m.bin", b"m" * 400_000)
    assert "x.tmp" not in files
    again = sync_folder(folder)
    assert (again.sent, again.files, again.already, again.is_complete) == (0, 0, True, True)
    assert files_of(logged_in) == files
    # A server that lost it all gets everything again.
    Path(folder, "uploader.json").unlink()
    third = sync_folder(folder)
    assert (third.sent, third.files) == (0, 0)


def test_a_file_that_never_came_is_told(logged_in: LiveServer) -> None:
    done = run_script(
        """
        import kiseki, os, pathlib
        pathlib.Path("gone.txt").write_text("x")
        with kiseki.init(project="p", id="r1") as run:
            run.save("gone.txt", policy="end")
            os.remove("gone.txt")
        """,
        ONLINE,
    )
    assert "the file gone.txt was not uploaded: it is not there. [KSK-FILE-109]" in done.stderr
    run = logged_in.get("/api/v1/projects/ada/p/runs/r1")
    assert [note["text"] for note in run["notices"] if note["code"] == "file"]
    assert "1 row" not in done.stderr and "on the server" in done.stderr


def test_pull(logged_in: LiveServer) -> None:  # K-05
    run_script(
        """
        import kiseki, pathlib
        pathlib.Path("d").mkdir()
        pathlib.Path("d/m.bin").write_bytes(b"m" * 1000)
        with kiseki.init(project="p", id="r1") as run:
            run.save("d/m.bin")
        """,
        ONLINE,
    )
    command = [sys.executable, "-m", "kiseki", "pull", "ada/p/r1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path("r1/d/m.bin").read_bytes() == b"m" * 1000
    assert "config.yaml" in {path.name for path in Path("r1").iterdir()}
    only = [*command, "--only", "d/*", "--root", "other", "--json"]
    said = json.loads(subprocess.run(only, capture_output=True, text=True, check=True).stdout)
    assert [file["path"] for file in said["files"]] == ["d/m.bin"]
    assert list(Path("other").iterdir()) == [Path("other/d")]


@pytest.fixture
def big(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "big.bin"
    with path.open("wb") as file:
        piece = os.urandom(1_000_000)
        for i in range(300):
            file.write(i.to_bytes(4, "big") + piece[4:])
    yield path
    path.unlink()


@pytest.mark.slow
def test_memory_does_not_grow_with_a_file(
    logged_in: LiveServer, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 MB up and down: neither the server nor the uploader holds it."""
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    assert logged_in.process is not None
    server = psutil.Process(logged_in.process.pid)
    run = kiseki.init(project="p", id="r1")
    uploader = psutil.Process(run._link._process.pid)  # type: ignore[union-attr]
    run.log({"a": 1})
    Path("first.txt").write_text("x")
    run.save("first.txt", policy="now")
    wait_until(lambda: is_stored(logged_in, "first.txt", b"x"))
    before = {process.pid: process.memory_info().rss for process in (server, uploader)}
    most = dict(before)
    run.save(str(big), policy="now")

    def is_there() -> bool:
        for process in (server, uploader):
            most[process.pid] = max(most[process.pid], process.memory_info().rss)
        return bool(files_of(logged_in).get(f"{big.parent.name}/big.bin", {}).get("stored"))

    wait_until(is_there, 120)
    for process in (server, uploader):
        assert most[process.pid] - before[process.pid] < 30_000_000, (process.name(), most, before)
    run.finish()
    before_down = server.memory_info().rss
    found = kiseki.Api().run("p/r1").file(f"{big.parent.name}/big.bin")
    assert sum(map(len, found.read())) == 300_000_000
    assert server.memory_info().rss - before_down < 30_000_000
