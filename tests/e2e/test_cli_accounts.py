"""The command line of people and operators, against a real server (K-01, Q-01, I-10, I-11, I-48)."""

from __future__ import annotations

import http.client
import json
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import kiseki as package
from kiseki.client.credentials import credentials_path, read_anonymous, read_credentials
from kiseki.errors import AuthenticationError, CommError
from kiseki.sdk.api import Api
from tests.fakes.live_server import FIRST_KEY, LiveServer
from tests.unit.cli.command import called, kiseki

PASSWORD = "nine lanterns over the bay"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    place = tmp_path_factory.mktemp("live")
    env = {
        "KISEKI_CONFIG_DIR": str(place / "config"),
        "KISEKI_DATA_DIR": str(place / "data"),
        "KISEKI_ANONYMOUS": "1",
    }
    server = LiveServer(place / "server", env=env).start()
    yield server
    server.stop()


def post(live: LiveServer, path: str, body: Any, key: str = "") -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    with closing(http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)) as connection:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        data = answer.read()
    return answer.status, json.loads(data) if data else None


def token_of(url: str) -> str:
    return url.strip().partition("#token=")[2]


def test_an_operator_without_a_browser(live: LiveServer) -> None:
    """Adds a person, who comes in by the link; invites another; sees it all in the audit log."""
    data = ["--data", live.data]
    link = called("admin", "add-user", "bob", *data)  # the folder knows how its server is reached
    assert link.status == 0 and link.out.startswith(f"{live.url}/login#token=")
    assert post(live, "/api/v1/session", {"token": token_of(link.out)})[1]["user"] == "bob"
    taken = called("admin", "add-user", "bob", *data)
    assert (taken.status, taken.out) == (2, "") and "taken" in taken.err
    key = called(
        "admin", "create-key", *data, "--user", "bob", "--scope", "read", "--days", "3"
    ).out.strip()
    with Api(live.url, key) as api:
        assert api.viewer.user == "bob"
    assert post(live, "/api/v1/teams", {"team": "lab"}, FIRST_KEY)[0] == 201
    invite = called(
        "admin", "invite", *data, "--team", "lab", "--role", "viewer", "--url", live.url, "--json"
    )
    assert invite.document["url"].startswith(f"{live.url}/invite#token=")
    body = {"user": "carl", "password": PASSWORD, "invite": token_of(invite.document["url"])}
    assert post(live, "/api/v1/users", body)[0] == 201
    teams = {
        item["team"]: item["members"]
        for item in called("admin", "teams", *data, "--json").document["teams"]
    }
    assert teams == {"lab": {"ada": "admin", "carl": "viewer"}}
    assert "lab: ada (admin), carl (viewer)" in called("admin", "teams", *data).out
    users = called("admin", "users", *data).out
    assert all(name in users for name in ("ada", "bob", "carl", "lab (viewer)"))
    called("admin", "disable", "carl", *data)
    login = {"user": "carl", "password": PASSWORD}
    assert post(live, "/api/v1/session", login)[0] == 401
    assert called("admin", "disable", "carl", "--undo", *data).status == 0
    assert post(live, "/api/v1/session", login)[0] == 200
    reset = called("admin", "link", "carl", *data, "--json").document["url"]
    assert post(live, "/api/v1/session", {"token": token_of(reset)})[0] == 200
    told = {
        entry["action"] for entry in called("admin", "audit", *data, "--json").document["entries"]
    }
    assert {
        "user-made",
        "link-made",
        "key-made",
        "invite-made",
        "user-disabled",
        "user-enabled",
    } <= told
    assert "command line" in called("admin", "audit", *data).out
    for arguments in (["link", "nobody"], ["disable", "nobody"], ["invite", "--team", "nobody"]):
        absent = called("admin", *arguments, *data)
        assert (absent.status, absent.out) == (2, "") and "does not exist" in absent.err


def test_login_and_logout(live: LiveServer, tmp_path: Path) -> None:
    env = {"KISEKI_BASE_URL": live.url}
    assert kiseki("login", env=env, stdin=FIRST_KEY).status == 0
    assert kiseki("status", "--json", env=env).document["server"]["user"] == "ada"
    done = kiseki("logout", env=env)
    assert done.status == 0 and "forgotten" in done.err
    assert read_credentials() == {}
    assert kiseki("status", "--json", env=env).document["server"]["user"] is None
    again = kiseki("logout", "--json", env=env).document
    assert again == {"base_url": live.url, "forgotten": False, "has_key": False}
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login api password {FIRST_KEY}\n")
    netrc.chmod(0o600)
    env["NETRC"] = str(netrc)
    assert kiseki("status", "--json", env=env).document["server"]["user"] == "ada"
    said = kiseki("login", "--json", env=env).document
    assert (said["user"], said["stored"]) == ("ada", False)
    assert ".netrc" in kiseki("logout", env=env).err


def test_settings_of_a_folder(live: LiveServer) -> None:
    """K-01: they count for scripts started here, below the environment and arguments (E-02)."""
    assert called("init", "--project", "letters", "--entity", "ada", "--host", live.url).status == 0
    assert called("offline").status == 0
    assert "mode = offline" in called("status").out
    run = package.init(settings={"silent": True})
    assert (run.project, run.entity, run.offline) == ("letters", "ada", True)
    run.finish()
    assert called("disabled").status == 0
    package.teardown()
    disabled = package.init()
    assert disabled.disabled
    disabled.finish()
    for name in ("online", "enabled"):
        called("disabled")
        assert called(name, "--json").document["mode"] == "online"
        assert called("status", "--json").document["settings"] == {
            "project": "letters", "entity": "ada", "base_url": live.url
        }  # fmt: skip
    os.environ["KISEKI_API_KEY"] = FIRST_KEY
    try:
        package.teardown()
        run = package.init(settings={"silent": True})
        assert run.url == f"{live.url}/ada/letters/runs/{run.id}"
        run.finish()
    finally:
        del os.environ["KISEKI_API_KEY"]
    assert called("init", "--reset", "--project", "other", "--json").document["project"] == "other"
    assert set(called("status", "--json").document["settings"]) == {"project"}
    assert called("init").status == 2 and called("init", "--project", "a/b").status == 2
    Path("kiseki/settings").write_text("no section\n")
    broken = called("online")
    assert broken.status == 1 and Path("kiseki/settings").read_text() == "no section\n"


def test_an_address_in_the_environment_wins_over_the_folder(
    live: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    called("init", "--host", "http://127.0.0.1:1")
    monkeypatch.setenv("KISEKI_BASE_URL", live.url)
    monkeypatch.setenv("KISEKI_API_KEY", FIRST_KEY)
    run = package.init(project="digits", settings={"silent": True})
    assert run.url.startswith(live.url)
    run.finish()


def test_entities_at_init(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """I-10: unknown, not yours, or only to look at: an error that names it; nothing is made. I-11."""
    monkeypatch.setenv("KISEKI_BASE_URL", live.url)
    data = ["--data", live.data]
    called("admin", "add-user", "dora", *data)
    post(live, "/api/v1/teams", {"team": "readers"}, FIRST_KEY)
    url = called("admin", "invite", *data, "--team", "readers", "--role", "viewer").out
    key = called("admin", "create-key", *data, "--user", "dora").out.strip()
    assert post(live, "/api/v1/invites/accept", {"token": token_of(url)}, key)[0] == 204
    monkeypatch.setenv("KISEKI_API_KEY", key)
    for entity in ("nobody", "ada", "readers"):
        with pytest.raises(CommError, match=entity):
            package.init(entity=entity, project="digits", settings={"silent": True})
        assert package.run is None
    run = package.init(project="digits", settings={"silent": True})
    assert run.entity == "dora"
    run.finish()
    with Api(live.url, FIRST_KEY) as api:
        assert "nobody" not in {project.entity for project in api.projects()}


def test_login_of_the_package(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Q-01: with a host, for the rest of the process; anonymous accounts."""
    with pytest.raises(ValueError, match="anonymous"):
        package.login(anonymous="perhaps", host=live.url)
    assert package.login(host=live.url) is False
    with pytest.raises(AuthenticationError):
        package.login(host=live.url, force=True)
    assert package.login(host=live.url, anonymous="allow") is True
    account = read_anonymous(live.url)
    assert account is not None and account.link.startswith(f"{live.url}/claim#token=")
    assert stat.S_IMODE(credentials_path().stat().st_mode) == 0o600
    run = package.init(project="digits", settings={"silent": True})
    assert run.entity.startswith("anonymous-") and run.url.startswith(live.url)
    run.finish()
    package.teardown()
    assert package.login(key=FIRST_KEY, host=live.url) is True
    run = package.init(project="digits", settings={"silent": True})
    assert run.entity == "ada"
    run.finish()
    package.teardown()
    assert package.login(host=live.url, anonymous="must") is True
    run = package.init(project="digits", settings={"silent": True})
    assert run.entity.startswith("anonymous-")
    run.finish()
