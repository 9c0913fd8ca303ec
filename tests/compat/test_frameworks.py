"""The logging callbacks of common training libraries, run unchanged under the shim (N-01).

Each trains a tiny model in a process of its own, against a real server. They need the libraries
(`pip install -e '.[frameworks]'`, some GB), so they are run by `make slow`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import kiseki
from tests.fakes.live_server import FIRST_KEY, LiveServer

SCRIPTS = Path(__file__).parent / "frameworks"

CASES = {
    "transformers": (["transformers", "torch"], "huggingface", "train/loss", 20),
    "lightning": (["lightning"], "lightning", "train/loss", 20),
    "accelerate": (["accelerate", "torch"], "accelerate", "train/loss", 20),
    "keras": (["keras", "torch"], "keras", "batch/loss", 40),
    "xgboost": (["xgboost", "lightgbm"], "xgboost", "valid/rmse", 20),
    "ultralytics": (["ultralytics"], "ultralytics", "train/box_loss", 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_library_logs_through_its_own_callback(  # N-01, N-02
    name: str, server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs, project, key, points = CASES[name]
    missing = [need for need in needs if importlib.util.find_spec(need) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    env = {**os.environ, "WANDB_BASE_URL": server.url, "WANDB_API_KEY": FIRST_KEY}
    env.pop("PYTEST_CURRENT_TEST", None)  # ultralytics logs nothing where it sees pytest
    script = SCRIPTS / f"train_{name}.py"
    done = subprocess.run(
        [sys.executable, "-m", "kiseki.shim", str(script), os.getcwd()],
        env=env,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    monkeypatch.setenv("KISEKI_BASE_URL", server.url)
    monkeypatch.setenv("KISEKI_API_KEY", FIRST_KEY)
    runs = list(kiseki.Api().runs(f"ada/{project}"))
    assert runs and all(run.state == "finished" for run in runs)
    logged = [row[key] for run in runs for row in run.history() if row.get(key) is not None]
    assert len(logged) >= points
    assert any(run.config for run in runs)
