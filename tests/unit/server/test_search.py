"""Search across projects and alerts of one's own runs: what is found, its bounds, its walls."""

from __future__ import annotations

import uuid

import pytest

from kiseki.core import search
from kiseki.record.types import Alert
from tests.unit.server.asgi import Door
from tests.unit.server.people import Person, invited, open_run, operator, refusal
from tests.unit.server.test_api import frames, opening


def found(who: Person, text: str, **options: int) -> tuple[list[str], list[str], bool]:
    rest = "".join(f"&{name}={value}" for name, value in options.items())
    answer = who.get(f"/api/v1/search?q={text}{rest}")
    projects = [f"{one['entity']}/{one['project']}" for one in answer["projects"]]
    return projects, sorted(run["id"] for run in answer["runs"]), answer["complete"]


def alert(who: Person, run: str, *titles: str, project: str = "digits") -> None:
    stream = uuid.uuid4().hex
    items = [
        Alert(title=title, text="x", level="WARN", time_us=i + 1, step=i)
        for i, title in enumerate(titles)
    ]
    body = frames(*opening(stream, project=project, run=run), *items)
    assert who.send(f"/api/v1/streams/{stream}/records", body).status == 200


def test_every_word_is_found_in_names_ids_and_tags(door: Door) -> None:
    ada = operator(door)
    open_run(ada, "vision", run="resnet-1")
    open_run(ada, "vision", run="resnet-2")
    open_run(ada, "speech", run="conformer")
    ada.ask("PATCH", "/api/v1/projects/ada/speech/runs/conformer", {"tags": ["resnet-like"]})
    assert found(ada, "RESNET") == ([], ["conformer", "resnet-1", "resnet-2"], True)
    assert found(ada, "resnet%202") == ([], ["resnet-2"], True)
    assert found(ada, "sion") == (["ada/vision"], [], True)
    assert found(ada, "a/s")[0] == ["ada/speech"]
    assert found(ada, "100%25_") == ([], [], True)  # a text, not a pattern
    _, runs, is_complete = found(ada, "resnet", limit=1)
    assert (len(runs), is_complete) == (1, False)


def test_what_is_asked_is_bounded(door: Door) -> None:
    ada = operator(door)
    for query in (
        "",
        "?q=%20",
        f"?q={'a' * (search.TEXT_CHARS_MAX + 1)}",
    ):
        assert refusal(ada.ask("GET", f"/api/v1/search{query}")) == (400, "text")
    for limit in (0, search.FOUND_MAX + 1):
        assert refusal(ada.ask("GET", f"/api/v1/search?q=a&limit={limit}")) == (400, "page")
        assert refusal(ada.ask("GET", f"/api/v1/alerts?limit={limit}")) == (400, "page")
    assert Person(door).ask("GET", "/api/v1/search?q=a").status == 401
    assert Person(door).ask("GET", "/api/v1/alerts").status == 401


def test_only_what_one_may_see_is_found(door: Door) -> None:
    ada = operator(door)
    bob, carl = invited(door, ada, "bob"), invited(door, ada, "carl")
    bob.post("/api/v1/teams", {"team": "lab"})
    carl.post("/api/v1/teams", {"team": "other"})
    open_run(bob, entity="lab", run="secret-1")
    open_run(bob, "own", run="secret-2")
    open_run(carl, entity="other", run="open-1")
    for text in ("secret", "lab", "bob", "s", "own"):
        projects, runs, _ = found(carl, text)
        assert not [name for name in projects if name.startswith(("lab", "bob"))]
        assert not [run for run in runs if run.startswith("secret")]
    assert found(bob, "secret")[1] == ["secret-1", "secret-2"]
    # A key that is bound to one project finds in that one.
    key = bob.by_key(scopes=["read"], project="bob/own")
    assert found(key, "secret") == ([], ["secret-2"], True)
    assert found(key, "lab") == ([], [], True)
    # Who leaves finds no more; nor does anybody what was deleted.
    bob.ask("DELETE", "/api/v1/projects/bob/own/runs/secret-2")
    assert found(bob, "secret")[1] == ["secret-1"]


def test_alerts_are_those_of_ones_own_runs_latest_first(door: Door) -> None:
    ada = operator(door)
    bob = invited(door, ada, "bob")
    alert(ada, "r1", "first", "third")
    alert(bob, "r2", "anothers")
    door.core.folds.save_all()  # a second later at most
    told = ada.get("/api/v1/alerts")["alerts"]
    assert [(one["title"], one["run"], one["step"]) for one in told] == [
        ("third", "r1", 1),
        ("first", "r1", 0),
    ]
    assert [one["title"] for one in ada.get("/api/v1/alerts?limit=1")["alerts"]] == ["third"]
    assert [one["title"] for one in bob.get("/api/v1/alerts")["alerts"]] == ["anothers"]


def test_it_says_when_projects_were_not_looked_through(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = operator(door)
    for number in range(3):
        open_run(ada, f"p{number}", run="needle")
    assert found(ada, "needle") == ([], ["needle"] * 3, True)
    monkeypatch.setattr(search, "PROJECTS_MAX", 2)
    assert found(ada, "needle") == ([], ["needle"] * 2, False)
