"""What `init` accepts (I-14, I-20, I-28, I-45, I-48, I-53, I-55, I-61, I-67, I-68)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from kiseki.errors import UsageError, UsageTypeError, UsageValueError
from kiseki.sdk import arguments, names, script
from kiseki.sdk.alerts import AlertLevel, Alerts
from kiseki.sdk.tags import Tags, checked_tags

FLAGS = {"save_code": None, "tensorboard": None, "sync_tensorboard": None, "monitor_gym": None}


def later(**given: Any) -> None:
    wanted: dict[str, Any] = {
        "id": None, "resume": None, "resume_from": None, "fork_from": None, "anonymous": None,
        "flags": FLAGS,
    }  # fmt: skip
    arguments.check_later(**{**wanted, **given})


@pytest.mark.parametrize("character", list("/\\#?%:"))
def test_ids_and_projects(character: str) -> None:  # I-14, I-20
    for check in (arguments.check_id, arguments.check_project):
        check(None)
        check("fine-name_1.2 é")
        for wrong in (f"a{character}b", "", " a", "a ", "a\n"):
            with pytest.raises(UsageValueError):
                check(wrong)
        with pytest.raises(UsageTypeError):
            check(3)  # type: ignore[arg-type]
    arguments.check_project("x" * 128)
    for check in (
        arguments.check_project,
        arguments.check_id,
    ):  # as the server does: see base/names.py
        for name in ("x" * 129, ".", "..", "\x7f", "\ud800"):
            with pytest.raises(UsageValueError):
                check(name)
    with pytest.raises(UsageValueError, match="address"):
        arguments.check_project("api")
    arguments.check_id("api")


def test_tags() -> None:  # I-27, I-28
    assert checked_tags("one") == ["one"]
    assert checked_tags(("b", "a", "b")) == ["b", "a"]
    for wrong in (["x" * 65], [""], ["ok", ""]):
        with pytest.raises(UsageValueError):
            checked_tags(wrong)
    for wrong_type in ([3], 3, [None]):
        with pytest.raises(UsageTypeError):
            checked_tags(wrong_type)
    tags = Tags(("a",))
    assert tags + ["b"] == tags + ("b",) == tags + "b" == ("a", "b")  # noqa: RUF005


def test_reinit() -> None:  # I-50, I-51, I-53
    assert arguments.reinit_rule(None) == arguments.reinit_rule("default") == "default"
    assert arguments.reinit_rule(True) == "finish_previous"
    assert arguments.reinit_rule(False) == "return_previous"
    assert arguments.reinit_rule("create_new") == "create_new"
    for wrong in ("always", 1, [], "True"):
        with pytest.raises(UsageError):
            arguments.reinit_rule(wrong)


def test_nothing_is_asked_for() -> None:
    later(anonymous="never", resume=False, flags={**FLAGS, "save_code": False})  # I-60


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resume", "allow"), ("resume", True), ("resume_from", "abc?_step=3"),
        ("fork_from", "abc?_step=3"), ("anonymous", "allow"), ("anonymous", "must"),
    ],
)  # fmt: skip
def test_later_arguments_are_named(name: str, value: Any) -> None:
    with pytest.raises(NotImplementedError, match=name):
        later(**{name: value})


@pytest.mark.parametrize("name", list(FLAGS))
def test_later_flags_are_named(name: str) -> None:
    with pytest.raises(NotImplementedError, match=name):
        later(flags={**FLAGS, name: True})
    with pytest.raises(UsageTypeError, match=name):
        later(flags={**FLAGS, name: "yes"})


@pytest.mark.parametrize(
    "given",
    [
        {"resume": "maybe"}, {"resume": 1.5}, {"anonymous": "yes"}, {"anonymous": True},
        {"resume": "allow", "resume_from": "a?_step=1"}, {"resume": "allow", "fork_from": "a?_step=1"},
        {"resume_from": "a?_step=1", "fork_from": "a?_step=1"}, {"fork_from": "a?_step=1", "id": "a"},
        {"resume_from": "a"}, {"resume_from": "a?step=1"}, {"fork_from": "a?_step=x"},
        {"fork_from": "a?_step=1&x=2"}, {"fork_from": "?_step=1"}, {"resume_from": 3},
    ],
)  # fmt: skip
def test_what_is_wrong_is_wrong_today(given: dict[str, Any]) -> None:  # I-55, I-61, I-67, I-68
    with pytest.raises(UsageError) as caught:
        later(**given)
    assert isinstance(caught.value, (ValueError, TypeError))


def test_project_from_the_repository(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:  # I-13
    repository = tmp_path / "my:repo"
    (repository / "sub" / "deep").mkdir(parents=True)
    (repository / ".git").mkdir()
    assert script.guess_project(str(repository / "train.py")) == "my_repo"
    assert script.guess_project(str(repository / "sub" / "deep" / "t.py")) == "my_repo-sub_deep"
    (tmp_path / "api" / ".git").mkdir(parents=True)  # the server keeps this name to itself
    assert script.guess_project(str(tmp_path / "api" / "train.py")) == "api_"
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    assert script.guess_project(str(outside / "train.py")) == "uncategorized"
    # `python -m pytest` and its like: an environment inside the repository is not the project.
    monkeypatch.chdir(repository / "sub")
    environment = repository / ".venv" / "lib" / "python3" / "site-packages"
    for program in (environment / "pytest" / "__main__.py", Path(os.__file__).parent / "pdb.py"):
        assert script.guess_project(str(program)) == "my_repo"
    assert script.guess_project(str(Path(sys.executable).parent / "pytest")) == "my_repo"
    assert script.guess_project("") == "my_repo"
    monkeypatch.chdir(outside)
    assert script.guess_project(str(environment / "pytest" / "__main__.py")) == "uncategorized"


def test_names() -> None:  # I-23
    made = {names.run_name() for _ in range(50)}
    assert len(made) > 45
    for name in made:
        quality, thing, number = name.split("-")
        assert quality.isalpha() and thing.isalpha() and 1 <= int(number) <= 999


def test_alerts_wait() -> None:
    now = [0.0]
    alerts = Alerts(lambda: now[0])
    first = alerts.record("title", "text", None, None, 3)
    assert first is not None and (first.level, first.step) == ("INFO", 3)
    assert alerts.record("title", "text", "warn", None, 3) is None
    other = alerts.record("other", "text", AlertLevel.ERROR, 0, 3)
    assert other is not None and other.level == "ERROR"
    assert alerts.record("other", "text", "ERROR", 0, 3) is not None
    now[0] = 61.0
    assert alerts.record("title", "text", "WARN", None, 3) is not None
    for wrong in ("LOUD", 3):
        with pytest.raises(ValueError, match="level"):
            alerts.record("t", "x", wrong, None, 0)
    for duration in ("1", True):
        with pytest.raises(TypeError, match="wait_duration"):
            alerts.record("t", "x", None, duration, 0)
    with pytest.raises(TypeError):
        alerts.record(3, "x", None, None, 0)
