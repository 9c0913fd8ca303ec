"""What `make run` starts, as a process group of its own: server, three training runs, their uploaders."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from tests.fakes.live_server import free_port

ROOT = Path(__file__).resolve().parents[2]
SIGN_IN_LINK = re.compile(r"http://\S+/login#token=\S+")
T = TypeVar("T")


def until(claim: Callable[[], T], seconds: float = 60, what: str = "it") -> T:
    """Return the first true answer of `claim`; the machine may be busy, so bounds are generous."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := claim():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def own_folders_of(folder: Path) -> dict[str, str]:
    """Return the settings that keep the configuration and data of a process below `folder`."""
    return {name: str(folder / name) for name in ("KISEKI_CONFIG_DIR", "KISEKI_DATA_DIR")}


def own_environment(folder: Path) -> dict[str, str]:
    """Return the environment of processes that must not see the settings of whoever runs the tests."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("KISEKI_", "WANDB_"))}
    return {**env, **own_folders_of(folder), "KISEKI_FIRST_USER": "ada"}


class DemoServer:
    """`scripts/demo.py` on a free port, with every file of it below `folder`."""

    project = "/ada/digits"

    def __init__(self, folder: Path, *, rate: float, steps: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.output = folder / "demo.log"
        command = [sys.executable, str(ROOT / "scripts" / "demo.py"), "--port", str(port)]
        command += ["--data", str(folder / "run"), "--rate", str(rate), "--steps", str(steps)]
        with self.output.open("wb") as log:
            # A test run started in the background ignores SIGINT, and a child would inherit that.
            before = signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                self.process = subprocess.Popen(
                    command,
                    env=own_environment(folder),
                    cwd=folder,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            finally:
                signal.signal(signal.SIGINT, before)

    def link(self) -> str:
        """Return the sign-in link that was printed for the person who started it."""

        def found() -> str | None:
            text = self.output.read_text()
            assert self.process.poll() is None, text
            return (match := SIGN_IN_LINK.search(text)) and match[0]

        return until(found, what="the sign-in link") or ""

    def processes(self) -> list[psutil.Process]:
        """Return every process that the demo started, also those that left its process group."""
        mark = own_folders_of(self.folder)["KISEKI_CONFIG_DIR"]
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("KISEKI_CONFIG_DIR") == mark:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def interrupt(self) -> int:
        """Press Ctrl-C as a terminal does, in the whole process group; return the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)

    def end(self) -> None:
        """Interrupt, and see that nothing keeps running."""
        try:
            if self.process.poll() is None:
                self.interrupt()
            until(lambda: not self.processes(), 60, "the end of all processes")
        finally:
            for process in self.processes():
                process.kill()
