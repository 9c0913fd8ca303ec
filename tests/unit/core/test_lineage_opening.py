"""Rewind, fork, resume and shared runs through the core (I-55 … I-69, T-10)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiseki.core.ingest import Opened
from kiseki.core.opening import ALIVE_US
from kiseki.core.query.history import page
from kiseki.errors import Conflict, Invalid, NotFound, PublicError
from kiseki.record.codec import compress
from kiseki.record.types import Alert, Config, Console, End, Finish, Summary
from kiseki.storage.embedded.series import EmbeddedSeries
from kiseki.storage.interface import Logged, Range
from kiseki.storage.memory.series import MemorySeries
from tests.unit.core.kit import Kit, Writer


def start(kit: Kit, run: str = "r1", steps: int = 10, **options: Any) -> Writer:
    """Return a writer that opened a run and logged some rows."""
    writer = Writer(kit, run, **options)
    writer.send(writer.start() + writer.rows(range(steps)))
    return writer


def finish(writer: Writer) -> None:
    now = writer.kit.now_us
    writer.send(writer.records(Finish(exit_code=0, time_us=now, runtime_us=9)))


def opened(writer: Writer) -> Opened:
    found = writer.send(writer.start()).opened
    assert found is not None
    return found


def refused(writer: Writer, kind: type[PublicError]) -> dict[str, Any]:
    with pytest.raises(kind) as caught:
        writer.send(writer.start())
    return {"text": str(caught.value), **caught.value.extra}


def losses(kit: Kit, run: str = "r1", attempt: int | None = None, **how: Any) -> list[Any]:
    """Return (step, loss) of the rows that people see."""
    project, found = kit.runs.find(kit.ada, "ada", "digits", run)
    chain = tuple(kit.runs.ranges(found, "history", attempt))
    rows = page(kit.series, project.number, chain, **how).rows
    return [(row["_step"], row["loss"]) for row in rows]


def steps(kit: Kit, run: str = "r1", attempt: int | None = None) -> list[int]:
    return [step for step, _ in losses(kit, run, attempt)]


# ── rewind ──


def test_a_rewind_is_a_new_attempt_that_begins_with_kept_rows(kit: Kit) -> None:
    """I-63, I-69."""
    first = start(kit, name="first", notes="n", tags=["a"], group="g", job_type="j")
    first.send(
        first.records(
            Config(set={"lr": 1}),
            Summary(set={"by hand": 2}),
            Alert(title="t", text="", level="INFO", time_us=1),
        )
    )
    finish(first)
    again = Writer(kit, parent_run="r1", parent_step=5, name="made up", is_default_name=True)
    body = again.start()
    for _ in range(2):  # the answer is the same when the first got lost
        found = again.send(body).opened
        assert found is not None
        assert (found.attempt, found.is_resumed, found.has_before, found.name) == (
            2,
            True,
            True,
            "first",
        )
        before = found.before
        assert (before.next_step, before.runtime_us, before.config) == (6, 5, {"lr": 1})
        assert (before.tags, before.notes, before.group, before.job_type) == (["a"], "n", "g", "j")
        assert {key: before.summary[key] for key in ("loss", "_step")} == {"loss": 5, "_step": 5}
        assert "by hand" not in before.summary and before.alerts == []
    again.send(again.rows([6, 7], 0.5))
    assert losses(kit) == [*((n, float(n)) for n in range(6)), (6, 0.5), (7, 0.5)]
    assert steps(kit, attempt=1) == list(range(10))
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert (run.name, run.rows, run.next_step, run.state, run.summary["loss"]) == (
        "first", 8, 8, "running", 0.5
    )  # fmt: skip
    kinds = [(item.kind, item.parent_step, item.rows) for item in kit.runs.attempts(run)]
    assert kinds == [("start", None, 10), ("rewind", 5, 8)]
    pieces = [(piece.run_id, piece.ordinal, piece.parent_step) for piece in kit.runs.pieces(run)]
    assert pieces == [("r1", 1, None), ("r1", 2, 5)]
    assert kit.runs.forks(run) == []


def test_what_begins_with_kept_rows_shows_at_once_in_lists(kit: Kit) -> None:
    """The seed is saved with the attempt: columns, cells and metrics, before any record is folded."""
    parent = Writer(kit)
    parent.send(parent.start("loss", "acc") + parent.rows(range(4), 1.0, 7.0))
    fork = Writer(kit, "r2", parent_run="r1", parent_step=2)
    fork.send(fork.records(fork.open))
    stored = kit.meta.run(1, "r2")
    assert stored is not None and (stored.rows, stored.next_step) == (3, 3)
    assert stored.summary["acc"] == 7.0
    assert [metric.path for metric in kit.meta.run_metrics(stored.attempt)] == ["acc", "loss"]
    assert {field.path for field in kit.meta.fields(1)} == {"summary.loss", "summary.acc"}


def test_what_is_given_again_wins(kit: Kit) -> None:
    """I-26: tags replace; the others too."""
    finish(start(kit, name="first", notes="n", tags=["a", "b"], group="g", job_type="j"))
    again = Writer(
        kit, parent_run="r1", parent_step=5, name="second", tags=["c"], notes="", group="h"
    )
    assert opened(again).name == "second"
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert (run.name, run.tags, run.notes, run.group, run.job_type) == (
        "second",
        ("c",),
        "",
        "h",
        "j",
    )


def test_rewinds_of_rewinds(kit: Kit) -> None:
    finish(start(kit))
    for attempt, (step, more) in enumerate([(7, 3), (5, 2), (6, 1)], 2):
        again = Writer(kit, parent_run="r1", parent_step=step)
        assert opened(again).attempt == attempt
        again.send(again.rows(range(step + 1, step + 1 + more), attempt))
        finish(again)
    assert losses(kit, attempt=2) == [*((n, n) for n in range(8)), (8, 2), (9, 2), (10, 2)]
    assert losses(kit, attempt=3) == [*((n, n) for n in range(6)), (6, 3), (7, 3)]
    assert losses(kit) == [*((n, n) for n in range(6)), (6, 3), (7, 4)]
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert [item.rows for item in kit.runs.attempts(run)] == [10, 11, 8, 8]


def test_late_rows_behind_the_cut_are_seen_and_win(kit: Kit) -> None:
    """L-04: nothing is hidden; of one step the later segment's value wins, an exact scan shows both."""
    finish(start(kit))
    again = Writer(kit, parent_run="r1", parent_step=5)
    again.send(again.start() + again.rows([6, 2], 0.5))
    assert losses(kit) == [(0, 0), (1, 1), (2, 0.5), (3, 3), (4, 4), (5, 5), (6, 0.5)]
    assert [row for row in losses(kit, is_exact=True) if row[0] == 2] == [(2, 2.0), (2, 0.5)]
    assert losses(kit, is_exact=True, min_step=2, max_step=2) == [(2, 2.0), (2, 0.5)]
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert (run.rows, run.next_step, run.summary["loss"]) == (8, 7, 0.5)
    # …and they are there for whoever begins with them.
    fork = Writer(kit, "r2", parent_run="r1", parent_step=4)
    assert opened(fork).before.rows == 6
    assert losses(kit, "r2") == [(0, 0), (1, 1), (2, 0.5), (3, 3), (4, 4)]


def test_a_rewind_to_a_step_between_rows_goes_on_behind_it(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start() + writer.rows([0, 10, 20]))
    finish(writer)
    again = Writer(kit, parent_run="r1", parent_step=15)
    assert opened(again).before.next_step == 16
    assert steps(kit) == [0, 10]
    once_more = Writer(kit, parent_run="r1", parent_step=15, pid=again.open.pid)
    assert opened(once_more).before.next_step == 16  # nothing was logged in between


# ── fork ──


def test_a_fork_is_a_new_run_and_the_other_is_unchanged(kit: Kit) -> None:
    """I-66; the parent may be running."""
    start(kit, name="first", tags=["a"])
    fork = Writer(kit, "r2", parent_run="r1", parent_step=5, name="second")
    found = opened(fork)
    assert (found.attempt, found.is_resumed, found.has_before, found.name) == (
        1,
        False,
        True,
        "second",
    )
    fork.send(fork.rows([6], 0.5))
    assert losses(kit, "r2") == [*((n, n) for n in range(6)), (6, 0.5)]
    assert steps(kit) == list(range(10))
    _, parent = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert (parent.rows, parent.ordinal, parent.state) == (10, 1, "running")
    kit.folds.save_all()
    assert [(item.run_id, item.run_name, item.step) for item in kit.runs.forks(parent)] == [
        ("r2", "second", 5)
    ]
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r2")
    assert (run.name, run.tags, run.rows) == ("second", ("a",), 7)
    [attempt] = kit.runs.attempts(run)
    assert (attempt.kind, attempt.parent_step, attempt.parent_run) == ("fork", 5, parent.number)


def test_a_fork_of_a_rewound_fork(kit: Kit) -> None:
    start(kit)
    fork = Writer(kit, "r2", parent_run="r1", parent_step=5)
    fork.send(fork.start() + fork.rows([6, 7, 8], 2))
    finish(fork)
    again = Writer(kit, "r2", parent_run="r2", parent_step=7)
    again.send(again.start() + again.rows([8], 3))
    last = Writer(kit, "r3", parent_run="r2", parent_step=8)
    last.send(last.start() + last.rows([9], 4))
    assert losses(kit, "r3") == [*((n, n) for n in range(6)), (6, 2), (7, 2), (8, 3), (9, 4)]
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r3")
    pieces = [(piece.run_id, piece.ordinal, piece.parent_step) for piece in kit.runs.pieces(run)]
    assert pieces == [("r1", 1, None), ("r2", 1, 5), ("r2", 2, 7), ("r3", 1, 8)]


def test_a_fork_outlives_the_run_it_begins_with(kit: Kit) -> None:
    """A deleted run's rows stay for those who hang on them; it cannot be forked again (I-65)."""
    start(kit)
    fork = Writer(kit, "r2", parent_run="r1", parent_step=5)
    fork.send(fork.start())
    _, parent = kit.runs.find(kit.ada, "ada", "digits", "r1")
    kit.trash.delete([parent], "ada")
    assert steps(kit, "r2") == list(range(6))
    assert [
        piece.run_id for piece in kit.runs.pieces(kit.runs.find(kit.ada, "ada", "digits", "r2")[1])
    ]
    gone = refused(Writer(kit, "r3", parent_run="r1", parent_step=5), NotFound)
    assert gone["code"] == "absent" and "deleted" in gone["text"]
    taken = refused(Writer(kit, "r1", parent_run="r2", parent_step=1), Conflict)
    assert taken["code"] == "deleted"  # I-21


def test_a_fork_under_a_known_id_is_a_new_attempt_of_it(kit: Kit) -> None:
    """I-62: the earlier one stays readable."""
    start(kit)
    finish(start(kit, "r2", 3))
    fork = Writer(kit, "r2", parent_run="r1", parent_step=5)
    assert opened(fork).attempt == 2
    assert (steps(kit, "r2"), steps(kit, "r2", 1)) == (list(range(6)), [0, 1, 2])


# ── refusals ──


@pytest.mark.parametrize(
    ("options", "kind", "code"),
    [
        ({"parent_run": "r9", "parent_step": 1}, NotFound, "absent"),
        ({"parent_run": "r1", "parent_step": 1, "project": "other"}, NotFound, "absent"),
        ({"parent_run": "r1", "parent_step": 10}, Conflict, "step"),
        ({"parent_run": "empty", "parent_step": 0}, Conflict, "step"),
        ({"parent_run": "r1", "parent_step": -1}, Invalid, "step"),
        ({"parent_run": "r1"}, Invalid, "step"),
        ({"parent_run": "r1", "parent_step": 1, "shared": True}, Invalid, "unsupported"),
    ],
)
def test_refusals_make_nothing(
    kit: Kit, options: dict[str, Any], kind: type[PublicError], code: str
) -> None:
    """I-63, I-65, I-66: no project, run or attempt is left of what was refused."""
    finish(start(kit))
    finish(start(kit, "empty", 0))
    for id in ("r2", "r1"):
        assert refused(Writer(kit, id, **options), kind)["code"] == code
    assert kit.meta.run(1, "r2") is None and kit.meta.project("ada", "other") is None
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert len(kit.runs.attempts(run)) == 1


def test_a_run_that_is_alive_is_not_rewound_under_its_writer(kit: Kit) -> None:
    start(kit, host="lab", pid=7)
    answer = refused(Writer(kit, parent_run="r1", parent_step=1, pid=8), Conflict)
    assert (answer["code"], answer["host"], answer["pid"]) == ("alive", "lab", 7)
    kit.now_us += ALIVE_US + 1
    assert opened(Writer(kit, parent_run="r1", parent_step=1, pid=8)).attempt == 2


def test_rows_that_reach_the_attempt_before_stay_there(kit: Kit) -> None:
    first = start(kit)
    kit.now_us += ALIVE_US + 1
    again = Writer(kit, parent_run="r1", parent_step=5)
    again.send(again.start() + again.rows([6], 0.5))
    first.send(first.rows(range(10, 15)))
    finish(first)
    assert losses(kit) == [*((n, n) for n in range(6)), (6, 0.5)]
    assert steps(kit, attempt=1) == list(range(15))
    assert kit.runs.find(kit.ada, "ada", "digits", "r1")[1].state == "running"


# ── crashes, and others meanwhile ──


def test_a_seed_outlives_a_kill_at_any_point(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt and its seed are one transaction: a server that dies before any record knows both."""
    finish(start(kit, name="first"))
    kit.folds.save_all()
    again = Writer(kit, parent_run="r1", parent_step=5)
    body = again.start()
    with monkeypatch.context() as patch, pytest.raises(PublicError):
        patch.setattr(kit.series, "append", _fail)
        again.send(body)
    after = kit.again()
    again.kit = after
    assert steps(after) == list(range(6))
    _, run = after.runs.find(after.ada, "ada", "digits", "r1")
    assert (run.ordinal, run.rows, run.name, run.summary["loss"]) == (2, 6, "first", 5.0)
    found = again.send(body).opened
    assert found is not None and (found.attempt, found.before.next_step) == (2, 6)
    again.send(again.rows([6], 0.5))
    last = after.again()
    _, run = last.runs.find(last.ada, "ada", "digits", "r1")
    assert (run.rows, run.next_step, run.summary["loss"]) == (7, 7, 0.5)
    last.close()


def _fail(*_: Any) -> None:
    raise OSError("no")


class _Slow(MemorySeries):
    """Replays when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def replay(self, project: int, span: Range) -> Iterator[Logged]:
        self.begun.set()
        assert self.go_on.wait(10)
        yield from super().replay(project, span)


def test_a_long_replay_holds_up_nobody_else(tmp_path: Path) -> None:
    series = _Slow()
    kit = Kit(tmp_path, series)
    other = start(kit, "r2")
    finish(start(kit))
    fork = Writer(kit, "r3", parent_run="r1", parent_step=5)
    rewind = Writer(kit, "r1", parent_run="r1", parent_step=5)
    waiting = [_submitted(fork), _submitted(rewind), _submitted(fork, again=True)]
    assert series.begun.wait(10)
    assert other.send(other.rows(range(10, 20))).next == other.next
    # Meanwhile somebody else takes the run over: the rewind is refused, not made on top of that.
    taker = Writer(kit, "r1", resume="allow", pid=8)
    taker.send(taker.start())
    assert not any(future.done() for future in waiting)
    series.go_on.set()
    assert waiting[0].result(10).opened.before.rows == waiting[2].result(10).opened.before.rows == 6
    with pytest.raises(Conflict):
        waiting[1].result(10)
    kit.close()


def _submitted(writer: Writer, again: bool = False) -> Any:
    if again:
        writer.next = 0
    return writer.kit.ingest.submit(writer.id, compress(writer.start()), writer.kit.ada)


def test_closing_waits_for_a_replay(tmp_path: Path) -> None:
    series = _Slow()
    kit = Kit(tmp_path, series)
    finish(start(kit))
    waiting = _submitted(Writer(kit, "r3", parent_run="r1", parent_step=5))
    assert series.begun.wait(10)
    closing = threading.Thread(target=kit.close)
    closing.start()
    series.go_on.set()
    closing.join(10)
    assert waiting.result(10).opened.before.rows == 6


# ── resume ──


def test_a_made_up_name_does_not_rename_a_resumed_run(kit: Kit) -> None:
    """I-69."""
    finish(start(kit, name="first"))
    assert (
        opened(Writer(kit, resume="allow", name="dry-hill-2", is_default_name=True)).name == "first"
    )
    assert kit.runs.find(kit.ada, "ada", "digits", "r1")[1].name == "first"
    kit.now_us += ALIVE_US + 1
    assert opened(Writer(kit, resume="allow", name="better", pid=8)).name == "better"
    assert kit.runs.find(kit.ada, "ada", "digits", "r1")[1].name == "better"


def test_the_uploader_of_an_earlier_session_does_not_end_the_run(kit: Kit) -> None:
    """I-69: it reports late, also after a restart of the server."""
    first = start(kit)
    uploader = Writer(kit, role="uploader", writer=first.id)
    uploader.send(uploader.records(uploader.open))
    kit.now_us += ALIVE_US + 1
    again = Writer(kit, resume="allow", pid=8)
    again.send(again.start())
    uploader.send(uploader.records(End(state="crashed", cause="killed", time_us=1)))
    finish(first)
    after = kit.again()
    for found in (kit, after):
        assert found.runs.find(after.ada, "ada", "digits", "r1")[1].state == "running"
    after.close()


def test_a_stopped_run_can_be_resumed(kit: Kit) -> None:
    """Stop speaks to the session that runs, not to the next one."""
    first = start(kit)
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    kit.edits.stop(run)
    assert first.send(b"").stop
    finish(first)
    again = Writer(kit, resume="allow", pid=8)
    assert not again.send(again.start()).stop
    stored = kit.meta.run(1, "r1")
    assert stored is not None and stored.stop_us is None


def test_every_session_and_writer_keeps_its_console(kit: Kit) -> None:
    """Each numbers its lines from 0; a line that is drawn again replaces its own only."""

    def say(text: str, **options: Any) -> None:
        kit.now_us += ALIVE_US + 1
        writer = Writer(kit, resume="allow", pid=kit.now_us, **options)
        lines = [
            Console(stream="stdout", line=0, text=drawn, time_us=1, label=writer.open.label)
            for drawn in ("…", text)
        ]
        writer.send(writer.start() + writer.records(*lines))

    say("first session")
    say("second session")
    say("of a worker", primary=False, shared=True, label="node 1")
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    found, total = kit.series.lines(run.project, run.history)
    assert total == 3
    assert [(line.label, line.text) for _, line in found] == [
        ("", "first session"), ("", "second session"), ("node 1", "of a worker")
    ]  # fmt: skip


# ── shared ──


@pytest.mark.parametrize("order", [["p", "w", "w"], ["w", "p", "w"], ["w", "w", "p"]])
def test_shared_writers_make_one_attempt_in_any_order(kit: Kit, order: list[str]) -> None:
    """T-10."""
    writers = [
        Writer(kit, shared=True, primary=role == "p", label=f"node {n}", host=f"h{n}", pid=n)
        for n, role in enumerate(order)
    ]
    for number, writer in enumerate(writers):
        assert opened(writer).attempt == 1
        writer.send(writer.rows(range(5), float(number)))
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert (len(kit.runs.attempts(run)), run.rows) == (1, 15)
    assert (run.host, run.pid) == (f"h{order.index('p')}", order.index("p"))
    labels = [writer.label for writer in kit.runs.state(run).writers.values()]
    assert labels == ["node 0", "node 1", "node 2"]
    for writer in sorted(writers, key=lambda writer: writer.open.primary):
        assert kit.runs.find(kit.ada, "ada", "digits", "r1")[1].state == "running"
        finish(writer)
    assert kit.runs.find(kit.ada, "ada", "digits", "r1")[1].state == "finished"


def test_a_shared_primary_does_not_join_a_run_of_one_writer(kit: Kit) -> None:
    start(kit, pid=7)
    assert refused(Writer(kit, shared=True, pid=8), Conflict)["code"] == "alive"
    assert opened(Writer(kit, shared=True, primary=False, pid=8)).attempt == 1
    shared = Writer(kit, "r2", shared=True, pid=1)
    shared.send(shared.start())
    assert refused(Writer(kit, "r2", pid=2), Conflict)["code"] == "alive"
    assert opened(Writer(kit, "r2", shared=True, pid=2)).attempt == 1


def test_a_shared_run_that_lost_its_writers_goes_on_and_ends(kit: Kit) -> None:
    """All nodes lost power; the job runs again under its id."""
    for pid in range(2):
        start(kit, shared=True, pid=pid)
    kit.now_us += ALIVE_US + 1
    again = Writer(kit, shared=True, pid=7)
    found = opened(again)
    assert (found.attempt, found.is_resumed, found.before.next_step) == (1, True, 10)
    finish(again)
    kit.folds.save_all()
    after = kit.again()
    assert after.runs.find(after.ada, "ada", "digits", "r1")[1].state == "finished"
    after.close()


@pytest.mark.parametrize("options", [{}, {"resume": "allow"}, {"shared": True}])
def test_sixteen_at_once_are_one_run(tmp_path: Path, options: dict[str, Any]) -> None:
    """All in one commit: each joins or is refused, naming the one that was first."""
    kit = Kit(tmp_path, EmbeddedSeries(tmp_path / "history"))
    writers = [Writer(kit, pid=100 + n, **options) for n in range(16)]
    futures = [_submitted(writer) for writer in writers]
    refusals = [error for future in futures if (error := future.exception(10)) is not None]
    assert len(refusals) == (0 if "shared" in options else 15)
    assert all(getattr(error, "extra", {}).get("pid") == 100 for error in refusals)
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert len(kit.runs.attempts(run)) == 1
    kit.close()
    kit.series.close()
