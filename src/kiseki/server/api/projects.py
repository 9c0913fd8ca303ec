"""Projects: listed, and one."""

from __future__ import annotations

import msgspec

from kiseki.core.projects import Project
from kiseki.server.routing import Call, Routes

routes = Routes()


class ProjectAnswer(msgspec.Struct):
    """A project. `last_us` is the latest time that any of its runs logged something."""

    entity: str
    project: str
    runs: int
    running: int
    created_us: int
    last_us: int | None


class ProjectsAnswer(msgspec.Struct):
    projects: list[ProjectAnswer]


def to_project(project: Project) -> ProjectAnswer:
    """Return a project as the API shows it."""
    return ProjectAnswer(
        project.entity,
        project.name,
        project.runs,
        project.running,
        project.created_us,
        project.last_us,
    )


@routes.get("/api/v1/projects", answer=ProjectsAnswer)
def list_projects(call: Call) -> ProjectsAnswer:
    """Return the projects one may see, latest activity first."""
    return ProjectsAnswer([to_project(project) for project in call.core.projects.visible(call.who)])


@routes.get("/api/v1/projects/{entity}/{project}", answer=ProjectAnswer)
def show_project(call: Call) -> ProjectAnswer:
    """Return one project."""
    return to_project(call.core.projects.find(call.who, call.path["entity"], call.path["project"]))
