"""`BlobStore` as a dict."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from kiseki.errors import Invalid, NotFound
from kiseki.storage.blobs import PIECE_BYTES


class MemoryIncoming:
    """Content on its way into a `MemoryBlobs`."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        self._kept = kept
        self._data = b""

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self._data).hexdigest()

    def write(self, data: bytes) -> None:
        self._data += data

    def keep(self, digest: str) -> bool:
        if digest != self.digest:
            raise Invalid(f"what came is not {digest} but {self.digest}", code="digest")
        is_new = digest not in self._kept
        self._kept[digest] = self._data
        return is_new

    def discard(self) -> None:
        self._data = b""


class MemoryBlobs:
    """All content in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def receive(self, size: int = 0) -> MemoryIncoming:
        return MemoryIncoming(self._kept)

    def keep_all(self, contents: Sequence[bytes]) -> list[str]:
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        self._kept.update(zip(digests, contents, strict=True))
        return digests

    def size(self, digest: str) -> int | None:
        data = self._kept.get(digest)
        return None if data is None else len(data)

    def read(self, digest: str, first: int = 0, behind: int | None = None) -> Iterator[bytes]:
        if digest not in self._kept:
            raise NotFound(f"content {digest} is not here", code="absent")
        data = self._kept[digest][first:behind]
        return (data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES))

    def drop(self, digest: str) -> bool:
        return self._kept.pop(digest, None) is not None

    def close(self) -> None:
        pass
