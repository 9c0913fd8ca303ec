"""What the children of `test_wandb_sweeps.py` run: scripts that know only the official `wandb` client.

As `train`, the program of a sweep: its parameters are arguments, and it logs a loss that is known beforehand.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

PROJECT = "swept"
GRID = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "x": {"values": [1, 2.5, -3]},
        "net": {"parameters": {"kind": {"values": ["mlp", "cnn", None]}, "deep": {"value": True}}},
    },
}
DRAWN = {
    "metric": {"name": "loss", "goal": "maximize"},
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
        "layers": {"min": 1, "max": 4},
        "size": {"distribution": "q_uniform", "min": 8, "max": 64, "q": 8},
        "kind": {"values": ["a", "b"]},
    },
}


def tell(**found: Any) -> None:
    print(json.dumps(found), flush=True)


def quiet() -> Any:
    import wandb

    return wandb.Settings(x_disable_stats=True, silent=True, console="off")


def grid() -> None:
    """Run a grid of nine with the Python agent; tell each config as the script saw it."""
    import wandb

    id = wandb.sweep(GRID, project=PROJECT)

    def train() -> None:
        with wandb.init(settings=quiet()) as run:
            tell(run=run.id, config=run.config.as_dict(), sweep=run.sweep_id, url=run.sweep_url)
            run.log({"loss": float(run.config.x)})

    wandb.agent(id, train, project=PROJECT)
    sweep = wandb.Api().sweep(f"{PROJECT}/{id}")
    best = sweep.best_run()
    tell(
        sweep=id,
        state=sweep.state,
        expected=sweep.expected_run_count,
        order=sweep.order,
        best=[best.id, best.config["x"]],
        runs={run.id: run.config for run in sweep.runs},
        found=[one.id for one in wandb.Api().project(PROJECT).sweeps()],
        agents=[[one.state, one.total_runs, len(list(one.runs()))] for one in sweep.agents()],
        filtered=sorted(one.id for one in wandb.Api().runs(PROJECT, {"sweep": id})),
    )


def drawn(method: str, cap: str) -> None:
    """Run a sweep that draws until its `run_cap`."""
    import wandb

    id = wandb.sweep({**DRAWN, "method": method, "run_cap": int(cap)}, project=PROJECT)

    def train() -> None:
        with wandb.init(settings=quiet()) as run:
            run.log({"loss": -abs(run.config.layers - 3) - abs(run.config.size - 32) / 8})

    wandb.agent(id, train, project=PROJECT)
    sweep = wandb.Api().sweep(f"{PROJECT}/{id}")
    tell(
        state=sweep.state, expected=sweep.expected_run_count, configs=[r.config for r in sweep.runs]
    )


def refused() -> None:
    """Make sweeps that cannot be, and tell what the client says of each."""
    import wandb

    said = []
    for config in (
        {"method": "bayes", "parameters": {"x": {"min": 0.0, "max": 1.0}}},
        {"method": "random", "parameters": {"x": {"min": 2, "max": 1}}},
    ):
        try:
            wandb.sweep(config, project=PROJECT)
        except Exception as error:
            said.append(str(error))
    tell(said=said)


def train() -> None:
    """The program of a sweep that `wandb agent` runs."""
    import wandb

    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=float)
    parser.add_argument("--log")  # where it says that it began
    parser.add_argument("--before", type=float, default=0.0)  # seconds before `init`
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--slow-from", type=float, default=1e9)  # from this x on it takes long
    given = parser.parse_args(sys.argv[2:])
    with Path(given.log).open("a") as log:
        log.write(f"{given.x:g}\n")
    time.sleep(given.before)
    with wandb.init(settings=quiet()) as run:
        assert run.config.x == given.x
        for step in range(1_000 if given.x >= given.slow_from else given.steps):
            run.log({"loss": given.x + 1 / (step + 1)})
            if given.x >= given.slow_from:
                time.sleep(0.2)


if __name__ == "__main__":
    globals()[sys.argv[1]](*(() if sys.argv[1] == "train" else sys.argv[2:]))
