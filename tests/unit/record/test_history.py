"""History as readers see it: one dict per step, or one per `log()` (L-04, L-05, L-13)."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from kiseki.record import history
from kiseki.record.types import Row


def log(step: int, is_part: bool = False, **values: object) -> Row:
    return Row(
        tuple(values), step, step * 1_000_000, step * 500_000, list(values.values()), is_part
    )


def test_rows_carry_step_timestamp_and_runtime() -> None:  # L-13
    (row,) = history.merged([log(2, **{"loss": 0.5, "val.acc": 1})])
    assert row == {"loss": 0.5, "val": {"acc": 1}, "_step": 2, "_timestamp": 2.0, "_runtime": 1.0}


def test_an_empty_row_is_a_row() -> None:  # L-07
    assert history.merged([log(0)]) == [{"_step": 0, "_timestamp": 0.0, "_runtime": 0.0}]
    assert list(history.exact([log(0), log(1)]))[1]["_step"] == 1


def test_within_a_step_the_later_value_wins_and_a_scan_shows_both() -> None:  # L-04
    rows = [log(5, a=1, b=1), log(6, a=2), log(5, a=3)]
    assert [(r["_step"], r["a"], r.get("b")) for r in history.merged(rows)] == [
        (5, 3, 1),
        (6, 2, None),
    ]
    assert [(r["_step"], r["a"]) for r in history.exact(rows)] == [(5, 1), (6, 2), (5, 3)]


def test_parts_join_their_row() -> None:
    rows = [log(0, a=1), log(0, True, b=2), log(1, True, c=3)]
    assert [sorted(row) for row in history.exact(rows)] == [
        ["_runtime", "_step", "_timestamp", "a", "b"],
        ["_runtime", "_step", "_timestamp", "c"],
    ]


def test_levels_and_values_replace_each_other() -> None:  # L-05
    rows = [log(0, a=1), log(0, **{"a.b": 2}), log(0, **{"a.c": 3})]
    assert history.merged(rows)[0]["a"] == {"b": 2, "c": 3}
    assert history.merged([*rows, log(0, a=4)])[0]["a"] == 4


def test_reading_changes_no_value() -> None:
    rows = [log(0, a={}), log(0, **{"a.b": 2})]
    before = copy.deepcopy(rows)
    assert history.merged(rows) == history.merged(rows)
    assert rows == before


cells = st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=3)


@given(st.lists(st.tuples(st.integers(0, 4), cells), max_size=12))
def test_merged_is_the_scan_merged(items) -> None:
    rows = [log(step, **values) for step, values in items]
    model: dict[int, dict[str, int]] = {}
    for step, values in items:
        model.setdefault(step, {}).update(values)
    found = [{k: v for k, v in row.items() if k[0] != "_"} for row in history.merged(rows)]
    assert found == [model[step] for step in sorted(model)]
    assert len(list(history.exact(rows))) == len(items)
