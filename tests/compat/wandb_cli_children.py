"""What the children of `test_wandb_cli.py` run: scripts that know only the official `wandb` client."""

from __future__ import annotations

import json
import sys
import time
import wave
from pathlib import Path
from typing import Any

PROJECT = "cli"
ROWS = 20


def quiet() -> Any:
    import wandb

    return wandb.Settings(x_disable_stats=True, silent=True)


def offline(id: str) -> dict[str, Any]:
    """A run without a server, with an artifact, a table and a file."""
    import wandb

    run = wandb.init(
        project=PROJECT, id=id, mode="offline", config={"a": 1}, save_code=True, settings=quiet()
    )
    for index in range(ROWS):
        run.log({"x": index})
    made = wandb.Artifact("offline", "dataset")
    with made.new_file("f.txt") as file:
        file.write("content")
    run.log_artifact(made)
    run.log({"table": wandb.Table(columns=["a"], data=[[1]])})
    Path("saved.txt").write_text("saved")
    run.save("saved.txt")
    run.finish()
    return {"folder": str(Path(run.dir).parent)}


def media(id: str) -> dict[str, Any]:
    """Sounds and films, and the code that made them."""
    import numpy
    import wandb

    run = wandb.init(project=PROJECT, id=id, settings=quiet())
    with wave.open("tone.wav", "wb") as tone:
        tone.setparams((1, 2, 8_000, 0, "NONE", ""))
        tone.writeframes(numpy.zeros(800, dtype="int16").tobytes())
    film = numpy.zeros((4, 3, 16, 16), dtype="uint8")
    run.log(
        {
            "sound": wandb.Audio("tone.wav", caption="a tone"),
            "film": wandb.Video(film, fps=2, format="gif"),
        }
    )
    Path("own").mkdir()
    Path("own", "part.py").write_text("print(1)\n")
    run.log_code("own")
    run.finish()
    api = wandb.Api()
    back = api.run(f"{PROJECT}/{id}")
    return {
        "row": next(iter(back.scan_history())),
        "files": [file.name for file in back.files()],
        "code": [one.name for one in back.logged_artifacts() if one.type == "code"],
    }


def large(megabytes: str) -> Any:
    import wandb

    with open("large.bin", "wb") as file:
        for index in range(int(megabytes)):
            file.write(bytes([index % 251]) * 1024 * 1024)
    made = wandb.Artifact("torn", "dataset")
    made.add_file("large.bin", policy="immutable")
    return made


def uploading(id: str, megabytes: str) -> dict[str, Any]:
    """Log an artifact that takes long, tell of it, and stay."""
    import wandb

    run = wandb.init(project=PROJECT, id=id, settings=quiet())
    run.log_artifact(large(megabytes))
    for _ in range(100):  # enough for the client to write it to its disk
        run.log({"long": "x" * 2_000})
    print(json.dumps({"folder": str(Path(run.dir).parent)}), flush=True)
    time.sleep(600)
    return {}


def again(id: str, megabytes: str) -> dict[str, Any]:
    """Log it again, to the end."""
    import wandb

    run = wandb.init(project=PROJECT, id=id, settings=quiet())
    artifact = run.log_artifact(large(megabytes)).wait()
    run.finish()
    down = Path(artifact.download())
    return {"version": artifact.version, "size": (down / "large.bin").stat().st_size}


def huge(size: str) -> dict[str, Any]:
    """Log a file beyond what the client would send in parts, and read its end back."""
    import wandb

    path = Path("huge.bin")
    with path.open("wb") as file:
        file.truncate(int(size))
        file.seek(-4, 2)
        file.write(b"last")
    made = wandb.Artifact("huge", "dataset")
    made.add_file(str(path), policy="immutable", skip_cache=True)
    run = wandb.init(project=PROJECT, id="huge", settings=quiet())
    logged = run.log_artifact(made).wait()
    run.finish()
    path.unlink()
    return {"size": logged.size, "version": logged.version}


def references(folder: str) -> dict[str, Any]:
    """An artifact with a file that stays where it is; what is downloaded of it."""
    import wandb

    Path(folder, "near.txt").write_text("near")
    made = wandb.Artifact("refs", "dataset")
    made.add_reference(Path(folder, "near.txt").resolve().as_uri())
    with made.new_file("own.txt") as file:
        file.write("own")
    run = wandb.init(project=PROJECT, id="refs", settings=quiet())
    run.log_artifact(made).wait()
    run.finish()
    artifact = wandb.Api().artifact(f"{PROJECT}/refs:latest")
    down = Path(artifact.download(root=f"{folder}/down"))
    return {path.name: path.read_text() for path in down.iterdir()}


def keys(id: str) -> dict[str, Any]:
    import wandb

    run = wandb.init(project=PROJECT, id=id, settings=quiet())
    run.define_metric("best", summary="min,last")
    for index in range(5):
        run.log(
            {"loss": 1 / (index + 1), "best": index, "dict": {"a": index, "t": f"text {index}"}}
        )
    run.finish()
    back = wandb.Api().run(f"{PROJECT}/{id}")
    return {
        "keys": back.history_keys,
        "file": back.file("./wandb-summary.json").name,
    }


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])), flush=True)
