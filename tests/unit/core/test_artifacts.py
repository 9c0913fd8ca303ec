"""Artifacts: what is committed is whole, what is somebody else's is not there."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from kiseki.core.artifacts import Artifact, Artifacts, Details
from kiseki.core.manifests import Entry, Measured, digest_of, parse_manifest
from kiseki.core.people.audit import Audit
from kiseki.core.trash import KEPT_US
from kiseki.errors import Conflict, Forbidden, Invalid, NotFound
from kiseki.record.types import File
from tests.unit.core.kit import Kit, Writer


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


@pytest.fixture
def artifacts(kit: Kit) -> Artifacts:
    return Artifacts(kit.meta, kit.blobs, kit.projects, kit.runs, kit.files, Audit(kit.meta))


def begin(kit: Kit, artifacts: Artifacts, name: str = "data", **more: object) -> Artifact:
    details = Details(name, "dataset", more.pop("digest", "d0"), **more)  # type: ignore[arg-type]
    return artifacts.uploads.begin(kit.ada, "ada", "digits", details)[0]


def bring(kit: Kit, artifacts: Artifacts, artifact: Artifact, data: bytes, said: str = "") -> None:
    reception = kit.files.receive(len(data))
    try:
        measured = Measured(reception)
        measured.write(data)
        artifacts.uploads.keep(artifact, measured, said or md5(data))
    finally:
        reception.close()


def bring_manifest(
    kit: Kit,
    artifacts: Artifacts,
    artifact: Artifact,
    files: dict[str, bytes],
    part: str = "full",
    base: int | None = None,
) -> None:
    contents = {
        path: {"digest": md5(data), "size": len(data), "birthArtifactID": "x"}
        for path, data in files.items()
    }
    text = json.dumps({"version": 1, "contents": contents}).encode()
    manifest = artifacts.uploads.add_manifest(artifact, part, base, md5(text))  # type: ignore[arg-type]
    reception = kit.files.receive(len(text))
    try:
        measured = Measured(reception)
        measured.write(text)
        artifacts.uploads.keep_manifest(artifact, manifest, measured)
    finally:
        reception.close()


def logged(kit: Kit, artifacts: Artifacts, files: dict[str, bytes], **more: object) -> Artifact:
    made = begin(kit, artifacts, **more)
    for data in files.values():
        bring(kit, artifacts, made, data)
    bring_manifest(kit, artifacts, made, files)
    return artifacts.uploads.commit(kit.ada, made.number)


def test_what_lacks_something_is_not_committed(kit: Kit, artifacts: Artifacts) -> None:
    made = begin(kit, artifacts)
    with pytest.raises(Conflict, match="list of files"):
        artifacts.uploads.commit(kit.ada, made.number)
    bring_manifest(kit, artifacts, made, {"a": b"1", "b": b"2"})
    bring(kit, artifacts, made, b"1")
    with pytest.raises(Conflict, match="'b'"):
        artifacts.uploads.commit(kit.ada, made.number)
    with pytest.raises(Invalid, match="announced"):
        bring(kit, artifacts, made, b"other", md5(b"2"))
    bring(kit, artifacts, made, b"2")
    done = artifacts.uploads.commit(kit.ada, made.number)
    assert (done.version, done.size, done.files) == (0, 2, 2)
    assert artifacts.uploads.commit(kit.ada, made.number) == done
    project = kit.projects.find(kit.ada, "ada", "digits")
    content = artifacts.content(project, md5(b"2"))
    assert b"".join(artifacts.read(content.sha256)) == b"2"
    assert artifacts.uploads.known(done, [md5(b"1"), md5(b"9")]).keys() == {md5(b"1")}


def test_small_contents_are_kept_together_and_each_is_what_it_should_be(
    kit: Kit, artifacts: Artifacts
) -> None:
    made, other = begin(kit, artifacts), begin(kit, artifacts, "other")
    came = [
        (made, b"1", md5(b"1")),
        (made, b"2", md5(b"9")),
        (other, b"3", md5(b"3")),
        (other, b"1", md5(b"1")),
    ]
    answers = artifacts.uploads.keep_small(came)
    assert isinstance(answers[1], Invalid)
    right = [answers[i] for i in (0, 2, 3)]
    assert right == [hashlib.sha256(data).hexdigest() for data in (b"1", b"3", b"1")]
    held = artifacts.uploads.known(made, [md5(data) for data in (b"1", b"2", b"3")])
    assert {digest: one.artifact for digest, one in held.items()} == {
        md5(b"1"): made.number, md5(b"3"): other.number,
    }  # fmt: skip
    assert kit.blobs.size(hashlib.sha256(b"2").hexdigest()) is None
    assert artifacts.uploads.keep_small([]) == []
    bring_manifest(kit, artifacts, made, {"a": b"1", "b": b"3"})
    assert artifacts.uploads.commit(kit.ada, made.number).files == 2


def test_what_is_somebody_elses_is_not_there(kit: Kit, artifacts: Artifacts) -> None:
    done = logged(kit, artifacts, {"a": b"1"}, client="c1")
    bob = kit.principal("bob")
    kit.projects.make(bob, "bob", "own")
    for ask in (
        lambda: artifacts.find(bob, done.number),
        lambda: artifacts.uploads.pending(bob, done.number),
        lambda: artifacts.by_client(bob, "c1"),
        lambda: artifacts.uploads.commit(bob, done.number),
        lambda: artifacts.collection_by_number(bob, done.collection.number),
        lambda: artifacts.edits.edit(bob, done, description="mine"),
        lambda: artifacts.edits.point(bob, done.collection, done, ["mine"]),
        lambda: artifacts.edits.delete(bob, done, with_aliases=True),
        lambda: artifacts.uploads.begin(bob, "ada", "digits", Details("data", "dataset", "d1")),
    ):
        with pytest.raises(NotFound):
            ask()
    own = kit.projects.find(bob, "bob", "own")
    with pytest.raises(NotFound):
        artifacts.content(own, md5(b"1"))
    reader = kit.principal("ada", "read")
    assert artifacts.find(reader, done.number) == done
    with pytest.raises(Forbidden):
        artifacts.edits.edit(reader, done, description="x")


def test_parts_are_put_together_over_the_base(kit: Kit, artifacts: Artifacts) -> None:
    base = logged(kit, artifacts, {"a": b"1", "b": b"2"})
    made = begin(kit, artifacts, digest="d1")
    bring(kit, artifacts, made, b"3")
    bring_manifest(kit, artifacts, made, {"b": b"3"}, "incremental", base.number)
    done = artifacts.uploads.commit(kit.ada, made.number)
    found = {path: entry.digest for path, entry in artifacts.entries(done).items()}
    assert found == {"a": md5(b"1"), "b": md5(b"3")}
    assert done.digest == digest_of(artifacts.entries(done))


def test_names_that_mislead_are_refused(kit: Kit, artifacts: Artifacts) -> None:
    for name in ("", "a/b", "a:b", "x" * 129, "../a", "a\nb"):
        with pytest.raises(Invalid):
            begin(kit, artifacts, name)
    for alias in ("", "a/b", "a:b", "v3", "x" * 129):
        with pytest.raises(Invalid):
            begin(kit, artifacts, aliases=(alias,))
    for path in ("../up", "/root", ""):
        text = json.dumps({"contents": {path: {"digest": md5(b""), "size": 0}}}).encode()
        with pytest.raises(Invalid):
            parse_manifest(text)


def test_the_digest_is_the_clients() -> None:
    entries = {"b": Entry("Y"), "a/c": Entry("X")}
    text = b"wandb-artifact-manifest-v1\na/c:X\nb:Y\n"
    assert digest_of(entries) == hashlib.md5(text).hexdigest()


def test_a_purged_runs_files_stay_where_an_artifact_holds_them(
    kit: Kit, artifacts: Artifacts
) -> None:
    logged(kit, artifacts, {"a": b"1"})
    project = kit.projects.find(kit.ada, "ada", "digits")
    held = artifacts.content(project, md5(b"1")).sha256
    (loose,) = kit.files.keep_all(project, [b"of the run alone"])
    writer = Writer(kit, "r1")
    named = [
        File(path=path, policy="now", size=1, sha256=digest, time_us=1)
        for path, digest in (("a", held), ("b", loose))
    ]
    writer.send(writer.start() + writer.records(*named))
    run = kit.runs.find(kit.ada, "ada", "digits", "r1")[1]
    kit.trash.delete([run], "ada")
    kit.folds.save_all()
    kit.now_us += KEPT_US + 60 * 1_000_000
    for _ in kit.trash.purge():
        pass
    assert kit.blobs.size(loose) is None
    assert kit.blobs.size(held) is not None
    assert kit.meta.unnamed() == {}
