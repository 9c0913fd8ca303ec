"""What was said of runs at `init` and later, and how they are found by it on the real server."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import kiseki
from kiseki.client import registry
from kiseki.client.credentials import resolve
from kiseki.sdk.api import Api
from kiseki.uploader.adopt import waiting
from kiseki.uploader.sync import sync
from tests.e2e.run_scripts import QUIET, run_script, start_script
from tests.fakes.live_server import LiveServer
from tests.unit.cli.command import kiseki as command


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kiseki.teardown()
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    yield
    kiseki.teardown()


def until_equal(question: Callable[[], Any], wanted: Any) -> None:
    """Ask until the answer is the wanted one: lists follow a commit within a second."""
    deadline = time.monotonic() + 15
    while (found := question()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def ids(filters: str = "", order: str = "id") -> list[str]:
    with Api() as api:
        return [run.id for run in api.runs("ada/p", filters, order)]


def test_a_script_from_init_to_its_end(logged_in: LiveServer) -> None:  # I-01, I-05, L-18, D-09
    done = run_script(
        """
        import kiseki
        for early in (lambda: kiseki.log({}), lambda: kiseki.config, lambda: kiseki.summary):
            try:
                early()
            except kiseki.Error as error:
                assert "kiseki.init()" in str(error)
            else:
                raise SystemExit("nothing was raised before init")
        run = kiseki.init(project="p", id="one")
        assert isinstance(run, kiseki.Run) and kiseki.run is run and not run.offline
        kiseki.define_metric("val/loss", summary="min")
        kiseki.config["lr"] = 0.1
        for i in range(3):
            kiseki.log({"val/loss": 3 - i, "a/b/c": i})
        kiseki.summary["by hand"] = "yes"
        run.log({"val/loss": 5})
        kiseki.finish()
        assert kiseki.run is None
        two = kiseki.init(project="p", id="two")
        two.log({"x": 1})  # it ends with the script
        """,
        {"KISEKI_MODE": "online"},
    )
    assert done.returncode == 0, done.stderr
    with Api() as api:
        one, two = api.run("p/one"), api.run("p/two")
        assert (one.state, one.exit_code, one.config) == ("finished", 0, {"lr": 0.1})
        assert [row["val/loss"] for row in one.history()] == [3, 2, 1, 5]
        assert one.summary["val/loss"] == {"min": 1} and one.summary["by hand"] == "yes"
        # The text before the last `/` is the section; keys come back as they were given.
        assert one.metrics["val/loss"] and one.metrics.keys() >= {"val/loss"}
        assert [row["a/b/c"] for row in one.history(keys=["a/b/c"])] == [0, 1, 2]
        assert (two.state, two.exit_code, two.rows) == ("finished", 0, 1)


def test_tags(logged_in: LiveServer) -> None:  # I-25, I-24
    run = kiseki.init(project="p", id="one", name="same", tags=["baseline", "wip"])
    with kiseki.init(project="p", id="two", name="same", tags="wip", reinit="create_new"):
        pass
    until_equal(lambda: ids("tags:wip"), ["one", "two"])
    until_equal(lambda: ids("name:same"), ["one", "two"])
    run.tags += ["paper"]
    run.tags = [tag for tag in run.tags if tag != "wip"]
    until_equal(lambda: ids("tags:paper tags:baseline"), ["one"])
    until_equal(lambda: ids("tags:wip"), ["two"])
    run.finish()
    with Api() as api:  # and from outside
        edited = api.run("p/one")
        edited.tags = [*edited.tags, "reviewed"]
        edited.update()
        assert api.run("p/one").tags == ["baseline", "paper", "reviewed"]
    until_equal(lambda: ids("not tags:reviewed"), ["two"])


def test_config(logged_in: LiveServer) -> None:  # I-38
    for i, lr in enumerate([0.3, 0.001, 0.02]):
        config = {"lr": lr, "model": {"depth": 50 if i else 18}, "optimizer": "adam"}
        with kiseki.init(project="p", id=f"run{i}", config=config) as run:
            run.log({"loss": i})
    until_equal(lambda: ids("config.lr>=0.02"), ["run0", "run2"])
    assert ids("model.depth:50 optimizer:adam") == ["run1", "run2"]
    assert ids("lr<0.01 or config.model.depth:18") == ["run0", "run1"]
    assert ids(order="config.lr") == ["run1", "run2", "run0"]
    assert ids(order="-config.lr") == ["run0", "run2", "run1"]
    fields = {field["path"] for field in logged_in.get("/api/v1/projects/ada/p/fields")["fields"]}
    assert fields >= {"config.lr", "config.model.depth", "config.optimizer", "summary.loss"}
    listed = command("ls", "ada/p", "--filter", "lr>=0.02", "--sort", "config.lr", "--json")
    assert [run["id"] for run in listed.document["runs"]] == ["run2", "run0"]
    assert listed.document["runs"][0]["config"]["model"] == {"depth": 50}


def test_groups_and_job_types(
    logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # I-40, I-41, T-11
    code = """
        import kiseki, os
        kiseki.init(project="p", id="rank" + os.environ["RANK"], group="cv", job_type="train")
        """
    online = {"KISEKI_MODE": "online"}
    for rank in [start_script(code, {**online, "RANK": str(i)}) for i in range(2)]:
        _, err = rank.communicate(timeout=60)
        assert rank.returncode == 0, err
    monkeypatch.setenv("WANDB_RUN_GROUP", "cv")
    monkeypatch.setenv("KISEKI_JOB_TYPE", "eval")
    run = kiseki.init(project="p", id="evaluation")
    assert (run.group, run.job_type) == ("cv", "eval")
    run.finish()
    kiseki.init(project="p", id="other", group="else", job_type="train").finish()
    until_equal(lambda: ids("group:cv"), ["evaluation", "rank0", "rank1"])
    assert ids("group:cv job_type:train") == ["rank0", "rank1"]
    assert ids("job_type:eval") == ["evaluation"]
    assert ids(order="-group,job_type,id") == ["other", "evaluation", "rank0", "rank1"]
    with Api() as api:
        assert [(run.group, run.job_type) for run in api.runs("p", "id:other")] == [
            ("else", "train")
        ]


def test_offline_leaves_the_machine_alone_until_sync(
    logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # I-43
    run = kiseki.init(project="p", id="later", mode="offline", config={"lr": 1}, tags=["t"])
    assert run.offline and run.url is None
    for i in range(20):
        run.log({"i": i})
    run.finish()
    # The server that is there was not told, and one that starts takes in what waits for it, but not this.
    assert [entry.run for entry in registry.entries()] == ["later"]
    assert waiting(logged_in.url) == []
    with Api() as api:
        assert api.projects() == []
    inside = {os.path.relpath(os.path.join(at, name), run.sync_dir)
              for at, _, names in os.walk(run.sync_dir) for name in names}  # fmt: skip
    assert {"run-later.kslog", "files/config.yaml", "files/wandb-summary.json"} <= inside
    assert os.listdir(".") == ["kiseki"]
    monkeypatch.setenv("KISEKI_MODE", "offline")
    assert command("sync", run.sync_dir).status == 0
    with Api() as api:
        found = api.run("p/later")
        assert [row["i"] for row in found.history()] == list(range(20))
        assert (found.state, found.config, found.tags) == ("finished", {"lr": 1}, ["t"])


def test_sync_to_a_server_that_moved_names_its_new_address(
    server: LiveServer, logged_in: LiveServer
) -> None:  # K-03
    with kiseki.init(project="p", id="moved", mode="offline") as run:
        run.log({"a": 1})
    (result,) = sync(run.sync_dir)
    assert result.url == f"{server.url}/ada/p/runs/moved"
    server.kill()
    moved = LiveServer(server.data).start()
    try:
        for _ in range(2):
            (result,) = sync(run.sync_dir, resolve(moved.url))
            assert result.already and result.url == f"{moved.url}/ada/p/runs/moved", result
    finally:
        moved.kill()


def test_offline_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:  # I-43
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("KISEKI_BASE_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("KISEKI_API_KEY", "k" * 40)
        monkeypatch.delenv("KISEKI_DISABLE_META")
        monkeypatch.delenv("KISEKI_DISABLE_STATS")
        run = kiseki.init(mode="offline", settings={"x_stats_sampling_interval": 0.1})
        run.log({"a": 1})
        run.alert("title", "text")
        run.finish()
        assert select.select([listener], [], [], 0)[0] == []
        about = json.loads(Path(run.dir, "wandb-metadata.json").read_text())
        assert about["host"]  # the uploader was there, and asked nobody
