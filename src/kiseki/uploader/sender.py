"""Sending the journals of one run folder, for as long as it takes.

`step` does at most one request and returns how long to wait before the next call; what drives it is a
loop of the agent process, of a thread, or of `sync`.

    answer                        what happens
    200 with a receipt            position advances to `next`
    409 gap                       goes back to `next`
    other 4xx with a reason       a body of records is halved until the bad record stands alone; that
                                  one is set aside. An `Open` refused: the stream waits, the rest goes on
    401, 403                      asks for the key again at each try, every 60 s and when it changes
    429, 5xx, silence, foreign    again and again: 1 to 60 s, jittered, `Retry-After` honoured
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard

from kiseki.client.credentials import Target, is_loopback
from kiseki.client.http import TIMEOUT_S, AppendAnswer, Client, ConnectionRefused
from kiseki.client.retry import RetryPolicy, is_retryable
from kiseki.errors import AuthenticationError, CommError, DataError, ServerError
from kiseki.record.frame import Frame, scan
from kiseki.record.types import Kind
from kiseki.uploader import messages
from kiseki.uploader.feed import Body, Feed, open_feed, write_rejected
from kiseki.uploader.files import FileSender
from kiseki.uploader.progress import Progress, journal_sizes, load_progress

WINDOW_S = 0.05  # rows of this time go together when the uploader is idle
WINDOW_BYTES = 256 * 1024  # …unless there are this many
POLL_S = (0.025, 0.1, 0.2)  # looking for new records: while they come, after 2 s, after 60 s
HEARTBEAT_S = 30.0
LOOK_S = 1.0  # longest wait between two calls of `step`
AUTH_RETRY_S = 60.0
REFUSED_RETRY_S = 60.0
TROUBLE_AFTER_S = 30.0
TROUBLE_AGAIN_S = 300.0
SAVE_S = 0.5

Event = dict[str, Any]


class Sender:
    """Owns the connection, the feeds and the memory of one run folder.

    Args:
        folder: run folder; every `*.kslog` in it is a feed, also those that appear later.
        resolve: gives the address and the key, asked again after failures.
        on_event: called with `run`, `stop`, `trouble` and `healed` events.
        heartbeat_s: longest silence towards the server while the run is alive.
        is_live: whether the journals may still grow.
        timeout_s: for one request.
    """

    def __init__(
        self,
        folder: Path,
        resolve: Callable[[], Target],
        on_event: Callable[[Event], None],
        heartbeat_s: float = HEARTBEAT_S,
        is_live: bool = True,
        timeout_s: float = TIMEOUT_S,
        policy: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        self.folder = folder
        self.feeds: list[Feed] = []
        self.progress: Progress = load_progress(folder)
        self.is_live = is_live
        self.files: FileSender | None = None  # learns which files the journals name
        self.held: Path | None = None  # leads to the writer's journal when the folder is gone
        self.hurries = False  # somebody waits for the end: retry soon
        self.last_error: CommError | None = None
        self.final_refusal: ServerError | None = None  # the run was deleted: it will not be taken
        self._resolve = resolve
        self._on_event = on_event
        self._heartbeat_s = heartbeat_s
        self._timeout_s = timeout_s
        self._policy = policy or RetryPolicy()
        self._clock = clock
        self._jitter = jitter or _random
        self._compress = zstandard.ZstdCompressor(level=1).compress
        self._client: Client | None = None
        self._target: Target | None = None
        self._failures = 0
        self._not_before = 0.0
        self._is_contacted = False
        self._is_stopped = False  # said once; a person who goes on anyway is not interrupted again
        self._last_contact = clock()
        self._last_sent = 0.0
        self._last_data = clock()
        self._down_since: float | None = None
        self._tell_from = 0.0
        self._told_code = ""
        self._told_at = 0.0
        self._next_look = 0.0
        self._next_key_look = 0.0
        self._next_save = 0.0
        self._is_changed = False
        self._known_files: set[str] = set()

    # What drives it

    def step(self) -> float:
        """Do the next thing, at most one request; return the seconds to wait before the next call."""
        now = self._clock()
        self._find_feeds(now)
        self._save(now)
        if now < self._not_before:
            if self._key_changed(now):
                self._not_before = now
            self._tell_if_due(now)
            return max(0.0, min(LOOK_S, self._not_before - now))
        for feed in self.feeds:
            if feed.retry_at > now:
                continue
            if feed is not self.feeds[0] and not self.feeds[0].acked:
                continue  # children and uploaders join the run that the main writer opens
            if self._should_gather(feed, now):
                return max(0.0, self._last_sent + WINDOW_S - now)
            lost = feed.lost
            body = feed.next_body()
            if feed.lost and not lost:
                self._tell_damaged(feed)
            if body is not None:
                self._last_data = now
                return self._send(feed, body, now)
        if now - self._last_contact >= self._heartbeat_s and self.is_live:
            return self._beat(now)
        return self._poll_s(now)

    def _should_gather(self, feed: Feed, now: float) -> bool:
        """Return whether the few records there are had better wait for more."""
        unread = feed.unread_bytes()
        if self.hurries or not self.is_live or unread == 0 or unread >= WINDOW_BYTES:
            return False
        return now - self._last_sent < WINDOW_S

    def _poll_s(self, now: float) -> float:
        quiet = now - self._last_data
        return POLL_S[0] if quiet < 2 else POLL_S[1] if quiet < 60 else POLL_S[2]

    def flush(self) -> None:
        """Try now, whatever pause was agreed on."""
        self._not_before = 0.0
        self._last_sent = 0.0
        self.final_refusal = None
        for feed in self.feeds:
            feed.retry_at = 0.0

    def is_drained(self, writers_only: bool = False) -> bool:
        """Return whether the server has all that stands in the journals (of the writers), and every file."""
        if not self.is_sent(writers_only):
            return False
        # A file is on the server before the uploader's stream says so.
        return self.files is None or (self.files.is_drained() and self.is_sent())

    def is_sent(self, writers_only: bool = False) -> bool:
        """Return whether everything that stands in the journals (of the writers) is acknowledged."""
        self._find_feeds(self._clock(), force=True)
        chosen = (feed for feed in self.feeds if not (writers_only and feed.is_uploader))
        return not any(feed.has_backlog() for feed in chosen)

    def pending(self) -> int:
        """Return how many records the server has not acknowledged. Reads what is left of the files."""
        return sum(feed.pending() for feed in self.feeds)

    def acked(self) -> int:
        """Return how many records the server has acknowledged."""
        return sum(feed.acked for feed in self.feeds)

    def rejected(self) -> int:
        """Return how many records were set aside."""
        return sum(feed.rejected for feed in self.feeds)

    def end_writers(self) -> None:
        """Know that the writers' journals do not grow any more."""
        self._find_feeds(self._clock(), force=True)
        for feed in self.feeds:
            if not feed.is_uploader:
                feed.tail.end()

    def stop_following(self) -> None:
        """Know that no journal grows any more: torn ends stay torn, damage at the end is reported."""
        self.is_live = False
        for feed in self.feeds:
            feed.tail.end()

    def close(self) -> None:
        """Remember the positions, and what is on the server as a whole, and close everything."""
        with contextlib.suppress(OSError):  # the folder is gone
            sizes = journal_sizes(self.folder)  # before looking whether all of it is sent
            self.progress.synced_sizes = sizes if self.feeds and self.is_drained() else {}
        self._is_changed = True
        self._next_save = 0.0
        self._save(self._clock())
        if self._client is not None:
            self._client.close()
        for feed in self.feeds:
            feed.close()

    # Feeds

    def _find_feeds(self, now: float, force: bool = False) -> None:
        if now < self._next_look and not force:
            return
        self._next_look = now + (0.1 if not self.feeds else 1.0)
        try:
            names = sorted(path.name for path in self.folder.glob("*.kslog"))
        except OSError:
            return
        paths = [self.folder / name for name in names]
        if not self.feeds and self.held is not None and messages.is_gone(self.folder):
            paths.append(self.held)
        for path in paths:
            name = path.name
            if name in self._known_files:
                continue
            try:
                if path.stat().st_size == 0:
                    continue  # its header is being written
                feed = open_feed(path, is_live=self.is_live)
            except OSError:
                continue
            except DataError:
                if self.is_live:  # nothing readable in it yet
                    continue
                raise
            self._known_files.add(name)
            self._position(feed)
            if self.files is not None:
                self.files.follow(feed)
            self.feeds.append(feed)
        # The main writer first, whose forked children have longer names, and uploaders last.
        self.feeds.sort(key=lambda feed: (feed.is_uploader, len(feed.path.name), feed.path.name))

    def _position(self, feed: Feed) -> None:
        """Start at what was acknowledged earlier, when that was the same server."""
        seq, offset = self.progress.positions.get(feed.stream, (0, 0))
        if self.progress.base_url != self._resolve().base_url or offset > feed.tail.size():
            return
        feed.acked = feed.tail.next_seq = seq
        feed.acked_offset = feed.tail.offset = offset

    def _save(self, now: float) -> None:
        if not self._is_changed or now < self._next_save:
            return
        self._is_changed = False
        self._next_save = now + SAVE_S
        progress = self.progress
        progress.rejected = max(progress.rejected, self.rejected())
        for feed in self.feeds:
            progress.positions[feed.stream] = (feed.acked, feed.acked_offset)
        try:
            progress.save()
        except OSError:  # a full disk: the server knows the positions
            self._next_save = now + 10.0

    # Requests

    def _connected(self) -> Client:
        if self._client is None or self._failures:
            target = self._resolve()
            if self._client is None or target != self._target:
                if self._client is not None:
                    self._client.close()
                self._client = Client(target.base_url, target.key, self._timeout_s)
                self._target = target
                self.progress.base_url = target.base_url
        return self._client

    def _key_changed(self, now: float) -> bool:
        """Return whether, while a rejected key keeps us waiting, there is another one."""
        if self._told_code != messages.KEY or now < self._next_key_look:
            return False
        self._next_key_look = now + 1.0
        return self._resolve() != self._target

    def _send(self, feed: Feed, body: Body, now: float) -> float:
        self._last_sent = now
        try:
            answer = self._connected().append(feed.stream, self._compress(body.data))
        except CommError as error:
            return self._failed(feed, body, error)
        return self._received(feed, body, answer)

    def _beat(self, now: float) -> float:
        self._last_contact = now
        feed = next((feed for feed in self.feeds if feed.acked and not feed.is_uploader), None)
        if feed is None:
            return self._poll_s(now)
        try:
            answer = self._connected().append(feed.stream, b"")
        except CommError as error:
            return self._failed(feed, None, error)
        return self._received(feed, None, answer)

    def _received(self, feed: Feed, body: Body | None, answer: AppendAnswer) -> float:
        if answer.rejected and body is not None:
            self._keep_rejected(feed, body, {item.seq: item.reason for item in answer.rejected})
        is_progress = feed.accept(answer.next)
        self._is_changed = True
        self._healed()
        if answer.run is not None and not feed.is_uploader and answer.run != self.progress.run:
            self.progress.run = answer.run
            self._on_event({"event": "run", "run": answer.run})
        if answer.stop and not self._is_stopped and not feed.is_uploader:
            self._is_stopped = True
            self._on_event({"event": "stop"})
        if body is not None and not is_progress and answer.next <= body.first:
            return self._pause(1.0)  # a receipt that receives nothing: do not spin
        return 0.0

    def _keep_rejected(self, feed: Feed, body: Body, reasons: dict[int, str]) -> None:
        """Keep what the server took and set aside; it says so again when it gets it again."""
        for _, frame in scan(body.data):
            if isinstance(frame, Frame) and frame.seq in reasons and frame.seq >= feed.acked:
                with contextlib.suppress(OSError):  # a full disk: the record is in the journal
                    write_rejected(self.folder, feed.stream, frame, reasons[frame.seq])
                feed.rejected += 1
                self._tell_rejected(feed, reasons[frame.seq])

    def _failed(self, feed: Feed, body: Body | None, error: CommError) -> float:
        now = self._clock()
        if isinstance(error, AuthenticationError):
            return self._troubled(error, now, AUTH_RETRY_S, at_once=True)
        if isinstance(error, ServerError) and not is_retryable(error.status):
            return self._refused(feed, body, error, now)
        self._failures += 1
        asked = error.detail.get("retry_after") if isinstance(error, ServerError) else None
        pause = self._policy.pause(
            self._failures,
            self._jitter,
            retry_after_s=asked if isinstance(asked, (int, float)) else None,
            is_refused_loopback=isinstance(error, ConnectionRefused)
            and self._target is not None
            and is_loopback(self._target.base_url),
        )
        return self._troubled(error, now, min(pause, 2.0) if self.hurries else pause)

    def _refused(self, feed: Feed, body: Body | None, error: ServerError, now: float) -> float:
        """The server answered, and the answer is no."""
        code = error.detail.get("code")
        expected = error.detail.get("next")
        if code == "gap" and isinstance(expected, int):
            self._healed()
            self._is_changed = True
            if body is not None and body.first == expected:
                return self._pause(1.0)
            feed.accept(expected)
            return 0.0
        is_about_stream = error.status in (404, 409) or body is None or Kind.OPEN in body.kinds
        if not is_about_stream and feed.split():
            return 0.0
        if is_about_stream and body is not None and error.status not in (404, 409):
            # Whether it is the Open or a record beside it shows when they are apart.
            if feed.split():
                return 0.0
        elif not is_about_stream:
            try:
                feed.set_aside(str(error))
            except OSError:
                return self._troubled(error, now, REFUSED_RETRY_S)
            self._tell_rejected(feed, str(error))
            return 0.0
        if feed.is_uploader:  # its writer is not known yet, or not wanted
            feed.retry_at = now + (1.0 if self.hurries else 5.0)
            return 0.0
        if code == messages.DELETED:
            self.final_refusal = error
        feed.retry_at = now + REFUSED_RETRY_S
        self._tell(error, now, REFUSED_RETRY_S)
        return 0.0

    def _pause(self, seconds: float) -> float:
        self._not_before = self._clock() + seconds
        return min(seconds, LOOK_S)

    # Telling people

    def _troubled(self, error: CommError, now: float, pause: float, at_once: bool = False) -> float:
        self.last_error = error
        self._failures = max(1, self._failures)
        if self._down_since is None:
            self._down_since = now
        self._tell_from = self._down_since
        if self._is_contacted and not at_once:
            self._tell_from += TROUBLE_AFTER_S
        wait_s = self._pause(pause)
        self._tell_if_due(now)
        return wait_s

    def _tell_if_due(self, now: float) -> None:
        if self.last_error is not None and self._down_since is not None and now >= self._tell_from:
            self._tell(self.last_error, now, self._not_before - now)

    def _tell(self, error: CommError, now: float, pause: float) -> None:
        """Pass a failure on: once per state, then every five minutes."""
        self.last_error = error
        code = messages.code_of(error)
        if code == self._told_code and now - self._told_at < TROUBLE_AGAIN_S:
            return
        self._told_code, self._told_at = code, now
        size = sum(feed.tail.size() for feed in self.feeds)
        kept = messages.Kept(self.folder, size, self.acked())
        event: Event = {
            "event": "trouble",
            "code": code,
            "text": messages.trouble(error, kept, pause),
            "reason": str(error),
        }
        if isinstance(error, ServerError):
            event["status"] = error.status
            event["detail"] = error.detail
        self._on_event(event)

    def _tell_rejected(self, feed: Feed, reason: str) -> None:
        text = messages.rejected(1, reason, self.folder)
        if feed.rejected == 1:
            self._on_event({"event": "trouble", "code": messages.REJECTED, "text": text})

    def _tell_damaged(self, feed: Feed) -> None:
        text = messages.damaged(feed.lost, feed.path)
        self._on_event({"event": "trouble", "code": messages.DAMAGED, "text": text})

    def _healed(self) -> None:
        now = self._clock()
        self._failures = 0
        self._is_contacted = True
        self._last_contact = now
        self._down_since = None
        self._not_before = 0.0
        self.last_error = None
        if self._told_code and self._told_code != messages.RUN_REFUSED:
            base_url = self._target.base_url if self._target else ""
            self._on_event({"event": "healed", "text": messages.healed(base_url, self.acked())})
        self._told_code = ""


def _random() -> float:
    """Return a number from 0 to 1, without the user's random state (T-08) and the module's load time."""
    return int.from_bytes(os.urandom(4), "little") / 2**32
