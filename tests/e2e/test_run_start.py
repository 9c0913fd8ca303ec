"""What `init` does besides recording: anonymous accounts, hooks, Ctrl-C, settings from everywhere."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

import kiseki
from kiseki.client import credentials, registry
from kiseki.record.types import Row
from kiseki.sdk import hooks
from tests.e2e.run_scripts import QUIET, folders, run_script
from tests.fakes.live_server import FIRST_KEY, LiveServer
from tests.fakes.record_server import KEY, RecordServer


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kiseki.teardown()
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KISEKI_PROJECT", "p")
    yield
    kiseki.teardown()


# -- anonymous accounts (I-48) ----------------------------------------------------------------------


@pytest.fixture
def hospitable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    """A server that keeps anonymous runs; nobody is logged in to it."""
    live = LiveServer(tmp_path / "server", env={"KISEKI_ANONYMOUS": "1"}).start()
    monkeypatch.setenv("KISEKI_BASE_URL", live.url)
    credentials.delete_key(live.url)  # the first start left the first user's
    yield live
    live.stop()


def test_without_an_account(
    hospitable: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:  # I-48
    run = kiseki.init(anonymous="allow")
    run.log({"a": 1})
    run.finish()
    assert run.url is not None and run.entity.startswith("anonymous-") and not run.offline
    told = capsys.readouterr().err
    account = credentials.read_anonymous(hospitable.url)
    assert account is not None and account.link in told
    with kiseki.Api(hospitable.url, account.key) as api:
        assert len(api.run(run.path).history()) == 1
    assert account.key not in told
    for path in Path(run.sync_dir).rglob("*"):  # reliability 5.5
        assert not path.is_file() or account.key.encode() not in path.read_bytes()
    again = kiseki.init(anonymous="allow")  # later runs go to the same account
    again.finish()
    assert again.entity == run.entity


def test_an_account_is_used_unless_it_must_not_be(hospitable: LiveServer) -> None:  # I-48
    credentials.write_key(hospitable.url, FIRST_KEY)
    for wish in (None, "never", "allow"):
        with kiseki.init(anonymous=wish) as run:
            assert run.entity == "ada"
    with kiseki.init(anonymous="must") as run:
        assert run.entity.startswith("anonymous-")
    with kiseki.init(settings={"anonymous": "must"}) as other:
        assert other.entity == run.entity


def test_after_a_claim_another_account_is_made(hospitable: LiveServer) -> None:  # I-48
    with kiseki.init(anonymous="must") as run:
        pass
    account = credentials.read_anonymous(hospitable.url)
    assert account is not None
    token = account.link.partition("token=")[2]
    cookie = sign_in(hospitable)
    claim = urllib.request.Request(
        hospitable.url + "/api/v1/claim",
        json.dumps({"token": token}).encode(),
        {"Content-Type": "application/json", "Cookie": cookie, "Sec-Fetch-Site": "same-origin"},
    )
    with urllib.request.urlopen(claim) as answer:
        assert json.load(answer)["entity"] == run.entity
    with kiseki.init(anonymous="must") as later:
        assert later.entity.startswith("anonymous-") and later.entity != run.entity
    found = hospitable.get(f"/api/v1/projects/{run.entity}/p/runs/{run.id}")
    assert found["state"] == "finished"


def sign_in(server: LiveServer) -> str:
    """Return the cookie of a session of the first user."""
    request = urllib.request.Request(
        server.url + "/api/v1/session",
        json.dumps({"key": FIRST_KEY}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return str(answer.headers["Set-Cookie"]).partition(";")[0]


def test_offline_runs_of_an_anonymous_account_stay_its_own(hospitable: LiveServer) -> None:  # I-48
    with kiseki.init(anonymous="must") as run:
        entity = run.entity
    hospitable.kill()
    kiseki.teardown()
    run = kiseki.init(anonymous="must", settings={"init_timeout": 0.5})
    run.log({"a": 1})
    run.finish()
    hospitable.start()
    credentials.write_key(hospitable.url, FIRST_KEY)
    env = {**os.environ, "KISEKI_API_KEY": ""}
    command = [sys.executable, "-m", "kiseki", "sync", run.sync_dir]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    account = credentials.read_anonymous(hospitable.url)
    assert account is not None
    with kiseki.Api(hospitable.url, account.key) as api:
        assert len(api.run(f"{entity}/p/{run.id}").history()) == 1


def test_a_server_that_wants_accounts(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # I-46, I-47, I-48
    monkeypatch.setenv("KISEKI_BASE_URL", server.url)
    credentials.delete_key(server.url)
    with pytest.raises(kiseki.AuthenticationError, match="anonymous"):
        kiseki.init(anonymous="allow", force=True)
    assert kiseki.run is None and not folders() and not registry.entries()
    for wish in ("allow", "must"):
        run = kiseki.init(anonymous=wish)
        assert run.offline
        run.finish()
    assert capsys.readouterr().err.count("makes no anonymous accounts") == 2


# -- what is switched on (I-70 … I-73, I-81, I-84) ----------------------------------------------------


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand-ins for the three modules, which say that they were called."""
    found: list[str] = []

    def stand_in(name: str, function: str) -> None:
        module = ModuleType(name)
        setattr(
            module, function, lambda run: found.append(f"{function} {name} {run is kiseki.run}")
        )
        module.start_if_patched = lambda run: None  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)

    stand_in("kiseki.sdk.code", "save_program")
    stand_in("kiseki.integrations.tensorboard", "start")
    stand_in("kiseki.integrations.gym", "start")
    return found


def test_what_is_switched_on(
    calls: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # I-70, I-71, I-72, I-73
    monkeypatch.setenv("KISEKI_MODE", "offline")
    code, board, gym = (
        "kiseki.sdk.code",
        "kiseki.integrations.tensorboard",
        "kiseki.integrations.gym",
    )

    def switched(**arguments: Any) -> list[str]:
        calls.clear()
        kiseki.init(**arguments).finish()
        return [name for _, name, is_active in map(str.split, calls) if is_active == "True"]

    assert switched() == [] and switched(save_code=True) == [code]
    assert switched(sync_tensorboard=True) == switched(tensorboard=True) == [board]
    assert switched(tensorboard=True, sync_tensorboard=False) == []
    assert switched(save_code=True, sync_tensorboard=True, monitor_gym=True) == [code, board, gym]
    assert switched(settings={"save_code": True}) == [code]
    assert switched(settings={"save_code": True}, save_code=False) == []
    assert switched(save_code=True, settings={"disable_code": True}) == []
    assert capsys.readouterr().err.count("init(tensorboard=…) is deprecated") == 1


def test_the_settings_page_decides_where_nothing_else_does(
    calls: list[str], logged_in: LiveServer
) -> None:  # I-70
    kiseki.init().finish()
    assert calls == []
    logged_in.get("/api/v1/viewer", "PATCH", {"settings": {"save_code": True}})
    kiseki.init().finish()
    assert len(calls) == 1
    kiseki.init(save_code=False).finish()
    assert len(calls) == 1


def test_a_hook_that_fails_leaves_nothing(
    logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # I-73, I-81, I-84
    def fail(run: Any) -> None:
        run.log({"a": 1})
        raise kiseki.Error("the library is missing")

    module = ModuleType("kiseki.integrations.gym")
    module.start = fail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kiseki.integrations.gym", module)
    before = len(psutil.Process().children())
    with pytest.raises(kiseki.Error, match="library is missing"):
        kiseki.init(id="a", monitor_gym=True)
    assert kiseki.run is None and not folders() and not registry.entries()
    assert len(psutil.Process().children()) == before
    assert logged_in.get("/api/v1/projects/ada/p/runs/a")["state"] == "failed"
    kiseki.init(id="a").finish()  # a new init works


def test_a_module_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kiseki.integrations.gym", None)
    monkeypatch.setenv("KISEKI_MODE", "offline")
    with pytest.raises(kiseki.Error, match=r"init\(monitor_gym=True\)"):
        kiseki.init(monitor_gym=True)
    assert kiseki.run is None and not folders()
    assert hooks.__doc__


# -- Ctrl-C (I-81) --------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_ms", [0, 5, 15, 40, 100, 250, 600])
@pytest.mark.parametrize("arguments", ["", "id='a', resume='allow'"])
def test_ctrl_c_in_init(after_ms: int, arguments: str) -> None:  # I-81
    with RecordServer() as slow:
        slow.always = "sleep:0.5"
        done = run_script(
            f"""
            import os, signal, threading, time, kiseki, psutil
            kiseki.setup()
            try:
                threading.Timer({after_ms / 1000}, os.kill, (os.getpid(), signal.SIGINT)).start()
                run = kiseki.init({arguments})
                print("started", flush=True)
                time.sleep(60)
            except KeyboardInterrupt:
                if kiseki.run is None:
                    print("interrupted", len(psutil.Process().children()))
            """,
            {**QUIET, "KISEKI_MODE": "", "KISEKI_BASE_URL": slow.url, "KISEKI_API_KEY": KEY},
        )
        slow.always = ""
    assert done.returncode == 0, done.stderr
    if done.stdout != "started\n":  # else it was not in `init` any more
        assert done.stdout == "interrupted 0\n", done.stdout + done.stderr
        assert not folders() and not registry.entries()
        assert not os.path.lexists("kiseki/latest-run")


# -- settings and environment ----------------------------------------------------------------------------


def test_app_url(logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:  # E-01
    monkeypatch.setenv("KISEKI_APP_URL", "https://runs.example.org/kiseki")
    with kiseki.init(id="a") as run:
        assert run.url == "https://runs.example.org/kiseki/ada/p/runs/a"
        assert run.project_url == "https://runs.example.org/kiseki/ada/p"


def test_show_run(logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:  # E-01
    import webbrowser

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setenv("KISEKI_SHOW_RUN", "true")
    with kiseki.init() as run:
        assert opened == [run.url]


def test_loggers_are_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    monkeypatch.setenv("KISEKI_MODE", "offline")
    log = logging.getLogger("training.part")
    log.setLevel(logging.INFO)
    with kiseki.init(settings={"capture_loggers": "training"}) as run:
        log.info("epoch %d", 3)
    log.info("not any more")
    assert kiseki.open(run.sync_dir).console() == [("stderr", "epoch 3")]
    assert not logging.getLogger("training").handlers


def test_finish_that_has_to_arrive(monkeypatch: pytest.MonkeyPatch) -> None:  # F-27
    with RecordServer() as records:
        monkeypatch.setenv("KISEKI_BASE_URL", records.url)
        monkeypatch.setenv("KISEKI_API_KEY", KEY)
        run = kiseki.init(settings={"finish_timeout": 0.5, "finish_timeout_raises": True})
        records.always = "500"
        run.log({"a": 1})
        with pytest.raises(kiseki.CommError, match=r"(?s)not yet on.*kiseki sync"):
            run.finish()
        assert kiseki.run is None
        records.always = ""


def test_parameters_of_a_sweep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KISEKI_MODE", "offline")
    (tmp_path / "sweep.yaml").write_text("lr:\n  value: 0.5\n")
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", str(tmp_path / "sweep.yaml"))
    monkeypatch.setenv("WANDB_SWEEP_ID", "s1")
    with kiseki.init(config={"lr": 0.1, "n": 1}) as run:
        assert dict(run.config) == {"lr": 0.5, "n": 1} and run.sweep_id == "s1"


def test_setup_and_teardown(monkeypatch: pytest.MonkeyPatch) -> None:  # T-12
    monkeypatch.setenv("KISEKI_MODE", "offline")
    kiseki.setup({"run_group": "g", "project": "early"})
    first = kiseki.init()
    second = kiseki.init(reinit="create_new", group="own")
    assert (first.group, first.project, second.group) == ("g", "early", "own")
    kiseki.teardown()
    assert kiseki.run is None and len(folders()) == 2
    with kiseki.init() as run:
        assert run.group == "" and run.project == "p"
    threads = {thread.name for thread in threading.enumerate()}
    assert "kiseki-uploader" not in threads


def test_every_variable_reaches_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # E-00, E-01, E-03
    for name, value in {
        "KISEKI_MODE": "offline", "WANDB_NAME": "n", "KISEKI_NOTES": "why", "WANDB_TAGS": "a,b",
        "KISEKI_RUN_GROUP": "g", "WANDB_JOB_TYPE": "j", "KISEKI_RUN_ID": "id1", "KISEKI_DIR": "there",
        "KISEKI_ENTITY": "team", "WANDB_RESUME": "never", "KISEKI_HOST": "lab", "KISEKI_PROGRAM": "x.py",
        "KISEKI_INIT_TIMEOUT": "3", "KISEKI_IGNORE_GLOBS": "*.bin", "KISEKI_INSECURE_DISABLE_SSL": "true",
        "KISEKI_CACHE_DIR": "/c", "KISEKI_ARTIFACT_DIR": "/a", "KISEKI_FILE_PUSHER_TIMEOUT": "7",
        "KISEKI_SERVICE_WAIT": "9", "KISEKI_DEBUG": "true", "KISEKI_ERROR_REPORTING": "false",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with kiseki.init() as run:
        assert (run.name, run.notes, run.tags, run.group) == ("n", "why", ("a", "b"), "g")
        assert (run.job_type, run.id, run.entity) == ("j", "id1", "team")  # I-40, I-41
        assert run.sync_dir.startswith(os.path.abspath("there/kiseki/"))  # E-04
        settings = json.loads(Path(run.sync_dir, "settings.json").read_text())
    assert settings["host"] == "lab" and settings["ignore_globs"] == ["*.bin"]
    assert settings["file_pusher_timeout"] == 7
    assert (run.settings.cache_dir, run.settings.artifact_dir) == ("/c", "/a")
    with pytest.raises(kiseki.UsageError, match="never"):
        kiseki.init()


def test_disabled_by_the_environment() -> None:  # E-06, E-07
    done = run_script(
        """
        import kiseki
        run = kiseki.init(resume="must", fork_from="x", id=3)
        assert run.disabled
        """,
        {"KISEKI_MODE": "", "KISEKI_DISABLED": "true"},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    done = run_script(
        "import kiseki\nkiseki.init(resume=True).log({'a': 1})", {"KISEKI_SILENT": "true"}
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes the certificate")
def test_a_certificate_that_nobody_vouches_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # E-01: INSECURE_DISABLE_SSL
    pem = tmp_path / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=elsewhere", "-keyout", str(pem), "-out", str(tmp_path / "cert.pem")]
    subprocess.run([*command, *names], check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "cert.pem").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    records = RecordServer()
    records._http.socket = context.wrap_socket(records._http.socket, server_side=True)
    with records:
        url = records.url.replace("http:", "https:")
        monkeypatch.setenv("KISEKI_API_KEY", KEY)
        monkeypatch.setenv("KISEKI_BASE_URL", url)
        with pytest.raises(kiseki.CommError, match="certificate"):
            kiseki.init(mode="online")
        run = kiseki.init(mode="online", settings={"insecure_disable_ssl": True})
        run.log({"a": 1})
        run.finish()
        found: list[Any] = records.records()
        assert [record.values for record in found if isinstance(record, Row)] == [[1]]
