"""Methods of other libraries that call back: loaded before or after, taken off, in trouble."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiseki.errors import UsageValueError
from kiseki.integrations.hooks import Hooks, Target

MODULE = "hooked_library.writers"
TARGET = Target(MODULE, "Writer", "add")
SOURCE = """
class Base:
    def add(self, event):
        if event is None:
            raise TypeError("no event")
        self.events = [*getattr(self, "events", []), event]
        return len(self.events)

class Writer(Base):
    pass
"""


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package `hooked_library` that can be imported, and is not yet."""
    folder = tmp_path / "site" / "hooked_library"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "writers.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(folder.parent))
    finders = list(sys.meta_path)
    yield
    assert sys.meta_path == finders  # nothing of ours stays in the way of imports
    for name in [name for name in sys.modules if name.startswith("hooked_library")]:
        del sys.modules[name]


def load() -> Any:
    return importlib.import_module(MODULE)


class Ear:
    """Notes what it hears, before the method and after it."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.hooks = Hooks([TARGET], self.hear)

    def hear(self, writer: Any, event: Any) -> Any:
        self.heard.append(f"before {event}")
        return lambda: self.heard.append(f"after {event}")


@pytest.mark.parametrize("is_loaded_before", [True, False])
def test_listens_and_leaves_no_trace(is_loaded_before: bool) -> None:
    if is_loaded_before:
        load()
    ear = Ear()
    module = load()
    assert module.__spec__.loader is module.__loader__
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    writer = module.Writer()
    assert writer.add(7) == 1
    assert ear.heard == ["before 7", "after 7"]
    ear.hooks.remove()
    ear.hooks.remove()
    assert writer.add(8) == 2 and len(ear.heard) == 2
    assert "add" not in vars(module.Writer)


def test_two_listeners_leave_in_any_order() -> None:
    first, second = Ear(), Ear()
    writer = load().Writer()
    writer.add(1)
    first.hooks.remove()
    writer.add(2)
    second.hooks.remove()
    writer.add(3)
    assert first.heard == ["before 1", "after 1"]
    assert second.heard == ["before 1", "after 1", "before 2", "after 2"]
    assert "add" not in vars(load().Writer)


def test_a_call_that_fails_is_not_followed() -> None:
    ear = Ear()
    with pytest.raises(TypeError, match="no event"):
        load().Writer().add(None)
    assert ear.heard == ["before None"]
    ear.hooks.remove()


def test_trouble_of_a_listener_stays_with_us(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(writer: Any, event: Any) -> None:
        raise ValueError("a bug of ours")

    hooks = Hooks([TARGET], broken)
    writer = load().Writer()
    with pytest.raises(ValueError, match="a bug of ours"):  # under test it is told
        writer.add(1)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    hooks.remove()
    hooks = Hooks([TARGET], broken)
    assert writer.add(1) == 1
    hooks.remove()


def test_misuse_of_ours_does_not_reach_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(writer: Any, event: Any) -> None:
        raise UsageValueError("no such key")

    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    hooks = Hooks([TARGET], refuses)
    assert load().Writer().add(1) == 1
    hooks.remove()


def test_an_absent_library_is_waited_for() -> None:
    hooks = Hooks([Target("no_such_library", "Writer", "add")], lambda writer: None)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_library")
    hooks.remove()


def test_another_version_of_a_library_is_left_alone() -> None:
    hooks = Hooks([Target(MODULE, "Recorder", "close"), Target(MODULE, "Writer", "stop")], print)
    writer = load().Writer()
    assert writer.add(1) == 1
    hooks.remove()


def test_a_change_of_somebody_else_stays() -> None:
    ear = Ear()
    module = load()
    ours = module.Writer.add
    module.Writer.add = lambda writer, event: ours(writer, event * 10)
    assert module.Writer().add(3) == 1
    assert ear.heard == ["before 30", "after 30"]
    ear.hooks.remove()
    writer = module.Writer()
    writer.add(4)
    assert writer.events == [40] and len(ear.heard) == 2
