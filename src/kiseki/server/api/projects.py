"""Projects: listed, and one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kiseki.core.projects import ListedProject, bytes_of
from kiseki.core.service import Core
from kiseki.server.routing import Call, Routes

routes = Routes()


class ProjectAnswer(msgspec.Struct):
    """A project. `last_us`: when any of its runs logged something; `bytes`: about what it takes on disk."""

    entity: str
    project: str
    runs: int
    running: int
    created_us: int
    last_us: int | None
    bytes: int


class ProjectsAnswer(msgspec.Struct):
    projects: list[ProjectAnswer]


def to_projects(core: Core, projects: Sequence[ListedProject]) -> list[ProjectAnswer]:
    """Return projects as the API shows them."""
    sizes = bytes_of(core.meta, core.series, projects)
    return [
        ProjectAnswer(
            project.entity, project.name, project.runs, project.running, project.created_us,
            project.last_us, sizes[project.number],
        )
        for project in projects
    ]  # fmt: skip


@routes.get("/api/v1/projects", answer=ProjectsAnswer)
def list_projects(call: Call) -> ProjectsAnswer:
    """Return the projects one may see, latest activity first."""
    return ProjectsAnswer(to_projects(call.core, call.core.projects.visible(call.who)))


@routes.get("/api/v1/projects/{entity}/{project}", answer=ProjectAnswer)
def show_project(call: Call) -> ProjectAnswer:
    """Return one project."""
    found = call.core.projects.find(call.who, call.path["entity"], call.path["project"])
    return to_projects(call.core, [call.core.projects.counted(found)])[0]
