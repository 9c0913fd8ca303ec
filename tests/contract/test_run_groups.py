"""Groups of runs (ui-spec 4.3, 5.5) against a plain reference over the runs themselves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiseki.core.query.filters import parse, parse_keys, parse_sort
from kiseki.core.saved import scalar
from kiseki.record import keypath
from kiseki.record.codec import encode_value
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.filters import Key
from kiseki.storage.interface import Fold, MetaStore, NewStream, Run, RunGroup

NOW = 1_700_000_000_000_000


def fill(meta: MetaStore, runs: list[dict[str, Any]]) -> int:
    """Make a project of runs: each with config, summary, tags, group, state. Return its number."""
    user = meta.add_user("ada", is_admin=True, now_us=NOW)
    project = meta.make_project("ada", "digits", NOW).number
    for at, given_ in enumerate(runs):
        new = NewStream(f"s{at}", project, f"r{at}", None, None, "writer", user.number, NOW + at)
        run, _ = meta.add_stream(new)
        trees = {name: given_.get(name, {}) for name in ("config", "summary")}
        cells = {
            f"{name}.{path}": scalar(value)
            for name, tree in trees.items()
            for path, value in keypath.flatten(tree)
        }
        columns = {name: given_[name] for name in ("tags", "group", "state") if name in given_}
        parts = {name: encode_value(tree) for name, tree in trees.items()}
        meta.save([Fold(run.attempt, columns=columns, parts=parts, cells=cells)])
    return project


# ── the reference: what the web app does with the runs it has loaded ──


def held(run: Run, key: Key) -> Any:
    if key.space == "run":
        return getattr(run, key.path)
    return (run.config if key.space == "config" else run.summary).get(key.path)


def values_under(run: Run, key: Key) -> list[Any]:
    if key.path == "tags" and key.space == "run":
        return list(run.tags) or [None]
    value = held(run, key)
    if isinstance(value, float) and not math.isfinite(value):
        value = {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return [None if value == "" or isinstance(value, (list, dict)) else value]


def reference(runs: list[Run], by: list[Key]) -> dict[tuple[Any, ...], list[Run]]:
    found: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        for values in itertools.product(*(values_under(run, key) for key in by)):
            typed = tuple((isinstance(value, bool), value) for value in values)
            found.setdefault(typed, []).append(run)
    return found


def check(meta: MetaStore, project: int, by: str, columns: str, filter: str, sort: str) -> None:
    keys, wanted = parse_keys(by, 3), parse_keys(columns, 9)
    where, order = parse(filter), parse_sort(sort)
    total, matching, runs = meta.find_runs(project, where, order, limit=1_000)
    expected = reference(runs, keys)
    found = meta.group_runs(project, keys, wanted, where, order, members=3, limit=1_000)
    assert (found.total, found.matching, found.count) == (total, matching, len(expected))
    assert [tuple((isinstance(v, bool), v) for v in one.values) for one in found.groups] == list(
        expected
    )
    for one, members in zip(found.groups, expected.values(), strict=True):
        check_group(one, members, wanted)
    page = meta.group_runs(project, keys, wanted, where, order, members=3, offset=1, limit=2)
    assert list(page.groups) == list(found.groups)[1:3] and page.count == found.count


def check_group(one: RunGroup, members: list[Run], wanted: list[Key]) -> None:
    assert one.runs == len(members)
    assert one.members == tuple(run.id for run in members[:3])
    assert one.color == min(run.color for run in members)
    states = [run.state for run in members]
    assert one.states == {state: states.count(state) for state in states}
    for key, spread in zip(wanted, one.spreads, strict=True):
        numbers = [
            float(value)
            for run in members
            if isinstance(value := held(run, key), (int, float))
            and not isinstance(value, bool)
            and math.isfinite(value)
        ]
        if not numbers:
            assert spread is None
            continue
        assert spread is not None and spread.n == len(numbers)
        size = max(map(abs, numbers))
        mean = math.fsum(value / len(numbers) for value in numbers)
        assert abs(spread.mean - mean) <= 1e-9 * size
        assert (spread.min, spread.max) == (min(numbers), max(numbers))
        if len(numbers) == 1:
            assert spread.deviation is None
        else:
            squares = math.fsum((value - mean) ** 2 for value in numbers)
            deviation = math.sqrt(squares / (len(numbers) - 1))
            assert spread.deviation == pytest.approx(deviation, rel=1e-6, abs=1e-9 * size)


VALUES = st.one_of(
    st.sampled_from(
        [0, 1, 1.0, -0.0, True, False, "1", "true", "", "NaN", "Infinity", "adam", None]
    ),
    st.sampled_from([math.nan, math.inf, -math.inf, [1], {"_type": "histogram"}, 2**70]),
    st.floats(-1e100, 1e100),
)
RUNS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "config": st.dictionaries(st.sampled_from(["lr", "n"]), VALUES),
            "summary": st.dictionaries(st.sampled_from(["loss"]), VALUES),
            "tags": st.lists(st.sampled_from(["x", "y", "z"]), unique=True).map(tuple),
            "group": st.sampled_from(["", "a", "b"]),
            "state": st.sampled_from(["running", "finished", "failed"]),
        },
    ),
    max_size=9,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    runs=RUNS,
    by=st.lists(
        st.sampled_from(["config.lr", "config.n", "tags", "group", "state", "user", "config.none"]),
        min_size=1, max_size=3, unique=True,
    ),
    filter=st.sampled_from(["", "not state:failed", "tags:x or config.lr:1"]),
    sort=st.sampled_from(["", "-summary.loss", "config.lr,created"]),
)  # fmt: skip
def test_groups_are_what_the_runs_say(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[dict[str, Any]],
    by: list[str],
    filter: str,
    sort: str,
) -> None:
    meta = EmbeddedMeta(tmp_path_factory.mktemp("meta") / "meta.db")
    try:
        project = fill(meta, runs)
        check(meta, project, ",".join(by), "summary.loss,config.lr,config.none,rows", filter, sort)
    finally:
        meta.close()


def test_large_numbers_and_deleted_runs(tmp_path: Path) -> None:
    losses: list[Mapping[str, Any]] = [{"loss": 1e308}, {"loss": 1.5e308}, {"loss": 1e15 + 1}]
    runs = [{"summary": loss, "config": {"lr": 0.1}} for loss in losses]
    meta = EmbeddedMeta(tmp_path / "meta.db")
    project = fill(meta, [dict(run) for run in runs])
    gone = meta.run(project, "r2")
    assert gone is not None
    meta.edit_run(gone.number, {"deleted_us": NOW})
    by, columns = parse_keys("config.lr", 3), parse_keys("summary.loss", 9)
    [group] = meta.group_runs(project, by, columns, members=9).groups
    [spread] = group.spreads
    assert group.values == (0.1,) and group.members == ("r1", "r0")
    assert spread is not None and spread.mean == pytest.approx(1.25e308)
    assert spread.deviation == pytest.approx(0.25e308 * math.sqrt(2))
    meta.close()
