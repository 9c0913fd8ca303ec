"""Files of runs: content in and out, streamed both ways.

PUT blobs/{sha256}   what uploaders send; hashed on the way, answered when it is durable
GET files/{path}     what a run calls by this name
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from kiseki.core.files import MISSING_MAX, RunFile, check_digest, check_name
from kiseki.core.runs import Run
from kiseki.errors import Invalid, NotFound
from kiseki.server import archive, content, receiving
from kiseki.server.routing import Call, Routes, not_modified, read_body, render

routes = Routes()

PROJECT = "/api/v1/projects/{entity}/{project}"
FILES = PROJECT + "/runs/{run}/files"
BYTES = "application/octet-stream"
PACK = "application/x-kiseki-blobs"
PACK_BYTES_MAX = 16 * 1024 * 1024


class Digests(msgspec.Struct, forbid_unknown_fields=True):
    sha256: list[str]


class MissingAnswer(msgspec.Struct):
    """Those of the contents that the project does not hold."""

    missing: list[str]


class BlobAnswer(msgspec.Struct):
    """Content that the project holds now."""

    sha256: str
    size: int


class PackAnswer(msgspec.Struct):
    """The SHA-256 of each content, in their order; the project holds them now."""

    sha256: list[str]


class RunFileAnswer(msgspec.Struct):
    """A file of a run. `stored` false: it is named, and its content not (yet) there.

    `policy` says when it is uploaded: `live` (whenever it changes), `now` or `end`.
    """

    path: str
    policy: str
    size: int
    sha256: str
    type: str
    time_us: int
    stored: bool


class FilesAnswer(msgspec.Struct):
    files: list[RunFileAnswer]


class FilesQuery(msgspec.Struct):
    """Which attempt; absent: the latest."""

    attempt: int | None = None


class ArchiveQuery(msgspec.Struct):
    """Which attempt; absent: the latest. `under`: only files of this folder."""

    attempt: int | None = None
    under: str = ""


class ContentQuery(msgspec.Struct):
    """`download=1`: as an attachment. `v`: the content's SHA-256; with it the answer may be kept for ever."""

    attempt: int | None = None
    download: bool = False
    v: str = ""


@routes.post(f"{PROJECT}/blobs/missing", body=Digests, answer=MissingAnswer)
def list_missing(call: Call) -> MissingAnswer:
    """Return which of these contents the project does not hold yet."""
    entity, project = call.path["entity"], call.path["project"]
    return MissingAnswer(call.core.files.missing(call.who, entity, project, call.body.sha256))


@routes.post(f"{PROJECT}/blobs", body=PACK, answer=PackAnswer)
async def put_blobs(call: Call) -> PackAnswer:
    """Take several small contents at once; answered when all are durable."""
    files = call.core.files
    owner = await run_in_threadpool(
        files.writable_project, call.who, call.path["entity"], call.path["project"]
    )
    contents = unpacked(await read_body(call.request, PACK_BYTES_MAX))
    return PackAnswer(await run_in_threadpool(files.keep_all, owner, contents))


def unpacked(body: bytes) -> list[bytes]:
    """Return the contents of a body: of each its length, a little-endian u32, and its bytes."""
    contents: list[bytes] = []
    at = 0
    while at < len(body):
        begin = at + 4
        at = begin + int.from_bytes(body[at:begin], "little")
        if at > len(body) or begin > len(body):
            raise Invalid("the body ends within a content", code="body")
        contents.append(body[begin:at])
    if len(contents) > MISSING_MAX:
        raise Invalid(f"{len(contents):,} contents; the limit is {MISSING_MAX:,}", code="body")
    return contents


@routes.add("PUT", f"{PROJECT}/blobs/{{sha256}}", body=BYTES, answer=BlobAnswer)
async def put_blob(call: Call) -> Response:
    """Take content, known by its SHA-256; answered when it is durable. 201: it is new in the project."""
    digest, files = call.path["sha256"], call.core.files
    check_digest(digest)
    owner = await run_in_threadpool(
        files.writable_project, call.who, call.path["entity"], call.path["project"]
    )
    reception = await receiving.begin(call)
    try:
        await receiving.take(call, reception)
        is_new = await run_in_threadpool(files.keep, owner, reception, digest)
        answer = BlobAnswer(digest, reception.incoming.size)
    finally:
        await run_in_threadpool(reception.close)
    return render(call, answer, 201 if is_new else 200)


@routes.get(FILES, query=FilesQuery, answer=FilesAnswer)
def list_files(call: Call) -> FilesAnswer:
    """Return the files of a run, in the order they were named."""
    run = _find(call)
    return FilesAnswer([_answer(file) for file in call.core.files.list(run, call.query.attempt)])


@routes.get(f"{FILES}.zip", query=ArchiveQuery, answer=archive.TYPE)
def download_files(call: Call) -> Response:
    """Return all files of a run whose content is there as one zip file, made while it is sent."""
    run, files = _find(call), call.core.files
    folder = f"{call.query.under.strip('/')}/" if call.query.under.strip("/") else ""
    held = [
        file
        for file in files.list(run, call.query.attempt)
        if file.stored and file.path.startswith(folder)
    ]
    if not held:
        raise NotFound(f"run {run.id} has no files here whose content is there", code="absent")
    members = (archive.Member(one.path, one.size, one.time_us, one) for one in held)
    last = folder.rstrip("/").rpartition("/")[2]
    call.headers |= {
        "Content-Type": archive.TYPE,
        "Content-Disposition": content.attachment(f"{run.id}{'-' + last if last else ''}.zip"),
        "Content-Security-Policy": content.POLICY,
        "Cache-Control": "private, no-store",
    }
    return content.stream(archive.pack(members, files.read), call.headers)


@routes.get(FILES + "/{path}", query=ContentQuery, answer=BYTES)
def show_file(call: Call) -> Response:
    """Return the content of a file; ranges are answered."""
    files, query, request = call.core.files, call.query, call.request
    file = files.find(_find(call), call.path["path"], query.attempt)
    call.headers |= content.headers_of(
        file.path,
        file.sha256,
        as_attachment=query.download,
        is_named_by_content=query.v == file.sha256,
        is_framed=request.headers.get("sec-fetch-dest") == "iframe",
    )
    known = request.headers.get("if-none-match", "")
    if call.headers["ETag"] in (part.strip().removeprefix("W/") for part in known.split(",")):
        return not_modified(call)

    def read(first: int, behind: int) -> Any:
        return files.read(file, first, behind)

    asked = dict(request.headers.items())
    return content.answer(read, file.size, call.headers, asked, request.method)


@routes.add("PUT", FILES + "/{path}", body=BYTES, answer=RunFileAnswer)
async def put_file(call: Call) -> Response:
    """Take a file of a run by hand; a file of this name is replaced. 201 with the file."""
    files, path = call.core.files, call.path["path"]
    check_name(path)
    run = await run_in_threadpool(_find, call, "write")
    owner = await run_in_threadpool(
        files.writable_project, call.who, call.path["entity"], call.path["project"]
    )
    reception = await receiving.begin(call)
    try:
        await receiving.take(call, reception)
        digest, size = reception.incoming.digest, reception.incoming.size
        await run_in_threadpool(files.keep, owner, reception, digest)
        file = await run_in_threadpool(files.add, run, path, digest, size)
    finally:
        await run_in_threadpool(reception.close)
    return render(call, _answer(file), 201)


@routes.add("DELETE", FILES + "/{path}", answer=None)
def delete_file(call: Call) -> None:
    """Take a file away from a run."""
    call.core.files.delete(_find(call, "write"), call.path["path"])


def _find(call: Call, verb: Any = "read") -> Run:
    path = call.path
    return call.core.runs.find(call.who, path["entity"], path["project"], path["run"], verb)[1]


def _answer(file: RunFile) -> RunFileAnswer:
    return RunFileAnswer(
        file.path,
        file.policy,
        file.size,
        file.sha256,
        content.type_of(file.path),
        file.time_us,
        file.stored,
    )
