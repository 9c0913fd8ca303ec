"""`wandb`, spoken by Kiseki: every name is that of `kiseki` unless it stands here."""

from __future__ import annotations

from typing import Any

import kiseki
from kiseki.sdk.disabled import DisabledRun as _DisabledRun
from kiseki.sdk.run import Run
from kiseki.shim import adapted as _adapted
from kiseki.shim.adapted import Settings, init, require, setup
from kiseki.shim.adapted import term as termerror
from kiseki.shim.adapted import term as termlog
from kiseki.shim.adapted import term as termwarn
from kiseki.shim.artifact import Artifact

__version__ = "0.31.0"  # of the interface that is spoken, not of Kiseki

_adapted.dress(Run)
_adapted.dress(_DisabledRun)
_attach = _adapted.attach

__all__ = [
    *kiseki.__all__,
    "Artifact",
    "Settings",
    "init",
    "require",
    "setup",
    "termerror",
    "termlog",
    "termwarn",
]


def __getattr__(name: str) -> Any:
    if name in ("sdk", "env", "util", "errors", "data_types", "plot", "wandb_run", "apis", "integration",
                "sklearn", "keras"):  # fmt: skip
        import importlib

        try:
            return importlib.import_module(f"wandb.{name}")
        except ModuleNotFoundError as error:
            raise AttributeError(f"module 'wandb' has no attribute {name!r}") from error
    return getattr(kiseki, name)
