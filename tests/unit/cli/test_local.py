"""`show`, `ls` and `status` without a server."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from kiseki.client import registry
from kiseki.record.types import Alert, Config, Finish, Note
from tests.unit.cli.command import kiseki
from tests.unit.sdk_reading.folders import log, run_folder

FINISH = Finish(exit_code=0, time_us=9, runtime_us=61_000_000)


def full_run(tmp_path: Path) -> Path:
    rows = [log(i, loss=1 / (i + 1), acc=math.nan if i == 50 else i / 100) for i in range(100)]
    return run_folder(
        tmp_path,
        Config(set={"lr": 0.1, "model": {"depth": 2, "name": "res\x1b[2Jnet"}}),
        *rows,
        Alert(title="slow", text="x", level="WARN", time_us=1),
        Note(code="rejected", text="2 rows dropped", count=2),
        FINISH,
    )


def damage(folder: Path) -> None:
    journal = folder / "run-3f9a0c1x.kslog"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)


def test_show_tells_everything(tmp_path: Path) -> None:
    done = kiseki("show", full_run(tmp_path))
    assert (done.status, done.err) == (0, "")
    for part in (
        "quiet-river-12", "● finished", "ada/digits/3f9a0c1x", "#baseline", "1 min 01 s", "100 rows",
        "model.depth", "res\\x1b[2Jnet", "0.01", "×", "1 NaN", "WARN slow: x", "2 rows dropped",
    ):  # fmt: skip
        assert part in done.out, part
    assert "\x1b" not in done.out


def test_show_as_json(tmp_path: Path) -> None:
    said = kiseki("show", full_run(tmp_path), "--json").document
    assert (said["id"], said["state"], said["exit_code"], said["rows"]) == (
        "3f9a0c1x", "finished", 0, 100,
    )  # fmt: skip
    assert said["config"]["model"]["depth"] == 2
    assert said["summary"]["acc"] == 0.99
    assert said["damage"] == []
    nan = run_folder(tmp_path, log(200, acc=math.nan))
    assert kiseki("show", nan, "--json").document["summary"]["acc"] == "NaN"


def test_show_of_a_damaged_run_shows_the_rest_names_the_part_and_ends_with_3(
    tmp_path: Path,
) -> None:
    folder = full_run(tmp_path)
    damage(folder)
    done = kiseki("show", folder)
    assert done.status == 3  # reliability 2.2
    assert "99 rows" in done.out and "● finished" in done.out
    assert "KSK-DATA-402" in done.err and "run-3f9a0c1x.kslog: bytes " in done.err
    said = kiseki("show", folder, "--json")
    assert said.status == 3
    assert [sorted(part) for part in said.document["damage"]] == [
        ["end", "file", "reason", "start"]
    ]


def test_show_of_nothing(tmp_path: Path) -> None:
    assert kiseki("show", "./absent").status == 1
    assert kiseki("show", tmp_path).status == 2
    assert kiseki("show", "no-path").status == 2
    assert kiseki("show", "ada/digits/x", env={"KISEKI_BASE_URL": "http://127.0.0.1:1"}).status == 1


def test_ls_lists_the_runs_of_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "work" / "kiseki"
    root.mkdir()
    folder = full_run(root)
    (root / "latest-run").symlink_to(folder.name)
    shutil.copytree(folder, root / "run-20260103_101500-copy")
    damage(root / "run-20260103_101500-copy")
    done = kiseki("ls", ".")
    assert done.status == 0
    assert done.out.count("quiet-river-12") == 2 and done.out.count("damaged") == 1
    said = kiseki("ls", "kiseki", "--json").document["runs"]
    assert [Path(run["folder"]).name for run in said] == [
        "run-20260102_101500-3f9a0c1x", "run-20260103_101500-copy",
    ]  # fmt: skip
    assert [run["damaged"] for run in said] == [False, True]
    assert kiseki("ls", tmp_path / "data").status == 2


def test_status_without_a_server(tmp_path: Path) -> None:
    registry.add("a" * 32, tmp_path / "run", "", "r1")
    env = {"KISEKI_BASE_URL": "http://127.0.0.1:1"}
    done = kiseki("status", env=env)
    assert done.status == 0
    assert "does not answer" in done.out and str(tmp_path / "run") in done.out
    said = kiseki("status", "--json", env=env).document
    assert said["server"]["reachable"] is False
    assert [entry["run"] for entry in said["unsynced"]] == ["r1"]


def test_sync_without_arguments_lists_what_waits(tmp_path: Path) -> None:
    assert kiseki("sync").out == "no run waits for a server\n"
    registry.add("a" * 32, tmp_path / "run", "", "r1")
    assert f"kiseki sync {tmp_path / 'run'}" in kiseki("sync").out
    assert len(kiseki("sync", "--json").document["waiting"]) == 1
