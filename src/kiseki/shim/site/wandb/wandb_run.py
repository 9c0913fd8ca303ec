"""The class of runs, where libraries look for it."""

from kiseki.sdk.run import Run

__all__ = ["Run"]
