"""What every `ViewStore` promises: versions, one document per content, nobody else's `mine`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.errors import Conflict, NotFound
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.interface import MetaStore
from kiseki.storage.views import MINE, Doc, View

NOW = 1_700_000_000_000_000
DAY = 24 * 3600 * 1_000_000


@pytest.fixture
def meta(tmp_path: Path) -> Iterator[EmbeddedMeta]:
    store = EmbeddedMeta(tmp_path / "meta.db")
    yield store
    store.close()


@pytest.fixture
def project(meta: EmbeddedMeta) -> int:
    meta.add_user("ada", is_admin=True, now_us=NOW)
    meta.add_user("bob", is_admin=False, now_us=NOW)
    return meta.make_project("ada", "digits", NOW).number


def doc(text: str) -> Doc:
    return Doc(hashlib.sha256(text.encode()).digest(), text.encode(), len(text))


def number_of(meta: MetaStore, name: str) -> int:
    user = meta.user(name)
    assert user is not None
    return user.number


def add(
    meta: MetaStore, project: int, slug: str, *, user: str = "ada", shared: bool = True
) -> View:
    return meta.add_view(
        project, slug, slug.title(), number_of(meta, user), doc(slug), NOW,
        is_shared=shared, limit=5,
    )  # fmt: skip


def save(
    meta: MetaStore,
    project: int,
    slug: str,
    base: int,
    text: str,
    *,
    user: str = "ada",
    now: int = NOW,
    keep: int = 50,
) -> View:
    return meta.save_view(
        project, slug, number_of(meta, user), base, doc(text), now, by=user, keep=keep
    )


def stored(meta: EmbeddedMeta) -> set[str]:
    """Return the documents that are there."""
    with meta._read() as c:
        return {row[0].decode() for row in c.exec_driver_sql("SELECT data FROM view_doc")}


def test_slugs_are_unique_in_a_project(meta: MetaStore, project: int) -> None:
    slugs = [add(meta, project, "loss").slug for _ in range(3)]
    assert slugs == ["loss", "loss-2", "loss-3"]
    other = meta.make_project("ada", "other", NOW).number
    assert add(meta, other, "loss").slug == "loss"
    assert add(meta, project, "mine-view", user="bob", shared=False).slug == "mine-view"
    assert [view.slug for view in meta.views(project, number_of(meta, "ada"))] == slugs
    assert len(meta.views(project, number_of(meta, "bob"))) == 4
    for _ in range(2):
        add(meta, project, "more")
    with pytest.raises(Conflict, match="5 views already"):
        add(meta, project, "one too many")
    add(meta, project, "but mine", shared=False)


def test_who_is_slower_is_told_so(meta: MetaStore, project: int) -> None:
    add(meta, project, "loss")
    assert save(meta, project, "loss", 1, "a").version == 2
    with pytest.raises(Conflict) as caught:
        save(meta, project, "loss", 1, "b", user="bob")
    assert caught.value.extra == {"code": "edited", "version": 2}
    assert save(meta, project, "loss", 1, "a", user="bob").version == 2  # the same: nobody is hurt
    third = save(meta, project, "loss", 2, "b", user="bob", now=NOW + 5)
    assert (third.version, third.edited_by, third.edited_us) == (3, "bob", NOW + 5)
    assert [meta.view_doc(third.number, n) for n in (1, 2, 3, 4)] == [b"loss", b"a", b"b", None]
    listed = [(item.version, item.by, item.size) for item in meta.view_versions(third.number)]
    assert listed == [(3, "bob", 1), (2, "ada", 1), (1, "ada", 4)]
    with pytest.raises(NotFound):
        save(meta, project, "absent", 0, "a")


def test_of_many_at_once_one_is_first(meta: MetaStore, project: int) -> None:
    def attempt(text: str) -> int:
        try:
            return save(meta, project, MINE, 0, text).version
        except Conflict as error:
            assert error.extra["version"] == 1
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, map(str, range(8)))) == [0] * 7 + [1]


def test_mine_is_made_by_the_first_save_and_is_nobody_elses(
    meta: EmbeddedMeta, project: int
) -> None:
    ada, bob = number_of(meta, "ada"), number_of(meta, "bob")
    with pytest.raises(Conflict):
        save(meta, project, MINE, 3, "a")
    mine = save(meta, project, MINE, 0, "a")
    assert (mine.version, mine.is_shared, mine.owner) == (1, False, ada)
    assert meta.view(project, MINE, bob) is None and meta.views(project, bob) == []
    assert save(meta, project, MINE, 0, "b", user="bob").owner == bob
    assert meta.view(project, MINE, ada) == mine
    meta.edit_view(mine.number, {"deleted_us": NOW})
    assert meta.views(project, ada) == []
    again = save(meta, project, MINE, 0, "a")
    assert (again.number, again.version, again.deleted_us) == (mine.number, 2, None)


def test_there_is_one_default_each(meta: MetaStore, project: int) -> None:
    ada, bob = number_of(meta, "ada"), number_of(meta, "bob")
    one, two = add(meta, project, "one"), add(meta, project, "two")
    own = save(meta, project, MINE, 0, "a")
    his = save(meta, project, MINE, 0, "a", user="bob")
    for view in (one, own, his, two):
        meta.edit_view(view.number, {"is_default": True})

    def defaults(user: int) -> set[str]:
        return {view.slug for view in meta.views(project, user) if view.is_default}

    assert defaults(ada) == {MINE, "two"} == defaults(bob)


def test_a_document_goes_with_the_last_that_holds_it(meta: EmbeddedMeta, project: int) -> None:
    ada = number_of(meta, "ada")
    add(meta, project, "one")
    two = save(meta, project, "one", 1, "same")
    save(meta, project, MINE, 0, "same")
    meta.add_draft(project, doc("same"), ada, NOW + 10, keep=2)
    meta.edit_view(two.number, {"deleted_us": NOW})
    assert meta.drop_old_views(NOW, NOW) == 0
    assert meta.drop_old_views(NOW + 1, NOW) == 1
    assert meta.view(project, "one", ada) is None
    assert stored(meta) == {"same"}
    assert meta.draft(project, doc("same").digest, NOW + 9) == b"same"
    assert meta.drop_old_views(0, NOW + 10) == 1
    assert meta.draft(project, doc("same").digest, NOW) is None
    assert stored(meta) == {"same"}  # `mine` holds it


def test_drafts_of_one_person_are_bounded(meta: EmbeddedMeta, project: int) -> None:
    ada, bob = number_of(meta, "ada"), number_of(meta, "bob")
    other = meta.make_project("ada", "other", NOW).number
    meta.add_draft(project, doc("bobs"), bob, NOW + 1, keep=2)
    for age, text in enumerate("abc"):
        meta.add_draft(project, doc(text), ada, NOW + 1 + age, keep=2)
    assert stored(meta) == {"bobs", "b", "c"}
    assert meta.draft(other, doc("c").digest, NOW) is None
    meta.add_draft(project, doc("b"), ada, NOW + 100, keep=2)  # sent again: kept for longer
    meta.add_draft(project, doc("d"), ada, NOW + 50, keep=2)
    assert stored(meta) == {"bobs", "b", "d"}


@settings(max_examples=15, deadline=None)
@given(gaps=st.lists(st.integers(0, 2 * DAY), min_size=1, max_size=25), keep=st.integers(1, 10))
def test_versions_are_thinned_to_the_last_and_one_a_day(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int], keep: int
) -> None:
    meta = EmbeddedMeta(tmp_path_factory.mktemp("thin") / "meta.db")
    try:
        meta.add_user("ada", is_admin=True, now_us=NOW)
        project = meta.make_project("ada", "digits", NOW).number
        times: dict[int, int] = {}
        now = NOW
        for version, gap in enumerate(gaps):
            now += gap
            saved = save(meta, project, MINE, version, str(version), now=now, keep=keep)
            times[saved.version] = now
        kept = {item.version for item in meta.view_versions(saved.number)}
        upto = saved.version - keep
        assert {n for n in times if n > upto} <= kept
        days = {times[n] // DAY for n in times if n <= upto}
        # The last of each day, however often it was thinned in between.
        assert {max(n for n in times if n <= upto and times[n] // DAY == day) for day in days} == {
            n for n in kept if n <= upto
        }
        assert stored(meta) == {str(n - 1) for n in kept}
    finally:
        meta.close()
