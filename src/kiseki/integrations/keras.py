"""Keras callbacks: metrics of epochs and batches, and checkpoints kept with the run.

    model.fit(x, y, callbacks=[MetricsLogger(log_freq=10), ModelCheckpoint("best.keras")])

Works with Keras 3 on every backend and with `tf.keras`: whichever was imported first is used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import kiseki


def _keras() -> Any:
    """Return the `keras` module that the script uses."""
    if "keras" not in sys.modules and "tensorflow" in sys.modules:
        return sys.modules["tensorflow"].keras
    try:
        import keras
    except ImportError as error:
        raise kiseki.Error("the Keras callbacks need Keras: pip install keras") from error
    return keras


class MetricsLogger(_keras().callbacks.Callback):  # type: ignore[misc]
    """Logs what Keras reports to the active run.

    Rows of epochs hold `epoch/epoch`, `epoch/loss`, …, `epoch/learning_rate`; rows of batches the same with
    `batch/batch_step`. Both are the x axis of their metrics.

    Args:
        log_freq: "epoch": once per epoch; "batch": also after every batch; n: also after every n batches.
        initial_global_step: batches trained before, when training goes on.

    Raises:
        Error: there is no active run.
        ValueError: `log_freq` is none of these.
    """

    def __init__(self, log_freq: str | int = "epoch", initial_global_step: int = 0) -> None:
        super().__init__()
        if kiseki.run is None:
            raise kiseki.Error("call kiseki.init() before MetricsLogger()")
        every = 1 if log_freq == "batch" else 0 if log_freq == "epoch" else log_freq
        if not isinstance(every, int) or isinstance(every, bool) or every < 0:
            raise ValueError(
                f"log_freq is 'epoch', 'batch' or a number of batches, got {log_freq!r}"
            )
        self._every = every
        self._batches = initial_global_step
        for prefix, step in (("epoch", "epoch/epoch"), ("batch", "batch/batch_step")):
            if prefix == "epoch" or every:
                kiseki.define_metric(step, hidden=True)
                kiseki.define_metric(f"{prefix}/*", step_metric=step)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the metrics of an epoch, and the learning rate it ended with."""
        self._log("epoch", {"epoch": epoch}, logs)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the metrics of a batch, if it is its turn."""
        if self._every and self._batches % self._every == 0:
            self._log("batch", {"batch_step": self._batches}, logs)
        self._batches += 1

    def _log(self, prefix: str, step: dict[str, int], logs: Mapping[str, Any] | None) -> None:
        row = {**(logs or {}), **step}
        rate = _learning_rate(self.model)
        if rate is not None:
            row["learning_rate"] = rate
        kiseki.log({f"{prefix}/{name}": value for name, value in row.items()})


class ModelCheckpoint(_keras().callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Keras' own `ModelCheckpoint`, whose files are kept with the run (`run.save`, policy live)."""

    def _save_model(self, *args: Any, **kwargs: Any) -> Any:
        result = super()._save_model(*args, **kwargs)
        run = kiseki.run
        if run is not None:
            folder = os.path.dirname(os.path.abspath(self.filepath))
            kind = os.path.splitext(self.filepath)[1]
            run.save(os.path.join(folder, f"*{kind}"), base_path=folder)
        return result


def _learning_rate(model: Any) -> float | None:
    """Return the optimizer's present learning rate, None if it has none that can be read."""
    rate = getattr(getattr(model, "optimizer", None), "learning_rate", None)
    try:
        return None if rate is None else float(rate)
    except (TypeError, ValueError):
        return None
