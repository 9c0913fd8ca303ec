"""Keras on its PyTorch backend with the callbacks of `wandb.integration.keras`: all three."""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy
import wandb
from wandb.integration.keras import WandbEvalCallback, WandbMetricsLogger, WandbModelCheckpoint


class Guesses(WandbEvalCallback):
    def __init__(self, x, y):
        super().__init__(["x", "y"], ["epoch", "x", "guess"])
        self.x, self.y = x, y

    def add_ground_truth(self, logs=None):
        for x, y in zip(self.x, self.y, strict=True):
            self.data_table.add_data(float(x[0]), float(y))

    def add_model_predictions(self, epoch, logs=None):
        guesses = self.model.predict(self.x, verbose=0)
        for index, guess in enumerate(guesses):
            self.pred_table.add_data(epoch, self.data_table_ref.data[index][0], float(guess[0]))


with wandb.init(
    project="keras", id="line", name="line", dir=sys.argv[1], config={"rate": 0.1}
) as run:
    x = numpy.random.default_rng(0).normal(size=(160, 4)).astype("float32")
    y = x.sum(1)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(run.config.rate), loss="mse", metrics=["mae"])
    model.fit(
        x, y, batch_size=8, epochs=3, verbose=0, validation_split=0.2,
        callbacks=[
            WandbMetricsLogger(log_freq=2),
            WandbModelCheckpoint(f"{sys.argv[1]}/model-{{epoch:02d}}.keras"),
            Guesses(x[:4], y[:4]),
        ],
    )  # fmt: skip
