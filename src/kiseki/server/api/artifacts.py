"""Artifacts: what there is, whole or by the page; files of versions; and what people change of them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.responses import Response

from kiseki.core.artifacts import Artifact, Collection, Member, Role
from kiseki.core.projects import Project
from kiseki.core.runs import Run
from kiseki.errors import Invalid
from kiseki.server import content
from kiseki.server.routing import Call, Routes, not_modified

routes = Routes()

PROJECT = "/api/v1/projects/{entity}/{project}"
ARTIFACTS = PROJECT + "/artifacts"
VERSION = ARTIFACTS + "/{collection}/{version}"
BYTES = "application/octet-stream"
PAGE_MAX = 1_000
TTL_S_MAX = 2**40


class TypeAnswer(msgspec.Struct):
    type: str
    collections: int
    versions: int


class RunOfArtifact(msgspec.Struct):
    """A run that made or used a version; maybe another project's."""

    entity: str
    project: str
    id: str
    name: str
    state: str


class ArtifactAnswer(msgspec.Struct):
    """A version at its place in a collection.

    `number` names it on the server; `metadata` is what was logged, null for none; `expires_us`: when its time
    to live passes, null for never; `ttl_s` null: none was chosen, 0: for ever.
    """

    number: int
    entity: str
    project: str
    collection: str
    type: str
    version: int
    aliases: list[str]
    tags: list[str]
    digest: str
    size: int
    files: int
    description: str
    metadata: Any
    ttl_s: int | None
    expires_us: int | None
    user: str
    made_by: RunOfArtifact | None
    created_us: int
    updated_us: int


class CollectionAnswer(msgspec.Struct):
    """`kind`: `sequence`, or `portfolio`, which versions of others are linked into."""

    name: str
    kind: str
    type: str
    description: str
    tags: list[str]
    versions: int
    size: int
    latest: ArtifactAnswer | None
    created_us: int
    updated_us: int


class ArtifactsAnswer(msgspec.Struct):
    """All types, and a page of the collections asked for, changed last first."""

    types: list[TypeAnswer]
    total: int
    collections: list[CollectionAnswer]


class ArtifactVersionsAnswer(msgspec.Struct):
    """A collection and a page of its versions, the newest first."""

    collection: CollectionAnswer
    total: int
    versions: list[ArtifactAnswer]


class PlaceOfArtifact(msgspec.Struct):
    """A collection that a version is in; its own sequence is the first one."""

    entity: str
    project: str
    collection: str
    kind: str
    version: int
    aliases: list[str]


class ArtifactDetailAnswer(ArtifactAnswer):
    """`used_by`: runs that used it; `deletable`, `editable`: by who asks."""

    places: list[PlaceOfArtifact]
    used_by: list[RunOfArtifact]
    deletable: bool
    editable: bool


class FolderOfArtifact(msgspec.Struct):
    """`files`, `size`: of all that is below it."""

    name: str
    files: int
    size: int


class FileOfArtifact(msgspec.Struct):
    """`ref`: where it is, if it is not kept here."""

    name: str
    size: int
    digest: str
    type: str
    ref: str | None


class ArtifactFolderAnswer(msgspec.Struct):
    """What lies in a folder: all its folders, and a page of its `total` files."""

    folders: list[FolderOfArtifact]
    total: int
    files: list[FileOfArtifact]


class ChangeOfArtifact(msgspec.Struct):
    """A file that two versions do not have alike; null where it is not there."""

    path: str
    before: int | None
    after: int | None


class ArtifactChangesAnswer(msgspec.Struct):
    """How a version differs from another one: counts of files, bytes more or less, a page of the files."""

    added: int
    removed: int
    changed: int
    same: int
    bytes: int
    changes: list[ChangeOfArtifact]


class RunArtifactsAnswer(msgspec.Struct):
    """What a run made and used, in the order in which it did; at most 1,000 of each."""

    made: list[ArtifactAnswer]
    used: list[ArtifactAnswer]


class ClientArtifactAnswer(msgspec.Struct):
    entity: str
    project: str
    collection: str
    version: int


class ArtifactsQuery(msgspec.Struct):
    """`type`: only of this one; `search`: text in the name."""

    type: str = ""
    search: str = ""
    offset: int = 0
    limit: int = 100


class PageQuery(msgspec.Struct):
    offset: int = 0
    limit: int = 100


class FolderQuery(msgspec.Struct):
    """`under`: the folder; absent: the top."""

    under: str = ""
    offset: int = 0
    limit: int = 500


class ChangesQuery(msgspec.Struct):
    """`since`: the other version, by number, alias or digest; in the same collection."""

    since: str
    offset: int = 0
    limit: int = 500


class ArtifactContentQuery(msgspec.Struct):
    """`download=1`: as an attachment."""

    download: bool = False


class ArtifactEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What is absent stays. `aliases`: these and no others; `ttl_s`: seconds from its making, 0: for ever."""

    description: str | msgspec.UnsetType = msgspec.UNSET
    aliases: list[str] | msgspec.UnsetType = msgspec.UNSET
    tags: list[str] | msgspec.UnsetType = msgspec.UNSET
    ttl_s: int | msgspec.UnsetType | None = msgspec.UNSET


class DeleteQuery(msgspec.Struct):
    """`aliases=1`: also if aliases point to it."""

    aliases: bool = False


@routes.get(ARTIFACTS, query=ArtifactsQuery, answer=ArtifactsAnswer)
def list_artifacts(call: Call) -> ArtifactsAnswer:
    """Return the types of a project's artifacts, and collections by the page."""
    project, query = _project(call), call.query
    types = call.core.meta.artifact_types(project.number)
    total, found = call.core.meta.list_collections(
        project.number, query.type, query.search, max(0, query.offset), _limit(query.limit)
    )
    return ArtifactsAnswer(
        [TypeAnswer(one.name, one.collections, one.versions) for one in types],
        total,
        [
            _collection_answer(call, one.collection, one.versions, one.size, one.latest)
            for one in found
        ],
    )


@routes.get(ARTIFACTS + "/{collection}", query=PageQuery, answer=ArtifactVersionsAnswer)
def list_versions(call: Call) -> ArtifactVersionsAnswer:
    """Return a collection, and its versions by the page."""
    artifacts, query = call.core.artifacts, call.query
    found = artifacts.collection(_project(call), call.path["collection"])
    total, size = call.core.meta.sum_of_versions(found.number)
    offset = max(0, query.offset)
    members = artifacts.members(call.who, found, offset, _limit(query.limit))
    newest = members if offset == 0 else artifacts.members(call.who, found, 0, 1)
    return ArtifactVersionsAnswer(
        _collection_answer(call, found, total, size, newest[0] if newest else None),
        total,
        [_answer(call, one) for one in members],
    )


@routes.add("DELETE", ARTIFACTS + "/{collection}", answer=None)
def delete_collection(call: Call) -> None:
    """Delete a collection with all its versions; of a portfolio only the links."""
    found = call.core.artifacts.collection(_project(call), call.path["collection"])
    call.core.artifacts.edits.delete_collection(call.who, found)


@routes.get(VERSION, answer=ArtifactDetailAnswer)
def show_artifact(call: Call) -> ArtifactDetailAnswer:
    """Return a version, named by its number (`v3`), an alias or its digest."""
    return _detail(call, _member(call))


@routes.add("PATCH", VERSION, body=ArtifactEdit, answer=ArtifactDetailAnswer)
def edit_artifact(call: Call) -> ArtifactDetailAnswer:
    """Change what is said of a version, its aliases, tags or time to live."""
    member, body, edits = _member(call), call.body, call.core.artifacts.edits
    found = member.artifact
    sets_ttl = body.ttl_s is not msgspec.UNSET
    if sets_ttl and body.ttl_s is not None and not 0 <= body.ttl_s <= TTL_S_MAX:
        raise Invalid(f"no time to live: {body.ttl_s} s", code="ttl")
    tags = None if body.tags is msgspec.UNSET else body.tags
    edits.edit(
        call.who,
        found,
        description=None if body.description is msgspec.UNSET else body.description,
        ttl_s=body.ttl_s if sets_ttl else None,
        sets_ttl=sets_ttl,
        add_tags=[] if tags is None else tags,
        drop_tags=[] if tags is None else [tag for tag in found.tags if tag not in tags],
    )
    if body.aliases is not msgspec.UNSET:
        edits.set_aliases(call.who, found, body.aliases)
    return _detail(
        call, call.core.artifacts.member(call.who, member.collection, f"v{member.version}")
    )


@routes.add("DELETE", VERSION, query=DeleteQuery, answer=None)
def delete_artifact(call: Call) -> None:
    """Delete a version; 409 `aliases` if some point to it."""
    found = _member(call).artifact
    call.core.artifacts.edits.delete(call.who, found, with_aliases=call.query.aliases)


@routes.get(VERSION + "/files", query=FolderQuery, answer=ArtifactFolderAnswer)
def list_artifact_files(call: Call) -> ArtifactFolderAnswer:
    """Return what lies in one folder of a version."""
    query = call.query
    found = call.core.artifacts.folder(_member(call).artifact, query.under)
    first = max(0, query.offset)
    return ArtifactFolderAnswer(
        [FolderOfArtifact(*one) for one in found.folders],
        len(found.files),
        [
            FileOfArtifact(name, entry.size, entry.digest, content.type_of(name), entry.ref)
            for name, entry in found.files[first : first + _limit(query.limit)]
        ],
    )


@routes.get(VERSION + "/changes", query=ChangesQuery, answer=ArtifactChangesAnswer)
def list_changes(call: Call) -> ArtifactChangesAnswer:
    """Return which files of a version are not as they are in another one."""
    artifacts, query = call.core.artifacts, call.query
    member = _member(call)
    other = artifacts.member(call.who, member.collection, query.since)
    found = artifacts.changes(other.artifact, member.artifact)
    added = sum(one.before is None for one in found)
    removed = sum(one.after is None for one in found)
    first = max(0, query.offset)
    return ArtifactChangesAnswer(
        added,
        removed,
        len(found) - added - removed,
        member.artifact.files - (len(found) - removed),
        sum((one.after or 0) - (one.before or 0) for one in found),
        [
            ChangeOfArtifact(one.path, one.before, one.after)
            for one in found[first : first + _limit(query.limit)]
        ],
    )


@routes.get(VERSION + "/content/{path}", query=ArtifactContentQuery, answer=BYTES)
def show_artifact_file(call: Call) -> Response:
    """Return the content of a file of a version; ranges are answered."""
    artifacts, request, path = call.core.artifacts, call.request, call.path["path"]
    found = artifacts.file(_member(call).artifact, path)
    call.headers |= content.headers_of(
        path,
        found.sha256,
        as_attachment=call.query.download,
        is_named_by_content=False,
        is_framed=request.headers.get("sec-fetch-dest") == "iframe",
    )
    known = request.headers.get("if-none-match", "")
    if call.headers["ETag"] in (part.strip().removeprefix("W/") for part in known.split(",")):
        return not_modified(call)

    def read(first: int, behind: int) -> Any:
        return artifacts.read(found.sha256, first, behind)

    asked = dict(request.headers.items())
    return content.answer(read, found.size, call.headers, asked, request.method)


@routes.get(PROJECT + "/artifact-clients/{client}", answer=ClientArtifactAnswer)
def show_client_artifact(call: Call) -> ClientArtifactAnswer:
    """Return the version that a `wandb-client-artifact://` address in a logged value means."""
    found = call.core.artifacts.by_client(call.who, call.path["client"])
    owner = found.collection
    if found.version is None:
        call.core.artifacts.find(call.who, found.number)  # not there before it is committed
    return ClientArtifactAnswer(owner.entity, owner.project_name, owner.name, found.version or 0)


@routes.get(PROJECT + "/runs/{run}/artifacts", answer=RunArtifactsAnswer)
def list_run_artifacts(call: Call) -> RunArtifactsAnswer:
    """Return the versions that a run made and used."""
    path = call.path
    _, run = call.core.runs.find(call.who, path["entity"], path["project"], path["run"])
    return RunArtifactsAnswer(_of_run(call, run, "made"), _of_run(call, run, "used"))


# ── what is asked for ──


def _project(call: Call) -> Project:
    return call.core.projects.find(call.who, call.path["entity"], call.path["project"])


def _member(call: Call) -> Member:
    artifacts = call.core.artifacts
    collection = artifacts.collection(_project(call), call.path["collection"])
    return artifacts.member(call.who, collection, call.path["version"])


def _limit(limit: int) -> int:
    return max(0, min(limit, PAGE_MAX))


# ── answers ──


def _of_run(call: Call, run: Run, role: Role) -> list[ArtifactAnswer]:
    artifacts = call.core.artifacts
    found = artifacts.of_run(call.who, run.number, role)[:PAGE_MAX]
    places = (artifacts.members_of(call.who, one) for one in found)
    return [_answer(call, own[0]) for own in places if own]


def _collection_answer(
    call: Call, collection: Collection, versions: int, size: int, latest: Member | None
) -> CollectionAnswer:
    return CollectionAnswer(
        collection.name,
        collection.kind,
        collection.type,
        collection.description,
        list(collection.tags),
        versions,
        size,
        None if latest is None else _answer(call, latest),
        collection.created_us,
        collection.updated_us,
    )


def _run_answer(project: Project, run: Run) -> RunOfArtifact:
    return RunOfArtifact(project.entity, project.name, run.id, run.name, run.state)


def _fields(call: Call, member: Member) -> dict[str, Any]:
    found, owner = member.artifact, member.collection
    user = call.core.meta.user_by_number(found.user)
    made_by = call.core.artifacts.maker(call.who, found)
    return {
        "number": found.number,
        "entity": owner.entity,
        "project": owner.project_name,
        "collection": owner.name,
        "type": owner.type,
        "version": member.version,
        "aliases": list(member.aliases),
        "tags": list(found.tags),
        "digest": found.digest,
        "size": found.size,
        "files": found.files,
        "description": found.description,
        "metadata": _metadata(found),
        "ttl_s": found.ttl_s,
        "expires_us": found.created_us + found.ttl_s * 1_000_000 if found.ttl_s else None,
        "user": user.name if user else "",
        "made_by": None if made_by is None else _run_answer(*made_by),
        "created_us": found.created_us,
        "updated_us": found.updated_us,
    }


def _answer(call: Call, member: Member) -> ArtifactAnswer:
    return ArtifactAnswer(**_fields(call, member))


def _detail(call: Call, member: Member) -> ArtifactDetailAnswer:
    artifacts, found = call.core.artifacts, member.artifact
    places = [
        PlaceOfArtifact(
            one.collection.entity,
            one.collection.project_name,
            one.collection.name,
            one.collection.kind,
            one.version,
            list(one.aliases),
        )
        for one in artifacts.members_of(call.who, found)
    ]
    users = [_run_answer(*one) for one in artifacts.users(call.who, found)[:PAGE_MAX]]
    return ArtifactDetailAnswer(
        **_fields(call, member),
        places=places,
        used_by=users,
        deletable=artifacts.edits.can_delete(call.who, found),
        editable=artifacts.edits.can_edit(call.who, found),
    )


def _metadata(artifact: Artifact) -> Any:
    if not artifact.metadata:
        return None
    try:
        return json.loads(artifact.metadata, parse_constant=str)
    except (ValueError, RecursionError):
        return None
