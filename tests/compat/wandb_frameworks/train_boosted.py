"""Trees boosted by XGBoost and by LightGBM, with the callbacks of `wandb`."""

import sys

import lightgbm
import numpy
import wandb
import xgboost
from wandb.integration.lightgbm import log_summary, wandb_callback
from wandb.integration.xgboost import WandbCallback

rng = numpy.random.default_rng(0)
x = rng.normal(size=(200, 4))
y = x.sum(1)

with wandb.init(project="boosted", id="xgboost", dir=sys.argv[1]):
    train, valid = xgboost.DMatrix(x[:150], y[:150]), xgboost.DMatrix(x[150:], y[150:])
    xgboost.train(
        {"nthread": 1}, train, 20, evals=[(valid, "valid")], verbose_eval=False,
        callbacks=[WandbCallback(log_model=True)],
    )  # fmt: skip
with wandb.init(project="boosted", id="lightgbm", dir=sys.argv[1]):
    train = lightgbm.Dataset(x[:150], y[:150])
    booster = lightgbm.train(
        {"num_threads": 1, "verbose": -1, "metric": "l2"}, train, 20,
        valid_sets=[lightgbm.Dataset(x[150:], y[150:], reference=train)], valid_names=["valid"],
        callbacks=[wandb_callback()],
    )  # fmt: skip
    log_summary(booster, save_model_checkpoint=True)
