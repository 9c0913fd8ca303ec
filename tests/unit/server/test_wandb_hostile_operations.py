"""Every operation of the second door with arguments that are nearly right, artifacts and their addresses
above all: nothing breaks or takes long, nothing is read or done without rights.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import time
from typing import Any

import graphql as gql
import pytest

from kiseki.server.wandb import signing
from kiseki.server.wandb.execution import schema
from kiseki.server.wandb.ids import storage_id
from tests.unit.server.asgi import HOST, Answer, Door
from tests.unit.server.people import Person, invited, operator
from tests.unit.server.test_wandb_hostile import FILES, LINES, graphql, started

MARK = "s3cret-of-ada"
CREATE = """mutation C($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state } } }"""
MANIFEST = """mutation M($input: CreateArtifactManifestInput!) {
  createArtifactManifest(input: $input) { artifactManifest { id file { uploadUrl } } } }"""
CONTENT = """mutation F($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) { files { edges { node { name uploadUrl } } } } }"""
COMMIT = """mutation C($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { id digest } } }"""
ALL = """query A($id: ID!) { artifact(id: $id) { id state description metadata size digest fileCount
    tags { name } aliases { alias } usedBy { edges { node { name } } }
    artifactSequence { id name description tags { edges { node { name } } } }
    artifactMemberships { edges { node { versionIndex artifactCollection { name } } } } }
  project(name: "digits", entityName: "ada") { id runCount
    artifactTypes { edges { node { name artifactCollections { edges { node { name } } } } } }
    runs { edges { node { id displayName state notes tags config summaryMetrics historyLineCount
      files { edges { node { name md5 } } } logLines(first: 9) { edges { node { line } } }
      outputArtifacts { edges { node { id } } } inputArtifacts { edges { node { id } } } } } } } }"""


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def manifest(files: dict[str, bytes]) -> bytes:
    contents = {
        path: {"digest": md5(data), "size": len(data), "birthArtifactID": "x"}
        for path, data in files.items()
    }
    return json.dumps({"version": 1, "contents": contents}).encode()


@pytest.fixture
def ada(door: Door) -> Person:
    return operator(door)


@pytest.fixture
def carl(door: Door, ada: Person) -> Person:
    return invited(door, ada, "carl")


def data_of(answer: Answer) -> dict[str, Any]:
    assert "errors" not in answer.json, answer.json
    found: dict[str, Any] = answer.json["data"]
    return found


def begun(who: Person, **more: Any) -> str:
    given = {
        "entityName": "ada",
        "projectName": "digits",
        "runName": "r1",
        "artifactTypeName": "set",
    }
    given |= {"artifactCollectionName": "data", "digest": "d0", "description": MARK, **more}
    found: str = data_of(graphql(who, CREATE, input=given))["createArtifact"]["artifact"]["id"]
    return found


def manifest_address(who: Person, id: str, text: bytes) -> str:
    answer = graphql(who, MANIFEST, input={"artifactID": id, "digest": md5(text)})
    return path_of(data_of(answer)["createArtifactManifest"]["artifactManifest"]["file"])


def content_address(who: Person, id: str, content: bytes, name: str = "a.bin") -> str:
    spec = {"artifactID": id, "name": name, "md5": md5(content)}
    answer = graphql(who, CONTENT, input={"artifactFiles": [spec]})
    return path_of(data_of(answer)["createArtifactFiles"]["files"]["edges"][0]["node"])


def path_of(file: dict[str, Any]) -> str:
    found: str = file["uploadUrl"]
    return found.removeprefix(f"http://{HOST}")


def logged(door: Door, who: Person) -> str:
    """Log an artifact of one file, and return its id."""
    id, nobody = begun(who), Person(door)
    assert nobody.send(content_address(who, id, b"one"), b"one", "PUT").status == 200
    text = manifest({"a.bin": b"one"})
    assert nobody.send(manifest_address(who, id, text), text, "PUT").status == 200
    assert data_of(graphql(who, COMMIT, id=id))["commitArtifact"]["artifact"]["id"] == id
    return id


# ── every operation ──


class Asker:
    """Operations made from the schema, with arguments that are nearly right; the same for the same seed."""

    def __init__(self, seed: int, ids: list[str]) -> None:
        self.random = random.Random(seed)
        self.ids = ids
        self.variables: dict[str, Any] = {}
        self.types: list[str] = []

    def operation(self, writes: float = 0.6) -> dict[str, Any]:
        self.variables, self.types = {}, []
        is_query = self.random.random() > writes
        root = schema().query_type if is_query else schema().mutation_type
        assert root is not None
        name = self.random.choice(list(root.fields))
        text = self.field(name, root.fields[name], 0)
        head = f"({', '.join(self.types)})" if self.types else ""
        kind = "query" if is_query else "mutation"
        return {"query": f"{kind} Q{head} {{ {text} }}", "variables": self.variables}

    def field(self, name: str, field: Any, depth: int) -> str:
        given = []
        for argument, about in field.args.items():
            if isinstance(about.type, gql.GraphQLNonNull) or self.random.random() < 0.7:
                variable = f"v{len(self.types)}"
                self.types.append(f"${variable}: {about.type}")
                self.variables[variable] = self.value(about.type, argument)
                given.append(f"{argument}: ${variable}")
        head = f"({', '.join(given)})" if given else ""
        return f"{name}{head}{self.selection(gql.get_named_type(field.type), depth + 1)}"

    def selection(self, kind: Any, depth: int) -> str:
        if isinstance(kind, gql.GraphQLUnionType):
            parts = [f"... on {one.name}{self.selection(one, depth)}" for one in kind.types]
            return f" {{ __typename {' '.join(parts)} }}"
        if not isinstance(kind, (gql.GraphQLObjectType, gql.GraphQLInterfaceType)):
            return ""
        chosen = ["__typename"]
        for name, field in kind.fields.items():
            is_leaf = gql.is_leaf_type(gql.get_named_type(field.type))
            if self.random.random() < (0.7 if is_leaf else 0.5 if depth < 4 else 0):
                chosen.append(self.field(name, field, depth))
        return f" {{ {' '.join(chosen)} }}"

    def value(self, kind: Any, name: str) -> Any:
        if isinstance(kind, gql.GraphQLNonNull):
            return self.value(kind.of_type, name)
        if self.random.random() < 0.08:
            return self.nonsense()
        if isinstance(kind, gql.GraphQLList):
            return [self.value(kind.of_type, name) for _ in range(self.random.randrange(4))]
        if isinstance(kind, gql.GraphQLInputObjectType):
            return {
                key: self.value(field.type, key)
                for key, field in kind.fields.items()
                if isinstance(field.type, gql.GraphQLNonNull) or self.random.random() < 0.6
            }
        if isinstance(kind, gql.GraphQLEnumType):
            return self.random.choice(list(kind.values))
        return self.scalar(kind.name, name)

    def scalar(self, kind: str, name: str) -> Any:
        choose = self.random.choice
        if kind == "ID":
            return choose(
                [*self.ids, *self.ids, "x", "", "QXJ0aWZhY3Q6OTk5OTk5OTk5OTk5OTk5OTk5OTk5"]
            )
        if kind == "Boolean":
            return choose([True, False])
        if kind in ("Int", "Int64", "Duration", "Float"):
            return choose([0, 1, 2, -1, 10**6, 2**31 - 1, 2**63, -(2**70)])
        if kind in ("JSON", "JSONString"):
            return choose(
                ['{"a":{"value":1}}', "{}", "[]", "NaN", "{", "[" * 2_000, '{"$or":[{}]}']
            )
        known = {"entity": "ada", "project": "digits", "model": "digits", "run": "r1", "digest": "d0",
                 "alias": "latest", "collection": "data", "type": "set", "md5": md5(b"one")}  # fmt: skip
        right = [text for key, text in known.items() if key in name.lower()]
        some = [
            "ada",
            "carl",
            "digits",
            "r1",
            "data",
            "data:v0",
            "latest",
            "a.bin",
            "../../etc",
            "",
            "\0",
        ]
        return choose(right * 12 + [*some, "x" * 3_000, "ä/\u202e", "%2e%2e/a", "wandb-registry-x"])

    def nonsense(self) -> Any:
        return self.random.choice(
            [None, 2**70, -1.5, True, "", [], {}, [[[]]], {"a": [None]}, "\ud800"]
        )


def throw(door: Door, ada: Person, carl: Person, seed: int, count: int) -> float:
    """Send operations as somebody without rights, as nobody, and as who has them; return the most CPU
    seconds that one took."""
    ids = ids_of(door, ada)
    asker, most, nobody = Asker(seed, ids), 0.0, Person(door)
    before = data_of(graphql(ada, ALL, id=ids[0]))
    assert MARK in json.dumps(before)
    # First without rights: all has to be as it was. Then with them, and anything may have happened.
    for number in range(count):
        who = carl if number < count * 2 // 3 else nobody if number % 10 == 0 else ada
        body = json.dumps(asker.operation()).encode("utf-8", "surrogatepass")
        began = time.process_time()
        answer = who.send("/graphql", body)
        most = max(most, time.process_time() - began)
        assert answer.status < 500 or answer.status == 503, (seed, number, answer.body, body)
        assert b"internal error" not in answer.body, (seed, number, answer.body, body)
        if who is carl:
            assert MARK.encode() not in answer.body, (seed, number, body)
        if who is nobody:
            assert answer.status == 401, (seed, number)
        if number == count * 2 // 3 - 1:
            assert data_of(graphql(ada, ALL, id=ids[0])) == before
    assert data_of(graphql(ada, "{ viewer { id } }"))["viewer"]["id"]
    return most


def ids_of(door: Door, ada: Person) -> list[str]:
    """Make a run with an artifact, and return the ids of what there is then."""
    run = started(ada)
    id = logged(door, ada)
    answer = graphql(
        ada, "query A($id: ID!) { artifact(id: $id) { artifactSequence { id } } }", id=id
    )
    collection = data_of(answer)["artifact"]["artifactSequence"]["id"]
    rest = [storage_id("ArtifactManifest", "1"), storage_id("File", "ada", "digits", "r1", "a.txt")]
    return [id, run, collection, begun(ada, digest="d1"), *rest]


@pytest.mark.parametrize("seed", range(2))
def test_every_operation_holds(door: Door, ada: Person, carl: Person, seed: int) -> None:
    throw(door, ada, carl, seed, 240)


@pytest.mark.slow
def test_ten_thousand_operations(door: Door, ada: Person, carl: Person) -> None:
    assert throw(door, ada, carl, 77, 10_000) < 1


# ── addresses of content ──


def test_signed_addresses_of_artifacts(
    door: Door, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(ada)
    nobody, id = Person(door), begun(ada)
    text = manifest({"a.bin": b"one"})
    content, listing = content_address(ada, id, b"one"), manifest_address(ada, id, text)
    refused = (403, 404, 405)
    for path in (content, listing):
        assert nobody.ask("GET", path).status in refused
        assert nobody.ask("DELETE", path).status in (*refused, 401)
        assert nobody.send(path, b"one", "POST").status in (*refused, 401)
        for index in (30, 70, -5):
            forged = path[:index] + ("A" if path[index] != "A" else "B") + path[index + 1 :]
            assert nobody.send(forged, b"one", "PUT").status == 403, index
        assert nobody.send(path + "/../../x", b"one", "PUT").status in (*refused, 401)
    # One for content is none for a list of files, nor for a run's file; and the other way round.
    token, other = content.rpartition("/")[2], listing.rpartition("/")[2]
    assert nobody.send(listing.replace(other, token), text, "PUT").status == 403
    assert nobody.send(content.replace(token, other), b"one", "PUT").status == 403
    assert nobody.send(f"/files/-/signed/{token}", b"one", "PUT").status == 403
    run_file = graphql(ada, FILES, e="ada", p="digits", r="r1", files=["a.txt"])
    address = path_of(data_of(run_file)["createRunFiles"]["files"][0])
    assert nobody.send(content.replace(token, address.rpartition("/")[2]), b"", "PUT").status == 403

    assert nobody.send(content, b"other", "PUT").status == 400  # it is for content of that MD5
    assert nobody.send(listing, text + b" ", "PUT").status == 400
    headers = {"content-encoding": "gzip"}
    assert Person(door, headers).send(content, gzip.compress(b"one"), "PUT").status in (400, 415)

    monkeypatch.setattr(signing, "LIFETIME_US", -1)
    assert nobody.send(content_address(ada, id, b"one"), b"one", "PUT").status == 403
    monkeypatch.undo()
    assert nobody.send(content, b"one", "PUT").status == 200


@pytest.mark.parametrize(
    "name", ["../a", "/etc/passwd", "a/../../b", "", "a\0b", "x" * 5_000, "a//b", ".", "\ud800"]
)
def test_files_of_artifacts_stay_in_it(door: Door, ada: Person, name: str) -> None:
    """Whatever a list of files says: what is served is what was kept under its digest."""
    started(ada)
    id, nobody = begun(ada), Person(door)
    spec = {"artifactID": id, "name": name, "md5": md5(b"one")}
    body = {"query": CONTENT, "variables": {"input": {"artifactFiles": [spec]}}}
    assert ada.send("/graphql", json.dumps(body).encode("utf-8", "surrogatepass")).status < 500
    assert nobody.send(content_address(ada, id, b"one"), b"one", "PUT").status == 200
    text = manifest({name: b"one"})
    put = nobody.send(manifest_address(ada, id, text), text, "PUT")
    assert put.status in (200, 400)
    answer = graphql(ada, COMMIT, id=id)
    if name in ("../a", "/etc/passwd", "a/../../b", "", "a\0b"):
        assert put.status == 400 or answer.json.get("errors"), name
    assert answer.status < 500


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"version":1,"contents":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
        b'{"version":1,"contents":{"a":{"digest":"x","size":' + b"9" * 5_000 + b"}}}",
        b'{"version":1,"contents":{"a":{"digest":"x","size":-1}}}',
        b'{"version":1,"contents":{"a":{"digest":7,"size":"many"}}}',
        b'{"version":1e999,"contents":[]}',
        json.dumps({"version": 1, "contents": {"a": {"ref": 1, "digest": None}}}).encode(),
        manifest({"never/came": b"nothing"}),
        gzip.compress(b"0" * 1_000_000),
    ],
)
def test_lists_of_files_that_are_none(door: Door, ada: Person, text: bytes) -> None:
    started(ada)
    id = begun(ada)
    began = time.process_time()
    put = Person(door).send(manifest_address(ada, id, text), text, "PUT")
    assert put.status in (200, 400), put.body
    answer = graphql(ada, COMMIT, id=id)
    assert answer.status == 200 and answer.json["errors"], answer.json
    assert "internal" not in answer.json["errors"][0]["message"]
    assert time.process_time() - began < 1


def test_content_by_digest_needs_rights(door: Door, ada: Person, carl: Person) -> None:
    started(ada)
    logged(door, ada)
    hex = hashlib.md5(b"one").hexdigest()
    path = f"/artifactsV2/default/ada/digits/data/x/{hex}/a.bin"
    assert ada.ask("GET", path).body == b"one"
    for who, status in ((carl, 404), (Person(door), 401)):
        assert who.ask("GET", path).status == status
        assert who.ask("GET", f"/artifacts/ada/{hex}").status == status
    for wrong in ("../../x", "0" * 32, "z" * 32, "%00", "a" * 9_000):
        assert ada.ask("GET", path.replace(hex, wrong)).status in (400, 404), wrong
        if "/" not in wrong:
            assert ada.ask("GET", f"/artifacts/ada/{wrong}").status in (400, 404), wrong


# ── bodies that are none ──


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe\x00",
        b'{"query":"{viewer{id}}","variables":' + b"[" * 100_000,
        b'{"query":"{viewer{id}}","variables":{"a":' + b"9" * 5_000 + b"}}",
        b'{"query":"\xed\xa0\x80"}',
        b'{"query":' + b'"' + b"{a" * 30_000 + b'"}',
        b'{"query":"query Q($a: [[[[Int]]]]) {viewer{id}}","variables":{"a":[[[[[]]]]]}}',
        b"null",
        b"",
    ],
)
def test_bodies_of_operations_that_are_none(ada: Person, body: bytes) -> None:
    began = time.process_time()
    assert ada.send("/graphql", body).status in (200, 400)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "line",
    [
        '{"x":' + "9" * 5_000 + "}",
        "[" * 100_000,
        '{"a":' * 2_000 + "1" + "}" * 2_000,
        '{"_step":1e400,"x":1}',
        '{"_step":' + "9" * 400 + "}",
        '{"\\ud800":"\\udfff","_step":0}',
        json.dumps({"." * 5_000: {"": {"": 1}}}),
        json.dumps({f"k{n}": n for n in range(20_000)}),
    ],
)
def test_lines_that_are_none(ada: Person, line: str) -> None:
    """The client would stop for good at a 4xx, so they are set aside, on both ways that lines take."""
    started(ada)
    for offset in range(3):
        files = {
            "wandb-history.jsonl": {"offset": offset, "content": [line]},
            "wandb-summary.json": {"offset": 0, "content": [line]},
            "wandb-events.jsonl": {"offset": offset, "content": [line]},
            "output.log": {"offset": offset, "content": [line]},
        }
        answer = ada.send(LINES, json.dumps({"files": files}).encode())
        assert (answer.status, answer.body) == (200, b"{}"), answer.body
    kinds = {"content-type": "application/x-www-form-urlencoded"}
    assert Person(ada.door, {**ada.headers, **kinds}).send(LINES, b"a=1").status < 500


def test_headers_that_are_none(door: Door, ada: Person) -> None:
    started(ada)
    for name, value in (
        ("content-encoding", "br"), ("content-encoding", "gzip, gzip"), ("content-length", "-1"),
        ("content-type", "multipart/form-data; boundary=x"), ("content-type", "\x00"),
        ("x-wandb-async-client-id", "x" * 9_000), ("range", "bytes=5-2,1-"),
    ):  # fmt: skip
        who = Person(door, {**ada.headers, name: value})
        for path in ("/graphql", LINES):
            assert who.send(path, b"{}").status < 500, (name, path)
