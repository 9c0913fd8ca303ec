"""Every chart of `wandb.plot`, and a custom one."""

import sys

import numpy
import wandb

rng = numpy.random.default_rng(0)
truth = [int(value) for value in rng.integers(0, 2, 60)]
guess = [[1 - p, p] for p in rng.random(60)]
table = wandb.Table(columns=["x", "y"], data=[[i, float(i**2)] for i in range(20)])
with wandb.init(project="plots", id="plots", dir=sys.argv[1]) as run:
    run.log(
        {
            "line": wandb.plot.line(table, "x", "y", title="A line"),
            "scatter": wandb.plot.scatter(table, "x", "y", title="A scatter"),
            "bar": wandb.plot.bar(table, "x", "y", title="Bars"),
            "histogram": wandb.plot.histogram(table, "y", title="A histogram"),
            "lines": wandb.plot.line_series(
                range(10), [[i * 1.5 for i in range(10)], [i**2 for i in range(10)]],
                keys=["a", "b"], title="Two lines", xname="step",
            ),
            "confusion": wandb.plot.confusion_matrix(
                y_true=truth, preds=[int(p > 0.5) for _, p in guess], class_names=["no", "yes"]
            ),
            "pr": wandb.plot.pr_curve(truth, guess, labels=["no", "yes"]),
            "roc": wandb.plot.roc_curve(truth, guess, labels=["no", "yes"]),
            "own": wandb.plot_table("ada/own", table, {"x": "x"}, {"title": "Own"}),
        }
    )  # fmt: skip
