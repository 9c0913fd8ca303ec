"""Fixtures for every test: no test sees the folders or the settings of whoever runs it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.live_server import FIRST_KEY, LiveServer

# A shell starts background jobs with Ctrl-C ignored, and children inherit that: tests of Ctrl-C would hang.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Where tests take longest: workers begin there, and what is short fills the gaps at the end.
LONGEST_FIRST = ("faults", "web", "compat", "e2e")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin where it takes longest, if there are several workers. Alone, the order stays."""
    if not hasattr(config, "workerinput"):
        return

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(config.rootpath / "tests").parts[0]
        return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the test its own configuration, data and working folder, and a clean environment."""
    for name in list(os.environ):
        if name.startswith(("KISEKI_", "WANDB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("KISEKI_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("KISEKI_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield tmp_path
    if kiseki := sys.modules.get("kiseki"):
        kiseki.teardown()  # the environment is read once a process (E-08): the next test has another


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    """A running server that holds the first user `ada` and her key."""
    live = LiveServer(tmp_path / "server").start()
    yield live
    live.stop()


@pytest.fixture
def logged_in(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> LiveServer:
    """The running server, with its address and key in the environment of this process."""
    monkeypatch.setenv("KISEKI_BASE_URL", server.url)
    monkeypatch.setenv("KISEKI_API_KEY", FIRST_KEY)
    return server
