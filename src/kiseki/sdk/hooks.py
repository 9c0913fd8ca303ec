"""What `init` switches on once the run is there: code saving, TensorBoard, Gym (I-70 … I-73).

Each is a module of its own that is loaded when it is asked for; the run begins with all of them or not at
all.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from kiseki.errors import Error

if TYPE_CHECKING:
    from kiseki.sdk.run import Run


def start(run: Run, save_code: bool) -> None:
    """Switch on what the settings of a run ask for.

    Args:
        run: an active run.
        save_code: what the person's settings page says; counts where neither `init` nor a setting does.

    Raises:
        Error: a library is missing.
    """
    settings = run.settings
    wants_code = save_code if settings.save_code is None else settings.save_code
    if wants_code and not settings.disable_code:
        _module("kiseki.sdk.code", "save_code").save_program(run)
    if settings.sync_tensorboard:
        _module("kiseki.integrations.tensorboard", "sync_tensorboard").start(run)
    elif "kiseki.integrations.tensorboard" in sys.modules:
        sys.modules["kiseki.integrations.tensorboard"].start_if_patched(run)
    if settings.monitor_gym:
        _module("kiseki.integrations.gym", "monitor_gym").start(run)


def _module(name: str, asked: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Error(f"init({asked}=True) cannot work here: {error}") from error
