"""The Keras callbacks under the names that scripts use."""

from kiseki.integrations.keras import MetricsLogger as WandbMetricsLogger
from kiseki.integrations.keras import ModelCheckpoint as WandbModelCheckpoint

__all__ = ["WandbMetricsLogger", "WandbModelCheckpoint"]
