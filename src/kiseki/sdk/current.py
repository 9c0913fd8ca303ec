"""The one place that knows which runs are active in this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kiseki.errors import Error
from kiseki.sdk import settings as settings_table
from kiseki.sdk.console import Capture
from kiseki.sdk.exit import ExitWatch
from kiseki.sdk.script import current_folder
from kiseki.sdk.settings import Settings
from kiseki.sdk.terminal import Terminal

if TYPE_CHECKING:
    from kiseki.sdk.run import Run
    from kiseki.sdk.sweeping import Assignment


class Session:
    """What this process's runs share: the active ones, the environment as first read, the hooks.

    Attributes:
        runs: active runs, oldest first.
        run: the run of the module-level functions (I-01, F-11).
        attached: runs that another process began and sent here, by stream.
        capture: hears the console for the runs.
        exit: finishes active runs at the end of the script.
        assignment: what an agent in this process was told to run, while it runs.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.run: Run | None = None
        self.attached: dict[str, Run] = {}
        self.capture = Capture()
        self.terminal = Terminal()
        self.exit = ExitWatch(self._finish_all)
        self.assignment: Assignment | None = None
        self._environ: dict[str, str] | None = None
        self._set_up = Settings()
        self._warned: set[str] = set()

    # -- settings (E-02, E-08) -----------------------------------------------------------------------

    @property
    def environ(self) -> dict[str, str]:
        """The variables of Kiseki as they were when first needed."""
        if self._environ is None:
            self._environ = settings_table.snapshot(os.environ)
        return self._environ

    def set_up(self, settings: Settings) -> None:
        """Add settings that every later `init` starts from (T-12)."""
        self._set_up.update(settings)

    def base_settings(self) -> Settings:
        """Return the settings below `init`'s own: files, environment, `setup`."""
        from kiseki.client.folders import config_dir

        environment = settings_table.from_environment(self.environ, self.warn_once)
        if environment.given.keys() & {"silent", "quiet"}:
            self.terminal = Terminal(environment.silent, environment.quiet)
        self._warn_of_changes()
        root = environment.root_dir or current_folder()
        found = Settings()
        for path in (str(config_dir() / "settings"), os.path.join(root, "kiseki", "settings")):
            found.update(settings_table.from_file(path, self.warn_once))
        for name in (
            "base_url",
            "api_key",
        ):  # read as a pair where they are used; there they win (E-02)
            if self.environ.get(f"KISEKI_{name.upper()}"):
                setattr(found, name, None)
        found.update(environment)
        found.update(self._set_up)
        return found

    def forget(self) -> None:
        """Forget settings and environment (`teardown`)."""
        self._environ = None
        self._set_up = Settings()
        self._warned.clear()
        self.terminal = Terminal()

    def _warn_of_changes(self) -> None:
        now = settings_table.snapshot(os.environ)
        for name in sorted(now.keys() | self.environ.keys()):
            is_folder = name.split("_", 1)[1] in settings_table.FOLDER_VARIABLES
            if now.get(name) != self.environ.get(name) and not is_folder:
                self.warn_once(
                    f"{name} changed after Kiseki had read the environment; the change is ignored "
                    "(kiseki.teardown() makes the next init read it again)"
                )

    def warn_once(self, text: str) -> None:
        """Tell a warning, unless this process was told it already."""
        if text not in self._warned:
            self._warned.add(text)
            self.terminal.warn(text)

    # -- active runs -----------------------------------------------------------------------------------

    def activate(self, run: Run, is_global: bool) -> None:
        """Make `run` active; with `is_global` also the one of the module-level functions."""
        self.runs.append(run)
        if is_global:
            self.run = run
        self.exit.arm()

    def deactivate(self, run: Run) -> None:
        """Forget a run that has ended (F-11)."""
        if run in self.runs:
            self.runs.remove(run)
        if self.run is run:
            self.run = None
        if not self.runs:
            self.exit.disarm()

    def active(self, wanted: str) -> Run:
        """Return the run of the module-level functions; raises `Error` naming `init` without one."""
        if self.run is None:
            raise Error(f"call kiseki.init() before kiseki.{wanted}")
        return self.run

    def finish_all(self, exit_code: int = 0) -> None:
        """Finish every active run, the newest first."""
        for run in reversed(self.runs[:]):
            run.finish(exit_code)

    def _finish_all(self, exit_code: int) -> None:
        for run in reversed(self.runs[:]):
            run.finish_at_exit(exit_code)

    def after_fork(self) -> None:
        """In a forked child: the runs are the parent's; the child may log to them and ends none (T-04)."""
        self.exit.after_fork()
        self.capture.after_fork()
        for run in (*self.runs, *self.attached.values()):
            run.after_fork()
        self.runs = []


session = Session()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=session.after_fork)
