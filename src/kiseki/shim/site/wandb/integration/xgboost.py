"""The XGBoost callback under the name that scripts use."""

from kiseki.integrations.xgboost import Callback as WandbCallback

__all__ = ["WandbCallback"]
