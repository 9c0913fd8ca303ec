"""Files on their way to the server: beside the records, never in front of them.

    File record in a journal ─► named ─► there? ─► hashed ─► blobs/missing ─► PUT ─► File record with its
                                           │                                           digest, own stream
                                           live: whenever it changed · now: once · end: when the run has ended

The server keeps content whole or not at all, and the record is written after it has it: killed at any
instant, a file is there, or is uploaded again. `step` does one batch and returns how long to wait; it is
driven by a thread of its own (`start`), with its own connection, or by `sync`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from kiseki.base.clock import wall_us
from kiseki.base.paths import fault_of_name, is_ignored
from kiseki.client.credentials import Target
from kiseki.client.http import TIMEOUT_S, Client
from kiseki.client.retry import RetryPolicy, is_retryable
from kiseki.errors import AuthenticationError, CommError, CorruptRecord, DataError, ServerError
from kiseki.journal.reader import read_journal
from kiseki.record.codec import Decoder
from kiseki.record.frame import Frame, scan
from kiseki.record.types import File, Kind, Note, Record
from kiseki.uploader import messages
from kiseki.uploader.feed import Feed

PIECE_BYTES = 1024 * 1024
BATCH_FILES = 256  # hashed and asked about together
BATCH_BYTES = 256 * 1024 * 1024  # …unless they are this much
HELD_BYTES_MAX = 256 * 1024  # a smaller file is read once, and sent as it was when it was hashed
HELD_BATCH_BYTES_MAX = 8 * 1024 * 1024  # of those in one batch
LOOK_S = 2.0  # between two looks at files that may change
ABSENT_LOOK_S = 0.5  # …and at files that are not there yet
SETTLE_S = 1.0  # a live file is uploaded when it has not changed for so long
LIVE_EVERY_S = 30.0  # …and one that changes all the time this often
LIVE_EVERY_FACTOR = 10.0  # …but not more often than this times what its last upload took
COPY_AFTER = 3  # a file that changes while it is being sent is sent from a copy from then on
CHANGED_AGAIN_S = 1.0
AUTH_RETRY_S = 60.0
KEY_LOOK_S = 1.0  # a pause is looked at again this often: there may be another key
HURRY_RETRY_S = 2.0
IDLE_S = 3600.0
CLOSE_S = 2.0  # for a piece that is just being sent
TOLD_MAX = 3  # files that could not be uploaded, named to the person

Event = dict[str, Any]
Stamp = tuple[int, int, int]  # size, mtime in ns, inode


class _Changed(Exception):
    """A file is not what it was when it was hashed."""


class _Closed(Exception):
    """The upload was given up because the uploader ends."""


class _Item:
    """One file of the run."""

    __slots__ = (
        "digest", "failures", "is_given_up", "is_named", "is_queued", "path", "policy", "sent_at", "sent_s",
        "stamp", "told", "told_stamp",
    )  # fmt: skip

    def __init__(self, path: str, policy: str) -> None:
        self.path = path
        self.policy = policy
        self.told = ""  # digest that a record in the uploader's stream holds
        self.told_stamp: Stamp | None = None  # of the file then
        self.digest = ""  # of the file with `stamp`
        self.stamp: Stamp | None = None
        self.is_named = True  # a record of the writer waits for its answer
        self.is_queued = False
        self.is_given_up = False
        self.failures = 0
        self.sent_at = self.sent_s = 0.0


class _Ready(NamedTuple):
    """A file that was hashed. `data`: its content if it is small; `source`: where it is read from else."""

    item: _Item
    digest: str
    stamp: Stamp
    data: bytes | None
    source: Path


class Pending(NamedTuple):
    """Files that are not on the server as they are, and their size in bytes."""

    files: int
    size: int


class FileSender:
    """Uploads the files of one run folder.

    Args:
        folder: run folder; the files are below its `files/`.
        resolve: gives the address and the key.
        place: gives what the server said of the run (`entity`, `project`), {} as long as it did not.
        write: appends a record to the uploader's own stream; raises OSError.
        on_event: called with `trouble` events.
        ignore: patterns of names that are never uploaded (A-06).
        timeout_s: of a silence of the server.
    """

    def __init__(
        self,
        folder: Path,
        resolve: Callable[[], Target],
        place: Callable[[], Mapping[str, Any]],
        write: Callable[[Record], None],
        on_event: Callable[[Event], None],
        ignore: Iterable[str] = (),
        timeout_s: float = TIMEOUT_S,
        policy: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = folder / "files"
        self.hurries = False
        self.last_error: CommError | None = None
        self.moved_at = -math.inf  # when bytes last went out, by `clock`
        self._folder = folder
        self._resolve = resolve
        self._place = place
        self._write = write
        self._on_event = on_event
        self._ignore = tuple(ignore)
        self._timeout_s = timeout_s
        self._policy = policy or RetryPolicy()
        self._clock = clock
        self._client: Client | None = None
        self._target: Target | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_threaded = False
        self._thread: threading.Thread | None = None
        self._items: dict[str, _Item] = {}
        self._queue: deque[_Item] = deque()  # to be looked at now
        self._absent: dict[str, _Item] = {}  # named, and not there yet
        self._live: dict[str, _Item] = {}
        self._batch: list[_Item] = []
        self._copies: list[Path] = []
        self._left = 0  # bytes of the batch that were not sent yet
        self._is_ended = False
        self._is_closed = False
        self._not_before = 0.0
        self._next_look = 0.0
        self._failures = 0
        self._told_code = ""
        self._given_up = 0
        self._recall_told()

    # ── what is to be uploaded ──

    def follow(self, feed: Feed) -> None:
        """Take note of the files that a journal named before its position, and of those it will name."""
        is_own = feed.is_uploader
        if feed.tail.offset:
            self.recall(feed.path, feed.tail.offset, is_own)
        feed.on_files = lambda frames: self.take(frames, is_own)

    def take(self, frames: bytes, is_own: bool) -> None:
        """Take note of the files that records name: consecutive intact frames of one stream.

        Args:
            frames: as they stand in a journal.
            is_own: whether it is an uploader's stream; what it tells the content of was uploaded.
        """
        self._name_all((found for _, found in scan(frames) if isinstance(found, Frame)), is_own)

    def recall(self, journal: Path, behind: int, is_own: bool) -> None:
        """Take note of the files named before an offset of a journal; as `take`."""
        with contextlib.suppress(OSError, DataError), read_journal(journal) as frames:
            self._name_all((frame for frame in frames if frames.position <= behind), is_own)

    def _name_all(self, frames: Iterable[Frame], is_own: bool) -> None:
        for record in _files_of(frames):
            if not (is_own and record.sha256):
                self.name(record)

    def name(self, record: File) -> None:
        """Take note of one file."""
        if fault_of_name(record.path) or is_ignored(record.path, self._ignore):
            return
        with self._lock:
            item = self._items.get(record.path)
            if item is None:
                item = self._items[record.path] = _Item(record.path, record.policy)
            item.policy, item.is_given_up = record.policy, False
            # Named again after it was uploaded: somebody may have deleted it on the server meanwhile.
            item.is_named = not item.told or item.sent_at > 0
            self._live.pop(item.path, None)
            if item.policy != "end" or self._is_ended:
                self._enqueue(item)
            if self._is_threaded and self._thread is None and not self._is_closed:
                self._start_thread()
        self._wake.set()

    def end(self) -> None:
        """Know that the run has ended: everything is uploaded as it is now; what is not there never comes."""
        with self._lock:
            if not self._is_ended:
                self._is_ended = True
                for item in self._items.values():
                    if not item.is_given_up and (item.policy != "now" or item.is_named):
                        self._enqueue(item)
                self._absent.clear()
        self.hurries = True
        self._not_before = 0.0
        self._wake.set()

    def flush(self) -> None:
        """Try now, whatever pause was agreed on."""
        self._not_before = 0.0
        self._wake.set()

    @property
    def is_refused(self) -> bool:
        """Whether waiting will not help: the server said no to files of this run."""
        error = self.last_error
        return isinstance(error, ServerError) and not is_retryable(error.status)

    def is_drained(self) -> bool:
        """Return whether every file that is due, and there, is on the server, and its record written."""
        with self._lock:
            return not self._queue and not self._batch

    def pending(self) -> Pending:
        """Return what `is_drained` waits for."""
        with self._lock:
            waiting = [*self._queue, *self._batch]
            left = self._left
        size = left + sum(_size_of(self.root / item.path) for item in waiting if not item.digest)
        return Pending(len(waiting), size)

    def _enqueue(self, item: _Item) -> None:
        if not item.is_queued:
            item.is_queued = True
            self._queue.append(item)

    def _recall_told(self) -> None:
        """Learn what earlier uploaders of this folder wrote into their streams."""
        for path in sorted(self._folder.glob("uploader-*.kslog")):
            with contextlib.suppress(OSError, DataError), read_journal(path) as frames:
                for record in _files_of(frames):
                    if record.sha256:
                        item = self._items.setdefault(
                            record.path, _Item(record.path, record.policy)
                        )
                        item.told, item.is_named = record.sha256, False

    # ── what drives it ──

    def start(self) -> None:
        """Work in a thread of its own, from the first file until `close`."""
        self._is_threaded = True

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, name="kiseki-files", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.nice(5)  # of this thread on Linux: training comes first
        while not self._is_closed:
            self._wake.clear()
            wait_s = self.step()
            if wait_s > 0:
                self._wake.wait(wait_s)

    def close(self) -> None:
        """Give up what is not uploaded yet; a file on its way is cut off, which the server forgets."""
        self._is_closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(CLOSE_S)
        if self._client is not None:
            self._client.close()

    def step(self) -> float:
        """Upload one batch; return the seconds to wait before the next call."""
        now = self._clock()
        if now < self._not_before and not self._has_another_key():
            return min(self._not_before - now, KEY_LOOK_S)
        self._look(now)
        if not self._queue:
            return self._until_next_look(now)
        place = self._place()
        if not place.get("project"):
            return 0.05 if self.hurries else 0.2
        try:
            self._upload(_base_of(place))
        except CommError as error:
            return self._failed(error)
        except OSError:  # the own stream cannot be written: a full disk
            return self._pause(HURRY_RETRY_S)
        except _Closed:
            return 0.0
        finally:
            self._end_batch()
        return 0.0

    def _until_next_look(self, now: float) -> float:
        return max(0.05, self._next_look - now) if self._live or self._absent else IDLE_S

    def _look(self, now: float) -> None:
        """Look for files that appeared, and for live ones that changed and then settled."""
        if now < self._next_look or self._is_ended:
            return
        self._next_look = now + (ABSENT_LOOK_S if self._absent else LOOK_S)
        with self._lock:
            absent, live = list(self._absent.values()), list(self._live.values())
        for item in absent:
            if (self.root / item.path).exists():
                self._absent.pop(item.path, None)
                self._requeue(item)
        for item in live:
            if self._is_due(item, now):
                self._live.pop(item.path, None)
                self._requeue(item)

    def _is_due(self, item: _Item, now: float) -> bool:
        stamp = _stamp_of(self.root / item.path)
        if stamp is None or stamp == item.told_stamp:
            return False
        age_s = time.time() - stamp[1] / 1e9
        pause_s = max(LIVE_EVERY_S, item.sent_s * LIVE_EVERY_FACTOR)
        return age_s >= SETTLE_S or age_s < -SETTLE_S or now - item.sent_at >= pause_s

    def _requeue(self, item: _Item) -> None:
        with self._lock:
            self._enqueue(item)

    # ── one batch ──

    def _upload(self, base: str) -> None:
        ready = self._prepare()
        if not ready:
            return
        client = self._connected()
        digests = list({one.digest for one in ready})
        answer = client.post_json(f"{base}/blobs/missing", {"sha256": digests})
        missing = set(map(str, answer["missing"]))
        missing -= self._put_small(client, base, [one for one in ready if one.digest in missing])
        for one in ready:
            began = self._clock()
            if one.digest in missing:
                try:
                    self._put(client, base, one)
                except _Changed:
                    self._changed_meanwhile(one.item)
                    continue
                missing.discard(one.digest)
            self._done(one, began)
        self._healed()

    def _prepare(self) -> list[_Ready]:
        """Take a batch from the queue and hash it."""
        ready: list[_Ready] = []
        held = size = 0
        while len(ready) < BATCH_FILES and size < BATCH_BYTES and not self._is_closed:
            with self._lock:
                if not self._queue:
                    break
                item = self._queue.popleft()
                item.is_queued = False
                self._batch.append(item)
            try:
                one = self._hash(item, HELD_BATCH_BYTES_MAX - held)
            except _Changed:
                self._changed_meanwhile(item)
                continue
            except OSError as error:
                self._unreadable(item, error)
                continue
            held += len(one.data or b"")
            size += one.stamp[0]
            self._left += one.stamp[0]
            ready.append(one)
        return ready

    def _hash(self, item: _Item, held_max: int) -> _Ready:
        path = self.root / item.path
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):
            raise IsADirectoryError(f"{item.path} is no file")
        stamp = _stamp(about)
        if stamp[0] <= min(HELD_BYTES_MAX, held_max):
            data = path.read_bytes()
            item.digest, item.stamp = hashlib.sha256(data).hexdigest(), stamp
            return _Ready(item, item.digest, (len(data), *stamp[1:]), data, path)
        if item.failures >= COPY_AFTER:
            path = self._copied(path)
            stamp = (path.stat().st_size, *stamp[1:])
        elif item.stamp == stamp:  # hashed before the connection broke
            return _Ready(item, item.digest, stamp, None, path)
        digest = hashlib.sha256()
        with open(path, "rb", buffering=0) as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                if self._is_closed:
                    raise _Closed
        if item.failures < COPY_AFTER and _stamp(os.stat(path)) != stamp:
            raise _Changed
        item.digest, item.stamp = digest.hexdigest(), stamp
        return _Ready(item, item.digest, stamp, None, path)

    def _copied(self, path: Path) -> Path:
        """Return a copy of a file that never stands still."""
        scratch = self._folder / "tmp"
        scratch.mkdir(exist_ok=True)
        copy = scratch / f"upload-{os.getpid()}-{len(self._copies)}"
        self._copies.append(copy)
        shutil.copyfile(path, copy)
        return copy

    def _put_small(self, client: Client, base: str, missing: list[_Ready]) -> set[str]:
        """Send the contents that are in memory in one request, for which the disk is waited for once."""
        small = {one.digest: one.data for one in missing if one.data is not None}
        if len(small) < 2:
            return set()
        body = b"".join(len(data).to_bytes(4, "little") + data for data in small.values())
        data = client.post_bytes(
            f"{base}/blobs", body, "application/x-kiseki-blobs", "application/json"
        )
        self._left -= len(body)
        self.moved_at = self._clock()
        return set(map(str, json.loads(data)["sha256"]))

    def _put(self, client: Client, base: str, one: _Ready) -> None:
        pieces = [one.data] if one.data is not None else self._pieces(one.source, one.stamp[0])
        try:
            client.put(f"{base}/blobs/{one.digest}", self._counted(pieces), one.stamp[0])
        except ServerError as error:
            if error.detail.get("code") == "digest":
                raise _Changed from error
            if error.status in (400, 413) and not is_retryable(error.status):
                self._give_up(one.item, str(error))
                raise _Changed from error
            raise

    def _pieces(self, path: Path, size: int) -> Iterator[bytes]:
        """Yield the first `size` bytes of a file: one that is appended to is sent as it was when hashed."""
        try:
            with open(path, "rb", buffering=0) as file:
                while size > 0:
                    piece = file.read(min(PIECE_BYTES, size))
                    if not piece:
                        raise _Changed
                    size -= len(piece)
                    yield piece
        except OSError as error:
            raise _Changed from error

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self._is_closed:
                raise _Closed
            yield piece
            self._left -= len(piece)
            self.moved_at = self._clock()

    def _done(self, one: _Ready, began: float) -> None:
        """Tell the content of a file in the own stream; live ones are watched from now on."""
        item = one.item
        if item.told != one.digest or item.is_named:
            record = File(
                path=item.path,
                policy=item.policy,
                size=one.stamp[0],
                sha256=one.digest,
                time_us=wall_us(),
            )
            self._write(record)
        with self._lock:
            item.told, item.told_stamp = one.digest, one.stamp
            item.is_named = item.is_queued  # again, while it was being sent
            item.failures = 0
            item.sent_at = self._clock()
            item.sent_s = item.sent_at - began
            self._batch.remove(item)
            if item.policy == "live" and not self._is_ended:
                self._live[item.path] = item
        self.moved_at = item.sent_at

    def _changed_meanwhile(self, item: _Item) -> None:
        """Try a file again that changed while it was hashed or sent."""
        with self._lock:
            self._batch.remove(item)
            item.failures += 1
            item.stamp = None
            if not item.is_given_up:
                self._absent[item.path] = item  # looked at again soon
                if self._is_ended:
                    del self._absent[item.path]
                    self._enqueue(item)

    def _unreadable(self, item: _Item, error: OSError) -> None:
        """Wait for a file that is not there; give up one that cannot be read, or that never came."""
        is_absent = isinstance(error, (FileNotFoundError, NotADirectoryError))
        with self._lock:
            self._batch.remove(item)
            if is_absent and not self._is_ended:
                self._absent[item.path] = item
                return
        if is_absent and item.told:
            return  # uploaded, then deleted: what is on the server stays
        self._give_up(item, "it is not there" if is_absent else error.strerror or str(error))

    def _give_up(self, item: _Item, reason: str) -> None:
        item.is_given_up = True
        self._given_up += 1
        text = f"the file {item.path} was not uploaded: {reason}"
        with contextlib.suppress(OSError):
            self._write(Note(code="file", text=text[:2000], count=1, time_us=wall_us()))
        if self._given_up <= TOLD_MAX and not messages.is_gone(self._folder):
            kept = self.root / item.path
            self._tell(messages.FILE, messages.file_given_up(item.path, reason, kept))

    def _end_batch(self) -> None:
        """Put what is left of a batch back."""
        with self._lock:
            for item in reversed(self._batch):
                if not item.is_queued:
                    item.is_queued = True
                    self._queue.appendleft(item)
            self._batch.clear()
            self._left = 0
        for copy in self._copies:
            copy.unlink(missing_ok=True)
        self._copies.clear()

    # ── the connection ──

    def _connected(self) -> Client:
        target = self._resolve() if self._client is None or self._failures else self._target
        assert target is not None
        if self._client is None or target != self._target:
            if self._client is not None:
                self._client.close()
            self._client, self._target = (
                Client(target.base_url, target.key, self._timeout_s),
                target,
            )
        return self._client

    def _has_another_key(self) -> bool:
        """Return whether the key that was rejected is not the one to use any more."""
        return isinstance(self.last_error, AuthenticationError) and self._resolve() != self._target

    def _failed(self, error: CommError) -> float:
        self.last_error = error
        self._failures += 1
        if isinstance(error, AuthenticationError):
            return self._pause(AUTH_RETRY_S)
        if isinstance(error, ServerError) and error.status == 507:
            self._tell(messages.DISK_FULL, messages.files_wait(error, self._folder))
        if isinstance(error, ServerError) and not is_retryable(error.status):
            return self._pause(AUTH_RETRY_S)  # no such project, or not any more: the sender tells
        asked = error.detail.get("retry_after") if isinstance(error, ServerError) else None
        pause_s = self._policy.pause(
            self._failures,
            _random,
            retry_after_s=asked if isinstance(asked, (int, float)) else None,
        )
        return self._pause(min(pause_s, HURRY_RETRY_S) if self.hurries else pause_s)

    def _pause(self, seconds: float) -> float:
        self._not_before = self._clock() + seconds
        return seconds

    def _healed(self) -> None:
        self._failures = 0
        self.last_error = None
        if self._told_code == messages.DISK_FULL:
            self._told_code = ""

    def _tell(self, code: str, text: str) -> None:
        if code == messages.DISK_FULL == self._told_code:
            return
        self._told_code = code
        self._on_event({"event": "trouble", "code": code, "text": text})


def _files_of(frames: Iterable[Frame]) -> Iterator[File]:
    """Yield the records among frames that name a file, or tell its content."""
    decoder = Decoder()
    for frame in frames:
        if frame.kind == Kind.FILE:
            try:
                record = decoder.decode(frame)
            except CorruptRecord:
                continue
            if isinstance(record, File) and not record.deleted:
                yield record


def _base_of(place: Mapping[str, Any]) -> str:
    entity, project = (quote(str(place.get(name) or ""), safe="") for name in ("entity", "project"))
    return f"/api/v1/projects/{entity}/{project}"


def _stamp(about: os.stat_result) -> Stamp:
    return (about.st_size, about.st_mtime_ns, about.st_ino)


def _stamp_of(path: Path) -> Stamp | None:
    try:
        return _stamp(os.stat(path))
    except OSError:
        return None


def _size_of(path: Path) -> int:
    stamp = _stamp_of(path)
    return stamp[0] if stamp is not None else 0


def _random() -> float:
    return int.from_bytes(os.urandom(4), "little") / 2**32
