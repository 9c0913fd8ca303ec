"""The second door against who means ill: nothing breaks or takes long, nothing is done without rights."""

from __future__ import annotations

import base64
import gzip
import json
import random
import time
from typing import Any

import pytest

from kiseki.server.wandb.signing import Permit, Signer
from tests.unit.server.asgi import Answer, Door
from tests.unit.server.people import Person, invited, operator

LINES = "/files/ada/digits/r1/file_stream"
START = """mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String,
 $config: JSONString, $host: String, $summary: JSONString, $tags: [String!]) {
  upsertBucket(input: {id: $id, name: $name, modelName: $project, entityName: $entity, config: $config,
    host: $host, summaryMetrics: $summary, tags: $tags}) {
      bucket { id name displayName historyLineCount project { name entity { name } } } inserted } }"""
RUN = """query Run($p: String!, $e: String!, $n: String!, $spec: [JSONString!]!, $k: Int64!, $f: String) {
  project(name: $p, entityName: $e) { id run(name: $n) { id config summaryMetrics historyKeys systemMetrics
    sampledHistory(specs: $spec) history(minStep: $k, maxStep: 9, samples: 5) events(samples: 3)
    logLines(first: 3, after: $f) { edges { node { line } } }
    files(after: $f, first: 3, pattern: $f) { edges { node { name url } } } }
    runs(filters: $f, order: $f, first: 2) { edges { node { id } } } } }"""
FILES = """mutation F($e: String!, $p: String!, $r: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $e, projectName: $p, runName: $r, files: $files}) {
    files { name uploadUrl } } }"""
REWIND = """mutation R($n: String!, $e: String, $p: String, $v: Float!) {
  rewindRun(input: {runName: $n, entityName: $e, projectName: $p, metricName: "_step", metricValue: $v}) {
    rewoundRun { id historyLineCount } } }"""
BY_ID = """mutation D($id: ID!) {{ {name}(input: {{id: $id}}) {{ {field} }} }}"""
DOCUMENTS = (START, RUN, FILES, REWIND, BY_ID.format(name="stopRun", field="success"))


def graphql(person: Person, query: str, **variables: Any) -> Answer:
    body = json.dumps({"query": query, "variables": variables}).encode()
    return person.send("/graphql", body)


def started(person: Person, run: str = "r1", entity: str = "ada") -> str:
    """Start a run, and return its id on this wire."""
    answer = graphql(
        person,
        START,
        name=run,
        project="digits",
        entity=entity,
        host="h",
        config='{"a":{"value":1}}',
    )
    found: str = answer.json["data"]["upsertBucket"]["bucket"]["id"]
    return found


@pytest.fixture
def ada(door: Door) -> Person:
    return operator(door)


# ── generated bodies ──


class Chance:
    """Bodies that are nearly right, in ways that are not: the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        pick = self.random.randrange(16 if depth < 4 else 11)
        simple: list[Any] = [
            None, True, -1, 2**70, 1e308, float("nan"), float("inf"), "", "r1", "\ud800\0‮" * 3,
            self.random.choice(["ada", "digits", "../..", "a" * 5_000, '{"$not":{}}', "^((a+)+)+$"]),
        ]  # fmt: skip
        if pick < len(simple):
            return simple[pick]
        if pick < 13:
            return [self.value(depth + 1) for _ in range(self.random.randrange(5))]
        return {self.key(): self.value(depth + 1) for _ in range(self.random.randrange(5))}

    def key(self) -> str:
        return self.random.choice(
            ["id", "name", "_step", "_timestamp", "_wandb", "e", "m", "value", "a.b", "", "\0", "$and",
             "$regex", "branch_point", "run_id", "step", "t", "x" * 300, "config.a", "offset", "content"]
        )  # fmt: skip

    def text(self) -> str:
        """JSON as the client would put into a text; sometimes it is none."""
        found = json.dumps(self.value())
        return found if self.random.random() < 0.8 else found[: self.random.randrange(1, 9)]

    def document(self) -> str:
        found = self.random.choice(DOCUMENTS)
        for _ in range(self.random.randrange(3)):
            at = self.random.randrange(len(found))
            piece = self.random.choice(
                ["{", "}", "(", "$x", "...F", "@include(if: $x)", "a:a", '"', "\0", "[", "!", "\ud800",
                 "__schema{types{name}}", "... on Run{id}", "fragment F on Run{...F}", "query Q{a}", "#"]
            )  # fmt: skip
            found = found[:at] + piece + found[at + self.random.randrange(4) :]
        return found

    def graphql(self) -> bytes:
        names = ["id", "name", "project", "entity", "config", "host", "summary", "tags", "p", "e", "n",
                 "spec", "k", "f", "r", "files", "v"]  # fmt: skip
        variables: dict[str, Any] = {}
        for name in names:
            if self.random.random() < 0.5:
                variables[name] = self.text() if self.random.random() < 0.5 else self.value()
        right = {
            "name": "r1",
            "project": "digits",
            "entity": "ada",
            "p": "digits",
            "e": "ada",
            "n": "r1",
            "k": 0,
        }
        for name, value in right.items():
            if self.random.random() < 0.6:
                variables[name] = value
        body: Any = {"query": self.document(), "variables": variables}
        if self.random.random() < 0.1:
            body = self.random.choice(
                [None, [], {"query": 1}, {"query": "", "variables": []}, [body]]
            )
        return self.torn(json.dumps(body).encode("utf-8", "surrogatepass"))

    def lines(self) -> bytes:
        files: dict[str, Any] = {}
        for name in (
            "wandb-history.jsonl",
            "wandb-events.jsonl",
            "wandb-summary.json",
            "output.log",
        ):
            if self.random.random() < 0.6:
                content: Any = [self.text() for _ in range(self.random.randrange(6))]
                offset: Any = self.random.choice([0, 0, 1, 5, -1, 2**70, "0", None, 1.5])
                files[name] = {"offset": offset, "content": content}
            if self.random.random() < 0.1:
                files[name] = self.value()
        body: Any = {"files": files, "uploaded": self.value()}
        if self.random.random() < 0.3:
            body |= {"complete": self.value(), "exitcode": self.value(), "preempting": self.value()}
        if self.random.random() < 0.05:
            body = self.value()
        return self.torn(json.dumps(body).encode("utf-8", "surrogatepass"))

    def torn(self, body: bytes) -> bytes:
        if self.random.random() < 0.05:
            return body[: self.random.randrange(len(body) + 1)]
        if self.random.random() < 0.05 and body:
            at = self.random.randrange(len(body))
            return body[:at] + self.random.randbytes(3) + body[at:]
        return body


def throw(door: Door, who: Person, seed: int, count: int) -> float:
    """Send generated bodies, with and without a key; return the most CPU seconds that one took."""
    chance, nobody, most = Chance(seed), Person(door), 0.0
    for number in range(count):
        person = nobody if number % 4 == 3 else who
        headers = {}
        if number % 2:
            path, body = LINES, chance.lines()
            if number % 10 == 1:
                body, headers = (
                    gzip.compress(body)[: chance.random.choice([None, 30])],
                    {"content-encoding": "gzip"},
                )
        else:
            path, body = "/graphql", chance.graphql()
        began = time.process_time()
        answer = Person(door, {**person.headers, **headers}).send(path, body)
        most = max(most, time.process_time() - began)
        assert answer.status < 500 or answer.status == 503, (seed, number, answer.body, body)
        if person is nobody:
            assert answer.status == 401, (seed, number)
    return most


@pytest.mark.parametrize("seed", range(3))
def test_generated_bodies_break_nothing(door: Door, ada: Person, seed: int) -> None:
    started(ada)
    throw(door, ada, seed, 150)
    assert graphql(ada, "{ viewer { id } }").json["data"]["viewer"]["id"]


@pytest.mark.slow
def test_ten_thousand_generated_bodies(door: Door, ada: Person) -> None:
    started(ada)
    assert throw(door, ada, 99, 10_000) < 1


# ── documents that cost ──


@pytest.mark.parametrize(
    "query",
    [
        "{" + "a" * 200_000 + "}",
        "{ viewer " + "{ teams { edges { node " * 400 + "{ name }" + "} } }" * 400 + " }",
        "{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(3_000)) + " }",
        "{ viewer { ...A } } fragment A on User { ...B } fragment B on User { ...A }",
        "{ viewer { ...F0 } } "
        + " ".join(f"fragment F{n} on User {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
        + " fragment F40 on User { id }",
        "{ viewer { " + "... on User { " * 5_000 + "id" + " }" * 5_000 + " } }",
        "".join(f"query Q{n} {{ viewer {{ id }} }} " for n in range(50)),
        "{ viewer(a: " + "[" * 50_000 + "]" * 50_000 + ") { id } }",
        "{ __schema { types { fields { type { ofType { ofType { ofType { name } } } } } } }" * 30,
    ],
)
def test_a_document_that_costs_is_refused(ada: Person, query: str) -> None:
    answer = graphql(ada, query)
    assert answer.status == 400 and answer.json["errors"][0]["message"]


def test_nobody_is_told_the_schema(door: Door) -> None:
    answer = graphql(Person(door), "{ __schema { types { name } } }")
    assert answer.status == 401
    assert answer.json["errors"][0]["message"] == answer.json["detail"]


# ── walls ──


@pytest.fixture
def carl(door: Door, ada: Person) -> Person:
    return invited(door, ada, "carl")


def test_what_is_anothers_stays_so(door: Door, ada: Person, carl: Person) -> None:
    id = started(ada)
    before = ada.get("/api/v1/projects/ada/digits/runs/r1")

    def refused(query: str, **variables: Any) -> bool:
        found = graphql(carl, query, **variables).json
        return bool(found["errors"]) and not any((found["data"] or {}).values())

    place = {"name": "r1", "project": "digits", "entity": "ada"}
    assert refused(START, **place, host="h", config='{"a":{"value":2}}')
    assert refused(START, id=id, host="h", config='{"a":{"value":2}}')
    assert refused(START, id=id, tags=["mine"])
    assert refused(START, id=id, summary='{"a":1}')
    assert refused(REWIND, n="r1", e="ada", p="digits", v=0)
    assert refused(FILES, e="ada", p="digits", r="r1", files=["a"])
    for name, field in (("stopRun", "success"), ("deleteRun", "clientMutationId")):
        assert refused(BY_ID.format(name=name, field=field), id=id)
    found = graphql(carl, RUN, p="digits", e="ada", n="r1", spec=[], k=0)
    assert found.json["data"]["project"] is None
    assert graphql(carl, '{ entity(name: "ada") { id } }').json["data"]["entity"] is None
    lines = {"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0,"x":1}']}}}
    assert carl.send(LINES, json.dumps(lines).encode()).status == 404
    assert carl.send(LINES.replace("r1", "r2"), json.dumps(lines).encode()).status == 404
    assert ada.get("/api/v1/projects/ada/digits/runs/r1") == before


def test_signed_addresses(door: Door, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    started(ada)
    nobody = Person(door)

    def address(run: str = "r1") -> str:
        answer = graphql(ada, FILES, e="ada", p="digits", r=run, files=["a b/ä.txt"])
        url: str = answer.json["data"]["createRunFiles"]["files"][0]["uploadUrl"]
        return url.removeprefix("http://127.0.0.1:7500")

    path = address()
    assert nobody.send(path, b"content", "PUT").status == 200
    assert nobody.ask("GET", path).status == 403  # it is for putting
    for index in (25, 60, -2):
        changed = "A" if path[index] != "A" else "B"
        forged = path[:index] + changed + (path[index + 1 :] if index != -2 else path[-1])
        assert nobody.send(forged, b"other", "PUT").status == 403, index
    own = Signer(b"another secret").sign(Permit("put", 1, "ada", "digits", "r1", "a b/ä.txt"))
    assert nobody.send(f"/files/-/signed/{own}", b"other", "PUT").status == 403
    assert nobody.send("/files/-/signed/%00%ff", b"other", "PUT").status == 403
    assert (
        ada.ask("GET", "/api/v1/projects/ada/digits/runs/r1/files/a%20b/%C3%A4.txt").body
        == b"content"
    )

    monkeypatch.setattr("kiseki.server.wandb.signing.LIFETIME_US", -1)
    assert nobody.send(address(), b"late", "PUT").status == 403
    monkeypatch.undo()

    deleted = address()
    assert ada.ask("DELETE", "/api/v1/projects/ada/digits/runs/r1").status in (200, 204)
    assert nobody.send(deleted, b"kept", "PUT").status == 200
    monkeypatch.setattr("kiseki.core.trash.KEPT_US", -1)
    assert list(door.core.trash.purge())
    assert nobody.send(deleted, b"other", "PUT").status == 404


def test_files_stay_in_their_run(ada: Person) -> None:
    started(ada)
    for name in ("../r2/a", "/etc/passwd", "a/../../b", "", "a\0b", "x" * 5_000):
        answer = graphql(ada, FILES, e="ada", p="digits", r="r1", files=[name])
        assert answer.status == 200 and answer.json["errors"], name


def test_a_bomb_is_not_inflated(ada: Person, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    started(ada)
    monkeypatch.setattr("kiseki.server.wandb.routes.INFLATED_BYTES_MAX", 1024 * 1024)
    bomb = gzip.compress(b"0" * (2 * 1024 * 1024), 9)
    headers = {**ada.headers, "content-encoding": "gzip"}
    assert Person(door, headers).send(LINES, bomb).status == 413


def test_basic_credentials_of_others_are_none(door: Door, ada: Person) -> None:
    for text in (b"api:", b"api:wrong", b"ada:x", b"\xff\xfe", b"api"):
        value = "Basic " + base64.b64encode(text).decode()
        assert graphql(Person(door, {"authorization": value}), "{ viewer { id } }").status == 401
