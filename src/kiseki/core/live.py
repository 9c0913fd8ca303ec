"""The event hub: what was committed, told to whoever watches.

    committing thread ── publish ──► channel of the project ── at most 2 a second ──► every subscriber
                                       merges by run            serialised once          small queue

The first change after a quiet time goes out at once. Messages only say what changed; whoever cares asks
for it. A subscriber that does not keep up costs no memory: its stream is ended, it connects again and
looks at everything once.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from kiseki.core.changes import Change, Part
from kiseki.errors import Busy
from kiseki.storage.interface import Project

INTERVAL_S = 0.5  # between two messages to a subscriber
QUEUE_MESSAGES_MAX = 16  # of one subscriber that does not read
SUBSCRIBERS_MAX = 2_000

MaySee = Callable[[str, str], bool]  # whether a project of an entity may be seen


class _Pending(msgspec.Struct):
    """What changed in one run since the last message."""

    next_step: int
    rows: int
    state: str
    parts: set[str]

    def merge(self, change: Change) -> None:
        self.next_step, self.rows, self.state = change.next_step, change.rows, change.state
        self.parts |= change.parts


class Subscriber:
    """One watcher. Lives in the event loop it was made in; iterate over it for its messages."""

    def __init__(self, loop: asyncio.AbstractEventLoop, may_see: MaySee, user: int = 0) -> None:
        self.loop = loop
        self.may_see = may_see
        self.user = user
        self._messages: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self._is_closed = False
        self.offer(_HELLO)

    def offer(self, message: bytes) -> None:
        """Queue a message (in the loop)."""
        if len(self._messages) >= QUEUE_MESSAGES_MAX:
            self._messages.clear()
            self.close()
        elif not self._is_closed:
            self._messages.append(message)
            self._ready.set()

    def close(self) -> None:
        """End the iteration once what is queued was read (in the loop)."""
        self._is_closed = True
        self._ready.set()

    async def next(self, timeout_s: float) -> bytes | None:
        """Return the next message; an empty one if nothing happened in time; None at the end."""
        if not self._messages and not self._is_closed:
            self._ready.clear()
            try:
                await asyncio.wait_for(self._ready.wait(), timeout_s)
            except asyncio.TimeoutError:
                return b""
        if self._messages:
            return self._messages.popleft()
        return None


class _Channel:
    """The subscribers of one project (or of the list of projects), and what they were not told yet."""

    def __init__(self) -> None:
        self.subscribers: set[Subscriber] = set()
        self.is_armed = False
        self.told_at = -INTERVAL_S
        self.runs: dict[str, _Pending] = {}
        self.added: dict[str, None] = {}
        self.removed: dict[str, None] = {}
        self.every: set[Part] = set()
        self.projects: dict[tuple[str, str], None] = {}
        self.views: dict[int | None, dict[str, None]] = {}  # by user; None: everybody's
        self.sweeps: dict[str, None] = {}

    @property
    def is_quiet(self) -> bool:
        told = (
            self.runs, self.added, self.removed, self.every, self.projects, self.views, self.sweeps,
        )  # fmt: skip
        return not any(told)

    def merge(self, change: Change) -> None:
        if change.is_gone:
            self.runs.pop(change.run, None)
            self.added.pop(change.run, None)
            self.removed[change.run] = None
            return
        if change.is_new:
            self.removed.pop(change.run, None)
            self.added[change.run] = None
        known = self.runs.get(change.run)
        if known is None:
            self.runs[change.run] = _Pending(
                change.next_step, change.rows, change.state, set(change.parts)
            )
        else:
            known.merge(change)

    def take(self) -> dict[str, object]:
        """Return what is to be told of a project, and forget it."""
        message: dict[str, object] = {
            "runs": {
                run: {
                    "next_step": told.next_step,
                    "rows": told.rows,
                    "state": told.state,
                    "parts": sorted(told.parts),
                }
                for run, told in self.runs.items()
            },
            "added": list(self.added),
            "removed": list(self.removed),
        }
        if self.every:
            message["every"] = sorted(self.every)
        if self.sweeps:
            message["sweeps"] = list(self.sweeps)
        self.runs, self.added, self.removed, self.every, self.sweeps = {}, {}, {}, set(), {}
        return message

    def take_views(self) -> dict[int | None, list[str]]:
        views, self.views = self.views, {}
        return {user: list(slugs) for user, slugs in views.items()}

    def take_projects(self) -> list[tuple[str, str]]:
        projects, self.projects = list(self.projects), {}
        return projects


class Live:
    """Tells subscribers of changes. `publish` may be called from any thread and never waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[
            int | None, _Channel
        ] = {}  # by project number; None: the list of projects
        self._sent = 0
        self._is_closed = False

    def publish(self, changes: Sequence[Change]) -> None:
        """Take note of committed changes."""
        if not self._channels:
            return
        armed: dict[int | None, _Channel] = {}
        with self._lock:
            for change in changes:
                channel = self._channels.get(change.project)
                if channel is not None:
                    channel.merge(change)
                    armed[change.project] = channel
                overview = self._channels.get(None)
                if overview is not None:
                    overview.projects[change.entity, change.project_name] = None
                    armed[None] = overview
            waking = self._waking(armed)
        self._wake(waking)

    def publish_view(self, project: int, slug: str, user: int | None = None) -> None:
        """Take note that a view changed: a shared one, or one that only a user sees."""
        with self._lock:
            channel = self._channels.get(project)
            if channel is None:
                return
            channel.views.setdefault(user, {})[slug] = None
            waking = self._waking({project: channel})
        self._wake(waking)

    def publish_sweep(self, project: int, id: str) -> None:
        """Take note that a sweep changed, its agents or what was handed out to them."""
        with self._lock:
            channel = self._channels.get(project)
            if channel is None:
                return
            channel.sweeps[id] = None
            waking = self._waking({project: channel})
        self._wake(waking)

    def publish_every(self, project: Project, parts: Iterable[Part]) -> None:
        """Take note that any number of a project's runs changed in these parts: one message for all."""
        with self._lock:
            armed: dict[int | None, _Channel] = {}
            channel, overview = self._channels.get(project.number), self._channels.get(None)
            if channel is not None:
                channel.every |= set(parts)
                armed[project.number] = channel
            if overview is not None:
                overview.projects[project.entity, project.name] = None
                armed[None] = overview
            waking = self._waking(armed)
        self._wake(waking)

    def _waking(
        self, changed: Mapping[int | None, _Channel]
    ) -> list[tuple[int | None, asyncio.AbstractEventLoop]]:
        """Mark channels as armed; return those that were not, with the loop of their subscribers."""
        waking = [
            (key, next(iter(channel.subscribers)).loop)
            for key, channel in changed.items()
            if channel.subscribers and not channel.is_armed
        ]
        for key, _ in waking:
            self._channels[key].is_armed = True
        return waking

    def _wake(self, waking: Sequence[tuple[int | None, asyncio.AbstractEventLoop]]) -> None:
        for key, loop in waking:
            try:
                loop.call_soon_threadsafe(self._arm, key, loop)
            except RuntimeError:  # the loop is closed: its subscribers are gone
                self._drop_loop(loop)

    def subscribe(
        self,
        project: int | None,
        may_see: MaySee = lambda entity, project: True,
        user: int = 0,
    ) -> Subscriber:
        """Return a new subscriber of a project, or of the list of projects (in the event loop).

        Args:
            may_see: of the list of projects, these are told.
            user: who it is: they are also told of views of their own.
        """
        subscriber = Subscriber(asyncio.get_running_loop(), may_see, user)
        with self._lock:
            if self._is_closed:
                subscriber.close()
                return subscriber
            channel = self._channels.setdefault(project, _Channel())
            channel.subscribers.add(subscriber)
        return subscriber

    def unsubscribe(self, project: int | None, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        with self._lock:
            channel = self._channels.get(project)
            if channel is None:
                return
            channel.subscribers.discard(subscriber)
            if not channel.subscribers:
                del self._channels[project]

    @property
    def count(self) -> int:
        """How many are watching."""
        with self._lock:
            return sum(len(channel.subscribers) for channel in self._channels.values())

    def check_room(self) -> None:
        """Raise Busy if as many are watching as may."""
        if self.count >= SUBSCRIBERS_MAX:
            raise Busy("too many pages are watching; retry later", retry_after=30)

    def close(self) -> None:
        """End every subscription, now and later: the server stops."""
        with self._lock:
            self._is_closed = True
            everybody = [each for one in self._channels.values() for each in one.subscribers]
        for subscriber in everybody:
            try:
                subscriber.loop.call_soon_threadsafe(subscriber.close)
            except RuntimeError:  # its loop is closed, so it is gone already
                continue

    def _arm(self, key: int | None, loop: asyncio.AbstractEventLoop) -> None:
        """Tell a channel now, or when its last message is old enough (in the loop)."""
        channel = self._channels.get(key)
        if channel is None:
            return
        wait_s = channel.told_at + INTERVAL_S - loop.time()
        if wait_s > 0:
            loop.call_later(wait_s, self._tell, key, loop)
        else:
            self._tell(key, loop)

    def _tell(self, key: int | None, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            channel = self._channels.get(key)
            if channel is None or channel.is_quiet:  # all left, and somebody else came
                return
            channel.is_armed = False
            channel.told_at = loop.time()
            subscribers = list(channel.subscribers)
            changed = channel.take_projects() if key is None else []
            message = {} if key is None else channel.take()
            views = channel.take_views()
            self._sent += 1
            number = self._sent
        if key is not None:
            _offer(subscribers, message, views, number)
            return
        for subscriber in subscribers:
            seen = [
                f"{entity}/{name}" for entity, name in changed if subscriber.may_see(entity, name)
            ]
            if seen:
                subscriber.offer(event("change", {"projects": seen}, number))

    def _drop_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            for key, channel in list(self._channels.items()):
                channel.is_armed = False
                channel.subscribers = {
                    each for each in channel.subscribers if each.loop is not loop
                }
                if not channel.subscribers:
                    del self._channels[key]


def _offer(
    subscribers: Sequence[Subscriber],
    message: dict[str, object],
    views: Mapping[int | None, list[str]],
    number: int,
) -> None:
    """Tell the subscribers of a project what changed: the same to all, but for views that only some see."""
    shared = views.get(None, [])
    told: dict[int | None, bytes] = {}
    for subscriber in subscribers:
        user = subscriber.user if subscriber.user in views else None
        if user not in told:
            slugs = list(dict.fromkeys([*shared, *(views[user] if user is not None else ())]))
            whole = {**message, "views": slugs} if slugs else message
            is_nothing = not any(whole.values())
            told[user] = b"" if is_nothing else event("change", whole, number)
        if told[user]:
            subscriber.offer(told[user])


def event(name: str, data: object, number: int | None = None) -> bytes:
    """Return one server-sent event."""
    lead = b"" if number is None else b"id: %d\n" % number
    return lead + b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


_HELLO = event("hello", {})
