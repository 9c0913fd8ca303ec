"""The event hub: at once when idle, then at most two messages a second, never unbounded."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from kiseki.core import live as live_module
from kiseki.core.changes import Change, Part
from kiseki.core.live import Live, Subscriber
from kiseki.errors import Busy
from kiseki.storage.interface import Project


def change(run: str, *parts: Part, project: int = 1, rows: int = 1, **flags: bool) -> Change:
    return Change(
        project, "ada", f"p{project}", run, rows, rows, "running", frozenset(parts), **flags
    )


def data(message: bytes | None) -> Any:
    assert message is not None
    fields = dict(line.split(": ", 1) for line in message.decode().strip().split("\n"))
    return json.loads(fields["data"]) if fields["event"] == "change" else fields["event"]


async def greeted(live: Live, project: int | None, **options: Any) -> Subscriber:
    subscriber = live.subscribe(project, **options)
    assert data(await subscriber.next(5)) == "hello"
    return subscriber


def test_the_first_change_goes_out_at_once_and_the_rest_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def watch() -> None:
        live = Live()
        one, same = await greeted(live, 1), await greeted(live, 1)
        other = await greeted(live, 2)
        loop = asyncio.get_running_loop()
        publish = threading.Thread(target=live.publish, args=([change("a", "history")],))
        publish.start()
        first = await one.next(5)
        publish.join()
        told_at = loop.time()
        assert data(first)["runs"]["a"] == {
            "next_step": 1, "rows": 1, "state": "running", "parts": ["history"],
        }  # fmt: skip
        assert await same.next(5) is first  # serialised once for everybody
        for rows in range(2, 50):
            live.publish([change("a", "history", rows=rows), change("b", "summary", is_new=True)])
        live.publish([change("a", "state", rows=50), change("gone", "state", is_gone=True)])
        second = data(await one.next(5))
        assert loop.time() - told_at >= live_module.INTERVAL_S * 0.9
        assert second["runs"]["a"]["rows"] == 50
        assert second["runs"]["a"]["parts"] == ["history", "state"]
        assert (second["added"], second["removed"]) == (["b"], ["gone"])
        assert await one.next(0.01) == b""
        assert await other.next(0.01) == b""

    asyncio.run(watch())


def test_a_view_of_ones_own_is_told_to_its_owner_only() -> None:
    async def watch() -> None:
        live = Live()
        ada, tab = await greeted(live, 1, user=7), await greeted(live, 1, user=7)
        bob, other = await greeted(live, 1, user=8), await greeted(live, 2, user=7)
        live.publish_view(1, "mine", 7)
        for one in (ada, tab):
            assert data(await one.next(5)) == {
                "runs": {}, "added": [], "removed": [], "views": ["mine"],
            }  # fmt: skip
        assert await bob.next(0.05) == b"" == await other.next(0.01)
        live.publish_view(1, "plan")
        live.publish_view(1, "mine", 8)
        live.publish([change("a", "state")])
        told = [data(await one.next(5)) for one in (ada, bob)]
        assert [message["views"] for message in told] == [["plan"], ["plan", "mine"]]
        assert all(list(message["runs"]) == ["a"] for message in told)
        live.publish([change("a", "state")])
        assert "views" not in data(await bob.next(5))

    asyncio.run(watch())


def test_a_thousand_running_runs_are_two_messages_a_second() -> None:
    async def watch() -> None:
        live = Live()
        one = await greeted(live, 1)
        loop = asyncio.get_running_loop()
        began = loop.time()
        told: list[Any] = []
        rows = 0
        while len(told) < 4:
            rows += 1
            for some in range(0, 1_000, 100):  # as they are saved: a hundred in a transaction
                live.publish(
                    [change(f"r{at}", "history", rows=rows) for at in range(some, some + 100)]
                )
            message = await one.next(0.02)
            if message:
                told.append(data(message))
        # The first comes at once, each other one after a pause, with the latest of every run.
        assert loop.time() - began >= 3 * live_module.INTERVAL_S * 0.9
        assert rows > len(told)
        assert all(len(message["runs"]) == 1_000 for message in told[1:])
        assert len({run["rows"] for run in told[-1]["runs"].values()}) <= 2

    asyncio.run(watch())


def test_many_changed_runs_are_one_message() -> None:
    async def watch() -> None:
        live = Live()
        one, overview = await greeted(live, 1), await greeted(live, None)
        live.publish_every(Project(1, "ada", "p1", 1, 0), {"state", "files"})
        assert data(await one.next(5)) == {
            "runs": {}, "added": [], "removed": [], "every": ["files", "state"],
        }  # fmt: skip
        assert data(await overview.next(5)) == {"projects": ["ada/p1"]}
        live.publish([change("a", "state")])
        assert "every" not in data(await one.next(5))

    asyncio.run(watch())


def test_the_overview_tells_only_what_one_may_see() -> None:
    async def watch() -> None:
        live = Live()
        mine = await greeted(live, None, may_see=lambda entity, project: entity == "ada")
        theirs = await greeted(live, None, may_see=lambda entity, project: entity == "bob")
        live.publish([change("a", "history")])
        assert data(await mine.next(5)) == {"projects": ["ada/p1"]}
        assert await theirs.next(0.05) == b""

    asyncio.run(watch())


def test_a_subscriber_that_does_not_read_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "INTERVAL_S", 0.0)
    monkeypatch.setattr(live_module, "QUEUE_MESSAGES_MAX", 3)

    async def watch() -> None:
        live = Live()
        slow, quick = await greeted(live, 1), await greeted(live, 1)
        for rows in range(10):
            live.publish([change("a", "history", rows=rows)])
            assert data(await quick.next(5))["runs"]["a"]["rows"] == rows
        assert await slow.next(5) is None

    asyncio.run(watch())


def test_nobody_is_kept_after_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    async def watch(live: Live) -> None:
        one, two = await greeted(live, 1), await greeted(live, None)
        assert live.count == 2
        live.unsubscribe(1, one)
        live.unsubscribe(1, one)
        live.unsubscribe(None, two)
        assert live.count == 0
        monkeypatch.setattr(live_module, "SUBSCRIBERS_MAX", 1)
        await greeted(live, 1)
        with pytest.raises(Busy):
            live.check_room()

    live = Live()
    asyncio.run(watch(live))
    live.publish([change("a", "history")])  # the loop is closed: its subscribers are forgotten
    assert live.count == 0


def test_closing_ends_every_stream() -> None:
    async def watch() -> None:
        live = Live()
        one = await greeted(live, 1)
        threading.Thread(target=live.close).start()
        assert await one.next(5) is None
        late = live.subscribe(1)
        assert data(await late.next(5)) == "hello" and await late.next(5) is None

    asyncio.run(watch())
