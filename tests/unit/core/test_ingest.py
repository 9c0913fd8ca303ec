"""Exactly once, in order, acknowledged after the commit (reliability §2.3, 2.4, 2.7)."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiseki.core import ingest as module
from kiseki.core.ingest import Receipt
from kiseki.errors import Busy, Gap, Invalid, PublicError, StorageFull, TooLarge
from kiseki.record import codec, frame
from kiseki.record.types import (
    Config,
    Console,
    Environment,
    Finish,
    Kind,
    Metric,
    Shape,
    Summary,
)
from kiseki.storage.interface import Batch, Range
from kiseki.storage.memory.series import MemorySeries
from tests.unit.core.kit import Kit, Writer


def stored_steps(kit: Kit, id: str = "r1") -> list[int]:
    project, run = kit.runs.find(kit.ada, "ada", "digits", id)
    found: list[int] = []
    for span in kit.runs.ranges(run, "history"):
        rows, _ = kit.series.scan(project.number, span)
        found += [row.step for _, row in rows]
    return found


def test_rows_are_stored_and_folded(kit: Kit) -> None:
    writer = Writer(kit)
    assert writer.send(writer.start("loss", "acc")).next == 2
    receipt = writer.send(writer.rows(range(100), 0.5, 1))
    assert (receipt.next, receipt.rejected, receipt.rows) == (102, (), 100)
    assert stored_steps(kit) == list(range(100))
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert (run.rows, run.next_step) == (100, 100)
    assert run.summary["loss"] == 0.5 and run.summary["_step"] == 99


def test_what_was_sent_again_is_skipped(kit: Kit) -> None:
    """reliability 2.3: wholly or in part, the same rows."""
    writer = Writer(kit)
    start = writer.start()
    head, tail = writer.rows(range(5)), writer.rows(range(5, 9))
    writer.send(start)
    writer.send(head)
    assert writer.send(head).next == 7
    assert writer.send(head + tail).next == 11
    assert writer.send(start + head + tail).next == 11
    assert stored_steps(kit) == list(range(9))


def test_a_gap_is_refused_with_what_is_expected(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    lost = writer.rows(range(3))
    with pytest.raises(Gap) as caught:
        writer.send(writer.rows(range(3, 6)))
    assert caught.value.extra == {"code": "gap", "next": 2}
    assert writer.send(lost).next == 5


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), max_size=30))
def test_any_order_of_deliveries_stores_each_row_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, int]]
) -> None:
    """reliability 7.3: duplicates, reordering and overlap change nothing."""
    kit = Kit(tmp_path_factory.mktemp("kit"))
    try:
        writer = Writer(kit)
        frames = [writer.start()] + [writer.rows([step]) for step in range(40)]
        expected = 0
        writer.send(frames[0])
        for start, length in cuts:
            part = b"".join(frames[1 + start : 1 + start + length])
            if not part:
                continue
            if start > expected:
                with pytest.raises(Gap) as caught:
                    writer.send(part)
                assert caught.value.extra["next"] == 2 + expected
            else:
                expected = max(expected, min(40, start + length))
                assert writer.send(part).next == 2 + expected
        assert stored_steps(kit) == list(range(expected))
        assert kit.runs.find(kit.ada, "ada", "digits", "r1")[1].rows == expected
    finally:
        kit.close()


def test_bad_records_are_set_aside_and_the_rest_goes_on(kit: Kit) -> None:
    """reliability 2.7: listed in the answer, told on the run page, their sequence consumed."""
    writer = Writer(kit)
    writer.send(writer.start())
    body = writer.rows([0])
    body += writer.rows([1], shape=9)  # a shape nobody defined
    body += writer.rows([2])
    body += writer.rows([3], 1.0, 2.0)  # more values than keys
    body += writer.rows([4])
    for payload in (b"\xc1", b"", codec.encode_value([0, -1, 0, 0, 1.0])):
        body += frame.pack(int(Kind.ROW), writer.next, payload)
        writer.next += 1
    body += frame.pack(200, writer.next, b"a kind of a newer version")
    writer.next += 1
    receipt = writer.send(body)
    assert receipt.next == writer.next
    assert [item.seq for item in receipt.rejected] == [3, 5, 7, 8, 9]
    assert stored_steps(kit) == [0, 2, 4]
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    [notice] = kit.runs.state(run).notices
    assert (notice.code, notice.count) == ("rejected", 5)
    assert "never defined" in notice.text
    again = kit.again()  # and so it is after a restart, told once
    _, run = again.runs.find(again.ada, "ada", "digits", "r1")
    assert len(again.runs.state(run).notices) == 1 and run.rows == 3
    assert stored_steps(again) == [0, 2, 4]
    writer.kit = again
    assert writer.send(writer.rows([5])).next == writer.next
    again.close()


def test_shapes_may_stand_behind_their_rows_and_come_twice(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.records(writer.open))
    body = writer.rows([0], 1.0)
    body += writer.records(Shape(shape=0, paths=["loss"]), Shape(shape=0, paths=["loss"]))
    receipt = writer.send(body + writer.rows([1], 2.0))
    assert receipt.rejected == ()
    assert stored_steps(kit) == [0, 1]
    again = kit.again()
    writer.kit = again
    assert writer.send(writer.rows([2], 3.0)).rejected == ()  # shapes outlive a restart
    assert stored_steps(again) == [0, 1, 2]
    again.close()


@pytest.mark.parametrize(
    "body",
    [
        b"not zstd at all",
        codec.compress(b""),
        codec.compress(b"no frame"),
        codec.compress(frame.pack(3, 2, b"x") + frame.pack(3, 4, b"x")),  # not consecutive
        codec.compress(frame.pack(3, 2, b"x")[:-1]),  # cut off
        codec.compress(frame.pack(3, 2, b"x") + b"junk"),
        zstandard.ZstdCompressor(write_content_size=False).compress(frame.pack(3, 2, b"x")),
        codec.compress(frame.pack(3, 2, b"x")) + b"behind",
    ],
)
def test_damaged_bodies_are_refused_whole(kit: Kit, body: bytes) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    with pytest.raises(Invalid):
        kit.post(writer.id, body)
    assert kit.ingest.next(writer.id, kit.ada) == 2


def test_a_flipped_bit_is_found(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    body = bytearray(writer.rows(range(3)))
    body[len(body) // 2] ^= 4
    with pytest.raises(Invalid):
        writer.send(bytes(body))


def test_bombs_stop_early(kit: Kit) -> None:
    """reliability §4: decompressed size and number of records are bounded."""
    writer = Writer(kit)
    writer.send(writer.start())
    bomb = zstandard.ZstdCompressor(level=1).compress(bytes(codec.BATCH_BYTES_MAX + 1))
    with pytest.raises(TooLarge):
        kit.post(writer.id, bomb)
    with pytest.raises(TooLarge):
        kit.ingest.submit(writer.id, bytes(module.BODY_BYTES_MAX + 1), kit.ada)


def test_every_kind_of_record_is_folded(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start("loss"))
    writer.send(
        writer.records(
            Metric(name="loss", summary=["min"], goal="minimize", step_metric="epoch", hidden=True),
            Config(set={"lr": 0.1, "deep": {"n": 2**70}}),
            Summary(set={"note": "x"}),
            Environment(values={"os": "linux"}, packages={"numpy": "2"}),
            Console(stream="stdout", line=0, text="hello", time_us=5),
        )
        + writer.rows([0], 3.0)
        + writer.rows([1], 2.0)
        + writer.rows([2], math.inf)
    )
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert run.config == {"lr": 0.1, "deep": {"n": 2**70}}
    assert run.summary["loss"] == {"min": 2.0} and run.summary["note"] == "x"
    lines, total = kit.series.lines(project.number, run.history)
    assert total == 1 and lines[0][1].text == "hello"
    kit.folds.save_all()
    [metric] = kit.meta.metrics(project.number)
    assert (metric.path, metric.hidden, metric.step_metric, metric.goal) == (
        "loss", True, "epoch", "minimize",
    )  # fmt: skip
    assert [field.path for field in kit.meta.fields(project.number)] == [
        "config.deep.n", "config.lr", "summary.loss.min", "summary.note",
    ]  # fmt: skip


def test_machine_samples_go_to_their_own_segment(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    uploader = Writer(kit, role="uploader", writer=writer.id)
    body = uploader.start("cpu", "memory")
    for sample in range(3):
        payload = codec.encode_row(0, sample, kit.now_us, 0, [50.0, 1])
        body += frame.pack(int(Kind.SYSTEM), uploader.next, payload)
        uploader.next += 1
    uploader.send(body)
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    rows, _ = kit.series.scan(project.number, Range(run.system))
    assert len(rows) == 3 and run.rows == 0
    kit.folds.save_all()
    assert [(m.path, m.space) for m in kit.meta.metrics(project.number)] == [
        ("cpu", "system"),
        ("memory", "system"),
    ]


def test_changes_are_told_when_they_can_be_read(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    kit.folds.save_all()
    assert {part for change in kit.live.take() for part in change.parts} >= {"state"}
    writer.send(writer.rows(range(3)))
    [change] = kit.live.take()
    assert (change.run, change.rows, change.parts) == ("r1", 3, frozenset({"history"}))
    kit.folds.save_all()
    [change] = kit.live.take()
    assert change.parts == frozenset({"summary"})
    kit.folds.save_all()
    assert kit.live.take() == []  # nothing new, nothing told
    writer.send(b"")
    kit.folds.save_all()
    assert kit.live.take() == []


def test_stop_is_heard_with_the_next_answer(kit: Kit) -> None:
    writer = Writer(kit)
    assert not writer.send(writer.start()).stop
    kit.edits.stop(kit.runs.find(kit.ada, "ada", "digits", "r1")[1])
    assert writer.send(b"").stop
    again = kit.again()
    writer.kit = again
    assert writer.send(writer.rows([0])).stop
    writer.send(writer.records(Finish(exit_code=1, time_us=again.now_us, runtime_us=1)))
    fresh = Writer(again)
    assert not fresh.send(fresh.start()).stop  # a new attempt was not asked to stop
    again.close()


# ── groups, limits, failures ──


class SlowSeries(MemorySeries):
    """Commits when it is let, and fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go = threading.Event()
        self.may_go.set()
        self.groups: list[int] = []
        self.fails_with: Exception | None = None

    def append(self, project: int, batches: Sequence[Batch]) -> None:
        self.may_go.wait(10)
        if self.fails_with is not None:
            raise self.fails_with
        super().append(project, batches)
        self.groups.append(len(batches))


@pytest.fixture
def slow(tmp_path: Any) -> Any:
    series = SlowSeries()
    kit = Kit(tmp_path, series)
    yield kit, series
    series.may_go.set()
    kit.close()


def test_nothing_is_acknowledged_before_the_commit(slow: tuple[Kit, SlowSeries]) -> None:
    """reliability 2.4."""
    kit, series = slow
    writer = Writer(kit)
    writer.send(writer.start())
    series.may_go.clear()
    waiting = kit.ingest.submit(writer.id, codec.compress(writer.rows(range(3))), kit.ada)
    with pytest.raises(Exception):  # noqa: B017 - concurrent.futures' own TimeoutError differs by version
        waiting.result(0.05)
    assert kit.ingest.next(writer.id, kit.ada) == 2
    series.may_go.set()
    assert waiting.result(10).next == 5


def test_what_waits_is_committed_together(slow: tuple[Kit, SlowSeries]) -> None:
    kit, series = slow
    writers = [Writer(kit, f"r{index}") for index in range(20)]
    for writer in writers:
        writer.send(writer.start())
    series.groups.clear()
    series.may_go.clear()
    waiting: list[Future[Receipt]] = []
    for writer in writers:
        for step in range(3):  # several of one stream in one group, too
            body = codec.compress(writer.rows([step]))
            waiting.append(kit.ingest.submit(writer.id, body, kit.ada))
    series.may_go.set()
    assert [future.result(10).next for future in waiting] == [3, 4, 5] * 20
    assert sum(series.groups) == 60 and len(series.groups) <= 3
    for writer in writers:
        assert stored_steps(kit, writer.open.run) == [0, 1, 2]


def test_a_shape_holds_for_the_next_body_of_its_group(slow: tuple[Kit, SlowSeries]) -> None:
    """Rows of a sender that does not wait for receipts are not set aside as without a shape."""
    kit, series = slow
    other, writer = Writer(kit, "other"), Writer(kit)
    series.may_go.clear()
    waiting = [kit.ingest.submit(other.id, codec.compress(other.start()), kit.ada)]
    for frames in (writer.start(), writer.rows(range(3)), writer.rows(range(3, 5))):
        waiting.append(kit.ingest.submit(writer.id, codec.compress(frames), kit.ada))
    series.may_go.set()
    receipts = [future.result(10) for future in waiting]
    assert [receipt.rejected for receipt in receipts] == [()] * 4
    assert stored_steps(kit, writer.open.run) == [0, 1, 2, 3, 4]


def test_one_refusal_does_not_touch_its_group(slow: tuple[Kit, SlowSeries]) -> None:
    kit, series = slow
    good, bad = Writer(kit, "good"), Writer(kit, "bad")
    good.send(good.start())
    bad.send(bad.start())
    series.may_go.clear()
    first = kit.ingest.submit(good.id, codec.compress(good.rows([0])), kit.ada)
    bad.next += 1
    gap = kit.ingest.submit(bad.id, codec.compress(bad.rows([0])), kit.ada)
    last = kit.ingest.submit(good.id, codec.compress(good.rows([1])), kit.ada)
    series.may_go.set()
    assert (first.result(10).next, last.result(10).next) == (3, 4)
    with pytest.raises(Gap):
        gap.result(10)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (OSError(28, "No space left on device"), StorageFull),
        (RuntimeError("database or disk is full"), StorageFull),
        (RuntimeError("secret detail"), PublicError),
    ],
)
def test_a_failed_commit_is_no_commit(
    slow: tuple[Kit, SlowSeries], failure: Exception, kind: type[PublicError]
) -> None:
    """507 when the disk is full; sent again, it is stored once."""
    kit, series = slow
    writer = Writer(kit)
    writer.send(writer.start())
    series.fails_with = failure
    body = codec.compress(writer.rows(range(3)))
    for _ in range(2):
        with pytest.raises(kind) as caught:
            kit.post(writer.id, body)
        assert "secret" not in str(caught.value)
    assert kit.ingest.next(writer.id, kit.ada) == 2
    assert kit.runs.find(kit.ada, "ada", "digits", "r1")[1].rows == 0
    series.fails_with = None
    assert kit.post(writer.id, body).next == 5
    assert stored_steps(kit) == [0, 1, 2]


@pytest.mark.parametrize("failure", [OSError(5, "Input/output error"), Gap("a bug", next=0)])
def test_a_commit_whose_outcome_is_unknown_is_looked_up(
    slow: tuple[Kit, SlowSeries], monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """The store failed behind its commit: sent again, the rows are still there once."""
    kit, series = slow
    writer = Writer(kit)
    writer.send(writer.start())
    append = series.append

    def fail_behind(project: int, batches: Sequence[Batch]) -> None:
        append(project, batches)
        raise failure

    body = codec.compress(writer.rows(range(3)))
    with monkeypatch.context() as patch:
        patch.setattr(series, "append", fail_behind)
        with pytest.raises(PublicError) as caught:
            kit.post(writer.id, body)
        assert not isinstance(caught.value, Gap)
    assert kit.post(writer.id, body).next == 5
    assert kit.post(writer.id, codec.compress(writer.rows([3]))).next == 6
    assert stored_steps(kit) == [0, 1, 2, 3]
    assert kit.runs.find(kit.ada, "ada", "digits", "r1")[1].rows == 4


def test_a_full_queue_says_when_to_come_back(
    slow: tuple[Kit, SlowSeries], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, series = slow
    writer = Writer(kit)
    writer.send(writer.start())
    monkeypatch.setattr(module, "QUEUE_BYTES_MAX", 1_000)
    series.may_go.clear()
    body = codec.compress(writer.rows([0]))
    accepted = []
    with pytest.raises(Busy) as caught:
        for _ in range(100):
            accepted.append(kit.ingest.submit(writer.id, body, kit.ada))
    assert caught.value.extra["retry_after"] >= 1
    series.may_go.set()
    assert {future.result(10).next for future in accepted} == {3}


def test_who_went_away_costs_nobody_anything(slow: tuple[Kit, SlowSeries]) -> None:
    kit, series = slow
    writer = Writer(kit)
    writer.send(writer.start())
    series.may_go.clear()
    busy = kit.ingest.submit(writer.id, codec.compress(writer.rows([0])), kit.ada)
    gone = kit.ingest.submit(writer.id, codec.compress(writer.rows([1])), kit.ada)
    assert gone.cancel() or gone.running()
    series.may_go.set()
    busy.result(10)
    assert kit.post(writer.id, b"").next in (3, 4)


def test_closing_commits_what_waits(tmp_path: Any) -> None:
    series = SlowSeries()
    kit = Kit(tmp_path, series)
    writer = Writer(kit)
    writer.send(writer.start())
    series.may_go.clear()
    waiting = [
        kit.ingest.submit(writer.id, codec.compress(writer.rows([step])), kit.ada)
        for step in range(5)
    ]
    threading.Timer(0.05, series.may_go.set).start()
    kit.close()
    assert [future.result(0).next for future in waiting] == [3, 4, 5, 6, 7]
    with pytest.raises(Busy):
        kit.ingest.submit(writer.id, b"", kit.ada)
