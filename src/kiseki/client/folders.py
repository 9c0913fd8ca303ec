"""The user's folders: configuration (credentials, settings) and data (registry of runs)."""

from __future__ import annotations

import os
from pathlib import Path


def config_dir() -> Path:
    """Return the configuration folder: `KISEKI_CONFIG_DIR`, else `kiseki` below the XDG folder."""
    return _folder("KISEKI_CONFIG_DIR", "XDG_CONFIG_HOME", ".config")


def data_dir() -> Path:
    """Return the data folder: `KISEKI_DATA_DIR`, else `kiseki` below the XDG folder."""
    return _folder("KISEKI_DATA_DIR", "XDG_DATA_HOME", ".local/share")


def _folder(own: str, xdg: str, below_home: str) -> Path:
    if chosen := os.environ.get(own):
        return Path(chosen).expanduser()
    if base := os.environ.get(xdg):
        return Path(base).expanduser() / "kiseki"
    return Path.home() / below_home / "kiseki"


def write_private(path: Path, text: str) -> None:
    """Replace a file by one only its owner may read (0600, in a folder made 0700), all or nothing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
