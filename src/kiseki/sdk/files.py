"""`run.save` and `run.restore`: files into a run, and back (A-01 … A-06, R-23)."""

from __future__ import annotations

import glob as globbing
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from kiseki.base.clock import wall_us
from kiseki.base.paths import fault_of_name, is_ignored
from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.record.types import File

if TYPE_CHECKING:
    from kiseki.sdk.run import Run

POLICIES = ("live", "now", "end")


def save(
    run: Run,
    glob: str | os.PathLike[str],
    base_path: str | os.PathLike[str] | None,
    policy: str,
) -> list[str]:
    """Put the files that match into a run; the public function is `Run.save`."""
    if policy not in POLICIES:
        raise UsageValueError(f"policy must be one of {', '.join(POLICIES)}; got {policy!r}")
    pattern, base = _pattern_and_base(glob, base_path)
    found: list[str] = []
    folders = 0
    for source in sorted(globbing.glob(pattern, recursive=True)):
        if _is_of_other_run(run, source, pattern):
            continue
        if os.path.isdir(source):
            folders += 1
            continue
        target = put(run, source, _name_of(run, source, base), policy)
        if target:
            found.append(target)
    if folders and not found:
        warn(run, f"save({os.fspath(glob)!r}) matches folders only; for what is in them: FOLDER/*")
    return found


def _pattern_and_base(
    glob: str | os.PathLike[str], base_path: str | os.PathLike[str] | None
) -> tuple[str, str]:
    """Return the absolute pattern, and the folder whose inside is kept in the names (A-02)."""
    try:
        given = os.fspath(glob)
        base = None if base_path is None else os.path.abspath(os.fspath(base_path))
    except TypeError as error:
        raise UsageTypeError(f"save() takes a path or a pattern, got {glob!r}") from error
    if not isinstance(given, str) or not isinstance(base, (str, type(None))) or not given:
        raise UsageTypeError(f"save() takes a path or a pattern, got {glob!r}")
    pattern = os.path.abspath(given)
    if base is None and os.path.isabs(given):
        base = os.path.dirname(os.path.dirname(pattern))  # one folder is kept
    base = base or os.path.abspath(os.curdir)
    if os.path.commonpath([pattern, base]) != base:
        raise UsageValueError(f"{given!r} is above its base path {base}")
    return pattern, base


def _is_of_other_run(run: Run, source: str, pattern: str) -> bool:
    """Return whether a file was met on the way through run folders, which `**` goes into as well."""
    runs = os.path.join(os.path.dirname(os.path.abspath(run.sync_dir)), "")
    own = os.path.join(os.path.abspath(run.dir), "")
    return source.startswith(runs) and not source.startswith(own) and not pattern.startswith(runs)


def _name_of(run: Run, source: str, base: str) -> str:
    """Return the name of a file: below `files/` if it lies there already, else below its base."""
    own = os.path.abspath(run.dir)
    root = own if source.startswith(own + os.sep) else base
    return os.path.relpath(source, root).replace(os.sep, "/")


def put(run: Run, source: str, name: str, policy: str, is_copied: bool = False) -> str:
    """Make a file part of a run, as a link or a copy below `files/`; return its path there, "" if it is not.

    Args:
        run: an active run.
        source: the file.
        name: its name in the run.
        policy: when it is uploaded.
        is_copied: as it is now, whatever becomes of the source.
    """
    if fault := fault_of_name(name):
        warn(run, f"the file {name!r} is not saved: {fault} in its name")
        return ""
    target = os.path.join(run.dir, *name.split("/"))
    if os.path.abspath(source) != os.path.abspath(target):
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _place(source, target, is_copied or not run.settings.symlink)
        except OSError as error:  # training goes on
            warn(run, f"the file {source} is not saved: {error}")
            return ""
    if not is_ignored(name, run.settings.ignore_globs or ()):
        run._change(File(path=name, policy=policy, time_us=wall_us()))
    return target


def _place(source: str, target: str, is_copied: bool) -> None:
    draft = os.path.join(os.path.dirname(target), f".{os.getpid()}-{os.urandom(4).hex()}")
    try:
        if not is_copied:
            try:
                os.symlink(os.path.abspath(source), draft)
            except (OSError, NotImplementedError):  # a file system without links
                is_copied = True
        if is_copied:
            shutil.copyfile(source, draft)
        os.replace(draft, target)
    except BaseException:
        if os.path.lexists(draft):
            os.unlink(draft)
        raise


def warn(run: Run, text: str) -> None:
    """Tell the person something, once."""
    run._terminal.warn(text)


def restore(
    name: str,
    run_path: str | None,
    replace: bool,
    root: str | os.PathLike[str] | None,
    run: Run | None,
) -> TextIO | None:
    """Fetch a file of a run; the public functions are `Run.restore` and `kiseki.restore`."""
    from kiseki.client.download import path_below
    from kiseki.errors import ServerError
    from kiseki.sdk.api import Api

    if run_path is None and run is None:
        raise UsageValueError("restore() without an active run needs run_path")
    folder = os.fspath(root) if root is not None else run.dir if run is not None else os.curdir
    path = path_below(folder, name)
    if path.is_file() and not replace:
        return open(path, encoding="utf-8", errors="surrogateescape")
    settings = run.settings if run is not None else None
    with Api(
        settings.base_url if settings else None, settings.api_key if settings else None
    ) as api:
        try:
            return (
                api.run(run_path or (run.path if run else ""))
                .file(name)
                .download(folder, replace=True)
            )
        except ServerError as error:
            if error.status == 404:
                return None
            raise


def files_below(root: str, skipped: str) -> Iterator[str]:
    """Yield the paths of the files below a folder, but not of hidden folders, links and `skipped`."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(
            name
            for name in names
            if not name.startswith(".") and os.path.join(folder, name) != skipped
        )
        for name in sorted(files):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield path
