"""The training side of the uploader process: what it needs to know, what it says, how it ends."""

from __future__ import annotations

import _thread
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from kiseki.record.types import Open
from kiseki.sdk.folder import RunFolder
from kiseki.sdk.guard import Guard
from kiseki.sdk.script import current_folder
from kiseki.sdk.settings import Settings
from kiseki.sdk.terminal import Terminal

PROGRESS_AFTER_SECONDS = 1.0
OFFLINE_FINISH_SECONDS = 10.0  # for the environment, which the uploader captures offline too
# `finish` of a run that no server ever knew: who trains first and starts the server afterwards must not
# wait a minute for each script. The server takes the folder in when it starts.
UNKNOWN_FINISH_SECONDS = 3.0
# …and least of all where nothing listens: that is certain at once.
REFUSED_FINISH_SECONDS = 0.5
REFUSED = "KSK-NET-102"  # as in `uploader/messages.py`, which loads HTTP


class Place(NamedTuple):
    """Where a run is to be seen; empty as long as no server knows it."""

    entity: str = ""
    url: str = ""
    project_url: str = ""

    def below(self, app_url: str) -> Place:
        """Return the place as it is seen at another address of the pages (setting `app_url`)."""
        if not self.url:
            return self
        app_url = app_url.rstrip("/")
        run, project = self.url.rsplit("/", 4)[1:], self.project_url.rsplit("/", 2)[1:]
        return Place(self.entity, "/".join([app_url, *run]), "/".join([app_url, *project]))


class Result(NamedTuple):
    """What the server has after `finish`; `pending` is -1 if that is not known, `files` are missing there.

    `refused` is the reason why the server will never take the run, "" as a rule.
    """

    is_synced: bool
    pending: int
    refused: str
    files: int = 0


def place_of(answer: dict[str, Any] | None) -> Place:
    """Return the place of a run from the server's answer to `Open`."""
    found = answer or {}
    return Place(*(str(found.get(name) or "") for name in Place._fields))


def write_settings(
    folder: RunFolder,
    settings: Settings,
    opening: Open,
    base_url: str,
    is_offline: bool,
    is_anonymous: bool = False,
    runtime_before_us: int = 0,
    is_behind: bool = False,
) -> None:
    """Write `settings.json`, which tells the uploader what it needs. The key is not in it.

    Args:
        is_anonymous: the run belongs to the anonymous account of this person at the server (I-48).
        runtime_before_us: run time of earlier sessions (I-69).
        is_behind: nobody knew where the run stood: its steps are put behind the server's when it is uploaded.
    """
    from kiseki.base.redaction import redact_args  # its patterns are compiled here, not at import

    content = {
        "mode": "offline" if is_offline else "online",
        "base_url": base_url,
        "is_anonymous": is_anonymous,
        "runtime_before_us": runtime_before_us,
        "is_behind": is_behind,
        "pid": opening.pid,
        "parent_started_us": opening.started_us,
        "host": opening.host,
        "executable": sys.executable,
        "program": opening.program,
        "argv": redact_args([str(argument) for argument in sys.argv]),
        "cwd": current_folder(),
        "x_disable_stats": settings.x_disable_stats,
        # Of several writers of a run the primary ones describe it (T-10).
        "x_disable_meta": settings.x_disable_meta or not opening.primary,
        "x_save_requirements": settings.x_save_requirements and opening.primary,
        "x_update_finish_state": settings.x_update_finish_state,
        "x_stats_sampling_interval": settings.x_stats_sampling_interval,
        "x_stats_disk_paths": settings.x_stats_disk_paths,
        "x_stats_gpu_device_ids": settings.x_stats_gpu_device_ids,
        "x_stats_open_metrics_endpoints": settings.x_stats_open_metrics_endpoints,
        "x_stats_open_metrics_filters": settings.x_stats_open_metrics_filters,
        "disable_git": settings.disable_git,
        "disable_git_fork_point": settings.disable_git_fork_point,
        "git_commit": settings.git_commit,
        "git_remote_url": settings.git_remote_url,
        "git_root": settings.git_root,
        "disable_code": settings.disable_code,
        "username": settings.username,
        "email": settings.email,
        "docker": settings.docker,
        "http_timeout": settings.http_timeout,
        "file_pusher_timeout": settings.file_pusher_timeout or settings.http_timeout,
        "heartbeat_seconds": settings.heartbeat_seconds,
        "ignore_globs": settings.ignore_globs,
    }
    with open(os.path.join(folder.path, "settings.json"), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)


class Link:
    """A running uploader process, and what it says to the person.

    Args:
        on_place: called when the server knows the run.
        told: code of the trouble that was told already; then no server knows the run yet.
        key: for the server; "" = as the environment and the credentials file say.
    """

    def __init__(
        self,
        folder: RunFolder,
        settings: Settings,
        terminal: Terminal,
        base_url: str,
        is_offline: bool,
        on_place: Callable[[Place], None],
        told: str = "",
        key: str = "",
    ) -> None:
        self.base_url = base_url
        self.is_offline = is_offline
        self._settings = settings
        self._terminal = terminal
        self._on_place = on_place
        self._told = told
        self._is_known = not told
        # Loaded here, as `import kiseki` needs no subprocesses.
        from kiseki.uploader.process import UploaderProcess

        unchecked = {"KISEKI_INSECURE_DISABLE_SSL": "true"} if settings.insecure_disable_ssl else {}
        process = UploaderProcess(folder.path, self._hear, key=key, variables=unchecked)
        self._process = process.start()

    def finish(self, timeout: float, progress: Callable[[str], None]) -> Result:
        """Wait until the server has everything, at most `timeout` seconds (0 = for ever)."""
        began = time.monotonic()
        if self.is_offline:
            timeout = OFFLINE_FINISH_SECONDS
        elif not self._is_known:
            limit = REFUSED_FINISH_SECONDS if self._told == REFUSED else UNKNOWN_FINISH_SECONDS
            timeout = min(timeout or limit, limit)

        def show(event: dict[str, Any]) -> None:
            if time.monotonic() - began >= PROGRESS_AFTER_SECONDS:
                text = f"uploading: {event.get('sent', 0):,} of {event.get('total', 0):,} records"
                if files := event.get("files"):
                    text += f", {files:,} files ({event.get('bytes', 0) / 1e6:,.0f} MB) to go"
                progress(text)

        try:
            done = self._process.finish(
                OFFLINE_FINISH_SECONDS if self.is_offline else timeout, show
            )
        finally:
            self._process.close()
        if not done.get("lingers"):
            self._process.wait(1.0)
        pending, refused = int(done.get("pending", -1)), str(done.get("refused", ""))
        return Result(bool(done.get("synced")), pending, refused, int(done.get("files", 0)))

    def pause(self) -> None:
        """Have no system metrics sampled until `resume`."""
        self._process.send({"do": "pause"})

    def resume(self) -> None:
        """Have system metrics sampled again."""
        self._process.send({"do": "resume"})

    def kill(self) -> None:
        """End the uploader at once: the run is none (I-81)."""
        self._process.kill()

    def _hear(self, event: dict[str, Any]) -> None:
        """Take one event; runs in the uploader's thread."""
        with Guard("hearing the uploader", self._settings.strict):
            kind = event.get("event")
            if kind == "run":
                self._is_known = True
                self._on_place(place_of(event.get("run")))
            elif kind == "stop":
                self._stop()
            elif kind == "trouble":
                if event.get("code") != self._told:
                    self._terminal.warn(str(event.get("text")))
                self._told = str(event.get("code"))
            elif kind == "healed":
                self._told = ""
                self._terminal.warn(str(event.get("text")))

    def _stop(self) -> None:
        """Somebody pressed Stop in the web app (F-26)."""
        self._terminal.warn("the run was stopped in the web app")
        if self._settings.stop_fn is not None:
            self._settings.stop_fn()
        else:
            _thread.interrupt_main()
