"""The loop beside a training process: sends its journal, watches over its end.

One thread sends, one reads the life line, one observes the machine. The same loop runs as a process
(`__main__.py`) or, where processes are forbidden, as a thread of the training process (`process.py`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kiseki.client import registry
from kiseki.client.credentials import Target, resolve
from kiseki.record.frame import Frame, scan
from kiseki.record.types import Kind, Open
from kiseki.uploader.death import Ending, Watch
from kiseki.uploader.feed import Feed, open_feed
from kiseki.uploader.observer import Observer, find_open
from kiseki.uploader.sender import HEARTBEAT_S, Sender

ORPHAN_S = 30.0  # sending goes on this long after the training process is gone
FINISH_S = 60.0
DESCRIBE_S = 5.0  # what `finish` waits for the environment at most
PROGRESS_S = 0.25
IDLE_S = 0.2
LAST_BYTES = 256 * 1024

Event = dict[str, Any]
Emit = Callable[[Event], None]


class Agent:
    """Serves one run folder until the run is finished and sent, or its process is gone.

    Args:
        folder: run folder with `settings.json`.
        emit: receives the events of `docs/ARCHITECTURE.md`; must not block for long.
        parent: the process that is watched; None in thread mode.
    """

    def __init__(self, folder: Path, emit: Emit, parent: Watch | None = None) -> None:
        self.folder = folder
        self.inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._emit = emit
        self._settings = read_settings(folder)
        self._parent = parent
        self._observer = Observer(folder, self._settings)
        self._sender: Sender | None = None
        if self._settings.get("mode") != "offline":
            heartbeat_s = float(self._settings.get("heartbeat_seconds") or HEARTBEAT_S)
            self._sender = Sender(folder, self._resolve, emit, heartbeat_s)
        self._opened: Open | None = None
        self._finish_by: float | None = None  # None: not asked to finish
        self._is_finishing = False
        self._is_orphan = False
        self._next_progress = 0.0
        self._next_look = 0.0

    def _resolve(self) -> Target:
        return resolve(self._settings.get("base_url") or None)

    # Life line

    def read_lifeline(self, lines: Any) -> None:
        """Put commands into the inbox until the stream ends: the body of a thread."""
        try:
            for line in lines:
                try:
                    command = json.loads(line)
                except ValueError:
                    continue
                if isinstance(command, dict):
                    self.inbox.put(command)
        except OSError:
            pass
        ending = self._parent.ending() if self._parent is not None else None
        self.inbox.put({"do": "orphan", "ending": ending})

    # Loop

    def run(self) -> None:
        """Serve until done. Returns when the process may exit."""
        try:
            wait_s = 0.0
            while True:
                self._take_commands(wait_s)
                if self._opened is None:
                    self._look_for_open()
                wait_s = self._sender.step() if self._sender is not None else IDLE_S
                if self._is_finishing and self._may_leave():
                    return
                if self._is_abandoned():
                    # A forked child may hold the life line open for longer than its parent lived.
                    assert self._parent is not None
                    self._orphaned(self._parent.ending(wait_s=0.0))
        finally:
            self._close()

    def _is_abandoned(self) -> bool:
        parent = self._parent
        return parent is not None and not self._is_orphan and os.getppid() != parent.pid

    def _take_commands(self, wait_s: float) -> None:
        try:
            command = self.inbox.get(timeout=wait_s) if wait_s > 0 else self.inbox.get_nowait()
            while True:
                self._obey(command)
                command = self.inbox.get_nowait()
        except queue.Empty:
            return

    def _obey(self, command: Event) -> None:
        do = command.get("do")
        if do == "finish":
            timeout = command.get("timeout", FINISH_S)
            self._finish(float(timeout) if timeout else None)
        elif do == "flush":
            if self._sender is not None:
                self._sender.flush()
        elif do == "pause":
            self._observer.is_paused.set()
        elif do == "resume":
            self._observer.is_paused.clear()
        elif do == "begin":
            self._observer.begin([str(entry) for entry in command.get("path") or []])
        elif do == "orphan":
            self._orphaned(command.get("ending"))

    def _look_for_open(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + 0.02
        self._opened = find_open(self.folder)
        if self._opened is not None:
            try:
                self._observer.start(self._opened)
            except OSError:  # a full disk: sending needs no disk
                self._observer.is_described.set()

    # Ends

    def _finish(self, timeout_s: float | None) -> None:
        """The journal is complete: send the rest for `timeout_s` seconds, None: for as long as it takes."""
        self._finish_by = time.monotonic() + timeout_s if timeout_s is not None else float("inf")
        self._observer.stop(min(DESCRIBE_S, timeout_s or DESCRIBE_S))
        self._hurry()

    def _orphaned(self, ending: Ending | None) -> None:
        """The training process is gone: record how, and send what there is for a while."""
        if self._is_orphan:
            return
        self._is_orphan = True
        if self._opened is None:
            self._next_look = 0.0
            self._look_for_open()
        self._observer.stop(1.0)
        if ending is not None and not has_finish(self.folder):
            with contextlib.suppress(OSError):  # a full disk; the server will see the silence
                self._observer.write_end(*ending)
        if self._finish_by is None:
            self._finish_by = time.monotonic() + ORPHAN_S
        self._finish_by = min(self._finish_by, time.monotonic() + ORPHAN_S)
        self._hurry()

    def _hurry(self) -> None:
        self._is_finishing = True
        if self._sender is not None:
            self._sender.hurries = True
            self._sender.stop_following()
            self._sender.flush()

    def _may_leave(self) -> bool:
        """Return whether all is sent or time is up, after answering `done`."""
        sender = self._sender
        assert self._finish_by is not None
        if sender is None:
            self._done(False, sum(feed.pending() for feed in _feeds(self.folder)))
            return True
        now = time.monotonic()
        is_drained = sender.is_drained()
        if not is_drained and now < self._finish_by:
            if now >= self._next_progress:
                self._next_progress = now + PROGRESS_S
                sent = sender.acked()
                self._tell({"event": "progress", "sent": sent, "total": sent + sender.pending()})
            return False
        pending = 0 if is_drained else sender.pending()
        synced = pending == 0 and bool(sender.feeds)
        if synced:
            for feed in sender.feeds:
                registry.remove(feed.stream)
        sender.close(synced)
        self._done(synced, pending)
        return True

    def _done(self, synced: bool, pending: int) -> None:
        self._tell({"event": "done", "synced": synced, "pending": pending})

    def _tell(self, event: Event) -> None:
        with contextlib.suppress(OSError):  # the parent is gone
            self._emit(event)

    def _close(self) -> None:
        self._observer.stop(0.0)
        if self._observer.own is not None:
            self._observer.own.close()


def _feeds(folder: Path) -> list[Feed]:
    return [open_feed(path, is_live=False) for path in sorted(folder.glob("*.kslog"))]


def has_finish(folder: Path) -> bool:
    """Return whether a writer of the folder finished, or an uploader recorded its end.

    Both are among the last records of their journal, so only the end of each file is read.
    """
    for path in folder.glob("*.kslog"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - LAST_BYTES))
            for _, found in scan(file.read()):
                if isinstance(found, Frame) and found.kind in (Kind.FINISH, Kind.END):
                    return True
    return False


def read_settings(folder: Path) -> dict[str, Any]:
    """Return `settings.json` of a run folder; {} without a readable one."""
    try:
        found = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def lock_folder(folder: Path) -> int | None:
    """Take the folder's uploader lock until the process ends; None if another uploader holds it."""
    fd = os.open(folder / ".uploader.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def start_lifeline(agent: Agent, lines: Any) -> None:
    """Read the life line in a thread of its own, so that the end is noticed during a request too."""
    threading.Thread(
        target=agent.read_lifeline, args=(lines,), name="kiseki-lifeline", daemon=True
    ).start()
