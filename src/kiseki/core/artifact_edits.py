"""What people change of artifacts: texts, tags, times to live, aliases, links; and what they delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kiseki.base.clock import wall_us
from kiseki.core.artifact_names import (
    check_alias,
    check_collection,
    check_many,
    check_text,
    retagged,
)
from kiseki.core.people.audit import Audit
from kiseki.core.projects import Projects
from kiseki.core.rights import Principal, can, can_delete, check_can_delete
from kiseki.errors import Conflict
from kiseki.storage.artifacts import Artifact, Collection, Member
from kiseki.storage.interface import MetaStore


class ArtifactEdits:
    """Changes versions and collections. Thread-safe."""

    def __init__(
        self,
        meta: MetaStore,
        projects: Projects,
        audit: Audit,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._meta = meta
        self._projects = projects
        self._audit = audit
        self._now_us = now_us

    def edit(
        self,
        who: Principal,
        artifact: Artifact,
        *,
        description: str | None = None,
        metadata: str | None = None,
        ttl_s: int | None = None,
        sets_ttl: bool = False,
        add_tags: Sequence[str] = (),
        drop_tags: Sequence[str] = (),
    ) -> Artifact:
        """Change what is given. Raises Invalid, TooLarge."""
        self._may(who, artifact.collection)
        columns: dict[str, Any] = {}
        if description is not None:
            columns["description"] = check_text("description", description)
        if metadata is not None:
            columns["metadata"] = check_text("metadata", metadata)
        if sets_ttl:
            columns["ttl_s"] = ttl_s
        if add_tags or drop_tags:
            columns["tags"] = retagged(artifact.tags, add_tags, drop_tags)
        if columns:
            self._meta.edit_artifact(artifact.number, columns, self._now_us())
        return self._meta.artifact(artifact.number) or artifact

    def point(
        self, who: Principal, collection: Collection, artifact: Artifact, aliases: Sequence[str]
    ) -> None:
        """Point aliases of a collection to a version that is in it. Raises Invalid."""
        self._may(who, collection)
        for alias in check_many(aliases):
            check_alias(alias)
        self._meta.point(collection.number, artifact.number, aliases)

    def unpoint(
        self, who: Principal, collection: Collection, artifact: Artifact, aliases: Sequence[str]
    ) -> None:
        self._may(who, collection)
        self._meta.unpoint(collection.number, artifact.number, check_many(aliases))

    def set_aliases(self, who: Principal, artifact: Artifact, aliases: Sequence[str]) -> None:
        """Let these, and no others, point to a version in its sequence."""
        for alias in check_many(aliases):  # before any is taken away
            check_alias(alias)
        own = artifact.collection
        found = self._meta.members_of(artifact.number)
        old = found[0].aliases if found else ()
        self.unpoint(who, own, artifact, [alias for alias in old if alias not in aliases])
        self.point(who, own, artifact, aliases)

    def link(
        self,
        who: Principal,
        artifact: Artifact,
        entity: str,
        project: str,
        name: str,
        aliases: Sequence[str],
    ) -> Member:
        """Make a version a member of a portfolio, which may be another project's. Raises Conflict."""
        check_collection(name)
        for alias in check_many(aliases):
            check_alias(alias)
        if artifact.state != "committed":
            raise Conflict("only what is committed can be linked", code="state")
        owner = self._projects.make(who, entity, project)
        return self._meta.link(artifact.number, owner.number, name, aliases, self._now_us())

    def unlink(self, who: Principal, artifact: Artifact, collection: Collection) -> None:
        """Take a version out of a portfolio. Raises Conflict: that is where it belongs."""
        self._may(who, collection)
        if collection.kind == "sequence":
            raise Conflict(f"{collection.name} is where this version belongs", code="kind")
        self._meta.unlink(artifact.number, collection.number)

    def delete(self, who: Principal, artifact: Artifact, *, with_aliases: bool = False) -> None:
        """Delete a version.

        Raises:
            Conflict: code `aliases`: aliases point to it.
            Forbidden: neither its maker nor an admin asks.
        """
        own = artifact.collection
        self._check_delete(who, own, artifact.user)
        aliases = [alias for one in self._meta.members_of(artifact.number) for alias in one.aliases]
        if aliases and not with_aliases:
            raise Conflict(
                f"{own.name}:v{artifact.version} has aliases ({', '.join(sorted(set(aliases)))}): take them "
                "away first, or delete it with them",
                code="aliases",
            )
        self._meta.delete_artifact(artifact.number, self._now_us())
        path = f"{own.entity}/{own.project_name}/artifacts/{own.name}:v{artifact.version}"
        self._audit.by(who, "artifact-deleted", path)

    def can_edit(self, who: Principal, artifact: Artifact) -> bool:
        """Return whether somebody may change a version."""
        return can(who, "write", artifact.collection.entity, artifact.collection.project_name)

    def can_delete(self, who: Principal, artifact: Artifact) -> bool:
        """Return whether somebody may delete a version."""
        user = self._meta.user_by_number(artifact.user)
        own = artifact.collection
        return can_delete(who, own.entity, own.project_name, user.name if user else "")

    def edit_collection(
        self,
        who: Principal,
        collection: Collection,
        *,
        name: str | None = None,
        description: str | None = None,
        type: str | None = None,
        add_tags: Sequence[str] = (),
        drop_tags: Sequence[str] = (),
    ) -> Collection:
        """Change what is given. Raises Invalid, TooLarge, Conflict."""
        self._may(who, collection)
        columns: dict[str, Any] = {}
        if name is not None and name != collection.name:
            columns["name"] = check_collection(name)
        if description is not None:
            columns["description"] = check_text("description", description)
        if type is not None:
            columns["type"] = check_collection(type, "type")
        if add_tags or drop_tags:
            columns["tags"] = retagged(collection.tags, add_tags, drop_tags)
        if columns:
            self._meta.edit_collection(collection.number, columns, self._now_us())
        return self._meta.collection_by_number(collection.number) or collection

    def delete_collection(self, who: Principal, collection: Collection) -> None:
        """Delete a collection with all its versions; of a portfolio only the links."""
        makers = {one.artifact.user for one in self._meta.versions_in(collection.number)}
        if collection.kind == "portfolio":
            self._may(who, collection)
        else:
            maker = makers.pop() if len(makers) == 1 else 0
            self._check_delete(who, collection, maker)
        self._meta.delete_collection(collection.number, self._now_us())
        path = f"{collection.entity}/{collection.project_name}/artifacts/{collection.name}"
        self._audit.by(who, "collection-deleted", path)

    def _may(self, who: Principal, collection: Collection) -> None:
        self._projects.find(who, collection.entity, collection.project_name, "write")

    def _check_delete(self, who: Principal, collection: Collection, maker: int) -> None:
        self._may(who, collection)
        user = self._meta.user_by_number(maker)
        entity, project = collection.entity, collection.project_name
        what = f"artifact {entity}/{project}/{collection.name}"
        check_can_delete(who, entity, project, user.name if user else "", what)
