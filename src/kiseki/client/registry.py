"""The registry of this user's run folders that are not completely on a server yet.

One file per stream, so that many processes may add and remove without a lock. `kiseki server` takes
the folders in when it starts, and `kiseki sync` without arguments lists them.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from kiseki.base.clock import wall_us
from kiseki.client.folders import data_dir


class Entry(NamedTuple):
    """A run folder waiting for its server. `base_url` is "" for "whichever server there is here"."""

    stream: str
    folder: str
    base_url: str
    run: str
    created_us: int


def add(stream: str, folder: str | os.PathLike[str], base_url: str, run: str) -> None:
    """Enter a run folder.

    Raises:
        OSError: the data folder cannot be written; the run can still be synced by hand.
    """
    path = _path(stream)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    entry = {
        "folder": os.path.abspath(folder),
        "base_url": base_url,
        "run": run,
        "created_us": wall_us(),
    }
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.write_text(json.dumps(entry), encoding="utf-8")
    os.replace(draft, path)


def remove(stream: str) -> None:
    """Take a run folder out. One that is not in the registry is none of our business."""
    with contextlib.suppress(OSError):
        _path(stream).unlink()


def entries() -> list[Entry]:
    """Return what is entered, oldest first. Unreadable files are skipped."""
    found = []
    for path in (data_dir() / "runs").glob("*.json"):
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            found.append(
                Entry(
                    path.stem,
                    str(raw["folder"]),
                    str(raw.get("base_url", "")),
                    str(raw.get("run", "")),
                    int(raw.get("created_us", 0)),
                )
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return sorted(found, key=lambda entry: (entry.created_us, entry.stream))


def _path(stream: str) -> Path:
    return data_dir() / "runs" / f"{stream}.json"
