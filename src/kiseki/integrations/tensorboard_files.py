"""Event files of writers that are not written in Python (TensorFlow 2): read while they grow.

    an event file: records of  u64 length · u32 check of it · bytes of an `Event` · u32 check of them

The checks are left to TensorBoard: the file is on the same machine, and is stored with the run as it is.
"""

from __future__ import annotations

import glob
import os
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

from kiseki.integrations.hooks import Hooks, Target
from kiseki.sdk.guard import Guard

POLL_SECONDS = 0.5
EVENT_BYTES_MAX = 2**31  # of protocol buffers
_HEADER, _CHECK_BYTES = struct.Struct("<QI"), 4
_TENSORFLOW = "tensorflow.python.ops.summary_ops_v2"
_WRITER = "_ResourceSummaryWriter"

OnEvent = Callable[[str, str, Any], None]  # (log folder, path of the file, event)


class EventFile:
    """One growing event file; `read` yields the events that are new and complete."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._offset = 0

    def read(self) -> Iterator[Any]:
        """Yield the events written since the last time."""
        if not os.path.exists(self.path) or os.path.getsize(self.path) == self._offset:
            return
        make = event_class()
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            while len(header := file.read(_HEADER.size)) == _HEADER.size:
                length = _HEADER.unpack(header)[0]
                if length > EVENT_BYTES_MAX:
                    raise ValueError(f"{self.path} is damaged at byte {self._offset}")
                data = file.read(length + _CHECK_BYTES)
                if len(data) < length + _CHECK_BYTES:
                    return  # still being written
                self._offset = file.tell()
                event = make()
                event.ParseFromString(data[:length])
                yield event


class Follower:
    """Follows the files of the TensorFlow writers that are made while it lives.

    Their events come to `on_event` when the writer is flushed or closed, and within half a second of
    reaching the file otherwise.
    """

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._files: dict[str, tuple[str, EventFile]] = {}
        self._writers: list[Any] = []
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._hooks = [
            Hooks([Target(_TENSORFLOW, _WRITER, "__init__")], self._made),
            Hooks([Target(_TENSORFLOW, _WRITER, name) for name in ("flush", "close")], self._wrote),
        ]

    def close(self) -> None:
        """Read what the writers hold back, and follow no more."""
        for hooks in self._hooks:
            hooks.remove()
        for writer in self._writers:
            writer.flush()
        self._writers.clear()
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.read()

    def read(self) -> None:
        """Hand over the events that are new in any file."""
        if os.getpid() != self._pid:  # a forked child: the parent reads them
            return
        with self._lock:
            for folder, file in tuple(self._files.values()):
                for event in file.read():
                    self._on_event(folder, file.path, event)

    def _made(self, writer: Any, *args: Any, **kwargs: Any) -> Callable[[], None] | None:
        """A writer is being made: the files that are there afterwards and not now are its own."""
        arguments = dict(zip(("create_fn", "init_op_fn"), args, strict=False)) | kwargs
        folder = _log_folder(arguments.get("init_op_fn"))
        if not folder:
            return None
        pattern = os.path.join(glob.escape(folder), "*tfevents*")
        before = set(glob.glob(pattern))

        def then() -> None:
            with self._lock:
                for path in set(glob.glob(pattern)) - before:
                    self._files.setdefault(path, (folder, EventFile(path)))
            self._writers.append(writer)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._poll, name="kiseki-tensorboard", daemon=True
                )
                self._thread.start()

        return then

    def _wrote(self, writer: Any) -> Callable[[], None]:
        return self.read

    def _poll(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            with Guard("reading event files of TensorFlow"):
                self.read()


def event_class() -> Any:
    """Return the class of TensorBoard's `Event` message, from whichever library is there."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
    except ImportError:
        from tensorflow.core.util.event_pb2 import Event
    return Event


def _log_folder(init_op: Any) -> str:
    """Return the folder that TensorFlow was told to write to, "" if that is not on this machine."""
    given: Any = getattr(init_op, "keywords", {}).get("logdir")
    if hasattr(given, "numpy"):  # a tensor; in a graph it has no value yet
        given = given.numpy()
    folder = os.fsdecode(given) if isinstance(given, (bytes, str)) else ""
    return "" if "://" in folder else folder
