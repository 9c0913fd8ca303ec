"""What happens to the run folder while the run goes on: deleted, full, or not there from the start."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiseki.record.types import Row
from tests.e2e.run_scripts import journal, of, only_folder, run_script
from tests.fakes.live_server import LiveServer, free_port
from tests.unit.sdk.recording import records_of

DELETED = """
import shutil, sys, time, kiseki

run = kiseki.init(project="p", id="gone")
run.log({"a": 0})
wait_for_uploader(run)
shutil.rmtree(run.sync_dir)
for i in range(1, 101):
    run.log({"a": i})
run.finish()
print("end")
"""
SEES_A_ROW = """
def wait_for_uploader(run):
    from kiseki.sdk.api import Api
    deadline = time.monotonic() + 20
    with Api() as api:
        while api.run("p/gone").rows < 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
"""
WAITS_NOT = """
def wait_for_uploader(run):
    pass
"""


def assert_honest(text: str) -> None:
    for false in ("nothing is lost", "is safe", "kiseki sync /", "Traceback"):
        assert false not in text.split("finished", 1)[1], text


@pytest.mark.parametrize("when", ["the uploader reads on", "the uploader starts"])
def test_a_deleted_folder_still_reaches_the_server(logged_in: LiveServer, when: str) -> None:
    """reliability §3: a folder that vanishes is as a full disk; open journals can still be read."""
    wait = SEES_A_ROW if "reads" in when else WAITS_NOT
    done = run_script(wait + DELETED, {"KISEKI_MODE": "online"})
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
    assert "101 rows are on the server" in done.stderr
    assert "KSK-UPL" not in done.stderr
    found = logged_in.get("/api/v1/projects/ada/p/runs/gone")
    assert (found["state"], found["rows"], found["summary"]["a"]) == ("finished", 101, 100)


def test_a_deleted_folder_offline_is_told(tmp_path: object) -> None:  # reliability §3, 2.8
    done = run_script(WAITS_NOT + DELETED)
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
    assert "was deleted while the run went on: 101 rows are lost" in done.stderr
    assert_honest(done.stderr)


def test_a_deleted_folder_without_server_is_told() -> None:  # reliability §3, 2.8
    began = time.monotonic()
    url = f"http://127.0.0.1:{free_port()}"
    done = run_script(WAITS_NOT + DELETED, {"KISEKI_MODE": "", "KISEKI_BASE_URL": url})
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
    assert "was deleted while the run went on" in done.stderr
    assert_honest(done.stderr)
    assert time.monotonic() - began < 60


def test_a_forked_child_without_a_folder_goes_on() -> None:  # reliability 1.1, T-02
    done = run_script(
        """
        import os, kiseki
        from kiseki.sdk import stream
        stream.RETRY_SECONDS = 0.0
        run = kiseki.init()
        run.log({"a": 0})
        os.rename(run.sync_dir, "away")
        if os.fork() == 0:
            run.log({"a": 1})
            run.log({"a": 2})
            os.mkdir(run.sync_dir)  # it is there again
            run.log({"a": 3})
            run.finish()
            os._exit(0)
        assert os.wait()[1] == 0
        os.rename("away/" + os.path.basename(run._stream.path), run._stream.path)
        """
    )
    assert done.returncode == 0, done.stderr
    folder = only_folder()
    (path,) = [path for path in folder.glob("run-*.kslog") if path.stem.count("-") == 2]
    assert [row.values[0] for row in of(records_of(path), Row)] == [1, 2, 3]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        is_mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    if not is_mounted:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


FILLED = """
import os, sys, time, kiseki
run = kiseki.init(project="p", id="full", dir=os.environ["DISK"])
filler = os.open(os.path.join(os.environ["DISK"], "filler"), os.O_WRONLY | os.O_CREAT)
try:
    while True:
        os.write(filler, bytes(4096))
except OSError:
    pass
for i in range(3000):
    run.log({"a": i, "text": "x" * 50})
run.finish()
print("end")
"""


@pytest.mark.parametrize("mode", ["offline", ""])
def test_a_full_disk_is_told_as_it_is(small_disk: Path, mode: str) -> None:
    """reliability 2.8: the uploader survives it, and the counts are those of the journal."""
    url = f"http://127.0.0.1:{free_port()}"
    env = {"KISEKI_MODE": mode, "KISEKI_BASE_URL": url, "DISK": str(small_disk)}
    done = run_script(FILLED, env)
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
    assert "KSK-UPL" not in done.stderr and "KSK-DISK-201" in done.stderr
    folder = only_folder(small_disk)
    rows = sum(isinstance(record, Row) for record in journal(folder))
    assert 0 < rows < 3000 and f"{rows} rows" in done.stderr, done.stderr
    assert "nothing is lost" not in done.stderr and "all of it" not in done.stderr
    assert not list(folder.glob(".uploader.json.*"))
    assert not [path for path in folder.glob("*.kslog") if not path.stat().st_size]


def test_a_current_folder_that_was_removed(tmp_path: Path) -> None:  # I-17
    done = run_script(
        """
        import os, shutil, sys, kiseki
        os.mkdir("work")
        os.chdir("work")
        os.rmdir("../work")
        sys.path.insert(0, "")  # as with -c
        run = kiseki.init()
        run.log({"a": 1})
        run.finish()
        print(len(list(kiseki.open(run.sync_dir).scan_history())))
        shutil.rmtree(os.path.dirname(os.path.dirname(run.sync_dir)))
        """
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert done.stderr.count("this run is kept in") == 1
    assert "KSK-UPL" not in done.stderr
