"""Uploading by hand: the same sending on folders that nobody serves, or that somebody does (K-03).

Safe to repeat and safe while the run is live: the server skips what it has.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kiseki.base.clock import wall_us
from kiseki.client import registry
from kiseki.client.credentials import Target, read_anonymous, resolve
from kiseki.client.http import TIMEOUT_S, Client
from kiseki.errors import AuthenticationError, CommError, Error, ServerError, UsageValueError
from kiseki.journal.reader import read_journal
from kiseki.record.frame import Damage
from kiseki.record.types import End, Open, Record
from kiseki.uploader import death
from kiseki.uploader.agent import has_finish, lock_folder, read_settings
from kiseki.uploader.files import FileSender
from kiseki.uploader.observer import OwnStream, find_open
from kiseki.uploader.sender import Sender

LOOK_S = 0.05

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class SyncResult:
    """What became of one run folder.

    Attributes:
        folder: the run folder.
        run: run id, "" if no `Open` could be read.
        url: page of the run, "" if the server did not tell.
        sent: records acknowledged during this call.
        total: records in the folder.
        pending: records that are not on the server (0 = all of them are).
        already: whether everything was on the server before.
        rejected: records the server refused; they are in `rejected.jsonl`.
        lost: records missing from the journals.
        damage: (file, range) of what could not be read.
        files: files whose content is told to the server by this call.
        files_pending: files that are not on the server as they are.
        error: why something is pending, "" if nothing is.
        code: the server's word for it (`alive`, `absent`, `step` …), "" without one.
        hint: what to do about it, "" if there is nothing but to try again.
    """

    folder: Path
    run: str = ""
    url: str = ""
    sent: int = 0
    total: int = 0
    pending: int = 0
    already: bool = False
    rejected: int = 0
    lost: int = 0
    damage: list[tuple[Path, Damage]] = field(default_factory=list)
    files: int = 0
    files_pending: int = 0
    error: str = ""
    code: str = ""
    hint: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every record there ever was is on the server now."""
        return not (self.pending or self.files_pending or self.rejected or self.lost or self.damage)


def find_folders(path: str | os.PathLike[str]) -> list[Path]:
    """Return the run folders at or below `path`, which may be a `.kslog` file too; oldest run first.

    Raises:
        UsageValueError: there is none.
    """
    start = Path(path).absolute()
    if start.is_file() and start.suffix == ".kslog":
        return [start.parent]
    found = {journal.parent for journal in _journals(start)}
    if not found:
        raise UsageValueError(f"{path}: no run folder there (a folder with a .kslog file)")
    return oldest_first(found)


def oldest_first(folders: Iterable[Path]) -> list[Path]:
    """Return run folders in the order of their start: what goes on from a run must arrive behind it."""

    def started(folder: Path) -> tuple[int, Path]:
        opened = find_open(folder)
        return (opened.started_us if opened is not None else 0, folder)

    return sorted(folders, key=started)


def send_in_order(
    folders: Sequence[Path], send: Callable[[Path], SyncResult]
) -> list[tuple[Path, SyncResult]]:
    """Send run folders, the oldest of which stand first, with `send`; return what became of each.

    A run seems alive to the server until it hears how the process of its last session ended, which stands
    in that session's folder: one that is refused for it goes again behind the younger folders of its run that
    were recorded online.
    """
    done: dict[Path, SyncResult] = {}
    for folder in folders:
        if folder in done:
            continue
        result = send(folder)
        if result.code == "alive":
            ended = [
                other
                for other in folders
                if other not in done and other != folder and _went_on_online(other, result.run)
            ]
            for other in ended:
                done[other] = send(other)
            if ended:
                result = send(folder)
        done[folder] = result
    return list(done.items())


def _went_on_online(folder: Path, run: str) -> bool:
    opened = find_open(folder)
    is_online = read_settings(folder).get("mode") == "online"
    return is_online and opened is not None and opened.run == run


def _journals(start: Path) -> Iterator[Path]:
    for pattern in ("*.kslog", "*/*.kslog", "*/*/*.kslog"):
        yield from start.glob(pattern)


def sync(
    path: str | os.PathLike[str],
    target: Target | None = None,
    on_progress: Progress | None = None,
    timeout_s: float = 60.0,
) -> list[SyncResult]:
    """Send every run folder at or below `path`; see `sync_folder`."""

    def send(folder: Path) -> SyncResult:
        return sync_folder(folder, target, on_progress, timeout_s)

    return [result for _, result in send_in_order(find_folders(path), send)]


def sync_folder(
    folder: str | os.PathLike[str],
    target: Target | None = None,
    on_progress: Progress | None = None,
    timeout_s: float = 60.0,
) -> SyncResult:
    """Send one run folder (or the folder of a `.kslog` file).

    Args:
        folder: run folder.
        target: server and key; None: the server the run was meant for, with its key as known now.
        on_progress: called with (acknowledged, total) records.
        timeout_s: how long to try without any progress.

    Raises:
        UsageValueError: no run folder.
        CorruptRecord: a journal in it that does not even tell its stream.
    """
    (place,) = find_folders(folder)[:1]
    settings = read_settings(place)
    chosen = target or resolve(settings.get("base_url") or None)
    account = read_anonymous(chosen.base_url) if settings.get("is_anonymous") else None
    if account is not None:  # I-48: never to the account of somebody who has one
        chosen = Target(chosen.base_url, account.key)
    _record_end(place)
    events: list[dict[str, Any]] = []
    request_s = min(TIMEOUT_S, timeout_s)
    sender = Sender(place, lambda: chosen, events.append, is_live=False, timeout_s=request_s)
    sender.hurries = True
    sender.is_drained()  # finds the feeds
    result = SyncResult(place)
    opened = find_open(place)
    result.run = opened.run if opened is not None else ""
    with _files_of(place, opened, sender, chosen) as told:
        try:
            if settings.get("is_behind") and opened is not None:
                _put_behind(sender, opened, chosen)
            _check_server(sender, chosen, opened, request_s)
            _follow_server(sender, chosen.base_url)
            before = sender.acked()
            result.total = before + sender.pending()
            _drive(sender, result, before, on_progress, timeout_s)
            result.sent = sender.acked() - before
        except (CommError, OSError) as error:
            result.error = str(error)
        result.files = len(told)
        _conclude(sender, result)
    return result


@contextlib.contextmanager
def _files_of(
    place: Path, opened: Open | None, sender: Sender, target: Target
) -> Iterator[list[Record]]:
    """Let the sender have the files of a folder, unless an uploader that is alive has; yield what is told."""
    told: list[Record] = []
    lock = None
    if opened is not None and not _is_written(place, opened):
        with contextlib.suppress(OSError):
            lock = lock_folder(place)
    if lock is None or opened is None:
        yield told
        if lock is not None:
            os.close(lock)
        return
    own: list[OwnStream] = []

    def write(record: Record) -> None:
        if not own:
            own.append(OwnStream(place, opened))
        own[0].write(record)
        told.append(record)

    files = FileSender(
        place,
        lambda: target,
        lambda: sender.progress.run,
        write,
        lambda event: None,
        read_settings(place).get("ignore_globs") or (),
    )
    files.hurries = True
    for feed in sender.feeds:
        files.recall(feed.path, feed.tail.size(), feed.is_uploader)
    if is_over(place) or death.is_dead(opened):
        files.end()
    sender.files = files
    try:
        yield told
    finally:
        files.close()
        for stream in own:
            stream.close()
        os.close(lock)


def _put_behind(sender: Sender, opened: Open, target: Target) -> None:
    """Put rows that count from 0 behind those on the server (design §3.2)."""
    from kiseki.uploader.behind import Mover, base_step

    base = base_step(sender.folder, opened, target)
    for feed in sender.feeds:
        if base and not feed.is_uploader:
            feed.mover = Mover(feed.path, base)


def send_ended(run_ids: Collection[str], target: Target, deadline: float) -> None:
    """Have what this machine keeps of runs that ended sent, before somebody goes on with them.

    A killed script's uploader may still be at work, or was killed with it: then its last rows, and the
    news that it ended, are not on the server yet. What cannot be sent in time is sent later.

    Args:
        deadline: on the monotonic clock.
    """
    for entry in registry.entries():
        folder = Path(entry.folder)
        if entry.run not in run_ids or read_settings(folder).get("mode") == "offline":
            continue
        opened = find_open(folder) if folder.is_dir() else None
        if opened is None or not death.is_dead(opened):
            continue
        while not is_free(folder):  # its own uploader does it
            if time.monotonic() > deadline:
                return
            time.sleep(LOOK_S)
        left = deadline - time.monotonic()
        if left > 0:
            with contextlib.suppress(Error, OSError):
                sync_folder(folder, target, timeout_s=left)


def is_over(folder: Path) -> bool:
    """Return whether nothing more is to come from the writer of a folder."""
    if read_settings(folder).get("x_update_finish_state", True):
        return has_finish(folder)
    opened = find_open(folder)  # a writer that does not end the run says nothing at its end (T-10)
    return opened is not None and death.is_dead(opened)


def _is_written(folder: Path, opened: Open) -> bool:
    """Return whether a process of this machine writes to a folder: its own uploader sees to the files."""
    is_here = opened.host == socket.gethostname() and bool(opened.pid)
    return is_here and not death.is_dead(opened) and not is_over(folder)


def is_free(folder: Path) -> bool:
    """Return whether no uploader serves a folder now."""
    try:
        lock = lock_folder(folder)
    except OSError:  # a folder that cannot be written has none
        return True
    if lock is not None:
        os.close(lock)
    return lock is not None


def _follow_server(sender: Sender, base_url: str) -> None:
    """Give the run's page, as told earlier, the address that the server has now.

    If it is another server, its answer to the first records brings another page.
    """
    progress = sender.progress
    url, before = str(progress.run.get("url") or ""), progress.base_url
    if before and before != base_url and url.startswith(before + "/"):
        progress.run = {**progress.run, "url": base_url + url[len(before) :]}
        progress.base_url = base_url


def _check_server(sender: Sender, target: Target, opened: Open | None, timeout_s: float) -> None:
    """Start where the server stands: it may have been restored from a backup, or be another one."""
    with Client(target.base_url, target.key, timeout_s) as client:
        for feed in sender.feeds:
            expected = client.stream_next(feed.stream)
            if expected < feed.acked:
                feed.tail.rewind(expected)
                feed.acked, feed.acked_offset = expected, 0
            elif expected > feed.acked:
                feed.acked = feed.tail.next_seq = expected
        is_known = any(feed.acked for feed in sender.feeds)
        if is_known and opened is not None and not sender.progress.run:
            # Forgotten here, and told by the server only in its answer to an `Open`.
            entity = opened.entity or client.get_json("/api/v1/viewer")["entity"]
            sender.progress.run = {"entity": entity, "project": opened.project, "id": opened.run}


def _drive(
    sender: Sender,
    result: SyncResult,
    before: int,
    on_progress: Progress | None,
    timeout_s: float,
) -> None:
    acked, deadline = before, time.monotonic() + timeout_s
    files = sender.files
    while not sender.is_drained():
        wait_s = sender.step()
        if files is not None and not files.is_drained() and sender.is_sent():
            wait_s = files.step()
            deadline = max(deadline, files.moved_at + timeout_s)
        now = sender.acked()
        if now > acked:
            acked, deadline = now, time.monotonic() + timeout_s
            if on_progress is not None:
                on_progress(acked, max(acked, result.total))
        elif time.monotonic() > deadline or _is_hopeless(sender):
            break
        time.sleep(min(wait_s, 0.5))


def _is_hopeless(sender: Sender) -> bool:
    """Return whether waiting will not help: the server answered no, and nobody is about to change that."""
    error = sender.last_error
    if error is None and sender.files is not None:
        error = sender.files.last_error
    if isinstance(error, AuthenticationError):
        return True
    return isinstance(error, ServerError) and 400 <= error.status < 500 and error.status != 429


def _conclude(sender: Sender, result: SyncResult) -> None:
    result.pending = 0 if sender.is_sent() and not result.error else sender.pending()
    if sender.files is not None:
        result.files_pending = sender.files.pending().files
    is_pending = bool(result.pending or result.files_pending)
    result.already = not (is_pending or result.sent or result.files)
    result.rejected = max(sender.rejected(), sender.progress.rejected)
    result.lost = sum(feed.lost for feed in sender.feeds)
    result.url = str(sender.progress.run.get("url") or "")
    for feed in sender.feeds:
        # What was sent earlier was read earlier: look at the whole file for damage.
        result.damage += [(feed.path, damage) for damage in _damage_of(feed.path)]
    if is_pending and not result.error:
        error = sender.last_error
        if error is None and sender.files is not None:
            error = sender.files.last_error
        result.error = str(error) if error is not None else "the server made no progress"
        if isinstance(error, ServerError):
            result.code = str(error.detail.get("code") or "")
            result.hint = _hint(result)
    if not is_pending and is_over(result.folder):  # else more is to come
        for feed in sender.feeds:
            registry.remove(feed.stream)
    sender.close()


def _hint(result: SyncResult) -> str:
    """Return what to do about a run that the server does not take (design §3.2)."""
    again, opened = f"kiseki sync {result.folder}", find_open(result.folder)
    parent = opened.parent_run if opened is not None else None
    other = {
        "absent": f"if the run {parent or result.run!r} is recorded elsewhere, upload it first; to upload "
        f"this part as a run of its own: {again} --detach",
        "step": f"if more of the run {parent!r} is recorded elsewhere, upload it first; to upload this part "
        f"as a run of its own: {again} --detach --id NEW-ID",
        "exists": f"to upload it as another run: {again} --id NEW-ID",
        "deleted": f"restore it from the trash, then: {again}; "
        f"to upload it as another run: {again} --id NEW-ID",
        "alive": f"when that process has ended: {again}",
    }
    return other.get(result.code, "")


def _damage_of(path: Path) -> list[Damage]:
    with read_journal(path) as journal:
        for _ in journal:
            pass
        return journal.damage


def _record_end(folder: Path) -> None:
    """Write the `End` of a writer that died without anybody seeing it."""
    opened = find_open(folder)
    if opened is None or is_over(folder) or not death.is_dead(opened):
        return
    lock = None
    with contextlib.suppress(OSError):
        lock = lock_folder(folder)
        if lock is None:
            return  # its uploader is alive, and will
        own = OwnStream(folder, opened)
        own.write(End(state="crashed", cause="the process disappeared", time_us=wall_us()))
        own.close()
    if lock is not None:
        os.close(lock)
