"""Lists of runs show short values; one run shows all of it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kiseki.core import listed
from kiseki.core.listed import TREE_BYTES_MAX, shortened
from kiseki.core.query.queries import Queries
from kiseki.record.types import Config
from tests.unit.core.kit import Kit, Writer

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
trees = st.dictionaries(
    st.text(),
    st.recursive(
        scalars,
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
)


@settings(max_examples=40, deadline=None)
@given(trees)
def test_what_is_short_stays_and_cutting_again_changes_nothing(tree: dict[str, Any]) -> None:
    once = shortened(tree)
    assert shortened(once) == once
    if len(json.dumps(tree)) < 900:
        assert once == tree


def test_each_long_value_is_cut_and_no_other() -> None:
    tree = {
        "lr": 0.1, "note": "x" * 5_000, "model": {"depth": 3, "sizes": list(range(10_000))},
        "media": {"_type": "histogram", "bins": [1.0] * 500}, "short": [1, 2, {"a": "b"}],
        "pictures": [{"_type": "image-file", "path": "x" * 900}] * 2, "odd": [{"_type": 7}] * 900,
    }  # fmt: skip
    assert shortened(tree) == {
        "lr": 0.1, "note": "x" * 999 + "…",
        "model": {"depth": 3, "sizes": {"_type": "omitted", "items": 10_000}},
        "media": {"_type": "omitted", "items": 2, "was": "histogram"}, "short": [1, 2, {"a": "b"}],
        "pictures": {"_type": "omitted", "items": 2, "was": "image-file"},
        "odd": {"_type": "omitted", "items": 900},
    }  # fmt: skip


def test_wide_trees_end_with_a_mark() -> None:
    wide = {f"key{number}": float(number) for number in range(100_000)}
    once = shortened({"first": wide, "second": 1, "_step": 9})
    assert once["first"]["key1000"] == 1000.0
    assert once["first"]["…"] == once["…"] == listed.OMITTED
    assert once["_step"] == 9 and "second" not in once
    assert len(json.dumps(once)) < 2 * TREE_BYTES_MAX
    assert shortened(once) == once


def test_long_values_are_neither_read_nor_sent_by_lists(kit: Kit) -> None:
    writer = Writer(kit)
    big = {"big": "x" * 10_000_000, "lr": 0.1}
    writer.send(writer.start() + writer.records(Config(set=big)))
    kit.folds.save_all()
    queries = Queries(kit.meta, kit.series, kit.runs)
    project = kit.projects.find(kit.ada, "ada", "digits")

    def shown() -> Any:
        [stored] = kit.meta.find_runs(project.number)[2]
        [run] = queries.list_runs(project).runs
        assert run.config == shortened(run.config)
        return stored.config, run.config

    stored, sent = shown()
    assert sent == stored == {"big": "x" * 999 + "…", "lr": 0.1}
    assert kit.runs.find(kit.ada, "ada", "digits", "r1")[1].config == big
    writer.send(writer.records(Config(set={"big": "x" * 1_500})))
    kit.folds.save_all()
    stored, sent = shown()
    assert stored == {"big": "x" * 1_500, "lr": 0.1} and len(sent["big"]) == 1_000
    writer.send(writer.records(Config(set=big)))
    kit.folds.save_all()
    assert len(shown()[0]["big"]) == 1_000
