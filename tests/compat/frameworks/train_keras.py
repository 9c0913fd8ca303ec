"""A tiny model trained by Keras on its PyTorch backend, with the callbacks of `wandb.integration.keras`."""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy
import wandb
from wandb.integration.keras import WandbMetricsLogger

with wandb.init(project="keras", name="line", dir=sys.argv[1], config={"rate": 0.1}) as run:
    x = numpy.random.default_rng(0).normal(size=(160, 4)).astype("float32")
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(run.config.rate), loss="mse")
    model.fit(
        x, x.sum(1), batch_size=8, epochs=2, verbose=0, callbacks=[WandbMetricsLogger("batch")]
    )
