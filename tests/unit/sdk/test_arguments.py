"""What `init` accepts (I-14, I-20, I-28, I-45, I-48, I-53, I-55, I-61, I-67, I-68)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from kiseki.base import run_names
from kiseki.errors import UsageError, UsageTypeError, UsageValueError
from kiseki.sdk import arguments, script
from kiseki.sdk.alerts import AlertLevel, Alerts
from kiseki.sdk.arguments import Continuation
from kiseki.sdk.tags import Tags, checked_tags


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


@pytest.mark.parametrize("name", ["resume_from", "fork_from"])
def test_moments(name: str) -> None:  # I-68
    assert arguments.moment_of(name, None) is None
    assert arguments.moment_of(name, "3f9a0c1x?_step=200") == ("3f9a0c1x", 200)
    assert arguments.moment_of(name, "a b=c?_step=0") == ("a b=c", 0)
    for wrong in (
        "a", "a?step=1", "a?_step=x", "a?_step=1&x=2", "?_step=1", "a?_step=-1", "a?_step=1.5", "a?_step=",
        "a?_step=1 ", "a?_step=\u0663", f"a?_step={2**63}", "a/b?_step=1", " a?_step=1", 3, b"a?_step=1", "",
    ):  # fmt: skip
        with pytest.raises(UsageValueError) as caught:
            arguments.moment_of(name, wrong)
        assert (
            "/" in str(wrong) or str(wrong)[:1] == " " or "3f9a0c1x?_step=200" in str(caught.value)
        )


def test_what_goes_on_from_what() -> None:  # I-55, I-61, I-67
    of = arguments.continuation_of
    assert of(None, None, None, None) == Continuation() and not Continuation().question
    assert of("a", "must", None, None).question == "resume='must'"
    assert of("a", "allow", None, None) == Continuation("allow")
    assert of(None, "never", None, None) == Continuation()  # an id made up now exists nowhere
    rewound = of("b", None, "a?_step=3", None)  # I-64
    assert rewound.parent == ("a", 3) and rewound.question == "resume_from"
    assert of("b", None, None, "a?_step=3").parent == ("a", 3)
    for wrong in (
        (None, "must", None, None), ("a", None, None, "a?_step=1"), ("a", "allow", "a?_step=1", None),
        ("a", "allow", None, "b?_step=1"), (None, None, "a?_step=1", "a?_step=1"),
    ):  # fmt: skip
        with pytest.raises(UsageValueError):
            of(*wrong)


def test_flags_and_anonymous() -> None:  # I-48, I-70, I-71, I-72, I-73
    for name in ("save_code", "tensorboard", "sync_tensorboard", "monitor_gym"):
        for good in (True, False, None):
            arguments.check_flags({name: good})
        for wrong in ("yes", 1, 0.0, []):
            with pytest.raises(UsageTypeError, match=name):
                arguments.check_flags({name: wrong})
    for wish in ("never", "allow", "must", None):
        arguments.check_anonymous(wish)
    for wrong in ("yes", True, False, 1, ""):
        with pytest.raises(UsageValueError):
            arguments.check_anonymous(wrong)


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
    made = {run_names.run_name() for _ in range(50)}
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
