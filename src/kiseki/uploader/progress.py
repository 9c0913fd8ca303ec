"""`uploader.json`: what the server has acknowledged of each journal of a run folder."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Progress:
    """Acknowledged positions by stream, `(sequence, offset)`; only a hint, the server knows better.

    `synced_sizes` are the journals, by file name with their size in bytes, that were on the server as a
    whole; empty if something was missing when the file was written.
    """

    folder: Path
    synced_sizes: dict[str, int] = field(default_factory=dict)
    base_url: str = ""
    rejected: int = 0
    run: dict[str, Any] = field(default_factory=dict)
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def synced(self) -> bool:
        """Whether every record of the folder is on the server: nothing was appended since it was."""
        return bool(self.synced_sizes) and self.synced_sizes == journal_sizes(self.folder)

    def save(self) -> None:
        """Replace the file, all or nothing.

        Raises:
            OSError: the folder is full or gone.
        """
        content = {
            "synced": self.synced_sizes,
            "base_url": self.base_url,
            "rejected": self.rejected,
            "run": self.run,
            "streams": {
                stream: {"seq": seq, "offset": offset}
                for stream, (seq, offset) in self.positions.items()
            },
        }
        draft = self.folder / f".uploader.json.{os.getpid()}"
        try:
            draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            os.replace(draft, self.folder / "uploader.json")
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise


def journal_sizes(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each journal of a run folder, by file name."""
    return {path.name: path.stat().st_size for path in sorted(folder.glob("*.kslog"))}


def load_progress(folder: Path) -> Progress:
    """Return what `uploader.json` says; an absent or unreadable one says nothing."""
    progress = Progress(folder)
    try:
        raw = json.loads((folder / "uploader.json").read_text(encoding="utf-8"))
        progress.synced_sizes = {str(name): int(size) for name, size in raw["synced"].items()}
        progress.base_url = str(raw["base_url"])
        progress.rejected = int(raw["rejected"])
        progress.run = dict(raw["run"])
        for stream, at in raw["streams"].items():
            progress.positions[stream] = (int(at["seq"]), int(at["offset"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Progress(folder)
    return progress
