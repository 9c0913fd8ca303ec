"""`BlobStore` in a folder.

    blobs/ab/cdef…    content whose SHA-256 is abcdef…; complete as soon as it has this name
    blobs/incoming/   content on its way in; what a killed server leaves here is deleted at the next start

Content is hashed while it is written, synced to the disk, then renamed. So a kill at any instant leaves all
of it or nothing.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kiseki.errors import Invalid, NotFound, StorageFull
from kiseki.storage.blobs import PIECE_BYTES, is_digest

SYNCS_MAX = 16  # at once
FREE_BYTES_MIN = 64 * 1024 * 1024  # of the disk, which files leave to the records of runs


class EmbeddedIncoming:
    """Content on its way into an `EmbeddedBlobs`."""

    def __init__(self, store: EmbeddedBlobs) -> None:
        self.size = 0
        self._store = store
        self._hash = hashlib.sha256()
        self._fd, self._draft = tempfile.mkstemp(dir=store.incoming)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        self._store.check_room(len(data))
        self._hash.update(data)
        with _disk_full():
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        self.size += len(data)

    def keep(self, digest: str) -> bool:
        if digest != self.digest:
            self.discard()
            raise Invalid(f"what came is not {digest} but {self.digest}", code="digest")
        path = self._store.path(digest)
        is_new = not path.exists()
        with _disk_full():
            if is_new:
                self.sync()
                self.rename()
            _sync_folder(
                path.parent
            )  # also where another request has just renamed the same content
        self.discard()
        return is_new

    def sync(self) -> None:
        """Wait until the bytes are on the disk."""
        os.fsync(self._fd)

    def rename(self) -> None:
        """Give it the name of its content; lasts once the folder is synced."""
        path = self._store.path(self.digest)
        self._store.make_shard(path.parent)
        os.replace(self._draft, path)

    def discard(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            with contextlib.suppress(FileNotFoundError):  # it was renamed
                os.unlink(self._draft)


class EmbeddedBlobs:
    """The content of a data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"
        self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        for draft in self.incoming.iterdir():
            draft.unlink()

    def receive(self, size: int = 0) -> EmbeddedIncoming:
        self.check_room(size)
        with _disk_full():
            return EmbeddedIncoming(self)

    def keep_all(self, contents: Sequence[bytes]) -> list[str]:
        incoming: list[EmbeddedIncoming] = []
        try:
            for content in contents:
                one = self.receive(len(content))
                incoming.append(one)
                one.write(content)
            fresh = [one for one in incoming if not self.path(one.digest).exists()]
            # File systems commit what is synced at the same time together: 0.8 instead of 6 ms a file.
            with ThreadPoolExecutor(SYNCS_MAX) as pool, _disk_full():
                list(pool.map(EmbeddedIncoming.sync, fresh))
                for one in fresh:
                    one.rename()
                list(pool.map(_sync_folder, {self.path(one.digest).parent for one in incoming}))
            return [one.digest for one in incoming]
        finally:
            for one in incoming:
                one.discard()

    def size(self, digest: str) -> int | None:
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, digest: str, first: int = 0, behind: int | None = None) -> Iterator[bytes]:
        try:
            fd = os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound(f"content {digest} is not here", code="absent") from error
        return _pieces(fd, first, behind)

    def drop(self, digest: str) -> bool:
        try:
            self.path(digest).unlink()
        except FileNotFoundError:
            return False
        return True

    def close(self) -> None:
        pass

    def path(self, digest: str) -> Path:
        """Return where content lies. Raises NotFound for what is no digest: it is never a path."""
        if not is_digest(digest):
            raise NotFound(f"no SHA-256: {digest[:80]!r}", code="absent")
        return self.folder / digest[:2] / digest[2:]

    def make_shard(self, shard: Path) -> None:
        """Make one of the 256 folders, durably."""
        try:
            shard.mkdir(mode=0o700)
        except FileExistsError:
            return
        _sync_folder(self.folder)

    def check_room(self, size: int) -> None:
        """Raise StorageFull if `size` more bytes would take the space that records need."""
        about = os.statvfs(self.folder)
        if about.f_bavail * about.f_frsize - size < FREE_BYTES_MIN:
            raise _full()


def _pieces(fd: int, first: int, behind: int | None) -> Iterator[bytes]:
    try:
        while behind is None or first < behind:
            most = PIECE_BYTES if behind is None else min(PIECE_BYTES, behind - first)
            data = os.pread(fd, most, first)
            if not data:
                return
            first += len(data)
            yield data
    finally:
        os.close(fd)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _full() -> StorageFull:
    return StorageFull("the disk of the server is full; nothing of this file was kept", code="full")


@contextlib.contextmanager
def _disk_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full() from error
        raise
