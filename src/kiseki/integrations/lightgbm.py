"""LightGBM: metrics of every boosting round.

bst = lightgbm.train(parameters, data, valid_sets=[valid], callbacks=[callback()])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kiseki


def callback(log_params: bool = True, define_metric: bool = True) -> Callable[[Any], None]:
    """Return a LightGBM callback that logs `<data set>/<metric>` to the active run after every round.

    Args:
        log_params: keep LightGBM's parameters in the config.
        define_metric: keep the best value of each metric in the summary, smallest or largest as LightGBM
            says.

    Raises:
        Error: there is no active run.
    """
    if kiseki.run is None:
        raise kiseki.Error("call kiseki.init() before callback()")
    known: set[str] = set()

    def log(env: Any) -> None:
        if log_params and env.iteration == env.begin_iteration:
            plain = {key.replace(".", "_"): value for key, value in env.params.items()}
            kiseki.config.update(plain, allow_val_change=True)
        row: dict[str, Any] = {}
        for data, name, value, is_larger, *_ in env.evaluation_result_list or ():
            key = f"{data}/{name}"
            if define_metric and key not in known:
                known.add(key)
                kiseki.define_metric(key, summary="last,max" if is_larger else "last,min")
            row[key] = value
        kiseki.log({**row, "iteration": env.iteration})

    log.order = 30  # type: ignore[attr-defined]  # after LightGBM's own of evaluation
    return log
