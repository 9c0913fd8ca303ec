"""Videos that Gymnasium records are logged by themselves (I-73)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy
import pytest
from gymnasium.wrappers import RecordVideo

import kiseki
from kiseki.integrations import gym
from tests.e2e.run_scripts import OFFLINE

pytestmark = pytest.mark.filterwarnings("ignore")  # of MoviePy, and of Gymnasium about folders


class Corridor(gymnasium.Env[Any, Any]):
    """Ten steps to the right; a picture shows how far one is."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
    observation_space = gymnasium.spaces.Discrete(11)
    action_space = gymnasium.spaces.Discrete(2)
    render_mode = "rgb_array"

    def reset(self, **_: Any) -> tuple[int, dict[str, Any]]:
        self.at = 0
        return self.at, {}

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.at += 1
        return self.at, 1.0, self.at == 10, False, {}

    def render(self) -> Any:
        picture = numpy.zeros((16, 32, 3), "uint8")
        picture[:, : 3 * self.at] = 200
        return picture


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def run() -> Iterator[kiseki.Run]:
    run = kiseki.init(project="agents", monitor_gym=True)
    yield run
    run.finish()


def recorded(**options: Any) -> RecordVideo[Any, Any, Any, Any]:
    return RecordVideo(Corridor(), "videos", **{"episode_trigger": lambda _: True, **options})


def play(env: Any, episodes: int = 1) -> None:
    for _ in range(episodes):
        env.reset()
        while not env.step(1)[2]:
            pass
    env.close()


def history(run: kiseki.Run) -> list[dict[str, Any]]:
    run.finish()
    return list(kiseki.open(run.sync_dir).history())


def test_each_finished_video_is_logged_once(run: kiseki.Run) -> None:
    play(recorded(), episodes=3)
    rows = history(run)
    assert [row["videos"]["_type"] for row in rows] == ["video-file"] * 3
    for number, row in enumerate(rows):
        kept = Path(run.dir) / row["videos"]["path"]
        written = Path("videos") / f"rl-video-episode-{number}.mp4"
        assert kept.suffix == ".mp4" and kept.read_bytes() == written.read_bytes()


def test_rows_of_the_script_stay_whole(run: kiseki.Run) -> None:
    run.log({"loss": 1})
    run.log({"part": 1}, commit=False)
    play(recorded())
    run.log({"other": 2})
    assert [sorted(key for key in row if key[0] != "_") for row in history(run)] == [
        ["loss"], ["other", "part"], ["videos"]
    ]  # fmt: skip


def test_episodes_that_are_not_recorded_are_not_logged(run: kiseki.Run) -> None:
    play(recorded(episode_trigger=lambda episode: episode == 1), episodes=3)
    assert len(history(run)) == 1


def test_videos_of_a_fixed_length(run: kiseki.Run) -> None:
    trigger = {"episode_trigger": None, "step_trigger": lambda step: step % 8 == 0}
    play(recorded(video_length=4, **trigger), episodes=2)
    assert len(history(run)) == len(list(Path("videos").glob("*.mp4"))) == 3


def test_environments_side_by_side(run: kiseki.Run) -> None:
    from gymnasium.wrappers.vector import RecordVideo as RecordVideos

    pair = gymnasium.vector.SyncVectorEnv([Corridor, Corridor])
    envs = RecordVideos(pair, "videos", video_length=3, episode_trigger=lambda _: True)
    envs.reset()
    for _ in range(4):
        envs.step(numpy.array([1, 1]))
    envs.close()
    assert len(history(run)) == 1


def test_a_recorder_that_was_made_before(run: kiseki.Run) -> None:
    run.finish()
    env = recorded()
    env.reset()
    run = kiseki.init(monitor_gym=True)
    play(env)
    assert len(history(run)) == 2  # the reset ended the recording that was under way


def test_the_end_of_the_run_is_the_end_of_it(run: kiseki.Run) -> None:
    original = RecordVideo.stop_recording
    assert history(run) == []
    assert RecordVideo.stop_recording is not original
    play(recorded())
    assert history(kiseki.init()) == []


def test_not_asked_for_it_is_off() -> None:
    run = kiseki.init()
    play(recorded())
    assert history(run) == []


def test_without_a_library_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gym, "LIBRARIES", ("no_such_library",))
    with pytest.raises(kiseki.Error, match="pip install 'gymnasium"):
        kiseki.init(monitor_gym=True)
    assert kiseki.run is None  # I-84
    assert list(Path("kiseki").glob("*run-*")) == []
    kiseki.init(mode="disabled", monitor_gym=True).finish()
