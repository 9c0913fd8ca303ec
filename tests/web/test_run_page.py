"""The run page: its files, code, lineage and media, logged by real scripts."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.live_server import LiveServer
from tests.web.accessible import PHONE, check_both
from tests.web.canvas import colours
from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

KEEPER = """
    import json
    import pathlib
    import sys
    import time

    import kiseki

    config = {"lr": 0.1, "model": {"depth": 4}, "prompt": "two\\nlines"}
    run = kiseki.init(project="keeper", id="kept", name="keeper-1", save_code=True, config=config)
    print("\\x1b[1;31mred\\x1b[0m and plain")
    for part in (10, 50, 100):
        print(f"\\r{part} % done", end="", file=sys.stderr, flush=True)
        time.sleep(0.6)
    print(file=sys.stderr)
    pathlib.Path("out").mkdir()
    pathlib.Path("out/readme.md").write_text("# Results\\n\\nSee [here](https://example.org) <b>x</b>\\n")
    pathlib.Path("out/scores.json").write_text(json.dumps({"f1": 0.75, "by": {"cat": 1}}))
    pathlib.Path("out/weights.bin").write_bytes(bytes(3000))
    run.save("out/*", base_path=".")
    pathlib.Path("out/points.csv").write_text("x,name\\n" + "".join(f'{i},"a, {i}"\\n' for i in range(900)))
    cells = [
        {"cell_type": "markdown", "source": "# Notebook"},
        {
            "cell_type": "code",
            "source": "1 + 1",
            "execution_count": 7,
            "outputs": [
                {
                    "output_type": "execute_result",
                    "data": {"text/plain": "2", "text/html": "<b onclick=x>bold</b>"},
                }
            ],
        },
    ]
    pathlib.Path("out/book.ipynb").write_text(json.dumps({"nbformat": 4, "cells": cells}))
    run.save("out/*", base_path=".")
    for step in range(3):
        run.log({"loss": 1 / (step + 1)})
        print("logged", step)
        time.sleep(0.02)
    run.finish()
"""
FAILS = """
    import kiseki

    run = kiseki.init(project="keeper", id="lost", name="lost", config={"lr": 0.2, "model": {"depth": 4}})
    run.log({"loss": 1.0})
    raise ValueError("no such luck")
"""
BRANCHES = """
    import kiseki


    def train(run, start, stop, shift):
        for step in range(start, stop):
            run.log({"loss": step + shift})
        print("trained to", stop)
        run.finish()


    train(kiseki.init(project="branches", id="trunk", name="trunk"), 0, 40, 0)
    train(kiseki.init(project="branches", resume_from="trunk?_step=19"), 20, 60, 100)
    train(kiseki.init(project="branches", fork_from="trunk?_step=29", id="twig", name="twig"), 30, 50, 200)
"""
GYM = """
    import gymnasium
    import numpy as np

    import kiseki


    class Lamp(gymnasium.Env):
        # Grows brighter from step to step; needs no game library to be drawn.

        action_space = gymnasium.spaces.Discrete(2)
        observation_space = gymnasium.spaces.Discrete(40)
        render_mode = "rgb_array"
        metadata = {"render_modes": ["rgb_array"], "render_fps": 20}

        def reset(self, *, seed=None, options=None):
            self.light = 0
            return self.light, {}

        def step(self, action):
            self.light += 1
            return self.light, 1.0, self.light >= 39, False, {}

        def render(self):
            return np.full((64, 96, 3), self.light * 6, np.uint8)


    run = kiseki.init(project="films", id="film", name="film", monitor_gym=True)
    env = gymnasium.wrappers.RecordVideo(Lamp(), "films", disable_logger=True)
    env.reset(seed=1)
    while not env.step(1)[2]:
        pass
    env.close()
    rng = np.random.default_rng(0)
    mask = np.zeros((40, 60), int)
    mask[5:20, 10:30] = 1
    picture = np.full((40, 60, 3), 128, np.uint8)
    for step in range(4):
        row = {"hist": kiseki.Histogram(rng.normal(step, 1, 500)), "loss": 1.0}
        row["pair"] = [kiseki.Image(picture, caption=f"left {step}"), kiseki.Image(picture)]
        run.log(row)
    box = {"position": {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.8}, "class_id": 1}
    run.log(
        {
            "seen": kiseki.Image(
                picture,
                masks={"truth": {"mask_data": mask, "class_labels": {1: "cat"}}},
                boxes={"guess": {"box_data": [box], "class_labels": {1: "cat"}}},
            ),
            "scores": kiseki.Table(columns=["name", "score"], data=[[f"n{i}", i] for i in range(500)]),
            "tone": kiseki.Audio(np.sin(np.arange(4000) / 9), sample_rate=8000, caption="a tone"),
            "note": kiseki.Html("<h1 id=t></h1><script>t.textContent = 'made by ' + origin</script>"),
        }
    )
    run.finish()
"""


@pytest.fixture(scope="module")
def kept(own_server: LiveServer, script_env: dict[str, str], tmp_path_factory: object) -> str:
    """The address of a run that keeps files and code, started in a git work tree with changes."""
    folder = Path(script_env["KISEKI_DIR"]) / "keeper"
    folder.mkdir()
    (folder / "model.py").write_text("depth = 2\n")

    def git(*words: str) -> None:
        names = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("remote", "add", "origin", "https://example.org/keeper.git")
    git("add", "model.py")
    git("commit", "-q", "-m", "start")
    (folder / "model.py").write_text("depth = 4\n")
    env = {name: text for name, text in script_env.items() if name != "KISEKI_DISABLE_META"}
    run_script(folder, KEEPER, env)
    return "/ada/keeper/runs/kept"


@pytest.fixture(scope="module")
def branches(own_server: LiveServer, script_env: dict[str, str]) -> str:
    """A project with a run that was rewound and one that was forked from it."""
    run_script(Path(script_env["KISEKI_DIR"]) / "branches", BRANCHES, script_env)
    return "/ada/branches/runs"


@pytest.fixture(scope="module")
def film(own_server: LiveServer, script_env: dict[str, str]) -> str:
    """A run with a video that a gym environment recorded, and other media."""
    run_script(Path(script_env["KISEKI_DIR"]) / "films", GYM, script_env)
    return "/ada/films/runs/film"


# ---- files and code (I-70) -----------------------------------------------------------------


def test_files_are_listed_found_and_shown(reader: Visit, kept: str) -> None:
    page = reader.go(f"{kept}/files")
    files = page.get_by_role("navigation", name="Files")
    expect(files.get_by_role("link", name="readme.md")).to_be_visible()
    expect(files.get_by_role("button", name=re.compile("^out, 5 files"))).to_be_visible()
    files.get_by_role("button", name=re.compile("^out, 5 files")).click()
    expect(files.get_by_role("link", name="readme.md")).to_have_count(0)
    files.get_by_role("textbox", name="Filter files").fill("out json")
    expect(files.get_by_role("listitem")).to_have_count(2)  # the folder and the file
    files.get_by_role("link", name="scores.json").click()
    expect(page).to_have_url(re.compile("/files/out/scores.json$"))
    shown = page.get_by_role("region", name="out/scores.json")
    expect(shown.get_by_text("0.75")).to_be_visible()
    shown.get_by_role("radio", name="Source").click()
    expect(shown.get_by_text('"f1": 0.75')).to_be_visible()


def test_markdown_is_rendered_and_makes_no_markup(reader: Visit, kept: str) -> None:  # 5.9
    page = reader.go(f"{kept}/files/out/readme.md")
    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    expect(page.get_by_role("link", name="here")).to_have_attribute("href", "https://example.org")
    expect(page.get_by_text("<b>x</b>")).to_be_visible()


def test_what_cannot_be_shown_is_downloaded_as_it_was(reader: Visit, kept: str) -> None:
    page = reader.go(f"{kept}/files/out/weights.bin")
    expect(page.get_by_text("No preview for this kind of file")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download out/weights.bin").click()
    assert Path(waiting.value.path()).read_bytes() == bytes(3000)
    assert waiting.value.suggested_filename == "weights.bin"


def test_a_file_that_is_not_there_is_said_so(reader: Visit, kept: str) -> None:
    page = reader.go(f"{kept}/files/out/other.txt")
    expect(page.get_by_text("This run has no file out/other.txt")).to_be_visible()


def test_code_requirements_and_changes_are_shown(reader: Visit, kept: str) -> None:  # I-70
    page = reader.go(f"{kept}/code")
    expect(page.get_by_role("region", name="Content of code/train.py")).to_contain_text(
        'run = kiseki.init(project="keeper"'
    )
    expect(page.locator(".keyword", has_text="import").first).to_be_visible()
    expect(page.get_by_role("link", name="https://example.org/keeper.git")).to_be_visible()
    page.get_by_role("link", name="requirements.txt").click()
    expect(page.get_by_text(re.compile("^anyio==")).first).to_be_visible()
    page.get_by_role("link", name="Uncommitted changes").click()
    change = page.get_by_role("region", name="model.py", exact=True)
    expect(change.locator(".deleted")).to_contain_text("depth = 2")
    expect(change.locator(".inserted")).to_contain_text("depth = 4")


def test_a_line_of_code_has_an_address(reader: Visit, kept: str) -> None:
    page = reader.go(f"{kept}/files/code/train.py")
    page.get_by_role("button", name="Line 10", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?line=10$"))
    page.reload()
    expect(page.locator(".line.marked")).to_contain_text("kiseki.init")


# ---- header, overview, output ----------------------------------------------------------------------


def test_the_page_of_a_run_says_what_became_of_it(
    reader: Visit, kept: str, script_env: dict[str, str]
) -> None:
    folder = Path(script_env["KISEKI_DIR"]) / "keeper"
    env = {name: text for name, text in script_env.items() if name != "KISEKI_DISABLE_META"}
    with pytest.raises(AssertionError, match="no such luck"):
        run_script(folder, FAILS, env)
    page = reader.go("/ada/keeper/runs/lost/overview")
    expect(page.get_by_text("(exit 1, traceback)")).to_be_visible()
    # What differs from the run of the same program before it.
    differs = page.get_by_role("region", name="What differs")
    expect(differs.get_by_role("link", name=re.compile("^from keeper-1"))).to_be_visible()
    expect(differs.get_by_text("+0.1 (+100 %)")).to_be_visible()
    expect(differs.get_by_role("definition").first).to_have_text(re.compile(r"0\.1\s*→\s*0\.2"))
    expect(differs.get_by_role("term")).to_have_text(["lr", "prompt"])
    config = page.get_by_role("region", name="Config", exact=True)
    config.get_by_role("radio", name="YAML").click()
    expect(config.get_by_role("listitem")).to_have_text(
        [re.compile(r"1\s*lr: 0.2"), re.compile(r"2\s*model:"), re.compile(r"3\s*depth: 4")]
    )
    expect(page.get_by_text(re.compile(r"^python[\d.]* .*train\.py$"))).to_be_visible()
    # The lines that go on with it.
    page.get_by_role("button", name="Run actions").click()
    page.get_by_role("menuitem", name="Resume command…").click()
    lines = page.get_by_role("dialog", name="Go on with this run")
    expect(lines.get_by_role("region", name="Copy shell lines")).to_contain_text(
        "KISEKI_RUN_ID=lost"
    )
    expect(lines.get_by_role("region", name="Copy Python line")).to_contain_text('resume="must"')
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Run actions").click()
    page.get_by_role("menuitem", name="Fork at step…").click()
    fork = page.get_by_role("dialog", name="Go on from an earlier step")
    expect(fork.get_by_text('fork_from="lost?_step=0"')).to_be_visible()
    fork.get_by_role("textbox", name="Step").fill("9")
    expect(fork.get_by_text("A whole number from 0 to 0")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="traceback").click()
    expect(page).to_have_url(re.compile(r"/logs\?line=\d+$"))
    expect(page.locator(".line.marked")).to_contain_text("Traceback (most recent call last)")


def test_output_is_searched_walked_and_tied_to_steps(reader: Visit, kept: str) -> None:
    page = reader.go(f"{kept}/logs")
    log = page.get_by_role("region", name="Logs")
    expect(log.locator(".fg1.bold", has_text="red")).to_be_visible()
    lines = log.get_by_role("listitem")
    expect(lines).to_have_count(5)  # the bar is one line
    expect(log.get_by_text("100 % done")).to_be_visible()
    log.get_by_role("button", name="2 earlier texts of line 1").click()
    earlier = log.get_by_role("group", name="2 earlier texts of line 1")
    expect(earlier).to_have_text(re.compile(r"10 % done\s*50 % done"))
    field = page.get_by_role("textbox", name="Find in log")
    field.fill("LOGGED")
    expect(page.get_by_text("1 of 3", exact=True)).to_be_visible()
    expect(lines).to_have_count(5)  # a search hides nothing
    field.press("Enter")
    expect(page.get_by_text("2 of 3", exact=True)).to_be_visible()
    field.press("Shift+Enter")
    expect(page.get_by_text("1 of 3", exact=True)).to_be_visible()
    field.press("Shift+Enter")  # round the end
    expect(page.get_by_text("3 of 3", exact=True)).to_be_visible()
    expect(log.locator(".hit")).to_contain_text("logged 2")
    page.get_by_role("button", name="Only matches").click()
    expect(lines).to_have_count(3)
    expect(page).to_have_url(re.compile("q=LOGGED&only=1"))
    page.reload()
    expect(lines).to_have_count(3)
    page.get_by_role("button", name="Only matches").click()
    page.get_by_label("Stream").select_option("stderr")
    expect(lines).to_have_count(1)
    page.get_by_label("Stream").select_option("")
    # From a step to the line that was printed last before it, and from there to the charts.
    page.get_by_role("button", name="Go to…").click()
    page.get_by_role("textbox", name="Step").fill("2")
    page.keyboard.press("Enter")
    marked = page.get_by_role("complementary", name=re.compile("^Line"))
    expect(marked.get_by_text(re.compile("step [12]"))).to_be_visible()
    expect(log.locator(".marked")).to_contain_text(re.compile("logged [12]"))
    marked.get_by_role("link", name="Show in charts").click()
    expect(page).to_have_url(re.compile(r"runs/kept\?x="))
    expect(reader.chart("loss")).to_be_visible()


def test_tables_and_notebooks_are_shown_as_such_and_all_comes_in_one(
    reader: Visit, kept: str
) -> None:
    page = reader.go(f"{kept}/files/out/points.csv")
    table = page.get_by_role("grid", name="Content of out/points.csv")
    expect(table).to_have_attribute("aria-rowcount", "901")
    expect(table.get_by_role("gridcell", name="a, 3", exact=True)).to_be_visible()
    assert table.get_by_role("row").count() < 80  # only what is in view
    page.get_by_role("link", name="book.ipynb").click()
    book = page.get_by_role("region", name="Content of out/book.ipynb")
    expect(book.get_by_role("heading", name="Notebook")).to_be_visible()
    expect(book.locator("pre")).to_have_text(re.compile("^2"))
    expect(book.locator("b")).to_have_count(0)  # markup of an output is not made
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download all").click()
    names = zipfile.ZipFile(waiting.value.path()).namelist()
    assert {"out/points.csv", "code/train.py", "out/deep.txt"} & set(names) == {
        "out/points.csv",
        "code/train.py",
    }


# ---- lineage (I-63, I-66) -------------------------------------------------------------------------


def test_a_rewound_run_shows_its_attempts_each_with_its_own_rows(
    reader: Visit, branches: str
) -> None:
    page = reader.go(f"{branches}/trunk/overview")
    lineage = page.get_by_role("region", name="Lineage")
    expect(lineage.get_by_role("link", name=re.compile("Attempt 2"))).to_contain_text(
        "Rewound to step 19"
    )
    expect(lineage.get_by_role("link", name=re.compile("^twig"))).to_be_visible()
    lineage.get_by_role("link", name=re.compile("Attempt 1")).click()
    banner = page.get_by_text("You look at attempt 1 of 2.")
    expect(banner).to_be_visible()
    page.get_by_role("link", name="Charts", exact=True).last.click()
    # The first attempt goes on to 39 as it was logged; the second has 100 more from step 20 on.
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("trunk: 39 at step 39"))
    page.get_by_role("link", name="Logs").click()
    expect(page.get_by_text("trained to 40")).to_be_visible()
    page.get_by_role("button", name="Go to the latest").click()
    expect(page.get_by_text("trained to 60")).to_be_visible()
    expect(banner).to_have_count(0)
    page.get_by_role("link", name="Charts", exact=True).last.click()
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("trunk: 159 at step 59"))


def test_a_forked_run_names_where_it_comes_from(reader: Visit, branches: str) -> None:
    page = reader.go(f"{branches}/twig")
    origin = page.get_by_role("link", name="Forked from trunk at step 29")
    expect(origin).to_be_visible()
    # Where its own history begins stands a thin line: grey, which no run's colour is.
    expect(reader.chart("loss")).to_have_accessible_name(re.compile("twig: 249 at step 49"))
    assert len(colours(reader.lines("loss"))) > 1
    origin.click()
    expect(page).to_have_url(re.compile("/runs/trunk$"))


# ---- media (M-01 … M-10, I-73) --------------------------------------------------------------------


def test_a_video_of_a_gym_environment_plays(reader: Visit, film: str) -> None:  # I-73
    page = reader.go(f"{film}/media")
    video = page.get_by_label(re.compile("^Video videos")).first
    video.scroll_into_view_if_needed()
    reader.until(lambda: video.evaluate("film => film.readyState >= 2"), "a film that can play")
    assert video.evaluate("film => film.duration") > 0.5
    video.evaluate("film => { film.muted = true; return film.play() }")
    reader.until(lambda: video.evaluate("film => film.currentTime") > 0.1, "a film that plays")


def test_pictures_have_steps_captions_and_what_lies_over_them(reader: Visit, film: str) -> None:
    page = reader.go(f"{film}/media")
    pair = page.locator('[data-media="pair"]')
    expect(pair.get_by_role("img")).to_have_count(2)
    pictures = pair.get_by_role("img").all()
    reader.until(
        lambda: all(one.evaluate("image => image.naturalWidth") == 60 for one in pictures),
        "both pictures",
    )
    # The slider stands on a step that was logged, the last one first.
    expect(pair.get_by_role("slider")).to_have_value("4")
    pair.get_by_role("button", name="Previous step").click()
    expect(pair.get_by_text("left 2")).to_be_visible()
    expect(page).to_have_url(re.compile(r"step=\d+"))
    seen = page.locator('[data-media="seen"]')
    box, classes = (
        seen.locator("figure").get_by_text("cat"),
        seen.get_by_role("list", name="Classes"),
    )
    expect(box).to_be_visible()
    expect(classes).to_have_text("cat")
    expect(seen.locator("canvas")).to_have_count(1)
    seen.get_by_role("button", name="Boxes").click()
    expect(box).to_have_count(0)
    seen.get_by_role("button", name="Masks").click()
    expect(classes).to_have_count(0)
    expect(seen.locator("canvas")).to_have_count(0)


def test_histograms_tables_sound_and_html_are_shown(reader: Visit, film: str) -> None:
    page = reader.go(f"{film}/media")
    hist = page.locator('[data-media="hist"]')
    expect(hist.get_by_role("img", name=re.compile("^Histogram of hist: 64 bins"))).to_be_visible()
    expect(hist.get_by_role("img", name="hist over 4 steps, darker is more")).to_be_visible()
    scores = page.locator('[data-media="scores"]')
    scores.scroll_into_view_if_needed()
    expect(scores.get_by_role("grid", name="scores")).to_have_attribute("aria-rowcount", "501")
    expect(scores.get_by_role("gridcell", name="n3", exact=True)).to_be_visible()
    tone = page.get_by_label("Sound tone")
    tone.scroll_into_view_if_needed()
    reader.until(lambda: tone.evaluate("sound => sound.readyState >= 1"), "a sound that can play")
    note = page.locator('[data-media="note"]')
    note.scroll_into_view_if_needed()
    frame = note.locator("iframe")
    expect(frame).to_have_attribute("sandbox", "allow-scripts")  # never with the page's origin
    heading = note.frame_locator("iframe").get_by_role("heading")
    expect(heading).to_have_text("made by null")  # its scripts run, and have no origin
    with page.expect_download():  # outside of a frame it is a file
        page.evaluate("address => open(address)", frame.get_attribute("src"))


# ---- for everybody --------------------------------------------------------------------------------


def settled(text: str):  # type: ignore[no-untyped-def]
    def wait(page: Page) -> None:
        expect(page.get_by_text(text).first).to_be_visible()

    return wait


def test_the_tabs_are_for_everybody(reader: Visit, kept: str, branches: str, film: str) -> None:
    check_both(reader, f"{kept}/files", settled("readme.md"))
    check_both(reader, f"{kept}/files/code/train.py", settled("kiseki"))
    check_both(reader, f"{kept}/code", settled("requirements.txt"))
    check_both(reader, f"{kept}/files/out/points.csv", settled("a, 3"))
    check_both(reader, f"{kept}/files/out/book.ipynb", settled("1 + 1"))
    check_both(reader, f"{kept}/overview", settled("Environment"))
    check_both(reader, f"{kept}/logs?line=1&q=done", settled("Line 1"))
    check_both(reader, f"{branches}/trunk/overview?attempt=1", settled("Attempt 2"))
    check_both(reader, f"{film}/media", settled("pair"))


def test_a_file_of_a_phone_takes_the_whole_page(reader: Visit, kept: str) -> None:
    reader.page.set_viewport_size(PHONE)
    page = reader.go(f"{kept}/files")
    page.get_by_role("link", name="readme.md").click()
    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    expect(page.get_by_role("textbox", name="Filter files")).to_be_hidden()
    page.get_by_role("link", name="Back to all files").click()
    expect(page.get_by_role("textbox", name="Filter files")).to_be_visible()
