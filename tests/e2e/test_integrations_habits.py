"""What scripts and libraries are used to write, and must go on to work (N-02)."""

from __future__ import annotations

import pytest

import kiseki
from tests.e2e.run_scripts import OFFLINE, only_folder, run_script


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)


def test_arguments_that_say_nothing() -> None:  # N-02
    run = kiseki.init(anonymous=None, resume="allow", id=None, reinit=None, force=None, mode=None)
    assert run.id and not run.resumed
    run.finish()


@pytest.mark.parametrize("mode", ["dryrun", "offline"])
def test_the_older_name_of_offline(mode: str) -> None:  # N-02, I-45
    code = "import kiseki\nwith kiseki.init() as run:\n    print(run.mode, run.offline)\n"
    # The variable of the suite would win over the older prefix.
    done = run_script(code, {"WANDB_MODE": mode, "KISEKI_MODE": ""})
    assert done.stdout == "offline True\n", done.stderr
    assert only_folder().name.startswith("offline-run-")


def test_config_as_libraries_give_it() -> None:  # N-02
    given = {"optim/lr": 0.1, "labels": {0: "cat", 1: "dog"}, "layers": (1, 2)}
    with kiseki.init(config=given) as run:
        assert run.config["optim/lr"] == 0.1
    stored = kiseki.open(run.sync_dir).config
    assert stored == {"optim/lr": 0.1, "labels": {"0": "cat", "1": "dog"}, "layers": [1, 2]}


def test_summary_as_a_dict_and_finish_again() -> None:  # N-02, F-04
    run = kiseki.init()
    run.log({"loss": 0.5, "named": {3: 1}})
    assert dict(run.summary)["loss"] == 0.5
    run.finish()
    run.finish(exit_code=1)
    assert kiseki.open(run.sync_dir).state == "finished"


def test_a_table_of_rows() -> None:  # N-02
    with kiseki.init() as run:
        run.log({"t": kiseki.Table(columns=["a", "b"], rows=[[1, "x"], [2, "y"]])})
    (row,) = kiseki.open(run.sync_dir).history()
    assert (row["t"]["_type"], row["t"]["nrows"], row["t"]["ncols"]) == ("table-file", 2, 2)
