"""The meta store is a fold with a cursor: replayed after a crash, never counted twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiseki.core import attempt
from kiseki.core import folds as module
from kiseki.core.folds import IDLE_US, SILENCE_US
from kiseki.record import codec, fold, frame
from kiseki.record.fold import Edit
from kiseki.record.types import Config, Finish, Kind, Note
from kiseki.storage.interface import Fold
from tests.unit.core.kit import Kit, Writer


def shown(kit: Kit, id: str = "r1") -> dict[str, Any]:
    """Return what lists and pages show of a run, times of the machine aside."""
    _, run = kit.runs.find(kit.ada, "ada", "digits", id)
    state = kit.runs.state(run)
    return {
        "state": run.state, "rows": run.rows, "next": run.next_step, "config": run.config,
        "summary": run.summary, "tracked": {k: v.count for k, v in state.tracked.items()},
        "notices": len(state.notices), "name": run.name,
    }  # fmt: skip


def test_what_was_not_saved_is_folded_again(kit: Kit) -> None:
    writer = Writer(kit, name="n")
    writer.send(writer.start() + writer.rows(range(10)))
    kit.folds.save_all()
    writer.send(writer.records(Config(set={"a": 1})) + writer.rows(range(10, 15)))
    before = shown(kit)
    assert before["rows"] == 15
    again = kit.again()
    assert shown(again) == before
    stored = again.meta.run(1, "r1")  # recovering saved it, too
    assert stored is not None and stored.rows == 15 and stored.config == {"a": 1}
    assert again.meta.open_streams() == []
    third = again.again()
    assert shown(third) == before
    third.close()


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(["rows", "save", "kill", "evict", "config", "end"]), max_size=25))
def test_saving_killing_and_evicting_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, actions: list[str]
) -> None:
    kit = Kit(tmp_path_factory.mktemp("kit"))
    writer = Writer(kit)
    writer.send(writer.start())
    rows, state, config = 0, "running", {}
    for number, action in enumerate(actions):
        if action == "rows":
            writer.send(writer.rows(range(rows, rows + 7)))
            rows += 7
        elif action == "config":
            config[f"k{number}"] = number
            writer.send(writer.records(Config(set={f"k{number}": number})))
        elif action == "end":
            state = "finished"
            writer.send(writer.records(Finish(exit_code=0, time_us=kit.now_us, runtime_us=1)))
        elif action == "save":
            kit.folds.save_all()
        elif action == "evict":
            kit.now_us += IDLE_US + 1
            kit.folds.evict_idle()
        else:
            kit = writer.kit = kit.again()
        found = shown(kit)
        assert (found["rows"], found["state"], found["config"]) == (rows, state, config)
    kit.close()
    kit = Kit(kit.folder, kit.series)
    found = shown(kit)
    assert (found["rows"], found["state"], found["config"]) == (rows, state, config)
    kit.close()


def test_idle_attempts_leave_memory_and_come_back(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start() + writer.rows(range(3)))
    kit.now_us += IDLE_US + 1
    kit.folds.evict_idle()
    assert kit.meta.open_streams() == []
    before = shown(kit)
    writer.send(writer.rows(range(3, 6)))
    assert [stream.id for stream in kit.meta.open_streams()] == [writer.id]
    assert shown(kit)["rows"] == before["rows"] + 3


def test_many_attempts_leave_memory_early(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the number of runs that are synced at once."""
    monkeypatch.setattr(module, "ATTEMPTS_MAX", 3)
    writers = []
    for index in range(8):
        writers.append(Writer(kit, f"r{index}"))
        writers[-1].send(writers[-1].start())
        kit.now_us += module.RECENT_US // 4
    kit.folds.evict_idle()
    assert [stream.id for stream in kit.meta.open_streams()] == [w.id for w in writers[-4:]]
    for writer in writers:
        assert writer.send(writer.rows([0])).next == 3


def test_a_failed_save_is_made_up_for(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(kit)
    writer.send(writer.start() + writer.rows(range(3)))

    def fail(folds: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(kit.meta, "save", fail)
        with pytest.raises(OSError):
            kit.folds.save_all()
    kit.folds.save_all()
    stored = kit.meta.run(1, "r1")
    assert stored is not None and stored.rows == 3
    assert kit.meta.cursors()[1] == {writer.id: 5}


def test_only_what_changed_is_written(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(kit)
    writer.send(writer.start() + writer.records(Config(set={"a": 1, "b": 2})))
    kit.folds.save_all()
    written: list[Fold] = []
    save = kit.meta.save
    monkeypatch.setattr(kit.meta, "save", lambda folds: (written.extend(folds), save(folds)))
    writer.send(b"")
    kit.folds.save_all()
    writer.send(writer.rows([0]))
    kit.folds.save_all()
    heartbeat, rows = written
    assert (dict(heartbeat.parts), dict(heartbeat.cells), heartbeat.is_visible) == ({}, {}, False)
    assert set(rows.parts) == {"fold", "summary", "metrics"}
    assert set(rows.cells) == {
        "summary.loss", *(f"metric.{what}.loss" for what in ("last", "min", "max", "mean")),
    }  # fmt: skip
    assert [metric.path for metric in rows.metrics] == ["loss"]


def test_a_run_not_heard_of_counts_as_crashed_until_it_is_heard(kit: Kit) -> None:
    """reliability 2.6."""
    writer = Writer(kit)
    writer.send(writer.start() + writer.rows(range(3)))
    kit.folds.save_all()
    kit.live.take()
    assert kit.folds.reap() == 0
    kit.now_us += SILENCE_US + 1
    assert kit.folds.reap() == 1 and kit.folds.reap() == 0
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert run.state == "crashed" and "no sign of life" in run.cause
    assert kit.live.take()[-1].state == "crashed"
    stored = kit.meta.run(1, "r1")
    assert stored is not None and stored.state == "crashed"
    writer.send(b"")
    kit.folds.save_all()
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert (run.state, run.cause, run.rows) == ("running", "", 3)
    stored = kit.meta.run(1, "r1")
    assert stored is not None and stored.state == "running"


def test_a_silent_run_stays_crashed_when_it_leaves_memory(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    kit.now_us += SILENCE_US + 1
    kit.folds.reap()
    kit.now_us += IDLE_US
    kit.folds.evict_idle()
    assert shown(kit)["state"] == "crashed"
    run = kit.runs.find(kit.ada, "ada", "digits", "r1")[1]
    kit.folds.edit([run.number], Edit(notes="died at night"))
    assert shown(kit)["state"] == "crashed"
    writer.send(writer.rows([0]))
    assert shown(kit)["state"] == "running"


def test_after_a_pause_of_the_server_runs_get_time_to_be_heard(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    again = kit.again()  # its clock is hours later
    again.now_us += 3600 * 1_000_000
    again.folds._started_us = again.now_us
    assert again.folds.reap() == 0
    again.now_us += SILENCE_US + 1
    assert again.folds.reap() == 1
    again.close()


def test_finished_runs_are_never_reaped(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    writer.send(writer.records(Finish(exit_code=3, time_us=kit.now_us, runtime_us=1)))
    kit.folds.save_all()
    kit.now_us += SILENCE_US + 1
    assert kit.folds.reap() == 0
    assert shown(kit)["state"] == "failed"


def test_notices_are_bounded(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "NOTICES_MAX", 5)
    writer = Writer(kit)
    writer.send(writer.start())
    writer.send(writer.records(*(Note(code=f"c{n}", text="x") for n in range(20))))
    assert shown(kit)["notices"] == 5


def test_a_record_that_breaks_the_fold_does_not_break_the_run(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    real = fold.apply

    def breaking(state: Any, record: Any) -> None:
        if isinstance(record, Config):
            raise ZeroDivisionError
        real(state, record)

    monkeypatch.setattr(fold, "apply", breaking)
    assert writer.send(writer.records(Config(set={"a": 1})) + writer.rows([0])).next == 4
    assert shown(kit)["rows"] == 1 and shown(kit)["notices"] == 1


def test_machine_metrics_are_listed_without_waiting_for_a_row(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    uploader = Writer(kit, role="uploader", writer=writer.id)
    uploader.send(uploader.start("cpu"))
    kit.folds.save_all()
    sample = codec.encode_row(0, 0, kit.now_us, 1, [12.5])
    uploader.send(frame.pack(int(Kind.SYSTEM), uploader.next, sample))
    kit.folds.save_all()
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert [(m.space, m.path) for m in kit.runs.metrics(run)] == [("system", "cpu")]
