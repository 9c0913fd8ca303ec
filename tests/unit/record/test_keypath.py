"""Key paths: one string for a place in a nested row (D-07)."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiseki.record import keypath
from tests.unit.record.strategies import exact, keys, scalars

leaves = st.one_of(
    scalars,
    st.just({}),
    st.dictionaries(keys, scalars, max_size=2).map(lambda tree: {**tree, "_type": "image-file"}),
)
trees = st.dictionaries(
    keys,
    st.recursive(
        leaves,
        lambda inner: st.dictionaries(keys, inner, min_size=1, max_size=3).filter(
            lambda tree: "_type" not in tree
        ),
        max_leaves=8,
    ),
    max_size=4,
)


@given(st.lists(keys, min_size=1, max_size=5))
def test_split_undoes_join(parts: list[str]) -> None:
    assert keypath.split(keypath.join(parts)) == parts


@given(st.lists(st.lists(keys, min_size=1, max_size=4), min_size=2, max_size=2))
def test_two_places_never_share_a_path(places: list[list[str]]) -> None:
    one, two = places
    assert (keypath.join(one) == keypath.join(two)) == (one == two)


@given(st.lists(keys, min_size=1, max_size=5))
def test_prefixes_are_the_paths_of_the_levels_above(parts: list[str]) -> None:
    assert list(keypath.prefixes(keypath.join(parts))) == [
        keypath.join(parts[:n]) for n in range(1, len(parts))
    ]


@given(trees)
def test_unflatten_undoes_flatten(tree: dict) -> None:
    before = copy.deepcopy(tree)
    items = list(keypath.flatten(tree))
    assert len({path for path, _ in items}) == len(items)
    assert exact(keypath.unflatten(items)) == exact(tree)
    assert exact(tree) == exact(before)


@pytest.mark.parametrize(
    ("items", "tree"),
    [
        ([("a", 1), ("a.b", 2)], {"a": {"b": 2}}),
        ([("a.b", 2), ("a", 1)], {"a": 1}),
        ([("a.b", 1), ("a.c", 2)], {"a": {"b": 1, "c": 2}}),
        ([("a.b", 1), ("a", 5), ("a.c", 2)], {"a": {"c": 2}}),
        ([("a", {}), ("a.b", 2)], {"a": {"b": 2}}),
        ([(r"a\.b", 1), (r"a\\.b", 2)], {"a.b": 1, "a\\": {"b": 2}}),
        ([("", 1), (".", 2)], {"": {"": 2}}),
    ],
)
def test_a_later_pair_wins(items: list[tuple[str, object]], tree: dict) -> None:
    assert keypath.unflatten(items) == tree


def test_unflatten_never_changes_a_value() -> None:
    image = {"_type": "image-file"}
    assert keypath.unflatten([("a", image), ("a.b", 1)]) == {"a": {"b": 1}}
    assert image == {"_type": "image-file"}
