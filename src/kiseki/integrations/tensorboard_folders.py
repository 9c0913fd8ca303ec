"""The log folders of a run's TensorBoard writers, and what each puts before its tags."""

from __future__ import annotations

import os
from typing import NamedTuple

# Folders that frameworks make side by side below the folder that the script named.
PARTS = ("train", "training", "validation", "val", "valid", "eval", "test")


class Place(NamedTuple):
    """`prefix` comes before the folder's tags; files of the folder keep their path below `base`."""

    prefix: str
    base: str


class Folders:
    """Gives the folders of a run their prefixes, as they come.

    The first folder is the root, whose tags are keys as they are. `train`, `validation` and the like are
    parts from the start. A folder below the root is known by its path below it, another one by its path
    below what it has in common with the root.

    Args:
        root: the root, if it is known beforehand.
    """

    def __init__(self, root: str | None = None) -> None:
        self._root = _whole(root) if root else None

    def place(self, folder: str) -> Place:
        """Return the place of a folder."""
        folder = _whole(folder)
        if self._root is None:
            self._root = os.path.dirname(folder) if os.path.basename(folder) in PARTS else folder
        if folder == self._root:
            return Place("", folder)
        try:
            base = os.path.commonpath([self._root, folder])
        except ValueError:  # on another drive
            base = os.path.dirname(folder)
        if base == folder:  # above the root
            base = os.path.dirname(folder)
        prefix = os.path.relpath(folder, base).replace(os.sep, "/") + "/"
        return Place(prefix, base)


def _whole(folder: str) -> str:
    is_remote = "://" in folder
    return folder.rstrip("/") if is_remote else os.path.abspath(os.path.expanduser(folder))
