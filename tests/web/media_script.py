"""Logs one of everything with the official `wandb` client: what `test_logged_media.py` looks at."""

from __future__ import annotations

import math
import sys
import wave
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import wandb

STEPS = 2
ROWS = 12_000
CUBE = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
FACES = "f 1 3 4 2\nf 5 6 8 7\nf 1 2 6 5\nf 3 7 8 4\nf 1 5 7 3\nf 2 4 8 6\n"
WATER = (
    "HETATM    1  O   HOH A   1       0.000   0.000   0.000  1.00  0.00           O\n"
    "HETATM    2  H   HOH A   1       0.960   0.000   0.000  1.00  0.00           H\nEND\n"
)
PAGE = (
    "<h1>Step {step}</h1><script>document.body.append('script ran');"
    "fetch('/api/v1/viewer').then(() => document.body.append(' LEAK'))"
    ".catch(() => document.body.append(' kept in'))</script>"
)


def picture(step: int, side: int = 48) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side]
    return np.stack([x * 5, y * 5, np.full_like(x, step * 90)], -1).astype(np.uint8)


def tone(path: Path) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((np.sin(np.arange(8000) / 5) * 20000).astype("<i2").tobytes())
    return str(path)


def main(folder: Path) -> None:
    (folder / "cube.obj").write_text("".join(f"v {x} {y} {z}\n" for x, y, z in CUBE) + FACES)
    (folder / "water.pdb").write_text(WATER)
    (folder / "broken.mp4").write_bytes(b"no film at all")
    names = {0: "road", 1: "tree"}
    mask = np.eye(48, dtype=np.uint8)
    boxes = [{"position": {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.9}, "class_id": 1}]
    quiet = wandb.Settings(x_disable_stats=True, silent=True)
    run = wandb.init(project="media", id="zoo", name="everything", settings=quiet)
    points = np.random.default_rng(0).normal(size=(500, 6)) * [1, 1, 1, 90, 90, 90]
    points[:, 3:] = np.abs(points[:, 3:]).clip(0, 255)
    for step in range(STEPS):
        street = wandb.Image(
            picture(step), caption=f"street {step}",
            masks={"truth": {"mask_data": mask, "class_labels": names}},
            boxes={"truth": {"box_data": boxes, "class_labels": names}},
        )  # fmt: skip
        x = np.linspace(0, 6, 40)
        waves = go.Figure(
            [go.Scatter(x=x, y=np.sin(x), name="sin"), go.Scatter(x=x, y=np.cos(x), name="cos")]
        )
        cells = [[i, wandb.Image(picture(i, 16)), names[i % 2]] for i in range(5)]
        run.log(
            {
                "img": street,
                "several": [wandb.Image(picture(i), caption=f"n{i}") for i in range(3)],
                "val": {"sound": wandb.Audio(tone(folder / "tone.wav"), caption="tone")},
                "film": wandb.Video(str(folder / "broken.mp4")),
                "hist": wandb.Histogram(np.random.default_rng(step).normal(step, 1, 500)),
                "page": wandb.Html(PAGE.format(step=step), inject=False),
                "plotly": waves,
                "sankey": go.Figure(go.Sankey(link={"source": [0], "target": [1], "value": [1]})),
                "points": wandb.Object3D(points),
                "mesh": wandb.Object3D(str(folder / "cube.obj")),
                "mol": wandb.Molecule(str(folder / "water.pdb")),
                "pics": wandb.Table(columns=["id", "image", "guess"], data=cells),
            }
        )
    rows = [[i, math.sin(i)] for i in range(ROWS)]
    table = wandb.Table(columns=["x", "y"], data=[[i, math.sin(i / 5)] for i in range(60)])
    run.log(
        {
            "big": wandb.Table(columns=["i", "x"], data=rows),
            "line": wandb.plot.line(table, "x", "y", title="A line"),
            "matrix": wandb.plot.confusion_matrix(
                y_true=[0, 1, 1, 1], preds=[0, 1, 0, 1], class_names=["cat", "dog"]
            ),
        }
    )
    model = wandb.Artifact("net", "model", description="first", metadata={"acc": {"val": 0.5}})
    for index in range(3):
        with model.new_file(f"part {index % 2}/w{index}.txt") as file:
            file.write(f"weights {index}")
    run.log_artifact(model, aliases=["best"]).wait()
    run.finish()
    second = wandb.init(project="media", id="user", name="fine-tune", settings=quiet)
    second.use_artifact("net:best").download(root=str(folder / "down"))
    again = wandb.Artifact("other", "model")
    for index in range(2):
        with again.new_file("weights.txt") as file:
            file.write("better " * (index + 1))
        second.log_artifact(again).wait()
        again = wandb.Artifact("other", "model")
        with again.new_file("more.txt") as file:
            file.write("more")
    second.finish()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
