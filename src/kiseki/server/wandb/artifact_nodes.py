"""Artifacts, their collections and files as the official client reads them; see `nodes.py`."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from kiseki.core.artifacts import Artifact, Collection, Entry, Member
from kiseki.errors import NotFound
from kiseki.server.content import type_of
from kiseki.server.wandb import artifact_lists
from kiseki.server.wandb.context import Context, connection, iso, page
from kiseki.server.wandb.ids import names_of, storage_id
from kiseki.server.wandb.nodes import ProjectNode, RunNode, UserNode
from kiseki.server.wandb.signing import Permit

PAGE_MAX = 1_000
FILES_MAX = 10_000
CONTENT = "/files/-/signed/content"
MANIFEST = "/files/-/signed/manifest"
INHERITED, ENDLESS = -1, -2  # times to live that are none: the project's, none whatever that is


def artifact_id(number: int) -> str:
    return storage_id("Artifact", str(number))


def number_of(kind: str, id: str) -> int:
    """Return the number in an id. Raises NotFound."""
    [text] = names_of(kind, id, 1)
    if not text.isdecimal() or len(text) > 18:
        raise NotFound(f"{id[:100]!r} is no id of a {kind}", code="absent")
    return int(text)


def tag_nodes(tags: Sequence[str]) -> list[dict[str, Any]]:
    return [{"__typename": "Tag", "id": storage_id("Tag", tag), "name": tag} for tag in tags]


def alias_nodes(context: Context, member: Member) -> list[dict[str, Any]]:
    collection = CollectionNode(context, member.collection)
    return [
        {
            "id": storage_id("Alias", str(member.collection.number), alias),
            "alias": alias,
            "artifactCollection": collection,
        }
        for alias in member.aliases
    ]


def signed(
    context: Context, verb: str, where: str, artifact: Artifact, path: str, content: str
) -> str:
    """Return an address that allows one thing with a file of a version."""
    owner = artifact.collection
    user = context.who.user.number
    permit = Permit(verb, user, owner.entity, owner.project_name, "", path, content=content)
    return f"{context.url}{where}/{context.door.signer.sign(permit)}"


class CollectionNode:
    """A sequence or a portfolio."""

    def __init__(self, context: Context, collection: Collection, *, state: str = "READY") -> None:
        self._context = context
        self.collection = collection
        self.id = storage_id("ArtifactCollection", str(collection.number))
        self.name = collection.name
        self.description = collection.description
        self.createdAt = iso(collection.created_us)
        self.updatedAt = iso(collection.updated_us)
        self.state = state
        self.digestAlgorithm = "MANIFEST_MD5"
        self.tags = {"edges": [{"node": tag} for tag in tag_nodes(collection.tags)]}

    @property
    def project(self) -> ProjectNode | None:
        core, owner = self._context.core, self.collection
        found = core.meta.project(owner.entity, owner.project_name)
        return None if found is None else ProjectNode(self._context, found)

    @property
    def defaultArtifactType(self) -> TypeNode:
        return TypeNode(self._context, self.collection)

    @cached_property
    def _members(self) -> list[Member]:
        return self._context.core.artifacts.members(self._context.who, self.collection)

    def aliases(
        self, _info: Any, after: str | None = None, first: int | None = None
    ) -> dict[str, Any]:
        found = [node for one in self._members for node in alias_nodes(self._context, one)]
        return connection(*page(found, after, first, PAGE_MAX))

    def artifactMembership(self, _info: Any, aliasName: str) -> MemberNode | None:
        context = self._context
        try:
            found = context.core.artifacts.member(context.who, self.collection, aliasName)
        except NotFound:
            return None
        return MemberNode(context, found)

    def artifacts(
        self,
        _info: Any,
        after: str | None = None,
        first: int | None = None,
        order: str | None = None,
        filters: str | None = None,
    ) -> dict[str, Any]:
        found = artifact_lists.chosen(self._members, filters, order, artifact_lists.of_member)
        chosen, cursors, more = page(found, after, first, PAGE_MAX)
        made = connection(
            [ArtifactNode(self._context, one.artifact) for one in chosen], cursors, more
        )
        for edge, one in zip(made["edges"], chosen, strict=True):
            edge["version"] = f"v{one.version}"
        return made | {"totalCount": len(found)}

    @property
    def latestArtifact(self) -> ArtifactNode | None:
        found = self.artifactMembership(None, "latest")
        return None if found is None else found.artifact


class TypeNode:
    """A type of artifacts, which is there because a collection has it."""

    def __init__(self, context: Context, collection: Collection) -> None:
        self._context = context
        self._collection = collection
        owner = collection
        self.name = owner.type
        self.id = storage_id("ArtifactType", owner.entity, owner.project_name, owner.type)
        self.description = ""
        self.createdAt = iso(owner.created_us)

    def artifactCollection(self, _info: Any, name: str) -> CollectionNode | None:
        found = self._context.core.meta.collection(self._collection.project, name)
        if found is None or found.type != self.name:
            return None
        return CollectionNode(self._context, found)

    def artifactCollections(
        self,
        _info: Any,
        after: str | None = None,
        first: int | None = None,
        filters: str | None = None,
        order: str | None = None,
    ) -> dict[str, Any]:
        found = self._context.core.meta.collections(self._collection.project, self.name)
        found = artifact_lists.chosen(found, filters, order, artifact_lists.of_collection)
        return collection_page(self._context, found, after, first)


def collection_page(
    context: Context, found: list[Collection], after: str | None, first: int | None
) -> dict[str, Any]:
    chosen, cursors, more = page(found, after, first, PAGE_MAX)
    made = connection([CollectionNode(context, one) for one in chosen], cursors, more)
    return made | {"totalCount": len(found)}


class MemberNode:
    """A version's place in a collection."""

    def __init__(self, context: Context, member: Member) -> None:
        self._context = context
        self._member = member
        self.id = storage_id("ArtifactMembership", str(member.number))
        self.versionIndex = member.version
        self.createdAt = iso(member.created_us)
        self.artifact = ArtifactNode(context, member.artifact)
        self.artifactCollection = CollectionNode(context, member.collection)

    @property
    def aliases(self) -> list[dict[str, Any]]:
        return alias_nodes(self._context, self._member)

    def files(
        self,
        _info: Any,
        names: list[str] | None = None,
        after: str | None = None,
        first: int | None = None,
    ) -> dict[str, Any]:
        return self.artifact.files(_info, names, after, first)


class ArtifactNode:
    """A version of a sequence."""

    def __init__(self, context: Context, artifact: Artifact) -> None:
        self._context = context
        self._artifact = artifact
        self.id = artifact_id(artifact.number)
        self.artifactSequence = CollectionNode(context, artifact.collection)
        self.versionIndex = artifact.version
        self.artifactType = TypeNode(context, artifact.collection)
        self.description = artifact.description or None
        self.metadata = artifact.metadata or None
        self.ttlIsInherited = artifact.ttl_s is None
        self.ttlDurationSeconds = INHERITED if artifact.ttl_s is None else artifact.ttl_s or ENDLESS
        self.tags = tag_nodes(artifact.tags)
        self.historyStep = artifact.step
        self.state = artifact.state.upper()
        self.size = artifact.size
        self.digest = artifact.digest
        self.digestAlgorithm = "MANIFEST_MD5"
        self.commitHash = artifact_id(artifact.number) if artifact.state == "committed" else None
        self.fileCount = artifact.files
        self.createdAt = iso(artifact.created_us)
        self.updatedAt = iso(artifact.updated_us)

    @cached_property
    def _members(self) -> list[Member]:
        return self._context.core.artifacts.members_of(self._context.who, self._artifact)

    @property
    def aliases(self) -> list[dict[str, Any]]:
        return [node for one in self._members for node in alias_nodes(self._context, one)]

    def artifactMemberships(
        self, _info: Any, after: str | None = None, first: int | None = None
    ) -> dict[str, Any]:
        chosen, cursors, more = page(self._members, after, first, PAGE_MAX)
        return connection([MemberNode(self._context, one) for one in chosen], cursors, more)

    @property
    def currentManifest(self) -> dict[str, Any] | None:
        artifact = self._artifact
        if artifact.state != "committed":
            return None
        url = signed(
            self._context,
            "get-manifest",
            MANIFEST,
            artifact,
            str(artifact.number),
            artifact.manifest,
        )
        name = "wandb_manifest.json"
        id = storage_id("ArtifactFile", str(artifact.number), name)
        file = {"id": id, "name": name, "displayName": name, "directUrl": url, "url": url}
        return {"id": id, "file": file}

    def usedBy(
        self, _info: Any, after: str | None = None, first: int | None = None
    ) -> dict[str, Any]:
        context = self._context
        found = context.core.artifacts.users(context.who, self._artifact)
        chosen, cursors, more = page(found, after, first, PAGE_MAX)
        made = connection([RunNode(context, *one) for one in chosen], cursors, more)
        return made | {"totalCount": len(found)}

    @property
    def createdBy(self) -> RunNode | UserNode | None:
        context = self._context
        if self._artifact.run is None:
            user = context.core.meta.user_by_number(self._artifact.user)
            return None if user is None else UserNode(user)
        found = context.core.artifacts.maker(context.who, self._artifact)
        return None if found is None else RunNode(context, *found)

    # ── files ──

    def files(
        self,
        _info: Any,
        names: list[str] | None = None,
        after: str | None = None,
        first: int | None = None,
    ) -> dict[str, Any]:
        entries = self._context.core.artifacts.entries(self._artifact)
        paths = sorted(entries) if names is None else [name for name in names if name in entries]
        chosen, cursors, more = page(paths, after, first, FILES_MAX)
        nodes = [FileNode(self._context, self._artifact, path, entries[path]) for path in chosen]
        return connection(nodes, cursors, more) | {"totalCount": len(paths)}

    def filesByManifestEntries(
        self,
        _info: Any,
        entries: list[dict[str, Any]] | None = None,
        storageLayout: str | None = None,
        manifestVersion: str | None = None,
        storageRegion: str | None = None,
        after: str | None = None,
        first: int | None = None,
    ) -> dict[str, Any]:
        names = [entry["name"] for entry in entries or []]
        return self.files(_info, names, None, FILES_MAX)


class FileNode:
    """A file of a version."""

    def __init__(self, context: Context, artifact: Artifact, path: str, entry: Entry) -> None:
        self._context = context
        self._artifact = artifact
        self._entry = entry
        self.id = storage_id("ArtifactFile", str(artifact.number), path)
        self.name = self.displayName = self.storagePath = path
        self.sizeBytes = entry.size or 0
        self.mimetype = type_of(path)
        self.updatedAt = iso(artifact.updated_us)
        self.md5 = self.digest = entry.digest

    @cached_property
    def directUrl(self) -> str:
        if (
            self._entry.ref is not None
        ):  # kept elsewhere: the client goes there by what the manifest says
            return self._entry.ref
        return signed(
            self._context, "get-content", CONTENT, self._artifact, self.name, self._entry.digest
        )

    @property
    def url(self) -> str:
        return self.directUrl


def hex_to_base64(digest: str) -> str:
    """Return an MD5 in hex as manifests have it. Raises NotFound."""
    try:
        return base64.b64encode(bytes.fromhex(digest)).decode()
    except ValueError as error:
        raise NotFound(f"{digest[:80]!r} is no digest", code="absent") from error


# ── fields of other things ──


def project_artifact(source: ProjectNode, info: Any, name: str) -> ArtifactNode | None:
    found = project_member(source, info, name)
    return None if found is None else found.artifact


def project_member(source: ProjectNode, info: Any, name: str) -> MemberNode | None:
    context: Context = info.context
    try:
        found = context.core.artifacts.by_name(context.who, source.project, name)
    except NotFound:
        return None
    return MemberNode(context, found)


def project_collection(source: ProjectNode, info: Any, name: str) -> CollectionNode | None:
    context: Context = info.context
    found = context.core.meta.collection(source.project.number, name)
    return None if found is None else CollectionNode(context, found)


def project_collections(
    source: ProjectNode,
    info: Any,
    after: str | None = None,
    first: int | None = None,
    filters: str | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    context: Context = info.context
    found = context.core.artifacts.collections(source.project)
    found = artifact_lists.chosen(found, filters, order, artifact_lists.of_collection)
    return collection_page(context, found, after, first)


def _types(source: ProjectNode, info: Any) -> dict[str, TypeNode]:
    context: Context = info.context
    found: dict[str, TypeNode] = {}
    for one in context.core.artifacts.collections(source.project):
        found.setdefault(one.type, TypeNode(context, one))
    return dict(sorted(found.items()))


def project_type(source: ProjectNode, info: Any, name: str) -> TypeNode | None:
    return _types(source, info).get(name)


def project_types(
    source: ProjectNode,
    info: Any,
    after: str | None = None,
    first: int | None = None,
    includeAll: bool | None = None,
) -> dict[str, Any]:
    return connection(*page(list(_types(source, info).values()), after, first, PAGE_MAX))


def _of_run(role: Any) -> Callable[..., dict[str, Any]]:
    def resolve(
        source: RunNode, info: Any, after: str | None = None, first: int | None = None
    ) -> dict[str, Any]:
        context: Context = info.context
        found = context.core.artifacts.of_run(context.who, int(source.internalId), role)
        chosen, cursors, more = page(found, after, first, PAGE_MAX)
        made = connection([ArtifactNode(context, one) for one in chosen], cursors, more)
        return made | {"totalCount": len(found)}

    return resolve


def _type_of_collection(value: Any, _info: Any, _type: Any) -> str:
    return "ArtifactPortfolio" if value.collection.kind == "portfolio" else "ArtifactSequence"


def _type_of_creator(value: Any, _info: Any, _type: Any) -> str:
    return "Run" if isinstance(value, RunNode) else "User"


TYPES: dict[str, Callable[..., str]] = {
    "ArtifactCollection": _type_of_collection,
    "ArtifactCreator": _type_of_creator,
}
"""Which type of the schema a thing is, where a field may hold several."""

RESOLVERS: dict[str, Callable[..., Any]] = {
    "Project.artifact": project_artifact,
    "Project.artifactCollectionMembership": project_member,
    "Project.artifactCollection": project_collection,
    "Project.artifactCollections": project_collections,
    "Project.artifactType": project_type,
    "Project.artifactTypes": project_types,
    "Run.outputArtifacts": _of_run("made"),
    "Run.inputArtifacts": _of_run("used"),
}
