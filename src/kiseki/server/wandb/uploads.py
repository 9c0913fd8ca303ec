"""Files of runs, as the official client brings them: it asks for addresses, and puts the content there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from kiseki.core.files import check_name
from kiseki.core.rights import Principal
from kiseki.errors import Invalid
from kiseki.record.types import Environment
from kiseki.server import content, receiving
from kiseki.server.routing import Call
from kiseki.server.wandb import translation
from kiseki.server.wandb.context import Context, Door, project_name
from kiseki.server.wandb.ids import names_of, storage_id
from kiseki.server.wandb.signing import Permit

FILES_MAX = 10_000  # of one request
SIGNED = "/files/-/signed"
PACKAGES = "requirements.txt"
PACKAGES_BYTES_MAX = 1024 * 1024


def create_run_files(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    context: Context = info.context
    entity, project = (
        context.entity(input.get("entityName")),
        project_name(input.get("projectName")),
    )
    id, names = input.get("runName") or "", list(input["files"])
    if len(names) > FILES_MAX:
        raise Invalid(f"{len(names):,} files; the limit is {FILES_MAX:,} in one request")
    context.core.runs.find(context.who, entity, project, id, "write", in_trash=True)
    user = context.who.user.number
    files = []
    for name in names:
        check_name(name)
        token = context.door.signer.sign(Permit("put", user, entity, project, id, name))
        url = f"{context.url}{SIGNED}/{token}"
        files.append(
            {"id": storage_id("File", entity, project, id, name), "name": name, "uploadUrl": url}
        )
    return {"runID": storage_id("Run", entity, project, id), "uploadHeaders": [], "files": files}


def mark_uploaded(_root: Any, _info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    return {"success": True}  # what was put is there


def delete_files(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    context: Context = info.context
    for id in input["files"][:FILES_MAX]:
        entity, project, run_id, path = names_of("File", id, 4)
        _, run = context.core.runs.find(context.who, entity, project, run_id, "write")
        context.core.files.delete(run, path)
    return {"success": True}


async def put_signed(door: Door, call: Call) -> Response:
    """Take the content of a file of a run; the address says which."""
    permit = door.signer.read(call.path["token"], "put")
    who = await run_in_threadpool(_who, door, permit)
    core = call.core
    place = (permit.entity, permit.project, permit.run)
    find = partial(core.runs.find, who, *place, "write", in_trash=True)
    _, run = await run_in_threadpool(find)
    owner = await run_in_threadpool(core.files.writable_project, who, permit.entity, permit.project)
    reception = await receiving.begin(call)
    try:
        await receiving.take(call, reception)
        digest, size = reception.incoming.digest, reception.incoming.size
        await run_in_threadpool(core.files.keep, owner, reception, digest)
        file = await run_in_threadpool(core.files.add, run, permit.path, digest, size)
    finally:
        await run_in_threadpool(reception.close)
    if permit.path == PACKAGES and size <= PACKAGES_BYTES_MAX:
        text = await run_in_threadpool(lambda: b"".join(core.files.read(file)))
        packages = translation.requirements(text.decode("utf-8", "replace"))
        if packages:
            await run_in_threadpool(door.writers.say, run, who, [Environment(packages=packages)])
    return Response(status_code=200, headers={"ETag": f'"{digest}"'})


def get_signed(door: Door, call: Call) -> Response:
    """Return the content of a file of a run; the address says which."""
    permit = door.signer.read(call.path["token"], "get")
    who = _who(door, permit)
    core, request = call.core, call.request
    _, run = core.runs.find(who, permit.entity, permit.project, permit.run)
    file = core.files.find(run, permit.path)
    headers = content.headers_of(
        file.path, file.sha256, as_attachment=True, is_named_by_content=False
    )

    def read(first: int, behind: int) -> Any:
        return core.files.read(file, first, behind)

    return content.answer(read, file.size, headers, dict(request.headers.items()), request.method)


def _who(door: Door, permit: Permit) -> Principal:
    """Return the user that an address was given to, with what they may do now."""
    return door.core.access.by_number(permit.user)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.createRunFiles": create_run_files,
    "Mutation.markRunFilesUploaded": mark_uploaded,
    "Mutation.deleteFiles": delete_files,
}
