"""`wandb.keras`: the older address of `wandb.integration.keras`."""

from kiseki.integrations.keras import MetricsLogger as WandbMetricsLogger
from kiseki.integrations.keras import ModelCheckpoint as WandbModelCheckpoint

__all__ = ["WandbMetricsLogger", "WandbModelCheckpoint"]
