"""The trash: restored within a week, purged afterwards; what others hang on stays (I-21)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kiseki.core.folds import SILENCE_US
from kiseki.core.trash import KEPT_US, PAGE_MAX, RUNS_MAX
from kiseki.errors import Conflict, Invalid, NotFound
from kiseki.record import codec
from kiseki.record.types import Config, Describe, File
from kiseki.storage.interface import Range, Run
from tests.unit.core.kit import Kit, Writer


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    yield kit
    kit.close()


def run_of(kit: Kit, id: str) -> Run:
    return kit.runs.find(kit.ada, "ada", "digits", id)[1]


def keep(kit: Kit, text: str) -> File:
    """Bring content to the project; return the record that names it."""
    content = text.encode()
    project = kit.projects.make(kit.ada, "ada", "digits")
    (digest,) = kit.files.keep_all(project, [content])
    return File(path=text, policy="now", size=len(content), sha256=digest, time_us=1)


def logged(kit: Kit, id: str, *records: Any, rows: int = 6, **options: Any) -> Writer:
    writer = Writer(kit, id, **options)
    writer.send(writer.start() + writer.records(*records) + writer.rows(range(rows)))
    return writer


def fork(kit: Kit, id: str, parent: str, step: int, rows: range) -> Writer:
    writer = Writer(kit, id, parent_run=parent, parent_step=step)
    writer.send(writer.start() + writer.rows(rows))
    return writer


def losses(kit: Kit, id: str) -> list[float]:
    run = run_of(kit, id)
    ranges = kit.runs.ranges(run, "history")
    return [v for part in kit.series.points(run.project, "loss", ranges) for v in part.values]


def expire(kit: Kit) -> None:
    """Let a week go by, and a minute: contents are noted with the time of the machine."""
    kit.folds.save_all()
    kit.now_us += KEPT_US + 60 * 1_000_000


def purge(kit: Kit) -> int:
    return sum(1 for _ in kit.trash.purge())


def stored(kit: Kit, record: File) -> bool:
    return kit.blobs.size(record.sha256) is not None


def test_a_restored_run_is_as_it_was_and_takes_records_again(kit: Kit) -> None:
    writer = logged(kit, "r1", Config(set={"lr": 0.1}), Describe(tags=["kept"]))
    kit.folds.save_all()
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    kit.live.take()
    assert [one.id for one in kit.trash.delete([run], "ada")] == ["r1"]
    assert kit.trash.delete([run], "bob") == []  # it is there already, by whom it was put
    (told,) = kit.live.take()
    assert told.is_gone
    total, [trashed] = kit.trash.list(project)
    assert (total, trashed.id, trashed.deleted_by) == (1, "r1", "ada")
    with pytest.raises(Conflict) as refused:
        writer.send(writer.rows([6]))
    assert refused.value.extra["code"] == "deleted"
    writer.next -= 1
    kit.now_us += KEPT_US - 1
    assert purge(kit) == 0
    assert [one.id for one in kit.trash.restore([trashed])] == ["r1"]
    (told,) = kit.live.take()
    assert told.is_new and "history" in told.parts
    assert kit.trash.list(project) == (0, [])
    writer.send(writer.rows([6]))
    again = run_of(kit, "r1")
    assert (again.rows, again.tags, again.config, again.deleted_by) == (
        7,
        ("kept",),
        {"lr": 0.1},
        "",
    )


def test_what_comes_once_is_taken_until_the_purge(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = logged(kit, "r1")
    kit.folds.save_all()
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    kit.trash.delete([run], "ada")
    kit.live.take()

    def send(step: int) -> None:
        body = codec.compress(writer.rows([step]))
        kit.ingest.submit(writer.id, body, kit.ada, in_trash=True).result(10)

    send(6)
    kit.folds.save_all()
    assert kit.live.take() == []  # who watches was told that it is gone
    kit.trash.restore(kit.trash.find(project, ["r1"]))
    (told,) = kit.live.take()
    assert (told.is_new, told.rows, told.state) == (True, 7, "running")
    assert losses(kit, "r1")[-1] == 6

    kit.trash.delete([run_of(kit, "r1")], "ada")
    expire(kit)
    real = kit.meta.purge

    def overtaken(*arguments: Any) -> bool:
        send(7)  # brings the run back into memory, just before it is blank
        return real(*arguments)

    monkeypatch.setattr(kit.meta, "purge", overtaken)
    blanking = kit.trash.purge()
    next(blanking)
    with pytest.raises(Conflict) as refused:
        send(8)
    assert refused.value.extra["code"] == "deleted"
    assert list(blanking)
    with pytest.raises(NotFound):
        kit.runs.find(kit.ada, "ada", "digits", "r1", in_trash=True)


def test_a_restored_run_that_fell_silent_has_crashed(kit: Kit) -> None:
    logged(kit, "r1")
    kit.folds.save_all()
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    kit.trash.delete([run], "ada")
    kit.now_us += SILENCE_US + 1
    assert kit.folds.reap() == 0
    kit.live.take()
    kit.trash.restore(kit.trash.find(project, ["r1"]))
    assert run_of(kit, "r1").state == "crashed"
    assert kit.live.take()[-1].state == "crashed"


def test_a_run_is_restored_within_a_week_only(kit: Kit) -> None:
    logged(kit, "r1")
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    kit.trash.delete([run], "ada")
    expire(kit)
    for _ in range(2):  # before it is purged, and afterwards
        with pytest.raises(Conflict) as refused:
            kit.trash.restore(kit.trash.find(project, ["r1"]))
        assert refused.value.extra["code"] == "purged"
        purge(kit)
    assert kit.trash.list(project) == (0, [])


def test_what_is_named_wrongly_changes_nothing(kit: Kit) -> None:
    logged(kit, "r1")
    project = kit.projects.find(kit.ada, "ada", "digits")
    with pytest.raises(NotFound, match="r2"):
        kit.trash.find(project, ["r1", "r2"])
    with pytest.raises(Invalid):
        kit.trash.find(project, [f"r{n}" for n in range(RUNS_MAX + 1)])
    assert len(kit.trash.find(project, ["r1", "r1"])) == 1
    assert kit.trash.list(project, -5, PAGE_MAX + 1) == (0, [])


def test_a_purged_run_leaves_its_id_and_nothing_else(kit: Kit) -> None:
    """I-21."""
    only, shared = keep(kit, "only.txt"), keep(kit, "shared.txt")
    writer = logged(kit, "r1", Config(set={"secret": "x"}), only, shared, notes="private", name="n")
    logged(kit, "r2", shared)
    run = run_of(kit, "r1")
    kit.trash.delete([run], "ada")
    expire(kit)
    purge(kit)
    left = kit.meta.run_by_number(run.number)
    assert left is not None and left.purged_us == kit.now_us
    assert (left.id, left.name, left.notes, left.config) == ("r1", "r1", "", {})
    assert kit.meta.attempts(run.number) == [] and kit.meta.stream(writer.id) is None
    assert [field.path for field in kit.meta.fields(run.project)] == ["summary.loss"]
    assert kit.series.rows(run.project, [run.history]).get(run.history, 0) == 0
    assert kit.series.cursor(run.project, writer.id) == 0
    assert not stored(kit, only) and stored(kit, shared)
    assert kit.meta.unnamed() == {}
    assert [entry.action for entry in kit.meta.audit(None, 1)] == ["run-purged"]
    assert losses(kit, "r2") == [0, 1, 2, 3, 4, 5]
    # Its writer is told so, wherever it goes on, and nobody else gets the id.
    for frames in (writer.rows([6]), Writer(kit, "r1").start()):
        with pytest.raises(Exception) as refused:
            writer.send(frames)
        assert refused.value.extra["code"] in ("gap", "stream", "open", "deleted")  # type: ignore[attr-defined]
    with pytest.raises(Conflict) as taken:
        other = Writer(kit, "r1")
        other.send(other.start())
    assert taken.value.extra["code"] == "deleted"
    assert purge(kit) == 0


def test_rows_that_others_hang_on_stay_until_these_are_gone(kit: Kit) -> None:
    """I-66: a fork keeps its whole history, with the media that its rows show."""
    digests = [hashlib.sha256(b"%d" % step).hexdigest()[:20] for step in range(6)]
    media = [keep(kit, f"media/images/loss_{step}_{digests[step]}.png") for step in (1, 5)]
    logged(kit, "parent", *media)
    fork(kit, "child", "parent", 3, range(4, 6))
    fork(kit, "grandchild", "child", 1, range(2, 4))
    parent, child = run_of(kit, "parent"), run_of(kit, "child")
    kit.trash.delete([parent], "ada")
    expire(kit)
    purge(kit)
    assert losses(kit, "child") == [0, 1, 2, 3, 4, 5] and losses(kit, "grandchild") == [0, 1, 2, 3]
    assert [stored(kit, one) for one in media] == [True, False]
    shown = [file for file in kit.files.list(run_of(kit, "child")) if file.stored]
    assert [file.path for file in shown] == [media[0].path]
    assert [piece.run_id for piece in kit.runs.pieces(run_of(kit, "child"))] == ["parent", "child"]
    kit.trash.delete([child], "ada")
    expire(kit)
    purge(kit)
    assert losses(kit, "grandchild") == [0, 1, 2, 3]
    kit.trash.delete([run_of(kit, "grandchild")], "ada")
    expire(kit)
    purge(kit)
    for run in (parent, child):
        assert kit.series.points(run.project, "loss", [Range(run.history)])[0].values.size == 0
        assert kit.meta.segments([run.history]) == {}
    assert not any(stored(kit, one) for one in media)


def test_a_run_in_the_trash_keeps_what_it_hangs_on(kit: Kit) -> None:
    logged(kit, "parent")
    fork(kit, "child", "parent", 3, range(4, 6))
    kit.trash.delete([run_of(kit, "parent")], "ada")
    kit.now_us += KEPT_US // 2
    kit.trash.delete([run_of(kit, "child")], "ada")
    kit.now_us += KEPT_US // 2 + 1
    purge(kit)
    project = kit.projects.find(kit.ada, "ada", "digits")
    kit.trash.restore(kit.trash.find(project, ["child"]))
    assert losses(kit, "child") == [0, 1, 2, 3, 4, 5]


def test_a_rewound_run_goes_with_all_its_attempts(kit: Kit) -> None:
    logged(kit, "r1")
    fork(kit, "r1", "r1", 2, range(3, 5))
    run = run_of(kit, "r1")
    segments = [attempt.history for attempt in kit.meta.attempts(run.number)]
    assert len(segments) == 2
    kit.trash.delete([run], "ada")
    expire(kit)
    purge(kit)
    assert kit.meta.segments(segments) == {} and kit.meta.attempts(run.number) == []


def test_content_that_somebody_was_promised_stays(kit: Kit) -> None:
    """Who was told that content is there does not bring it, and may name it later."""
    record = keep(kit, "data.bin")
    logged(kit, "r1", record)
    kit.trash.delete([run_of(kit, "r1")], "ada")
    expire(kit)
    # An uploader asks through the same door on this very day; the clock of the kit stands in the future.
    kit.meta.promise(run.project if (run := kit.meta.run(1, "r1")) else 0, [record.sha256],
                     kit.now_us, kit.now_us)  # fmt: skip
    purge(kit)
    assert stored(kit, record) and kit.meta.unnamed() == {1: [record.sha256]}
    logged(kit, "r2", record)
    kit.folds.save_all()
    kit.now_us += KEPT_US + 1
    purge(kit)
    assert stored(kit, record) and kit.meta.unnamed() == {}


def test_content_on_its_way_in_is_not_dropped(kit: Kit) -> None:
    record = keep(kit, "data.bin")
    kit.meta.drop_blobs(1, [record.sha256], kit.now_us * 2)
    with kit.files._keeping([record.sha256]):
        kit.files.drop_unheld(record.sha256)
        assert stored(kit, record)
    kit.files.drop_unheld(record.sha256)
    assert not stored(kit, record)


@pytest.mark.parametrize("kit_of", [Kit.again, lambda kit: kit])
def test_a_purge_that_was_stopped_goes_on(kit: Kit, kit_of: Callable[[Kit], Kit]) -> None:
    records = [keep(kit, f"{n}.txt") for n in range(2)]
    for index, record in enumerate(records):
        logged(kit, f"r{index}", record)
    project = kit.projects.find(kit.ada, "ada", "digits")
    kit.trash.delete(kit.trash.find(project, ["r0", "r1"]), "ada")
    expire(kit)
    steps = 0
    while (
        next(kit.trash.purge(), steps) is None and steps < 100
    ):  # one step each, in a round of its own
        steps += 1
        now = kit.now_us
        kit = kit_of(kit)
        kit.now_us = now
    purge(kit)
    assert not any(stored(kit, record) for record in records)
    assert kit.meta.unnamed() == {} and kit.meta.loose_segments(9) == []
