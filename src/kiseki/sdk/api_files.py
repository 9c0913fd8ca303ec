"""Files of runs on a server, as `kiseki.Api` gives them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from kiseki.client.download import path_below, write_below
from kiseki.client.http import Client
from kiseki.errors import ServerError, UsageValueError

PIECE_BYTES = 1024 * 1024


class ApiFile(tuple[str, str]):
    """A file of a run on a server. As a pair it is (path, policy), as `kiseki.open` gives them.

    Attributes:
        path: name in the run, with `/` between its parts; also `name`.
        policy: live, now or end.
        size: bytes; 0 while the content is not known.
        sha256: of the content, "" while it is not known.
        type: media type that it is served with.
        time_us: when it was uploaded, Unix microseconds.
        is_stored: whether its content is on the server.
    """

    path: str
    policy: str
    size: int
    sha256: str
    type: str
    time_us: int
    is_stored: bool
    _client: Client
    _url: str

    def __new__(cls, client: Client, run_url: str, raw: dict[str, Any]) -> ApiFile:
        """Make one of what the server says."""
        file = super().__new__(cls, (raw["path"], raw["policy"]))
        file.path, file.policy = raw["path"], raw["policy"]
        file.size, file.sha256 = raw["size"], raw["sha256"]
        file.type, file.time_us = raw["type"], raw["time_us"]
        file.is_stored = raw["stored"]
        file._client, file._url = client, url_of(run_url, raw["path"])
        return file

    def __repr__(self) -> str:
        return f"<kiseki file {self.path} ({self.size:,} bytes)>"

    @property
    def name(self) -> str:
        """Old name of `path`."""
        return self.path

    def read(self) -> Iterator[bytes]:
        """Yield the content in pieces."""
        return self._client.stream(self._url)

    def download(
        self, root: str | os.PathLike[str] = ".", replace: bool = False, exist_ok: bool = False
    ) -> TextIO:
        """Write the file below a folder, with the folders of its name; return it opened for reading.

        Args:
            root: folder, made if needed.
            replace: write over a file that is there.
            exist_ok: leave a file that is there as it is, and return that.

        Raises:
            UsageValueError: it is there; or its name may not become a path (reliability 5.6).
            DataError: something else came than the server names.
            CommError: no answer, or a no; 404 while it is not uploaded.
        """
        path = self.save_to(root, replace, exist_ok)
        return open(path, encoding="utf-8", errors="surrogateescape")

    def save_to(
        self, root: str | os.PathLike[str] = ".", replace: bool = False, exist_ok: bool = False
    ) -> Path:
        """As `download`; return the path."""
        path = path_below(root, self.path)
        if os.path.lexists(path) and not replace:
            if exist_ok:
                return path
            raise UsageValueError(f"{path} is there already; replace=True writes over it")
        return write_below(root, self.path, self.read(), self.sha256)

    def delete(self) -> None:
        """Take it away from the run."""
        self._client.post_json(self._url, method="DELETE")


def files_of(client: Client, run_url: str, attempt: int | None = None) -> list[ApiFile]:
    """Return the files of a run, in the order they were named."""
    answer = client.get_json(f"{run_url}/files", {"attempt": attempt})
    return [ApiFile(client, run_url, raw) for raw in answer["files"]]


def file_of(client: Client, run_url: str, path: str) -> ApiFile:
    """Return one file of a run. Raises ServerError 404 if there is none of that name."""
    for file in files_of(client, run_url):
        if file.path == path:
            return file
    raise ServerError(f"{client.base_url} has no file {path!r} of this run", 404)


def upload(client: Client, run_url: str, path: str | os.PathLike[str], root: Any) -> ApiFile:
    """Send a file of this disk to a run by hand; its name counts from `root`."""
    below = os.path.relpath(os.path.abspath(path), os.path.abspath(root))
    name = below.replace(os.sep, "/")
    if name.startswith("../"):
        raise UsageValueError(f"{os.fspath(path)!r} is not below {os.fspath(root)!r}")
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        pieces = iter(lambda: file.read(PIECE_BYTES), b"")
        raw = client.put(url_of(run_url, name), pieces, size)
    return ApiFile(client, run_url, raw)


def url_of(run_url: str, path: str) -> str:
    """Return the address of a file's content."""
    return f"{run_url}/files/{quote(path)}"
