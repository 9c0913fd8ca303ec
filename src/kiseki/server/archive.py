"""A zip file made while it is sent: of any size, in the memory of one piece.

Contents are stored as they are: most of what runs keep is compressed already, and the processor of a server
has better things to do. Sizes and checksums follow each content, and the index stands at the end, as the
format has it for streams.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

TYPE = "application/zip"
_FIRST_YEAR = 1980
_LARGE = 2**31


class Member(NamedTuple):
    """A file to pack. `source` is what `read` is asked with."""

    path: str
    size: int
    time_us: int
    source: Any


def pack(members: Iterable[Member], read: Callable[[Any], Iterator[bytes]]) -> Iterator[bytes]:
    """Yield the pieces of a zip file. A content is read when it is its turn."""
    out = _Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            info = zipfile.ZipInfo(member.path, _date(member.time_us))
            info.external_attr = 0o644 << 16
            pieces = read(member.source)
            try:
                with archive.open(info, "w", force_zip64=member.size >= _LARGE) as entry:
                    for piece in pieces:
                        entry.write(piece)
                        yield out.take()
            finally:
                pieces.close()  # type: ignore[attr-defined]
    yield out.take()


class _Pipe(io.RawIOBase):
    """Takes what is written, to be fetched piece by piece; has no way back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def take(self) -> bytes:
        taken, self._held = bytes(self._held), bytearray()
        return taken


def _date(time_us: int) -> tuple[int, int, int, int, int, int]:
    moment = time.gmtime(max(0, time_us) // 1_000_000)
    if moment.tm_year < _FIRST_YEAR:
        return (_FIRST_YEAR, 1, 1, 0, 0, 0)
    return (min(moment.tm_year, 2107), *moment[1:6])
