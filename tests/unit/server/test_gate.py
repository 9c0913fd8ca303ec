"""One gate, default deny (reliability §5.2-5.4, 5.10)."""

from __future__ import annotations

import base64
import re

import pytest

from kiseki.core import access
from kiseki.core.people.tries import Rate
from kiseki.server.app import endpoints
from kiseki.server.gate import is_loopback, is_public
from kiseki.storage.interface import Storage
from tests.unit.server.asgi import HOST, Answer, Door
from tests.unit.server.conftest import KEY

# Literal on purpose: a route that answers without credentials has to be added here by hand.
PUBLIC = {
    ("GET", "/-/health"),
    ("GET", "/-/ready"),
    ("GET", "/api/v1/session"),
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/users"),
    ("POST", "/api/v1/invites/look"),
    ("POST", "/api/v1/anonymous"),
}
ROUTES = [
    ("GET", "/-/openapi.json"),
    *sorted({(endpoint.method, endpoint.path) for endpoint in endpoints()}),
]


def filled(path: str) -> str:
    return re.sub(r"{\w+}", "x", path)


def test_every_route_is_denied_without_credentials(door: Door) -> None:
    """reliability 5.2: a walk over all routes."""
    for method, path in ROUTES:
        answer = door.ask(method, filled(path))
        if (method, path) in PUBLIC:
            # 403: anonymous runs are off
            assert answer.status in (200, 400, 403), (method, path)
            continue
        assert answer.status == 401, (method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["code"] == "unauthenticated"
        for header in ("Bearer wrong", f"Bearer {KEY}x", "Basic !", "Digest x", "Bearer"):
            denied = door.ask(method, filled(path), headers={"authorization": header})
            assert denied.status == 401, (method, path, header)
        stranger = {"cookie": "kiseki_session=x"}
        assert door.ask(method, filled(path), headers=stranger).status == 401, (method, path)


def test_unknown_machine_addresses_are_denied(door: Door) -> None:
    for path in (
        "/api/", "/api", "/api/v1/nothing", "/-/", "/-/metrics", "/graphql", "/files/a/b", "/-", "/api/v2/x",
    ):  # fmt: skip
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert door.ask(method, path).status == 401, (method, path)


def test_pages_can_only_be_read(door: Door) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get"):
        assert door.ask(method, "/ada/digits").status == 401, method


def test_known_routes_match_the_public_list() -> None:
    assert {(m, p) for m, p in ROUTES if is_public(m, filled(p))} == PUBLIC


def test_keys_come_as_bearer_or_basic(door: Door) -> None:
    basic = base64.b64encode(f"api:{KEY}".encode()).decode()
    for header in (f"Bearer {KEY}", f"bearer {KEY}", f"Basic {basic}", f"BASIC {basic}"):
        answer = door.ask("GET", "/api/v1/viewer", headers={"authorization": header})
        assert answer.status == 200 and answer.json["user"] == "ada"
    other = base64.b64encode(f"ada:{KEY}".encode()).decode()
    assert (
        door.ask("GET", "/api/v1/viewer", headers={"authorization": f"Basic {other}"}).status == 401
    )


def test_unexpected_hosts_are_misdirected(door: Door, bearer: dict[str, str]) -> None:
    """reliability 5.3: DNS rebinding, with credentials and without."""
    for host in (
        "evil.example", "127.0.0.1.evil.example", "", "localhost.", "10.0.0.1", "[::2]:7500", "a@b:x",
    ):  # fmt: skip
        for path in ("/api/v1/viewer", "/-/health", "/", "/assets/x.js"):
            assert door.ask("GET", path, headers=bearer, host=host).status == 421, (host, path)


def test_loopback_names_are_expected(door: Door) -> None:
    for host in (HOST, "localhost", "LOCALHOST:1", "[::1]:7500", "127.0.0.1"):
        assert door.ask("GET", "/-/health", host=host).status == 200, host


def test_further_hosts_can_be_named(storage: Storage) -> None:
    door = Door(storage, hosts=["Tracker.lab"])
    assert door.ask("GET", "/-/health", host="tracker.lab:7000").status == 200
    assert door.ask("GET", "/-/health", host="other.lab").status == 421
    door.core.close()


def signed_in(door: Door) -> dict[str, str]:
    body = f'{{"key": "{KEY}"}}'.encode()
    answer = door.ask("POST", "/api/v1/session", body)
    assert answer.status == 200 and answer.json["entity"] == "ada"
    [cookie] = answer.cookies
    return {"cookie": cookie.partition(";")[0]}


def test_a_sign_in_link_works_once(door: Door, storage: Storage) -> None:
    """reliability 5.4; the cookie cannot be read by scripts nor sent by other sites."""
    [user] = storage.meta.users()
    body = f'{{"token": "{access.make_token(storage.meta, user)}"}}'.encode()
    answer = door.ask("POST", "/api/v1/session", body)
    assert answer.status == 200
    attributes = {part.strip().lower() for part in answer.cookies[0].split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=1209600"} <= attributes
    cookie = {"cookie": answer.cookies[0].partition(";")[0]}
    assert door.ask("GET", "/api/v1/viewer", headers=cookie).json["user"] == "ada"
    assert door.ask("POST", "/api/v1/session", body).status == 401


def test_the_cookie_is_secure_behind_tls(storage: Storage) -> None:
    door = Door(storage, url="https://tracker.lab", hosts=["tracker.lab"])
    body = f'{{"key": "{KEY}"}}'.encode()
    over_tls = door.ask("POST", "/api/v1/session", body, host="tracker.lab")
    assert "secure" in over_tls.cookies[0].lower()
    assert over_tls.cookies[0].startswith("__Host-kiseki_session=")
    assert "domain" not in over_tls.cookies[0].lower()
    value = over_tls.cookies[0].partition(";")[0].partition("=")[2]
    for name, status in (("__Host-kiseki_session", 200), ("kiseki_session", 401)):
        # The plain one could have been set by another host of the domain.
        headers = {"cookie": f"{name}={value}"}
        assert (
            door.ask("GET", "/api/v1/viewer", headers=headers, host="tracker.lab").status == status
        )
    local = door.ask("POST", "/api/v1/session", body)
    assert "secure" not in local.cookies[0].lower()
    door.core.close()


def test_signing_out_ends_the_session(door: Door) -> None:
    cookie = signed_in(door)
    same = {**cookie, "sec-fetch-site": "same-origin"}
    assert door.ask("DELETE", "/api/v1/session", headers=same).status == 204
    assert door.ask("GET", "/api/v1/viewer", headers=cookie).status == 401


def test_other_sites_cannot_write_with_the_cookie(door: Door) -> None:
    """reliability 5.4. 404: it passed the gate."""
    cookie = signed_in(door)
    path = "/api/v1/projects/ada/digits/runs/x/stop"
    for headers, status in (
        ({"sec-fetch-site": "same-origin"}, 404),
        ({"origin": f"http://{HOST}"}, 404),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
        ({"sec-fetch-site": "same-origin", "content-type": "text/plain"}, 403),
        ({"sec-fetch-site": "same-origin", "content-type": "multipart/form-data; x=y"}, 403),
    ):
        answer = door.ask("POST", path, headers={**cookie, **headers})
        assert answer.status == status, headers


def test_a_key_needs_no_origin_and_wins_over_a_cookie(door: Door, bearer: dict[str, str]) -> None:
    path = "/api/v1/projects/ada/digits/runs/x/stop"
    assert door.ask("POST", path, headers=bearer).status == 404
    cookie = signed_in(door)
    wrong = {**cookie, "authorization": "Bearer " + "x" * 50}
    assert door.ask("GET", "/api/v1/viewer", headers=wrong).status == 401


def test_other_sites_cannot_sign_the_browser_in(door: Door) -> None:
    body = f'{{"key": "{KEY}"}}'.encode()
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}):
        assert door.ask("POST", "/api/v1/session", body, headers).status == 403


def test_failed_sign_ins_are_slowed_down(door: Door) -> None:
    """reliability §4: five a minute for each account and address."""
    for body in (b'{"key": "' + b"x" * 50 + b'"}', b'{"user": "ada", "password": "wrong"}'):
        statuses = [door.ask("POST", "/api/v1/session", body).status for _ in range(7)]
        assert statuses == [401] * 5 + [429] * 2
        limited = door.ask("POST", "/api/v1/session", body)
        assert 50 < int(limited.headers["retry-after"]) <= 60
    other = door.ask("POST", "/api/v1/session", b'{"user": "bob", "password": "wrong"}')
    assert other.status == 401


SECURITY = (
    "content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy",
)  # fmt: skip


def test_every_answer_carries_the_security_headers(door: Door, bearer: dict[str, str]) -> None:
    """reliability 5.10: pages, data, errors, refusals alike."""
    answers: list[Answer] = [
        door.ask("GET", "/"),
        door.ask("GET", "/assets/none.js"),
        door.ask("GET", "/-/health"),
        door.ask("GET", "/api/v1/viewer"),
        door.ask("GET", "/api/v1/viewer", headers=bearer),
        door.ask("GET", "/api/v1/nothing", headers=bearer),
        door.ask("POST", "/api/v1/viewer", headers=bearer),
        door.ask("GET", "/", host="evil.example"),
    ]
    assert [answer.status for answer in answers] == [200, 404, 200, 401, 200, 404, 405, 421]
    for answer in answers:
        assert all(name in answer.headers for name in SECURITY)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
        assert "access-control-allow-origin" not in answer.headers


def test_an_unexpected_error_shows_an_incident_and_nothing_else(
    door: Door,
    bearer: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(door.core.meta, "projects", broken)
    answer = door.ask("GET", "/api/v1/projects", headers=bearer)
    assert answer.status == 500 and b"secret" not in answer.body
    assert answer.json["incident"] in caplog.text
    assert "secret of the house" in caplog.text and KEY not in caplog.text


def test_the_prefix_of_a_proxy_is_stripped_or_was(storage: Storage) -> None:
    door = Door(storage, root_path="/kiseki")
    for path in ("/kiseki/-/health", "/-/health"):
        assert door.ask("GET", path).json == {"status": "ok"}
    assert door.ask("GET", "/kiseki/api/v1/viewer").status == 401
    page = door.ask("GET", "/kiseki")
    assert b'<base href="/kiseki/"' in page.body
    assert door.ask("GET", "/kisekix/api/v1/viewer").status == 200  # a page
    door.core.close()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("192.168.0.1", False), ("lab", False)],
)  # fmt: skip
def test_what_stays_on_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_key_that_asks_too_often_is_slowed_down(storage: Storage, bearer: dict[str, str]) -> None:
    """reliability §4; what uploads a run is never refused for it."""
    door = Door(storage, rate=Rate(3, 60))
    statuses = [door.ask("GET", "/api/v1/viewer", headers=bearer).status for _ in range(5)]
    assert statuses == [200] * 3 + [429] * 2
    limited = door.ask("GET", "/api/v1/projects", headers=bearer)
    assert limited.json["code"] == "rate" and int(limited.headers["retry-after"]) >= 1
    assert door.ask("GET", "/api/v1/streams/x", headers=bearer).status == 200
    missing = "/api/v1/projects/ada/digits/blobs/missing"
    assert door.ask("POST", missing, b'{"sha256": []}', bearer).status == 404  # no such project
    assert door.ask("GET", "/-/health").status == 200
    door.core.close()
