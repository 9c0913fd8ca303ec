"""The LightGBM callback under the name that scripts use."""

from kiseki.integrations.lightgbm import callback as wandb_callback

__all__ = ["wandb_callback"]
