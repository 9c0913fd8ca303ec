"""A browser page that remembers everything it asked for and everything it complained about."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    expect,
)

WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)


@dataclass
class Visit:
    """One page of one person. `problems()` is what no test may leave behind.

    Attributes:
        refusal_is_expected: the server is away on purpose, and the browser may say so.
    """

    context: BrowserContext
    base_url: str
    page: Page = field(init=False)
    requests: list[Request] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: list[tuple[int, str]] = field(default_factory=list)
    refusal_is_expected: bool = False

    def __post_init__(self) -> None:
        self.context.set_default_timeout(WAIT_MS)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request))
        self.page.on("response", lambda answer: self.responses.append(answer))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        if self.refusal_is_expected and "net::ERR_" in message.text:
            return
        url = urlsplit(message.location.get("url", ""))
        if "status of" in message.text and any(
            str(status) in message.text and path in url.path for status, path in self.expected
        ):
            return
        self.complaints.append(f"{message.type}: {message.text} ({url.path})")

    def expect_status(self, status: int, path: str) -> None:
        """Allow answers with this status to requests whose path contains `path`."""
        self.expected.append((status, path))

    def problems(self) -> list[str]:
        """Return requests to another host, refused requests, console errors and page errors."""
        host = urlsplit(self.base_url).netloc
        strangers = [
            f"request to another host: {request.url}"
            for request in self.requests
            if not request.url.startswith(("data:", "blob:"))
            and urlsplit(request.url).netloc != host
        ]
        refused = [
            f"{answer.status}: {answer.request.method} {answer.url}"
            for answer in self.responses
            if answer.status >= 400
            and not any(answer.status == s and path in answer.url for s, path in self.expected)
        ]
        return strangers + refused + self.complaints

    # ---- where to go -------------------------------------------------------------------------

    def go(self, path: str) -> Page:
        self.page.goto(self.base_url + path)
        return self.page

    def until(self, claim: Callable[[], Any], what: str) -> Any:
        """Return the first true answer of `claim`, while the page goes on living."""
        deadline = time.monotonic() + WAIT_MS / 1000
        while time.monotonic() < deadline:
            if found := claim():
                return found
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never seen: {what}")

    # ---- what is on the page -----------------------------------------------------------------

    def panel(self, metric: str) -> Locator:
        return self.page.locator(f'[data-panel="{metric}"]')

    def chart(self, metric: str) -> Locator:
        """The picture of a panel; its name is the summary in words."""
        return self.panel(metric).get_by_role("img")

    def plot(self, metric: str) -> Locator:
        """The drawing area between the axes."""
        return self.panel(metric).locator(".kiseki-plot")

    def lines(self, metric: str) -> Locator:
        """The canvas that holds nothing but the lines and their marks."""
        return self.plot(metric).locator("canvas").first

    def series_answers(self, metric: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Return what was asked of a metric and what came, oldest first."""
        found = []
        for answer in list(self.responses):
            if not answer.url.endswith("/series") or answer.status != 200:
                continue
            asked = json.loads(answer.request.post_data or "{}")
            if metric in asked["metrics"]:
                series = decode_series(answer.body())
                found.append((asked, [one for one in series if one["metric"] == metric]))
        return found


def decode_series(body: bytes) -> list[dict[str, Any]]:
    """Return the series of a binary answer (docs/api/native.md), columns as tuples of numbers."""
    assert body[:4] == b"KSR1"
    (length,) = struct.unpack_from("<I", body, 4)
    header = json.loads(body[8 : 8 + length])
    data = body[8 + length :]
    for series in header["series"]:
        series["data"] = {
            name: struct.unpack_from(f"<{n}{ {'f4': 'f', 'f8': 'd', 'u4': 'I'}[kind] }", data, at)
            for name, (kind, at, n) in series["columns"].items()
        }
    return list(header["series"])
