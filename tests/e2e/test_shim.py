"""Scripts that say `import wandb` (N-01 … N-04), run by `python -m kiseki.shim`."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import kiseki
from tests.e2e.run_scripts import OFFLINE


def run_shim(code: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    path = Path("train.py")
    path.write_text(textwrap.dedent(code))
    return subprocess.run(
        [sys.executable, "-m", "kiseki.shim", str(path), *arguments],
        env={**os.environ, **OFFLINE, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_libraries_find_the_package_in_every_way_they_look() -> None:  # N-03
    done = run_shim(
        """
        import importlib.metadata, importlib.util, sys
        spec = importlib.util.find_spec("wandb")
        assert spec is not None and spec.origin
        import wandb
        assert wandb.__spec__.name == "wandb"
        assert hasattr(wandb, "run") and wandb.run is None and hasattr(wandb, "__version__")
        version = importlib.metadata.version("wandb")
        assert tuple(map(int, version.split("."))) >= (0, 12, 10), version
        assert importlib.metadata.metadata("wandb")["Name"] == "wandb"
        assert sys.argv[1:] == ["--rate", "0.1"], sys.argv
        assert __name__ == "__main__"
        """,
        "--rate",
        "0.1",
    )
    assert done.returncode == 0, done.stderr


def test_the_names_that_callbacks_touch_are_there() -> None:  # N-01
    done = run_shim(
        """
        import wandb
        import wandb.util, wandb.env, wandb.data_types, wandb.errors
        from wandb.apis.public import Api
        from wandb.sdk.lib import RunDisabled
        from wandb.sdk.lib.config_util import ConfigError
        from wandb.wandb_run import Run
        from wandb.sdk.wandb_run import Run as Same
        wandb.require("service")
        run = wandb.init(
            project="shim", config={"model/depth": 3, "classes": {0: "cat"}}, anonymous=None,
            settings=wandb.Settings(start_method="thread", console="off"),
        )
        assert isinstance(run, Run) and Run is Same and not isinstance(run, RunDisabled)
        run._label(code="trainer")
        run._label(repo="lightning")
        assert wandb._attach(run._attach_id) is run
        assert run._log is not None and callable(run._tensorboard_callback) and run._torch
        try:
            run.config["model/depth"] = 4
        except ConfigError:
            pass
        else:
            raise SystemExit("a config value changed")
        assert wandb.setup().settings.mode == "offline"
        wandb.define_metric("*", step_metric="train/global_step", step_sync=True)
        wandb.log({"loss": 0.5, "train/global_step": 1})
        assert dict(run.summary)["loss"] == 0.5
        wandb.termwarn("told once", repeat=False)
        wandb.termwarn("told once", repeat=False)
        assert len(wandb.util.generate_id()) == 8
        wandb.env.set_project("other")
        assert wandb.env.get_project() == "other"
        run.finish(exit_code=1)
        run.finish(exit_code=1)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("told once") == 1
    assert "'start_method' is not known here and was passed over" in done.stderr


def test_the_run_folder_is_where_libraries_look_for_it() -> None:  # N-04
    done = run_shim("import wandb; wandb.init(project='shim', id='abc').log({'loss': 1})")
    assert done.returncode == 0, done.stderr
    (found,) = Path("wandb").glob("offline-run-*-abc/run-abc.wandb")
    run = kiseki.open(found.parent)
    assert [row["loss"] for row in run.history()] == [1]


def test_processes_that_a_script_starts_speak_it_too() -> None:  # N-03
    done = run_shim(
        """
        import multiprocessing

        def look(name):
            import wandb
            return wandb.__file__

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                assert pool.map(look, [0])[0].endswith("shim/site/wandb/__init__.py")
        """
    )
    assert done.returncode == 0, done.stderr


def test_old_modes_and_empty_resume_are_taken() -> None:  # N-02
    done = run_shim(
        "import wandb; r = wandb.init(project='shim', resume='allow', id=None); assert r.offline",
        WANDB_MODE="dryrun",
        KISEKI_MODE="",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("code", "status"), [("import sys; sys.exit(7)", 7), ("1/0", 1)])
def test_the_exit_code_of_the_script_stays(code: str, status: int) -> None:  # F-24
    assert run_shim(code).returncode == status


def test_modules_run_as_python_runs_them() -> None:
    Path("trainer.py").write_text("import wandb, sys; print(wandb.__version__, sys.argv[1:])")
    done = subprocess.run(
        [sys.executable, "-m", "kiseki.shim", "-m", "trainer", "x"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip().endswith("['x']"), done.stderr


def test_without_a_script_it_says_how() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kiseki.shim"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "usage" in done.stderr


def test_a_script_for_it_runs_with_kiseki_under_that_name() -> None:  # N-01
    path = Path("train.py")
    path.write_text(
        "import kiseki as wandb\n"
        "with wandb.init(project='shim', config={'lr': 0.1}) as run:\n"
        "    wandb.log({'loss': 1.0})\n"
        "    wandb.summary['best'] = 1.0\n"
        "    assert wandb.run is run and wandb.config.lr == 0.1\n"
    )
    done = subprocess.run(
        [sys.executable, str(path)], env={**os.environ, **OFFLINE}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_artifacts_of_a_script_are_kept_with_the_run() -> None:
    done = run_shim(
        """
        import os, wandb
        os.makedirs("weights/deep")
        open("weights/best.pt", "w").write("best")
        open("weights/deep/last.pt", "w").write("last")
        run = wandb.init(project="shim")
        artifact = wandb.Artifact("model", type="model")
        artifact.add_file("weights/best.pt", name="named.pt")
        artifact.add_dir("weights/deep", name="deep")
        with artifact.new_file("notes.txt") as file:
            file.write("notes")
        run.log_artifact(artifact, aliases=["best"]).wait()
        try:
            artifact.add_file("absent.pt")
        except ValueError:
            pass
        else:
            raise SystemExit("an absent file was added")
        """
    )
    assert done.returncode == 0, done.stderr
    (folder,) = Path("wandb").glob("offline-run-*")
    kept = {path: (folder / "files" / path).read_text() for path, _ in kiseki.open(folder).files()
            if path.startswith("artifacts/")}  # fmt: skip
    assert kept == {
        "artifacts/model/named.pt": "best",
        "artifacts/model/deep/last.pt": "last",
        "artifacts/model/notes.txt": "notes",
    }
    assert "under artifacts/model/" in done.stderr
