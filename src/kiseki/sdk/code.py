"""The program in the run: `init(save_code=True)` and `run.log_code` (I-70, A-20).

Code is copied, not linked: it is what ran, whatever is edited later. It lies in `files/code/`, by its path
below the repository or the folder it was started in.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kiseki.base.paths import code_path
from kiseki.sdk.files import files_below, put, warn
from kiseki.sdk.script import current_folder

if TYPE_CHECKING:
    from kiseki.sdk.run import Run

FOLDER = "code"
FILES_MAX = 10_000
FILE_BYTES_MAX = 100 * 1024 * 1024

Choose = Callable[[str], bool] | Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class LoggedCode:
    """What `log_code` took.

    Attributes:
        name: of the code.
        root: folder that the paths count from.
        paths: names of the files in the run, below `code/`.
    """

    name: str
    root: str
    paths: tuple[str, ...]


def save_program(run: Run) -> str | None:
    """Store the main script or notebook with a run; return its name there, None if there is none.

    Nothing is stored where code is not wanted (setting `disable_code`).
    """
    program = run._stream.opening.program
    if run.settings.disable_code:
        return None
    if run._cells is not None:
        run._cells.keep_code()
    if not program:
        return None
    cwd = current_folder()
    source = os.path.join(cwd, program)
    if not os.path.isfile(source):  # `python -c`, or a name given by hand
        return None
    name = f"{FOLDER}/{code_path(program, cwd)}"
    return name if put(run, source, name, "now", is_copied=True) else None


def is_python(path: str) -> bool:
    """Return whether a file is Python source."""
    return path.endswith(".py")


def is_nothing(path: str) -> bool:
    """Return False."""
    return False


def log_code(
    run: Run, root: str | os.PathLike[str], name: str | None, include_fn: Choose, exclude_fn: Choose
) -> LoggedCode | None:
    """Store the chosen files below a folder with a run; the public function is `Run.log_code`."""
    if run.settings.disable_code:
        return None
    base = os.path.abspath(os.fspath(root))
    runs = os.path.dirname(os.path.abspath(run.sync_dir))
    includes, excludes = _chooser(include_fn, base), _chooser(exclude_fn, base)
    found: list[str] = []
    for path in files_below(base, skipped=runs):
        if not includes(path) or excludes(path) or os.path.getsize(path) > FILE_BYTES_MAX:
            continue
        if len(found) == FILES_MAX:
            warn(run, f"log_code() takes the first {FILES_MAX:,} files of {base} only")
            break
        below = os.path.relpath(path, base).replace(os.sep, "/")
        if put(run, path, f"{FOLDER}/{below}", "now", is_copied=True):
            found.append(f"{FOLDER}/{below}")
    if not found:
        warn(run, f"log_code() found no code in {base}")
        return None
    return LoggedCode(name or f"source-{run.project}", base, tuple(found))


def _chooser(choose: Choose, root: str) -> Callable[[str], bool]:
    """Return a function of the path; people may give one of (path, root), too."""
    try:
        takes_root = len(inspect.signature(choose).parameters) > 1
    except (TypeError, ValueError):
        takes_root = False
    if takes_root:
        return lambda path: bool(choose(path, root))  # type: ignore[call-arg]
    return lambda path: bool(choose(path))  # type: ignore[call-arg]
