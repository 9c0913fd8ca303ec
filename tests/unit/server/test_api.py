"""The endpoints of projects, runs and streams as `docs/api/native.md` describes them."""

from __future__ import annotations

import gzip
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from kiseki.core.query import wire
from kiseki.record import codec, frame
from kiseki.record.types import Config, Finish, Kind, Open, Shape
from kiseki.server.app import endpoints
from kiseki.server.static import Static
from tests.unit.server.asgi import Answer, Door, ask

NATIVE = Path(__file__).parents[3] / "docs" / "api" / "native.md"
STREAM = "0123456789abcdef0123456789abcdef"
RUN = "/api/v1/projects/ada/digits/runs/r1"


def frames(*items: Any, first: int = 0) -> bytes:
    parts = []
    for seq, item in enumerate(items, first):
        kind, payload = (
            (int(Kind.ROW), codec.encode_row(*item))
            if isinstance(item, tuple)
            else (int(item.kind), codec.encode(item))
        )
        parts.append(frame.pack(kind, seq, payload))
    return codec.compress(b"".join(parts))


def opening(stream: str = STREAM, **options: Any) -> tuple[Any, ...]:
    values = {"run": "r1", "project": "digits", "name": "quiet", "host": "lab", "pid": 7, **options}
    return (
        Open(stream=stream, started_us=time.time_ns() // 1000, **values),
        Shape(shape=0, paths=["loss"]),
    )


class Client:
    def __init__(self, door: Door, bearer: dict[str, str]) -> None:
        self.door = door
        self.bearer = bearer

    def send(self, body: bytes, stream: str = STREAM, **headers: str) -> Answer:
        path = f"/api/v1/streams/{stream}/records"
        return self.door.ask("POST", path, body, {**self.bearer, **headers})

    def get(self, path: str) -> Answer:
        return self.door.ask("GET", path, headers=self.bearer)

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        data = b"" if body is None else json.dumps(body).encode()
        return self.door.ask(method, path, data, self.bearer)


@pytest.fixture
def client(door: Door, bearer: dict[str, str]) -> Client:
    return Client(door, bearer)


def test_an_open_is_answered_with_its_run(client: Client) -> None:
    answer = client.send(frames(*opening()))
    assert answer.status == 200
    assert answer.json == {
        "receipt": "kiseki", "next": 2, "stop": False, "rejected": [],
        "run": {
            "entity": "ada", "project": "digits", "id": "r1", "name": "quiet",
            "url": "http://127.0.0.1:7500/ada/digits/runs/r1",
            "project_url": "http://127.0.0.1:7500/ada/digits",
            "resumed": False, "next_step": 0, "runtime_us": 0, "attempt": 1,
            "defaults": {"save_code": False},
        },
    }  # fmt: skip
    assert "run" not in client.send(frames((0, 0, 1, 1, [0.5]), first=2)).json
    assert client.get(f"/api/v1/streams/{STREAM}").json == {"next": 3}
    assert client.get("/api/v1/streams/unknown").json == {"next": 0}
    assert client.send(b"").json == {
        "receipt": "kiseki", "next": 3, "stop": False, "rejected": [],
    }  # fmt: skip


def test_a_resumed_open_brings_what_the_run_had(client: Client) -> None:
    body = (*opening(tags=["a"]), Config(set={"lr": 0.1}), (0, 0, 1, 1, [float("nan")]))
    client.send(frames(*body, Finish(exit_code=0, time_us=1, runtime_us=1)))
    other = STREAM[::-1]
    run = client.send(frames(*opening(other, resume="allow")), other).json["run"]
    assert (run["resumed"], run["next_step"], run["attempt"]) == (True, 1, 1)
    assert run["config"] == {"lr": 0.1} and run["summary"]["loss"] == "NaN"
    assert (run["tags"], run["notes"], run["group"], run["job_type"]) == (["a"], "", "", "")
    assert run["started_us"] > 0


def test_refusals_carry_their_code(client: Client) -> None:
    client.send(frames(*opening()))
    gap = client.send(frames((0, 0, 1, 1, [0.5]), first=9))
    assert (gap.status, gap.json["code"], gap.json["next"]) == (409, "gap", 2)
    other = STREAM[::-1]
    alive = client.send(frames(*opening(other, pid=8)), other)
    assert (alive.status, alive.json["code"]) == (409, "alive")
    assert (alive.json["host"], alive.json["pid"]) == ("lab", 7)
    nobody = client.send(frames(*opening(other, entity="nobody")), other)
    assert (nobody.status, nobody.json["code"]) == (404, "entity")
    absent = client.send(frames(*opening(other, run="r9", resume="must")), other)
    assert (absent.status, absent.json["code"]) == (404, "absent")
    exists = client.send(frames(*opening(other, resume="never")), other)
    assert (exists.status, exists.json["code"]) == (409, "exists")
    assert client.send(b"junk").status == 400
    encoded = client.send(b"", **{"content-encoding": "gzip"})
    assert encoded.status == 400
    large = client.send(b"", **{"content-length": str(10**9)})
    assert large.status == 413
    for answer in (gap, alive, nobody, absent, exists, encoded, large):
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= set(answer.json)
        assert answer.json["status"] == answer.status


def test_a_run_is_shown_edited_stopped_and_deleted(client: Client) -> None:
    client.send(frames(*opening(), Config(set={"lr": 0.1}), (0, 0, 5, 5, [float("inf")])))
    run = client.get(RUN).json
    assert run["summary"]["loss"] == "Infinity" and run["config"] == {"lr": 0.1}
    assert run["url"].endswith("/ada/digits/runs/r1")
    [attempt] = run["attempts"]
    assert (attempt["attempt"], attempt["state"], attempt["rows"]) == (1, "running", 1)
    edited = client.ask("PATCH", RUN, {"name": "n", "tags": ["x"], "notes": "why", "color": 4})
    assert edited.status == 200
    assert [edited.json[key] for key in ("name", "tags", "notes", "color")] == [
        "n",
        ["x"],
        "why",
        4,
    ]
    assert client.ask("PATCH", RUN, {"nmae": "n"}).status == 400
    assert client.ask("PATCH", RUN, {"tags": "x"}).status == 400
    assert client.ask("PATCH", RUN, {"name": ""}).status == 400
    assert client.ask("POST", f"{RUN}/stop").status == 204
    assert client.send(b"").json["stop"] is True
    assert client.ask("DELETE", RUN).status == 204
    assert client.get(RUN).status == 404
    deleted = client.send(b"")
    assert (deleted.status, deleted.json["code"]) == (409, "deleted")


@pytest.mark.parametrize("sign", ["", "-"])
def test_numbers_beyond_64_bits_are_refused(client: Client, sign: str) -> None:
    client.send(frames(*opening()))
    huge = f"{sign}99999999999999999999"
    for path, name in [
        (f"{RUN}/console", "after"), (f"{RUN}/console", "attempt"), (f"{RUN}/history", "min_step"),
        (f"{RUN}/history", "attempt"), ("/api/v1/projects/ada/digits/runs", "offset"),
    ]:  # fmt: skip
        answer = client.get(f"{path}?{name}={huge}")
        assert (answer.status, answer.json["code"]) == (400, name)


def test_projects_are_listed_with_their_counts(client: Client) -> None:
    assert client.get("/api/v1/projects").json == {"projects": []}
    client.send(frames(*opening()))
    [project] = client.get("/api/v1/projects").json["projects"]
    assert (project["entity"], project["project"]) == ("ada", "digits")
    assert (project["runs"], project["running"]) == (1, 1)
    assert client.get("/api/v1/projects/ada/digits").json == project
    assert client.get("/api/v1/projects/ada/nothing").status == 404
    assert client.get("/api/v1/projects/eve/digits").status == 404


def test_names_are_decoded_once(client: Client) -> None:
    client.send(frames(*opening(run="a b+ü", project="my project")))
    found = client.get("/api/v1/projects/ada/my%20project/runs/a%20b%2B%C3%BC")
    assert found.json["id"] == "a b+ü"
    assert found.json["url"].endswith("/ada/my%20project/runs/a%20b%2B%C3%BC")
    assert client.get("/api/v1/projects/ada/my%2520project").status == 404


def test_wrong_methods_and_addresses_have_the_error_shape(client: Client) -> None:
    for method, path, status in (
        ("PUT", "/api/v1/projects", 405),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/-/nothing", 404),
    ):
        answer = client.ask(method, path)
        assert answer.status == status
        assert answer.json["status"] == status and answer.json["detail"]


def test_the_page_answers_every_page_address(door: Door) -> None:
    pages = [door.ask("GET", path) for path in ("/", "/ada/digits", "/ada/digits/runs/x", "/login")]
    assert {page.status for page in pages} == {200}
    assert len({page.body for page in pages}) == 1
    tag = pages[0].headers["etag"]
    assert pages[0].headers["cache-control"] == "no-cache"
    assert door.ask("GET", "/", headers={"if-none-match": tag}).status == 304
    for path in ("/assets/../app.py", "/assets/%2e%2e/%2e%2e/app.py", "/assets/none.js"):
        assert door.ask("GET", path).status == 404


def test_assets_are_kept_and_packed(tmp_path: Path) -> None:
    """Hashed names are good for ever; all else is asked for again and answered 304."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<html><head></head></html>")
    (tmp_path / "assets" / "app-1a2b.js").write_text("let a = 1;\n" * 1_000)
    (tmp_path / "icon.svg").write_text("<svg/>")
    static = Static(tmp_path)
    script = ask(static, "GET", "/assets/app-1a2b.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in script.headers["cache-control"]
    packing = {"accept-encoding": "br, gzip"}
    packed = ask(static, "GET", "/assets/app-1a2b.js", headers=packing)
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == script.body
    icon = ask(static, "GET", "/icon.svg")
    assert icon.headers["cache-control"] == "no-cache"
    known = {"if-none-match": icon.headers["etag"]}
    assert ask(static, "GET", "/icon.svg", headers=known).status == 304
    asked_by_habit = ask(static, "GET", "/favicon.ico")  # browsers do, whatever the page says
    assert asked_by_habit.headers["content-type"] == "image/svg+xml"
    assert asked_by_habit.body == icon.body


def test_an_app_built_anew_under_a_running_server_is_served(tmp_path: Path) -> None:
    """Pages that are open ask for assets that are gone: 404, not a fault of the server."""
    (tmp_path / "assets").mkdir()
    index, old, new = (
        tmp_path / name for name in ("index.html", "assets/app-1a2b.js", "assets/app-3c4d.js")
    )
    index.write_text("<html><head></head>old</html>")
    old.write_text("let a = 1;")
    static = Static(tmp_path)
    old.unlink()
    index.unlink()
    with pytest.raises(HTTPException) as gone:
        ask(static, "GET", "/assets/app-1a2b.js")
    assert gone.value.status_code == 404
    new.write_text("let a = 2;")
    index.write_text("<html><head></head>new</html>")
    assert b"new" in ask(static, "GET", "/ada/digits").body
    assert ask(static, "GET", "/assets/app-3c4d.js").body == b"let a = 2;"


def test_without_an_icon_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(HTTPException):
        ask(Static(tmp_path), "GET", "/favicon.ico")


def test_openapi_describes_every_endpoint(client: Client) -> None:
    document = client.get("/-/openapi.json").json
    assert document["openapi"].startswith("3.1")
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    assert described == {(endpoint.method, endpoint.path) for endpoint in endpoints()}
    operations = [op for item in document["paths"].values() for op in item.values()]
    assert len({op["operationId"] for op in operations}) == len(operations)
    assert all(op["summary"].endswith(".") for op in operations)
    schemas = document["components"]["schemas"]
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert references <= set(schemas)


def test_every_endpoint_is_documented() -> None:
    """docs/api/native.md names each of them."""
    text = NATIVE.read_text()
    for endpoint in endpoints():
        tail = endpoint.path.removeprefix("/api/v1/projects/{entity}/{project}")
        tail = tail.removeprefix("/runs/{run}") or "/runs/{run}"
        assert tail.partition("{")[0].rstrip("/") in text, endpoint.path


def test_runs_are_given_what_their_metrics_amount_to(client: Client) -> None:
    for at, losses in enumerate([[3.0, 1.0], [2.0, float("nan")], []]):
        stream = f"{at:032x}"
        rows = [(0, step, step + 1, step + 1, [loss]) for step, loss in enumerate(losses)]
        client.send(frames(*opening(stream, run=f"m{at}", name=f"n{at}"), *rows), stream)
    client.door.core.folds.save_all()
    runs = "/api/v1/projects/ada/digits/runs"
    found = client.get(
        f"{runs}?columns=metric.min.loss,metric.last.loss,metric.at.0.loss,name&sort=name"
    )
    assert [run["values"] for run in found.json["runs"]] == [
        {"metric.min.loss": 1.0, "metric.last.loss": 1.0, "metric.at.0.loss": 3.0, "name": None},
        {"metric.min.loss": 2.0, "metric.last.loss": "NaN", "metric.at.0.loss": 2.0, "name": None},
        {"metric.min.loss": None, "metric.last.loss": None, "metric.at.0.loss": None, "name": None},
    ]
    found = client.get(f"{runs}?sort=-metric.best.loss")
    assert [run["id"] for run in found.json["runs"]] == ["m1", "m0", "m2"]
    assert "values" not in found.json["runs"][0]
    refused = client.get(f"{runs}?sort=metric.at.0.loss")
    assert (refused.status, refused.json["code"], refused.json["position"]) == (400, "filter", 0)


def test_expressions_are_drawn_and_refused_with_their_position(client: Client) -> None:
    rows = [(0, step, step + 1, step + 1, [loss]) for step, loss in enumerate([3.0, 1.0])]
    client.send(frames(*opening(), Config(set={"scale": 10}), *rows))
    client.door.core.folds.save_all()
    path = "/api/v1/projects/ada/digits/series"
    body = {"metrics": ["= loss * config.scale", "loss"], "runs": ["r1"]}
    header, columns = wire.parse(client.ask("POST", path, body).body)
    assert [one["metric"] for one in header["series"]] == body["metrics"]
    assert columns[0]["first"].tolist() == [30.0, 10.0]
    refused = client.ask("POST", path, {"metrics": ["=loss * sin(loss)"], "runs": ["r1"]})
    assert (refused.status, refused.json["code"]) == (400, "expression")
    assert (refused.json["position"], refused.json["token"]) == (7, "sin")


def test_groups_of_runs_are_drawn_as_lines(client: Client) -> None:
    for at, (lr, losses) in enumerate([(0.1, [1.0, 2.0]), (0.1, [3.0, 6.0]), (True, [5.0])]):
        stream = f"{at:032x}"
        rows = [(0, step, step + 1, step + 1, [loss]) for step, loss in enumerate(losses)]
        opened = opening(stream, run=f"g{at}", tags=["t", f"u{at}"], primary=True)
        client.send(frames(*opened, Config(set={"lr": lr}), *rows), stream)
    client.door.core.folds.save_all()
    path = "/api/v1/projects/ada/digits/series"
    groups = {"by": ["config.lr"], "band": "min-max", "sort": "created"}
    header, columns = wire.parse(
        client.ask("POST", path, {"metrics": ["loss"], "groups": groups}).body
    )
    assert [(one["group"], one["runs"], one["size"]) for one in header["series"]] == [
        ([0.1], 2, 2), ([True], 1, 1),
    ]  # fmt: skip
    assert columns[0]["first"].tolist() == [2.0, 4.0] and columns[0]["high"].tolist() == [3.0, 6.0]
    # Only some groups, without some runs, smoothed; `true` is another value than 1.
    asked = groups | {"values": [[True], [1], [0.1]], "exclude": ["g0"]}
    body = {"metrics": ["loss"], "groups": asked, "smoothing": {"kind": "mean", "points": 100}}
    header, columns = wire.parse(client.ask("POST", path, body).body)
    assert [one["group"] for one in header["series"]] == [[True], [0.1]]
    assert columns[1]["first"].tolist() == [4.5, 4.5]
    # A run stands in the group of each of its tags.
    body = {"metrics": ["loss"], "groups": {"by": ["tags"], "line": "sum"}, "runs": ["g1"]}
    answer = client.ask("POST", path, body)
    header, columns = wire.parse(answer.body)
    assert {tuple(one.get("group", [one.get("run")])): one["n"] for one in header["series"]} == {
        ("g1",): 2, ("t",): 2, ("u0",): 2, ("u1",): 2, ("u2",): 1,
    }  # fmt: skip
    again = {**client.bearer, "if-none-match": answer.headers["etag"]}
    assert client.door.ask("POST", path, json.dumps(body).encode(), again).status == 304
    for wrong, code in (
        ({"by": []}, "by"),
        ({"by": ["tags"], "filter": "(("}, "filter"),
        ({"by": ["tags"], "limit": 0}, "groups"),
        ({"by": ["tags"], "values": [["x"]] * 501}, "groups"),
    ):
        refused = client.ask("POST", path, {"metrics": ["loss"], "groups": wrong})
        assert (refused.status, refused.json["code"]) == (400, code)
    body = {"metrics": ["loss"], "groups": groups, "smoothing": {"kind": "ema", "weight": 1}}
    assert client.ask("POST", path, body).json["code"] == "smoothing"
