"""Edits over HTTP: one run, many runs, taken back, and by whom."""

from __future__ import annotations

import pytest

from tests.unit.server.asgi import Door
from tests.unit.server.people import Person, invited, open_run, operator, refusal

LAB = "/api/v1/projects/lab/digits"


@pytest.fixture
def people(door: Door) -> dict[str, Person]:
    ada = operator(door)
    ada.post("/api/v1/teams", {"team": "lab"})
    found = {"ada": ada}
    for name, role in {"bob": "member", "carl": "member", "eve": "viewer"}.items():
        found[name] = invited(door, ada, name, "lab", role=role)
    for name, run in (("bob", "r1"), ("bob", "r2"), ("carl", "r3")):
        assert open_run(found[name].by_key(), run=run, entity="lab")[0] == 200
    door.core.folds.save_all()
    return found


def test_one_run(people: dict[str, Person]) -> None:
    bob, carl = people["bob"], people["carl"]
    path = f"{LAB}/runs/r1"
    bob.ask("PATCH", path, {"tags_add": ["a"], "group": "g", "job_type": "eval"})
    run = carl.ask("PATCH", path, {"tags_add": ["b"], "tags_remove": ["zz"]}).json
    assert (run["tags"], run["group"], run["job_type"]) == (["a", "b"], "g", "eval")
    assert refusal(people["eve"].ask("PATCH", path, {"tags_add": ["c"]})) == (403, "role")
    assert refusal(bob.ask("PATCH", path, {"group": "x" * 513})) == (400, "group")
    listed = bob.get(f"{LAB}/runs?filter=group:g")["runs"]
    assert [run["id"] for run in listed] == ["r1"]


def test_many_runs(people: dict[str, Person]) -> None:
    bob, carl, eve = people["bob"], people["carl"], people["eve"]
    edit = f"{LAB}/runs/edit"
    done = bob.post(edit, {"filter": "user:me", "tags_add": ["x"], "color": 9}, 200)
    assert (done["matching"], done["changed"]) == (2, 2)
    assert {run["id"] for run in eve.get(f"{LAB}/runs?filter=tags:x")["runs"]} == {"r1", "r2"}
    assert bob.post(edit, {"runs": ["r1"], "tags_add": ["x"]}, 200) == {
        "matching": 1, "changed": 0, "undo": "",
    }  # fmt: skip
    undo = f"{edit}/{done['undo']}/undo"
    assert carl.try_post(undo) == (404, "absent")
    assert bob.post(undo, None, 200)["changed"] == 2
    assert bob.try_post(undo) == (404, "absent")
    assert bob.get(f"{LAB}/runs?filter=tags:x")["matching"] == 0
    for body, wanted in (
        ({"tags_add": ["x"]}, (400, "runs")), ({"filter": "", "runs": []}, (400, "runs")),
        ({"runs": ["r9"], "group": "g"}, (404, "absent")), ({"filter": "lr>>"}, (400, "filter")),
        ({"filter": "", "name": "same"}, (400, "body")), ({"filter": "", "tags_add": [""]}, (400, "tags")),
    ):  # fmt: skip
        assert bob.try_post(edit, body) == wanted, body
    for path, body in (("edit", {"filter": ""}), ("stop", {"filter": ""}),
                       ("delete-matching", {"filter": ""})):  # fmt: skip
        assert eve.try_post(f"{LAB}/runs/{path}", body) == (403, "role")
    assert bob.post(f"{LAB}/runs/stop", {"runs": ["r1", "r3"]}, 200)["changed"] == 2
    delete = f"{LAB}/runs/delete-matching"
    assert bob.try_post(delete, {"filter": ""}) == (403, "role")  # r3 is carl's
    assert bob.get(f"{LAB}/runs")["total"] == 3
    gone = bob.post(delete, {"filter": "user:me", "expected": 2}, 200)
    assert (gone["changed"], bob.get(f"{LAB}/runs")["total"]) == (2, 1)
    assert bob.post(f"{edit}/{gone['undo']}/undo", None, 200)["changed"] == 2
    assert bob.get(f"{LAB}/runs")["total"] == 3
