"""The built web app: `index.html` for every page address, assets whose names carry their hash.

Files are looked up in a table, so no name from a request is ever a path on disk. It is made at start, and
again when a page is asked for after the app was built anew under a running server.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

FOLDER = Path(__file__).parent / "static"
ASSETS = "assets/"
INDEX = "index.html"
ICON = "icon.svg"

_NOT_BUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Kiseki</title>
<h1>The web app is not built</h1>
<p>The server itself works. In a checkout, run <code>make web</code> and start the server again.</p></html>
"""
# The standard library's table depends on files of the machine.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    media_type: str
    tag: str


class Static:
    """ASGI app that serves the pages.

    Args:
        folder: where the built app lies.
        root_path: prefix of every address; the page is told it as its `<base href>`.
    """

    def __init__(self, folder: Path = FOLDER, root_path: str = "") -> None:
        self._folder = folder
        self._root_path = root_path
        self._built = self._built_now()
        self._look()

    def _built_now(self) -> tuple[int, int] | None:
        """Return what tells one build from another; None where there is none."""
        try:
            about = (self._folder / INDEX).stat()
        except FileNotFoundError:
            return None
        return about.st_mtime_ns, about.st_ino

    def _look(self) -> None:
        """Make the table of what there is, and the page."""
        folder = self._folder
        self._files = {
            path.relative_to(folder).as_posix(): _File(path, _type(path), _tag_of(path))
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != INDEX
        }
        self._packed: dict[str, bytes] = {}  # gzip, made when first asked for
        index = folder / INDEX
        page = index.read_bytes() if index.is_file() else _NOT_BUILT
        self._page = _under(page, self._root_path)
        self._tag = f'"{hashlib.sha256(self._page).hexdigest()[:16]}"'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405)
        await self._answer(request)(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        name = request.scope["path"].lstrip("/")
        if name == "favicon.ico":  # asked for by whoever has not read the page
            name = ICON
        found = self._files.get(name)
        if found is not None:
            return self._send(request, name, found)
        if name == ICON or name.startswith((ASSETS, "api/", "-/")):
            raise HTTPException(404)
        built = self._built_now()
        if built != self._built:
            self._look()
            self._built = built
        headers = {"Cache-Control": "no-cache", "ETag": self._tag}
        if self._tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self._page, media_type="text/html; charset=utf-8", headers=headers)

    def _send(self, request: Request, name: str, file: _File) -> Response:
        is_hashed = name.startswith(ASSETS)
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if is_hashed else "no-cache",
            "ETag": file.tag,
            "Vary": "Accept-Encoding",
        }
        if file.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        try:
            body = file.path.read_bytes()
        except FileNotFoundError:  # of an earlier build
            raise HTTPException(404) from None
        is_text = file.path.suffix in _TYPES and file.path.suffix != ".woff2"
        if is_text and "gzip" in request.headers.get("accept-encoding", ""):
            if name not in self._packed:
                self._packed[name] = gzip.compress(body, mtime=0)
            body = self._packed[name]
            headers["Content-Encoding"] = "gzip"
        return Response(body, media_type=file.media_type, headers=headers)


def _type(path: Path) -> str:
    known = _TYPES.get(path.suffix)
    return known or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _tag_of(path: Path) -> str:
    about = path.stat()
    return f'"{about.st_mtime_ns:x}-{about.st_size:x}"'


def _under(page: bytes, root_path: str) -> bytes:
    """Return the page with the base that its relative addresses count from."""
    base = html.escape(root_path + "/", quote=True)
    return page.replace(b"<head>", f'<head>\n    <base href="{base}" />'.encode(), 1)
