"""Try releases of the official `wandb` client against a Kiseki server, each in an environment of its own.

    python scripts/wandb_releases.py [RELEASE …] [--folder DIR]      default: those of RELEASES

Prints one line a release: what of a script and of its API works. Environments are kept in the folder.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

RELEASES = ("0.16.6", "0.18.7", "0.20.1", "0.22.3", "0.24.2", "0.31.0")

SCRIPT = r"""
import json, sys, time
import wandb
found = {"release": wandb.__version__}
def check(name, work):
    try:
        found[name] = "yes" if work() else "wrong"
    except BaseException as error:
        found[name] = f"{type(error).__name__}: {str(error)[:200]}"
id = "r" + wandb.__version__.replace(".", "-")
def log(first, count, **options):
    run = wandb.init(project="releases", id=id, settings=wandb.Settings(silent=True), **options)
    for index in range(first, first + count):
        run.log({"x": index, "nest": {"y": float("nan")}, "big": 2**60 + index})
    run.finish()
    return True
def rows():
    run = wandb.Api().run(f"ada/releases/{id}")
    return [row["x"] for row in run.scan_history()], run
check("log", lambda: log(0, 20, config={"lr": 0.1}, tags=["a"]))
check("scan_history", lambda: rows()[0] == list(range(20)))
check("config", lambda: rows()[1].config == {"lr": 0.1})
check("summary", lambda: rows()[1].summary["x"] == 19 and rows()[1].summary["big"] == 2**60 + 19)
check("state", lambda: rows()[1].state == "finished")
def listed():
    wanted = {"config.lr": 0.1, "display_name": rows()[1].name}
    return [run.id for run in wandb.Api().runs("ada/releases", wanted)] == [id]
check("runs", listed)
check("history", lambda: len(rows()[1].history(pandas=False)) == 20)
check("files", lambda: "config.yaml" in [file.name for file in rows()[1].files()])
check("resume", lambda: log(20, 5, resume="must") and rows()[0] == list(range(25)))
def edit():
    run = rows()[1]
    run.notes = "edited"
    run.update()
    return rows()[1].notes == "edited"
check("edit", edit)
def swept():
    grid = {"method": "grid", "parameters": {"x": {"values": [1, 2]}}}
    sweep = wandb.sweep(grid, project="releases")
    def train():
        with wandb.init(settings=wandb.Settings(silent=True)) as run:
            run.log({"loss": run.config.x})
    wandb.agent(sweep, train, project="releases")
    made = wandb.Api().sweep(f"ada/releases/{sweep}")
    return made.state == "FINISHED" and sorted(one.config["x"] for one in made.runs) == [1, 2]
check("sweep", swept)
print("FOUND " + json.dumps(found))
"""


def environment(folder: Path, release: str) -> Path:
    """Return the interpreter of an environment that holds a release."""
    home = folder / release
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, f"wandb=={release}", "setuptools<80", *_older(release)], check=True)
        (home / "ready").touch()
    return python


def _older(release: str) -> list[str]:
    """Return what an old release needs that it does not say."""
    minor = int(release.split(".")[1])
    return ["numpy<2", "protobuf<5"] if minor < 18 else []


def main() -> None:
    from tests.fakes.live_server import LiveServer

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("releases", nargs="*", default=list(RELEASES))
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = args.folder or folder / "environments"
        server = LiveServer(folder / "server").start()
        try:
            for release in args.releases:
                home = folder / f"home-{release}"
                home.mkdir()
                env = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
                env |= {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": server.key}
                env |= {"HOME": str(home), "WANDB_DIR": str(home)}
                try:
                    python = environment(kept, release)
                    done = subprocess.run(
                        [python, "-c", SCRIPT],
                        env=env, cwd=home, capture_output=True, text=True, timeout=400,
                    )  # fmt: skip
                    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
                    told = json.loads(lines[-1][6:]) if lines else {"failed": done.stderr[-600:]}
                except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                    told = {"failed": str(error)[-300:]}
                wrong = {k: v for k, v in told.items() if v != "yes" and k != "release"}
                failed = failed or bool(wrong)
                works = ", ".join(key for key, value in told.items() if value == "yes")
                print(f"{release}: works: {works or 'nothing'}", flush=True)
                for key, value in wrong.items():
                    print(f"    {key}: {value}", flush=True)
        finally:
            server.stop()
    sys.exit(failed)


if __name__ == "__main__":
    main()
