"""A server in a subprocess for the benchmarks, and what it costs."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fakes.live_server import FIRST_KEY, LiveServer


@contextmanager
def workplace() -> Iterator[Path]:
    """A temporary folder that is the working folder and holds the user's folders, too."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variable in [key for key in os.environ if key.startswith(("KISEKI_", "WANDB_"))]:
            del os.environ[variable]
        os.environ["KISEKI_CONFIG_DIR"] = str(folder / "config")
        os.environ["KISEKI_DATA_DIR"] = str(folder / "data")
        os.environ["KISEKI_SILENT"] = "true"
        before = Path.cwd()
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


@contextmanager
def server(folder: Path) -> Iterator[tuple[LiveServer, psutil.Process]]:
    """A running server, with its address and key in the environment, and its process."""
    live = LiveServer(folder / "server").start()
    os.environ["KISEKI_BASE_URL"] = live.url
    os.environ["KISEKI_API_KEY"] = FIRST_KEY
    assert live.process is not None
    try:
        yield live, psutil.Process(live.process.pid)
    finally:
        live.stop()


def cpu_seconds(process: psutil.Process) -> float:
    """CPU time a process has used so far, user and system."""
    times = process.cpu_times()
    return float(times.user + times.system)


def cpu_seconds_exactly(pid: int) -> float:
    """CPU time of all threads of a process of ours, to the nanosecond (Linux)."""
    return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid() returns
