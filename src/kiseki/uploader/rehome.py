"""Uploading a run under another address: `kiseki sync --id --project --entity --detach` (K-03).

A copy of the journals is sent whose `Open` records name the other run. Its streams get ids that follow from
the old id and the new address, so that repeating it sends nothing twice.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from kiseki.client.credentials import Target
from kiseki.errors import CorruptRecord
from kiseki.journal.reader import read_journal
from kiseki.journal.writer import JournalWriter
from kiseki.record import codec
from kiseki.record.frame import Damage
from kiseki.record.types import Kind, Open
from kiseki.uploader.sync import Progress, SyncResult, _record_end, sync_folder


def sync_as(
    folder: Path,
    overrides: Mapping[str, str],
    target: Target | None = None,
    on_progress: Progress | None = None,
    is_detached: bool = False,
) -> SyncResult:
    """Send a run folder under another address; see `sync_folder`. The folder stays as it is.

    Args:
        folder: run folder.
        overrides: fields of `Open` to replace: `run`, `project`, `entity`.
        target: as for `sync_folder`.
        on_progress: as for `sync_folder`.
        is_detached: send it as a run of its own, whatever it goes on from.
    """
    changes: dict[str, Any] = dict(overrides)
    if is_detached:
        changes.update(resume=None, parent_run=None, parent_step=None)
    _record_end(folder)  # here, not in the copy: it must be the same stream at every repetition
    damage: list[tuple[Path, Damage]] = []
    with tempfile.TemporaryDirectory(prefix="kiseki-sync-") as temporary:
        copy = Path(temporary) / folder.name
        copy.mkdir()
        if (folder / "settings.json").is_file():
            shutil.copyfile(folder / "settings.json", copy / "settings.json")
        if (folder / "files").is_dir():
            (copy / "files").symlink_to((folder / "files").absolute())
        for path in sorted(folder.glob("*.kslog")):
            damage += ((path, part) for part in _copy(path, copy / path.name, changes))
        result = sync_folder(copy, target, on_progress)
    result.folder, result.damage = folder, damage
    result.hint = result.hint.replace(str(copy), str(folder))
    return result


def _copy(source: Path, wanted: Path, changes: Mapping[str, Any]) -> list[Damage]:
    """Copy a journal's records; return what could not be read of it."""
    address = "/".join(f"{field}={changes[field]}" for field in sorted(changes))
    decoder = codec.Decoder()
    with read_journal(source) as frames:
        if frames.header is None:
            raise CorruptRecord(f"{source} does not tell its stream", path=str(source))
        stream = _renamed(frames.header.stream, address)
        with JournalWriter(wanted, stream) as writer:
            for frame in frames:
                record = decoder.decode(frame) if frame.kind == Kind.OPEN else None
                if isinstance(record, Open):
                    changed = {
                        **changes,
                        "stream": stream,
                        "writer": _renamed(record.writer, address) if record.writer else "",
                    }
                    if "run" in changes and record.resume == "must":
                        changed.setdefault("resume", "allow")  # it was asked of another run
                    record = msgspec.structs.replace(record, **changed)
                    writer.append(frame.kind, codec.encode(record))
                else:
                    writer.append(frame.kind, frame.payload)
        return frames.damage


def _renamed(stream: str, address: str) -> str:
    return uuid.uuid5(uuid.UUID(hex=stream), address).hex
