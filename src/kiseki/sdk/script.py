"""The script that runs: its path, whether it is a notebook, the project its folder suggests (I-13)."""

from __future__ import annotations

import os
import sys

from kiseki.base.names import BAD_CHARACTER, NAME_CHARS_MAX, RESERVED
from kiseki.base.paths import repository_of

UNCATEGORIZED = "uncategorized"


def is_notebook() -> bool:
    """Return whether this runs in the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    get = getattr(ipython, "get_ipython", None)  # None, too, while IPython is being imported
    shell = get() if get is not None else None
    return type(shell).__name__ in ("ZMQInteractiveShell", "Shell")


def program(notebook_name: str | None = None) -> str:
    """Return the path of the main script or notebook, "" without one.

    Args:
        notebook_name: the setting of that name.
    """
    if is_notebook():
        from kiseki.sdk import notebook

        return notebook.path(notebook_name)
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.abspath(path) if isinstance(path, str) and os.path.exists(path) else ""


def current_folder() -> str:
    """Return the current folder, "" if it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def guess_project(program: str) -> str:
    """Return the name of the git repository around the script, with the script's folder in it.

    Of a program that is installed (`python -m pytest`) that is the repository around the current folder.
    """
    is_own = bool(program) and not _is_installed(program)
    folder = os.path.dirname(program) if is_own else current_folder()
    if not folder:
        return UNCATEGORIZED
    folder = os.path.realpath(folder)
    root = repository_of(folder)
    if root is None:
        return UNCATEGORIZED
    name = os.path.basename(root)
    below = os.path.relpath(folder, root)
    if is_own and below != os.curdir:
        name += "-" + below.replace(os.sep, "_")
    name = BAD_CHARACTER.sub("_", name).strip()[:NAME_CHARS_MAX].strip()
    if name in RESERVED:  # a repository may well be called `api`
        name += "_"
    return name or UNCATEGORIZED


def _is_installed(program: str) -> bool:
    """Return whether a program is part of Python or of a package, rather than somebody's script."""
    folder = os.path.dirname(program)
    if folder == os.path.dirname(sys.executable):  # bin/pytest
        return True
    library = os.path.dirname(os.__file__) + os.sep
    parts = program.split(os.sep)
    return "site-packages" in parts or "dist-packages" in parts or program.startswith(library)
