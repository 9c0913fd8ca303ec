"""Settings, environment, precedence (E-*, I-75 … I-77, R-05)."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from kiseki.errors import UsageError, UsageTypeError, UsageValueError
from kiseki.sdk.current import Session
from kiseki.sdk.settings import FIELDS, Settings, from_argument, from_environment, from_file


def test_defaults_and_values() -> None:
    settings = Settings(init_timeout=3, run_tags="a, b", disabled="TRUE", root_dir=Path("/x"))
    assert settings.init_timeout == 3.0 and settings.run_tags == ["a", "b"]
    assert settings.disabled is True and settings.root_dir == "/x" and settings.finish_timeout == 60
    assert settings.given.keys() == {"init_timeout", "run_tags", "disabled", "root_dir"}
    assert (
        Settings(mode="dryrun").mode == "offline" and Settings(mode="run").mode == "online"
    )  # I-45
    settings.init_timeout = None
    assert settings.init_timeout == 10.0
    assert "secret" not in repr(Settings(api_key="secret"))


def test_unknown_names_and_wrong_values() -> None:  # I-77
    for wrong in (
        {"no_such": 1}, {"mode": "sometimes"}, {"init_timeout": "soon"}, {"init_timeout": 0},
        {"finish_timeout": -1}, {"console": "loud"}, {"silent": "perhaps"},
        {"x_stats_sampling_interval": 0.01}, {"init_timeout": float("nan")}, {"resume": "maybe"},
        {"resume": 1.5}, {"anonymous": "perhaps"}, {"x_stats_open_metrics_endpoints": "{"},
    ):  # fmt: skip
        with pytest.raises(UsageValueError, match=next(iter(wrong))):
            Settings(**wrong)
    for wrong in (
        {"project": 3},
        {"silent": 1.5},
        {"run_tags": 3},
        {"stop_fn": 3},
        {"dir_name": 1},
        {"x_stats_gpu_device_ids": "a"},
        {"x_stats_open_metrics_endpoints": "[]"},
    ):
        with pytest.raises(UsageTypeError, match=next(iter(wrong))):
            Settings(**wrong)
    for wrong_argument in (3, [("mode", "offline")], "offline"):
        with pytest.raises(UsageTypeError):
            from_argument(wrong_argument)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        _ = Settings().no_such
    settings = Settings()
    with pytest.raises(UsageError):
        settings.no_such = 3


def test_update_sets_all_or_nothing() -> None:
    settings = Settings(project="p")
    with pytest.raises(UsageError):
        settings.update({"project": "q", "mode": "wrong"})
    assert settings.project == "p"


def test_copies_are_independent() -> None:
    settings = Settings(project="p", run_tags=["a"])
    for other in (
        copy.copy(settings),
        copy.deepcopy(settings),
        pickle.loads(pickle.dumps(settings)),
    ):
        assert other == settings
        other.project = "q"
        assert settings.project == "p"


def test_every_field_is_described() -> None:
    variables = [field.env for field in FIELDS.values() if field.env]
    assert len(variables) == len(set(variables))
    for name, field in FIELDS.items():
        assert field.doc, name
        if field.default is not None:
            assert getattr(Settings(**{name: field.default}), name) == field.default


def test_environment() -> None:  # E-00, E-01
    told: list[str] = []
    found = from_environment(
        {
            "KISEKI_PROJECT": "mine", "WANDB_PROJECT": "theirs", "WANDB_ENTITY": "them",
            "KISEKI_TAGS": "a,b", "WANDB_SILENT": "true", "WANDB_RUN_GROUP": "g", "KISEKI_MODE": "",
            "WANDB_MODE": "dryrun", "KISEKI_INIT_TIMEOUT": "3.5", "KISEKI_API_KEY": "k" * 40,
            "WANDB_SAVE_CODE": "true", "KISEKI_RESUME": "allow", "KISEKI_UNHEARD_OF": "x",
        },
        told.append,
    )  # fmt: skip
    assert found.given == {
        "project": "mine", "entity": "them", "run_tags": ["a", "b"], "silent": True,
        "run_group": "g", "mode": "offline", "init_timeout": 3.5, "save_code": True, "resume": "allow",
    }  # fmt: skip
    assert not told
    with pytest.raises(UsageValueError, match=r"KISEKI_MODE.*loud"):
        from_environment({"KISEKI_MODE": "loud"}, told.append)


def test_resume_as_setting() -> None:  # E-03, I-55, I-59, I-60
    for given, meant in (
        ("allow", "allow"), ("MUST", "must"), ("never", "never"), ("auto", "auto"), (True, "auto"),
        ("true", "auto"), (False, ""), ("false", ""),
    ):  # fmt: skip
        assert Settings(resume=given).resume == meant


def test_lists_of_numbers_and_dicts() -> None:
    settings = Settings(x_stats_gpu_device_ids="0, 2", x_stats_open_metrics_endpoints='{"a": "b"}')
    assert settings.x_stats_gpu_device_ids == [0, 2]
    assert settings.x_stats_open_metrics_endpoints == {"a": "b"}
    settings.forget("x_stats_gpu_device_ids")
    assert settings.x_stats_gpu_device_ids is None


def test_settings_file(tmp_path: Path) -> None:  # E-09
    told: list[str] = []
    path = tmp_path / "settings"
    assert from_file(str(path), told.append).given == {}
    path.write_text("[default]\nproject = p\nsilent = true\ninit_timeout = 2\nrun_name = 50%\n")
    wanted = {"project": "p", "silent": True, "init_timeout": 2.0, "run_name": "50%"}
    assert from_file(str(path), told.append).given == wanted and not told
    path.write_text("[default]\nnonsense = 1\nmode = offline\n")
    assert from_file(str(path), told.append).given == {"mode": "offline"} and len(told) == 1
    path.write_bytes(b"no section\xff")
    assert from_file(str(path), told.append).given == {} and str(path) in told[1]


def test_precedence_and_reading_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # E-02, E-08
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings").write_text(
        "[default]\nproject=user\nentity=user\nrun_group=u\n"
    )
    Path("kiseki").mkdir()
    Path("kiseki/settings").write_text("[default]\nproject=folder\nentity=folder\n")
    monkeypatch.setenv("KISEKI_PROJECT", "environment")
    session = Session()
    base = session.base_settings()
    assert (base.project, base.entity, base.run_group) == ("environment", "folder", "u")
    session.set_up(Settings(project="setup"))
    assert session.base_settings().project == "setup"
    monkeypatch.setenv("KISEKI_PROJECT", "changed")
    monkeypatch.setenv("KISEKI_DATA_DIR", str(tmp_path))  # read where it is used: no warning
    for _ in range(2):
        assert session.base_settings().project == "setup"
    assert capsys.readouterr().err.count("KISEKI_PROJECT changed") == 1
    session.forget()
    assert session.base_settings().project == "changed"
