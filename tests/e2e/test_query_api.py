"""What the web app asks a running server: series, rows, lists, console. Real server, real sockets."""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kiseki.core.query import wire
from kiseki.record.codec import decode_value
from kiseki.record.types import Config, Console, Finish, Kind, Metric
from kiseki.sdk.api import Api
from tests.fakes.live_server import LiveServer
from tests.fakes.recorder import START_US, Recorder

PROJECT = "/api/v1/projects/ada/digits"


def record(server: LiveServer, run: str, **opened: Any) -> Recorder:
    return Recorder(server.url, server.key, run, **opened)


def fetch(
    server: LiveServer, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and bytes of an answer, errors included."""
    request = urllib.request.Request(
        server.url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {server.key}", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers.items()), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers.items()), error.read()


def series(server: LiveServer, **asked: Any) -> dict[tuple[str, str], dict[str, Any]]:
    status, _, body = fetch(server, f"{PROJECT}/series", asked)
    assert status == 200, body
    header, columns = wire.parse(body)
    return {
        (head["metric"], head["run"]): head | one
        for head, one in zip(header["series"], columns, strict=True)
    }


def runs(server: LiveServer, **query: Any) -> list[str]:
    answer = server.get(f"{PROJECT}/runs?{urllib.parse.urlencode(query)}")
    assert answer["matching"] == len(answer["runs"])
    return [run["id"] for run in answer["runs"]]


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds: lists follow a commit within a second."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def saved(server: LiveServer, run: str, rows: int) -> None:
    """Wait until lists show so many rows of a run."""
    until(
        lambda: (run, rows) in [(r["id"], r["rows"]) for r in server.get(f"{PROJECT}/runs")["runs"]]
    )


def test_series_rows_and_console_of_a_run(server: LiveServer) -> None:
    """L-04, L-10, L-13, L-19: what was logged comes back, bucketed and exactly."""
    one = record(server, "one", name="first", tags=["baseline"])
    values = [float(n % 17) for n in range(3000)]
    values[1234], values[2000], values[2001] = 99.5, math.nan, math.inf
    one.rows("loss", values).send()
    found = series(server, metrics=["loss", "absent"], runs=["one", "nobody"], buckets=100)
    assert list(found) == [("loss", "one")]
    loss = found["loss", "one"]
    assert loss["n"] <= 100 and not loss["exact"] and loss["total"] == 3000
    assert loss["nan"].sum() == 1 and loss["pinf"].sum() == 1
    spike = int(np.nanargmax(loss["max"]))
    assert loss["max"][spike] == 99.5 and loss["x"][spike] + loss["dx_max"][spike] == 1234
    (zoomed,) = series(
        server, metrics=["loss"], runs=["one"], x_min=1230, x_max=1240, buckets=50
    ).values()
    assert zoomed["exact"] and 99.5 in zoomed["first"]

    other = {"int": 7, "float": 1.0, "text": "é", "none": None, "list": [1, "a"], "big": 2**80,
             "nest": {"a.b": 1, "c": {"d": True}}, "nan": math.nan, "inf": -math.inf}  # fmt: skip
    one.row(other, 5000).row({"loss": 5.0}, 10).row({"int": 8}, 5000).send()
    status, headers, body = fetch(server, f"{PROJECT}/runs/one/history?min_step=2999")
    assert status == 200 and headers["content-type"] == "application/x-msgpack"
    page = decode_value(body)
    assert page["next"] is None and [row["_step"] for row in page["rows"]] == [2999, 5000]
    row = page["rows"][1]
    assert row.pop("_timestamp") == (START_US + 5_000_000_000) / 1e6
    assert row.pop("_runtime") == 5000.0 and row.pop("_step") == 5000
    assert math.isnan(row.pop("nan")) and type(row["float"]) is float
    assert row == {key: value for key, value in other.items() if key != "nan"} | {"int": 8}

    _, headers, body = fetch(
        server, f"{PROJECT}/runs/one/history?min_step=5000&mode=exact", Accept="application/json"
    )
    exact = json.loads(body)["rows"]
    assert headers["content-type"] == "application/json"
    assert [row["int"] for row in exact] == [7, 8]
    assert (exact[0]["nan"], exact[0]["inf"]) == ("NaN", "-Infinity")

    # Paging neither loses nor doubles a row; at step 10 the later value won.
    rows: list[dict[str, Any]] = []
    after = ""
    while True:
        page = decode_value(
            fetch(server, f"{PROJECT}/runs/one/history?keys=loss&limit=700&after={after}")[2]
        )
        rows += page["rows"]
        if page["next"] is None:
            break
        after = page["next"]
    assert [row["_step"] for row in rows] == list(range(3000))
    want = list(values)
    want[10] = 5.0
    np.testing.assert_array_equal([row["loss"] for row in rows], want)
    for bad in ("limit=0", "limit=x", "after=junk", "after=1.9999.0", "mode=odd"):
        assert fetch(server, f"{PROJECT}/runs/one/history?{bad}")[0] == 400, bad

    for number, text in enumerate(["epoch 1", "epoch 2", "done"]):
        one.record(Console(stream="stdout", line=number, text=text, time_us=START_US))
    one.record(Console(stream="stderr", line=0, text="careful", time_us=START_US))
    one.record(Console(stream="stdout", line=1, text="epoch 2!", time_us=START_US))
    one.send()
    console = f"{PROJECT}/runs/one/console"
    answer = server.get(console)
    assert answer["total"] == 4
    assert [line["text"] for line in answer["lines"]] == ["epoch 1", "epoch 2!", "done", "careful"]
    assert [line["text"] for line in server.get(f"{console}?tail=2")["lines"]] == [
        "done",
        "careful",
    ]
    assert [line["text"] for line in server.get(f"{console}?after=2")["lines"]] == ["careful"]
    assert server.get(f"{console}?stream=stderr")["total"] == 1
    assert server.get(f"{console}?search=EPOCH")["total"] == 2


def test_etags_follow_the_rows(server: LiveServer) -> None:
    one = record(server, "one")
    one.rows("loss", [1.0, 2.0]).send()
    asked = {"metrics": ["loss"], "runs": ["one"]}
    status, headers, _ = fetch(server, f"{PROJECT}/series", asked)
    tag = {"If-None-Match": headers["etag"]}
    assert fetch(server, f"{PROJECT}/series", asked, **tag)[::2] == (304, b"")
    assert fetch(server, f"{PROJECT}/series", asked | {"buckets": 7}, **tag)[0] == 200
    one.row({"loss": 3.0}, 2).send()
    status, _, body = fetch(server, f"{PROJECT}/series", asked, **tag)
    assert status == 200 and wire.parse(body)[0]["series"][0]["total"] == 3

    saved(server, "one", rows=3)
    for path in ("runs", "fields", "metrics"):
        _, headers, _ = fetch(server, f"{PROJECT}/{path}")
        tag = {"If-None-Match": headers["etag"]}
        assert fetch(server, f"{PROJECT}/{path}", **tag)[0] == 304
    one.row({"loss": 4.0, "acc": 0.5}, 3).send()
    saved(server, "one", rows=4)
    assert fetch(server, f"{PROJECT}/metrics", **tag)[0] == 200


def test_lists_filter_and_sort(server: LiveServer) -> None:
    def run(
        id: str, config: dict[str, Any], rows: dict[str, Any], code: int | None, **opened: Any
    ) -> None:
        one = record(server, id, **opened)
        one.record(Config(set=config))
        one.row(rows, 0)
        if code is not None:
            one.record(Finish(exit_code=code, time_us=START_US, runtime_us=90_000_000))
        one.send()

    run("a", {"lr": 0.1, "model": {"depth": 50, "name": "resnet50"}}, {"acc": 0.5, "val": {"f1": 1}}, 0,
        name="quiet-river-1", tags=["baseline", "old"], group="old")  # fmt: skip
    run("b", {"lr": 0.01, "model": {"depth": 18, "name": "resnet18"}, "on": True}, {"acc": 0.75}, 1,
        name="loud-sea-2", tags=["baseline"], notes="second try", started_us=START_US + 1)  # fmt: skip
    run("c", {"lr": "auto", "a.b": 5}, {"acc": math.nan, "lr": 3.0}, None,
        name="quiet-hill-3", started_us=START_US + 2)  # fmt: skip
    run("d", {"lr": None}, {"loss": 1.0}, None, name="bare_4")
    saved(server, "d", rows=1)

    def found(text: str) -> list[str]:
        return sorted(runs(server, filter=text))

    assert found("") == ["a", "b", "c", "d"]
    for text, ids in {
        "quiet": "ac", "QUIET": "ac", "second": "b", "baseline": "ab", '"quiet-hill-3"': "c", "bare_4": "d",
        "bare%": "", "state:running": "cd", "state:finished or state:failed": "ab", "exit_code:1": "b",
        "not state:running": "ab", "tags:baseline": "ab", "tags:base": "", "tags~BASE": "ab",
        "tags:base*": "ab",
        'tags:""': "cd", "not tags:old": "bcd", "group:old": "a", 'group:""': "bcd", "group!:old": "bcd",
        "lr>=0.05": "a", "lr<1": "ab", "lr:0.01": "b", "lr:1e-2": "b", "lr:auto": "c", "lr:*": "abc",
        "not lr:*": "d", "lr!:auto": "abd", "not lr>=0.05": "bcd", "summary.lr:3": "c",
        "config.model.depth:50": "a", "model.name:resnet*": "ab", "model.name~NET1": "b", "config.a.b:5": "c",
        r"config.a\.b:5": "c", "on:true": "b", "on:1": "b", "summary.acc>0.9": "", "acc>0.6": "b",
        "acc:NaN": "c", "lr:null": "d", "lr!:null": "abc", 'lr:"null"': "",
        "val.f1:1": "a", "user:me": "abcd", "user:ada": "abcd", "user:bob": "", "runtime>=90": "ab",
        "runtime>2m": "", "finished:*": "ab", "finished<2020-01-01": "", "not finished:*": "cd",
        "created<1h": "", "created>1h": "abcd", "started:2023-11-14": "abcd", "step:0": "abcd", "nokey:1": "",
        "(quiet or loud) state:finished": "a", "not (quiet or loud)": "d", "attempt:1 rows:1": "abcd",
    }.items():  # fmt: skip
        assert found(text) == list(ids), text

    # NaN and missing come last in both directions, numbers before text.
    assert runs(server, sort="summary.acc,name") == ["a", "b", "d", "c"]
    assert runs(server, sort="-acc,name") == ["b", "a", "d", "c"]
    assert runs(server, sort="config.lr") == ["b", "a", "c", "d"]
    assert runs(server, sort="-config.lr") == ["a", "b", "c", "d"]
    assert runs(server, sort="name") == ["d", "b", "c", "a"]
    assert runs(server, sort="-started,name") == ["c", "b", "d", "a"]
    assert runs(server, sort="finished,-name")[2:] == ["c", "d"]
    answer = server.get(f"{PROJECT}/runs?sort=name&offset=1&limit=2&filter=not%20lr:auto")
    assert (answer["total"], answer["matching"]) == (4, 3)
    assert [run["id"] for run in answer["runs"]] == ["b", "a"]
    first = answer["runs"][1]
    assert first["config"]["model"] == {"depth": 50, "name": "resnet50"} and first["tags"] == [
        "baseline",
        "old",
    ]
    assert first["summary"]["val"] == {"f1": 1}
    assert server.get(f"{PROJECT}/runs?filter=acc:NaN")["runs"][0]["summary"]["acc"] == "NaN"

    status, headers, body = fetch(server, f"{PROJECT}/runs?filter=lr%3Eabc")
    problem = json.loads(body)
    assert status == 400 and headers["content-type"] == "application/problem+json"
    assert (problem["code"], problem["position"], problem["token"]) == ("filter", 3, "abc")

    fields = {item["path"]: item for item in server.get(f"{PROJECT}/fields")["fields"]}
    assert fields["config.model.depth"] == {
        "path": "config.model.depth",
        "kind": "number",
        "runs": 2,
    }
    assert fields["summary.acc"]["runs"] == 3 and r"config.a\.b" in fields


def test_groups_of_all_runs(server: LiveServer) -> None:
    """ui-spec 4.3: keys, counts, honest n of the numbers, members; a page of it with an ETag."""
    for id, lr, tags, loss, code in (
        ("a", 0.1, ["x", "y"], 1.0, 0), ("b", 0.1, [], 3.0, 1),
        ("c", 0.1, ["x"], math.nan, 0), ("d", None, [], 9, 0),
    ):  # fmt: skip
        one = record(server, id, tags=tags)
        one.record(Config(set={"lr": lr} if lr else {})).row({"loss": loss}, 0)
        one.record(Finish(exit_code=code, time_us=START_US, runtime_us=1)).send()
        saved(server, id, rows=1)
    asked = "by=config.lr&columns=summary.loss,created&members=2&sort=id"
    answer = server.get(f"{PROJECT}/groups?{asked}")
    assert (answer["total"], answer["matching"], answer["count"]) == (4, 4, 2)
    first, other = answer["groups"]
    assert first["values"] == [0.1] and first["members"] == ["a", "b"] and first["color"] == 0
    assert (first["runs"], first["states"]) == (3, {"finished": 2, "failed": 1})
    assert first["columns"]["summary.loss"] == {
        "n": 2, "mean": 2.0, "std": pytest.approx(math.sqrt(2)), "min": 1.0, "max": 3.0,
    }  # fmt: skip
    assert first["columns"]["created"]["n"] == 3
    assert other["values"] == [None] and other["columns"]["summary.loss"]["std"] is None
    tags = server.get(f"{PROJECT}/groups?by=tags,state&filter=lr:0.1&sort=id")
    assert [(group["values"], group["runs"]) for group in tags["groups"]] == [
        (["x", "finished"], 2), (["y", "finished"], 1), ([None, "failed"], 1),
    ]  # fmt: skip
    page = server.get(f"{PROJECT}/groups?by=tags&sort=id&offset=1&limit=1")
    assert page["count"] == 3 and [group["values"] for group in page["groups"]] == [["y"]]
    _, headers, _ = fetch(server, f"{PROJECT}/groups?{asked}")
    tag = {"If-None-Match": headers["etag"]}
    assert fetch(server, f"{PROJECT}/groups?{asked}", **tag)[0] == 304
    for wrong in ("", "by=", "by=a,b,c,d", "by=-a", "by=lr&limit=0", "by=lr&members=9999"):
        assert fetch(server, f"{PROJECT}/groups?{wrong}")[0] == 400, wrong


def test_metrics_with_their_definitions(server: LiveServer) -> None:
    """D-06: what `define_metric` says reaches the panels."""
    one = record(server, "one")
    one.record(Metric(name="val/*", step_metric="epoch", goal="maximize"))
    one.record(Metric(name="secret", hidden=True))
    one.row({"loss": 1.0, "val/acc": 0.5, "secret": 1, "note": "x", "a.b": 1}, 0)
    one.row({"later": 1}, 1).send()
    writer = one.stream
    machine = Recorder(server.url, server.key, "one", role="uploader", writer=writer)
    machine.row({"cpu": 3.5}, 0, Kind.SYSTEM).row({"cpu": 4.5}, 1, Kind.SYSTEM).send()

    def listed() -> dict[str, dict[str, Any]]:
        return {item["path"]: item for item in server.get(f"{PROJECT}/metrics")["metrics"]}

    until(lambda: {"later", "cpu"} <= listed().keys())
    metrics = listed()
    # In the order of their first rows, those that came together by name.
    assert [m["path"] for m in metrics.values() if m["space"] == "history"] == [
        r"a\.b", "loss", "note", "secret", "val/acc", "later",
    ]  # fmt: skip
    assert metrics["val/acc"]["step_metric"] == "epoch" and metrics["val/acc"]["goal"] == "maximize"
    assert metrics["secret"]["hidden"] and metrics["note"]["kind"] == "text"
    assert metrics[r"a\.b"]["label"] == "a.b" and metrics["cpu"]["space"] == "system"
    (cpu,) = series(server, metrics=["cpu"], runs=["one"], space="system", x="_timestamp").values()
    assert cpu["first"].tolist() == [3.5, 4.5] and cpu["x"][0] == START_US / 1e6
    rows = decode_value(fetch(server, f"{PROJECT}/runs/one/history?space=system")[2])["rows"]
    assert [row["cpu"] for row in rows] == [3.5, 4.5]
    (dotted,) = series(server, metrics=[r"a\.b"], runs=["one"]).values()
    assert dotted["first"].tolist() == [1]


def test_an_earlier_attempt_stays_readable(server: LiveServer) -> None:
    """design §3 `init` and the network, 7: a new run under an old id."""
    record(server, "one").rows("loss", [1.0, 2.0]).record(
        Finish(exit_code=0, time_us=START_US, runtime_us=1)
    ).send()
    record(server, "one", started_us=START_US + 10).rows("loss", [5.0]).send()
    history = f"{PROJECT}/runs/one/history"
    latest = decode_value(fetch(server, history)[2])["rows"]
    earlier = decode_value(fetch(server, f"{history}?attempt=1")[2])["rows"]
    assert [row["loss"] for row in latest] == [5.0]
    assert [row["loss"] for row in earlier] == [1.0, 2.0]
    assert fetch(server, f"{history}?attempt=9")[0] == 404


@pytest.mark.parametrize(
    "path",
    ["runs", "groups?by=lr", "fields", "metrics", "runs/one/history", "runs/one/console", "series"],
)
def test_what_one_may_not_see_does_not_exist(server: LiveServer, path: str) -> None:
    record(server, "one").row({"loss": 1.0}, 0).send()
    body = {"metrics": ["loss"], "runs": ["one"]} if path == "series" else None
    assert fetch(server, f"{PROJECT}/{path}", body)[0] == 200
    assert fetch(server, f"/api/v1/projects/ada/nothing/{path}", body)[0] == 404
    assert fetch(server, f"/api/v1/projects/bob/digits/{path}", body)[0] == 404
    assert fetch(server, f"{PROJECT}/{path}", body, Authorization="Bearer wrong")[0] == 401
    if path.startswith("runs/"):
        assert fetch(server, f"{PROJECT}/{path.replace('one', 'nobody')}")[0] == 404


def test_bad_questions_are_refused(server: LiveServer) -> None:
    record(server, "one").row({"loss": 1.0}, 0).send()
    good = {"metrics": ["loss"], "runs": ["one"]}
    for bad in (
        {"metrics": "loss"}, {"runs": None}, {"space": "files"}, {"buckets": 0}, {"x_min": 2, "x_max": 1},
        {"x_min": "a"}, {"runs": ["r"] * 6000},
    ):  # fmt: skip
        status, headers, _ = fetch(server, f"{PROJECT}/series", good | bad)
        assert (status, headers["content-type"]) == (400, "application/problem+json"), bad
    for bad in ("limit=0", "limit=1001", "offset=-1", "sort=a,,b", "filter=(a"):
        assert fetch(server, f"{PROJECT}/runs?{bad}")[0] == 400, bad
    assert fetch(server, f"{PROJECT}/runs/one/console?tail=x")[0] == 400
    assert fetch(server, "/api/v1/events?project=oops")[0] == 400
    assert fetch(server, "/api/v1/events?project=ada/nothing")[0] == 404


def test_lists_cut_long_values_and_the_client_gets_them_whole(logged_in: LiveServer) -> None:
    """Two runs with a config value of 10 MB do not make a list of 20 MB; nobody loses a byte."""
    config = {"big": "x" * 10_000_000, "lr": 0.1, "sizes": list(range(100_000))}
    for name in ("one", "two"):
        record(logged_in, name).record(Config(set=config)).row({"loss": 1.5}, 0).send()
        saved(logged_in, name, 1)
    status, _, body = fetch(logged_in, f"{PROJECT}/runs")
    assert status == 200 and len(body) < 10_000
    [shown, _] = json.loads(body)["runs"]
    assert shown["config"]["lr"] == 0.1 and len(shown["config"]["big"]) == 1_000
    assert shown["config"]["sizes"] == {"_type": "omitted", "items": 100_000}
    with Api() as api:
        for run in api.runs("ada/digits"):
            assert run.config == config and run.summary["loss"] == 1.5
