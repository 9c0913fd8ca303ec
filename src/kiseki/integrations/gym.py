"""Gymnasium and OpenAI Gym: videos that an environment records are logged to the run (I-73).

`RecordVideo` of Gymnasium 1.x writes a video in `stop_recording`; before, and in Gym, a `VideoRecorder`
wrote while it recorded and was done with `close`. Each finished video is logged once, under `videos`, as a
row of its own: rows that the script holds open stay open.
"""

from __future__ import annotations

import importlib.util
import os
import weakref
from collections.abc import Callable
from typing import Any

import kiseki
from kiseki.integrations.hooks import Hooks, Target

KEY = "videos"
LIBRARIES = ("gymnasium", "gym")
_WRAPPERS = [
    Target(f"gymnasium.wrappers.{module}", "RecordVideo", "stop_recording")
    for module in ("rendering", "vector.rendering")
]
_RECORDERS = [
    Target(f"{library}.wrappers.monitoring.video_recorder", "VideoRecorder", "close")
    for library in LIBRARIES
]


def start(run: kiseki.Run) -> None:
    """Log to `run` the videos that environments record from now on, until the run ends.

    Raises:
        Error: neither Gymnasium nor Gym is installed.
    """
    if not any(importlib.util.find_spec(name) is not None for name in LIBRARIES):
        raise kiseki.Error(
            "monitor_gym=True needs Gymnasium or Gym: pip install 'gymnasium[other]' "
            "(with MoviePy, which writes the videos)"
        )
    if not run.disabled:
        run.before_finish(Monitor(run).close)


class Monitor:
    """Logs the videos of this process to one run."""

    def __init__(self, run: kiseki.Run) -> None:
        self._run = run
        self._done: weakref.WeakSet[Any] = weakref.WeakSet()
        self._hooks = [Hooks(_WRAPPERS, self._stopped), Hooks(_RECORDERS, self._closed)]

    def close(self) -> None:
        """Listen no more."""
        for hooks in self._hooks:
            hooks.remove()

    def _stopped(self, wrapper: Any) -> Callable[[], None] | None:
        """A `RecordVideo` writes the frames it holds; without frames it writes nothing."""
        if not wrapper.recorded_frames:
            return None
        path = os.path.join(wrapper.video_folder, f"{wrapper._video_name}.mp4")
        return lambda: self._log(path)

    def _closed(self, recorder: Any) -> Callable[[], None] | None:
        """A `VideoRecorder` completes its file; it may be closed several times."""
        is_first = recorder not in self._done and getattr(recorder, "enabled", True)
        path = getattr(recorder, "path", None)
        self._done.add(recorder)
        return (lambda: self._log(os.fspath(path))) if is_first and path else None

    def _log(self, path: str) -> None:
        if os.path.exists(path) and os.path.getsize(path):
            self._run.log_at({KEY: kiseki.Video(path)})
