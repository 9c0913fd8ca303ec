"""What is logged is seen without a reload, and a server that was away is no reason for one either."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.fakes.live_server import LiveServer
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


def test_the_first_run_of_a_project_and_its_state_appear_by_themselves(
    script_env: dict[str, str], reader: Visit
) -> None:
    code = """
        import kiseki
        with kiseki.init(project="fresh", name=NAME) as run:
            run.log({"loss": 1.0})
    """
    reader.go("/ada/fresh")
    reader.expect_status(404, "/ada/fresh")  # there is no such project yet
    for name in ("one", "another"):
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code).replace("NAME", repr(name))],
            env=script_env,
            cwd=script_env["KISEKI_DIR"],
            check=True,
            capture_output=True,
        )
        row = reader.page.get_by_role("listitem").filter(has_text=name)
        expect(row).to_have_count(1)
        expect(row).to_contain_text("finished")


def test_a_server_that_was_away_is_found_again(
    script_env: dict[str, str], own_server: LiveServer, reader: Visit
) -> None:
    code = """
        import kiseki
        with kiseki.init(project="away", name="away") as run:
            run.log({"loss": 1.0}), run.log({"loss": 2.0})
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=script_env,
        cwd=script_env["KISEKI_DIR"],
        check=True,
        capture_output=True,
    )
    reader.go("/ada/away")
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("at step 1[, .]"))
    reader.refusal_is_expected = True
    own_server.kill()
    expect(reader.page.get_by_text("The server does not answer.")).to_be_visible()
    expect(reader.chart("loss")).to_be_visible()  # what is loaded stays
    own_server.start()
    expect(reader.page.get_by_text("The server does not answer.")).to_be_hidden()
    expect(reader.page.get_by_title("Live updates are on")).to_have_text("Live")
