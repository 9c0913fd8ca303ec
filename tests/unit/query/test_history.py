"""Exact rows, page by page: nothing lost, doubled or split, whatever the page size."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.core.query import history
from kiseki.errors import Invalid
from kiseki.record.types import Kind
from kiseki.storage.interface import Range
from kiseki.storage.memory.series import MemorySeries
from tests.unit.query.fixtures import Writer


def pages(
    store: MemorySeries, chain: tuple[Range, ...], limit: int, **asked: Any
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after = ""
    while True:
        page = history.page(store, 1, chain, after=after, limit=limit, **asked)
        assert len(page.rows) <= limit
        rows += page.rows
        if page.next is None:
            return rows
        after = page.next


@given(
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from("ab"), st.integers(0, 99)), max_size=40),
    st.integers(1, 9),
    st.integers(1, 5),
)
@settings(max_examples=150, deadline=None)
def test_paging_equals_one_page(logged: list[tuple[int, str, int]], limit: int, scan: int) -> None:
    """L-04: any order of steps; the later value of a step wins, an exact scan shows both."""
    store = MemorySeries()
    writer = Writer(store, 1)
    for step, key, value in logged:
        writer.rows([{key: value}], [step])
    merged: dict[int, dict[str, int]] = {}
    for step, key, value in logged:
        merged.setdefault(step, {})[key] = value
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "SCAN_ROWS", scan)
        patch.setattr(history, "FOLD_ROWS", scan + 1)
        rows = pages(store, (Range(1),), limit)
        exact = pages(store, (Range(1),), limit, is_exact=True)
        only_a = pages(store, (Range(1),), limit, keys=["a"])
    assert [(row["_step"], {k: row[k] for k in "ab" if k in row}) for row in rows] == sorted(
        merged.items()
    )
    assert [(row["_step"], row.get("a"), row.get("b")) for row in exact] == [
        (step, value if key == "a" else None, value if key == "b" else None)
        for step, key, value in sorted(logged, key=lambda each: each[0])
    ]
    assert [row["a"] for row in only_a] == [v["a"] for _, v in sorted(merged.items()) if "a" in v]


def test_parts_of_a_row_stay_together() -> None:
    """A wide row is committed in parts (ROW_PART); it comes back as one."""
    store = MemorySeries()
    writer = Writer(store, 1)
    for step in range(3):
        writer.rows([{"a": step}], [step])
        writer.rows([{"b": step}], [step], is_part=True)
        writer.rows([{"c": step}], [step], is_part=True)
    rows = pages(store, (Range(1),), 1, is_exact=True)
    assert [(row["a"], row["b"], row["c"]) for row in rows] == [(n, n, n) for n in range(3)]


def test_values_come_back_as_logged() -> None:
    """L-10, L-13, L-19."""
    store = MemorySeries()
    values = {
        "i": 1,
        "f": 1.0,
        "t": "x",
        "n": None,
        "l": [1, [2]],
        "d": {"e": {"f": True}},
        "big": -(2**70),
    }
    Writer(store, 1).rows([values | {"nan": math.nan}], [7])
    (row,) = pages(store, (Range(1),), 5)
    assert math.isnan(row.pop("nan")) and type(row["f"]) is float and type(row["i"]) is int
    assert (row.pop("_step"), row.pop("_runtime")) == (7, 7.0)
    assert row.pop("_timestamp") == 1_700_000_007.0
    assert row == values


def test_keys_are_paths_or_names_as_shown() -> None:
    store = MemorySeries()
    Writer(store, 1).rows([{"a.b": 1, "val": {"loss": 2, "acc": 3}, "x": 4}], [0])
    chain = (Range(1),)
    for asked, expected in (
        ([r"a\.b"], {"a.b": 1}),
        (["a.b"], {"a.b": 1}),
        (["val.loss"], {"val": {"loss": 2}}),
        (["val"], {"val": {"loss": 2, "acc": 3}}),
        (["x", "val.acc"], {"x": 4, "val": {"acc": 3}}),
        (["_step"], {}),
        (["_step", "x"], {"x": 4}),
    ):
        (row,) = pages(store, chain, 5, keys=asked)
        assert {key: value for key, value in row.items() if key[0] != "_"} == expected, asked
    assert pages(store, chain, 5, keys=["absent"]) == []


def test_a_chain_of_segments() -> None:
    store = MemorySeries()
    Writer(store, 1).rows([{"v": 1}] * 5, range(5))
    Writer(store, 2).rows([{"v": 2}] * 4, [3, 4, 5, 1])
    chain = (Range(1, None, 2), Range(2, None, None))
    want = [1, 2, 1, 2, 2, 2]
    for limit in (1, 2, 100):
        rows = pages(store, chain, limit)
        assert [row["_step"] for row in rows] == [0, 1, 2, 3, 4, 5]
        assert [row["v"] for row in rows] == want
        assert len(pages(store, chain, limit, is_exact=True)) == 7
    assert [row["_step"] for row in pages(store, chain, 2, min_step=1, max_step=4)] == [1, 2, 3, 4]


def test_system_samples_are_rows() -> None:
    store = MemorySeries()
    Writer(store, 1, kind=Kind.SYSTEM).rows([{"cpu": 1.5}], [0])
    (row,) = pages(store, (Range(1),), 5, is_exact=True)
    assert row["cpu"] == 1.5 and row["_step"] == 0


def test_a_page_is_bounded_by_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "WEIGHT_MAX", 10)
    store = MemorySeries()
    Writer(store, 1).rows([{"text": "x" * 800}] * 5, range(5))
    page = history.page(store, 1, (Range(1),), limit=100)
    assert len(page.rows) == 1 and page.next is not None
    assert len(pages(store, (Range(1),), 100)) == 5


def test_bad_questions() -> None:
    store = MemorySeries()
    Writer(store, 1).rows([{"a": 1}], [0])
    for bad in (
        {"limit": 0},
        {"limit": 10**9},
        {"after": "x"},
        {"after": "1.2"},
        {"after": "0.77.0"},
    ):
        with pytest.raises(Invalid):
            history.page(store, 1, (Range(1),), **bad)
