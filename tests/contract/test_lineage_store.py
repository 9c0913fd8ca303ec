"""What lineage asks of the stores: rows by column in the order of arrival, bounds, histories up and down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiseki.record.codec import encode_value
from kiseki.record.types import Kind
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.embedded.series import EmbeddedSeries
from kiseki.storage.interface import (
    Fold,
    Fork,
    Logged,
    MetaStore,
    Metric,
    NewStream,
    Piece,
    Range,
    Run,
    Segment,
    SeriesStore,
    Stream,
)
from kiseki.storage.memory.series import MemorySeries
from tests.contract.stream_writer import StreamWriter

NOW = 1_700_000_000_000_000
ROWS: list[tuple[int, dict[str, Any]]] = [
    (0, {"a": 1, "b": "text"}),
    (1, {"a": 2.5}),
    (5, {"b": None, "c": 2**70}),
    (3, {"a": True}),
    (5, {"a": float("inf"), "c": [1]}),
]


@pytest.fixture(params=["memory", "embedded", "half compacted", "compacted"])
def series(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SeriesStore]:
    """Yield a store that holds `ROWS` in segment 1, the last two as parts, and others in segment 2."""
    store: SeriesStore = MemorySeries()
    if request.param != "memory":
        store = EmbeddedSeries(tmp_path / "history")
    writer, other = StreamWriter("s"), StreamWriter("o")
    store.append(1, [writer.batch(1, ROWS[:2], configs=2), other.batch(2, [(7, {"a": 7})])])
    if request.param == "half compacted":
        store.applied(1, {"s": writer.next, "o": 0})
        store.compact(1, idle=True)
    kinds = [Kind.ROW, Kind.ROW_PART, Kind.ROW_PART]
    store.append(1, [writer.batch(1, ROWS[2:], kinds=kinds)])
    if request.param == "compacted":
        store.applied(1, {"s": writer.next, "o": other.next})
        store.compact(1, idle=True)
    yield store
    store.close()


def rows_of(blocks: Iterator[Logged]) -> tuple[list[tuple[int, dict[str, Any]]], int]:
    """Return blocks as rows, and how many of them are parts."""
    rows: list[tuple[int, dict[str, Any]]] = []
    parts = 0
    for block in blocks:
        found: list[dict[str, Any]] = [{} for _ in block.steps]
        for path, column in block.columns.items():
            values = column.values.values()
            places = range(len(found)) if column.places is None else column.places.tolist()
            assert len(values) == column.count == sum(column.values.tally())
            for at, (place, value) in enumerate(zip(places, values, strict=True)):
                found[place][path] = value
                assert repr(column.values.cut(at, at + 1).values()) == repr([value])
        rows += zip(block.steps.tolist(), found, strict=True)
        parts += block.parts
        assert len(block.times) == len(block.runtimes) == len(block.steps)
    return rows, parts


@pytest.mark.parametrize("span", [(None, None), (None, 3), (1, 3), (3, None), (2, 2), (None, 99)])
def test_a_replay_gives_every_row_in_the_order_of_arrival(
    series: SeriesStore, span: tuple[int | None, int | None]
) -> None:
    lo, hi = span
    kept = [
        (place, row)
        for place, row in enumerate(ROWS)
        if (lo is None or row[0] >= lo) and (hi is None or row[0] <= hi)
    ]
    rows, parts = rows_of(series.replay(1, Range(1, lo, hi)))
    assert repr([(step, dict(sorted(row.items()))) for step, row in rows]) == (
        repr([row for _, row in kept])
    )
    assert parts == sum(place >= 3 for place, _ in kept)


def test_bounds_are_those_of_the_rows(series: SeriesStore) -> None:
    assert series.bounds(1, [1, 2, 3]) == {1: (0, 5), 2: (7, 7)}
    assert series.bounds(9, [1]) == {} == series.bounds(1, [])
    assert rows_of(series.replay(9, Range(1))) == ([], 0) == rows_of(series.replay(1, Range(3)))


# ── meta ──


@pytest.fixture
def meta(tmp_path: Path) -> Iterator[MetaStore]:
    store = EmbeddedMeta(tmp_path / "meta.db")
    store.add_user("ada", is_admin=True, now_us=NOW)
    store.make_project("ada", "digits", NOW)
    yield store
    store.close()


def add(meta: MetaStore, id: str, stream: str, **options: Any) -> tuple[Run, Stream]:
    known = meta.run(1, id)
    values: dict[str, Any] = {
        "run": known.number if known else None, "attempt": None, "role": "writer", "user": 1,
        "now_us": NOW, **options,
    }  # fmt: skip
    return meta.add_stream(NewStream(stream, 1, id, **values))


def test_a_history_is_followed_up_and_down(meta: MetaStore) -> None:
    one, _ = add(meta, "r1", "s1")
    fork, _ = add(meta, "r2", "s2", parent=(one.history, 5))
    rewound, _ = add(meta, "r2", "s3", parent=(fork.history, 8))
    deep, _ = add(meta, "r3", "s4", parent=(rewound.history, 7))
    again, _ = add(meta, "r1", "s5")
    known = meta.segments([deep.history, again.history])
    assert set(known) == {one.history, fork.history, rewound.history, deep.history, again.history}
    assert known[deep.history] == Segment(deep.history, deep.attempt, "history", rewound.history, 7)
    assert meta.lineage(deep.history) == [
        Piece(one.history, None, 1, "r1", ""),
        Piece(fork.history, 5, 1, "r2", ""),
        Piece(rewound.history, 8, 2, "r2", ""),
        Piece(deep.history, 7, 1, "r3", ""),
    ]
    kinds = [(item.kind, item.parent_step) for item in meta.attempts(fork.number)]
    assert kinds == [("fork", 5), ("rewind", 8)]
    assert [item.kind for item in meta.attempts(one.number)] == ["start", "again"]
    attempt = meta.attempt(deep.attempt)
    assert attempt is not None and (attempt.kind, attempt.parent_run) == ("fork", fork.number)
    # The latest attempt of r2 hangs at its own first one, and by that at r1; r3 hangs at r2.
    assert meta.forks(one.number) == [Fork("r2", "", 5)]
    assert meta.forks(fork.number) == [Fork("r3", "", 7)]
    add(meta, "r2", "s6")
    assert meta.forks(one.number) == []  # started anew
    meta.edit_run(deep.number, {"deleted_us": NOW})
    assert meta.forks(fork.number) == []
    assert [piece.run_id for piece in meta.lineage(deep.history)] == ["r1", "r2", "r2", "r3"]


def test_a_long_lineage_is_followed_at_once(meta: MetaStore) -> None:
    run, _ = add(meta, "r1", "s0")
    for number in range(1, 300):
        run, _ = add(meta, "r1", f"s{number}", parent=(run.history, number))
    assert len(meta.segments([run.history])) == len(meta.lineage(run.history)) == 300


def test_a_seed_is_saved_with_its_attempt(meta: MetaStore) -> None:
    one, _ = add(meta, "r1", "s1")
    meta.save([Fold(one.attempt, cells={"summary.old": 1.0}, columns={"tags": ("old",)})])
    seed = Fold(
        0,
        columns={"name": "kept", "tags": ("a",), "rows": 6, "next_step": 6, "runtime_us": 9},
        parts={"fold": b"f", "summary": encode_value({"loss": 1.0})},
        cells={"summary.loss": 1.0},
        metrics=[Metric("loss", "history", "number", NOW)],
    )
    before = meta.project("ada", "digits")
    again, stream = add(meta, "r1", "s2", parent=(one.history, 5), seed=seed)
    assert (again.name, again.tags, again.rows, again.next_step) == ("kept", ("a",), 6, 6)
    assert again.summary == {"loss": 1.0} and meta.run(1, "r1") == again
    assert meta.parts(again.attempt, ["fold"]) == {"fold": b"f"}
    assert [field.path for field in meta.fields(1)] == ["summary.loss"]
    assert [metric.path for metric in meta.run_metrics(again.attempt)] == ["loss"]
    assert [item.rows for item in meta.attempts(one.number)] == [0, 6]
    after = meta.project("ada", "digits")
    assert before is not None and after is not None and after.epoch > before.epoch
    # The same stream again: what is there, the seed is not applied twice.
    meta.save([Fold(again.attempt, columns={"rows": 7})])
    assert add(meta, "r1", "s2", parent=(one.history, 5), seed=seed)[1] == stream
    stored = meta.run(1, "r1")
    assert stored is not None and stored.rows == 7
