"""Operations that make, use and change artifacts. The order in which a client logs one:

createArtifact ─► createArtifactManifest ─► createArtifactFiles, PUT … ─► createArtifactManifest, PUT
                                                                                    └─► commitArtifact
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kiseki.core.artifacts import Artifact, Collection, Details, Manifest
from kiseki.errors import Invalid, NotFound
from kiseki.server.content import type_of
from kiseki.server.wandb.artifact_nodes import (
    CONTENT,
    ENDLESS,
    INHERITED,
    MANIFEST,
    ArtifactNode,
    CollectionNode,
    MemberNode,
    artifact_id,
    number_of,
    signed,
    tag_nodes,
)
from kiseki.server.wandb.context import Context, connection, project_name
from kiseki.server.wandb.ids import storage_id

FILES_MAX = 10_000  # of one request
_PARTS: Mapping[str, Any] = {"FULL": "full", "INCREMENTAL": "incremental", "PATCH": "patch"}

Input = Mapping[str, Any]


# ── logging ──


def create_artifact(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    names = input.get("artifactCollectionNames") or []
    name = input.get("artifactCollectionName") or (names[0] if names else "")
    _, ttl = _ttl(input)
    details = Details(
        name,
        input["artifactTypeName"],
        input["digest"],
        run=input.get("runName") or None,
        description=input.get("description") or "",
        metadata=input.get("metadata") or "",
        ttl_s=ttl,
        step=input.get("historyStep"),
        aliases=_aliases(input, name),
        tags=_tags(input.get("tags")),
        client=input.get("clientID") or "",
        sequence=input.get("sequenceClientID") or "",
        shared=input.get("distributedID") or "",
        is_deduplicated=bool(input.get("enableDigestDeduplication")),
    )
    entity, project = (
        context.entity(input.get("entityName")),
        project_name(input.get("projectName")),
    )
    artifact, latest = context.core.artifacts.uploads.begin(context.who, entity, project, details)
    node = ArtifactNode(context, artifact)
    node.artifactSequence = _Sequence(context, artifact.collection, latest)
    return {"artifact": node}


class _Sequence(CollectionNode):
    """A sequence as it was before a version was begun."""

    def __init__(self, context: Context, collection: Collection, latest: Artifact | None) -> None:
        super().__init__(context, collection)
        self._before = latest

    @property
    def latestArtifact(self) -> ArtifactNode | None:
        return None if self._before is None else ArtifactNode(self._context, self._before)


def create_manifest(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    artifacts = context.core.artifacts
    artifact = artifacts.uploads.pending(context.who, number_of("Artifact", input["artifactID"]))
    part = _PARTS[input.get("type") or "FULL"]
    base = input.get("baseArtifactID")
    under = number_of("Artifact", base) if base else None
    manifest = artifacts.uploads.add_manifest(artifact, part, under, input.get("digest") or "")
    return _manifest(context, artifact, manifest, manifest.digest)


def update_manifest(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    number = number_of("ArtifactManifest", input["artifactManifestID"])
    artifact, manifest = context.core.artifacts.uploads.manifest_of(context.who, number)
    digest, base = input.get("digest") or "", input.get("baseArtifactID")
    under = number_of("Artifact", base) if base else manifest.base
    context.core.artifacts.uploads.announce_manifest(manifest, digest, under)
    return _manifest(context, artifact, manifest, digest)


def _manifest(
    context: Context, artifact: Artifact, manifest: Manifest, digest: str
) -> dict[str, Any]:
    id = storage_id("ArtifactManifest", str(manifest.number))
    name = "wandb_manifest.json"
    file: dict[str, Any] = {"id": id, "name": name, "displayName": name, "uploadHeaders": []}
    if digest:
        file["uploadUrl"] = signed(
            context, "put-manifest", MANIFEST, artifact, str(manifest.number), digest
        )
        file["uploadHeaders"] = [f"Content-MD5:{digest}"]
    return {"artifactManifest": {"id": id, "file": file}}


def create_files(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    """Return where each file is put, in their order; no address for what is here already."""
    context: Context = info.context
    artifacts = context.core.artifacts
    specs: Sequence[Input] = input["artifactFiles"]
    if len(specs) > FILES_MAX:
        raise Invalid(f"{len(specs):,} files; the limit is {FILES_MAX:,} in one request")
    owners: dict[str, Artifact] = {}
    for id in dict.fromkeys(spec["artifactID"] for spec in specs):
        owners[id] = artifacts.uploads.pending(context.who, number_of("Artifact", id))
    known = {
        id: artifacts.uploads.known(owner, [one["md5"] for one in specs if one["artifactID"] == id])
        for id, owner in owners.items()
    }
    nodes = []
    for spec in specs:
        id, digest = spec["artifactID"], spec["md5"]
        content = known[id].get(digest)
        owner = owners[id]
        birth = artifact_id(owner.number if content is None else content.artifact)
        node: dict[str, Any] = {
            "id": storage_id("ArtifactFile", str(owner.number), spec["name"]),
            "name": spec["name"],
            "displayName": spec["name"],
            "storagePath": spec["name"],
            "mimetype": type_of(spec["name"]),
            "md5": digest,
            "digest": digest,
            "artifact": {"id": birth},
            "uploadHeaders": [f"Content-MD5:{digest}"],
        }
        if content is None:
            path = str(owner.number)
            node["uploadUrl"] = signed(context, "put-content", CONTENT, owner, path, digest)
        nodes.append(node)
    cursors = [str(index + 1) for index in range(len(nodes))]
    return {"files": connection(nodes, cursors, False)}


def complete_multipart(_root: Any, _info: Any, input: Input) -> None:
    raise Invalid("files come here in one piece: no upload in parts was begun")


def commit_artifact(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    number = number_of("Artifact", input["artifactID"])
    return {
        "artifact": ArtifactNode(
            context, context.core.artifacts.uploads.commit(context.who, number)
        )
    }


def use_artifact(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    found = _find(context, input["artifactID"])
    entity, project = (
        context.entity(input.get("entityName")),
        project_name(input.get("projectName")),
    )
    run_id = input.get("runName") or ""
    _, run = context.core.runs.find(context.who, entity, project, run_id, "write", in_trash=True)
    context.core.artifacts.use(found, run)
    return {"artifact": ArtifactNode(context, found)}


# ── reading by id ──


def artifact(_root: Any, info: Any, id: str) -> ArtifactNode | None:
    context: Context = info.context
    try:
        return ArtifactNode(context, _find(context, id))
    except NotFound:
        return None


def collection(_root: Any, info: Any, id: str) -> CollectionNode | None:
    context: Context = info.context
    try:
        return CollectionNode(context, _collection(context, id))
    except NotFound:
        return None


def client_id(_root: Any, info: Any, clientID: str) -> dict[str, Any] | None:
    context: Context = info.context
    try:
        found = context.core.artifacts.by_client(context.who, clientID)
    except NotFound:
        return None
    return {"serverID": artifact_id(found.number)}


def _find(context: Context, id: str) -> Artifact:
    return context.core.artifacts.find(context.who, number_of("Artifact", id))


def _collection(context: Context, id: str) -> Collection:
    number = number_of("ArtifactCollection", id)
    return context.core.artifacts.collection_by_number(context.who, number)


# ── changing ──


def update_artifact(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    artifacts = context.core.artifacts
    # The client adds to metadata while a version is on its way, too.
    found = artifacts.uploads.pending(context.who, number_of("Artifact", input["artifactID"]))
    sets_ttl, ttl = _ttl(input)
    edited = artifacts.edits.edit(
        context.who,
        found,
        description=input.get("description"),
        metadata=input.get("metadata"),
        ttl_s=ttl,
        sets_ttl=sets_ttl,
        add_tags=_tags(input.get("tagsToAdd")),
        drop_tags=_tags(input.get("tagsToDelete")),
    )
    if input.get("aliases") is not None and edited.state == "committed":
        artifacts.edits.set_aliases(context.who, edited, _aliases(input, edited.collection.name))
    return {"artifact": ArtifactNode(context, edited)}


def delete_artifact(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    found = _find(context, input["artifactID"])
    with_aliases = bool(input.get("deleteAliases"))
    context.core.artifacts.edits.delete(context.who, found, with_aliases=with_aliases)
    return {"artifact": {"id": artifact_id(found.number)}}


def _by_collection(
    context: Context, input: Input
) -> tuple[Artifact, list[tuple[Collection, list[str]]]]:
    """Return a version, and which aliases of which collections are meant."""
    found = _find(context, input["artifactID"])
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for one in input["aliases"]:
        entity = context.entity(one.get("entityName"))
        where = (entity, project_name(one.get("projectName")), one["artifactCollectionName"])
        grouped.setdefault(where, []).append(one["alias"])
    core = context.core
    chosen = []
    for (entity, project, name), aliases in grouped.items():
        owner = core.projects.find(context.who, entity, project, "write")
        chosen.append((core.artifacts.collection(owner, name), aliases))
    return found, chosen


def add_aliases(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    found, chosen = _by_collection(context, input)
    for collection, aliases in chosen:
        context.core.artifacts.edits.point(context.who, collection, found, aliases)
    return {"success": True}


def delete_aliases(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    found, chosen = _by_collection(context, input)
    for collection, aliases in chosen:
        context.core.artifacts.edits.unpoint(context.who, collection, found, aliases)
    return {"success": True}


def link_artifact(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    artifacts = context.core.artifacts
    if input.get("artifactID"):
        found = _find(context, input["artifactID"])
    else:
        found = artifacts.by_client(context.who, input.get("clientID") or "")
    entity, project = (
        context.entity(input.get("entityName")),
        project_name(input.get("projectName")),
    )
    name = input.get("artifactPortfolioName")
    if not name:
        portfolio = _collection(context, input.get("artifactPortfolioID") or "")
        name, entity, project = portfolio.name, portfolio.entity, portfolio.project_name
    aliases = [one["alias"] for one in input.get("aliases") or []]
    member = artifacts.edits.link(context.who, found, entity, project, name, aliases)
    return {"versionIndex": member.version, "artifactMembership": MemberNode(context, member)}


def unlink_artifact(_root: Any, info: Any, input: Input) -> dict[str, Any]:
    context: Context = info.context
    portfolio = _collection(context, input["artifactPortfolioID"])
    context.core.artifacts.edits.unlink(context.who, _find(context, input["artifactID"]), portfolio)
    return {"success": True}


def _edit_collection(key: str) -> Callable[..., dict[str, Any]]:
    def resolve(_root: Any, info: Any, input: Input) -> dict[str, Any]:
        context: Context = info.context
        edited = context.core.artifacts.edits.edit_collection(
            context.who,
            _collection(context, input[key]),
            name=input.get("name"),
            description=input.get("description"),
            type=input.get("destinationArtifactTypeName"),
        )
        return {"artifactCollection": CollectionNode(context, edited)}

    return resolve


def _delete_collection(key: str) -> Callable[..., dict[str, Any]]:
    def resolve(_root: Any, info: Any, input: Input) -> dict[str, Any]:
        context: Context = info.context
        found = _collection(context, input[key])
        context.core.artifacts.edits.delete_collection(context.who, found)
        return {"artifactCollection": CollectionNode(context, found, state="DELETED")}

    return resolve


def _tag_collection(add: bool) -> Callable[..., dict[str, Any]]:
    def resolve(_root: Any, info: Any, input: Input) -> dict[str, Any]:
        context: Context = info.context
        core = context.core
        owner = core.projects.find(
            context.who,
            context.entity(input.get("entityName")),
            project_name(input.get("projectName")),
            "write",
        )
        found = core.artifacts.collection(owner, input["artifactCollectionName"])
        tags = _tags(input["tags"])
        edited = core.artifacts.edits.edit_collection(
            context.who, found, add_tags=tags if add else (), drop_tags=() if add else tags
        )
        return {"tags": tag_nodes(edited.tags), "success": True}

    return resolve


# ── what is given ──


def _aliases(input: Input, collection: str) -> list[str]:
    given = input.get("aliases") or []
    return [
        one["alias"] for one in given if one.get("artifactCollectionName") in (None, "", collection)
    ]


def _tags(given: Sequence[Input] | None) -> list[str]:
    return [one["tagName"] for one in given or []]


def _ttl(input: Input) -> tuple[bool, int | None]:
    """Return whether a time to live is given, and how it is kept: None is inherited, 0 endless."""
    given = input.get("ttlDurationSeconds")
    if given is None:
        return False, None
    if given == INHERITED:
        return True, None
    if given == ENDLESS:
        return True, 0
    if given <= 0 or given > 2**40:
        raise Invalid(f"no time to live: {given} s", code="ttl")
    return True, given


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.artifact": artifact,
    "Query.artifactCollection": collection,
    "Query.clientIDMapping": client_id,
    "Mutation.createArtifact": create_artifact,
    "Mutation.createArtifactManifest": create_manifest,
    "Mutation.updateArtifactManifest": update_manifest,
    "Mutation.createArtifactFiles": create_files,
    "Mutation.completeMultipartUploadArtifact": complete_multipart,
    "Mutation.commitArtifact": commit_artifact,
    "Mutation.useArtifact": use_artifact,
    "Mutation.updateArtifact": update_artifact,
    "Mutation.deleteArtifact": delete_artifact,
    "Mutation.addAliases": add_aliases,
    "Mutation.deleteAliases": delete_aliases,
    "Mutation.linkArtifact": link_artifact,
    "Mutation.unlinkArtifact": unlink_artifact,
    "Mutation.updateArtifactSequence": _edit_collection("artifactSequenceID"),
    "Mutation.updateArtifactPortfolio": _edit_collection("artifactPortfolioID"),
    "Mutation.moveArtifactSequence": _edit_collection("artifactSequenceID"),
    "Mutation.deleteArtifactSequence": _delete_collection("artifactSequenceID"),
    "Mutation.deleteArtifactPortfolio": _delete_collection("artifactPortfolioID"),
    "Mutation.createArtifactCollectionTagAssignments": _tag_collection(True),
    "Mutation.deleteArtifactCollectionTagAssignments": _tag_collection(False),
}
