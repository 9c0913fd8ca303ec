"""What scripts written for `wandb` touch and Kiseki calls otherwise."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import kiseki
from kiseki.base import ids
from kiseki.errors import Error
from kiseki.sdk.current import session
from kiseki.sdk.disabled import DisabledRun
from kiseki.sdk.run import Run
from kiseki.sdk.settings import FIELDS
from kiseki.shim.artifact import log_artifact

FOLDER = "wandb"


class Settings(kiseki.Settings):
    """`kiseki.Settings` that passes over names it does not know: scripts name inner ones of their client."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**_known(values))


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    for name in values.keys() - FIELDS.keys():
        session.terminal.warn(
            f"the setting {name!r} is not known here and was passed over", key=name
        )
    return {name: value for name, value in values.items() if name in FIELDS}


def init(*args: Any, **kwargs: Any) -> Any:
    """Start a run: `kiseki.init`, with the run folder where that client has it (N-04)."""
    settings = kwargs.pop("settings", None)
    given = settings.given if isinstance(settings, kiseki.Settings) else _known(settings or {})
    kwargs["settings"] = {"dir_name": FOLDER, **given}
    run = kiseki.init(*args, **kwargs)
    if isinstance(run, Run) and not isinstance(run, DisabledRun):
        _link_journal(run)
    return run


def setup(settings: Any = None) -> SimpleNamespace:
    """Prepare as `kiseki.setup` does; return an object with the settings that `init` starts from."""
    kiseki.setup(settings)
    return SimpleNamespace(settings=session.base_settings())


def _link_journal(run: Run) -> None:
    """Let the journal be found under the name that libraries look for: one resumes by it."""
    path = os.path.join(run.sync_dir, f"run-{run.id}.wandb")
    with contextlib.suppress(OSError):
        os.symlink(f"run-{run.id}.kslog", path)


def attach(run_id: str | None = None, **unused: Any) -> Any:
    """Return the active run of this process with an id (without one: the run of the module)."""
    for run in (*session.runs, *session.attached.values()):
        if run_id is None or run.id == run_id:
            return run
    raise Error(f"there is no active run {run_id!r} in this process to attach to")


def require(requirement: Any = None, experiment: Any = None) -> None:
    """Accept the name of a feature; those of Kiseki need no switch."""


def generate_id(length: int = 8) -> str:
    """Return a random run id. `length` is accepted for compatibility up to the usual 8 characters."""
    return "".join(ids.run_id() for _ in range(-(-length // 8)))[:length]


def get_module(name: str, required: str | bool | None = None, lazy: bool = True) -> Any:
    """Return an importable module, None if it is absent, or raise with the text of `required`."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if required:
            raise Error(str(required)) from error
        return None


def term(text: Any = "", newline: bool = True, repeat: bool = True, **unused: Any) -> None:
    """Print a line for the person at the terminal; with `repeat=False` only once."""
    session.terminal.warn(str(text), key="" if repeat else str(text))


def _label(self: Any, *args: Any, **kwargs: Any) -> None:
    """Take the name of the library that logs: nothing here depends on it."""


def dress(kind: type) -> None:
    """Give runs the private names that callbacks of the common libraries touch (N-01)."""
    kind._label = _label  # type: ignore[attr-defined]
    kind._attach_id = property(lambda run: run.id)  # type: ignore[attr-defined]
    kind._torch = property(lambda run: run)  # type: ignore[attr-defined]
    kind._tensorboard_callback = _label  # type: ignore[attr-defined]
    if not issubclass(kind, DisabledRun):
        kind.log_artifact = log_artifact  # type: ignore[attr-defined]
