"""Edits by people: they win over what a script said before, and survive what happens to a server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiseki.core import edits as module
from kiseki.core.edits import Changes
from kiseki.errors import Conflict, Invalid, NotFound
from kiseki.record.fold import Edit
from kiseki.record.types import Alert, Describe, Record
from kiseki.storage.interface import Run
from tests.unit.core.kit import Kit, Writer


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    made = Kit(tmp_path)
    yield made
    made.close()


def show(kit: Kit, id: str = "r1") -> Run:
    return kit.runs.find(kit.ada, "ada", "digits", id)[1]


def edit(kit: Kit, id: str = "r1", **changes: Any) -> Run:
    color = changes.pop("color", None)
    kit.edits.edit(show(kit, id), Changes(Edit(**changes), color))
    return show(kit, id)


def leave(kit: Kit) -> None:
    """Let every attempt leave memory."""
    kit.folds.save_all(close=True)


def test_an_edit_wins_until_the_script_says_something_new(kit: Kit) -> None:
    writer = Writer(kit, name="n", notes="why", group="g")
    writer.send(writer.start())
    edit(kit, name="better", notes="", group="h", job_type="eval")
    writer.send(writer.records(Describe(name="n", notes="why", group="g")))  # said again
    run = show(kit)
    assert (run.name, run.notes, run.group, run.job_type) == ("better", "", "h", "eval")
    again = Writer(kit, name="n", group="g", resume="allow")  # …as a resumed script does
    again.send(again.start())
    assert (show(kit).name, show(kit).group) == ("better", "h")
    again.send(again.records(Describe(name="scripted")))
    assert (show(kit).name, show(kit).group) == ("scripted", "h")
    again.send(again.records(Describe(name="n")))
    assert show(kit).name == "n"


def test_tags_are_merged_not_replaced(kit: Kit) -> None:
    writer = Writer(kit, tags=["a", "b"])
    writer.send(writer.start())
    assert edit(kit, tags_add=["x", "x", "y"], tags_remove=["a"]).tags == ("b", "x", "y")
    writer.send(writer.records(Describe(tags=["a", "b", "best"])))  # `run.tags += ("best",)`
    assert show(kit).tags == ("b", "x", "y", "best")
    writer.send(writer.records(Describe(tags=["best"])))
    assert show(kit).tags == ("x", "y", "best")
    assert edit(kit, tags=["only"], tags_add=["z"]).tags == ("only", "z")


@pytest.mark.parametrize("where", ["memory", "store"])
def test_edits_are_there_after_a_kill(kit: Kit, where: str) -> None:
    writer = Writer(kit, name="n", tags=["a"])
    writer.send(writer.start() + writer.rows(range(3)))
    if where == "store":
        leave(kit)
    run = edit(kit, name="better", tags_add=["x"], color=7)
    assert (run.name, run.tags, run.color, run.rows) == ("better", ("a", "x"), 7, 3)
    again = writer.kit = kit.again()
    assert (show(again).name, again.runs.state(show(again)).name) == ("better", "better")
    writer.send(writer.records(Describe(name="n", tags=["a", "b"])) + writer.rows([3]))
    run = show(again)
    assert (run.name, run.tags, run.rows) == ("better", ("a", "x", "b"), 4)
    writer.send(writer.records(Describe(name="scripted")))
    leave(again)
    # What was folded is not applied once more.
    assert show(again).name == "scripted" == again.runs.state(show(again)).name
    again.close()


OPS = st.lists(
    st.one_of(
        st.sampled_from(["leave", "kill", "save"]),
        st.tuples(st.sampled_from("abc"), st.booleans()),
        st.sampled_from(["n1", "n2"]),
        st.lists(st.sampled_from("abcd"), unique=True, max_size=3),
    ),
    max_size=30,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(OPS)
def test_wherever_an_attempt_is_edits_give_the_same(actions: list[Any]) -> None:
    """Property: whether attempts are in memory, saved, or lost with a process makes no difference."""
    kit = Kit(Path(tempfile.mkdtemp()))
    writer = Writer(kit, name="n0", tags=["a"])
    writer.send(writer.start())
    name, said, tags = "n0", ["a"], ["a"]
    for action in actions:
        if action == "leave":
            leave(kit)
        elif action == "save":
            kit.folds.save_all()
        elif action == "kill":
            kit = writer.kit = kit.again()
        elif isinstance(action, tuple):
            tag, is_added = action
            edit(kit, **{"tags_add" if is_added else "tags_remove": [tag]})
            tags = (
                [t for t in tags if t != tag] if not is_added else list(dict.fromkeys([*tags, tag]))
            )
        elif isinstance(action, str):
            edit(kit, name=action)
            name = action
        else:  # the script
            writer.send(writer.records(Describe(tags=action)))
            added = [t for t in action if t not in said]
            gone = [t for t in said if t not in action]
            tags = [t for t in dict.fromkeys([*tags, *added]) if t not in gone]
            said = action
        run = show(kit)
        assert (run.name, set(run.tags)) == (name, set(tags)), action
        stored = kit.meta.run(run.project, "r1")
        if action in ("leave", "save"):
            assert stored is not None and set(stored.tags) == set(tags)
    kit.close()


def test_two_people_do_not_lose_each_others_tags(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    leave(kit)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: edit(kit, tags_add=[f"t{n}"]), range(40)))
    assert set(show(kit).tags) == {f"t{n}" for n in range(40)}
    part = kit.meta.part_of_many([show(kit).attempt], "edits")
    assert all(len(data) < 2_000 for data in part.values())  # folded now and then
    assert set(kit.runs.state(show(kit)).tags) == set(show(kit).tags)


def test_who_watches_is_told_of_every_edit(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    for is_loaded in (True, False):
        kit.folds.save_all(close=not is_loaded)
        mark = "loaded" if is_loaded else "saved"
        for values in (
            {"name": mark}, {"notes": mark}, {"tags_add": [mark]}, {"color": 5 + is_loaded},
            {"group": mark}, {"job_type": mark},
        ):  # fmt: skip
            kit.live.take()
            edit(kit, **values)
            told = kit.live.take()
            assert {c.run for c in told} == {"r1"}, (is_loaded, values)
            assert all("state" in c.parts for c in told)


def many(kit: Kit, count: int) -> None:
    for n in range(count):
        writer = Writer(kit, f"r{n}", tags=["even"] if n % 2 == 0 else [], group=f"g{n % 3}")
        writer.send(writer.start())


def test_many_are_changed_and_taken_back(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP", 4)
    many(kit, 12)
    leave(kit)
    writer = Writer(kit, "r0", resume="allow")
    writer.send(writer.start())  # one is in memory
    edits = kit.edits
    project = kit.projects.find(kit.ada, "ada", "digits")
    before = {f"r{n}": show(kit, f"r{n}") for n in range(12)}
    chosen = edits.choose(project, "ada", None, "tags:even")
    changes = Changes(Edit(tags_add=["new"], tags_remove=["even"], group="all"), 3)
    done = edits.edit_many(kit.ada, chosen, changes)
    assert (done.matching, done.changed) == (6, 6)
    for n in range(12):
        run = show(kit, f"r{n}")
        wanted = (("new",), "all", 3) if n % 2 == 0 else ((), f"g{n % 3}", before[run.id].color)
        assert (run.tags, run.group, run.color) == wanted
    assert (
        edits.edit_many(kit.ada, edits.choose(project, "ada", ["r0"], None), changes).changed == 0
    )
    edit(kit, "r2", group="since then")
    with pytest.raises(NotFound):
        edits.undo(kit.principal("bob"), project, done.undo)
    back = edits.undo(kit.ada, project, done.undo)
    assert (back.matching, back.changed) == (6, 5)
    for id, run in before.items():
        now = show(kit, id)
        if id != "r2":
            assert (now.tags, now.group, now.color) == (run.tags, run.group, run.color)
    assert show(kit, "r2").group == "since then"
    with pytest.raises(NotFound):
        edits.undo(kit.ada, project, done.undo)


def test_many_are_deleted_and_stopped(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP", 4)
    monkeypatch.setattr(module, "SINGLY_MAX", 3)
    many(kit, 9)
    kit.folds.save_all()
    edits = kit.edits
    project = kit.projects.find(kit.ada, "ada", "digits")

    def chosen(filter: str) -> Any:
        return edits.choose(project, "ada", None, filter)

    assert edits.stop_many(chosen("group:g1")).changed == 3
    stopped = {run.id for run in kit.meta.find_runs(project.number)[2] if run.stop_us}
    assert stopped == {"r1", "r4", "r7"}
    with pytest.raises(Conflict, match="9 runs match, and not 8"):
        edits.delete_many(kit.ada, chosen(""), 8)
    kit.live.take()
    gone = edits.delete_many(kit.ada, chosen("tags:even"), 5)
    assert (gone.changed, kit.meta.find_runs(project.number)[0]) == (5, 4)
    assert kit.live.take() == []  # one coarse message instead, which `Live` gives
    assert edits.undo(kit.ada, project, gone.undo).changed == 5
    assert kit.meta.find_runs(project.number)[0] == 9
    actions = [entry.action for entry in kit.meta.audit(None, 10)]
    assert actions[:2] == ["runs-restored", "runs-deleted"]


def test_choices_have_bounds(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    many(kit, 3)
    edits = kit.edits
    project = kit.projects.find(kit.ada, "ada", "digits")
    for ids, filter in ((None, None), (["r1"], "x")):
        with pytest.raises(Invalid, match="either"):
            edits.choose(project, "ada", ids, filter)
    with pytest.raises(NotFound):
        edits.choose(project, "ada", ["r1", "r9"], None)
    monkeypatch.setattr(module, "RUNS_MAX", 2)
    monkeypatch.setattr(module, "IDS_MAX", 2)
    for ids, filter in ((None, ""), (["r0", "r1", "r2"], None)):
        with pytest.raises(Invalid):
            edits.choose(project, "ada", ids, filter)
    for bad in (
        Changes(Edit(name=" ")), Changes(Edit(group="x" * 513)), Changes(Edit(tags_add=[""])),
        Changes(Edit(tags_remove=["x" * 65])), Changes(Edit(), -1), Changes(Edit(notes="x" * 100_001)),
        Changes(Edit(tags=["t"] * 1_001)),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            edits.edit(show(kit), bad)


def test_alerts_are_listed_once(kit: Kit) -> None:
    def alert(title: str) -> Record:
        return Alert(title=title, text="t", level="WARN", time_us=kit.now_us, step=3)

    writer = Writer(kit)
    writer.send(writer.start() + writer.records(alert("one")))
    kit.folds.save_all()
    writer.send(writer.records(alert("two")))
    kit = writer.kit = kit.again()
    leave(kit)
    writer.send(writer.records(alert("three")))
    kit.folds.save_all()
    project = show(kit).project
    found = kit.meta.alerts([project])
    assert [entry.title for entry in found] == ["three", "two", "one"]
    assert (found[0].run, found[0].entity, found[0].step) == ("r1", "ada", 3)
    assert [e.title for e in kit.meta.alerts([project], user="ada", limit=1)] == ["three"]
    assert kit.meta.alerts([project], user="bob") == []
    assert kit.meta.alerts([]) == []
    kit.trash.delete([show(kit)], "ada")
    assert kit.meta.alerts([project]) == []
    kit.close()
