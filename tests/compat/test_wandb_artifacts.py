"""Artifacts of the official `wandb` client, unmodified, in processes of its own, against a real server."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compat import wandb_artifact_children as children
from tests.fakes.live_server import LiveServer

WAIT_S = 200

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="wandb is not installed"
)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("wandb-artifacts") / "server").start()
    yield server
    server.stop()


def begin(server: LiveServer, folder: Path, name: str, *arguments: Any) -> subprocess.Popen[str]:
    """Start one of the children with a home of its own: nothing is cached from one to the next."""
    home = folder / f"home-{time.monotonic_ns()}"
    home.mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "KISEKI_"))}
    env |= {
        "WANDB_BASE_URL": server.url, "WANDB_API_KEY": server.key, "HOME": str(home),
        "WANDB_DIR": str(home), "WANDB_CONFIG_DIR": str(home / "config"),
        "WANDB_CACHE_DIR": str(home / "cache"), "WANDB_DATA_DIR": str(home / "data"),
        "WANDB_SILENT": "true",
    }  # fmt: skip
    command = [sys.executable, str(Path(children.__file__)), name, *map(str, arguments)]
    return subprocess.Popen(
        command, env=env, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(server: LiveServer, folder: Path, name: str, *arguments: Any) -> dict[str, Any]:
    """Run one of the children to its end, and return its last line."""
    child = begin(server, folder, name, *arguments)
    try:
        out, err = child.communicate(timeout=WAIT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    assert child.returncode == 0, err + out
    found = json.loads(out.strip().splitlines()[-1])
    assert isinstance(found, dict)
    return found


def ask(server: LiveServer, query: str, **variables: Any) -> Any:
    body = {"query": query, "variables": variables}
    return server.get("/graphql", "POST", body)["data"]


@pytest.mark.timeout(400)
def test_what_is_logged_comes_back_byte_for_byte(live: LiveServer, tmp_path: Path) -> None:
    logged = run(live, tmp_path, "log", tmp_path / "files", 1_000)
    assert logged["first"] == ["v0", ["best", "latest"]]
    assert logged["again"][0] == "v0"  # the same content is the same version
    assert logged["changed"] == ["v1", ["latest"]]
    used = run(live, tmp_path, "use", tmp_path / "down")
    assert used["version"] == "v0"
    assert used["sums"] == logged["sums"]
    assert len(used["sums"]) == 1_000
    assert used["metadata"] == {"rows": 7}
    assert used["used_by"] == ["user"]
    assert used["logged_by"] == "maker"
    assert used["used"] == ["data:v0"]
    assert {"data:v0", "data:v1"} <= set(used["logged"])
    assert used["reference"] == "ftp://nowhere/at/all"
    assert used["one"] == "more"
    assert used["table"] == [[1, "x"], [2, "y"]]
    assert used["table_rows"] == 2


@pytest.mark.timeout(300)
def test_versions_are_named_tagged_linked_and_deleted(live: LiveServer, tmp_path: Path) -> None:
    found = run(live, tmp_path, "change")
    assert found["versions"] == ["small:v2", "small:v1", "small:v0"]
    assert found["edited"] == ["v1", ["prod"], {"a": 1, "b": 2}, ["t1"], "new", 259200]
    assert found["moved"] == ["v2", ["latest", "prod"]]
    assert found["linked"] == ["v0", ["latest", "staging"], "small:v1"]
    assert found["unlinked"] is True
    assert "aliases" in found["refused"]
    assert found["latest"] == "v1"  # the newest that is left
    assert found["left"] == ["small:v1", "small:v0"]
    assert found["collection"] == ["renamed", "about it", ["ct"]]
    assert found["kept"] == ["chosen"]


@pytest.mark.timeout(300)
def test_lists_are_found_and_sorted_and_parts_make_one(live: LiveServer, tmp_path: Path) -> None:
    found = run(live, tmp_path, "lists")
    assert found["grown"] == ["v2", ["added.txt", "alpha1alpha1.txt"]]
    assert found["names"] == ["shared", "gamma", "beta", "alpha"]
    assert found["like"] == ["alpha"]
    assert found["newest"] == ["gamma", "beta"]
    assert found["oldest"] == ["v0", "v1", "v2"]
    assert found["largest"] == "v2"
    assert found["either"] == ["v1", "v0"]
    assert "cannot be filtered by 'nonsense'" in found["refused"]
    assert found["shared"] == ["rank0.txt", "rank1.txt"]
    late = run(live, tmp_path, "offline", tmp_path)
    assert late == {"aliases": ["best", "latest"], "logged": ["dataset", "run_table"]}


@pytest.mark.timeout(300)
def test_a_client_that_is_killed_leaves_nothing_to_be_seen(
    live: LiveServer, tmp_path: Path
) -> None:
    begun = ask(
        live,
        "mutation CreateArtifact($input: CreateArtifactInput!) {"
        "  createArtifact(input: $input) { artifact { id state } } }",
        input={
            "entityName": "ada", "projectName": "killed", "artifactTypeName": "dataset",
            "artifactCollectionName": "half", "digest": "0" * 32, "clientID": "c1",
            "aliases": [{"artifactCollectionName": "half", "alias": "latest"}],
            "anUnknownField": 1,
        },
    )["createArtifact"]["artifact"]  # fmt: skip
    assert begun["state"] == "PENDING"
    seen = ask(
        live,
        'query Q($id: ID!) { artifact(id: $id) { id } project(entityName: "ada", name: "killed") {'
        '  artifact(name: "half:latest") { id } artifactTypes { edges { node { name } } } } }',
        id=begun["id"],
    )
    assert seen == {
        "artifact": None, "project": {"artifact": None, "artifactTypes": {"edges": []}}
    }  # fmt: skip
    commit = "mutation C($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { id } } }"
    answer = live.get("/graphql", "POST", {"query": commit, "variables": {"id": begun["id"]}})
    assert "was not uploaded" in answer["errors"][0]["message"]


@pytest.mark.timeout(300)
def test_two_clients_at_once_make_two_versions(live: LiveServer, tmp_path: Path) -> None:
    both = [begin(live, tmp_path, "race", index) for index in range(2)]
    ends = [child.communicate(timeout=WAIT_S) for child in both]
    assert [child.returncode for child in both] == [0, 0], ends
    versions = [json.loads(out.strip().splitlines()[-1])["version"] for out, _ in ends]
    assert sorted(versions) == ["v0", "v1"]


def status(call: Callable[[], Any]) -> int:
    """Return the status that a request is refused with."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        call()
    with refused.value as answer:
        return answer.code


def test_addresses_allow_one_thing_and_others_see_nothing(live: LiveServer) -> None:
    for path in ("content/abc", "manifest/abc"):
        url = f"{live.url}/files/-/signed/{path}"
        assert status(lambda url=url: urllib.request.urlopen(url, timeout=10)) == 403
    hidden = f"/artifactsV2/default/ada/absent/data/x/{'0' * 32}/f"
    assert status(lambda: urllib.request.urlopen(live.url + hidden, timeout=10)) == 401
    assert status(lambda: live.get(hidden)) == 404
