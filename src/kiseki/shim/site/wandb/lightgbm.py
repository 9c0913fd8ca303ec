"""`wandb.lightgbm`: the older address of `wandb.integration.lightgbm`."""

from kiseki.integrations.lightgbm import callback as wandb_callback

__all__ = ["wandb_callback"]
