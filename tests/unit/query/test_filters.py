"""The filter language: a fixture shared with the web app, and printing as the inverse of parsing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.core.query import filters
from kiseki.errors import Invalid
from kiseki.storage.filters import (
    ATTRIBUTES,
    Compare,
    Filter,
    Key,
    Not,
    SortKey,
    Word,
    duration_us,
    moment_us,
    number_of,
)

FIXTURE = json.loads((Path(__file__).parents[2] / "fixtures" / "filters.json").read_text("utf-8"))


@pytest.mark.parametrize("case", FIXTURE["filters"], ids=lambda case: case["text"])
def test_filters(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(Invalid) as caught:
            filters.parse(case["text"])
        error = caught.value
        assert case["error"] == {
            "detail": str(error),
            "position": error.extra["position"],
            "token": error.extra["token"],
        }
    else:
        tree = filters.parse(case["text"])
        assert filters.to_json(tree) == case["tree"]
        assert filters.parse(filters.print_filter(tree)) == tree


@pytest.mark.parametrize("case", FIXTURE["sorts"], ids=lambda case: case["text"])
def test_sorts(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(Invalid) as caught:
            filters.parse_sort(case["text"])
        assert caught.value.extra["position"] == case["error"]["position"]
    else:
        keys = filters.parse_sort(case["text"])
        spelled = [
            (f"{k.key.space}." if k.key.space in ("config", "summary", "metric") else "")
            + k.key.path
            for k in keys
        ]
        assert spelled == [key["key"] for key in case["keys"]]
        assert [k.descending for k in keys] == [key["descending"] for key in case["keys"]]
        assert filters.parse_sort(filters.print_sort(keys)) == keys


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
paths = st.one_of(texts, st.sampled_from(["lr", "a b", "or", "x:y", 'q"', "back\\slash", "-minus"]))
keys = st.one_of(
    st.builds(Key, st.sampled_from(["config", "summary"]), paths),
    st.builds(Key, st.just("metric"), paths.map(lambda path: f"min.{path}")),
    st.builds(Key, st.just(""), paths).filter(
        lambda key: key.path not in ATTRIBUTES and not key.path.startswith(("config.", "summary."))
    ),
)
comparisons = st.one_of(
    st.builds(Compare, keys, st.sampled_from([":", "!:", "~"]), texts, st.just(True)),
    st.builds(
        Compare,
        keys,
        st.sampled_from([">", ">=", "<", "<="]),
        st.sampled_from(["1", "-2.5e3", "inf"]),
    ),
    st.builds(
        Compare,
        st.builds(Key, st.just("run"), st.sampled_from(["name", "state", "group", "host"])),
        st.sampled_from([":", "!:", "~"]),
        st.sampled_from(["a", "x*", "a:b", "a,b", "a=b", "or"]),
    ),
)
trees: st.SearchStrategy[Filter] = st.recursive(
    st.one_of(comparisons, st.builds(Word, texts)),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=4).map(filters.both),
        st.lists(inner, min_size=2, max_size=4).map(filters.either),
    ),
    max_leaves=12,
)


@given(trees)
@settings(max_examples=400, deadline=None)
def test_parsing_a_printed_tree_gives_it_again(tree: Filter) -> None:
    assert filters.parse(filters.print_filter(tree)) == tree


@given(st.lists(st.builds(SortKey, keys, st.booleans()), max_size=8))
@settings(deadline=None)
def test_parsing_a_printed_sort_gives_it_again(keys: list[SortKey]) -> None:
    assert filters.parse_sort(filters.print_sort(keys)) == keys


@given(st.text('ab:~<>!="()\\ ,-*1.ornt', max_size=20))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_filter_or_refused_with_a_position(text: str) -> None:
    for parse in (filters.parse, filters.parse_sort):
        try:
            parse(text)
        except Invalid as error:
            assert 0 <= int(str(error.extra["position"])) <= len(text)


def test_bounds() -> None:
    for text in ("(" * 60 + "a" + ")" * 60, "not " * 60 + "a", "a " * 201, "a" * 9_000):
        with pytest.raises(Invalid):
            filters.parse(text)
    for text in (",".join("abcdefghij"), "a" * 9_000):
        with pytest.raises(Invalid):
            filters.parse_sort(text)


def test_values() -> None:
    assert number_of("1e-4") == 1e-4 and number_of("-.5") == -0.5 and number_of("+3.") == 3
    assert number_of("0x10") is None and number_of("1_000") is None and number_of("nan") is None
    assert duration_us("90") == duration_us("1.5m") == 90_000_000
    assert duration_us("2w") == 14 * 86_400_000_000 and duration_us("2y") is None
    now = 10**15
    assert moment_us("1h", now) == (now - 3_600_000_000, now - 3_600_000_000 + 1)
    start, end = moment_us("1970-01-02", now) or (0, 0)
    assert (start, end - start) == (86_400_000_000, 86_400_000_000)
    assert moment_us("1970-01-01T01:00:00+01:00", now) == (0, 1_000_000)
    assert moment_us("7", now) is None and moment_us("soon", now) is None
    for huge in ("99999999999w", "9" * 400 + "s"):  # beyond 64 bits
        assert moment_us(huge, now) is None and duration_us(huge) is None
        for text in (f"created>{huge}", f"runtime>{huge}"):
            with pytest.raises(Invalid):
                filters.parse(text)
