"""Kiseki records, shows and compares training runs.

import kiseki

with kiseki.init(project="digits", config={"lr": 0.1}) as run:
    for step in range(1000):
        run.log({"loss": loss, "accuracy": accuracy})
"""

from __future__ import annotations

from importlib import import_module
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
    restore,
    save,
    setup,
    teardown,
    unwatch,
    watch,
)
from kiseki.sdk.run import LATER as _LATER
from kiseki.sdk.run import Run
from kiseki.sdk.script import is_notebook as _is_notebook
from kiseki.sdk.settings import Settings
from kiseki.sdk.summary import Summary

if TYPE_CHECKING:
    from kiseki.integrations import tensorboard
    from kiseki.sdk import plot
    from kiseki.sdk.api import Api
    from kiseki.sdk.media.audio import Audio
    from kiseki.sdk.media.bokeh import Bokeh
    from kiseki.sdk.media.graph import Graph
    from kiseki.sdk.media.histogram import Histogram
    from kiseki.sdk.media.html import Html
    from kiseki.sdk.media.image import Image
    from kiseki.sdk.media.molecule import Molecule
    from kiseki.sdk.media.object3d import Object3D, box3d
    from kiseki.sdk.media.overlays import Classes
    from kiseki.sdk.media.plotly import Plotly
    from kiseki.sdk.media.table import JoinedTable, Table
    from kiseki.sdk.media.video import Video
    from kiseki.sdk.plot import plot_table
    from kiseki.sdk.reading import open_run as open
    from kiseki.sdk.sweeping import agent, sweep

    run: Run | None
    config: Config
    summary: Summary

__all__ = [
    "AlertLevel",
    "Api",
    "Audio",
    "AuthenticationError",
    "Bokeh",
    "Classes",
    "CommError",
    "Config",
    "ConfigError",
    "Error",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "JoinedTable",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Summary",
    "Table",
    "UsageError",
    "Video",
    "__version__",
    "agent",
    "alert",
    "box3d",
    "config",
    "define_metric",
    "errors",
    "finish",
    "init",
    "log",
    "login",
    "mark_preempting",
    "open",
    "plot",
    "plot_table",
    "restore",
    "run",
    "save",
    "setup",
    "summary",
    "sweep",
    "teardown",
    "tensorboard",
    "unwatch",
    "watch",
]

_LOADED_LATER = {
    "Audio": "kiseki.sdk.media.audio",
    "Bokeh": "kiseki.sdk.media.bokeh",
    "Classes": "kiseki.sdk.media.overlays",
    "Graph": "kiseki.sdk.media.graph",
    "Histogram": "kiseki.sdk.media.histogram",
    "Html": "kiseki.sdk.media.html",
    "Image": "kiseki.sdk.media.image",
    "JoinedTable": "kiseki.sdk.media.table",
    "Molecule": "kiseki.sdk.media.molecule",
    "Object3D": "kiseki.sdk.media.object3d",
    "Plotly": "kiseki.sdk.media.plotly",
    "Table": "kiseki.sdk.media.table",
    "Video": "kiseki.sdk.media.video",
    "agent": "kiseki.sdk.sweeping",
    "box3d": "kiseki.sdk.media.object3d",
    "plot_table": "kiseki.sdk.plot",
    "sweep": "kiseki.sdk.sweeping",
}


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
    if name == "plot":
        return import_module("kiseki.sdk.plot")
    if name in _LOADED_LATER:
        return getattr(import_module(_LOADED_LATER[name]), name)
    if name in _LATER:
        return later_function(name)
    raise AttributeError(f"module 'kiseki' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Make `%kiseki` known to IPython (`%load_ext kiseki`); a notebook needs no such call."""
    from kiseki.sdk import notebook

    notebook.offer_magic(shell)


if _is_notebook():
    load_ipython_extension(None)


def __dir__() -> list[str]:
    return __all__
