"""The trash over HTTP: rights, many runs at once, the audit log (reliability 5.12, I-21)."""

from __future__ import annotations

import pytest

from tests.unit.server.asgi import Door
from tests.unit.server.people import Person, invited, open_run, operator

LAB = "/api/v1/projects/lab/digits"


@pytest.fixture
def people(door: Door) -> dict[str, Person]:
    """The team `lab` with an admin, two members and a viewer; `bob` started r1 and r2, `carl` r3."""
    ada = operator(door)
    ada.post("/api/v1/teams", {"team": "lab"})
    roles = {"bob": "member", "carl": "member", "eve": "viewer", "dora": "admin"}
    found = {"ada": ada}
    for name, role in roles.items():
        found[name] = invited(door, ada, name, "lab", role=role)
    for name, run in (("bob", "r1"), ("bob", "r2"), ("carl", "r3")):
        open_run(found[name].by_key(), run=run, entity="lab", project="digits")
    return found


def ids(person: Person, what: str = "runs") -> set[str]:
    return {run["id"] for run in person.get(f"{LAB}/{what}")["runs"]}


def test_many_go_and_come_back_at_once(people: dict[str, Person]) -> None:
    bob = people["bob"]
    gone = bob.post(f"{LAB}/runs/delete", {"runs": ["r2", "r1", "r2"]}, 200)
    assert gone == {"runs": ["r2", "r1"]}
    assert bob.post(f"{LAB}/runs/delete", {"runs": ["r1"]}, 200) == {"runs": []}
    assert ids(bob) == {"r3"} and ids(bob, "trash") == {"r1", "r2"}
    trash = people["carl"].get(f"{LAB}/trash?limit=1")
    (first,) = trash["runs"]
    assert (trash["total"], first["deleted_by"], first["restorable"]) == (2, "bob", False)
    assert first["until_us"] - first["deleted_us"] == 7 * 24 * 3600 * 1_000_000
    assert bob.post(f"{LAB}/runs/r1/restore", None, 204) is None
    assert people["dora"].post(f"{LAB}/runs/restore", {"runs": ["r1", "r2"]}, 200) == {
        "runs": ["r2"]
    }
    assert ids(bob) == {"r1", "r2", "r3"}
    log = people["ada"].get("/api/v1/audit")["entries"]
    told = [(entry["user"], entry["action"], entry["object"]) for entry in log[:4]]
    assert told == [
        ("dora", "run-restored", "lab/digits/r2"),
        ("bob", "run-restored", "lab/digits/r1"),
        ("bob", "run-deleted", "lab/digits/r1"),
        ("bob", "run-deleted", "lab/digits/r2"),
    ]


def test_all_or_none(people: dict[str, Person]) -> None:
    bob = people["bob"]
    assert bob.try_post(f"{LAB}/runs/delete", {"runs": ["r1", "r3"]}) == (403, "role")
    assert bob.try_post(f"{LAB}/runs/delete", {"runs": ["r1", "r9"]}) == (404, "absent")
    many = [f"r{n}" for n in range(1_001)]
    assert bob.try_post(f"{LAB}/runs/delete", {"runs": many}) == (400, "runs")
    assert ids(bob) == {"r1", "r2", "r3"} and ids(bob, "trash") == set()


def test_viewers_and_strangers_see_nothing_of_it(door: Door, people: dict[str, Person]) -> None:
    people["dora"].post(f"{LAB}/runs/delete", {"runs": ["r1"]}, 200)
    eve, stranger = people["eve"], invited(door, people["ada"], "mallory")
    for person, wanted in ((eve, (403, "role")), (stranger, (404, "absent"))):
        answer = person.ask("GET", f"{LAB}/trash")
        assert (answer.status, answer.json["code"]) == wanted
        for path in ("runs/delete", "runs/restore"):
            assert person.try_post(f"{LAB}/{path}", {"runs": ["r1"]}) == wanted
        assert person.try_post(f"{LAB}/runs/r1/restore") == wanted
    assert people["bob"].try_post(f"{LAB}/runs/r9/restore") == (404, "absent")
