"""A browser, what `make run` starts, and a server whose contents are known to the last digit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.fakes.live_server import FIRST_KEY, LiveServer
from tests.web.demo_server import ROOT, DemoServer, own_environment, own_folders_of
from tests.web.visit import Visit

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1440, "height": 900}
Open = Callable[..., Visit]


@pytest.fixture(scope="package")
def built() -> None:
    """The web app, as the sources say it is."""
    subprocess.run([sys.executable, str(ROOT / "scripts" / "build_web.py")], check=True)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Not for the whole session: an event loop runs as long as this lives.
    executable = shutil.which("chromium")
    assert executable, "the browser tests need `chromium` on the PATH: scripts/browser.py"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable, headless=True, args=CHROMIUM_FLAGS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visits(browser: Browser) -> Iterator[Open]:
    """Open pages as a new person; afterwards none of them may have complained."""
    opened: list[Visit] = []

    def open_visit(url: str, **options: Any) -> Visit:
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        opened.append(Visit(context, url))
        return opened[-1]

    yield open_visit
    problems = [problem for visit in opened for problem in visit.problems()]
    for visit in opened:
        visit.context.close()
    assert problems == []


@pytest.fixture(scope="package")
def demo(
    built: None, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DemoServer]:
    """What `make run` starts, a little faster: 1500 steps in about 25 s."""
    server = DemoServer(tmp_path_factory.mktemp("demo") / "demo", rate=60, steps=1500)
    try:
        server.link()
        yield server
    finally:
        server.end()


@pytest.fixture(scope="package")
def demo_cookies(demo: DemoServer, browser: Browser) -> Any:
    """A browser that followed the sign-in link; the link works once, so its cookies are kept."""
    context = browser.new_context(viewport=DESKTOP)
    visit = Visit(context, demo.url)
    visit.page.goto(demo.link())
    visit.page.wait_for_url("**/ada/digits*")
    cookies = context.storage_state()
    assert visit.problems() == []
    context.close()
    return cookies


@pytest.fixture
def watcher(demo: DemoServer, demo_cookies: Any, visits: Open) -> Visit:
    """A signed-in page of the demo's server."""
    visit = visits(demo.url, storage_state=demo_cookies)
    forget_views(visit)
    return visit


@pytest.fixture(scope="package")
def own_server(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that holds what the tests log and nothing else."""
    folder = tmp_path_factory.mktemp("web")
    server = LiveServer(folder / "server", env=own_folders_of(folder)).start()
    yield server
    server.stop()


@pytest.fixture
def reader(own_server: LiveServer, visits: Open) -> Visit:
    """A page of `own_server`, signed in by key."""
    visit = visits(own_server.url)
    answer = visit.context.request.post(f"{own_server.url}/api/v1/session", data={"key": FIRST_KEY})
    assert answer.ok, answer.text()
    forget_views(visit)
    return visit


def forget_views(visit: Visit) -> None:
    """Take back how an earlier test arranged its projects, since a person's view is kept."""
    request, api = visit.context.request, f"{visit.base_url}/api/v1"
    for project in request.get(f"{api}/projects").json()["projects"]:
        view = f"{api}/projects/{project['entity']}/{project['project']}/views/mine"
        answer = request.delete(view, headers={"origin": visit.base_url})
        assert answer.ok or answer.status == 404, answer.text()


@pytest.fixture(scope="package")
def script_env(own_server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a training script that logs to `own_server`, without machine samples."""
    folder = tmp_path_factory.mktemp("scripts")
    env = own_environment(folder)
    env.update(KISEKI_BASE_URL=own_server.url, KISEKI_API_KEY=FIRST_KEY, KISEKI_DIR=str(folder))
    env.update(KISEKI_DISABLE_META="true", KISEKI_DISABLE_STATS="true")
    return env
