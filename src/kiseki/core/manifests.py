"""Manifests: what lists the files of an artifact, as the official wandb client writes it (version 1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from kiseki.core.files import Reception, check_name
from kiseki.errors import Invalid, TooLarge
from kiseki.storage.blobs import BlobStore

MANIFEST_BYTES_MAX = 512 * 1024 * 1024
KEPT_BYTES_MAX = 64 * 1024 * 1024  # of manifests that stay parsed


class Entry(msgspec.Struct, frozen=True):
    """A file of a version: its content's MD5 (base64); or where it is, if it is not kept here."""

    digest: str
    size: int = 0
    ref: str | None = None


class _Listing(msgspec.Struct):
    contents: dict[str, Entry]


def parse_manifest(text: bytes) -> Mapping[str, Entry]:
    """Return the files that a manifest lists. Raises Invalid."""
    try:
        listing = msgspec.json.decode(text, type=_Listing)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid(f"the list of files cannot be read: {error}", code="manifest") from error
    for path, entry in listing.contents.items():
        check_name(path)
        if entry.size < 0:
            raise Invalid(f"{path!r} has {entry.size} bytes", code="manifest")
        if entry.ref is None:
            md5_of(entry.digest)
    return listing.contents


def digest_of(entries: Mapping[str, Entry]) -> str:
    """Return the digest of a version: of its files' paths and contents alone, in hex."""
    made = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
    for path in sorted(entries):
        made.update(f"{path}:{entries[path].digest}\n".encode())
    return made.hexdigest()


def md5_of(digest: str) -> bytes:
    """Return an MD5 that is given in base64. Raises Invalid."""
    try:
        found = base64.b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != 16:
        raise Invalid(f"no MD5 in base64: {digest[:80]!r}", code="digest")
    return found


class Measured:
    """Content on its way in, of which the MD5 is told, too: clients name it so."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        self._md5 = hashlib.md5(usedforsecurity=False)

    @property
    def md5(self) -> bytes:
        return self._md5.digest()

    def write(self, data: bytes) -> None:
        self.reception.write(data)
        self._md5.update(data)


class Listings:
    """Manifests of the blob store, of which the last ones asked for stay parsed. Thread-safe."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._parsed: OrderedDict[str, tuple[int, Mapping[str, Entry]]] = OrderedDict()

    def text(self, sha256: str) -> bytes:
        """Return a manifest as it was uploaded. Raises TooLarge, NotFound."""
        if (self._blobs.size(sha256) or 0) > MANIFEST_BYTES_MAX:
            raise TooLarge(
                f"a list of files may have {MANIFEST_BYTES_MAX:,} bytes", code="manifest"
            )
        return b"".join(self._blobs.read(sha256))

    def of(self, sha256: str) -> Mapping[str, Entry]:
        """Return the files that a manifest lists, by path. Raises Invalid, TooLarge, NotFound."""
        with self._lock:
            if sha256 in self._parsed:
                self._parsed.move_to_end(sha256)
                return self._parsed[sha256][1]
        text = self.text(sha256)
        entries = parse_manifest(text)
        with self._lock:
            self._parsed[sha256] = (len(text), entries)
            while len(self._parsed) > 1 and self._kept_bytes() > KEPT_BYTES_MAX:
                self._parsed.popitem(last=False)
        return entries

    def forget(self) -> None:
        """Let none stay parsed."""
        with self._lock:
            self._parsed.clear()

    def _kept_bytes(self) -> int:
        return sum(size for size, _ in self._parsed.values())
