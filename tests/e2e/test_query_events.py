"""Server-sent events of a running server: what was logged is told at once, and no more than needed."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.fakes.live_server import LiveServer
from tests.fakes.recorder import Recorder

Event = tuple[str, Any]


class Stream:
    """An open event stream."""

    def __init__(self, server: LiveServer, query: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        headers = {"Authorization": f"Bearer {server.key}", "Last-Event-ID": "17"}
        self.connection.request("GET", f"/api/v1/events{query}", headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        assert self.answer.headers["content-type"].startswith("text/event-stream")

    def next(self) -> Event:
        """Return name and data of the next event."""
        name = data = ""
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                data = line[6:]
            elif not line and name:
                return name, json.loads(data)

    def until(self, run: str, part: str) -> list[Any]:
        """Return the messages up to the one that tells of a part of a run."""
        found = []
        while True:
            name, data = self.next()
            assert name == "change"
            found.append(data)
            if part in data["runs"].get(run, {"parts": []})["parts"]:
                return found


@contextmanager
def stream(server: LiveServer, query: str = "") -> Iterator[Stream]:
    one = Stream(server, query)
    try:
        yield one
    finally:
        one.connection.close()


def test_what_changed_is_told(server: LiveServer) -> None:
    one = Recorder(server.url, server.key, "one")
    one.row({"loss": 1.0}, 0).send()
    with stream(server, "?project=ada/digits") as events, stream(server) as overview:
        assert events.next() == ("hello", {}) == overview.next()
        one.row({"loss": 2.0}, 1).send()
        # An answer may come before its rows are told of: the first row's may still come.
        last: dict[str, Any] = {"rows": 0}
        while last["rows"] < 2:
            last = events.until("one", "history")[-1]["runs"]["one"]
        assert (last["next_step"], last["rows"], last["state"]) == (2, 2, "running")
        # Lists show it when they are said to (the first row's summary may be told before).
        shown = 0.0
        while shown != 2.0:
            events.until("one", "summary")
            (run,) = server.get("/api/v1/projects/ada/digits/runs")["runs"]
            shown = run["summary"]["loss"]
        assert overview.next() == ("change", {"projects": ["ada/digits"]})
        Recorder(server.url, server.key, "two").row({"loss": 1.0}, 0).send()
        told = events.until("two", "state")
        assert ["two" in message["added"] for message in told] == [False] * (len(told) - 1) + [True]


def test_many_rows_are_few_messages(server: LiveServer) -> None:
    """At most two a second for each subscriber, whatever is logged."""
    one = Recorder(server.url, server.key, "one")
    one.row({"loss": 1.0}, 0).send()
    with stream(server, "?project=ada/digits") as events:
        events.next()
        began = time.monotonic()
        for step in range(1, 60):
            one.row({"loss": 1.0}, step).send()
        messages = []
        while True:
            messages += events.until("one", "history")
            if messages[-1]["runs"]["one"]["rows"] == 60:
                break
        took = time.monotonic() - began
        assert len(messages) <= 2 * took + 2


@pytest.mark.parametrize("query", ["", "?project=ada/digits"])
def test_streams_end_with_the_server(server: LiveServer, query: str) -> None:
    Recorder(server.url, server.key, "one").row({"loss": 1.0}, 0).send()
    with stream(server, query) as events:
        assert events.next()[0] == "hello"
        assert server.stop() == 0
        assert events.answer.read() is not None
