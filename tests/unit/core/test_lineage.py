"""Chains of segments, and the fold that a rewind or fork begins with (I-63, I-66)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kiseki.core.lineage import Descent, chain, seeded
from kiseki.record import fold
from kiseki.record.codec import Decoder, decompress, frames_of
from kiseki.record.fold import RunState
from kiseki.record.types import Config, Kind, Metric, Open, Row, Summary
from kiseki.storage.embedded.series import EmbeddedSeries
from kiseki.storage.interface import Batch, Range, Segment, SeriesStore
from kiseki.storage.memory.series import MemorySeries
from tests.contract.stream_writer import StreamWriter
from tests.unit.record.strategies import exact, scalars


def segments(*hangs: tuple[int, int | None, int | None]) -> dict[int, Segment]:
    return {number: Segment(number, 1, "history", up, at) for number, up, at in hangs}


def test_a_chain_is_cut_where_the_next_segment_hangs_and_its_own_rows_are_not() -> None:
    known = segments((1, None, None), (2, 1, 50), (3, 2, 30), (4, 2, 80))
    assert chain(1, known) == [Range(1)]
    assert chain(1, known, 9) == [Range(1, None, 9)]
    assert chain(2, known) == [Range(1, None, 50), Range(2)]
    # Rewound again to before the first rewind: nothing behind step 30 is left of either.
    assert chain(3, known) == [Range(1, None, 30), Range(2, None, 30), Range(3)]
    assert chain(4, known) == [Range(1, None, 50), Range(2, None, 80), Range(4)]
    assert chain(4, known, 60) == [Range(1, None, 50), Range(2, None, 60), Range(4, None, 60)]


values = st.one_of(scalars, st.integers(-3, 3), st.floats(-3, 3))

# Nested dicts: a row holds a value of `a`, or something below it.
paths = st.sampled_from([("a", "b", "c"), ("a.x", "b", "c"), ("a.x", "a.y")])
row_values = paths.flatmap(
    lambda names: st.dictionaries(st.sampled_from(names), values, min_size=1)
)
logged = st.lists(
    st.tuples(st.integers(0, 12), row_values),
    max_size=40,
)
rules = st.lists(
    st.sampled_from(["min", "max", "mean", "last", "first", "best", "none"]),
    max_size=3,
    unique=True,
)
defined = st.dictionaries(st.sampled_from(["a", "a.x", "b*", "*"]), rules, max_size=2)


def state_of(rows: list[Row], definitions: dict[str, list[str]]) -> RunState:
    state = RunState()
    for name, summary in definitions.items():
        fold.apply(state, Metric(name=name, summary=summary))
    for row in rows:
        fold.apply(state, row)
    return state


def rows_in(batches: list[Batch]) -> list[Row]:
    decoder = Decoder()
    records = [
        decoder.decode(frame) for batch in batches for frame in frames_of(decompress(batch.body))
    ]
    return [record for record in records if isinstance(record, Row)]


@pytest.fixture(params=["memory", "embedded", "compacted"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SeriesStore:
    return MemorySeries() if request.param == "memory" else EmbeddedSeries(tmp_path / "history")


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=logged, definitions=defined, cut=st.integers(0, 12), size=st.integers(1, 9))
@example(rows=[(0, {"a": 1}), (5, {"a": 2}), (2, {"a": 9})], definitions={}, cut=4, size=9)
@example(
    rows=[(0, {"a": None}), (0, {"a.x": None}), (0, {"a": None}), (0, {"a.x": None})],
    definitions={"a": [], "a.x": ["min", "first"]},
    cut=0,
    size=1,
)
@example(rows=[(0, {"a": 2**70}), (1, {"a": True})], definitions={"a": ["max"]}, cut=4, size=9)
def test_a_seed_is_the_fold_of_the_kept_rows(
    store: SeriesStore,
    request: pytest.FixtureRequest,
    rows: list[tuple[int, dict[str, Any]]],
    definitions: dict[str, list[str]],
    cut: int,
    size: int,
) -> None:
    """I-63: exactly what folding them one by one would have given, whatever they are and lie in."""
    store.drop(1)
    writer = StreamWriter("s")
    batches: list[Batch] = []
    for start in range(0, len(rows), size):
        piece = rows[start : start + size]
        kinds = [Kind.ROW, *([Kind.ROW_PART, Kind.ROW] * len(piece))][: len(piece)]
        batches.append(writer.batch(1, piece, kinds=kinds))
        store.append(1, batches[-1:])
        if request.node.callspec.params["store"] == "compacted" and start % 2 == 0:
            store.applied(1, {"s": batches[-1].first + batches[-1].count})
            store.compact(1, idle=True)
    everything = rows_in(batches)
    parent = state_of(everything, definitions)
    kept = state_of([row for row in everything if row.step <= cut], definitions)
    kept.next_step = cut + 1
    descent = Descent(1, 1, 1, cut, is_fork=True)
    found = seeded(parent, store.replay(1, Range(1, None, cut)), descent)
    for field in ("rows", "last_us", "runtime_us", "next_step", "definitions"):
        assert getattr(found, field) == getattr(kept, field), field
    assert exact(found.values) == exact(kept.values)
    assert exact(msgspec.to_builtins(found.tracked)) == exact(msgspec.to_builtins(kept.tracked))


def test_what_is_taken_over_and_what_stays_behind() -> None:
    """I-66, I-69: config, notes, tags, group, job type, definitions; nothing of the process."""
    parent = RunState()
    for record in (
        Open(
            stream="s" * 8,
            run="r1",
            project="p",
            started_us=5,
            name="first",
            notes="n",
            tags=["a"],
            group="g",
            job_type="j",
            host="lab",
            sweep_id="w",
        ),
        Config(set={"lr": 0.1}),
        Metric(name="loss", summary=["min"]),
        Summary(set={"by hand": 1}),
    ):
        fold.apply(parent, record)
    fork = seeded(parent, [], Descent(1, 1, 1, 7, is_fork=True))
    assert (fork.name, fork.notes, fork.tags, fork.group, fork.job_type) == (
        "",
        "n",
        ["a"],
        "g",
        "j",
    )
    assert (fork.config, fork.summary, fork.host, fork.sweep_id) == ({"lr": 0.1}, {}, "", "")
    assert (fork.next_step, fork.opened, fork.started_us) == (8, [], 0)
    assert fork.definitions["loss"].summary == ["min"]
    assert seeded(parent, [], Descent(1, 1, 1, 7, is_fork=False)).name == "first"


def test_a_key_keeps_the_rule_it_had_in_the_parent() -> None:
    """D-03: a definition applies to keys first logged after it; a replay changes nothing about that."""
    store = MemorySeries()
    batch = StreamWriter("s").batch(1, [(0, {"a": 3}), (1, {"a": 1}), (2, {"b": 4})])
    store.append(1, [batch])
    early, late, other = rows_in([batch])
    parent = state_of([early, late], {})
    fold.apply(parent, Metric(name="*", summary=["max"]))
    fold.apply(parent, other)
    found = seeded(parent, store.replay(1, Range(1)), Descent(1, 1, 1, 9, is_fork=True))
    assert found.summary["a"] == 1 and found.summary["b"] == {"max": 4}
