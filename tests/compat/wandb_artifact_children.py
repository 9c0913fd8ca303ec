"""What the children of `test_wandb_artifacts.py` run: scripts that know only the official `wandb` client."""

from __future__ import annotations

import hashlib
import json
import random
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

PROJECT = "arts"


def start(id: str, project: str = PROJECT) -> Any:
    import wandb

    quiet = wandb.Settings(x_disable_stats=True, silent=True)
    return wandb.init(project=project, id=id, settings=quiet)


def sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def log(folder: str, count: str) -> dict[str, Any]:
    import wandb

    root, chance = Path(folder), random.Random(7)
    for index in range(int(count)):
        path = root / f"part {index % 7}" / f"ä%+&{index}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.randrange(3_000)))

    def make() -> Any:
        made = wandb.Artifact("data", "dataset", description="some", metadata={"rows": 7})
        made.add_dir(str(root))
        return made

    run = start("maker")
    first = run.log_artifact(make(), aliases=["best"]).wait()
    again = run.log_artifact(make()).wait()
    changed = make()
    with changed.new_file("extra.txt") as file:
        file.write("more")
    changed.add_reference("ftp://nowhere/at/all", name="far", checksum=False)
    changed = run.log_artifact(changed).wait()
    run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
    run.finish()
    return {
        "first": [first.version, sorted(first.aliases)],
        "again": [again.version],
        "changed": [changed.version, sorted(changed.aliases)],
        "sums": sums(root),
    }


def use(folder: str) -> dict[str, Any]:
    import wandb

    run = start("user")
    artifact = run.use_artifact("data:best")
    down = Path(artifact.download(root=folder))
    run.finish()
    api = wandb.Api()
    artifact = api.artifact(f"{PROJECT}/data:v0")
    latest = api.artifact(f"{PROJECT}/data:latest")
    maker = api.run(f"{PROJECT}/maker")
    logged = list(maker.logged_artifacts())
    [table] = [one for one in logged if one.type == "run_table"]
    entry = latest.get_entry("extra.txt").download(root=f"{folder}-one")
    return {
        "version": artifact.version,
        "sums": sums(down),
        "metadata": dict(artifact.metadata),
        "used_by": [one.id for one in artifact.used_by()],
        "logged_by": artifact.logged_by().id,
        "used": [one.name for one in api.run(f"{PROJECT}/user").used_artifacts()],
        "logged": [one.name for one in logged],
        "reference": latest.manifest.entries["far"].ref,
        "one": Path(entry).read_text(),
        "table": table.get("table").data,
        "table_rows": maker.summary["table"]["nrows"],
    }


def change() -> dict[str, Any]:
    import wandb

    found: dict[str, Any] = {}
    run = start("changer")
    for index in range(3):
        made = wandb.Artifact("small", "model", metadata={"a": index})
        with made.new_file("f.txt") as file:
            file.write(str(index))
        run.log_artifact(made).wait()
    run.finish()
    api = wandb.Api()
    where = f"{PROJECT}/small"

    def names() -> list[str]:
        return [one.name for one in api.artifacts("model", where)]

    found["versions"] = names()
    one = api.artifact(f"{where}:v1")
    one.aliases.append("prod")
    one.metadata["b"] = 2
    one.tags = ["t1"]
    one.description = "new"
    one.ttl = timedelta(days=3)
    one.save()
    one = wandb.Api().artifact(f"{where}:prod")
    found["edited"] = [
        one.version, list(one.aliases), dict(one.metadata), list(one.tags), one.description,
        int(one.ttl.total_seconds()),
    ]  # fmt: skip
    linked = one.link(f"{PROJECT}/chosen", aliases=["staging"])
    linked = wandb.Api().artifact(f"{PROJECT}/chosen:staging")
    found["linked"] = [linked.version, sorted(linked.aliases), linked.source_name]
    linked.unlink()
    try:
        wandb.Api().artifact(f"{PROJECT}/chosen:staging")
        found["unlinked"] = False
    except wandb.errors.CommError:
        found["unlinked"] = True
    two = wandb.Api().artifact(f"{where}:v2")
    two.aliases.append("prod")
    two.save()
    two = wandb.Api().artifact(f"{where}:prod")
    found["moved"] = [two.version, sorted(two.aliases)]
    try:
        two.delete()
        found["refused"] = ""
    except Exception as error:
        found["refused"] = str(error)
    two.delete(delete_aliases=True)
    found["latest"] = wandb.Api().artifact(f"{where}:latest").version
    found["left"] = names()
    collection = api.artifact_collection("model", where)
    collection.name, collection.description, collection.tags = "renamed", "about it", ["ct"]
    collection.save()
    collection = api.artifact_collection("model", f"{PROJECT}/renamed")
    found["collection"] = [collection.name, collection.description, list(collection.tags)]
    collection.delete()
    found["kept"] = [one.name for one in api.artifact_type("model", PROJECT).collections()]
    return found


def race(index: str) -> dict[str, Any]:
    import wandb

    run = start(f"racer{index}", "race")
    made = wandb.Artifact("raced", "dataset")
    with made.new_file("f.txt") as file:
        file.write(index)
    version = run.log_artifact(made).wait().version
    run.finish()
    return {"version": version}


def lists() -> dict[str, Any]:
    """Log three collections, then find and sort them and their versions."""
    import wandb
    from wandb.apis.public.artifacts import Artifacts

    def made(name: str, text: str, **more: Any) -> Any:
        artifact = wandb.Artifact(name, "dataset", **more)
        with artifact.new_file(f"{text}.txt") as file:
            file.write(text)
        return artifact

    run = start("lister", "lists")
    for name in ("alpha", "beta", "gamma"):
        for index in range(2):
            artifact = made(name, f"{name}{index}" * (index + 1))
            run.log_artifact(artifact, aliases=[f"a{index}"], tags=[f"t{index}"]).wait()
    grown = run.log_artifact(made("alpha", "added", incremental=True)).wait()
    run.finish()
    for rank in range(2):
        worker = start(f"rank{rank}", "lists")
        part = made("shared", f"rank{rank}")
        send = worker.finish_artifact if rank else worker.upsert_artifact
        send(part, distributed_id="job")
        worker.finish()
    api = wandb.Api()
    versions = "ada/lists/alpha"
    kind = api.artifact_type("dataset", "ada/lists")
    try:
        refused = str(list(kind.collections(filters={"nonsense": 1})))
    except Exception as error:
        refused = str(error)
    either = {"$or": [{"tag": "t0"}, {"alias": {"$in": ["a1"]}}]}
    found = Artifacts(api._service_api, "ada", "lists", "alpha", "dataset", filters=either)
    return {
        "grown": [grown.version, sorted(grown.manifest.entries)],
        "names": [
            one.name for one in api.artifact_collections("ada/lists", "dataset", order="-name")
        ],
        "like": [one.name for one in kind.collections(filters={"name": {"$regex": "^al"}})],
        "newest": [
            one.name
            for one in kind.collections(
                filters={"name": {"$in": ["beta", "gamma"]}}, order="-createdAt", per_page=1
            )
        ],
        "oldest": [
            one.version
            for one in api.artifacts("dataset", versions, order="+createdAt", per_page=2)
        ],
        "largest": next(iter(api.artifacts("dataset", versions, order="-size"))).version,
        "either": [one.version for one in found],
        "refused": refused,
        "shared": sorted(api.artifact("ada/lists/shared:v0").manifest.entries),
    }


def offline(folder: str) -> dict[str, Any]:
    """Log an artifact and a table without a server, and bring them there afterwards."""
    import subprocess

    import wandb

    settings = wandb.Settings(x_disable_stats=True, silent=True, mode="offline", root_dir=folder)
    run = wandb.init(project="lists", id="off", settings=settings)
    artifact = wandb.Artifact("late", "dataset")
    with artifact.new_file("a.txt") as file:
        file.write("a")
    run.log_artifact(artifact, aliases=["best"])
    run.log({"t": wandb.Table(columns=["a"], data=[[1]])})
    directory = str(Path(run.dir).parent)
    run.finish()
    subprocess.run(
        [sys.executable, "-m", "wandb", "sync", directory], check=True, capture_output=True
    )
    api = wandb.Api()
    logged = sorted(one.type for one in api.run("ada/lists/off").logged_artifacts())
    return {"aliases": sorted(api.artifact("ada/lists/late:best").aliases), "logged": logged}


if __name__ == "__main__":
    answer = globals()[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(answer))
