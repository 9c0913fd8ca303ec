"""Files from a server onto this disk (reliability 5.6): no name that came from it is trusted.

The folders of a name are opened one below the other, never through a link; the content is checked while it
comes, and gets its name when it is complete. What stood there before is replaced, a link too, never followed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from kiseki.base.paths import fault_of_path
from kiseki.errors import DataError, UsageValueError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def path_below(root: str | os.PathLike[str], name: str) -> Path:
    """Return where a file of this name goes below a folder.

    Raises:
        UsageValueError: the name may not become a path.
    """
    if fault := fault_of_path(name):
        raise UsageValueError(f"the file {name[:200]!r} is not downloaded: {fault} in its name")
    return Path(root, *name.split("/"))


def write_below(
    root: str | os.PathLike[str], name: str, pieces: Iterable[bytes], sha256: str = ""
) -> Path:
    """Write content as a file below a folder; return its path.

    Args:
        root: folder, made if needed.
        name: from the server; its folders are made.
        pieces: the content.
        sha256: what the content must have; "" = not known.

    Raises:
        UsageValueError: the name may not become a path, or leads through a link.
        DataError: other content came. Nothing of it stays.
        OSError: the disk.
    """
    path = path_below(root, name)
    *folders, last = name.split("/")
    os.makedirs(root, exist_ok=True)
    at = os.open(root, _FOLDER)
    try:
        for part in folders:
            at = _enter(at, part, path)
        _write(at, last, pieces, sha256, path)
    finally:
        os.close(at)
    return path


def _enter(at: int, part: str, path: Path) -> int:
    """Return the folder `part` of the open folder `at`, made if needed; `at` is closed."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(part, dir_fd=at)
    try:
        below = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=at)
    except OSError as error:
        raise UsageValueError(
            f"{path} is not written: {part!r} on the way is a link or a file"
        ) from error
    os.close(at)
    return below


def _write(at: int, last: str, pieces: Iterable[bytes], sha256: str, path: Path) -> None:
    draft = f".{os.getpid()}-{os.urandom(4).hex()}.part"
    digest = hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(draft, flags, 0o666, dir_fd=at)  # the person's umask decides
    try:
        with open(fd, "wb", buffering=0) as file:
            for piece in pieces:
                digest.update(piece)
                rest = memoryview(piece)
                while rest:
                    rest = rest[file.write(rest) or 0 :]
        if sha256 and digest.hexdigest() != sha256:
            raise DataError(f"{path} is not written: what came is not what the server names")
        os.rename(draft, last, src_dir_fd=at, dst_dir_fd=at)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=at)
        raise
