"""Exports: all matching runs, exact values, a bounded number at a time; lists of names that stay the same."""

from __future__ import annotations

import csv
import io
import json
import math
import tracemalloc
import uuid
from typing import Any

import pytest

from kiseki.core.query import exports as core_exports
from kiseki.record.types import Config
from kiseki.server.api import encoding
from tests.unit.server.asgi import Door
from tests.unit.server.people import Person, operator, refusal
from tests.unit.server.test_api import frames, opening

HERE = "/api/v1/projects/ada/digits"
LR = 0.1 + 0.2  # 0.30000000000000004
HOSTILE = 'a,"b"\nc;=1+1'


@pytest.fixture
def ada(door: Door) -> Person:
    who = operator(door)
    for n in range(7):
        config = {"lr": LR * (n + 1), "layers": [1, 2], "deep": {"a.b": n}, "big": 2**60 + n}
        if n == 3:
            config["note"] = HOSTILE
        values: list[tuple[Any, ...]] = [
            (0, step, 1_700_000_000_000_000 + step, step, [v])
            for step, v in enumerate([0.1, math.nan, math.inf, LR])
        ]
        send(who, n, Config(set=config), *values)
    door.core.folds.save_all()
    return who


def send(who: Person, n: int, *records: Any) -> None:
    stream = uuid.uuid4().hex
    options = {"name": f"n{n}", "tags": ["even"] if n % 2 == 0 else []}
    body = frames(*opening(stream, run=f"r{n}", **options), *records)
    assert who.send(f"/api/v1/streams/{stream}/records", body).status == 200


def text(who: Person, path: str) -> str:
    answer = who.ask("GET", f"{HERE}/export/{path}")
    assert answer.status == 200, answer.body
    return answer.body.decode()


def table(who: Person, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(who, path), newline="")))


@pytest.mark.parametrize("step", [2, 100])
def test_all_matching_runs_with_exact_values(
    ada: Person, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(core_exports, "STEP", step)
    rows = table(ada, "runs?sort=name")
    assert [row["id"] for row in rows] == [f"r{n}" for n in range(7)]
    assert float(rows[0]["config.lr"]) == LR and rows[0]["config.lr"] == repr(LR)
    assert int(rows[5]["config.big"]) == 2**60 + 5
    assert (rows[3]["config.note"], rows[2]["config.note"]) == (HOSTILE, "")
    assert json.loads(rows[0]["tags"]) == ["even"]
    chosen = 'columns=name,config.lr,layers,"config.deep.a\\\\.b",summary.loss,created,nothing.here'
    (row,) = table(ada, f"runs?filter=name:n4&{chosen}")
    assert list(row)[:3] == ["name", "config.lr", "layers"]
    assert json.loads(row["layers"]) == [1, 2]
    assert list(row.values())[3] == "4" and float(row["summary.loss"]) == LR
    assert row["created"].endswith("Z") and row["nothing.here"] == ""
    best = table(
        ada, "runs?columns=id,metric.max.loss,metric.best.loss&sort=id&filter=metric.min.loss:0.1"
    )
    assert [(row["id"], row["metric.max.loss"], row["metric.best.loss"]) for row in best] == [
        (f"r{n}", repr(LR), "0.1") for n in range(7)
    ]
    assert refusal(ada.ask("GET", f"{HERE}/export/runs?columns=metric.at.3.loss")) == (
        400,
        "columns",
    )
    whole = json.loads(text(ada, "runs?format=json&sort=name"))
    assert whole == [
        json.loads(line) for line in text(ada, "runs?format=jsonl&sort=name").splitlines()
    ]
    assert whole[3]["config"]["note"] == HOSTILE and whole[6]["config"]["deep"] == {"a.b": 6}
    some = json.loads(text(ada, "runs?format=json&columns=id,lr&filter=tags:even&sort=id"))
    assert some == [{"id": f"r{n}", "lr": LR * (n + 1)} for n in (0, 2, 4, 6)]
    assert json.loads(text(ada, "runs?format=json&filter=name:zz")) == []
    assert text(ada, "runs?format=jsonl&filter=name:zz") == ""
    answer = ada.ask("GET", f"{HERE}/export/runs")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].endswith("digits-runs.csv")
    for bad, code in (
        ("filter=lr>>", "filter"),
        ("columns=,", "filter"),
        ("format=xml", "query"),
    ):
        refused = ada.ask("GET", f"{HERE}/export/runs?{bad}")
        assert refused.status == 400, (bad, code, refused.body)


def test_every_row_of_a_metric(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_exports, "PAGE_ROWS", 3)
    monkeypatch.setattr(core_exports, "STEP", 2)
    rows = table(ada, "series?metric=loss&sort=name")
    assert len(rows) == 7 * 4
    assert [row["run"] for row in rows[:5]] == ["r0"] * 4 + ["r1"]
    first = rows[:4]
    assert [row["step"] for row in first] == ["0", "1", "2", "3"]
    assert [row["value"] for row in first] == ["0.1", "NaN", "Infinity", repr(LR)]
    assert float(first[3]["time"]) == 1_700_000_000.000003
    lines = text(ada, "series?metric=loss&runs=r2&runs=r1&format=jsonl").splitlines()
    assert [json.loads(line)["run"] for line in lines] == ["r2"] * 4 + ["r1"] * 4
    assert json.loads(lines[3])["value"] == LR
    assert text(ada, "series?metric=absent") == "run,step,time,metric,value\r\n"
    assert refusal(ada.ask("GET", f"{HERE}/export/series")) == (400, "metric")
    assert refusal(ada.ask("GET", f"{HERE}/export/series?metric=loss&runs=r9")) == (404, "absent")


def test_an_export_is_read_as_it_is_sent(door: Door, ada: Person) -> None:
    """What is held at once does not grow with the number of runs: of 40 large configs a few."""
    for n in range(40):
        send(ada, 100 + n, Config(set={"blob": f"{n:02}" * 100_000}))
    door.core.folds.save_all(close=True)
    project = door.core.meta.project("ada", "digits")
    assert project is not None
    exports = door.core.exports
    numbers = exports.choose(project, filter="name~n1")
    tracemalloc.start()
    try:
        core_exports_step, core_exports.STEP = core_exports.STEP, 2
        seen = sum(1 for _ in exports.runs(numbers))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        core_exports.STEP = core_exports_step
        tracemalloc.stop()
    assert seen == 41 and peak < 40 * 200_000 / 3


def test_a_list_is_sent_again_only_when_it_says_something_else(door: Door, ada: Person) -> None:
    """What is saved of one run leaves the lists as they are in which it does not stand."""
    send(ada, 9, Config(set={"lr": 0.5}))
    door.core.folds.save_all()
    paths = ("runs?filter=lr:0.5", "groups?by=config.lr&filter=lr:0.5", "values?key=config.lr")
    tags = {path: ada.ask("GET", f"{HERE}/{path}").headers["etag"] for path in paths}
    assert len(set(tags.values())) == 3
    project = door.core.meta.project("ada", "digits")
    ada.ask("PATCH", f"{HERE}/runs/r0", {"notes": "another run"})
    now = door.core.meta.project("ada", "digits")
    assert project is not None and now is not None and now.epoch > project.epoch
    for path, tag in tags.items():
        again = door.ask("GET", f"{HERE}/{path}", headers={**ada.headers, "if-none-match": tag})
        assert (again.status, again.body) == (304, b""), path
    ada.ask("PATCH", f"{HERE}/runs/r9", {"group": "other"})
    again = door.ask(
        "GET", f"{HERE}/{paths[0]}", headers={**ada.headers, "if-none-match": tags[paths[0]]}
    )
    assert again.status == 200 and '"group":"other"' in again.body.decode()


def test_an_answer_is_made_once_for_all_who_ask(
    door: Door, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    find = door.core.queries.list_runs

    def counted(*args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs["filter"])
        return find(*args, **kwargs)

    monkeypatch.setattr(door.core.queries, "list_runs", counted)
    first = ada.ask("GET", f"{HERE}/runs?filter=r").body
    assert ada.ask("GET", f"{HERE}/runs?filter=r").body == first and asked == ["r"]
    ada.ask("GET", f"{HERE}/runs?filter=r&limit=1")
    assert asked == ["r", "r"]


def test_names_are_asked_for_again_only_when_they_change(
    door: Door, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = {
        path: ada.ask("GET", f"{HERE}/{path}").headers["etag"] for path in ("metrics", "fields")
    }
    listed = ada.ask("GET", f"{HERE}/runs").headers["etag"]
    ada.ask("PATCH", f"{HERE}/runs/r0", {"notes": "lists of runs change, names do not"})
    assert ada.ask("GET", f"{HERE}/runs").headers["etag"] != listed
    for path, tag in tags.items():
        again = door.ask("GET", f"{HERE}/{path}", headers={**ada.headers, "if-none-match": tag})
        assert (again.status, again.body) == (304, b"")
    send(ada, 8, Config(set={"new": 1}))
    door.core.folds.save_all()
    again = door.ask(
        "GET", f"{HERE}/fields", headers={**ada.headers, "if-none-match": tags["fields"]}
    )
    assert again.status == 200 and "config.new" in again.body.decode()
    monkeypatch.setattr(encoding, "COMPRESSED_FROM", 10)
    monkeypatch.setattr(encoding, "is_loopback", lambda host: False)
    far = door.ask(
        "GET", f"{HERE}/fields", headers={**ada.headers, "accept-encoding": "gzip, zstd"}
    )
    assert far.headers["content-encoding"] == "zstd"


def test_a_project_says_about_what_it_takes(ada: Person) -> None:
    before = ada.get(HERE)["bytes"]
    assert before > 0
    answer = ada.send(f"{HERE}/runs/r1/files/model.bin", b"x" * 100_000, "PUT")
    assert answer.status in (200, 201)
    assert ada.get(HERE)["bytes"] - before >= 100_000
    (listed,) = ada.get("/api/v1/projects")["projects"]
    assert listed == ada.get(HERE)
