"""Media from the script to the server, and through what goes wrong: M-00, M-14, M-15, reliability 2.8."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pil

import kiseki
from kiseki.record.types import File, Row
from tests.e2e.run_scripts import QUIET, journal, of, only_folder, run_script, start_script
from tests.fakes.live_server import LiveServer
from tests.unit.sdk.recording import records_of

PIXELS = (np.arange(6 * 5 * 3) * 3 % 256).astype(np.uint8).reshape(6, 5, 3)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)


def values_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every dict with a file, however deep."""
    if isinstance(value, dict):
        if "path" in value and "sha256" in value:
            yield value
        for item in value.values():
            yield from values_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from values_in(item)


def check_files(files: Path, rows: list[Any]) -> int:
    """Every file that a row names stands, with its digest and size; return their number."""
    found = list(values_in(rows))
    for value in found:
        data = (files / value["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == value["sha256"], value["path"]
        assert len(data) == value["size"]
    return len(found)


def content(server: LiveServer, run: kiseki.Run, path: str) -> bytes:
    """Return a file of a run as the server gives it."""
    where = f"{server.url}/api/v1/projects/{run.entity}/{run.project}/runs/{run.id}/files/{path}"
    request = urllib.request.Request(where, headers={"Authorization": f"Bearer {server.key}"})
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != 404 or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def test_media_reach_the_server(logged_in: LiveServer) -> None:  # M-00, M-14, P-01, S-07
    run = kiseki.init(project="digits")
    table = kiseki.Table(["n", "digit"], [[n, kiseki.Image(PIXELS + n)] for n in range(2)])
    for number in range(2):
        run.log(
            {
                "image": kiseki.Image(PIXELS + number, masks={"p": {"mask_data": [[number]]}}),
                "val": {"sound": kiseki.Audio(np.zeros(80), 8000)},
                "table": table,
                "list": [kiseki.Image(PIXELS), kiseki.Image(255 - PIXELS)],
                "histogram": kiseki.Histogram([number, 2]),
                "matrix": kiseki.plot.confusion_matrix(y_true=[0, 1], preds=[1, 1]),
                "x": number,
            }
        )
    run.summary["best"] = kiseki.Image(PIXELS)
    local = Path(run.dir)
    run.finish()

    stored = kiseki.Api().run(run.path)
    rows = stored.history()
    assert check_files(local, rows) == 10
    assert rows == kiseki.open(run.sync_dir).history()  # as logged, wherever it is read
    assert [row["x"] for row in rows] == [0, 1]
    assert rows[0]["image"]["path"] != rows[1]["image"]["path"]
    assert rows[0]["table"] == rows[1]["table"]  # IMMUTABLE
    assert rows[0]["histogram"]["_type"] == "histogram"
    assert rows[1]["matrix"]["table"] == "matrix_table"
    assert rows[1]["matrix_table"]["nrows"] == 4
    assert stored.summary["best"]["_type"] == "image-file"
    with Pil.open(local / rows[1]["image"]["path"]) as image:
        assert (np.asarray(image) == PIXELS + 1).all()

    wanted = [*values_in(rows), stored.summary["best"]]
    for value in wanted:
        assert content(logged_in, run, value["path"]) == (local / value["path"]).read_bytes()
    cells = json.loads(content(logged_in, run, rows[0]["table"]["path"]))
    assert [row[0] for row in cells["data"]] == [0, 1]
    for number, (_, cell) in enumerate(cells["data"]):
        with Pil.open(io.BytesIO(content(logged_in, run, cell["path"]))) as image:
            assert (np.asarray(image) == PIXELS + number).all()
    for name in rows[0]["list"]["filenames"]:
        assert content(logged_in, run, name) == (local / name).read_bytes()


def test_a_row_that_was_logged_has_its_files_after_a_kill() -> None:  # M-00
    process = start_script(
        """
        import kiseki, numpy as np
        run = kiseki.init()
        for step in range(10_000):
            run.log({"image": kiseki.Image(np.full((64, 64), step % 256, np.uint8))})
            if step == 30:
                print("go", flush=True)
        """
    )
    assert process.stdout is not None and process.stdout.readline() == "go\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    folder = only_folder()
    rows = of(journal(folder), Row)
    assert len(rows) >= 31
    assert check_files(folder / "files", [row.values for row in rows]) == len(rows)


def test_children_log_media_to_their_parents_run() -> None:  # T-02, T-06
    done = run_script(
        """
        import multiprocessing, os, sys
        import kiseki, numpy as np

        def spawned(run):
            run.log({"image": kiseki.Image(np.full((2, 2), 9, np.uint8)), "who": "spawned"})

        if __name__ == "__main__":
            run = kiseki.init(id="parent")
            picture = kiseki.Image(np.zeros((2, 2)))
            table = kiseki.Table(["i"], [[picture]])
            run.log({"image": picture, "t": table})
            pid = os.fork()
            if pid == 0:
                kiseki.log({"image": picture, "t": table, "who": "forked"})
                os._exit(0)
            os.waitpid(pid, 0)
            process = multiprocessing.get_context("spawn").Process(target=spawned, args=(run,))
            process.start()
            process.join()
            assert process.exitcode == 0
            run.log({"image": [picture, picture]})
        """
    )
    assert done.returncode == 0, done.stderr
    folder = only_folder()
    records = [r for path in sorted(folder.glob("run-*.kslog")) for r in records_of(path)]
    rows = of(records, Row)
    assert len(rows) == 4
    assert check_files(folder / "files", [row.values for row in rows]) >= 5
    named = {record.path: record for record in of(records, File)}
    for value in values_in([row.values for row in rows]):
        assert named[value["path"]].sha256 == value["sha256"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_does_not_end_the_training(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # reliability 2.8
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    with kiseki.init(mode="offline", dir=small_disk) as run:
        for step in range(12):
            run.log({"image": kiseki.Image(noise + step), "x": step})
    stored = kiseki.open(run.sync_dir)
    rows = stored.history()
    assert [row["x"] for row in rows] == list(range(12))
    kinds = [row["image"]["_type"] for row in rows]
    assert kinds.count("image-file") >= 3 and kinds.count("replaced") >= 3
    assert check_files(Path(run.dir), rows) == kinds.count("image-file")
    replaced = next(row["image"] for row in rows if row["image"]["_type"] == "replaced")
    assert "No space left" in replaced["reason"] and replaced["was"] == "image-file"
    assert capsys.readouterr().err.count("the value of 'image' was replaced") == 1


def test_every_write_can_be_made_durable() -> None:
    with kiseki.init(mode="offline", settings=kiseki.Settings(fsync="always")) as run:
        run.log({"image": kiseki.Image(PIXELS)})
    assert check_files(Path(run.dir), kiseki.open(run.sync_dir).history()) == 1
