"""What every `BlobStore` promises: content by its SHA-256, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kiseki.errors import Invalid, NotFound, StorageFull
from kiseki.storage.blobs import PIECE_BYTES, BlobStore, is_digest
from kiseki.storage.embedded import blobs as embedded
from kiseki.storage.embedded.blobs import EmbeddedBlobs
from kiseki.storage.memory.blobs import MemoryBlobs


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(params=["memory", "embedded"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    made: BlobStore = (
        MemoryBlobs() if request.param == "memory" else EmbeddedBlobs(tmp_path / "blobs")
    )
    yield made
    made.close()


def put(store: BlobStore, *parts: bytes) -> str:
    incoming = store.receive()
    for part in parts:
        incoming.write(part)
    digest = digest_of(b"".join(parts))
    incoming.keep(digest)
    return digest


def test_content_comes_back_as_it_was(store: BlobStore) -> None:
    data = os.urandom(3 * PIECE_BYTES + 7)
    digest = put(store, data[:10], data[10:])
    assert store.size(digest) == len(data)
    pieces = list(store.read(digest))
    assert b"".join(pieces) == data and max(map(len, pieces)) <= PIECE_BYTES
    assert b"".join(store.read(digest, 5, 5 + 2 * PIECE_BYTES)) == data[5 : 5 + 2 * PIECE_BYTES]
    assert b"".join(store.read(digest, len(data) - 3)) == data[-3:]
    assert b"".join(store.read(digest, 4, 4)) == b""


def test_empty_content_is_content(store: BlobStore) -> None:
    digest = put(store)
    assert store.size(digest) == 0
    assert list(store.read(digest)) == []


def test_what_is_not_there_is_not_found(store: BlobStore) -> None:
    absent = "ab" * 32
    assert store.size(absent) is None
    assert not store.drop(absent)
    with pytest.raises(NotFound):
        store.read(absent)


def test_other_content_than_named_is_refused(store: BlobStore) -> None:
    incoming = store.receive(3)
    incoming.write(b"abc")
    with pytest.raises(Invalid, match="is not"):
        incoming.keep("ab" * 32)
    incoming.discard()
    assert store.size("ab" * 32) is None
    assert store.size(digest_of(b"abc")) is None


def test_what_is_discarded_leaves_nothing(store: BlobStore) -> None:
    incoming = store.receive()
    incoming.write(b"abc")
    incoming.discard()
    incoming.discard()
    assert store.size(digest_of(b"abc")) is None


def test_the_same_content_is_kept_once(store: BlobStore) -> None:
    first, second = store.receive(), store.receive()
    first.write(b"same")
    second.write(b"same")
    digest = digest_of(b"same")
    assert first.keep(digest)
    assert not second.keep(digest)
    assert b"".join(store.read(digest)) == b"same"


def test_several_contents_at_once(store: BlobStore) -> None:
    put(store, b"known")
    contents = [b"known", b"", b"same", b"same", os.urandom(100_000)]
    digests = store.keep_all(contents)
    assert digests == list(map(digest_of, contents))
    assert [b"".join(store.read(digest)) for digest in digests] == contents
    assert store.keep_all([]) == []


def test_who_reads_content_that_is_dropped_reads_on(store: BlobStore) -> None:
    data = os.urandom(2 * PIECE_BYTES)
    digest = put(store, data)
    reading = store.read(digest)
    begun = next(reading)
    assert store.drop(digest)
    assert store.size(digest) is None
    assert begun + b"".join(reading) == data


def test_many_threads(store: BlobStore) -> None:
    parts = [bytes([i % 7]) * 1000 for i in range(64)]
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(lambda data: put(store, data), parts))
    for digest, data in zip(digests, parts, strict=True):
        assert b"".join(store.read(digest)) == data


@pytest.mark.parametrize(
    "name", ["../../meta.db", "AB" * 32, "a" * 63, "", "a/" * 32, "ab" * 32 + "\n"]
)
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:  # reliability 5.6
    assert not is_digest(name)
    store = EmbeddedBlobs(tmp_path / "blobs")
    for ask in (store.size, store.read, store.drop):
        with pytest.raises(NotFound):
            ask(name)


def test_files_are_their_owners_alone(tmp_path: Path) -> None:  # reliability 5.13
    store = EmbeddedBlobs(tmp_path / "blobs")
    incoming = store.receive()
    incoming.write(b"abc")
    (draft,) = store.incoming.iterdir()
    assert stat.S_IMODE(draft.stat().st_mode) == 0o600
    incoming.keep(digest_of(b"abc"))
    for path in tmp_path.rglob("blobs/**"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert list(store.incoming.iterdir()) == []


def test_files_leave_room_for_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """507 before the disk is full, so that rows are still taken."""
    store = EmbeddedBlobs(tmp_path / "blobs")
    with pytest.raises(StorageFull):
        store.receive(2**60)
    incoming = store.receive()
    monkeypatch.setattr(embedded, "FREE_BYTES_MIN", 2**60)
    with pytest.raises(StorageFull):
        incoming.write(b"abc")
    incoming.discard()
    assert list(store.incoming.iterdir()) == []


_WRITE_FOR_EVER = """
import hashlib, os, sys
from pathlib import Path
from kiseki.storage.embedded.blobs import EmbeddedBlobs
store = EmbeddedBlobs(Path(sys.argv[1]))
number = 0
while True:
    data = str(number).encode() * 50_000
    incoming = store.receive(len(data))
    incoming.write(data)
    incoming.keep(hashlib.sha256(data).hexdigest())
    os.write(1, f"{number}\\n".encode())
    number += 1
"""


def test_a_kill_leaves_all_or_nothing(tmp_path: Path) -> None:
    for delay in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITE_FOR_EVER, str(tmp_path / "blobs")], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        kept = [int(process.stdout.readline()) for _ in range(3 + delay)]
        process.send_signal(signal.SIGKILL)
        kept += map(int, process.stdout.read().split())
        process.stdout.close()
        process.wait()
        store = EmbeddedBlobs(tmp_path / "blobs")
        assert list(store.incoming.iterdir()) == []
        for number in kept:
            data = str(number).encode() * 50_000
            assert b"".join(store.read(digest_of(data))) == data
        for shard in tmp_path.glob("blobs/??"):
            for path in shard.iterdir():
                assert digest_of(path.read_bytes()) == shard.name + path.name
