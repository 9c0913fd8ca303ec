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
from typing import Any, NamedTuple

from kiseki.client import registry
from kiseki.client.credentials import Target, resolve
from kiseki.client.http import TIMEOUT_S
from kiseki.errors import DataError
from kiseki.record.frame import Frame, scan
from kiseki.record.types import Kind, Open
from kiseki.uploader import messages
from kiseki.uploader.death import Ending, Watch
from kiseki.uploader.feed import Feed, open_feed
from kiseki.uploader.files import FileSender
from kiseki.uploader.observer import Observer, find_open
from kiseki.uploader.sender import HEARTBEAT_S, Sender

ORPHAN_S = 30.0  # sending goes on this long after the training process is gone
FINISH_S = 60.0
# What `finish` waits for the environment at most. Online the uploader then goes on alone; a folder that was
# recorded offline may be moved away as soon as the script is over.
DESCRIBE_S = 0.5
DESCRIBE_OFFLINE_S = 5.0
LINGER_S = (
    30.0  # what the uploader goes on for after `done`, for the environment of a slow repository
)
PROGRESS_S = 0.25
IDLE_S = 0.2
FOLDER_LOOK_S = 1.0
LAST_BYTES = 256 * 1024
LOCK_LOOK_S = 0.02

Event = dict[str, Any]
Emit = Callable[[Event], None]


class Held(NamedTuple):
    """Paths to files that the starter opened, which lead to them when the folder is deleted, too."""

    settings: Path
    journal: Path


class Agent:
    """Serves one run folder until the run is finished and sent, or its process is gone.

    Args:
        folder: run folder with `settings.json`.
        emit: receives the events of `docs/ARCHITECTURE.md`; must not block for long.
        parent: the process that is watched; None in thread mode.
        held: for the case that the folder was deleted before this started.
    """

    def __init__(
        self,
        folder: Path,
        emit: Emit,
        parent: Watch | None = None,
        held: Held | None = None,
    ) -> None:
        self.folder = folder
        self.inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._emit = emit
        self._held = held
        self._settings = read_settings(folder)
        if not self._settings and held is not None:
            self._settings = _read_json(held.settings)
        self._parent = parent
        self._observer = Observer(folder, self._settings, lambda: self.inbox.put({"do": "look"}))
        self._sender: Sender | None = None
        if self._settings.get("mode") != "offline":
            heartbeat_s = float(self._settings.get("heartbeat_seconds") or HEARTBEAT_S)
            timeout_s = float(self._settings.get("http_timeout") or TIMEOUT_S)
            self._sender = Sender(folder, self._resolve, emit, heartbeat_s, timeout_s=timeout_s)
            self._sender.held = held.journal if held is not None else None
            self._sender.files = self._make_files(self._sender, timeout_s)
        self._opened: Open | None = None
        self._finish_by: float | None = None  # None: not asked to finish
        self._is_finishing = False
        self._describe_by = 0.0
        self._has_answered = False
        self._is_orphan = False
        self._next_progress = 0.0
        self._next_look = 0.0
        self._next_folder_look = 0.0
        self._is_gone = False
        self._is_given_up = False

    def _resolve(self) -> Target:
        return resolve(self._settings.get("base_url") or None)

    def _make_files(self, sender: Sender, timeout_s: float) -> FileSender:
        files = FileSender(
            self.folder,
            self._resolve,
            lambda: sender.progress.run,
            self._observer.write,
            self._tell,
            self._settings.get("ignore_globs") or (),
            timeout_s,
        )
        files.start()
        return files

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
                self._look_for_folder()
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
                if self._sender.files is not None:
                    self._sender.files.flush()
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
            with contextlib.suppress(OSError):  # a full disk: sending needs no disk
                self._observer.start(self._opened)

    def _look_for_folder(self) -> None:
        """Tell once that the run folder was deleted; the journals that are open can still be read."""
        now = time.monotonic()
        if self._is_gone or now < self._next_folder_look:
            return
        self._next_folder_look = now + FOLDER_LOOK_S
        if messages.is_gone(self.folder):
            self._is_gone = True
            text = messages.gone(self.folder, is_sending=self._sender is not None)
            self._tell({"event": "trouble", "code": messages.GONE, "text": text})

    # Ends

    def _finish(self, timeout_s: float | None) -> None:
        """The journal is complete: send the rest for `timeout_s` seconds, None: for as long as it takes."""
        self._finish_by = time.monotonic() + timeout_s if timeout_s is not None else float("inf")
        self._has_answered = False
        self._hurry(DESCRIBE_OFFLINE_S if self._sender is None else DESCRIBE_S)

    def _orphaned(self, ending: Ending | None) -> None:
        """The training process is gone: record how, and send what there is for a while."""
        if self._is_orphan:
            return
        self._is_orphan = True
        if self._opened is None:
            self._next_look = 0.0
            self._look_for_open()
        ends_run = self._settings.get("x_update_finish_state", True)  # T-10
        if ending is not None and ends_run and not has_finish(self.folder):
            with contextlib.suppress(OSError):  # a full disk; the server will see the silence
                self._observer.write_end(*ending)
        if self._has_answered:
            return  # as expected after `finish`
        limit = time.monotonic() + ORPHAN_S
        self._finish_by = limit if self._finish_by is None else min(self._finish_by, limit)
        self._hurry(DESCRIBE_OFFLINE_S)

    def _hurry(self, describe_s: float) -> None:
        """Nobody writes to the run any more but the observer, who gets `describe_s` seconds."""
        self._is_finishing = True
        self._describe_by = time.monotonic() + describe_s
        self._observer.end_samples()
        if self._sender is not None:
            self._sender.hurries = True
            self._sender.end_writers()
            self._sender.flush()
            if self._sender.files is not None:
                self._sender.files.end()

    def _may_leave(self) -> bool:
        """Answer `done` once the writers' records are sent or time is up; return whether all is over."""
        assert self._finish_by is not None
        now = time.monotonic()
        sender, is_described = self._sender, self._observer.is_over()
        if sender is None:
            return self._may_leave_offline(is_described, now)
        if is_described and (sender.files is None or sender.files.is_drained()):
            sender.stop_following()
        is_drained = is_described and sender.is_drained()
        is_late = now >= self._finish_by
        has_failed = is_late or sender.final_refusal is not None or _are_files_refused(sender)
        if has_failed and not is_drained and _are_files_moving(sender):
            self._go_on(sender, now)
            return False
        if (
            is_drained
            or (is_described and (has_failed or self._is_given_up))
            or (is_late and (self._has_answered or self._is_orphan))
        ):
            self._leave(sender, is_drained)
            return True
        if not self._has_answered:
            if has_failed:  # the environment belongs into the folder all the same
                self._go_on(sender, now)
            elif now >= self._describe_by and sender.is_drained(writers_only=True):
                self._answer(True, 0, lingers=True)
                self._finish_by = now + LINGER_S
            elif now >= self._next_progress:
                self._next_progress = now + PROGRESS_S
                sent = sender.acked()
                event = {"event": "progress", "sent": sent, "total": sent + sender.pending()}
                if sender.files is not None:
                    event["files"], event["bytes"] = sender.files.pending()
                self._tell(event)
        return False

    def _go_on(self, sender: Sender, now: float) -> None:
        """Answer what is missing, if somebody waits; go on for a while, and as long as files move."""
        if not self._has_answered:
            refused = str(sender.final_refusal or "")
            self._answer(False, sender.pending(), lingers=True, refused=refused)
        self._is_given_up, self._finish_by = True, now + LINGER_S

    def _may_leave_offline(self, is_described: bool, now: float) -> bool:
        if not self._has_answered and (is_described or now >= self._describe_by):
            pending = 0
            for feed in _feeds(self.folder):
                pending += feed.pending()
                feed.close()
            self._answer(False, pending, lingers=not is_described)
            self._finish_by = now + LINGER_S
        assert self._finish_by is not None
        return is_described or now >= self._finish_by

    def _leave(self, sender: Sender, is_drained: bool) -> None:
        self._close()
        synced = is_drained and bool(sender.feeds)
        if synced or sender.final_refusal is not None:  # nobody needs to try again
            for feed in sender.feeds:
                registry.remove(feed.stream)
        pending = 0 if is_drained else sender.pending()
        sender.close()
        if not self._has_answered:
            refused = str(sender.final_refusal or "")
            self._answer(synced, pending, lingers=False, refused=refused)

    def _answer(self, synced: bool, pending: int, lingers: bool, refused: str = "") -> None:
        self._has_answered = True
        event = {"event": "done", "synced": synced, "pending": pending, "lingers": lingers}
        if refused:
            event["refused"] = refused
        files = self._sender.files if self._sender is not None else None
        if not synced and files is not None and (count := files.pending().files):
            event["files"] = count
        self._tell(event)

    def _tell(self, event: Event) -> None:
        with contextlib.suppress(OSError):  # the parent is gone
            self._emit(event)

    def _close(self) -> None:
        if self._sender is not None and self._sender.files is not None:
            self._sender.files.close()  # before the stream that it writes to
        self._observer.close()


def _are_files_moving(sender: Sender) -> bool:
    """Return whether files are on their way to a server that takes them."""
    files = sender.files
    if files is None or files.is_drained() or sender.final_refusal is not None:
        return False
    return time.monotonic() - files.moved_at < LINGER_S


def _are_files_refused(sender: Sender) -> bool:
    """Return whether the server has every record, and said no to the files."""
    files = sender.files
    return files is not None and files.is_refused and sender.is_sent()


def _feeds(folder: Path) -> list[Feed]:
    found = []
    for path in sorted(folder.glob("*.kslog")):
        with contextlib.suppress(OSError, DataError):  # nothing in it yet, or nothing readable
            found.append(open_feed(path, is_live=False))
    return found


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
    return _read_json(folder / "settings.json")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def lock_folder(folder: Path, wait_s: float = 0.0) -> int | None:
    """Take the folder's uploader lock until the process ends; None if another holds it for `wait_s`."""
    fd = os.open(folder / ".uploader.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except OSError:
            if time.monotonic() >= deadline:
                os.close(fd)
                return None
        time.sleep(LOCK_LOOK_S)


def start_lifeline(agent: Agent, lines: Any) -> None:
    """Read the life line in a thread of its own, so that the end is noticed during a request too."""
    threading.Thread(
        target=agent.read_lifeline, args=(lines,), name="kiseki-lifeline", daemon=True
    ).start()
