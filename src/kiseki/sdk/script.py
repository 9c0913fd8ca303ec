"""The script that runs: its path, whether it is a notebook, the project its folder suggests (I-13)."""

from __future__ import annotations

import os
import sys

from kiseki.base.names import BAD_CHARACTER, NAME_CHARS_MAX, RESERVED

UNCATEGORIZED = "uncategorized"


def is_notebook() -> bool:
    """Return whether this runs in the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ in ("ZMQInteractiveShell", "Shell")


def program() -> str:
    """Return the path of the main script, "" without one."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.abspath(path) if isinstance(path, str) and os.path.exists(path) else ""


def guess_project(program: str) -> str:
    """Return the name of the git repository around the script, with the script's folder in it."""
    folder = os.path.realpath(os.path.dirname(program) if program else os.getcwd())
    root = _repository(folder)
    if root is None:
        return UNCATEGORIZED
    name = os.path.basename(root)
    below = os.path.relpath(folder, root)
    if below != os.curdir:
        name += "-" + below.replace(os.sep, "_")
    name = BAD_CHARACTER.sub("_", name).strip()[:NAME_CHARS_MAX].strip()
    if name in RESERVED:  # a repository may well be called `api`
        name += "_"
    return name or UNCATEGORIZED


def _repository(folder: str) -> str | None:
    while True:
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
