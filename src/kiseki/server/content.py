"""Answers that hold what people uploaded (reliability 5.9).

The type comes from a list of what cannot act in a browser, by the end of the name, never from the client;
everything else is an attachment. A policy of its own keeps even a page that is opened directly from scripts,
forms and an origin.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from kiseki.server.problems import problem

UNKNOWN = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"
_PLAIN = (
    "txt log md rst csv tsv json jsonl ndjson yaml yml toml ini cfg conf env xml patch diff sh bash bat ps1 "
    "py pyi ipynb r jl m lua js ts tsx jsx css scss c h cc cpp hpp cu cuh java kt go rs rb php sql tex bib "
    "gitignore dockerfile makefile requirements lock pbtxt prototxt obj mol pdb sdf"
)
TYPES = {
    **dict.fromkeys(_PLAIN.split(), _TEXT),
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "avif": "image/avif", "bmp": "image/bmp", "wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg",
    "oga": "audio/ogg", "opus": "audio/ogg", "flac": "audio/flac", "m4a": "audio/mp4", "mp4": "video/mp4",
    "m4v": "video/mp4", "webm": "video/webm", "ogv": "video/ogg", "mov": "video/quicktime",
}  # fmt: skip

POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:"
# Logged HTML in a frame of the run page: its own scripts run, without an origin, a network or a way up.
PAGE_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; font-src data:; frame-ancestors 'self'"
)
PAGES = (".html", ".htm")
# Browsers show a PDF with a reader of their own, which they keep out of sandboxes; the document has no way
# to the page around it, and nothing of it is ever read as HTML.
PRINTED = ".pdf"
PRINTED_POLICY = (
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
)
FOR_EVER = "private, max-age=31536000, immutable"

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.I)


def type_of(name: str) -> str:
    """Return the type a file is served with."""
    last = name.rpartition("/")[2]
    return TYPES.get(last.rpartition(".")[2].lower(), UNKNOWN)


def headers_of(
    name: str,
    digest: str,
    *,
    as_attachment: bool,
    is_named_by_content: bool,
    is_framed: bool = False,
) -> dict[str, str]:
    """Return the headers that every answer with a file's content has.

    Args:
        name: the file's path.
        digest: SHA-256 of the content.
        as_attachment: it is to be saved, whatever it is.
        is_named_by_content: the address holds the digest, so the answer never changes.
        is_framed: the browser asks for the document of a frame: HTML is one, in a sandbox of its own.
    """
    if is_framed and not as_attachment and name.lower().endswith(PAGES):
        return _page_headers(digest, is_named_by_content)
    if is_framed and not as_attachment and name.lower().endswith(PRINTED):
        return _printed_headers(digest, is_named_by_content)
    kind = type_of(name)
    how = "attachment" if as_attachment or kind == UNKNOWN else "inline"
    headers = {
        "Content-Type": kind,
        "Content-Disposition": _named(how, name),
        "Content-Security-Policy": POLICY,
        "ETag": f'"{digest}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": FOR_EVER if is_named_by_content else "private, no-cache",
    }
    if name.lower().endswith((*PAGES, PRINTED)):
        headers["Vary"] = "Sec-Fetch-Dest"
    return headers


def attachment(name: str) -> str:
    """Return the Content-Disposition of what is saved under this name."""
    return _named("attachment", name)


def _named(how: str, name: str) -> str:
    return f"{how}; filename*=UTF-8''{quote(name.rpartition('/')[2], safe='')}"


def _page_headers(digest: str, is_named_by_content: bool) -> dict[str, str]:
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": PAGE_POLICY,
        "X-Frame-Options": "SAMEORIGIN",
        "ETag": f'"{digest}-page"',  # a browser must not take the one for the other
        "Accept-Ranges": "bytes",
        "Cache-Control": FOR_EVER if is_named_by_content else "private, no-cache",
        "Vary": "Sec-Fetch-Dest",
    }


def _printed_headers(digest: str, is_named_by_content: bool) -> dict[str, str]:
    return {
        **_page_headers(digest, is_named_by_content),
        "Content-Type": "application/pdf",
        "Content-Disposition": "inline",
        "Content-Security-Policy": PRINTED_POLICY,
    }


def span_of(header: str, size: int) -> tuple[int, int] | None:
    """Return `(first, behind)` of a Range header; None for what is answered as a whole.

    Raises:
        ValueError: nothing of the content is in the range (416).
    """
    match = _RANGE.fullmatch(header)
    if match is None or match[1] == match[2] == "":  # several ranges, or no range of bytes
        return None
    if match[1] == "":  # the last n bytes
        first, behind = max(0, size - int(match[2])), size
    else:
        first = int(match[1])
        behind = min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < first:
            return None
    if first >= behind:
        raise ValueError(header)
    return first, behind


def answer(
    read: Callable[[int, int], Iterator[bytes]],
    size: int,
    headers: dict[str, str],
    asked: dict[str, str],
    method: str,
) -> Response:
    """Return the answer to a request for content: whole, a range of it, or only its headers.

    Args:
        read: returns the bytes `first … behind - 1` in pieces; may wait for the disk.
        size: of the whole, in bytes.
        headers: of the answer, with its ETag.
        asked: headers of the request, names in lower case.
        method: GET or HEAD.
    """
    first, behind, status = 0, size, 200
    wanted, condition = asked.get("range", ""), asked.get("if-range", "")
    if wanted and method == "GET" and condition in ("", headers["ETag"]):
        try:
            span = span_of(wanted, size)
        except ValueError:
            refused = problem(416, f"the content has {size:,} bytes", "range")
            refused.headers["Content-Range"] = f"bytes */{size}"
            return refused
        if span is not None:
            (first, behind), status = span, 206
            headers["Content-Range"] = f"bytes {first}-{behind - 1}/{size}"
    headers["Content-Length"] = str(behind - first)
    if method == "HEAD" or first == behind:
        return Response(None, status, headers)
    return StreamingResponse(_stream(read(first, behind)), status, headers)


def stream(pieces: Iterator[bytes], headers: dict[str, str]) -> Response:
    """Return an answer of unknown length."""
    return StreamingResponse(_stream(pieces), 200, headers)


async def _stream(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield pieces that a worker thread fetches; close their source when nobody reads on."""
    try:
        while (piece := await run_in_threadpool(next, pieces, None)) is not None:
            yield piece
    finally:
        pieces.close()  # type: ignore[attr-defined]
