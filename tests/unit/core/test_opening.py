"""What an `Open` does (design §3 init, I-10 … I-21)."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, event

from kiseki.core.edits import Changes
from kiseki.core.opening import ALIVE_US
from kiseki.errors import Conflict, Forbidden, Gap, Invalid, NotFound, PublicError
from kiseki.record.fold import Edit
from kiseki.record.types import Alert, Config, Describe, End, Finish, Summary
from tests.unit.core.kit import Kit, Writer


def refusal(writer: Writer, kind: type[PublicError]) -> str:
    """Return the code a start is refused with."""
    with pytest.raises(kind) as caught:
        writer.send(writer.start())
    return str(caught.value.extra.get("code", ""))


def finished(kit: Kit, **options: object) -> Writer:
    writer = Writer(kit, **options)
    writer.send(writer.start() + writer.rows(range(3)))
    writer.send(writer.records(Finish(exit_code=0, time_us=kit.now_us, runtime_us=9)))
    return writer


def test_project_and_run_are_made_on_first_use(kit: Kit) -> None:
    """I-11, I-12."""
    writer = Writer(kit, name="quiet-river", tags=["a"])
    receipt = writer.send(writer.start())
    opened = receipt.opened
    assert receipt.next == 2 and opened is not None
    assert (opened.entity, opened.project, opened.id) == ("ada", "digits", "r1")
    assert (opened.name, opened.attempt, opened.is_resumed) == ("quiet-river", 1, False)
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert kit.meta.counted(project).runs == 1 and run.tags == ("a",) and run.state == "running"


def test_the_same_open_again_changes_nothing(kit: Kit) -> None:
    writer = Writer(kit, name="quiet-river")
    body = writer.start()
    first, again = writer.send(body), writer.send(body)
    assert first.next == again.next == 2
    assert again.opened is not None and first.opened is not None
    assert (again.opened.attempt, again.opened.is_resumed) == (1, False)
    assert again.opened.name == "quiet-river"
    run = kit.meta.run(1, "r1")
    assert run is not None and len(kit.meta.attempts(run.number)) == 1


def test_an_unknown_or_foreign_entity_is_refused(kit: Kit) -> None:
    """I-10: the SDK never creates one; a foreign one looks like an unknown one."""
    kit.principal("bob")
    assert refusal(Writer(kit, entity="nobody"), NotFound) == "entity"
    assert refusal(Writer(kit, entity="bob"), NotFound) == "entity"
    assert kit.meta.projects(["ada", "bob"]) == []


def test_a_key_that_only_reads_cannot_open(kit: Kit) -> None:
    reader = kit.principal("ada", "read")
    writer = Writer(kit)
    with pytest.raises(Forbidden):
        writer.send(writer.start(), reader)
    assert kit.meta.projects(["ada"]) == []


@pytest.mark.parametrize("project", ["a/b", "", "x" * 129, "api", "a%b"])
def test_a_bad_project_name_is_refused(kit: Kit, project: str) -> None:
    """I-14."""
    assert refusal(Writer(kit, project=project), Invalid) == "name"


def test_a_bad_run_id_is_refused(kit: Kit) -> None:
    """I-20."""
    assert refusal(Writer(kit, run="a/b"), Invalid) == "name"


def test_a_stream_begins_with_its_own_open(kit: Kit) -> None:
    writer = Writer(kit)
    with pytest.raises(Invalid):
        writer.send(writer.records(Config(set={"a": 1})))
    one, other = Writer(kit), Writer(kit)
    body = other.start()
    one.id, one.open = one.id, other.open
    with pytest.raises(Invalid):
        one.send(body)
    late = Writer(kit)
    late.next = 5
    with pytest.raises(Gap) as caught:
        late.send(late.rows(range(3)))
    assert caught.value.extra["next"] == 0
    with pytest.raises(Gap):
        late.send(b"")  # a sign of life of an unknown stream


def test_an_id_again_without_resume_is_a_new_attempt(kit: Kit) -> None:
    """design §3 init 7: a new run is started, and the earlier attempt stays readable."""
    finished(kit, name="first", tags=["old"])
    second = Writer(kit, name="second")
    opened = second.send(second.start() + second.rows(range(5))).opened
    assert opened is not None
    assert (opened.attempt, opened.is_resumed, opened.before.next_step) == (2, False, 0)
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert kit.meta.counted(project).runs == 1
    assert (run.name, run.ordinal, run.rows, run.tags) == ("second", 2, 5, ())
    attempts = kit.runs.attempts(run)
    assert [(a.ordinal, a.state, a.rows) for a in attempts] == [
        (1, "finished", 3),
        (2, "running", 5),
    ]
    assert kit.runs.state(run, 1).name == "first"
    assert kit.runs.ranges(run, "history", 1) != kit.runs.ranges(run, "history")
    [span] = kit.runs.ranges(run, "history", 1)
    assert len(kit.series.scan(project.number, span)[0]) == 3


def test_a_late_record_of_an_earlier_attempt_stays_there(kit: Kit) -> None:
    first = finished(kit)
    second = Writer(kit)
    second.send(second.start() + second.rows(range(5)))
    first.send(first.records(Config(set={"late": 1})) + first.rows(range(3, 9)))
    kit.folds.save_all()
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    stored = kit.meta.run(1, "r1")
    assert stored is not None and stored.rows == run.rows == 5
    assert "late" not in run.config and "late" not in stored.config
    assert kit.runs.state(run, 1).config == {"late": 1}


@pytest.mark.parametrize("resume", ["allow", "must", "auto"])
def test_resume_goes_on_in_the_same_attempt(kit: Kit, resume: str) -> None:
    writer = Writer(kit, name="first", notes="n", tags=["a"], group="g", job_type="j")
    writer.send(writer.start() + writer.rows(range(3)))
    writer.send(
        writer.records(
            Config(set={"lr": 1}),
            Summary(set={"best": 2}),
            Finish(exit_code=1, time_us=kit.now_us, runtime_us=9),
        )
    )
    again = Writer(kit, resume=resume, pid=8)
    body = again.start()
    for _ in range(2):  # the answer is the same when the first got lost
        opened = again.send(body).opened
        assert opened is not None
        assert (opened.attempt, opened.is_resumed, opened.name) == (1, True, "first")
        before = opened.before
        assert (before.next_step, before.config, before.summary["best"]) == (3, {"lr": 1}, 2)
        assert (before.tags, before.notes, before.group, before.job_type) == (["a"], "n", "g", "j")
    again.send(again.rows(range(3, 5)))
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert (run.state, run.rows, run.ordinal, run.exit_code) == ("running", 5, 1, None)
    [span] = kit.runs.ranges(run, "history")
    found, _ = kit.series.scan(project.number, span)
    assert [row.step for _, row in found] == [0, 1, 2, 3, 4]


def test_resume_must_needs_a_run_and_never_none(kit: Kit) -> None:
    assert refusal(Writer(kit, resume="must"), NotFound) == "absent"
    finished(kit)
    assert refusal(Writer(kit, resume="never"), Conflict) == "exists"
    fresh = Writer(kit, "r2", resume="never")
    assert fresh.send(fresh.start()).next == 2


def test_a_run_that_is_alive_elsewhere_is_not_taken_over(kit: Kit) -> None:
    """design §3 init 7: naming host and pid."""
    writer = Writer(kit)
    writer.send(writer.start())
    for resume in (None, "allow", "must"):
        intruder = Writer(kit, resume=resume, pid=8)
        with pytest.raises(Conflict) as caught:
            intruder.send(intruder.start())
        assert caught.value.extra == {"code": "alive", "host": "lab", "pid": 7}
    kit.now_us += ALIVE_US + 1  # …unless it was not heard of
    later = Writer(kit, resume="allow", pid=8)
    assert later.send(later.start()).opened is not None


def test_a_run_that_ended_may_be_taken_up_at_once(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    uploader = Writer(kit, role="uploader", writer=writer.id)
    end = End(state="killed", cause="signal 9", time_us=kit.now_us)
    uploader.send(uploader.start() + uploader.records(end))
    again = Writer(kit, pid=8, resume="auto")
    opened = again.send(again.start()).opened
    assert opened is not None and opened.is_resumed


def test_the_same_process_may_open_its_run_again(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    again = Writer(kit, resume="allow")
    assert again.send(again.start()).next == 2


def test_a_second_writer_that_is_not_primary_joins(kit: Kit) -> None:
    """reliability 2.5: all rows of all writers are kept."""
    writer, other = Writer(kit), Writer(kit, pid=8, primary=False)
    writer.send(writer.start() + writer.rows(range(3)))
    other.send(other.start() + other.rows(range(3)))
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    [span] = kit.runs.ranges(run, "history")
    assert len(kit.series.scan(project.number, span)[0]) == 6


def test_the_id_of_a_deleted_run_stays_taken(kit: Kit) -> None:
    """I-21."""
    writer = finished(kit)
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    kit.trash.delete([run], "ada")
    with pytest.raises(NotFound):
        kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert refusal(Writer(kit), Conflict) == "deleted"
    assert refusal(Writer(kit, resume="allow"), Conflict) == "deleted"
    with pytest.raises(Conflict) as caught:
        writer.send(writer.rows([9]))
    assert caught.value.extra["code"] == "deleted"
    again = kit.again()
    writer.kit = again
    with pytest.raises(Conflict):  # also after a restart
        writer.send(b"")
    again.close()


def test_an_uploader_needs_its_writer(kit: Kit) -> None:
    writer = Writer(kit)
    uploader = Writer(kit, role="uploader", writer=writer.id)
    body = uploader.start("cpu")
    with pytest.raises(Conflict) as caught:
        uploader.send(body)
    assert caught.value.extra["code"] == "writer"
    writer.send(writer.start())
    opened = uploader.send(body).opened
    assert opened is not None and not opened.is_resumed
    assert kit.meta.streams_of(1)[1].segment == 2


def test_streams_of_others_are_not_there(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    bob = kit.principal("bob")
    with pytest.raises(NotFound):
        writer.send(writer.rows([1]), bob)
    assert (kit.ingest.next(writer.id, kit.ada), kit.ingest.next(writer.id, bob)) == (2, 0)
    spy = Writer(kit, role="uploader", writer=writer.id)
    with pytest.raises(NotFound):
        spy.send(spy.start(), bob)


def test_edits_by_hand_outlive_restart_and_later_records(kit: Kit) -> None:
    writer = Writer(kit, name="first")
    writer.send(writer.start())
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    kit.edits.edit(run, Changes(Edit(name="better", tags=["x"], notes="why"), 5))
    again = kit.again()
    writer.kit = again
    writer.send(writer.records(Alert(title="t", text="x", level="INFO", time_us=1)))
    _, found = again.runs.find(again.ada, "ada", "digits", "r1")
    assert (found.name, found.tags, found.notes, found.color) == ("better", ("x",), "why", 5)
    writer.send(writer.records(Describe(name="by the script")))
    assert again.runs.find(again.ada, "ada", "digits", "r1")[1].name == "by the script"
    again.close()


def test_a_new_run_costs_one_commit_and_few_questions(kit: Kit) -> None:
    """Each is a round trip to the disk or the database on the way of the first answer."""
    first = Writer(kit, run="r0")
    first.send(first.start())
    begun: list[str] = []

    def count(connection: Connection) -> None:
        begun.append(str(connection.engine.pool.size()))

    event.listen(Engine, "begin", count)
    try:
        writer = Writer(kit, run="r1")
        writer.send(writer.start() + writer.rows([0]))
    finally:
        event.remove(Engine, "begin", count)
    assert begun.count("1") == 1  # the pool of the writing connection
    assert len(begun) <= 8
