"""Values of a key with their counts, as completion shows them, against counting over the runs themselves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kiseki.core.query.filters import parse, parse_keys
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.interface import MetaStore
from tests.contract.test_run_groups import fill, values_under

RUNS: list[dict[str, Any]] = [
    {"config": {"lr": 0.1, "net": "wide", "on": True}, "tags": ["a", "b"], "group": "g"},
    {"config": {"lr": 0.1, "net": "Wide-2", "on": False}, "tags": ["b"]},
    {"config": {"lr": 0.2, "net": "", "on": True}, "summary": {"loss": float("nan")}},
    {"config": {"lr": [1, 2], "net": None}, "summary": {"loss": float("inf")}, "group": "h"},
    {"config": {"lr": 3}, "summary": {"loss": 2.5}, "state": "finished"},
]
KEYS = [
    "config.lr",
    "net",
    "config.on",
    "summary.loss",
    "config.none",
    "tags",
    "group",
    "state",
    "user",
]


@pytest.fixture
def meta(tmp_path: Path) -> Any:
    store = EmbeddedMeta(tmp_path / "meta.sqlite3")
    yield store
    store.close()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("filter", ["", "config.lr<1", "tags:b", "user:ada not group:h"])
def test_values_are_those_of_the_matching_runs(meta: MetaStore, key: str, filter: str) -> None:
    project = fill(meta, RUNS)
    (wanted,) = parse_keys(key, 1)
    _, _, runs = meta.find_runs(project, parse(filter), limit=100)
    if not wanted.space:
        wanted = parse_keys(f"config.{key}", 1)[0]
    expected = Counter(
        (isinstance(value, bool), value)
        for run in runs
        for value in values_under(run, wanted)
        if value is not None
    )
    found = meta.frequent_values(project, parse_keys(key, 1)[0], parse(filter))
    assert found.count == len(expected)
    assert {(isinstance(value, bool), value): n for value, n in found.values} == dict(expected)
    assert [n for _, n in found.values] == sorted(expected.values(), reverse=True)
    first = meta.frequent_values(project, parse_keys(key, 1)[0], parse(filter), limit=1)
    assert (first.count, list(first.values)) == (found.count, list(found.values[:1]))


def test_values_are_searched_and_leave_out_the_trash(meta: MetaStore) -> None:
    project = fill(meta, RUNS)
    (net,) = parse_keys("config.net", 1)
    assert dict(meta.frequent_values(project, net, search="wide").values) == {
        "wide": 1,
        "Wide-2": 1,
    }
    assert dict(meta.frequent_values(project, net, search="%").values) == {}
    (run,) = meta.runs(project, ["r0"])
    meta.throw_away([run.number], "ada", 1)
    assert dict(meta.frequent_values(project, net).values) == {"Wide-2": 1}
