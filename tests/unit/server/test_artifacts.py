"""Artifacts over the native API: listed by the page, read by the folder, changed and deleted by who may."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from kiseki.core import access
from kiseki.core.access import create_user
from kiseki.errors import Invalid
from kiseki.server.wandb import artifact_lists
from kiseki.storage.interface import Storage
from tests.unit.server.artifact_client import ArtifactClient
from tests.unit.server.asgi import Answer, Door

Ask = Callable[..., Answer]
ARTIFACTS = "/api/v1/projects/ada/digits/artifacts"


@pytest.fixture
def client(door: Door) -> ArtifactClient:
    return ArtifactClient(door, "ada", "ada")


@pytest.fixture
def ask(door: Door, bearer: dict[str, str]) -> Ask:
    def ask(method: str, path: str, body: object = None, **headers: str) -> Answer:
        text = b"" if body is None else json.dumps(body).encode()
        return door.ask(method, path, text, {**bearer, **headers})

    return ask


def test_collections_and_versions_come_by_the_page(ask: Ask, client: ArtifactClient) -> None:
    assert ask("GET", ARTIFACTS).status == 404  # no such project yet
    for index in range(5):
        client.log("net", {"w": bytes([index])}, aliases=("best",) if index == 1 else ())
    client.log("other", {"a": b"1"}, metadata='{"acc": 0.5}')
    listed = ask("GET", f"{ARTIFACTS}?limit=1").json
    assert listed["types"] == [{"type": "model", "collections": 2, "versions": 6}]
    assert (listed["total"], [one["name"] for one in listed["collections"]]) == (2, ["other"])
    assert listed["collections"][0]["latest"]["metadata"] == {"acc": 0.5}
    found = ask("GET", f"{ARTIFACTS}?search=ET&type=model").json
    assert [(one["name"], one["versions"], one["size"]) for one in found["collections"]] == [
        ("net", 5, 5)
    ]
    assert ask("GET", f"{ARTIFACTS}?type=none").json["collections"] == []
    page = ask("GET", f"{ARTIFACTS}/net?offset=1&limit=2").json
    assert (page["total"], [one["version"] for one in page["versions"]]) == (5, [3, 2])
    assert page["collection"]["latest"]["version"] == 4
    for name in ("v1", "best"):
        assert ask("GET", f"{ARTIFACTS}/net/{name}").json["version"] == 1
    for path in ("/absent", "/net/v9", "/net/none"):
        assert ask("GET", f"{ARTIFACTS}{path}").status == 404


def test_files_come_by_the_folder(ask: Ask, client: ArtifactClient) -> None:
    files: dict[str, bytes | str] = {f"a b/{i}.txt": b"x" * i for i in range(3)}
    client.log("net", files | {"top.html": b"<b>", "far": "s3://bucket/key"})
    top = ask("GET", f"{ARTIFACTS}/net/v0/files").json
    assert top["folders"] == [{"name": "a b", "files": 3, "size": 3}]
    assert [(one["name"], one["ref"]) for one in top["files"]] == [
        ("far", "s3://bucket/key"), ("top.html", None),
    ]  # fmt: skip
    inner = ask("GET", f"{ARTIFACTS}/net/v0/files?under=a%20b&offset=1&limit=1").json
    assert (inner["total"], [one["name"] for one in inner["files"]]) == (3, ["1.txt"])
    assert ask("GET", f"{ARTIFACTS}/net/v0/files?under=nowhere").status == 404
    content = f"{ARTIFACTS}/net/v0/content"
    whole = ask("GET", f"{content}/a%20b/2.txt")
    assert (whole.status, whole.body) == (200, b"xx")
    again = ask("GET", f"{content}/a%20b/2.txt", **{"if-none-match": whole.headers["etag"]})
    assert again.status == 304
    part = ask("GET", f"{content}/a%20b/2.txt", range="bytes=1-1")
    assert (part.status, part.body) == (206, b"x")
    page = ask("GET", f"{content}/top.html")
    assert "attachment" in page.headers["content-disposition"]
    assert "sandbox" in page.headers["content-security-policy"]
    assert ask("GET", f"{content}/far").json["code"] == "elsewhere"
    assert ask("GET", f"{content}/../../x").status == 404


def test_two_versions_are_compared(ask: Ask, client: ArtifactClient) -> None:
    client.log("net", {"a": b"1", "b": b"22", "c": b"333"})
    client.log("net", {"a": b"1", "b": b"2222", "d": b"4"})
    found = ask("GET", f"{ARTIFACTS}/net/latest/changes?since=v0").json
    assert {key: found[key] for key in ("added", "removed", "changed", "same", "bytes")} == {
        "added": 1, "removed": 1, "changed": 1, "same": 1, "bytes": 0,
    }  # fmt: skip
    assert [(one["path"], one["before"], one["after"]) for one in found["changes"]] == [
        ("b", 2, 4), ("c", 3, None), ("d", None, 1),
    ]  # fmt: skip
    page = ask("GET", f"{ARTIFACTS}/net/v0/changes?since=v1&offset=1&limit=1").json
    assert [one["path"] for one in page["changes"]] == ["c"]
    assert ask("GET", f"{ARTIFACTS}/net/v0/changes?since=v9").status == 404


def test_versions_are_changed_and_deleted_by_who_may(
    ask: Ask, client: ArtifactClient, door: Door, storage: Storage
) -> None:
    made = client.log("net", {"w": b"1"}, aliases=("best",), ttl_s=60)
    first = ask("GET", f"{ARTIFACTS}/net/v0").json
    assert first["expires_us"] == made.created_us + 60_000_000
    edit = {"aliases": ["latest", "prod"], "tags": ["a"], "ttl_s": 0, "description": "good"}
    edited = ask("PATCH", f"{ARTIFACTS}/net/v0", edit).json
    assert (edited["aliases"], edited["tags"], edited["ttl_s"]) == (["latest", "prod"], ["a"], 0)
    assert (edited["expires_us"], edited["description"]) == (None, "good")
    assert ask("PATCH", f"{ARTIFACTS}/net/v0", {"tags": []}).json["tags"] == []
    for bad in ({"aliases": ["v3"]}, {"ttl_s": -5}, {"other": 1}):
        assert ask("PATCH", f"{ARTIFACTS}/net/v0", bad).status == 400
    stranger = access.create_key(storage.meta, create_user(storage.meta, "eve"))
    as_eve = {"authorization": f"Bearer {stranger}"}
    for method, path in (
        ("GET", ""),
        ("GET", "/net/v0"),
        ("DELETE", "/net/v0"),
        ("DELETE", "/net"),
    ):
        assert door.ask(method, ARTIFACTS + path, b"", as_eve).status == 404
    assert ask("DELETE", f"{ARTIFACTS}/net/v0").json["code"] == "aliases"
    assert ask("DELETE", f"{ARTIFACTS}/net/v0?aliases=true").status == 204
    assert ask("GET", f"{ARTIFACTS}/net/v0").status == 404
    client.log("net", {"w": b"2"}, client="c-1")
    told = ask("GET", "/api/v1/projects/ada/digits/artifact-clients/c-1").json
    assert told == {"entity": "ada", "project": "digits", "collection": "net", "version": 1}
    assert ask("DELETE", f"{ARTIFACTS}/net").status == 204
    assert ask("GET", ARTIFACTS).json["collections"] == []


ITEMS = [
    {"name": "a", "tag": ["x", "y"], "size": 3, "metadata": {"acc": {"val": 0.5}}},
    {"name": "b", "tag": [], "size": 1, "metadata": {}},
    {"name": "ab", "tag": ["y"], "size": 2, "metadata": {"acc": {"val": 0.9}}},
]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, "a b ab"),
        ({"name": "b"}, "b"),
        ({"tag": "y"}, "a ab"),
        ({"tags": {"$in": ["x"]}}, "a"),
        ({"tag": {"$exists": False}}, "b"),
        ({"size": {"$gt": 1, "$lt": 3}}, "ab"),
        ({"size": {"$gt": "text"}}, ""),
        ({"metadata.acc.val": {"$gte": 0.5}}, "a ab"),
        ({"$or": [{"name": "a"}, {"size": 1}]}, "a b"),
        ({"$nor": [{"name": "a"}, {"size": 1}]}, "ab"),
        ({"$and": [{"tag": "y"}, {"name": {"$ne": "a"}}]}, "ab"),
        ({"name": {"$not": {"$regex": "b$"}}}, "a"),
        ({"name": {"$regex": "^a"}}, "a ab"),
        ({"name": {"$regex": "^a$"}}, "a"),
        ({"name": {"$regex": ".*b"}}, "b ab"),
        ({"name": {"$nin": ["a", "b"]}}, "ab"),
    ],
)
def test_lists_are_filtered(filters: dict[str, object], names: str) -> None:
    found = artifact_lists.chosen(ITEMS, json.dumps(filters), None, dict)
    assert " ".join(str(one["name"]) for one in found) == names


def test_lists_are_sorted_and_what_is_not_understood_is_refused() -> None:
    sizes = [one["size"] for one in artifact_lists.chosen(ITEMS, None, "-size", dict)]
    assert sizes == [3, 2, 1]
    assert [one["name"] for one in artifact_lists.chosen(ITEMS, None, "+name", dict)] == [
        "a",
        "ab",
        "b",
    ]
    deep: object = {"name": "a"}
    for _ in range(40):
        deep = {"$and": [deep]}
    for bad in (
        {"no": 1},
        {"name": {"$where": 1}},
        {"name": {"$regex": "(a+)+"}},
        {"$or": 1},
        [],
        deep,
    ):
        with pytest.raises(Invalid):
            artifact_lists.chosen(ITEMS, json.dumps(bad), None, dict)
    with pytest.raises(Invalid):
        artifact_lists.chosen(ITEMS, None, "-no", dict)
    with pytest.raises(Invalid):
        artifact_lists.chosen(ITEMS, "{", None, dict)
