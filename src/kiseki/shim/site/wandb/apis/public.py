"""`Api` and what it returns."""

from kiseki.sdk.api import Api, ApiRun, Runs
from kiseki.sdk.api import ApiRun as Run

__all__ = ["Api", "ApiRun", "Run", "Runs"]
