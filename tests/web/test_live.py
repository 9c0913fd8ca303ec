"""What is logged is seen without a reload, and a server that was away is no reason for one either."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.fakes.live_server import LiveServer
from tests.web.conftest import Open
from tests.web.demo_server import own_folders_of
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

LIVE_SECONDS_MAX = 2.0
# Logs one row for each line it is given, and answers with the time right before.
SCRIPT = """
    import sys, time, kiseki
    with kiseki.init(project="live", name="live") as run:
        for step, _ in enumerate(sys.stdin):
            now = time.time()
            run.log({"loss": 1.0 / (1 + step)})
            print(now, flush=True)
"""
SEEN = """step => new Promise(resolve => {
  const look = () => {
    const chart = document.querySelector('[data-panel="loss"] canvas[role="img"]');
    if (chart?.getAttribute('aria-label').includes(`at step ${step}`)) resolve(Date.now() / 1000);
    else requestAnimationFrame(look);
  };
  look();
})"""


@pytest.fixture
def script(script_env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        env=script_env,
        cwd=script_env["KISEKI_DIR"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


def log(script: subprocess.Popen[str]) -> float:
    """Log the next row; return the time of the call."""
    assert script.stdin is not None and script.stdout is not None
    script.stdin.write("\n")
    script.stdin.flush()
    line = next(line for line in script.stdout if re.fullmatch(r"\d+\.\d+\n", line))
    return float(line)


def test_a_logged_point_is_seen_within_two_seconds(
    script: subprocess.Popen[str], reader: Visit
) -> None:
    log(script)
    log(script)
    reader.go("/ada/live")
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("at step 1[, .]"))
    pages = [r for r in reader.requests if r.is_navigation_request()]
    took = []
    for step in (2, 3, 4):
        called = log(script)
        took.append(reader.page.evaluate(SEEN, step) - called)
        if took[-1] <= LIVE_SECONDS_MAX:
            break
    # The one bound on time in these tests; the best of three, as others use the machine as well.
    assert min(took) <= LIVE_SECONDS_MAX, took
    assert [r for r in reader.requests if r.is_navigation_request()] == pages


def run_once(env: dict[str, str], project: str, name: str) -> None:
    """Log two rows to a run of its own, and wait for its end."""
    code = f"""
        import kiseki
        with kiseki.init(project={project!r}, name={name!r}) as run:
            run.log({{"loss": 1.0}})
            run.log({{"loss": 0.5}})
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    subprocess.run(command, env=env, cwd=env["KISEKI_DIR"], check=True, capture_output=True)


def test_the_first_run_is_noticed_and_later_ones_as_well(
    script_env: dict[str, str], visits: Open, tmp_path: Path
) -> None:
    fresh = LiveServer(tmp_path / "fresh", env=own_folders_of(tmp_path)).start()
    try:
        visit = visits(fresh.url)
        session = f"{fresh.url}/api/v1/session"
        assert visit.context.request.post(session, data={"key": fresh.key}).ok
        page = visit.go("/")
        expect(page.get_by_text("Waiting for the first run")).to_be_visible()
        expect(page.get_by_text(fresh.url).first).to_be_visible()  # the lines are ready to copy
        env = dict(script_env, KISEKI_BASE_URL=fresh.url)
        run_once(env, "fresh", "first")
        expect(page).to_have_url(re.compile("/ada/fresh"))
        expect(visit.chart("loss")).to_have_accessible_name(re.compile("1 line, .*at step 1"))
        run_once(env, "fresh", "second")
        expect(visit.chart("loss")).to_have_accessible_name(re.compile("2 lines"))
        row = page.get_by_role("listitem").filter(has_text="second")
        expect(row).to_contain_text("finished")
        visit.refusal_is_expected = True
    finally:
        fresh.stop()


def test_a_project_page_waits_for_the_first_run(script_env: dict[str, str], reader: Visit) -> None:
    reader.expect_status(404, "")
    page = reader.go("/ada/early")
    expect(page.get_by_role("heading", name="There is no project")).to_be_visible()
    run_once(script_env, "early", "first")
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("1 line, .*at step 1"))


def test_a_server_that_was_away_is_found_again(
    script_env: dict[str, str], own_server: LiveServer, reader: Visit
) -> None:
    run_once(script_env, "away", "away")
    reader.go("/ada/away")
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("at step 1[, .]"))
    reader.refusal_is_expected = True
    own_server.kill()
    expect(reader.page.get_by_text("The server does not answer.")).to_be_visible()
    expect(reader.chart("loss")).to_be_visible()  # what is loaded stays
    own_server.start()
    expect(reader.page.get_by_text("The server does not answer.")).to_be_hidden()
    expect(reader.page.get_by_title("Live updates are on")).to_have_text("Live")


def test_a_server_that_is_connected_but_silent_is_not_live(
    script_env: dict[str, str], own_server: LiveServer, reader: Visit
) -> None:
    run_once(script_env, "silent", "silent")
    page = reader.go("/ada/silent")
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("at step 1[, .]"))
    expect(page.get_by_title("Live updates are on")).to_have_text("Live")
    assert own_server.process is not None
    own_server.process.send_signal(signal.SIGSTOP)
    try:
        page.get_by_role("link", name="Table").click()  # its code has not been fetched yet
        expect(page.get_by_role("main", name="Loading")).to_be_visible()
        expect(page.get_by_text("The server does not answer.")).to_be_visible()
    finally:
        own_server.process.send_signal(signal.SIGCONT)
    expect(page.get_by_text("The server does not answer.")).to_be_hidden()
    expect(page.get_by_title("Live updates are on")).to_have_text("Live")
    expect(page.get_by_role("row").filter(has_text="silent")).to_be_visible()
