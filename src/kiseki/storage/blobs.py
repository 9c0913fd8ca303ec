"""Content: bytes kept once, under their SHA-256, whoever brought them (storage-design §8).

A blob store knows no projects and no names; which project may read which content is the meta store's to
say, and names are the fold's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

PIECE_BYTES = 1024 * 1024  # how content is read and written

_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Return whether a text is a SHA-256 as blobs are named: 64 hexadecimal digits in lower case."""
    return _DIGEST.fullmatch(text) is not None


class Incoming(Protocol):
    """Content on its way in. It is either kept or discarded as a whole. For one thread at a time."""

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes taken so far."""
        ...

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises StorageFull."""
        ...

    def keep(self, digest: str) -> bool:
        """Make it content of the store, durably; return whether it was new.

        Raises:
            Invalid: code `digest`: the bytes have another SHA-256. Nothing is kept.
            StorageFull: nothing is kept.
        """
        ...

    def discard(self) -> None:
        """Forget it, if it was not kept. May be called again."""
        ...


class BlobStore(Protocol):
    """Immutable content by its SHA-256. Thread-safe."""

    def receive(self, size: int = 0) -> Incoming:
        """Begin to take content of `size` bytes (0 = unknown). Raises StorageFull if there is no room."""
        ...

    def keep_all(self, contents: Sequence[bytes]) -> list[str]:
        """Keep several small contents at once, durably; return their digests. Raises StorageFull: of none.

        Much faster than one by one: the disk is waited for once.
        """
        ...

    def size(self, digest: str) -> int | None:
        """Return the size of content in bytes, None if it is not here."""
        ...

    def read(self, digest: str, first: int = 0, behind: int | None = None) -> Iterator[bytes]:
        """Return the bytes `first … behind - 1` (None: to the end) in pieces; close it to stop early.

        Raises:
            NotFound: this content is not here.
        """
        ...

    def drop(self, digest: str) -> bool:
        """Delete content for good; return whether it was there. Who reads it reads on."""
        ...

    def close(self) -> None: ...
