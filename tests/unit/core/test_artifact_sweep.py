"""What is deleted leaves the disk, and nothing else does, whatever happens in which order."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiseki.core.artifact_sweep import ArtifactSweep
from kiseki.core.artifacts import Artifact, Artifacts, Details
from kiseki.core.manifests import Measured
from kiseki.core.people.audit import Audit
from kiseki.core.trash import Trash
from kiseki.errors import Conflict, NotFound
from kiseki.record.types import File
from tests.unit.core.kit import Kit, Writer

DAY_US = 24 * 3600 * 1_000_000


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


class Shop:
    """Artifacts of one project, made as a client makes them, and the background's work on them."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.numbers = itertools.count()
        audit = Audit(kit.meta)
        self.artifacts = Artifacts(
            kit.meta, kit.blobs, kit.projects, kit.runs, kit.files, audit, kit.clock
        )
        sweep = ArtifactSweep(kit.meta, self.artifacts.listings, audit, kit.clock)
        self.trash = Trash(
            kit.meta, kit.series, kit.folds, kit.files, audit, kit.clock, artifacts=sweep
        )

    def begin(self, name: str = "data", **more: object) -> Artifact:
        details = Details(name, "dataset", f"d{next(self.numbers)}", **more)  # type: ignore[arg-type]
        return self.artifacts.uploads.begin(self.kit.ada, "ada", "digits", details)[0]

    def bring(self, made: Artifact, contents: dict[str, bytes]) -> None:
        """Bring what is not here already."""
        uploads = self.artifacts.uploads
        known = uploads.known(made, [md5(data) for data in contents.values()])
        for data in contents.values():
            if md5(data) in known:
                continue
            with_it = self.kit.files.receive(len(data))
            measured = Measured(with_it)
            measured.write(data)
            uploads.keep(made, measured, md5(data))
            with_it.close()

    def finish(self, made: Artifact, contents: dict[str, bytes]) -> Artifact:
        entries = {
            path: {"digest": md5(data), "size": len(data)} for path, data in contents.items()
        }
        text = json.dumps({"version": 1, "contents": entries, "of": made.number}).encode()
        uploads = self.artifacts.uploads
        manifest = uploads.add_manifest(made, "full", None, md5(text))
        with_it = self.kit.files.receive(len(text))
        measured = Measured(with_it)
        measured.write(text)
        uploads.keep_manifest(made, manifest, measured)
        with_it.close()
        return uploads.commit(self.kit.ada, made.number)

    def log(self, contents: dict[str, bytes], name: str = "data", **more: object) -> Artifact:
        made = self.begin(name, **more)
        self.bring(made, contents)
        return self.finish(made, contents)

    def delete(self, made: Artifact) -> None:
        self.artifacts.edits.delete(self.kit.ada, made, with_aliases=True)

    def purge(self, steps: int | None = None) -> None:
        """Do what is due; killed after so many steps."""
        for _ in itertools.islice(self.trash.purge(), steps):
            pass

    def pass_days(self, days: int) -> None:
        self.kit.now_us += days * DAY_US + 1_000_000

    def is_here(self, data: bytes) -> bool:
        return self.kit.blobs.size(hashlib.sha256(data).hexdigest()) is not None


@pytest.fixture
def shop(kit: Kit) -> Shop:
    return Shop(kit)


def test_content_of_a_deleted_version_leaves_the_disk_with_its_list(shop: Shop) -> None:
    first = shop.log({"a": b"one", "b": b"both"})
    second = shop.log({"b": b"both"})
    shop.delete(first)
    shop.purge()
    assert shop.is_here(b"one")  # not at once: somebody may be reading it
    manifest = first.manifest
    shop.pass_days(8)
    shop.purge()
    assert not shop.is_here(b"one")
    assert shop.is_here(b"both")
    assert shop.kit.blobs.size(manifest) is None
    assert shop.artifacts.entries(second).keys() == {"b"}
    assert shop.kit.meta.unnamed() == {}
    with pytest.raises(NotFound):
        shop.artifacts.uploads.pending(shop.kit.ada, first.number)
    again = shop.log({"a": b"one"})  # the same content may come again
    assert again.version == 2
    assert shop.is_here(b"one")


def test_what_a_run_names_stays(shop: Shop) -> None:
    made = shop.log({"a": b"shared"})
    writer = Writer(shop.kit, "r1")
    digest = hashlib.sha256(b"shared").hexdigest()
    named = File(path="x", policy="now", size=6, sha256=digest, time_us=1)
    writer.send(writer.start() + writer.records(named))
    shop.kit.folds.save_all()
    shop.delete(made)
    shop.pass_days(8)
    shop.purge()
    assert shop.is_here(b"shared")


def test_an_upload_keeps_what_it_was_told_is_here(shop: Shop) -> None:
    old = shop.log({"a": b"told"})
    shop.delete(old)
    shop.pass_days(8)
    made = shop.begin()
    shop.bring(made, {"a": b"told"})  # is not brought: it is here
    shop.purge()
    done = shop.finish(made, {"a": b"told"})
    shop.pass_days(30)
    shop.purge()
    assert shop.is_here(b"told")
    assert shop.artifacts.file(done, "a").size == 4


def test_an_upload_that_was_left_goes_and_is_refused_afterwards(shop: Shop) -> None:
    made = shop.begin()
    shop.bring(made, {"a": b"left"})
    shop.pass_days(8)
    shop.purge()
    with pytest.raises(NotFound):
        shop.finish(made, {"a": b"left"})
    shop.pass_days(8)
    shop.purge()
    assert not shop.is_here(b"left")


def test_a_time_to_live_passes_but_not_where_a_version_is_linked(shop: Shop) -> None:
    kit = shop.kit
    short = shop.log({"a": b"short"}, ttl_s=3600, aliases=("best",))
    linked = shop.log({"a": b"linked"}, "model", ttl_s=3600)
    shop.artifacts.edits.link(kit.ada, linked, "ada", "digits", "registered", ["prod"])
    endless = shop.log({"a": b"endless"}, "other", ttl_s=0)
    shop.purge()
    assert kit.meta.artifact(short.number).state == "committed"  # type: ignore[union-attr]
    shop.pass_days(1)
    shop.purge()
    states = [kit.meta.artifact(one.number).state for one in (short, linked, endless)]  # type: ignore[union-attr]
    assert states == ["deleted", "committed", "committed"]
    assert ("artifact-expired", "ada/digits/artifacts/data:v0") in [
        (entry.action, entry.object) for entry in kit.meta.audit(None, 10)
    ]
    assert kit.meta.member(short.collection.number, "best") is None


def test_nothing_goes_where_a_list_of_files_cannot_be_read(shop: Shop) -> None:
    kept = shop.log({"a": b"kept"})
    gone = shop.log({"a": b"gone"})
    shop.delete(gone)
    shop.kit.blobs.drop(kept.manifest)
    shop.artifacts.listings.forget()
    shop.pass_days(8)
    shop.purge()
    assert shop.is_here(b"kept") and shop.is_here(b"gone")


WORDS = [bytes([65 + i]) * (i + 1) for i in range(6)]
contents = st.dictionaries(st.sampled_from("abc"), st.sampled_from(WORDS), min_size=1)
programs = st.lists(
    st.one_of(
        st.tuples(st.just("log"), contents),
        st.tuples(st.just("begin"), contents),
        st.tuples(st.just("finish"), st.integers(0, 9)),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(st.just("days"), st.sampled_from([1, 3, 8])),
        st.tuples(st.just("purge"), st.one_of(st.none(), st.integers(0, 12))),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs)
def test_whatever_happens_what_is_committed_is_whole(
    program: list[tuple[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    shop = Shop(_kit(tmp_path_factory.mktemp("sweep")))
    live: list[tuple[Artifact, dict[str, bytes]]] = []
    open_ones: list[tuple[Artifact, dict[str, bytes]]] = []
    for what, value in program:
        if what == "log":
            live.append((shop.log(value), value))  # type: ignore[arg-type]
        elif what == "begin":
            made = shop.begin()
            shop.bring(made, value)  # type: ignore[arg-type]
            open_ones.append((made, value))  # type: ignore[arg-type]
        elif what == "finish" and open_ones:
            made, files = open_ones.pop(value % len(open_ones))  # type: ignore[operator]
            with contextlib.suppress(Conflict, NotFound):  # it took too long, and is told so
                live.append((shop.finish(made, files), files))
        elif what == "delete" and live:
            shop.delete(live.pop(value % len(live))[0])  # type: ignore[operator]
        elif what == "days":
            shop.pass_days(value)  # type: ignore[arg-type]
        elif what == "purge":
            shop.purge(value)  # type: ignore[arg-type]
            if value is not None:
                shop = _again(shop)
        for made, files in live:
            for path, data in files.items():
                sha256 = shop.artifacts.file(made, path).sha256
                assert b"".join(shop.artifacts.read(sha256)) == data
    # In the end nothing is left that nobody holds.
    for made, _ in open_ones:
        shop.kit.meta.delete_artifact(made.number, shop.kit.now_us)
    for _ in range(4):
        shop.pass_days(8)
        shop.purge()
    wanted = {data for _, files in live for data in files.values()}
    assert {word for word in WORDS if shop.is_here(word)} == wanted
    shop.kit.close()


def _kit(folder: Path) -> Kit:
    return Kit(folder)


def _again(shop: Shop) -> Shop:
    """What the next process finds after a kill: the same store, and nothing in memory."""
    now_us = shop.kit.now_us
    again = Shop(shop.kit.again())
    again.kit.now_us = now_us
    again.numbers = shop.numbers
    return again
