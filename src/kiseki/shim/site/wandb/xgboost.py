"""`wandb.xgboost`: the older address of `wandb.integration.xgboost`."""

from kiseki.integrations.xgboost import Callback as WandbCallback

__all__ = ["WandbCallback"]
