"""The error of a config value that may not change."""

from kiseki.errors import ConfigError

__all__ = ["ConfigError"]
