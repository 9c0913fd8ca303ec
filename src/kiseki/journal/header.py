"""The file header of a journal: whose records these are.

     0        8         10      12            28           36       40
     ┌────────┬─────────┬───────┬─────────────┬────────────┬────────┐
     │ magic  │ version │ flags │ stream uuid │ created_us │ crc32  │  frames …
     │  8 B   │ u16 LE  │ u16   │    16 B     │   u64 LE   │ u32 LE │
     └────────┴─────────┴───────┴─────────────┴────────────┴────────┘

The magic follows PNG's: a byte with the high bit set, a name, and line ends that careless transfers
damage. `crc32` covers the 36 bytes before it. A reader that finds the header damaged goes on with the
frames: the `Open` records say the same.
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from zlib import crc32

from kiseki.errors import UnsupportedVersion

MAGIC = b"\x89KSL\r\n\x1a\n"
VERSION = 1
HEADER_BYTES = 40

_FIELDS = struct.Struct("<8sHH16sQ")
_CHECK = struct.Struct("<I")


class JournalHeader(NamedTuple):
    """Stream id (32 hex digits) and wall time of creation of a journal."""

    stream: str
    created_us: int
    version: int = VERSION


def pack_header(stream: str, created_us: int) -> bytes:
    """Return the 40 bytes at the start of the journal of `stream` (32 hex digits)."""
    fields = _FIELDS.pack(MAGIC, VERSION, 0, bytes.fromhex(stream), created_us)
    return fields + _CHECK.pack(crc32(fields))


def parse_header(head: bytes) -> JournalHeader | None:
    """Return the header, or None if the bytes do not check out.

    Raises:
        UnsupportedVersion: an intact header of a version this Kiseki does not know.
    """
    fields = head[: _FIELDS.size]
    if len(head) < HEADER_BYTES or head[:8] != MAGIC:
        return None
    if _CHECK.unpack_from(head, _FIELDS.size)[0] != crc32(fields):
        return None
    _magic, version, _flags, stream, created_us = _FIELDS.unpack(fields)
    if version != VERSION:
        raise UnsupportedVersion(
            f"the journal has format version {version}; this Kiseki reads version {VERSION}. "
            "A newer Kiseki wrote it: upgrade with `pip install -U kiseki`."
        )
    return JournalHeader(stream.hex(), created_us, version)
