"""Whose end is the run's (I-69, T-04, T-10), and which name it keeps."""

from __future__ import annotations

from typing import Any

import pytest

from kiseki.record import fold
from kiseki.record.fold import RunState
from kiseki.record.types import AnyRecord, End, Finish, Open, State

OK, BAD = (
    Finish(exit_code=0, time_us=50, runtime_us=9),
    Finish(exit_code=3, time_us=60, runtime_us=9),
)
DEAD = End(state="crashed", cause="killed by SIGKILL (signal 9)", time_us=70)


def opening(stream: str, **options: Any) -> Open:
    return Open(stream=stream, run="r1", project="p", started_us=5, **options)


def serving(writer: str) -> Open:
    return opening(f"uploader of {writer}", role="uploader", writer=writer)


def folded(*records: tuple[str, AnyRecord]) -> RunState:
    state = RunState()
    for stream, record in records:
        fold.apply(state, record, stream)
    return state


def by_uploader(writer: str, record: AnyRecord) -> tuple[str, AnyRecord]:
    return f"uploader of {writer}", record


def test_the_end_of_an_earlier_session_does_not_end_a_resumed_run() -> None:
    """I-69: the uploader of the first session reports late that it died."""
    before = [("a", opening("a")), by_uploader("a", serving("a"))]
    again = [("b", opening("b", resume="allow"))]
    assert folded(*before, by_uploader("a", DEAD)).state == "crashed"
    resumed = folded(*before, *again, by_uploader("a", DEAD))
    assert (resumed.state, resumed.cause, resumed.finished_us) == ("running", "", 0)
    assert resumed.writers["a"].state == "crashed"
    assert folded(
        *before, *again, by_uploader("b", serving("b")), by_uploader("b", DEAD)
    ).state == ("crashed")


@pytest.mark.parametrize("late", [OK, BAD, State(state="preempting", time_us=1)])
def test_what_an_older_writer_says_late_changes_nothing(late: AnyRecord) -> None:
    assert folded(("a", opening("a")), ("b", opening("b")), ("a", late)).state == "running"


def test_the_end_of_a_forked_child_is_not_the_runs() -> None:
    """T-04."""
    child = ("c", opening("c", primary=False))
    assert folded(("a", opening("a")), child, ("c", BAD)).state == "running"
    assert folded(("a", opening("a")), child, ("a", OK), ("c", BAD)).state == "finished"


def test_an_end_of_a_writer_that_nobody_knows_counts() -> None:
    """Records read without their stream, and folds that an older Kiseki saved."""
    assert folded(("a", opening("a")), ("", OK)).state == "finished"


def shared(stream: str, **options: Any) -> tuple[str, AnyRecord]:
    return stream, opening(stream, shared=True, **options)


def test_a_shared_run_ends_with_its_primary_writer() -> None:
    """T-10: workers may come first, and may end first or last."""
    workers = [shared("w1", primary=False, label="node 1"), shared("w2", primary=False)]
    primary = shared("p", host="lab", pid=7)
    assert folded(*workers, primary, ("w1", OK), ("w2", BAD)).state == "running"
    assert folded(*workers, primary, ("p", OK), ("w1", OK), ("w2", BAD)).state == "finished"
    state = folded(*workers, primary, ("p", BAD))
    assert (state.state, state.exit_code, state.finished_us) == ("failed", 3, 60)
    assert (state.host, state.pid) == ("lab", 7)
    assert [writer.label for writer in state.writers.values()] == ["node 1", "", ""]


def test_a_shared_run_of_workers_ends_with_the_last_one() -> None:
    workers = [shared("w1", primary=False), shared("w2", primary=False)]
    assert folded(*workers, ("w1", BAD)).state == "running"
    state = folded(*workers, ("w1", BAD), ("w2", OK))
    assert (state.state, state.exit_code) == ("failed", 3)
    late = folded(*workers, ("w1", OK), ("w2", OK), shared("w3", primary=False))
    assert late.state == "running"


def test_several_primaries_end_a_shared_run_together() -> None:
    """T-10: nobody said `x_primary=False`."""
    both = [shared("p1"), shared("p2")]
    assert folded(*both, ("p1", OK)).state == "running"
    assert folded(*both, ("p2", OK)).state == "running"
    assert folded(*both, ("p1", OK), ("p2", OK)).state == "finished"
    dead = folded(*both, by_uploader("p1", serving("p1")), ("p2", OK), by_uploader("p1", DEAD))
    assert (dead.state, dead.cause) == ("crashed", DEAD.cause)


def test_a_shared_run_that_goes_on_forgets_how_its_writers_ended_before() -> None:
    state = folded(shared("p1"), shared("w1", primary=False))
    fold.lose_writers(state, "fell silent")
    assert (state.state, state.cause) == ("crashed", "fell silent")
    fold.apply(state, opening("w2", shared=True, primary=False), "w2")
    assert state.state == "crashed"  # a worker that comes late does not begin the run again
    fold.apply(state, opening("p2", shared=True), "p2")
    assert state.state == "running"
    fold.apply(state, OK, "p2")
    assert state.state == "finished"


def test_a_shared_run_of_workers_goes_on() -> None:
    state = folded(shared("w1", primary=False), ("w1", BAD), shared("w2", primary=False))
    assert state.state == "running"
    fold.apply(state, OK, "w2")
    assert state.state == "finished"


def test_a_made_up_name_never_replaces_a_known_one() -> None:
    """I-69."""
    first = ("a", opening("a", name="quiet-river-1", is_default_name=True))
    assert folded(first).name == "quiet-river-1"
    assert folded(first, ("b", opening("b", name="dry-hill-2", is_default_name=True))).name == (
        "quiet-river-1"
    )
    assert folded(first, ("b", opening("b", name="best so far"))).name == "best so far"
