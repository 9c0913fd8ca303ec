"""What every `ArtifactStore` promises: numbers in order, an alias at one place, what is pending hidden."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.errors import Conflict, NotFound
from kiseki.storage.artifacts import Artifact, Content, NewArtifact
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.interface import MetaStore

NOW = 1_700_000_000_000_000


@pytest.fixture
def meta(tmp_path: Path) -> Iterator[EmbeddedMeta]:
    store = EmbeddedMeta(tmp_path / "meta.db")
    store.add_user("ada", is_admin=True, now_us=NOW)
    store.make_project("ada", "digits", NOW)
    store.make_project("ada", "other", NOW)
    yield store
    store.close()


def begin(meta: MetaStore, digest: str, name: str = "data", **more: object) -> Artifact:
    user, project = meta.user("ada"), meta.project("ada", "digits")
    assert user is not None and project is not None
    new = NewArtifact(project.number, name, "dataset", user.number, digest, NOW, **more)  # type: ignore[arg-type]
    return meta.begin_artifact(new)[0]


def commit(meta: MetaStore, digest: str, name: str = "data", **more: object) -> Artifact:
    made = begin(meta, digest, name, **more)
    return meta.commit_artifact(made.number, "m" * 64, digest, 1, 1, NOW)


def version_of(meta: MetaStore, collection: int, alias: str) -> int | None:
    found = meta.member(collection, alias)
    return None if found is None else found.version


def test_what_is_pending_is_not_found(meta: MetaStore) -> None:
    made = begin(meta, "d0", aliases=("best",))
    assert made.state == "pending"
    assert made.version is None
    assert meta.collection(made.collection.project, "data") is None
    assert meta.collections(made.collection.project) == []
    assert meta.member(made.collection.number, "latest") is None
    done = meta.commit_artifact(made.number, "m" * 64, "d0", 5, 2, NOW)
    assert (done.state, done.version, done.size, done.files) == ("committed", 0, 5, 2)
    again = meta.commit_artifact(made.number, "n" * 64, "d9", 6, 3, NOW)
    assert again == done  # twice is once
    for alias in ("latest", "best", "v0", "d0"):
        assert version_of(meta, made.collection.number, alias) == 0


def test_the_same_digest_is_the_same_version(meta: MetaStore) -> None:
    one, two = commit(meta, "d0"), commit(meta, "d1")
    same = begin(meta, "d0", aliases=("again", "latest"))
    assert same.number == one.number
    assert version_of(meta, one.collection.number, "again") == 0
    assert version_of(meta, one.collection.number, "latest") == 0
    assert begin(meta, "d1", is_deduplicated=False).number != two.number


def test_a_collection_has_one_type_and_kind(meta: MetaStore) -> None:
    one = commit(meta, "d0")
    project = one.collection.project
    user = meta.user("ada")
    assert user is not None
    with pytest.raises(Conflict):
        meta.begin_artifact(NewArtifact(project, "data", "model", user.number, "d1", NOW))
    with pytest.raises(Conflict):
        meta.link(one.number, project, "data", [], NOW)
    member = meta.link(one.number, project, "chosen", ["staging"], NOW)
    assert (member.version, member.aliases) == (0, ("latest", "staging"))
    assert [m.collection.name for m in meta.members_of(one.number)] == ["data", "chosen"]
    meta.unlink(one.number, member.collection.number)
    assert [m.collection.name for m in meta.members_of(one.number)] == ["data"]


def test_deleting_gives_latest_to_the_one_before_and_no_number_twice(meta: MetaStore) -> None:
    first, last = commit(meta, "d0"), commit(meta, "d1")
    collection = first.collection.number
    meta.delete_artifact(last.number, NOW)
    assert version_of(meta, collection, "latest") == 0
    assert version_of(meta, collection, "v1") is None
    with pytest.raises(NotFound):
        meta.commit_artifact(last.number, "", "", 0, 0, NOW)
    assert commit(meta, "d1").version == 2
    meta.delete_collection(collection, NOW)
    assert meta.collection(first.collection.project, "data") is None
    assert commit(meta, "d0").version == 0  # a new collection of that name


def test_content_is_known_in_its_own_project_alone(meta: MetaStore) -> None:
    made = begin(meta, "d0")
    other = meta.project("ada", "other")
    assert other is not None
    content = Content("ab" * 32, 3, made.number)
    meta.add_contents(made.collection.project, {b"5" * 16: content}, NOW)
    meta.add_contents(made.collection.project, {b"5" * 16: Content("cd" * 32, 3, 99)}, NOW)
    assert meta.contents(made.collection.project, [b"5" * 16, b"6" * 16]) == {b"5" * 16: content}
    assert meta.contents(other.number, [b"5" * 16]) == {}
    assert meta.artifact_blobs(made.collection.project, ["ab" * 32, "cd" * 32]) == {"ab" * 32}


def test_commits_at_once_are_numbered_without_gaps(meta: MetaStore) -> None:
    made = [begin(meta, f"d{index}") for index in range(8)]
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(lambda one: meta.commit_artifact(one.number, "", one.digest, 0, 0, NOW), made)
        )
    assert sorted(one.version for one in done if one.version is not None) == list(range(8))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=12))
def test_an_alias_points_where_it_was_pointed_last(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int]]
) -> None:
    store = EmbeddedMeta(tmp_path_factory.mktemp("aliases") / "meta.db")
    store.add_user("ada", is_admin=True, now_us=NOW)
    store.make_project("ada", "digits", NOW)
    made = [commit(store, f"d{index}") for index in range(4)]
    collection = made[0].collection.number
    expected: dict[str, int] = {}
    for alias, index in moves:
        store.point(collection, made[index].number, [alias])
        expected[alias] = index
    assert {a: version_of(store, collection, a) for a in expected} == expected
    pointed = [alias for one in store.versions_in(collection) for alias in one.aliases]
    assert sorted(pointed) == sorted([*expected, "latest"])
    store.close()
