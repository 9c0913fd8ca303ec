"""`kiseki.open`: a run folder, whatever state it is in (design §3 Reading, F-23, F-25)."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from kiseki.errors import UsageValueError
from kiseki.record.types import (
    Alert,
    Config,
    Console,
    End,
    Environment,
    File,
    Finish,
    Metric,
    Note,
    State,
    Summary,
)
from kiseki.sdk import reading
from kiseki.sdk.reading import open_run
from tests.unit.record.strategies import exact
from tests.unit.sdk_reading.folders import (
    CHILD,
    OPEN,
    UPLOADER,
    Journal,
    log,
    run_folder,
    sample,
)

FINISH = Finish(exit_code=0, time_us=9, runtime_us=9)


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_the_attributes(tmp_path: Path) -> None:
    folder = run_folder(
        tmp_path,
        Config(set={"lr": 0.1, "model": {"depth": 2}}),
        Environment(values={"python": "3.11"}, packages={"numpy": "2.0"}),
        Metric(name="loss", summary=["min"], hidden=True),
        log(0, loss=2),
        log(1, loss=3, acc=math.nan),
        Summary(set={"best.acc": 1}),
        Finish(exit_code=3, time_us=9, runtime_us=9),
    )
    run = open_run(folder)
    assert (run.id, run.entity, run.project, run.name) == (
        "3f9a0c1x", "ada", "digits", "quiet-river-12",
    )  # fmt: skip
    assert (run.notes, run.tags, run.group, run.job_type) == ("why", ["baseline"], "g", "train")
    assert (run.sweep_id, run.state, run.exit_code) == ("s", "failed", 3)
    assert run.config == {"lr": 0.1, "model": {"depth": 2}}
    assert run.metadata == {"python": "3.11"}
    assert run.packages == {"numpy": "2.0"}
    assert run.metrics == {
        "loss": {"step_metric": None, "step_sync": None, "hidden": True, "summary": ["min"], "goal": None}
    }  # fmt: skip
    assert run.summary["loss"] == {"min": 2}
    assert run.summary["best"] == {"acc": 1}
    assert math.isnan(run.summary["acc"]) and run.summary["_step"] == 1
    assert run.damage == []
    assert open_run(str(folder / "run-3f9a0c1x.kslog")).summary["_step"] == 1


def test_the_default_entity_is_what_a_server_said(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, opening=msgspec.structs.replace(OPEN, entity=""))
    assert open_run(folder).entity == ""
    (folder / "uploader.json").write_text('{"run": {"entity": "ada"}}')
    assert open_run(folder).entity == "ada"


def test_history_is_exact(tmp_path: Path) -> None:  # L-10, L-13, L-19
    values = [1.0, 1, True, None, "x", math.nan, math.inf, -math.inf, -0.0, 2**70, [1, 2.0], {}]
    folder = run_folder(tmp_path, *(log(i, v=value) for i, value in enumerate(values)))
    rows = open_run(folder).history()
    assert exact([row["v"] for row in rows]) == exact(values)
    assert rows[2] == {"v": True, "_step": 2, "_timestamp": 2.0, "_runtime": 2e-06}


def test_history_merges_a_step_and_a_scan_shows_both(tmp_path: Path) -> None:  # L-04, L-05
    folder = run_folder(
        tmp_path,
        log(0, a=1),
        log(5, a=2),
        log(5, b=3, is_part=True),
        log(0, a=4),
        log(6, **{"n.x": 1}),
    )
    run = open_run(folder)
    assert [(r["_step"], r.get("a"), r.get("b")) for r in run.history()] == [
        (0, 4, None), (5, 2, 3), (6, None, None),
    ]  # fmt: skip
    assert [(r["_step"], r.get("a"), r.get("b")) for r in run.scan_history()] == [
        (0, 1, None), (0, 4, None), (5, 2, 3), (6, None, None),
    ]  # fmt: skip
    assert run.history()[2]["n"] == {"x": 1}
    assert [row["_step"] for row in run.history(keys=["n.x"])] == [6]
    assert [sorted(row) for row in run.history(keys=["b"])] == [
        ["_runtime", "_step", "_timestamp", "b"]
    ]


def test_what_else_was_recorded(tmp_path: Path) -> None:
    folder = run_folder(
        tmp_path,
        Console(stream="stdout", line=0, text="10%", time_us=1),
        Console(stream="stderr", line=0, text="careful", time_us=2),
        Console(stream="stdout", line=0, text="100%", time_us=3),
        Console(stream="stdout", line=1, text="done", time_us=4),
        sample(0, 5, **{"cpu": 1.5, "cpu.0.cpu_percent": 3}),
        File(path="a.txt", policy="now"),
        File(path="b.txt", policy="live"),
        Alert(title="t", text="x", level="WARN", time_us=1, step=4),
        Note(code="rejected", text="x", count=2),
    )
    run = open_run(folder)
    assert run.console() == [("stdout", "100%"), ("stderr", "careful"), ("stdout", "done")]
    assert run.system_metrics() == [
        {"cpu": 1.5, "cpu.0.cpu_percent": 3, "_step": 0, "_timestamp": 5e-06, "_runtime": 0.0}
    ]
    assert run.files() == [("a.txt", "now"), ("b.txt", "live")]
    assert run.artifacts() == []
    assert run.alerts() == [{"title": "t", "text": "x", "level": "WARN", "time_us": 1, "step": 4}]
    assert [note["code"] for note in run.notices] == ["rejected"]


# --- how it ended -----------------------------------------------------------------------------


def test_a_run_whose_writer_lives_is_running(tmp_path: Path) -> None:
    assert open_run(run_folder(tmp_path, log(0, a=1))).state == "running"


def test_a_run_whose_writer_is_gone_has_crashed(tmp_path: Path) -> None:
    gone = msgspec.structs.replace(OPEN, pid=dead_pid())
    assert open_run(run_folder(tmp_path, log(0, a=1), opening=gone)).state == "crashed"


def test_a_process_number_used_again_is_another_process(tmp_path: Path) -> None:
    other = msgspec.structs.replace(OPEN, process_started_us=OPEN.process_started_us - 60_000_000)
    assert open_run(run_folder(tmp_path, opening=other)).state == "crashed"


def test_a_preempting_run_whose_writer_is_gone_was_preempted(tmp_path: Path) -> None:
    gone = msgspec.structs.replace(OPEN, pid=dead_pid())
    folder = run_folder(tmp_path, State(state="preempting", time_us=1), opening=gone)
    assert open_run(folder).state == "preempted"


def test_a_run_of_another_machine_is_judged_by_its_last_sign_of_life(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, opening=msgspec.structs.replace(OPEN, host="elsewhere"))
    assert open_run(folder).state == "running"
    for file in folder.iterdir():
        os.utime(file, (0, 0))
    assert open_run(folder).state == "crashed"


def test_the_uploader_says_how_the_writer_ended(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, log(0, a=1))
    opening = msgspec.structs.replace(OPEN, stream=UPLOADER, role="uploader", writer=OPEN.stream)
    end = End(state="killed", cause="signal 9", time_us=9)
    uploader = Journal(folder / "uploader-1.kslog", UPLOADER)
    uploader.write(opening, Environment(values={"os": "linux"}), sample(0, 1, cpu=2), end).close()
    run = open_run(folder)
    assert (run.state, run.cause, run.metadata) == ("killed", "signal 9", {"os": "linux"})
    assert [row["cpu"] for row in run.system_metrics()] == [2]


def test_the_end_of_an_earlier_writer_does_not_end_a_later_one(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, log(0, a=1))
    opening = msgspec.structs.replace(OPEN, stream=UPLOADER, role="uploader", writer=OPEN.stream)
    end = End(state="killed", cause="signal 9", time_us=9)
    Journal(folder / "uploader-1.kslog", UPLOADER).write(opening, end).close()
    again = msgspec.structs.replace(OPEN, stream="d" * 32, started_us=2_000_000, resume="allow")
    Journal(folder / "run-3f9a0c1x-2.kslog", again.stream).write(again, log(1, a=2)).close()
    run = open_run(folder)
    assert run.state == "running"
    assert [row["a"] for row in run.history()] == [1, 2]


def test_a_forked_child_adds_its_rows(tmp_path: Path) -> None:  # T-02
    folder = run_folder(tmp_path, log(0, a=1), log(2, a=3), FINISH)
    opening = msgspec.structs.replace(
        OPEN, stream=CHILD, pid=dead_pid(), primary=False, started_us=0, resume="allow"
    )
    Journal(folder / "run-3f9a0c1x-77.kslog", CHILD).write(
        opening, log(1, a=2), log(2, b=4)
    ).close()
    run = open_run(folder)
    assert run.state == "finished"
    assert [(row["a"], row.get("b")) for row in run.history()] == [(1, None), (2, None), (3, 4)]
    assert [row["_step"] for row in run.scan_history()] == [0, 1, 2, 2]


# --- damage (reliability 2.2) -----------------------------------------------------------------


def test_a_torn_tail_is_no_damage(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, log(0, a=1), log(1, a=2))
    (journal,) = folder.iterdir()
    os.truncate(journal, journal.stat().st_size - 3)
    run = open_run(folder)
    assert run.damage == []
    assert [row["a"] for row in run.history()] == [1]


def test_damage_costs_the_damaged_records_and_is_named(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, *(log(i, a=i) for i in range(50)), FINISH)
    (journal,) = folder.iterdir()
    data = bytearray(journal.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    journal.write_bytes(data)
    run = open_run(folder)
    (damage,) = run.damage
    assert damage.file == str(journal)
    assert damage.start <= middle < middle + 40 <= damage.end
    seen = [row["a"] for row in run.history()]
    lost = sorted(set(range(50)) - set(seen))
    assert seen == sorted(seen) and 1 <= len(lost) <= 4
    assert (run.state, run.summary["a"]) == ("finished", 49)


def test_every_cut_opens(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, Config(set={"a": 1}), log(0, a=1), log(1, b=2), FINISH)
    (journal,) = folder.iterdir()
    whole = journal.read_bytes()
    for cut in range(0, len(whole), 3):
        journal.write_bytes(whole[:cut])
        run = open_run(folder)
        assert (run.id, run.damage) == ("3f9a0c1x", [])
        assert len(run.history()) <= 2


def test_rows_are_read_although_their_shape_stands_behind_them(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    journal = Journal(folder / "run-x.kslog", late_shapes=True)
    journal.write(OPEN, log(0, a=1), log(1, a=2)).close()
    run = open_run(folder)
    assert [row["a"] for row in run.history()] == [1, 2]
    assert (run.summary["a"], run.damage) == (2, [])


def test_a_record_that_cannot_be_understood_is_named(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, log(0, a=1))
    (path,) = folder.iterdir()
    journal = Journal(path)
    size = path.stat().st_size
    journal.writer.append(3, b"\xc1")
    journal.writer.append(200, b"of a newer version")
    journal.write(FINISH).close()
    run = open_run(folder)
    assert [(d.start, d.end) for d in run.damage] == [(size, size + 23)]
    assert "record" in run.damage[0].reason
    assert run.state == "finished"


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, log(0, a=1), log(1, a=2), log(2, a=3))
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    at = whole.rindex(b"\xd7K")
    before = whole.rindex(b"\xd7K", 0, at)
    path.write_bytes(whole[:before] + whole[at:])
    run = open_run(folder)
    assert [damage.reason for damage in run.damage] == ["records 3 to 3 are missing"]
    assert [row["a"] for row in run.history()] == [1, 3]


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_run(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageValueError, match="no run folder"):
        open_run(tmp_path / "empty")
    (tmp_path / "x.kslog").write_bytes(b"<html>" * 20)
    with pytest.raises(UsageValueError, match="no Kiseki journal"):
        open_run(tmp_path / "x.kslog")


def test_a_running_run_can_be_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    journal = Journal(folder / "run-x.kslog").write(OPEN, log(0, a=1))
    run = open_run(folder)
    journal.write(log(1, a=2), FINISH).close()
    assert [row["a"] for row in run.history()] == [1, 2]
    assert (run.state, run.summary["a"]) == ("running", 1)
    run.refresh()
    assert (run.state, run.summary["a"]) == ("finished", 2)


def test_reading_loads_no_heavy_module() -> None:  # T-09
    code = "import sys, kiseki.sdk.reading; print([m for m in ('numpy', 'psutil') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_large_journal_is_not_held_in_memory(tmp_path: Path) -> None:
    """Opening reads front to back: the peak does not grow with the number of rows."""
    folder = run_folder(tmp_path, *(log(i, a=i, text="x" * 5000) for i in range(4_000)), FINISH)
    import tracemalloc

    tracemalloc.start()
    run = reading.open_run(folder)
    count = sum(1 for _ in run.scan_history())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 4_000
    assert peak < 10_000_000 < 4_000 * 5_000
