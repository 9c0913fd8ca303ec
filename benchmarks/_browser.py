"""A real browser for the benchmarks: Chromium without a window, and a page of a person who is signed in."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _server import FIRST_KEY, LiveServer
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ENTITY = "ada"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--js-flags=--expose-gc",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREEN = (1600, 1130)  # twelve panels beside the sidebar

# A fixed piece of work: how fast this machine is just now.
CALIBRATE = """(() => {
  const start = performance.now();
  let sum = 0;
  for (let i = 0; i < 2e7; i++) sum += i % 7;
  return performance.now() - start + sum * 0;
})()"""


@contextmanager
def chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if not executable:
        sys.exit("this needs `chromium` on the PATH: python scripts/browser.py")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def signed_in(
    browser: Browser, live: LiveServer, screen: tuple[int, int] = SCREEN
) -> Iterator[BrowserContext]:
    width, height = screen
    # The policy of the page forbids what Playwright waits with.
    context = browser.new_context(viewport={"width": width, "height": height}, bypass_csp=True)
    answer = context.request.post(f"{live.url}/api/v1/session", data={"key": FIRST_KEY})
    assert answer.ok, answer.text()
    yield context
    context.close()


def loop_ms(page: Page) -> float:
    """Return how long the browser takes for a fixed loop: the median of five."""
    return round(statistics.median(page.evaluate(CALIBRATE) for _ in range(5)), 1)


def filled(into: Path | LiveServer, *kind: str) -> None:
    """Make projects of `fill.py` in a folder, or in a server that runs."""
    where = (
        ["--url", into.url, "--key", FIRST_KEY]
        if isinstance(into, LiveServer)
        else ["--data", str(into)]
    )
    command = [sys.executable, str(Path(__file__).parent / "fill.py"), *where, *kind]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
