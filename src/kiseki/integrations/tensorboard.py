"""TensorBoard: what is written through it is logged to the run, and its event files are kept (I-72).

    SummaryWriter.add_scalar ─► EventFileWriter.add_event ─┬─► the event file, as without Kiseki
    of torch, tensorboard, tensorboardX, TensorFlow 1      └─► run.log_at, before add_scalar returns
    tf.summary of TensorFlow 2 (C++) ─► the event file ─► read while it grows ─► run.log_at

A tag is a key; with several log folders the path of the folder comes before it (`train/loss`). A row lies at
its `global_step`, which is a column too. A row that the script's own `log` holds open stays open.
"""

from __future__ import annotations

import glob
import importlib.util
import logging
import os
import time
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import kiseki
from kiseki.integrations.hooks import Hooks, Target
from kiseki.integrations.tensorboard_events import Reader
from kiseki.integrations.tensorboard_files import Follower
from kiseki.integrations.tensorboard_folders import Folders, Place

LIBRARIES = ("tensorboard", "tensorboardX", "tensorflow")
WRITERS = [
    Target(module, "EventFileWriter", "add_event")
    for module in (
        "tensorboard.summary.writer.event_file_writer",
        "tensorboardX.event_file_writer",
        "tensorflow.python.summary.writer.event_file_writer",
    )
]
RESERVED = ("_step", "_timestamp", "_runtime")
GLOBAL_STEP = "global_step"
QUEUE_SECONDS_MAX = 1.0
POLL_SECONDS = 0.01

_log = logging.getLogger(__name__)


def start(run: kiseki.Run, root_logdir: str | os.PathLike[str] | None = None) -> None:
    """Log to `run` what is written through TensorBoard from now on, until the run ends.

    Args:
        run: an active run; a second call for it does nothing.
        root_logdir: folder whose tags become keys as they are; default: the first one that is written to.

    Raises:
        Error: no library that writes for TensorBoard is installed.
    """
    if not any(map(_is_installed, LIBRARIES)):
        raise kiseki.Error(
            "sync_tensorboard=True needs a library that writes for TensorBoard: "
            "pip install tensorboard, or tensorboardX"
        )
    if run.disabled or any(sync.run is run for sync in _syncs):
        return
    root = root_logdir if root_logdir is not None else _standing[0] if _standing else None
    sync = Sync(run, None if root is None else os.fspath(root))
    _syncs.append(sync)
    run.before_finish(partial(_stop, sync))


def patch(root_logdir: str | os.PathLike[str] | None = None, **ignored: Any) -> None:
    """Have every run that starts log what is written through TensorBoard, as `init(sync_tensorboard=True)`.

    Args:
        root_logdir: folder whose tags become keys as they are; writers below it put their path before them.
        ignored: accepted for scripts that name a library or switch `save`: all are heard, files are kept.
    """
    _standing[:] = [root_logdir]
    if kiseki.run is not None:
        start(kiseki.run)


def unpatch() -> None:
    """Undo `patch`: runs that are active now go on as they are."""
    _standing.clear()


def start_if_patched(run: kiseki.Run) -> None:
    """Start with a run that begins, if `patch` was called before."""
    if _standing:
        start(run)


class Sync:
    """What the TensorBoard writers of this process write, logged to one run."""

    def __init__(self, run: kiseki.Run, root: str | None) -> None:
        self.run = run
        run.define_metric(GLOBAL_STEP, hidden=True)  # it is the x axis already
        self._folders = Folders(root)
        self._sources: dict[str, _Source] = {}
        self._writers: weakref.WeakKeyDictionary[Any, _Source] = weakref.WeakKeyDictionary()
        self._hooks = Hooks(WRITERS, self._hear)
        self._follower = Follower(self._follow)

    def close(self) -> None:
        """Have the writers complete their files, and listen no more."""
        self._hooks.remove()
        self._follower.close()
        for writer in list(self._writers):
            _complete(writer)
        for source in self._sources.values():
            for path in source.files:
                self._save(source, path)  # once more: where there are no links it was copied

    def _hear(self, writer: Any, event: Any) -> Callable[[], None]:
        return lambda: self._add(self._writers.get(writer) or self._meet(writer), event)

    def _meet(self, writer: Any) -> _Source:
        """Return the source of a writer that is new, and keep its file."""
        source = self._writers[writer] = self._source(os.fspath(writer.get_logdir()))
        self._keep(source, _file_of(writer))
        return source

    def _follow(self, folder: str, path: str, event: Any) -> None:
        source = self._source(folder)
        self._keep(source, path)
        self._add(source, event)

    def _source(self, folder: str) -> _Source:
        source = self._sources.get(folder)
        if source is None:
            source = self._sources[folder] = _Source(self._folders.place(folder))
        return source

    def _keep(self, source: _Source, path: str) -> None:
        """Have an event file kept with the run, as it is at the end."""
        if path and path not in source.files and "://" not in path:
            source.files.add(path)
            self._save(source, path)

    def _save(self, source: _Source, path: str) -> None:
        self.run.save(glob.escape(os.path.abspath(path)), base_path=source.place.base)

    def _add(self, source: _Source, event: Any) -> None:
        """Log one event."""
        files: list[str] = []
        try:
            self._log_event(source, event, files)
        except kiseki.Error as error:
            # A tag that is no key, a picture without Pillow: the event file has it.
            _log.warning("not logged from TensorBoard: %s", error)
        finally:
            for path in files:
                os.unlink(path)

    def _log_event(self, source: _Source, event: Any, files: list[str]) -> None:
        row: dict[str, Any] = {}
        for key, value, is_config in source.reader.readings(event.summary, files):
            if is_config:
                # torch writes the metrics of a set of hyper-parameters to a folder named after the time.
                source.prefix = ""
                self.run.config.update(value, allow_val_change=True)
            else:
                row[self._key(source, key)] = value
        if row:
            step = event.step
            row.setdefault(GLOBAL_STEP, step)
            self.run.log_at(row, step if step >= 0 else None, event.wall_time or None)

    def _key(self, source: _Source, tag: str) -> str:
        prefix = source.prefix
        key = tag if not prefix or tag.startswith(prefix) else prefix + tag
        return f"tensorboard/{key}" if key in RESERVED else key


class _Source:
    """One log folder: its place, what is known of its tags, the files that are kept."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.prefix = place.prefix
        self.reader = Reader()
        self.files: set[str] = set()


def _stop(sync: Sync) -> None:
    _syncs.remove(sync)
    sync.close()


def _complete(writer: Any) -> None:
    """Have a writer put what it holds into its file."""
    try:
        queue = getattr(writer, "_event_queue", None)
        if queue is not None:  # of tensorboardX, whose flush does not wait for it
            deadline = time.monotonic() + QUEUE_SECONDS_MAX
            while queue.qsize() and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
            time.sleep(POLL_SECONDS)  # for what its thread has just taken
        writer.flush()
    except (OSError, ValueError, AttributeError, NotImplementedError):
        return  # the script closed it; or a system whose queues have no size


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _file_of(writer: Any) -> str:
    """Return the path of the event file of a writer, "" if it does not tell."""
    inner: Iterable[Any] = (writer, getattr(writer, "_ev_writer", None))
    for holder in inner:
        path = getattr(holder, "_file_name", None)
        if isinstance(path, str):
            return path
        name = getattr(holder, "FileName", None)  # TensorFlow 1
        if callable(name):
            return os.fsdecode(name())
    return ""


_syncs: list[Sync] = []
_standing: list[str | os.PathLike[str] | None] = []  # the root of `patch`, while it holds
