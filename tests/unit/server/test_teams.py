"""Teams, roles, invites, services, keys, anonymous users (docs/api/native.md, *Accounts*)."""

from __future__ import annotations

import pytest

from kiseki.core.people.accounts import Policy
from kiseki.storage.interface import Storage
from tests.unit.server.asgi import Door
from tests.unit.server.people import (
    PASSWORD,
    Person,
    in_session,
    invited,
    open_run,
    operator,
    project_of,
    refusal,
    token_of,
)


@pytest.fixture
def ada(door: Door) -> Person:
    """The server's admin, with the team `lab`."""
    ada = operator(door)
    made = ada.post("/api/v1/teams", {"team": "lab"})
    assert {key: made[key] for key in ("team", "role", "members", "projects")} == {
        "team": "lab", "role": "admin", "members": 1, "projects": 0
    }  # fmt: skip
    return ada


def test_names_of_teams_and_people_are_one_space(door: Door, ada: Person) -> None:
    invited(door, ada, "bob")
    for name, status in (("lab", 409), ("bob", 409), ("Bob", 409), ("a/b", 400), ("settings", 400)):
        assert ada.ask("POST", "/api/v1/teams", {"team": name}).status == status, name


def test_an_invite_lets_one_person_in_once(door: Door, ada: Person) -> None:
    made = ada.post("/api/v1/invites", {"team": "lab", "role": "viewer", "days": 1})
    assert made["url"].startswith("http://127.0.0.1:7500/invite#token=")
    assert (made["team"], made["role"], made["by"], made["used_by"]) == (
        "lab",
        "viewer",
        "ada",
        None,
    )
    token = token_of(made["url"])
    look = Person(door).post("/api/v1/invites/look", {"token": token}, 200)
    assert look == {"team": "lab", "role": "viewer", "by": "ada", "expires_us": made["expires_us"]}
    bob = invited(door, ada, "bob")
    assert bob.post("/api/v1/invites/accept", {"token": token}, 204) is None
    assert bob.try_post("/api/v1/invites/accept", {"token": token}) == (404, "invite")
    assert Person(door).try_post("/api/v1/invites/look", {"token": token}) == (404, "invite")
    body = {"user": "carl", "password": PASSWORD, "invite": token}
    assert Person(door).try_post("/api/v1/users", body) == (404, "invite")
    [listed] = ada.get("/api/v1/invites?team=lab")["invites"]
    assert listed["used_by"] == "bob" and "url" not in listed
    assert [team["role"] for team in bob.get("/api/v1/teams")["teams"]] == ["viewer"]
    [onto_server] = ada.get("/api/v1/invites")["invites"]
    assert (onto_server["team"], onto_server["used_by"]) == (None, "bob")


def test_an_invite_never_takes_a_role_away(door: Door, ada: Person) -> None:
    token = token_of(ada.post("/api/v1/invites", {"team": "lab", "role": "viewer"})["url"])
    ada.post("/api/v1/invites/accept", {"token": token}, 204)
    assert ada.get("/api/v1/teams/lab")["role"] == "admin"


def test_invites_are_withdrawn_and_expire(
    door: Door, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ada.post("/api/v1/invites", {"team": "lab"})
    bob = invited(door, ada, "bob")
    for number in ("x", "99", "9" * 30):
        assert refusal(ada.ask("DELETE", f"/api/v1/invites/{number}")) == (404, "absent")
    assert refusal(bob.ask("DELETE", f"/api/v1/invites/{made['number']}")) == (404, "absent")
    assert ada.ask("DELETE", f"/api/v1/invites/{made['number']}").status == 204
    token = {"token": token_of(made["url"])}
    assert Person(door).try_post("/api/v1/invites/look", token) == (404, "invite")
    made = ada.post("/api/v1/invites", {"team": "lab"})
    monkeypatch.setattr("kiseki.core.people.invites.wall_us", lambda: made["expires_us"])
    token = {"token": token_of(made["url"])}
    assert bob.try_post("/api/v1/invites/accept", token) == (404, "invite")
    for wrong, code in (({"days": 0}, "days"), ({"days": 91}, "days"), ({"role": "owner"}, "role")):
        assert ada.try_post("/api/v1/invites", {"team": "lab", **wrong}) == (400, code)


def test_roles(door: Door, ada: Person) -> None:
    """A viewer reads, a member also writes, an admin also administers (I-10 at `Open`)."""
    people = {
        role: invited(door, ada, role + "1", "lab", role=role)
        for role in ("viewer", "member", "admin")
    }
    stranger = invited(door, ada, "stranger")
    assert open_run(people["viewer"], entity="lab") == (403, "entity")
    assert open_run(people["member"], entity="lab") == (200, "lab")
    assert open_run(people["admin"], entity="lab", run="r2") == (200, "lab")
    assert open_run(stranger, entity="lab") == (404, "entity")
    assert open_run(stranger, entity="nobody") == (404, "entity")
    run = project_of("lab", "digits") + "/runs/r1"
    for role, edit, administer in (("viewer", 403, 403), ("member", 200, 403), ("admin", 200, 204)):
        who = people[role]
        assert who.ask("GET", run).status == 200
        assert who.ask("PATCH", run, {"notes": role}).status == edit
        path = "/api/v1/teams/lab/members/viewer1"
        assert who.ask("PUT", path, {"role": "viewer"}).status == administer
        invite = 201 if administer == 204 else 403
        assert who.ask("POST", "/api/v1/invites", {"team": "lab"}).status == invite
        assert len(who.get("/api/v1/teams/lab")["members"]) == 4
    assert refusal(people["viewer"].ask("PATCH", run, {"notes": ""})) == (403, "role")
    # reliability 5.12: one's own run, or an admin
    second = project_of("lab", "digits") + "/runs/r2"
    assert refusal(people["member"].ask("DELETE", second)) == (403, "role")
    assert people["member"].ask("DELETE", run).status == 204
    assert people["admin"].ask("DELETE", second).status == 204
    for path in ("/api/v1/teams/lab", project_of("lab", "digits"), run):
        assert refusal(stranger.ask("GET", path)) == (404, "absent")
    assert stranger.get("/api/v1/projects") == {"projects": []}


def test_the_last_admin_stays(door: Door, ada: Person) -> None:
    bob = invited(door, ada, "bob", "lab")
    ada.post("/api/v1/teams/lab/services", {"service": "ci"})
    path = "/api/v1/teams/lab/members"
    assert refusal(ada.ask("PUT", f"{path}/ada", {"role": "member"})) == (409, "last-admin")
    assert refusal(ada.ask("DELETE", f"{path}/ada")) == (409, "last-admin")
    assert refusal(ada.ask("PUT", f"{path}/lab-ci", {"role": "admin"})) == (400, "role")
    assert refusal(bob.ask("DELETE", f"{path}/ada")) == (403, "role")
    assert ada.ask("PUT", f"{path}/bob", {"role": "admin"}).status == 204
    assert ada.ask("DELETE", f"{path}/ada").status == 204
    assert [member["user"] for member in bob.get("/api/v1/teams/lab")["members"]] == [
        "bob",
        "lab-ci",
    ]
    assert refusal(bob.ask("PUT", f"{path}/ada", {"role": "member"})) == (404, "absent")
    # Only the server's admin adds people without asking them.
    assert ada.ask("PUT", f"{path}/ada", {"role": "viewer"}).status == 204
    assert refusal(ada.ask("PUT", f"{path}/nobody", {"role": "viewer"})) == (404, "absent")
    assert refusal(ada.ask("PUT", f"{path}/bob", {"role": "owner"})) == (400, "role")


def test_anybody_may_leave(door: Door, ada: Person) -> None:
    bob = invited(door, ada, "bob", "lab", role="viewer")
    assert bob.ask("DELETE", "/api/v1/teams/lab/members/bob").status == 204
    assert bob.ask("GET", "/api/v1/teams/lab").status == 404
    assert refusal(bob.ask("DELETE", "/api/v1/teams/lab/members/bob")) == (404, "absent")


def test_a_team_that_owns_something_stays(door: Door, ada: Person) -> None:
    bob = invited(door, ada, "bob", "lab")
    ada.post("/api/v1/teams", {"team": "full"})
    assert open_run(ada, entity="full") == (200, "full")
    assert refusal(ada.ask("DELETE", "/api/v1/teams/full")) == (409, "not-empty")
    assert refusal(bob.ask("DELETE", "/api/v1/teams/lab")) == (403, "role")
    ada.post("/api/v1/teams/lab/services", {"service": "ci"})
    key = ada.by_key(service="lab-ci")
    bob.ask("PATCH", "/api/v1/viewer", {"entity": "lab"})
    ada.post("/api/v1/invites", {"team": "lab"})
    assert ada.ask("DELETE", "/api/v1/teams/lab").status == 204
    assert key.ask("GET", "/api/v1/viewer").status == 401
    assert bob.get("/api/v1/viewer")["entity"] == "bob"
    assert [team["team"] for team in ada.get("/api/v1/teams")["teams"]] == ["full"]
    ada.post("/api/v1/teams", {"team": "lab"})
    ada.post("/api/v1/teams/lab/services", {"service": "ci"})


def test_a_service_logs_into_its_team(door: Door, ada: Person) -> None:
    bob = invited(door, ada, "bob", "lab", role="admin")
    made = bob.post("/api/v1/teams/lab/services", {"service": "ci"})
    assert (made["user"], made["kind"]) == ("lab-ci", "service")
    assert bob.try_post("/api/v1/teams/lab/services", {"service": "ci"}) == (409, "taken")
    service = bob.by_key(service="lab-ci", scopes=["read", "write", "admin"], days=None)
    viewer = service.get("/api/v1/viewer")
    assert (viewer["user"], viewer["entity"], viewer["entities"]) == ("lab-ci", "lab", ["lab"])
    assert open_run(service) == (200, "lab")  # the default entity
    assert open_run(service, entity="bob") == (404, "entity")
    for path, body in (
        ("/api/v1/teams", {"team": "own"}),
        ("/api/v1/invites/accept", {"token": "x"}),
        ("/api/v1/claim", {"token": "x"}),
    ):
        assert service.try_post(path, body) == (403, "kind"), path
    assert refusal(service.ask("PUT", "/api/v1/viewer/password", {"new": PASSWORD})) == (
        403,
        "kind",
    )
    login = {"user": "lab-ci", "password": ""}
    assert Person(door).ask("POST", "/api/v1/session", login).status == 401
    assert {key["user"] for key in bob.get("/api/v1/keys")["keys"]} == {"lab-ci"}
    assert bob.ask("DELETE", "/api/v1/teams/lab/members/lab-ci").status == 204
    assert service.ask("GET", "/api/v1/viewer").status == 401


def test_keys_are_shown_once_and_revoked(door: Door, ada: Person) -> None:
    """reliability 5.5."""
    bob = invited(door, ada, "bob")
    made = bob.post("/api/v1/keys", {"name": "laptop"})
    secret = made.pop("key")
    assert secret.startswith(made["prefix"]) and len(secret) >= 40
    assert (made["name"], made["scopes"], made["project"], made["user"], made["used_us"]) == (
        "laptop", ["read", "write"], None, "bob", None,
    )  # fmt: skip
    assert made["expires_us"] - made["created_us"] == pytest.approx(90 * 86400e6, abs=5e6)
    key = Person(door, {"authorization": f"Bearer {secret}"})
    assert open_run(key) == (200, "bob")
    [listed] = bob.get("/api/v1/keys")["keys"]
    assert listed["used_us"] is not None and secret not in str(listed)
    assert refusal(ada.ask("DELETE", f"/api/v1/keys/{made['prefix']}")) == (404, "absent")
    assert bob.ask("DELETE", f"/api/v1/keys/{made['prefix']}").status == 204
    assert key.ask("GET", "/api/v1/viewer").status == 401
    for wrong, status in (
        ({"name": ""}, (400, "name")),
        ({"name": "x" * 129}, (400, "name")),
        ({"scopes": []}, (400, "scopes")),
        ({"scopes": ["root"]}, (400, "scopes")),
        ({"days": 0}, (400, "days")),
        ({"project": "digits"}, (400, "project")),
        ({"project": "ada/digits"}, (404, "absent")),
        ({"service": "lab-ci"}, (404, "absent")),
    ):
        assert bob.try_post("/api/v1/keys", {"name": "k", **wrong}) == status, wrong


def test_scopes_of_a_key(door: Door, ada: Person) -> None:
    reader = ada.by_key(scopes=["read"])
    writer = ada.by_key(scopes=["write"])
    assert open_run(reader, entity="lab") == (403, "scope")
    assert open_run(ada.by_key(), entity="lab") == (200, "lab")
    run = project_of("lab", "digits") + "/runs/r1"
    assert reader.ask("GET", run).status == 200
    assert refusal(writer.ask("GET", run)) == (403, "scope")
    assert refusal(reader.ask("PATCH", run, {"notes": ""})) == (403, "scope")
    for method, path, body in (
        ("GET", "/api/v1/keys", None),
        ("POST", "/api/v1/keys", {"name": "more", "scopes": ["read", "write", "admin"]}),
        ("POST", "/api/v1/teams", {"team": "new"}),
        ("DELETE", "/api/v1/teams/lab", None),
        ("POST", "/api/v1/invites", {"team": "lab"}),
        ("PATCH", "/api/v1/viewer", {"email": "x"}),
        ("PUT", "/api/v1/viewer/password", {"new": PASSWORD}),
        ("GET", "/api/v1/users", None),
    ):
        assert refusal(ada.by_key().ask(method, path, body)) == (403, "scope"), path
    full = ada.by_key(scopes=["admin", "read", "write"])
    assert full.ask("PATCH", "/api/v1/viewer", {"email": "x"}).status == 200


def test_a_key_for_one_project_touches_no_other(door: Door, ada: Person) -> None:
    assert open_run(ada, "other", "lab") == (200, "lab")
    key = ada.by_key(project="lab/digits", scopes=["read", "write", "admin"])
    assert open_run(key, "digits", run="bound") == (200, "lab")  # where else
    assert open_run(key, "digits", "lab", run="bound2") == (200, "lab")
    assert open_run(key, "other", "lab") == (403, "scope")
    assert open_run(key, "digits", "ada")[0] == 404
    assert [project["project"] for project in key.get("/api/v1/projects")["projects"]] == ["digits"]
    assert key.get("/api/v1/viewer")["entities"] == ["lab"]
    assert key.get("/api/v1/teams") == {"teams": []}
    assert key.ask("GET", project_of("lab", "digits")).status == 200
    for path in (
        project_of("lab", "other"),
        project_of("lab", "other") + "/runs",
        project_of("lab", "other") + "/runs/r1",
        "/api/v1/events?project=lab/other",
        "/api/v1/teams/lab",
    ):
        assert key.ask("GET", path).status == 404, path
    assert key.try_post("/api/v1/keys", {"name": "more"}) == (403, "scope")


def test_anonymous_runs_are_claimed(storage: Storage) -> None:
    """I-48: usable without an account, seen through a link, claimed later."""
    door = Door(storage, policy=Policy(anonymous=True))
    ada = operator(door)
    assert Person(door).get("/api/v1/session")["anonymous"] is True
    made = Person(door).post("/api/v1/anonymous")
    assert made["url"].startswith("http://127.0.0.1:7500/claim#token=")
    key = Person(door, {"authorization": f"Bearer {made['key']}"})
    assert open_run(key) == (200, made["entity"])
    run = project_of(made["entity"], "digits") + "/runs/r1"
    token = token_of(made["url"])
    seen = in_session(door, Person(door).ask("POST", "/api/v1/session", {"claim": token}))
    assert seen.get("/api/v1/viewer")["kind"] == "anonymous"
    assert seen.ask("GET", run).status == 200
    for path, body in (
        ("/api/v1/teams", {"team": "x"}),
        ("/api/v1/keys", {"name": "x"}),
        ("/api/v1/claim", {"token": token}),
    ):
        assert seen.try_post(path, body) == (403, "kind"), path
    bob = invited(door, ada, "bob")
    assert bob.ask("GET", run).status == 404
    assert bob.post("/api/v1/claim", {"token": token}, 200) == {"entity": made["entity"]}
    assert bob.ask("GET", run).status == 200
    assert bob.get("/api/v1/viewer")["entities"] == ["bob", made["entity"]]
    assert bob.try_post("/api/v1/claim", {"token": token}) == (404, "absent")
    for gone in (key, seen):
        assert gone.ask("GET", "/api/v1/viewer").status == 401
    assert Person(door).ask("POST", "/api/v1/session", {"claim": token}).status == 401
    door.core.close()


def test_anonymous_runs_are_off_at_first(door: Door) -> None:
    assert Person(door).try_post("/api/v1/anonymous") == (403, "anonymous")
