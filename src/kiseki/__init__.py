"""Kiseki records, shows and compares training runs.

import kiseki

with kiseki.init(project="digits", config={"lr": 0.1}) as run:
    for step in range(1000):
        run.log({"loss": loss, "accuracy": accuracy})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kiseki import errors
from kiseki.base.version import __version__
from kiseki.errors import AuthenticationError, CommError, ConfigError, Error, UsageError
from kiseki.sdk.alerts import AlertLevel
from kiseki.sdk.config import Config
from kiseki.sdk.current import session as _session
from kiseki.sdk.public import (
    alert,
    define_metric,
    finish,
    init,
    later_function,
    log,
    login,
    mark_preempting,
    setup,
    teardown,
    unwatch,
    watch,
)
from kiseki.sdk.run import LATER as _LATER
from kiseki.sdk.run import Run
from kiseki.sdk.settings import Settings
from kiseki.sdk.summary import Summary

if TYPE_CHECKING:
    from kiseki.integrations import tensorboard
    from kiseki.sdk.api import Api
    from kiseki.sdk.reading import open_run as open

    run: Run | None
    config: Config
    summary: Summary

__all__ = [
    "AlertLevel",
    "Api",
    "AuthenticationError",
    "CommError",
    "Config",
    "ConfigError",
    "Error",
    "Run",
    "Settings",
    "Summary",
    "UsageError",
    "__version__",
    "alert",
    "config",
    "define_metric",
    "errors",
    "finish",
    "init",
    "log",
    "login",
    "mark_preempting",
    "open",
    "run",
    "setup",
    "summary",
    "teardown",
    "tensorboard",
    "unwatch",
    "watch",
]


def __getattr__(name: str) -> Any:
    """Return what belongs to the active run, or is loaded when first used."""
    if name == "run":
        return _session.run
    if name in ("config", "summary"):
        return getattr(_session.active(name), name)
    if name == "open":
        from kiseki.sdk.reading import open_run

        return open_run
    if name == "Api":
        from kiseki.sdk.api import Api

        return Api
    if name == "tensorboard":
        from kiseki.integrations import tensorboard

        return tensorboard
    if name in _LATER:
        return later_function(name)
    raise AttributeError(f"module 'kiseki' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
