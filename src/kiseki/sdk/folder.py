"""The run folder: where it lies and what stands in it (I-15 … I-17, G-05, G-10)."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from typing import Any

from kiseki.base.clock import wall_us
from kiseki.record.types import File
from kiseki.sdk.terminal import Terminal

JOURNAL_EXTENSION = ".kslog"
PROBE_BYTES = 4096
ID_BYTES_MAX = 160  # of a run's id in names of files


class RunFolder:
    """Paths inside one run folder. `create_folder` makes it."""

    def __init__(self, path: str, run_id: str) -> None:
        self.path = path
        self.run_id = run_id
        self.files = os.path.join(path, "files")
        self.logs = os.path.join(path, "logs")
        self.tmp = os.path.join(path, "tmp")
        self.journal = os.path.join(path, f"run-{_in_name(run_id)}{JOURNAL_EXTENSION}")

    def make(self) -> None:
        """Make the folder with everything in it. Raises OSError; FileExistsError if it is taken."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        os.mkdir(self.path)
        for below in (self.files, self.logs, self.tmp):
            os.mkdir(below)
        self._probe()

    def _probe(self) -> None:
        """Raise OSError if nothing can be written: a full disk still makes folders."""
        path = os.path.join(self.tmp, "probe")
        try:
            with open(path, "wb", buffering=0) as file:
                file.write(bytes(PROBE_BYTES))
            os.unlink(path)
        except OSError:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove it again after a start that failed (I-81), and the link that points at it."""
        import shutil

        link = os.path.join(os.path.dirname(self.path), "latest-run")
        with contextlib.suppress(OSError):
            if os.readlink(link) == os.path.basename(self.path):
                os.unlink(link)
        shutil.rmtree(self.path, ignore_errors=True)

    def has_other_journals(self) -> bool:
        """Return whether other processes log to the run, too."""
        beginning = f"run-{_in_name(self.run_id)}-"
        with contextlib.suppress(OSError):
            return any(
                name.startswith(beginning) and name.endswith(JOURNAL_EXTENSION)
                for name in os.listdir(self.path)
            )
        return False

    def link_latest(self) -> None:
        """Point `latest-run` at it; where links are not possible there is none."""
        parent, name = os.path.split(self.path)
        draft = os.path.join(parent, f".latest-run-{os.getpid()}")
        with contextlib.suppress(OSError, NotImplementedError):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft)
            os.symlink(name, draft)
            os.replace(draft, os.path.join(parent, "latest-run"))

    def write_config(self, config: Mapping[str, Any]) -> File:
        """Write `files/config.yaml`: `key: {value: …}`, as `init(config=PATH)` reads it."""
        import yaml

        tree = {key: {"value": value} for key, value in config.items()}
        text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
        return self._write("config.yaml", text.encode("utf-8", "replace"))

    def write_summary(self, summary: Mapping[str, Any]) -> File:
        """Write `files/wandb-summary.json`; NaN and ±Inf as Python's json writes them."""
        return self._write("wandb-summary.json", json.dumps(summary).encode())

    def describe(self, name: str) -> File | None:
        """Return the record that names a file of `files/`, None if it is not there."""
        return _named(name) if os.path.exists(os.path.join(self.files, name)) else None

    def _write(self, name: str, data: bytes) -> File:
        with open(os.path.join(self.files, name), "wb") as file:
            file.write(data)
        return _named(name)


def _in_name(run_id: str) -> str:
    """Return an id as far as names of files have room for it: 255 bytes on most disks."""
    return run_id.encode()[:ID_BYTES_MAX].decode("utf-8", "ignore")


def _named(name: str) -> File:
    return File(path=name, time_us=wall_us())  # the uploader hashes it


def folder_of_runs(root: str, dir_name: str) -> str:
    """Return the folder below `root` that holds the run folders; a hidden one is used if it exists."""
    root = os.path.abspath(root)  # fails in a current folder that was removed
    hidden = os.path.join(root, "." + dir_name)
    return hidden if os.path.isdir(hidden) else os.path.join(root, dir_name)


def create_folder(
    root: str, dir_name: str, run_id: str, is_offline: bool, terminal: Terminal
) -> RunFolder:
    """Make a new run folder below `root`; in the temporary folder if that is not possible (I-17)."""
    parent = os.path.join(root, dir_name)
    try:
        parent = folder_of_runs(root, dir_name)
        return _make_unique(parent, run_id, is_offline)
    except OSError as error:
        import tempfile

        elsewhere = os.path.join(tempfile.mkdtemp(prefix="kiseki-"), dir_name)
        terminal.warn(f"cannot write {parent} ({error.strerror}): this run is kept in {elsewhere}")
        return _make_unique(elsewhere, run_id, is_offline)


def _make_unique(parent: str, run_id: str, is_offline: bool) -> RunFolder:
    prefix = "offline-run" if is_offline else "run"
    name = f"{prefix}-{time.strftime('%Y%m%d_%H%M%S')}-{_in_name(run_id)}"
    suffix = 0
    while True:
        folder = RunFolder(os.path.join(parent, f"{name}-{suffix}" if suffix else name), run_id)
        try:
            folder.make()
        except FileExistsError:
            if not os.path.isdir(parent):
                raise
            suffix += 1
            continue
        except BaseException:  # Ctrl-C
            folder.remove()
            raise
        return folder
