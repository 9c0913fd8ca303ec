"""Taking in the runs that were recorded before there was a server (design §3.4).

Started by `kiseki server` when it is ready: folders in this user's registry whose uploader is gone, meant
for this address or for "whichever server there is here", are sent to it. Runs of `mode="offline"` are not:
whoever asked for that sends them by `kiseki sync` (I-43).
"""

from __future__ import annotations

import os
from pathlib import Path

from kiseki.client import registry
from kiseki.client.credentials import DEFAULT_BASE_URL, aliases, is_loopback, normalised, resolve
from kiseki.errors import Error
from kiseki.uploader.agent import lock_folder, read_settings
from kiseki.uploader.sync import sync_folder


def adopt(base_url: str) -> int:
    """Send the waiting folders to the server at `base_url`; return 0 if all are there now, else 3."""
    target = resolve(base_url)
    complete = True
    for folder in waiting(target.base_url):
        lock = None
        try:
            lock = lock_folder(folder)
            if lock is None:
                continue  # its own uploader is alive and will find the server by itself
            os.close(lock)
            result = sync_folder(folder, target)
            complete = complete and not result.pending
            _say(folder, result.error or f"{result.sent:,} records sent")
        except (Error, OSError) as error:
            complete = False
            _say(folder, str(error))
    return 0 if complete else 3


def waiting(base_url: str) -> list[Path]:
    """Return the registered folders meant for the server at `base_url`, each once, oldest first.

    Entries whose folder is gone are taken out.
    """
    found: dict[Path, None] = {}
    for entry in registry.entries():
        folder = Path(entry.folder)
        if not folder.is_dir():
            registry.remove(entry.stream)
        elif (
            _is_meant_for(entry.base_url, base_url)
            and read_settings(folder).get("mode") != "offline"
        ):
            found[folder] = None
    return list(found)


def _is_meant_for(wanted: str, base_url: str) -> bool:
    if not wanted:
        return is_loopback(base_url)
    try:
        wanted = normalised(wanted)
    except Error:
        return False
    # Runs that were meant for the default address belong to the server on this machine, also when
    # it listens on another port.
    return base_url in aliases(wanted) or (wanted == DEFAULT_BASE_URL and is_loopback(base_url))


def _say(folder: Path, text: str) -> None:
    print(f"kiseki: {folder}: {text}", flush=True)
