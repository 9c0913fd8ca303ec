"""Artifacts: 1,000 small files as the official client brings them, from the first request to the commit.

The wire is the client's (wandb-protocol §5): files announced in lots, each put to its own address by many
threads at once, then the list of files, then the commit. Hashing is done before the clock starts.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any
from urllib.parse import urlsplit

from _server import server, workplace

FILES = 1_000
LOT = 250
THREADS = 32
ROUNDS = 3

CREATE = """mutation C($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id } } }"""
MANIFEST = """mutation M($input: CreateArtifactManifestInput!) {
  createArtifactManifest(input: $input) { artifactManifest { id file { uploadUrl uploadHeaders } } } }"""
ANNOUNCE = """mutation F($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) { files { edges { node { uploadUrl uploadHeaders } } } } }"""
COMMIT = (
    "mutation K($input: CommitArtifactInput!) { commitArtifact(input: $input) { artifact { id } } }"
)


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


class Client:
    """One client: a connection for each of its threads."""

    def __init__(self, url: str, key: str) -> None:
        self.host = urlsplit(url).netloc
        basic = base64.b64encode(f"api:{key}".encode()).decode()
        self.headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
        self.own = local()

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        connection = getattr(self.own, "connection", None)
        if connection is None:
            connection = self.own.connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status == 200, (answer.status, data[:300])
        return bytes(data)

    def ask(self, query: str, **input: Any) -> Any:
        body = json.dumps({"query": query, "variables": {"input": input}}).encode()
        answer = json.loads(self.send("POST", "/graphql", body, self.headers))
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def put(self, node: dict[str, Any], data: bytes) -> None:
        headers = dict(line.split(":", 1) for line in node["uploadHeaders"])
        self.send("PUT", urlsplit(node["uploadUrl"]).path, data, headers)


def upload(client: Client, files: dict[str, bytes], round: int) -> None:
    made = client.ask(
        CREATE, entityName="ada", projectName="benchmark", artifactTypeName="dataset",
        artifactCollectionName="data", digest=f"{round:032x}", digestAlgorithm="MANIFEST_MD5",
    )["createArtifact"]["artifact"]["id"]  # fmt: skip
    text = json.dumps(
        {
            "version": 1,
            "contents": {p: {"digest": md5(d), "size": len(d)} for p, d in files.items()},
        }
    ).encode()
    listed = client.ask(
        MANIFEST, artifactID=made, name="wandb_manifest.json", digest=md5(text),
        entityName="ada", projectName="benchmark", type="FULL",
    )["createArtifactManifest"]["artifactManifest"]  # fmt: skip
    names = list(files)
    with ThreadPoolExecutor(THREADS) as pool:
        puts = []
        for first in range(0, FILES, LOT):
            lot = names[first : first + LOT]
            specs = [
                {
                    "artifactID": made, "artifactManifestID": listed["id"], "name": name,
                    "md5": md5(files[name]), "mimetype": "text/plain",
                }
                for name in lot
            ]  # fmt: skip
            edges = client.ask(ANNOUNCE, artifactFiles=specs, storageLayout="V2")
            for name, edge in zip(lot, edges["createArtifactFiles"]["files"]["edges"], strict=True):
                puts.append(pool.submit(client.put, edge["node"], files[name]))
        for one in puts:
            one.result()
    client.put(listed["file"], text)
    client.ask(COMMIT, artifactID=made)


def main() -> None:
    rounds = []
    with workplace() as folder, server(folder) as (live, process):
        client = Client(live.url, live.key)
        for round in range(ROUNDS):
            files = {f"f{i}.bin": os.urandom(1_000) for i in range(FILES)}
            cpu = sum(process.cpu_times()[:2])
            began = time.perf_counter()
            upload(client, files, round)
            seconds = time.perf_counter() - began
            rounds.append((seconds, sum(process.cpu_times()[:2]) - cpu))
    seconds, cpu = min(rounds)
    print(
        f"{FILES:,} files of 1 kB, {THREADS} at once: {FILES / seconds:,.0f} files/s ({seconds:.2f} s)"
    )
    print(f"server: {cpu / FILES * 1000:.2f} ms of one core a file")


if __name__ == "__main__":
    main()
