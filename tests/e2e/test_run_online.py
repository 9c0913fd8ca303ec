"""`init` and the network (design §3, I-10, I-42 … I-47, I-80 … I-84), with real sockets."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import kiseki
from kiseki.client import registry
from kiseki.client.credentials import delete_key
from kiseki.client.http import Client
from kiseki.record.types import Config, Console, Finish, Open, Row
from tests.e2e.run_scripts import QUIET, folders, run_script
from tests.fakes.live_server import FIRST_KEY, LiveServer, free_port
from tests.fakes.record_server import KEY, RecordServer


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kiseki.teardown()
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    yield
    kiseki.teardown()


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordServer]:
    with RecordServer() as server:
        monkeypatch.setenv("KISEKI_BASE_URL", server.url)
        monkeypatch.setenv("KISEKI_API_KEY", KEY)
        yield server


def until(claim: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = claim()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def assert_nothing_is_left(root: str = ".") -> None:  # I-81, I-84
    assert kiseki.run is None and not folders(root) and not registry.entries()
    assert not os.path.lexists(os.path.join(root, "kiseki", "latest-run"))


def test_a_run_on_the_real_server(logged_in: LiveServer) -> None:  # I-04, I-11, I-42, X-10, F-07
    run = kiseki.init(project="digits", name="n", config={"lr": 0.1}, tags=["t"])
    assert run.entity == "ada" and run.path == f"ada/digits/{run.id}" and not run.offline
    assert run.url is not None and run.url.startswith(logged_in.url)
    assert run.project_url is not None and run.mode == "online"
    found = logged_in.get(f"/api/v1/projects/ada/digits/runs/{run.id}")
    assert found["state"] == "running" and found["config"] == {"lr": 0.1}  # before init returned
    for i in range(100):
        run.log({"i": i, "nan": float("nan")})
    path = f"/api/v1/projects/ada/digits/runs/{run.id}"
    until(lambda: logged_in.get(path)["rows"] == 100, 10)
    run.finish()
    found = logged_in.get(path)  # at once: it was confirmed
    assert found["state"] == "finished" and found["rows"] == 100 and found["tags"] == ["t"]
    assert found["summary"]["i"] == 99 and found["summary"]["nan"] == "NaN"
    assert not registry.entries()


def test_children_reach_the_server(logged_in: LiveServer) -> None:  # T-02
    done = run_script(
        """
        import os, sys, kiseki
        run = kiseki.init(project="p", id="family")
        run.log({"i": 0})
        if os.fork() == 0:
            run.log({"i": 1})
            run.config["by"] = "child"
            sys.exit(3)
        os.wait()
        """,
        {"KISEKI_MODE": "online"},
    )
    assert done.returncode == 0, done.stderr
    path = "/api/v1/projects/ada/p/runs/family"
    found = until(lambda: (f := logged_in.get(path))["rows"] == 2 and f)
    assert found["state"] == "finished" and found["attempt"] == 1
    assert found["config"] == {"by": "child"} and found["pid"] != 0


def test_refusals_of_the_real_server(
    logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # I-10, I-21, I-82
    began = time.monotonic()
    with pytest.raises(kiseki.CommError, match="nobody"):
        kiseki.init(entity="nobody", project="p")
    assert_nothing_is_left()
    kiseki.init(project="p", id="gone").finish()
    with Client(logged_in.url, FIRST_KEY) as client:
        client.post_json("/api/v1/projects/ada/p/runs/gone", method="DELETE")
    with pytest.raises(kiseki.CommError, match=r"gone.*deleted"):
        kiseki.init(project="p", id="gone", dir="elsewhere")
    assert_nothing_is_left("elsewhere")
    kiseki.teardown()
    monkeypatch.setenv("KISEKI_API_KEY", FIRST_KEY[:-4] + "0000")
    with pytest.raises(kiseki.AuthenticationError, match="401"):
        kiseki.init(project="p", dir="elsewhere")
    assert_nothing_is_left("elsewhere")
    assert time.monotonic() - began < 30


def test_finish_of_a_run_deleted_in_the_web_does_not_wait(
    logged_in: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:  # F-07: the server's no is final
    run = kiseki.init(project="p", id="gone", settings={"finish_timeout": 0})  # for ever
    run.log({"a": 1})
    with Client(logged_in.url, FIRST_KEY) as client:
        client.post_json("/api/v1/projects/ada/p/runs/gone", method="DELETE")
    run.log({"a": 2})
    run.finish()
    last = capsys.readouterr().err.partition(" finished\n")[2]
    assert last.count("the run is not uploaded:") == 1 and "was deleted" in last
    assert f"all of it (2 rows) is safe in {run.sync_dir}\n" in last
    assert f"kiseki sync {run.sync_dir} --id NEW-ID" in last
    assert not registry.entries()


def test_alive_on_another_process(logged_in: LiveServer) -> None:  # I-62, design §3.7
    run = kiseki.init(project="p", id="mine")
    done = run_script(
        """
        import kiseki
        try:
            kiseki.init(project="p", id="mine")
        except kiseki.UsageError as error:
            print(error)
        """,
        {"KISEKI_MODE": "online"},
    )
    assert str(os.getpid()) in done.stdout and "mine" in done.stdout, done.stderr
    run.finish()


def test_a_key_with_a_line_break_behind_it(
    records: RecordServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # as it comes out of a file or a secret store
    monkeypatch.setenv("KISEKI_API_KEY", f"{KEY}\n")
    kiseki.init(mode="online").finish()
    assert records.records()


def test_keys(records: RecordServer, monkeypatch: pytest.MonkeyPatch) -> None:  # I-46, I-47, I-82
    for malformed in ("too-short", f"{KEY}\nX-Other: header", f"{KEY}\N{BRAIN}"):
        monkeypatch.setenv("KISEKI_API_KEY", malformed)
        with pytest.raises(kiseki.AuthenticationError, match="malformed"):
            kiseki.init()
        assert_nothing_is_left()
        kiseki.teardown()
    monkeypatch.delenv("KISEKI_API_KEY")
    with pytest.raises(kiseki.AuthenticationError):
        kiseki.init(force=True)
    assert_nothing_is_left()
    assert records.requests == 1


def test_not_logged_in_goes_offline(
    records: RecordServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # I-47
    monkeypatch.delenv("KISEKI_API_KEY")
    run = kiseki.init()
    assert run.offline and run.url is None
    assert capsys.readouterr().err.count("not logged in") == 1
    run.log({"a": 1})
    run.finish()
    (folder,) = folders()
    assert folder.name.startswith("offline-run-")


def test_a_key_given_as_setting(records: RecordServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KISEKI_API_KEY")
    run = kiseki.init(settings={"api_key": KEY, "base_url": records.url})
    run.log({"a": 1})
    run.finish()
    assert [row.values for row in records.records() if isinstance(row, Row)] == [[1]]
    for path in Path(run.sync_dir).rglob("*"):  # reliability 5.5
        assert not path.is_file() or KEY.encode() not in path.read_bytes()


@pytest.mark.parametrize("fault", ["refused", "silent", "500", "429", "html", "empty", "reset"])
def test_a_server_in_trouble(
    fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # I-83, reliability 1.4
    server = RecordServer()
    monkeypatch.setenv("KISEKI_API_KEY", KEY)
    monkeypatch.setenv("KISEKI_BASE_URL", server.url)
    monkeypatch.setenv("KISEKI_INIT_TIMEOUT", "0.7")
    if fault == "refused":
        server._http.server_close()
    elif fault != "silent":  # a server that listens and never answers: the thread is not started
        server.always = fault
        server.__enter__()
    try:
        began = time.monotonic()
        for asked in ({"mode": "online"}, {"force": True}):
            with pytest.raises(kiseki.CommError, match=r"base_url.*init_timeout"):
                kiseki.init(**asked)  # type: ignore[arg-type]
            assert_nothing_is_left()
        run = kiseki.init()
        assert time.monotonic() - began < 3 * 0.7 + 5
        told = capsys.readouterr().err
        assert "KSK-NET-" in told and run.sync_dir in told and run.url is None
        run.log({"i": 0})
        if fault == "refused":
            healed = RecordServer(port=server.port)
            healed.__enter__()
        elif fault == "silent":
            healed = server
            healed.__enter__()
        else:
            healed = server
            server.always = ""
        try:
            until(lambda: healed.records())
            run.log({"i": 1})
            run.finish()
            assert [row.values for row in healed.records() if isinstance(row, Row)] == [[0], [1]]
            # Requests of the first two, which gave up, may be answered last.
            assert sum(isinstance(record, Finish) for record in healed.records()) == 1
        finally:
            if fault == "refused":
                healed.close()
    finally:
        if fault != "refused":
            server.close()


def test_a_run_no_server_ever_knew_ends_soon(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # design §3.4
    monkeypatch.setenv("KISEKI_BASE_URL", f"http://127.0.0.1:{free_port()}")
    run = kiseki.init()
    run.log({"i": 0})
    began = time.monotonic()
    run.finish()
    assert time.monotonic() - began < 30
    told = capsys.readouterr().err
    assert f"kiseki sync {run.sync_dir}" in told and "are on the server" not in told
    (entry,) = registry.entries()
    assert entry.folder == run.sync_dir


def test_ctrl_c_in_init(monkeypatch: pytest.MonkeyPatch) -> None:  # I-81
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        done = run_script(
            f"""
            import os, signal, threading, kiseki
            threading.Timer(0.7, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            try:
                kiseki.init(settings={{"base_url": "http://127.0.0.1:{hanging.getsockname()[1]}"}})
            except KeyboardInterrupt:
                assert kiseki.run is None and not os.listdir("kiseki")
                print("through")
            """,
            {"KISEKI_MODE": "online", "KISEKI_API_KEY": KEY},
        )
    assert done.stdout == "through\n", done.stderr


def test_stop_from_the_web_app(records: RecordServer) -> None:  # F-26
    stopped: list[bool] = []
    with pytest.raises(KeyboardInterrupt), kiseki.init() as run:
        records.stop = True
        for i in range(2000):
            run.log({"i": i})
            time.sleep(0.01)
    (finish,) = [record for record in records.records() if isinstance(record, Finish)]
    assert finish.exit_code == 1
    run = kiseki.init(settings={"stop_fn": lambda: stopped.append(True)}, id="other")
    for i in range(2000):
        run.log({"i": i})
        time.sleep(0.01)
        if stopped:
            break
    assert stopped
    run.finish()


def test_everything_arrives_once(records: RecordServer) -> None:
    with kiseki.init(config={"a": 1}, settings={"console": "wrap"}) as run:
        print("hello")
        for i in range(3000):
            run.log({"i": i, "n": {"x": i}})
    found = records.records()
    assert [row.values for row in found if isinstance(row, Row)] == [[i, i] for i in range(3000)]
    assert [r.text for r in found if isinstance(r, Console)] == ["hello"]
    assert sum(isinstance(r, Open) for r in found) >= 2
    assert [r.set for r in found if isinstance(r, Config)] == [{"a": 1}]


def test_login(logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KISEKI_API_KEY")
    assert kiseki.login() is True  # the first start of the server left a key (design §3.5)
    delete_key(logged_in.url)
    for wrong in ("short", "w" * 60):
        with pytest.raises(kiseki.AuthenticationError):
            kiseki.login(key=wrong)
    assert kiseki.login() is False
    with pytest.raises(kiseki.AuthenticationError):
        kiseki.login(force=True)
    assert kiseki.login(key=FIRST_KEY) is True
    assert kiseki.login() is True  # remembered
    with kiseki.init(mode="online") as run:
        assert run.entity == "ada"


def test_where_nothing_listens_the_end_does_not_wait(tmp_path: Path) -> None:  # F-07
    env = {"KISEKI_MODE": "", "KISEKI_BASE_URL": f"http://127.0.0.1:{free_port()}"}
    done = run_script(
        """
        import time, kiseki
        from kiseki.sdk.link import UNKNOWN_FINISH_SECONDS
        run = kiseki.init()
        run.log({"a": 1})
        began = time.monotonic()
        run.finish()
        took = time.monotonic() - began
        assert took < UNKNOWN_FINISH_SECONDS, took  # it would be more if it waited for a server
        """,
        {**env, "KISEKI_DISABLE_META": ""},
    )
    assert done.returncode == 0, done.stderr
    assert "not yet on" in done.stderr and "all of it (1 row) is safe" in done.stderr
    (folder,) = folders()
    until((folder / "files" / "wandb-metadata.json").exists)  # captured after the end, too


def test_status_tells_how_far_the_upload_is(logged_in: LiveServer) -> None:
    with kiseki.init(project="p") as run:
        for i in range(20):
            run.log({"i": i})
        deadline = time.monotonic() + 30
        while run.status().sync_items_pending or run.status().sync_time is None:
            assert time.monotonic() < deadline, run.status()
            time.sleep(0.05)
        assert run.status().sync_items_total >= 20
    with kiseki.init(project="p", mode="offline") as run:
        run.log({"i": 0})
        total, pending, when = run.status()
        assert total == pending > 0 and when is None


def test_write_logs_adds_lines_to_the_console_log(logged_in: LiveServer) -> None:
    with kiseki.init(project="p", settings={"console": "off"}) as run:
        run.write_logs("one\ntwo")
        with pytest.raises(kiseki.UsageError):
            run.write_logs(3)  # type: ignore[arg-type]
    assert kiseki.open(run.sync_dir).console() == [("stdout", "one"), ("stdout", "two")]
    with pytest.raises(kiseki.UsageError):
        run.write_logs("late")
