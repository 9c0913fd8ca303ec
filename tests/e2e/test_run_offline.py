"""A run without a server, in this process: what it is, what it leaves behind."""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import os
import random
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml

import kiseki
from kiseki.record.types import (
    Alert,
    Config,
    Console,
    Describe,
    File,
    Finish,
    Note,
    Open,
    Row,
    State,
)
from kiseki.sdk import script
from kiseki.sdk.run import LATER
from tests.e2e.run_scripts import OFFLINE, folders, journal, of, only_folder
from tests.unit.sdk.recording import fold_of


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kiseki.teardown()
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    yield
    kiseki.teardown()
    assert kiseki.run is None


def test_attributes(tmp_path: Path) -> None:  # I-16, I-18, I-22
    run = kiseki.init(
        "ada", "digits", dir=tmp_path / "deep" / "place", id="my-id", name="a name", notes="why",
        tags=["a", "b", "a"], group="g", job_type="train", config={"lr": 0.1},
    )  # fmt: skip
    assert kiseki.run is run and isinstance(run, kiseki.Run)
    assert (run.id, run.entity, run.project, run.path) == (
        "my-id",
        "ada",
        "digits",
        "ada/digits/my-id",
    )
    assert (run.name, run.notes, run.tags) == ("a name", "why", ("a", "b"))
    assert (run.group, run.job_type, run.step, run.starting_step) == ("g", "train", 0, 0)
    assert run.offline and not run.disabled and not run.resumed and run.mode == "offline"
    for nothing in ("url", "project_url", "sweep_id", "sweep_url"):
        assert getattr(run, nothing) is None
    assert run.get_url() is None and run.project_name() == "digits"
    assert run.sync_dir.startswith(str(tmp_path / "deep" / "place" / "kiseki" / "offline-run-"))
    assert run.dir == os.path.join(run.sync_dir, "files") and os.path.isdir(run.dir)
    assert 1.6e9 < run.start_time < 4e9
    run.settings.project = "changed"
    assert run.settings.project == "digits"
    assert copy.deepcopy({"run": run})["run"] is run is copy.copy(run)
    with pytest.raises(AttributeError):
        run.unknown = 3
    for name in (
        "id", "entity", "project", "group", "job_type", "path", "dir", "sync_dir", "start_time",
        "starting_step", "step", "resumed", "offline", "disabled", "url", "project_url", "sweep_id",
        "sweep_url", "settings", "config_static",
    ):  # fmt: skip
        with pytest.raises(AttributeError):
            setattr(run, name, "other")
    assert run.id == "my-id"
    with pytest.raises(TypeError):
        run.config_static["lr"] = 1  # type: ignore[index]
    for method in ("link_artifact", "log_artifact", "use_artifact"):
        assert not hasattr(run, method)
        with pytest.raises(NotImplementedError, match=method):
            getattr(run, method)
        with pytest.raises(NotImplementedError, match=method):
            getattr(kiseki, method)("x")


def test_description_changes() -> None:  # I-27, I-28, R-01, R-06, R-20
    run = kiseki.init(tags="one", settings={"silent": True})
    run.tags += ["two"]
    run.tags += ("three",)
    run.tags = ["x" * 65]  # a warning and no change
    assert run.tags == ("one", "two", "three")
    run.name, run.notes = "new", "text"
    run.alert("title", "text", kiseki.AlertLevel.WARN)
    kiseki.alert("title", "again")
    run.mark_preempting()
    for wrong in ({"level": "LOUD"}, {"wait_duration": "x"}, {"wait_duration": float("nan")}):
        with pytest.raises((ValueError, TypeError)):
            run.alert("t", "x", **wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        run.name = 3  # type: ignore[assignment]
    run.finish()
    records = journal(only_folder())
    assert of(records, Describe)[-1].notes == "text"
    state = fold_of(records)
    assert (state.tags, state.name, state.notes) == (["one", "two", "three"], "new", "text")
    assert [alert.level for alert in of(records, Alert)] == ["WARN"]
    assert of(records, State)[0].state == "preempting"


def test_defaults() -> None:  # I-13, I-15, I-19, I-23
    random.seed(3)
    np.random.seed(3)
    before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
    run = kiseki.init()
    after = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
    assert before == after  # T-08
    assert re.fullmatch(r"[a-z0-9]{8}", run.id) and re.fullmatch(r"[a-z]+-[a-z]+-\d+", run.name)
    assert run.sync_dir.startswith(os.path.join(os.getcwd(), "kiseki", "offline-run-"))
    assert run.project


def test_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:  # G-01, G-05, G-10
    run = kiseki.init(id="abc", config={"lr": 1e-5, "n": {"a": [1]}}, name="n")
    print("hello")
    print("error", file=sys.stderr)
    os.mkdir("elsewhere")
    monkeypatch.chdir("elsewhere")  # I-16
    run.log({"loss": 0.5, "bad": float("nan")})
    run.finish()
    folder = only_folder("..")
    assert re.fullmatch(r"offline-run-\d{8}_\d{6}-abc", folder.name)
    assert os.readlink("../kiseki/latest-run") == folder.name
    assert (folder / "logs").is_dir() and (folder / "tmp").is_dir()
    config = yaml.safe_load((folder / "files" / "config.yaml").read_text())
    assert config == {"lr": {"value": 1e-5}, "n": {"value": {"a": [1]}}}
    summary = json.loads((folder / "files" / "wandb-summary.json").read_text())
    assert summary["loss"] == 0.5 and summary["_step"] == 0
    assert sorted((folder / "files" / "output.log").read_text().splitlines()) == ["error", "hello"]
    records = journal(folder)
    lines = {(r.stream, r.line): r.text for r in of(records, Console)}
    assert lines == {("stdout", 0): "hello", ("stderr", 0): "error"}  # nothing of Kiseki's own
    assert {file.path for file in of(records, File)} == {
        "config.yaml", "wandb-summary.json", "output.log",
    }  # fmt: skip
    opening = of(records, Open)[0]
    assert opening.pid == os.getpid() and opening.host and opening.sdk.startswith("kiseki ")
    assert isinstance(records[-1], Finish) and records[-1].exit_code == 0
    again = kiseki.init(config=str(folder / "files" / "config.yaml"))  # I-30
    assert again.config.as_dict() == {"lr": 1e-5, "n": {"a": [1]}}


def test_no_folder_clash_and_hidden_folder() -> None:  # T-07, G-10
    for _ in range(3):
        kiseki.init(id="same").finish()
    assert len(folders()) == 3
    os.mkdir(".kiseki")
    assert "/.kiseki/" in kiseki.init().sync_dir


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_disk_that_is_full_before_the_start(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # I-17: folders can still be made there
    with contextlib.suppress(OSError):
        (small_disk / "filler").write_bytes(bytes(2 << 20))
    with kiseki.init(mode="offline", dir=small_disk) as run:
        run.log({"i": 0})
    assert not run.sync_dir.startswith(str(small_disk))
    assert capsys.readouterr().err.count("No space left on device") == 1
    assert not list((small_disk / "kiseki").glob("*"))
    shutil.rmtree(Path(run.sync_dir).parents[1])


def test_a_full_disk_is_told_as_it_is(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # reliability 2.8: what is lost is counted, and not said to be safe
    with kiseki.init(mode="offline", dir=small_disk) as run:
        for i in range(4000):
            run.log({"i": i, "text": "x" * 4000})
    kept = len(list(kiseki.open(run.sync_dir).scan_history()))
    assert 100 < kept < 4000
    told = capsys.readouterr().err
    said = re.search(r"([\d,]+) rows recorded in", told)
    lost = re.search(r"([\d,]+) records were lost", told)
    assert said is not None and lost is not None
    assert int(said[1].replace(",", "")) <= kept <= 4000 - int(lost[1].replace(",", "")) + 10


def test_a_folder_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:  # I-17
    Path("file").write_text("in the way")
    run = kiseki.init(dir="file")
    run.log({"a": 1})
    run.finish()
    assert "cannot write" in capsys.readouterr().err and os.path.isdir(run.dir)


def test_console_off(capsys: pytest.CaptureFixture[str]) -> None:  # G-02
    with kiseki.init(settings=kiseki.Settings(console="off")):
        print("unheard")
    assert "unheard" in capsys.readouterr().out
    assert not of(journal(only_folder()), Console)


def test_ending() -> None:  # F-03, F-04, F-05, F-06, C-12
    run = kiseki.init(config={"a": 1})
    run.log({"loss": 1})
    run.log({"loss": 2}, commit=False)  # an open row is written
    run.finish(exit_code=3)
    run.finish()
    kiseki.finish()
    assert kiseki.run is None
    assert run.summary["loss"] == 2 and run.step == 2 and run.config["a"] == 1  # F-06
    for change in (
        lambda: run.log({"a": 1}),
        lambda: run.define_metric("a"),
        lambda: run.alert("a", "b"),
        lambda: run.config.update({"b": 1}),
        lambda: run.summary.update({"b": 1}),
        lambda: setattr(run, "name", "x"),
        lambda: setattr(run, "tags", ["x"]),
    ):
        with pytest.raises(kiseki.UsageError):
            change()
    records = journal(only_folder())
    assert [row.values[0] for row in of(records, Row)] == [1, 2]
    assert [r.exit_code for r in of(records, Finish)] == [3]
    assert fold_of(records).state == "failed"


def test_blocks() -> None:  # F-01, F-02, I-07
    with kiseki.init(id="one") as run:
        assert kiseki.run is run
    with pytest.raises(ZeroDivisionError), kiseki.init(id="two"):
        _ = 1 / 0
    with pytest.raises(SystemExit), kiseki.init(id="three"):
        sys.exit(0)
    codes = {f.name[-3:]: of(journal(f), Finish)[0].exit_code for f in folders()}
    assert codes == {"one": 0, "two": 1, "ree": 0}


def test_module_functions_move_together() -> None:  # F-10, F-11, C-10
    def check_nothing_is_active() -> None:
        assert kiseki.run is None
        for call in (
            lambda: kiseki.log({}),
            lambda: kiseki.define_metric("a"),
            lambda: kiseki.alert("a", "b"),
            lambda: kiseki.config,
            lambda: kiseki.summary,
            lambda: kiseki.save("x"),  # type: ignore[attr-defined]
            lambda: kiseki.watch(None),
        ):
            with pytest.raises(kiseki.Error, match="init"):
                call()

    check_nothing_is_active()
    run = kiseki.init(config={"a": 1})
    kiseki.log({"x": 1})
    defined = kiseki.define_metric("y", summary="max")  # D-09
    kiseki.log({"y": 2})
    kiseki.log({"y": 1})
    assert defined.name == "y" and run.summary["y"] == {"max": 2}
    kiseki.summary["z"] = 2
    kiseki.config["b"] = 2
    assert run.summary["x"] == 1 and run.summary["z"] == 2 and run.config.b == 2
    kiseki.finish()
    check_nothing_is_active()
    with pytest.raises(AttributeError):
        _ = kiseki.nothing_like_it  # type: ignore[attr-defined]


def test_reinit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    first = kiseki.init(id="first")  # I-50 … I-54
    assert kiseki.init(id="ignored", project="other") is first
    assert "ignored" in capsys.readouterr().err
    beside = kiseki.init(id="beside", reinit="create_new")
    assert beside is not first and kiseki.run is first
    assert kiseki.init() is beside  # the most recently created one
    second = kiseki.init(id="second", reinit=True)
    assert kiseki.run is second and kiseki.init(reinit="return_previous") is second
    for ended in (first, beside):
        with pytest.raises(kiseki.UsageError):
            ended.log({})
    monkeypatch.setattr(script, "is_notebook", lambda: True)
    third = kiseki.init(id="third")  # I-52
    assert third.id == "third" and kiseki.init(reinit=False) is third
    third.config["a"] = 1
    third.config["a"] = 2  # I-36: allowed in notebooks


def test_runs_in_sequence_do_not_mix() -> None:  # T-06, I-06
    for i in range(3):
        with kiseki.init(id=f"run{i}", config={"i": i}) as run:
            print(f"line {i}")
            run.log({"only": i, f"key{i}": 1})
    for i, folder in enumerate(sorted(folders(), key=lambda f: f.name[-1])):
        records = journal(folder)
        (row,) = of(records, Row)
        assert row.step == 0 and dict(zip(row.paths, row.values, strict=True)) == {
            "only": i,
            f"key{i}": 1,
        }
        assert [r.set for r in of(records, Config)] == [{"i": i}]
        assert [r.text for r in of(records, Console)] == [f"line {i}"]


def test_config_sources(monkeypatch: pytest.MonkeyPatch) -> None:  # C-03, I-29, I-33, I-34
    Path("config-defaults.yaml").write_text("a: {value: 0}\nb: 0\nc: 0\n")
    Path("more.yaml").write_text("b: 1\nc: 1\n")
    monkeypatch.setenv("KISEKI_CONFIG_PATHS", "more.yaml")
    run = kiseki.init(config=argparse.Namespace(c=2, d=2), config_exclude_keys=["d"])
    assert run.config.as_dict() == {"a": 0, "b": 1, "c": 2}
    with pytest.raises(kiseki.ConfigError):
        run.config.a = 5
    run.finish()
    run = kiseki.init(config={"x": 1, "y": 2}, config_include_keys=["x"], allow_val_change=True)
    assert "y" not in run.config
    run.config.a = 5


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"id": "a/b"}, kiseki.UsageError), ({"project": "x" * 129}, ValueError),
        ({"tags": ["x" * 65]}, ValueError), ({"tags": 3}, TypeError), ({"mode": "loud"}, ValueError),
        ({"config": {"a.b": 1}}, kiseki.UsageError), ({"config": 3}, TypeError),
        ({"config": "absent.yaml"}, kiseki.Error), ({"config": {"big": "x" * 11_000_000}}, ValueError),
        ({"config": {}, "config_include_keys": ["a"], "config_exclude_keys": ["a"]}, ValueError),
        ({"reinit": "maybe"}, ValueError), ({"anonymous": "yes"}, ValueError),
        ({"resume": "allow", "fork_from": "a?_step=1"}, kiseki.UsageError),
        ({"settings": {"no_such": 1}}, kiseki.UsageError), ({"settings": 3}, TypeError),
        ({"dir": 3}, TypeError), ({"name": 3}, TypeError), ({"resume": "must"}, ValueError),
        ({"save_code": 1}, TypeError), ({"anonymous": "yes"}, ValueError), ({"monitor_gym": 2}, TypeError),
        ({"resume": "must", "id": "absent"}, kiseki.UsageError), ({"resume": 3}, ValueError),
        ({"resume": "allow", "fork_from": "a?_step=1"}, ValueError), ({"fork_from": "a"}, ValueError),
        ({"id": "a", "fork_from": "a?_step=1"}, ValueError), ({"resume_from": "a?_step=x"}, ValueError),
        ({"unknown": 1}, TypeError),
    ],
)  # fmt: skip
def test_a_failed_init_leaves_nothing(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):  # I-03, I-14, I-20, I-28, I-31, I-32, I-35, I-61, I-77
        kiseki.init(**arguments)
    assert kiseki.run is None and not folders() and "write" not in vars(sys.stdout)  # I-81, I-84
    kiseki.init().finish()


def test_by_position() -> None:  # I-02
    run = kiseki.init("ada", "digits", None, "the-id", "name", "notes", ["t"], {"a": 1})
    assert (run.entity, run.project, run.id, run.name) == ("ada", "digits", "the-id", "name")
    assert run.config.a == 1


def test_replaced_values_are_noted(capsys: pytest.CaptureFixture[str]) -> None:
    with kiseki.init() as run:  # reliability 2.10
        for _ in range(3):
            run.log({"t": "x" * 2_000_000})
        run.summary["t"] = "y" * 2_000_000
    (note,) = of(journal(only_folder()), Note)
    assert note.code == "replaced" and "'t'" in note.text
    assert capsys.readouterr().err.count("was replaced") == 1


def test_disabled(monkeypatch: pytest.MonkeyPatch) -> None:  # X-01 … X-05, I-44, E-06
    kiseki.teardown()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("KISEKI_BASE_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("KISEKI_API_KEY", "short")  # nobody looks at it
        monkeypatch.delenv("KISEKI_DISABLE_META")
        before = {child.pid for child in psutil.Process().children()}
        threads = set(threading.enumerate())
        check_a_disabled_run()
        assert {child.pid for child in psutil.Process().children()} == before
        assert select.select([listener], [], [], 0)[0] == [] and not os.listdir(".")
        assert set(threading.enumerate()) <= threads
    kiseki.teardown()
    monkeypatch.setenv("WANDB_DISABLED", "true")
    monkeypatch.delenv("KISEKI_MODE")
    assert kiseki.init().disabled
    kiseki.finish()
    assert not kiseki.init(mode="offline").disabled


def check_a_disabled_run() -> None:
    run = kiseki.init(
        mode="disabled", project="p", id="a/b", config={"a": 1}, tags="t", resume="bogus", name="n"
    )
    assert isinstance(run, kiseki.Run) and kiseki.run is run and run.disabled
    run.log({"loss": 1, "val": {"acc": 2}})
    kiseki.log({"loss": 0.5, "thing": object()})
    run.log(3)  # type: ignore[arg-type]
    assert run.summary["loss"] == 0.5 and run.summary["val"] == {"acc": 2}
    assert run.config.a == 1 and kiseki.summary["loss"] == 0.5 and kiseki.config["a"] == 1
    run.config["a"] = 2
    run.config.update({"x.y": 1}, allow_val_change=True) if False else None
    run.define_metric("loss", summary="nonsense")
    run.alert(3, 4, level="LOUD")  # type: ignore[arg-type]
    kiseki.define_metric("loss")
    kiseki.alert("title", "text")
    for method in LATER:
        getattr(run, method)()
        getattr(kiseki, method)("x")
    assert not run.log_artifact("x").wait().version
    run.tags += ["more"]
    assert run.tags == ("t", "more") and run.url is None and run.step == 2
    assert run.project_url is None and run.sweep_url is None
    for name in ("id", "entity", "project", "path", "dir", "sync_dir", "start_time", "settings"):
        assert getattr(run, name)
    run.finish(exit_code="x")
    assert kiseki.run is None


def test_where_settings_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # I-76, E-04, E-05, T-12
    kiseki.teardown()
    monkeypatch.setenv("KISEKI_DIR", str(tmp_path / "environment"))
    monkeypatch.setenv("KISEKI_MODE", "offline")
    monkeypatch.setenv("KISEKI_RUN_GROUP", "environment")
    kiseki.setup({"run_group": "setup", "run_name": "setup"})
    run = kiseki.init()
    assert run.offline and run.sync_dir.startswith(str(tmp_path / "environment" / "kiseki"))
    assert (run.group, run.name) == ("setup", "setup")
    settings = kiseki.Settings(run_group="settings", run_name="settings", root_dir=str(tmp_path))
    run = kiseki.init(name="argument", dir="below", settings=settings, reinit=True)
    assert (run.group, run.name, run.settings.run_name) == ("settings", "argument", "argument")
    assert run.sync_dir.startswith(os.path.abspath("below"))
    other = kiseki.init(mode="offline", reinit="create_new")
    kiseki.teardown()
    for ended in (run, other):
        with pytest.raises(kiseki.UsageError):
            ended.log({})
    monkeypatch.setenv("KISEKI_MODE", "disabled")
    run = kiseki.init()
    assert run.disabled and run.group == ""


def test_settings_of_the_environment() -> None:
    """What the uploader captures is what the settings say (G-04), and no code where none is wanted."""
    subprocess.run(["git", "init", "-q"], check=True)
    Path("train.py").write_text("one\n")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *identity, *command], check=True)
    Path("train.py").write_text("two\n")
    said = {
        "username": "ada",
        "email": "ada@example.org",
        "docker": "image:1",
        "program": "train.py",
    }
    captured = {"x_disable_meta": False, "x_disable_stats": False, "host": "h"}
    for disable_code in (False, True):
        run = kiseki.init(settings={**said, **captured, "disable_code": disable_code})
        run.finish()
        about = json.loads(Path(run.dir, "wandb-metadata.json").read_text())
        assert about.items() >= {
            "user": "ada", "email": "ada@example.org", "docker": "image:1", "program": "train.py",
            "host": "h",
        }.items()  # fmt: skip
        assert about["git"]["dirty"] is True
        assert Path(run.dir, "diff.patch").exists() is not disable_code
    settings = {"x_stats_disk_paths": ["/", "/tmp"], "http_timeout": 3, "disable_git": True}
    run = kiseki.init(settings=settings)
    written = json.loads(Path(run.sync_dir, "settings.json").read_text())
    assert written.items() >= settings.items()


def test_log_is_fast(capsys: pytest.CaptureFixture[str]) -> None:  # T-05
    run = kiseki.init()
    rows = 3000
    began = time.perf_counter()
    for i in range(rows):
        run.log({"loss": 1 / (i + 1), "accuracy": i / rows, "epoch": i // 100})
    assert (time.perf_counter() - began) / rows < 0.005  # the hard limit; benchmarks tell the rest
    assert run.step == rows


def test_login_without_a_server() -> None:
    assert kiseki.login(key="x" * 40) is False  # offline


def test_silent(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with kiseki.init() as run:  # E-07, G-08
        run.log({"loss": 1.0})
    err = capsys.readouterr().err
    assert run.name in err and f"kiseki sync {run.sync_dir}" in err and "loss  ▁  1" in err
    with kiseki.init(settings={"silent": True}) as run:
        run.log({"loss": 1.0})
        run.tags = [""]
    assert capsys.readouterr().err == ""
    with kiseki.init(settings={"quiet": True}) as run:
        run.tags = [""]
    assert capsys.readouterr().err.startswith("kiseki: tags were not changed")
