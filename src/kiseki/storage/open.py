"""Picks the storage of a data folder.

DIR/                 mode 0700
├─ server.lock       the process that serves this folder
├─ server.url        how people reach it, or did when it last ran
├─ secret            with which addresses are signed; mode 0600
├─ meta.db           people, projects, runs and their folds
├─ history/N.db      batches and column chunks of project N
└─ blobs/ab/cdef…    content of files, by its SHA-256
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kiseki.storage.embedded.blobs import EmbeddedBlobs
from kiseki.storage.embedded.lock import FolderLock
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.embedded.series import EmbeddedSeries
from kiseki.storage.interface import MetaStore, Storage


def is_new(data: Path) -> bool:
    """Return whether a data folder holds nobody's data yet."""
    return not (data / "meta.db").exists()


def make_folder(data: Path) -> None:
    """Make a data folder that only its owner can look into."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if data.stat().st_mode & 0o077:
        data.chmod(0o700)


def open_storage(data: Path) -> tuple[Storage, FolderLock]:
    """Open the stores of a data folder, made if needed, for the one server that may use it.

    Raises:
        UsageError: another server uses it.
        UnsupportedVersion: a newer Kiseki wrote it.
    """
    make_folder(data)
    lock = FolderLock(data / "server.lock")
    try:
        meta = EmbeddedMeta(data / "meta.db")
        series, blobs = EmbeddedSeries(data / "history"), EmbeddedBlobs(data / "blobs")
        return Storage(meta, series, blobs, _secret(data)), lock
    except BaseException:
        lock.release()
        raise


def _secret(data: Path) -> bytes:
    """Return the secret of a data folder, made when first asked for."""
    path = data / "secret"
    if not path.exists():
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with open(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()


def open_meta(data: Path) -> MetaStore:
    """Open the meta store alone, also while a server runs: for administration."""
    make_folder(data)
    return EmbeddedMeta(data / "meta.db")


def write_url(data: Path, url: str) -> None:
    """Note how people reach the server of a data folder."""
    (data / "server.url").write_text(url, "utf-8")


def read_url(data: Path) -> str | None:
    """Return how people reach the server of a data folder, None if none ever ran."""
    try:
        return (data / "server.url").read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
