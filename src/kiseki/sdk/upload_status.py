"""`run.status()`: how far the upload of a run is (R-07)."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import NamedTuple


class RunStatus(NamedTuple):
    """How far the upload of a run is.

    Attributes:
        sync_items_total: records that this process has written so far.
        sync_items_pending: those of them that no server has acknowledged yet, as last noted on disk.
        sync_time: when a server acknowledged records for the last time, in local time; None: never.
    """

    sync_items_total: int
    sync_items_pending: int
    sync_time: datetime.datetime | None


def read_status(folder: str, stream: str, total: int) -> RunStatus:
    """Return the status of a stream of a run folder of which `total` records are written."""
    from kiseki.uploader.progress import load_progress

    acknowledged, _ = load_progress(Path(folder)).positions.get(stream, (0, 0))
    if not acknowledged:
        return RunStatus(total, total, None)
    noted = os.stat(os.path.join(folder, "uploader.json")).st_mtime
    time = datetime.datetime.fromtimestamp(noted).astimezone()
    return RunStatus(total, max(0, total - acknowledged), time)
