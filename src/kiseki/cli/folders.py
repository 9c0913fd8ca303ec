"""Finding run folders below a path."""

from __future__ import annotations

from pathlib import Path

from kiseki.cli.output import ABSENT, NO_RUN, USAGE, Failure
from kiseki.errors import UsageError


def need_runs(path: Path) -> list[Path]:
    """Return the run folders at or below `path`, each once (`latest-run` is a link to one of them).

    Raises:
        Failure: nothing is there, or no run.
    """
    from kiseki.uploader.sync import find_folders

    if not path.exists():
        raise Failure(f"{path} does not exist", ABSENT, status=USAGE)
    try:
        found = find_folders(path)
    except UsageError:
        raise Failure(
            f"no run is in {path}",
            NO_RUN,
            todo="a run folder looks like kiseki/run-20260102_101500-3f9a0c1x",
            status=USAGE,
        ) from None
    once = {folder.resolve(): folder for folder in sorted(found, key=Path.is_symlink, reverse=True)}
    here = Path.cwd()
    return sorted(
        folder.relative_to(here) if folder.is_relative_to(here) else folder
        for folder in once.values()
    )
