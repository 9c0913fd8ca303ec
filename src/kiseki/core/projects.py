"""Projects: found, listed, made on first use."""

from __future__ import annotations

from collections.abc import Sequence

from kiseki.base.clock import wall_us
from kiseki.core.names import check_project
from kiseki.core.rights import Principal, Verb, can, check_can
from kiseki.errors import Forbidden, NotFound
from kiseki.storage.interface import ListedProject as ListedProject
from kiseki.storage.interface import MetaStore, SeriesStore
from kiseki.storage.interface import Project as Project


class Projects:
    """Answers which projects there are. Thread-safe."""

    def __init__(self, meta: MetaStore) -> None:
        self._meta = meta

    def find(self, who: Principal, entity: str, name: str, verb: Verb = "read") -> Project:
        """Return a project. Raises NotFound if there is none that `who` may see, Forbidden."""
        what = f"project {entity}/{name}"
        check_can(who, verb, entity, what, name)
        project = self._meta.project(entity, name)
        if project is None:
            raise NotFound(f"{what} does not exist", code="absent")
        return project

    def counted(self, project: Project) -> ListedProject:
        """Return a project as lists show it."""
        return self._meta.counted(project)

    def visible(self, who: Principal) -> list[ListedProject]:
        """Return the projects that `who` may see, latest activity first."""
        found = self._meta.projects(self.entities(who))
        return [project for project in found if can(who, "read", project.entity, project.name)]

    def entities(self, who: Principal) -> list[str]:
        """Return the entities of which `who` may see projects, the default one first."""
        own = [name for name in who.entities if can(who, "read", name, bound_to(who, name))]
        return sorted(own, key=lambda name: (name != who.user.entity, name))

    def make(self, who: Principal, entity: str, name: str) -> Project:
        """Return a project to write to, created on first use (I-12).

        Raises:
            NotFound, Forbidden: code `entity`: no such entity, or not one to write to (I-10).
            Invalid: the name is not allowed (I-14).
        """
        entity, project = self.writable(who, entity, name)
        if project is None:
            check_project(name)
            project = self._meta.make_project(entity, name, wall_us())
        return project

    def writable(self, who: Principal, entity: str, name: str) -> tuple[str, Project | None]:
        """Return an entity to write to, and its project, None if it is not there yet.

        Without an entity it is that of the key's project, else the user's default one (I-11).

        Raises:
            NotFound, Forbidden: as `make`.
        """
        entity = entity or who.project.partition("/")[0] or who.user.entity
        is_readable = can(who, "read", entity, name)
        project = self._meta.project(entity, name) if is_readable else None
        if project is None and not (is_readable and self._meta.has_entity(entity)):
            if who.project and can(who, "read", entity, bound_to(who, entity)):
                raise Forbidden(f"this key is for the project {who.project} only", code="scope")
            raise NotFound(
                f"entity {entity!r} does not exist, or is not yours; yours: "
                + ", ".join(self.entities(who)),
                code="entity",
            )
        if "write" in who.scopes and not can(who, "write", entity, name):
            raise Forbidden(
                f"{who.user.name} may look at entity {entity!r} and not write to it (role viewer)",
                code="entity",
            )
        check_can(who, "write", entity, f"entity {entity}", name)
        return entity, project


def bytes_of(meta: MetaStore, series: SeriesStore, projects: Sequence[Project]) -> dict[int, int]:
    """Return about how many bytes projects take, by number: their rows as stored, and their files.

    Content that several projects hold is stored once and counts in each.
    """
    files = meta.blob_bytes([project.number for project in projects])
    return {one.number: series.size(one.number) + files.get(one.number, 0) for one in projects}


def bound_to(who: Principal, entity: str) -> str:
    """Return the name of the project of an entity that a key is bound to, "" if there is none."""
    owner, _, project = who.project.partition("/")
    return project if owner == entity else ""
