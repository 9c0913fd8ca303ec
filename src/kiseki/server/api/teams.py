"""Teams: made, shown, their members and services changed."""

from __future__ import annotations

import msgspec

from kiseki.core.people.teams import Team
from kiseki.server.routing import Call, Routes

routes = Routes()

TEAM = "/api/v1/teams/{team}"


class TeamAnswer(msgspec.Struct):
    """A team; `role` is one's own in it, "" for a server's admin who is no member."""

    team: str
    role: str
    members: int
    projects: int
    created_us: int


class TeamsAnswer(msgspec.Struct):
    teams: list[TeamAnswer]


class NewTeam(msgspec.Struct, forbid_unknown_fields=True):
    team: str


class MemberAnswer(msgspec.Struct):
    """`kind`: `person` or `service`; `role`: `admin`, `member` or `viewer`."""

    user: str
    display_name: str
    kind: str
    role: str
    joined_us: int


class FullTeamAnswer(msgspec.Struct):
    """A team with its members, those who joined first before the others."""

    team: str
    role: str
    created_us: int
    members: list[MemberAnswer]


class RoleEdit(msgspec.Struct, forbid_unknown_fields=True):
    role: str


class NewService(msgspec.Struct, forbid_unknown_fields=True):
    """`service` is what stands behind `{team}-` in its name."""

    service: str


class ServiceAnswer(msgspec.Struct):
    user: str
    kind: str
    created_us: int


@routes.get("/api/v1/teams", answer=TeamsAnswer)
def list_teams(call: Call) -> TeamsAnswer:
    """Return the teams one belongs to."""
    return TeamsAnswer([_answer(team) for team in call.core.people.teams.of(call.who)])


@routes.post("/api/v1/teams", body=NewTeam, answer=TeamAnswer, status=201)
def make_team(call: Call) -> TeamAnswer:
    """Make a team; one is its admin."""
    return _answer(call.core.people.teams.make(call.who, call.body.team))


@routes.get(TEAM, answer=FullTeamAnswer)
def show_team(call: Call) -> FullTeamAnswer:
    """Return a team with its members."""
    teams = call.core.people.teams
    team = teams.find(call.who, call.path["team"])
    members = [
        MemberAnswer(
            item.user.name, item.user.display_name, item.user.kind, item.role, item.joined_us
        )
        for item in teams.members(team)
    ]
    return FullTeamAnswer(team.name, team.role, team.created_us, members)


@routes.add("DELETE", TEAM, answer=None)
def delete_team(call: Call) -> None:
    """Delete a team that owns no project."""
    call.core.people.teams.delete(call.who, call.path["team"])


@routes.add("PUT", f"{TEAM}/members/{{user}}", body=RoleEdit, answer=None)
def set_role(call: Call) -> None:
    """Change the role of a member."""
    call.core.people.teams.set_role(call.who, call.path["team"], call.path["user"], call.body.role)


@routes.add("DELETE", f"{TEAM}/members/{{user}}", answer=None)
def remove_member(call: Call) -> None:
    """Take somebody out of a team; anybody may leave."""
    call.core.people.teams.remove(call.who, call.path["team"], call.path["user"])


@routes.post(f"{TEAM}/services", body=NewService, answer=ServiceAnswer, status=201)
def add_service(call: Call) -> ServiceAnswer:
    """Make a service account, which gets in by keys only."""
    user = call.core.people.teams.add_service(call.who, call.path["team"], call.body.service)
    return ServiceAnswer(user.name, user.kind, user.created_us)


def _answer(team: Team) -> TeamAnswer:
    return TeamAnswer(team.name, team.role, team.members, team.projects, team.created_us)
