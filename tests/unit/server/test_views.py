"""Views over HTTP: whose they are, who is faster, what a document may be (ui-spec §2)."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from kiseki.core import views as core_views
from kiseki.server.api.events import messages
from tests.unit.server.asgi import Answer, Door
from tests.unit.server.people import Person, invited, open_run, operator, refusal

LAB = "/api/v1/projects/lab/digits"
VIEWS = f"{LAB}/views"
DEEP = '{"a":' * 5_000 + "1" + "}" * 5_000


@pytest.fixture
def people(door: Door) -> dict[str, Person]:
    """The team `lab`: bob and carl are members, eve is a viewer; mallory belongs to nobody."""
    ada = operator(door)
    ada.post("/api/v1/teams", {"team": "lab"})
    found = {"ada": ada, "mallory": invited(door, ada, "mallory")}
    for name, role in {"bob": "member", "carl": "member", "eve": "viewer"}.items():
        found[name] = invited(door, ada, name, "lab", role=role)
    assert open_run(found["bob"].by_key(), entity="lab")[0] == 200
    return found


def put(who: Person, slug: str, doc: Any, base: int, **more: Any) -> Answer:
    return who.ask("PUT", f"{VIEWS}/{slug}", {"doc": doc, "base_version": base, **more})


def patch(who: Person, slug: str, **changes: Any) -> Answer:
    return who.ask("PATCH", f"{VIEWS}/{slug}", changes)


def slugs(who: Person) -> list[str]:
    return [view["slug"] for view in who.get(VIEWS)["views"]]


def test_a_shared_view_is_everybodys(people: dict[str, Person]) -> None:
    bob, carl, eve = people["bob"], people["carl"], people["eve"]
    doc = {"version": 1, "b": 1, "a": [1.5, None, "π"], "big": 12345678901234567890}
    made = bob.post(VIEWS, {"name": " Loss & Accuracy ", "doc": doc, "shared": True})
    assert (made["slug"], made["name"]) == ("loss-accuracy", "Loss & Accuracy")
    assert (made["owner"], made["version"], made["default"]) == ("bob", 1, False)
    path = f"{VIEWS}/loss-accuracy"
    opened = eve.get(path)
    assert opened["doc"] == doc and list(opened["doc"]) == list(doc)  # as it was sent
    assert put(carl, "loss-accuracy", {"v": 2}, 1, name="Loss").json["version"] == 2
    slow = put(bob, "loss-accuracy", {"v": 3}, 1)
    assert refusal(slow) == (409, "edited") and slow.json["version"] == 2
    saved = put(bob, "loss-accuracy", {"v": 3}, 2).json
    assert (saved["version"], saved["name"], saved["edited_by"]) == (3, "Loss", "bob")
    listed = eve.get(f"{path}/versions")["versions"]
    assert [(item["version"], item["by"]) for item in listed] == [
        (3, "bob"),
        (2, "carl"),
        (1, "bob"),
    ]
    old = eve.get(f"{path}?version=1")
    assert (old["doc"], old["version"], old["latest"]) == (doc, 1, 3)
    assert refusal(eve.ask("GET", f"{path}?version=9")) == (404, "version")
    # Whoever may only read keeps what is their own, and changes nothing for others.
    assert refusal(put(eve, "loss-accuracy", {}, 3)) == (403, "role")
    assert refusal(patch(eve, "loss-accuracy", default=True)) == (403, "role")
    assert refusal(eve.ask("DELETE", path)) == (403, "role")
    assert eve.try_post(VIEWS, {"name": "x", "doc": {}, "shared": True}) == (403, "role")
    assert patch(carl, "loss-accuracy", default=True).json["default"] is True
    assert refusal(patch(carl, "loss-accuracy", shared=False)) == (403, "role")
    assert carl.ask("DELETE", path).status == 204
    assert slugs(eve) == [] and eve.ask("GET", path).status == 404
    assert refusal(put(bob, "loss-accuracy", {}, 3)) == (404, "absent")
    back = bob.post(f"{path}/restore", None, 200)
    assert (back["version"], back["default"]) == (3, False)
    assert eve.get(path)["doc"] == {"v": 3}
    actions = [e["action"] for e in people["ada"].get("/api/v1/audit")["entries"][:3]]
    assert actions == ["view-restored", "view-deleted", "view-shared"]


def test_what_is_not_shared_is_its_owners(people: dict[str, Person]) -> None:
    bob, carl, eve = people["bob"], people["carl"], people["eve"]
    eve.post(VIEWS, {"name": "Plan", "doc": {"of": "eve"}})
    assert put(eve, "mine", {"my": 1}, 0).json["version"] == 1
    assert put(eve, "mine", {"my": 2}, 1).json["version"] == 2
    assert slugs(eve) == ["mine", "plan"] and slugs(bob) == [] == slugs(people["ada"])
    for who in (bob, people["ada"]):
        for answer in (
            who.ask("GET", f"{VIEWS}/plan"), who.ask("GET", f"{VIEWS}/plan/versions"),
            put(who, "plan", {}, 1), patch(who, "plan", name="x"), who.ask("DELETE", f"{VIEWS}/plan"),
            who.ask("GET", f"{VIEWS}/mine"), who.ask("POST", f"{VIEWS}/plan/restore"),
        ):  # fmt: skip
            assert refusal(answer) == (404, "absent")
    assert refusal(patch(eve, "plan", shared=True)) == (403, "role")
    assert refusal(patch(eve, "mine", shared=True)) == (400, "mine")
    assert patch(eve, "mine", default=True).json["default"] is True
    bob.post(VIEWS, {"name": "Bob's", "doc": {}})
    assert patch(bob, "bob-s", shared=True).json["shared"] is True
    assert slugs(carl) == ["bob-s"]
    assert patch(bob, "bob-s", shared=False).json["shared"] is False
    assert slugs(carl) == []
    assert bob.ask("DELETE", f"{VIEWS}/bob-s").status == 204
    assert bob.post(f"{VIEWS}/bob-s/restore", None, 200)["slug"] == "bob-s"
    # A key that may only read keeps nothing.
    reader = eve.by_key(scopes=["read"])
    assert reader.get(f"{VIEWS}/mine")["doc"] == {"my": 2}
    assert refusal(put(reader, "mine", {}, 2)) == (403, "scope")
    assert reader.try_post(f"{LAB}/drafts", {"doc": {}}) == (403, "scope")


def test_slugs_are_of_any_script_and_names_are_honest(people: dict[str, Person]) -> None:
    bob = people["bob"]

    def made(name: str) -> str:
        return bob.post(VIEWS, {"name": name, "doc": {}})["slug"]

    names = ["学習 曲線", "mine", "MINE", "../../x", "∑∑", "ﬁne", "a" * 100, "مرحبا"]
    assert [made(name) for name in names] == [
        "学習-曲線", "mine-view", "mine-view-2", "x", "view", "fine", "a" * 64, "مرحبا",
    ]  # fmt: skip
    assert bob.get(f"{VIEWS}/%E5%AD%A6%E7%BF%92-%E6%9B%B2%E7%B7%9A")["name"] == "学習 曲線"
    for name in ("", "  ", "a\nb", "a\0", "x" * 101, "safe\u202ednuof", "\u2028"):
        assert bob.try_post(VIEWS, {"name": name, "doc": {}}) == (400, "name"), name
    assert slugs(bob)[0] != "mine"


def nested(depth: int) -> Any:
    found: Any = {}
    for _ in range(depth - 1):
        found = {"a": found}
    return found


def test_documents_have_bounds(people: dict[str, Person]) -> None:
    bob = people["bob"]
    for raw, wanted in (
        ('{"doc": [], "base_version": 0}', (400, "doc")),
        ('{"doc": null, "base_version": 0}', (400, "doc")),
        ('{"doc": {"a": 1e999}, "base_version": 0}', (400, "doc")),
        ('{"doc": {"a": NaN}, "base_version": 0}', (400, "body")),
        (f'{{"doc": {DEEP}, "base_version": 0}}', (400, None)),
        (json.dumps({"doc": nested(33), "base_version": 0}), (400, "doc")),
        (json.dumps({"doc": {"a": "x" * 2**20}, "base_version": 0}), (413, "doc")),
        ('{"doc": {}}', (400, "body")),
    ):
        answer = bob.send(f"{VIEWS}/mine", raw.encode(), "PUT")
        assert answer.status == wanted[0], (raw[:60], answer.body)
        assert wanted[1] in (None, answer.json["code"]), answer.body
    assert (
        bob.send(f"{VIEWS}/mine", b'{"doc": {"a": "\xff"}, "base_version": 0}', "PUT").status == 400
    )
    assert slugs(bob) == []
    assert put(bob, "mine", nested(32), 0).status == 200
    assert bob.get(f"{VIEWS}/mine")["doc"] == nested(32)
    huge = f'{{"doc": {{"a": 1{"0" * 300}}}, "base_version": 1}}'
    assert bob.send(f"{VIEWS}/mine", huge.encode(), "PUT").status == 200
    assert bob.ask("GET", f"{VIEWS}/mine").body.count(b"0") >= 300


def test_there_are_only_so_many(people: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_views, "VIEWS_MAX", 2)
    bob = people["bob"]
    for name in "ab":
        bob.post(VIEWS, {"name": name, "doc": {}, "shared": True})
    assert bob.try_post(VIEWS, {"name": "c", "doc": {}, "shared": True}) == (409, "views")
    bob.post(VIEWS, {"name": "c", "doc": {}})


def test_a_draft_is_read_by_who_may_read_the_project(people: dict[str, Person]) -> None:
    doc = {"v": 1, "filter": "lr>0"}
    eve, bob = people["eve"], people["bob"]
    id = eve.post(f"{LAB}/drafts", {"doc": doc})["id"]
    assert eve.send(f"{LAB}/drafts", b'{ "doc": {"v": 1,\n"filter": "lr>0"}}').json == {"id": id}
    assert bob.get(f"{LAB}/drafts/{id}") == {"doc": doc}
    assert people["mallory"].ask("GET", f"{LAB}/drafts/{id}").status == 404
    assert open_run(bob.by_key(), entity="lab", project="other")[0] == 200
    for path in (
        f"/api/v1/projects/lab/other/drafts/{id}", f"{LAB}/drafts/{id[:-2]}AA", f"{LAB}/drafts/é",
        f"{LAB}/drafts/{'!' * 43}",
    ):  # fmt: skip
        assert refusal(bob.ask("GET", path)) == (404, "absent")


def test_who_watches_hears_of_shared_views_and_of_their_own(
    door: Door, people: dict[str, Person]
) -> None:
    """A change of somebody's own view reaches that person's tabs, and nobody else's."""
    access, core = door.core.access, door.core
    who = {
        name: access.by_cookie(people[name].headers["cookie"].partition("=")[2])
        for name in ("bob", "eve")
    }

    async def views_in(stream: Any, seconds: float) -> list[str]:
        """Return the views of the first message that tells of any, be it behind others."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.wait([waiting], timeout=left)
            if not waiting.done():
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                return []
            body = waiting.result().partition(b"data: ")[2]
            if found := json.loads(body).get("views"):
                return list(found)
        return []

    def told(change: Any, *silent: str) -> dict[str, list[str]]:
        """Return what each of both hears of; of those that are to hear nothing after a moment."""

        async def watch() -> dict[str, list[str]]:
            streams = {
                name: messages(core, core.projects.find(one, "lab", "digits").number, one)
                for name, one in who.items()
            }
            heard: dict[str, list[str]] = {}
            for stream in streams.values():
                assert b"hello" in await anext(stream)
            await asyncio.to_thread(change)
            for name, stream in streams.items():
                heard[name] = await views_in(stream, 0.3 if name in silent else 20)
            for stream in streams.values():  # the next call has a loop of its own
                await stream.aclose()
            return heard

        return asyncio.run(watch())

    # From the store's side: a request of the test door has a loop of its own.
    def mine(value: int) -> Any:
        doc = json.dumps({"v": value}).encode()
        return lambda: core.views.save(who["eve"], "lab", "digits", "mine", doc, value)

    assert told(mine(0), "bob") == {"bob": [], "eve": ["mine"]}
    assert told(mine(1), "bob") == {"bob": [], "eve": ["mine"]}
    add = core.views.add
    assert told(lambda: add(who["bob"], "lab", "digits", "Plan", b"{}", is_shared=True)) == {
        "bob": ["plan"], "eve": ["plan"],
    }  # fmt: skip
    assert told(lambda: add(who["eve"], "lab", "digits", "Own", b"{}", is_shared=False), "bob") == {
        "bob": [], "eve": ["own"],
    }  # fmt: skip
    share = core.views.edit
    assert told(lambda: share(who["bob"], "lab", "digits", "plan", is_shared=False)) == {
        "bob": ["plan"], "eve": ["plan"],
    }  # fmt: skip
