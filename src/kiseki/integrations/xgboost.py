"""XGBoost: metrics of every boosting round and the importance of the features.

bst = xgboost.train(parameters, data, evals=[(valid, "valid")], callbacks=[Callback()])
"""

from __future__ import annotations

from typing import Any

import kiseki

try:
    from xgboost.callback import TrainingCallback
except ImportError as error:
    raise kiseki.Error("the XGBoost callback needs XGBoost: pip install xgboost") from error


class Callback(TrainingCallback):  # type: ignore[misc]
    """Logs `<data set>/<metric>` after every round to the active run; best score and features at the end.

    Args:
        log_feature_importance: put the features' importance into the summary.
        importance_type: gain, weight, cover, total_gain or total_cover.
        define_metric: keep the best value of each metric in the summary (smallest; of auc, accuracy, map,
            ndcg and pre the largest).

    Raises:
        Error: there is no active run.
    """

    LARGER_IS_BETTER = ("auc", "aucpr", "map", "ndcg", "pre", "accuracy")

    def __init__(
        self,
        log_feature_importance: bool = True,
        importance_type: str = "gain",
        define_metric: bool = True,
    ) -> None:
        if kiseki.run is None:
            raise kiseki.Error("call kiseki.init() before Callback()")
        self._has_importance = log_feature_importance
        self._importance_type = importance_type
        self._defines = define_metric
        self._known: set[str] = set()

    def before_training(self, model: Any) -> Any:
        """Keep the parameters of the model in the config."""
        import json

        kiseki.config.update({"booster": json.loads(model.save_config())}, allow_val_change=True)
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, Any]) -> bool:
        """Log the metrics of a round. Returns False: go on."""
        row: dict[str, Any] = {}
        for data, metrics in evals_log.items():
            for name, values in metrics.items():
                key = f"{data}/{name}"
                if self._defines and key not in self._known:
                    self._known.add(key)
                    is_larger = name.split("@")[0] in self.LARGER_IS_BETTER
                    kiseki.define_metric(key, summary="last,max" if is_larger else "last,min")
                value = values[-1]
                row[key] = value[0] if isinstance(value, tuple) else value
        kiseki.log({**row, "epoch": epoch})
        return False

    def after_training(self, model: Any) -> Any:
        """Put the best round and the importance of the features into the summary."""
        if self._has_importance:
            found = model.get_score(importance_type=self._importance_type)
            kiseki.summary["feature_importance"] = {
                name: _number(value) for name, value in found.items()
            }
        for name in ("best_score", "best_iteration"):
            value = model.attributes().get(name)
            if value is not None:
                kiseki.summary[name] = float(value)
        return model


def _number(value: Any) -> Any:
    return value if isinstance(value, list) else float(value)
