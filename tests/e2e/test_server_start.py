"""Starting: first user, lock, exposure, port, prefix (design §3 init 5, reliability 5.1)."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.live_server import FIRST_KEY, LiveServer, free_port

_SERVE = """
import json, sys
from pathlib import Path
from kiseki.server.app import serve
def ready(found):
    print(json.dumps([found.url, found.sign_in_url, found.first.key, found.first.user.name]), flush=True)
serve(Path(sys.argv[1]), on_ready=ready, **json.loads(sys.argv[2]))
"""


@contextmanager
def serving(data: Path, **options: Any) -> Iterator[list[Any]]:
    """Run `serve` in a process; yields what it told when it was ready."""
    command = [sys.executable, "-c", _SERVE, str(data), json.dumps({"port": 0, **options})]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise AssertionError(process.stderr.read())
            yield json.loads(line)
        finally:
            process.terminate()
            process.wait(15)


def ask(url: str, key: str | None = None, **headers: str) -> tuple[int, bytes]:
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=20
        ) as got:
            return got.status, got.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_first_start_makes_folder_user_key_and_link(tmp_path: Path) -> None:
    data = tmp_path / "server"
    os.environ["KISEKI_FIRST_USER"] = "grace"
    with serving(data) as (url, link, key, user):
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert user == "grace" and key.startswith("ksk_")
        assert json.loads(ask(f"{url}/api/v1/viewer", key)[1])["entity"] == "grace"
        assert re.fullmatch(re.escape(url) + r"/login#token=[\w-]{40,}", link)
        token = link.partition("token=")[2]
        request = urllib.request.Request(
            f"{url}/api/v1/session",
            json.dumps({"token": token}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        assert ask(f"{url}/api/v1/viewer", Cookie=cookie)[0] == 200
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=20)
        caught.value.close()
        assert caught.value.code == 401
    with serving(data) as (url, other, again, user):
        assert again is None and user == "grace" and other != link
        assert ask(f"{url}/api/v1/viewer", key)[0] == 200


def test_a_second_server_on_the_folder_is_refused(tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "server").start()
    try:
        assert server.process is not None
        with pytest.raises(AssertionError, match=f"in use by another server.*{server.process.pid}"):
            with serving(server.data):
                pass
        assert server.get("/api/v1/viewer")["user"] == "ada"
        server.kill()  # a kill leaves no lock behind
        with serving(server.data) as (url, _link, _key, user):
            assert user == "ada" and ask(f"{url}/-/ready")[0] == 200
    finally:
        server.kill()


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match="--port"):
            with serving(tmp_path / "server", port=port):
                pass


def test_other_machines_are_let_in_only_when_somebody_can_sign_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """reliability 5.1."""
    data = tmp_path / "server"
    with pytest.raises(AssertionError, match="KISEKI_FIRST_KEY"):
        with serving(data, host="0.0.0.0"):
            pass
    assert not data.exists()
    monkeypatch.setenv("KISEKI_FIRST_KEY", "short")
    with pytest.raises(AssertionError, match="40 characters"):
        with serving(data, host="0.0.0.0"):
            pass
    assert not data.exists()
    monkeypatch.setenv("KISEKI_FIRST_KEY", FIRST_KEY)
    port = free_port()
    with serving(data, host="0.0.0.0", port=port):
        local = f"http://127.0.0.1:{port}"
        assert ask(f"{local}/api/v1/viewer", FIRST_KEY)[0] == 200
        assert ask(f"{local}/-/health", Host="evil.example")[0] == 421
        assert ask(f"{local}/-/health", Host=socket.gethostname())[0] == 200


def test_behind_a_proxy_links_carry_its_address(tmp_path: Path) -> None:
    port = free_port()
    options = {"public_url": "https://lab.example/kiseki", "root_path": "/kiseki", "port": port}
    with serving(tmp_path / "server", **options) as (url, link, key, _user):
        assert url == "https://lab.example/kiseki"
        assert link.startswith("https://lab.example/kiseki/login#token=")
        for prefix in ("", "/kiseki"):
            local = f"http://127.0.0.1:{port}{prefix}"
            status, body = ask(f"{local}/api/v1/viewer", key, Host="lab.example")
            assert status == 200 and json.loads(body)["server"]["url"] == url


def test_secrets_never_reach_the_log(tmp_path: Path) -> None:
    """reliability 5.5: the log at its most talkative, greped for canaries."""
    env = {"KISEKI_CANARY": "1"}
    server = LiveServer(tmp_path / "server", env=env)
    command = [sys.executable, "-m", "kiseki", "server", "--data", str(server.data)]
    command += ["--port", str(server.port), "--log-level", "debug"]
    with server.log.open("wb") as log:
        process = subprocess.Popen(command, env=server.env, stdout=subprocess.DEVNULL, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if ask(f"{server.url}/-/ready")[0] == 200:
                    break
            except OSError:
                time.sleep(0.05)
        secret = "canary-" + "x" * 50
        ask(f"{server.url}/api/v1/viewer", FIRST_KEY)
        ask(f"{server.url}/api/v1/viewer", secret)
        ask(f"{server.url}/api/v1/viewer", Cookie=f"kiseki_session={secret}")
        request = urllib.request.Request(
            f"{server.url}/api/v1/session", json.dumps({"key": secret}).encode()
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=20)
        assert secret not in caught.value.read().decode()
    finally:
        process.terminate()
        process.wait(15)
    text = server.log.read_text()
    assert "path='/api/v1/viewer' status=200" in text  # it does log at all
    assert "canary-" not in text and FIRST_KEY not in text and FIRST_KEY[12:] not in text
