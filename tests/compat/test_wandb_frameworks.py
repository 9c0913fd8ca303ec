"""Training libraries with their own logging for `wandb`, unmodified, against a real server.

They are some GB, so they are not among what the tests install: `scripts/wandb_frameworks.py` makes an
environment of them and runs this file with its interpreter in KISEKI_FRAMEWORKS_PYTHON. Every run is read
back by `wandb.Api` in that environment, and by Kiseki's own.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import kiseki
from tests.compat.test_wandb_client import assert_quiet, environment, plain
from tests.fakes.live_server import LiveServer

SCRIPTS = Path(__file__).parent / "wandb_frameworks"
PYTHON = os.environ.get("KISEKI_FRAMEWORKS_PYTHON", "")
WAIT_S = 400

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2 * WAIT_S),
    pytest.mark.skipif(not PYTHON, reason="KISEKI_FRAMEWORKS_PYTHON is not set"),
]


@dataclass(frozen=True)
class Told:
    """A run, as both sides tell it."""

    run: Any
    keys: Counter[str]
    kinds: Counter[str]
    back: dict[str, Any]

    @property
    def types(self) -> Counter[str]:
        return Counter(kind for kind, _, _ in self.back["artifacts"])


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("frameworks") / "server").start()
    yield server
    server.stop()


Train = Callable[..., None]


@pytest.fixture
def train(live: LiveServer, tmp_path: Path) -> Train:
    def run_script(name: str, *needs: str) -> None:
        wanted = subprocess.run([PYTHON, "-c", f"import {', '.join(needs)}"], capture_output=True)
        if wanted.returncode:
            pytest.skip(wanted.stderr.decode().strip().splitlines()[-1])
        out = tmp_path / "out"
        out.mkdir()
        _child(live, tmp_path, str(SCRIPTS / f"train_{name}.py"), str(out))
        folders = {str(log.parents[1]) for log in tmp_path.rglob("logs/debug-internal.log")}
        assert folders
        for folder in folders:
            assert_quiet(folder)

    return run_script


Read = Callable[[str], Told]


@pytest.fixture
def read(live: LiveServer, tmp_path: Path) -> Iterator[Read]:
    with kiseki.Api(live.url, live.key) as api:

        def told(path: str) -> Told:
            run = api.run(f"ada/{path}")
            rows = run.history()
            said = _child(live, tmp_path, str(SCRIPTS / "read_back.py"), f"ada/{path}")
            back = json.loads(said.splitlines()[-1])
            assert [plain(row) for row in rows] == [plain(row) for row in back["rows"]]
            assert run.state == back["state"] == "finished"
            assert (len(run.attempts), list(run.notices)) == (1, [])
            assert run.config == back["config"]
            assert {file.path for file in run.files()} == set(back["files"])
            values = [value for row in rows for value in row.values()]
            kinds = Counter(value["_type"] for value in values if _is_media(value))
            return Told(run, Counter(key for row in rows for key in row), kinds, back)

        yield told


def _is_media(value: Any) -> bool:
    return isinstance(value, dict) and "_type" in value


def _child(server: LiveServer, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [PYTHON, *arguments],
        env=environment(server, folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    return done.stdout


def test_transformers(train: Train, read: Read) -> None:
    train("transformers", "torch", "transformers", "accelerate")
    told = read("transformers/trainer")
    # 40 steps, then from the last checkpoint to 60 in the same run; a row every 5 and one an evaluation.
    assert (told.keys["train/loss"], told.keys["eval/loss"]) == (12, 6)
    steps = [row["train/global_step"] for row in told.run.history() if "train/loss" in row]
    assert steps == list(range(5, 65, 5))
    assert told.run.metrics["*"]["step_metric"] == "train/global_step"
    assert (told.run.config["max_steps"], told.run.config["learning_rate"]) == (60, 5e-05)
    assert told.types == {
        "model": 6
    }  # checkpoints at 20, 40, 60, and where each training began and ended
    assert "model.safetensors" in told.back["downloaded"]


def test_lightning(train: Train, read: Read) -> None:
    train("lightning", "torch", "lightning")
    told = read("lightning/line")
    assert (told.keys["train/loss_step"], told.keys["val/loss"]) == (30, 3)
    assert told.keys["gradients/layer.weight"] == told.keys["gradients/layer.bias"] == 6
    assert told.kinds["histogram"] == 12 + told.keys["parameters/layer.weight"] * 2
    assert (told.kinds["table-file"], told.kinds["images/separated"]) == (8, 4)
    assert told.run.config == {"rate": 0.1} and told.run.tags == ["tiny"]
    assert told.run.metrics["*"]["step_metric"] == "trainer/global_step"
    assert told.types["model"] == 3
    assert told.run.summary["graph_0"]["_type"] == "graph-file"


def test_keras(train: Train, read: Read) -> None:
    train("keras", "torch", "keras", "tensorflow")
    told = read("keras/line")
    assert (told.keys["epoch/val_loss"], told.keys["batch/loss"]) == (3, 24)
    assert told.run.metrics["batch/*"]["step_metric"] == "batch/batch_step"
    assert told.run.config["rate"] == 0.1
    assert told.types["model"] == 3 and told.types["evaluation"] == 3


def test_xgboost_and_lightgbm(train: Train, read: Read) -> None:
    train("boosted", "xgboost", "lightgbm", "sklearn", "pandas")
    told = read("boosted/xgboost")
    assert told.keys["valid-rmse"] == 20 and told.types["model"] == 1
    assert told.run.summary["valid-rmse"].keys() == {"min"}
    assert told.kinds == {"table-file": 1}
    told = read("boosted/lightgbm")
    assert told.keys["valid_l2"] == 20 and told.types["model"] == 1
    assert told.run.summary["best_score"]["valid"]["l2"] > 0


def test_the_plots_of_sklearn(train: Train, read: Read) -> None:
    train("sklearn", "sklearn", "pandas")
    told = read("sklearn/plots")
    for name in ("roc_table", "precision_recall_table", "confusion_matrix", "calibration_curve",
                 "feature_importances", "learning_curve", "residuals", "elbow_curve"):  # fmt: skip
        assert told.keys[name] == 1, name
    assert told.kinds == {"table-file": len(told.run.history())}


def test_charts_of_wandb_plot(train: Train, read: Read) -> None:
    train("plots", "numpy", "sklearn", "pandas")
    told = read("plots/plots")
    names = {"line", "scatter", "bar", "histogram", "lines", "confusion", "pr", "roc", "own"}
    assert {f"{name}_table" for name in names} <= set(told.keys)
    # What each chart is made of: its kind, and which column is which.
    charts = told.run.metadata["wandb"]["visualize"]
    assert charts.keys() == names
    assert charts["roc"]["panel_config"]["panelDefId"] == "wandb/area-under-curve/v0"
    for name in names:
        path = told.run.history()[0][f"{name}_table"]["path"]
        table = json.loads(b"".join(told.run.file(path).read()))
        assert table["columns"] and table["data"], name


def test_stable_baselines3(train: Train, read: Read) -> None:
    train("stable_baselines3", "torch", "stable_baselines3", "tensorboard")
    told = read("sb3/cartpole")
    assert told.keys["rollout/ep_rew_mean"] > 3 and told.kinds["histogram"] > 10
    assert told.run.summary["global_step"] == 1024
    assert "model.zip" in told.back["files"]


def test_tensorboard(train: Train, read: Read) -> None:
    train("tensorboard", "torch", "tensorboard", "numpy")
    told = read("tensorboard/synced")
    assert told.keys["loss/train"] == 30 and told.kinds["histogram"] == 30
    assert told.kinds["images/separated"] == 1
    assert any("tfevents" in name for name in told.back["files"])
