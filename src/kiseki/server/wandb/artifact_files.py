"""Content and manifests of artifacts: put to and fetched from signed addresses, or by digest with a key."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from kiseki.core.artifacts import Artifact, Content
from kiseki.core.manifests import Measured
from kiseki.core.projects import ListedProject
from kiseki.errors import NotFound, PublicError
from kiseki.server import content, receiving
from kiseki.server.routing import Call, Routes, read_body
from kiseki.server.together import Together
from kiseki.server.wandb.artifact_nodes import CONTENT, MANIFEST, hex_to_base64
from kiseki.server.wandb.context import Door
from kiseki.server.wandb.signing import Permit

BYTES = "application/octet-stream"
# The client opens 128 connections at once; those that wait here are not refused, which would cost it seconds.
PUTS_MAX = 16
SMALL_BYTES_MAX = 128 * 1024  # of content that is taken as a whole, with others
SMALL_PUTS_MAX = 128


def add_routes(door: Door, routes: Routes) -> None:
    """Declare the addresses of artifacts' files."""
    places, many = asyncio.Semaphore(PUTS_MAX), asyncio.Semaphore(SMALL_PUTS_MAX)
    small = Together(partial(_keep_small, door))

    @routes.add("PUT", f"{CONTENT}/{{token}}", body=BYTES, answer=None, is_public=True)
    async def put_artifact_content(call: Call) -> Response:
        """Take content of an artifact that an address was given for."""
        if _small_size(call):
            async with many:
                permit = door.signer.read(call.path["token"], "put-content")
                data = await read_body(call.request, SMALL_BYTES_MAX)
                digest = await small.do((permit, data))
            return Response(status_code=200, headers={"ETag": f'"{digest}"'})
        async with places:
            return await _put(door, call, "put-content")

    @routes.add("PUT", f"{MANIFEST}/{{token}}", body=BYTES, answer=None, is_public=True)
    async def put_artifact_manifest(call: Call) -> Response:
        """Take the manifest of an artifact that an address was given for."""
        async with places:
            return await _put(door, call, "put-manifest")

    @routes.get(f"{CONTENT}/{{token}}", answer=BYTES, is_public=True)
    def get_artifact_content(call: Call) -> Response:
        """Return content of an artifact that an address was given for."""
        permit = door.signer.read(call.path["token"], "get-content")
        who = door.core.access.by_number(permit.user)
        project = door.core.projects.find(who, permit.entity, permit.project)
        found = door.core.artifacts.content(project, permit.content)
        return _answer(call, permit.path, found.sha256, found.size)

    @routes.get(f"{MANIFEST}/{{token}}", answer=BYTES, is_public=True)
    def get_artifact_manifest(call: Call) -> Response:
        """Return the manifest of an artifact that an address was given for."""
        permit = door.signer.read(call.path["token"], "get-manifest")
        artifacts = door.core.artifacts
        found = artifacts.find(door.core.access.by_number(permit.user), int(permit.path))
        size = artifacts.size(found.manifest)
        return _answer(call, "wandb_manifest.json", found.manifest, size)

    @routes.get(
        "/artifactsV2/{region}/{entity}/{project}/{collection}/{birth}/{digest}/{path}",
        answer=BYTES,
    )
    def get_artifact_file(call: Call) -> Response:
        """Return content that artifacts of a project hold, by its MD5."""
        project = call.core.projects.find(call.who, call.path["entity"], call.path["project"])
        found = call.core.artifacts.content(project, hex_to_base64(call.path["digest"]))
        return _answer(call, call.path["path"], found.sha256, found.size)

    @routes.get("/artifacts/{entity}/{digest}", answer=BYTES)
    def get_old_artifact_file(call: Call) -> Response:
        """Return content that artifacts of an entity's projects hold, by its MD5: of old manifests."""
        digest = call.path["digest"]
        found = _anywhere(call, call.path["entity"], hex_to_base64(digest))
        return _answer(call, digest, found.sha256, found.size)


def _anywhere(call: Call, entity: str, digest: str) -> Content:
    projects: list[ListedProject] = call.core.projects.visible(call.who)
    for project in projects:
        if project.entity == entity:
            try:
                return call.core.artifacts.content(project, digest)
            except NotFound:
                continue
    raise NotFound("no artifact holds this content", code="absent")


async def _put(door: Door, call: Call, verb: str) -> Response:
    permit = door.signer.read(call.path["token"], verb)
    keep = await run_in_threadpool(_keeper, door, permit)
    reception = await receiving.begin(call)
    try:
        measured = Measured(reception)
        await receiving.take(call, measured)
        digest = await run_in_threadpool(keep, measured)
    finally:
        await run_in_threadpool(reception.close)
    return Response(status_code=200, headers={"ETag": f'"{digest}"'})


def _small_size(call: Call) -> bool:
    declared = call.request.headers.get("content-length", "")
    return declared.isdecimal() and int(declared) <= SMALL_BYTES_MAX


def _keep_small(door: Door, came: Sequence[tuple[Permit, bytes]]) -> list[str | Exception]:
    """Keep contents that are here as a whole; the rights are those of now, looked up once for all of them."""
    artifacts = door.core.artifacts.uploads
    answers: list[str | Exception] = [ValueError()] * len(came)
    owners: dict[tuple[int, str], Artifact | PublicError] = {}
    kept: list[int] = []
    contents: list[tuple[Artifact, bytes, str]] = []
    for index, (permit, data) in enumerate(came):
        key = (permit.user, permit.path)
        if key not in owners:
            try:
                who = door.core.access.by_number(permit.user)
                owners[key] = artifacts.pending(who, int(permit.path))
            except PublicError as error:
                owners[key] = error
        owner = owners[key]
        if isinstance(owner, PublicError):
            answers[index] = owner
        else:
            kept.append(index)
            contents.append((owner, data, permit.content))
    for index, answer in zip(kept, artifacts.keep_small(contents), strict=True):
        answers[index] = answer
    return answers


def _keeper(door: Door, permit: Permit) -> Any:
    """Return what keeps the content that an address is for; the rights are those of now."""
    artifacts, who = door.core.artifacts, door.core.access.by_number(permit.user)
    if permit.verb == "put-manifest":
        artifact, manifest = artifacts.uploads.manifest_of(who, int(permit.path))
        return lambda measured: artifacts.uploads.keep_manifest(artifact, manifest, measured)
    artifact = artifacts.uploads.pending(who, int(permit.path))
    return lambda measured: artifacts.uploads.keep(artifact, measured, permit.content)


def _answer(call: Call, name: str, sha256: str, size: int) -> Response:
    request, artifacts = call.request, call.core.artifacts
    headers = content.headers_of(name, sha256, as_attachment=True, is_named_by_content=False)

    def read(first: int, behind: int) -> Any:
        return artifacts.read(sha256, first, behind)

    return content.answer(read, size, headers, dict(request.headers.items()), request.method)
