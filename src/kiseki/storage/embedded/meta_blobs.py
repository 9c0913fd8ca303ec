"""Which content each project was given, and how large it is; the bytes are in `blobs.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select
from sqlalchemy import func as sql
from sqlalchemy.dialects.sqlite import insert as upsert

from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.database import Database
from kiseki.storage.embedded.meta_save import slices


class EmbeddedGiven(Database):
    """The content that projects were given."""

    def add_blobs(self, project: int, sizes: Mapping[str, int], now_us: int) -> int:
        with self._write() as c:
            return add_blobs(c, project, sizes, now_us)

    def promise(self, project: int, digests: Sequence[str], now_us: int, since_us: int) -> None:
        with self._write() as c:
            _touch_blobs(c, project, digests, now_us, since_us)

    def blob_bytes(self, projects: Sequence[int]) -> dict[int, int]:
        b = t.blob.c
        found: dict[int, int] = {}
        with self._read() as c:
            for some in slices(projects):
                query = select(b.project, sql.sum(b.size).label("bytes"))
                rows = c.execute(query.where(b.project.in_(some)).group_by(b.project))
                found.update((row.project, row.bytes) for row in rows)
        return found

    def has_blob(self, digest: str) -> bool:
        query = select(t.blob.c.size).where(t.blob.c.digest == bytes.fromhex(digest)).limit(1)
        with self._read() as c:
            return c.scalar(query) is not None

    def blobs(self, project: int, digests: Sequence[str]) -> dict[str, int]:
        b = t.blob.c
        found: dict[str, int] = {}
        with self._read() as c:
            for some in slices(digests):
                wanted = list(map(bytes.fromhex, some))
                query = select(b.digest, b.size).where(b.project == project, b.digest.in_(wanted))
                found.update((row.digest.hex(), row.size) for row in c.execute(query))
        return found


def add_blobs(c: Connection, project: int, sizes: Mapping[str, int], now_us: int) -> int:
    """Let a project hold contents; return how many are new to it."""
    rows = [
        {
            "project": project,
            "digest": bytes.fromhex(digest),
            "size": size,
            "created_us": now_us,
        }
        for digest, size in sizes.items()
    ]
    added = sum(c.execute(_ADD_BLOB, row).rowcount for row in rows)
    if added < len(rows):
        _touch_blobs(c, project, list(sizes), now_us, now_us)
    return added


def _touch_blobs(
    c: Connection, project: int, digests: Sequence[str], now_us: int, since_us: int
) -> None:
    b = t.blob.c
    for some in slices(digests):
        wanted = b.digest.in_(list(map(bytes.fromhex, some)))
        old = (b.project == project, wanted, b.created_us < since_us)
        c.execute(t.blob.update().where(*old).values(created_us=now_us))


_ADD_BLOB = upsert(t.blob).on_conflict_do_nothing()
