"""What every `SeriesStore` must do, run on each of them; the embedded one also against the oracle."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiseki.errors import Gap
from kiseki.record.types import Kind, Row, System
from kiseki.storage.embedded.series import EmbeddedSeries
from kiseki.storage.interface import UPDATES_MAX, Cells, Line, Points, Range, SeriesStore
from kiseki.storage.memory.series import MemorySeries
from tests.contract.stream_writer import START_US, StreamWriter

Open = Callable[[], SeriesStore]


@pytest.fixture(params=["memory", "embedded", "embedded, compacted"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SeriesStore]:
    if request.param == "memory":
        yield MemorySeries()
        return
    series = EmbeddedSeries(tmp_path / "history")
    if request.param == "embedded, compacted":
        series = _Compacting(tmp_path / "history")
    yield series
    series.close()


class _Compacting(EmbeddedSeries):
    """Compacts everything after each append, so that every answer comes from chunks."""

    def append(self, project: int, batches: Any) -> None:
        super().append(project, batches)
        self.applied(project, {batch.stream: batch.first + batch.count for batch in batches})
        self.compact(project, idle=True)


def values_of(points: Points) -> list[tuple[int, float]]:
    return list(zip(points.steps.tolist(), points.values.tolist(), strict=True))


def test_an_unknown_project_is_empty(store: SeriesStore, tmp_path: Path) -> None:
    assert store.cursor(7, "a") == 0
    assert store.shapes(7, "a") == {}
    assert list(store.batches(7, "a")) == []
    assert store.keys(7, [1]) == {1: []}
    assert store.rows(7, [1]) == {1: 0}
    assert len(store.points(7, "loss", [Range(1)])[0].steps) == 0
    assert store.scan(7, Range(1)) == ([], False)
    assert store.lines(7, 1) == ([], 0)
    assert store.compact(7) == 0
    assert store.size(7) == 0
    store.drop(7)
    store.drop(7, [1])
    assert not list(tmp_path.glob("history/*"))


def test_batches_are_stored_once_and_in_order(store: SeriesStore) -> None:
    # reliability 2.3: named by (stream, sequence)
    writer = StreamWriter("a")
    first, second = writer.batch(1, [(0, {"x": 1.0})]), writer.batch(1, [(1, {"x": 2.0})])
    store.append(1, [first])
    for wrong in (first, replace(second, first=99)):
        with pytest.raises(Gap) as caught:
            store.append(1, [wrong])
        assert caught.value.extra == {"next": first.count, "stream": "a"}
    store.append(1, [second])
    assert store.cursor(1, "a") == first.count + second.count
    assert store.rows(1, [1, 2]) == {1: 2, 2: 0}
    assert values_of(store.points(1, "x", [Range(1)])[0]) == [(0, 1.0), (1, 2.0)]


def test_what_is_stored_has_a_size(store: SeriesStore) -> None:
    writer = StreamWriter("a")
    store.append(1, [writer.batch(1, [(0, {"x": 1.0})])])
    assert store.size(1) > 0 and store.size(2) == 0
    store.drop(1)
    assert store.size(1) == 0


def test_a_gap_stores_nothing_of_its_call(store: SeriesStore) -> None:
    good, bad = StreamWriter("good").batch(1, [(0, {"x": 1.0})]), StreamWriter("bad")
    bad.batch(1, [(0, {"x": 1.0})])
    with pytest.raises(Gap):
        store.append(1, [good, bad.batch(1, [(1, {"x": 1.0})])])
    assert store.cursor(1, "good") == 0
    assert store.rows(1, [1]) == {1: 0}
    store.append(1, [good])
    assert store.cursor(1, "good") == good.count


def test_batches_come_back_from_any_sequence_until_applied_and_compacted(tmp_path: Path) -> None:
    for store in (MemorySeries(), EmbeddedSeries(tmp_path / "history")):
        writer = StreamWriter("a")
        sent = [writer.batch(1, [(i, {"x": float(i)})]) for i in range(10)]
        store.append(1, sent)
        assert [batch.body for batch in store.batches(1, "a")] == [batch.body for batch in sent]
        middle = sent[5]
        assert next(store.batches(1, "a", middle.first)).first == middle.first
        assert next(store.batches(1, "a", middle.first + middle.count - 1)).first == middle.first
        assert store.compact(1, idle=True) == 0  # nothing was applied
        store.applied(1, {"a": middle.first})
        assert store.compact(1, idle=True) == 5
        assert [batch.first for batch in store.batches(1, "a")] == [b.first for b in sent[5:]]
        assert values_of(store.points(1, "x", [Range(1)])[0]) == [(i, float(i)) for i in range(10)]
        store.close()


def test_what_is_left_of_a_stream_has_no_gap(tmp_path: Path) -> None:
    store = EmbeddedSeries(tmp_path / "history")
    a, b = StreamWriter("a"), StreamWriter("b")
    store.append(1, [a.batch(1, [(0, {"x": 1.0})]), b.batch(1, [(0, {"x": 1.0})])])
    store.append(1, [a.batch(2, [(0, {"x": 2.0})]), b.batch(2, [(1, {"x": 2.0})])])
    store.applied(1, {"a": 99})  # b is not applied, and stands before a in segment 2 only
    store.compact(1, idle=True)
    for stream in ("a", "b"):
        left = list(store.batches(1, stream))
        ends = [batch.first + batch.count for batch in left]
        assert [batch.first for batch in left[1:]] == ends[:-1]
        assert not ends or ends[-1] == store.cursor(1, stream)


def test_shapes_are_kept(store: SeriesStore) -> None:
    writer = StreamWriter("a")
    store.append(1, [writer.batch(1, [(0, {"x": 1, "y": 2}), (1, {"x": 1})])])
    store.append(1, [writer.batch(1, [(2, {"x": 1}), (3, {"z": 3})])])
    assert store.shapes(1, "a") == {0: ("x", "y"), 1: ("x",), 2: ("z",)}
    assert store.shapes(1, "b") == {}


EXACT: list[Any] = [
    1, 1.0, -0.0, 0.0, True, False, None, "text", "", 2**63 - 1, -(2**63), 2**63, 2**64, -(10**30), 10**400,
    math.nan, math.inf, -math.inf, 0.1, 5e-324, 1.7976931348623157e308, [1, [2.5, None]],
    {"_type": "histogram", "bins": [1, 2]}, {}, [], "日本語", 123456789012345678,
]  # fmt: skip


def same(a: Any, b: Any) -> bool:
    """Return whether two values are the same, type and sign of zero included."""
    return type(a) is type(b) and repr(a) == repr(b)


def test_every_value_comes_back_exactly(store: SeriesStore) -> None:
    # D-*, issue 2 no. 3: ints stay ints, NaN stays NaN, big ints, text, nests
    writer = StreamWriter("a")
    rows = [(i, {"mixed": value, f"own{i}": value, "same": 1.5}) for i, value in enumerate(EXACT)]
    store.append(1, [writer.batch(1, rows)])
    found, more = store.scan(1, Range(1))
    assert not more
    assert len(found) == len(EXACT)
    for ((step, _), row), value in zip(found, EXACT, strict=True):
        assert row.paths == ("mixed", f"own{step}", "same")
        assert same(row.values[0], value)
        assert same(row.values[1], value)
        assert isinstance(row, Row)
        assert row.time_us > START_US


def test_points_are_numbers_in_the_order_of_steps(store: SeriesStore) -> None:
    writer = StreamWriter("a")
    rows = [(i, {"x": value}) for i, value in enumerate(EXACT)]
    store.append(1, [writer.batch(1, rows)])
    (points,) = store.points(1, "x", [Range(1)])
    expected = [
        (i, math.inf if v == 10**400 else float(v))
        for i, v in enumerate(EXACT)
        if isinstance(v, (bool, int, float))
    ]
    assert repr(values_of(points)) == repr(expected)
    assert points.x.tolist() == [float(step) for step, _ in expected]


def test_late_rows_and_repeated_steps(store: SeriesStore) -> None:
    # L-04, L-05: any order is taken; per step and key the later value wins, a scan shows both
    a, b = StreamWriter("a"), StreamWriter("b")
    store.append(1, [a.batch(1, [(5, {"x": 1.0, "y": 0}), (9, {"x": 2.0}), (3, {"x": 3.0})])])
    store.append(1, [b.batch(1, [(5, {"x": 4.0}), (6, {"x": 5.0})])])
    store.append(1, [a.batch(1, [(9, {"y": 7}), (0, {"x": 6.0})])])
    (points,) = store.points(1, "x", [Range(1)])
    assert values_of(points) == [(0, 6.0), (3, 3.0), (5, 4.0), (6, 5.0), (9, 2.0)]
    (part,) = store.points(1, "x", [Range(1, 3, 5)])
    assert values_of(part) == [(3, 3.0), (5, 4.0)]
    rows, _ = store.scan(1, Range(1))
    assert [(row.step, *row.values) for _, row in rows] == [
        (0, 6.0), (3, 3.0), (5, 1.0, 0), (5, 4.0), (6, 5.0), (9, 2.0), (9, 7),
    ]  # fmt: skip
    assert store.scan(1, Range(1, 4, 5), ["y"])[0][0][1].values == [0]


def test_points_over_time_and_runtime(store: SeriesStore) -> None:
    writer = StreamWriter("a")
    store.append(1, [writer.batch(1, [(i, {"x": float(i)}) for i in range(50)])])
    rows, _ = store.scan(1, Range(1))
    (by_time,) = store.points(1, "x", [Range(1)], "time")
    (by_runtime,) = store.points(1, "x", [Range(1)], "runtime")
    assert by_time.x.tolist() == [row.time_us / 1e6 for _, row in rows]
    assert by_runtime.x.tolist() == [row.runtime_us / 1e6 for _, row in rows]


def test_one_answer_per_range(store: SeriesStore) -> None:
    # a fork reads its parent's segment up to a step, and its own from there
    a, b = StreamWriter("a"), StreamWriter("b")
    store.append(1, [a.batch(1, [(i, {"x": i}) for i in range(10)])])
    store.append(1, [b.batch(2, [(i, {"x": -i}) for i in range(10)])])
    answers = store.points(
        1, "x", [Range(2, 5), Range(1, None, 4), Range(3), Range(2, 7, 8), Range(2, 50)]
    )
    assert [points.steps.tolist() for points in answers] == [
        [5, 6, 7, 8, 9], [0, 1, 2, 3, 4], [], [7, 8], [],
    ]  # fmt: skip
    assert answers[0].values.tolist() == [-5.0, -6.0, -7.0, -8.0, -9.0]


def test_scan_goes_on_where_it_stopped(store: SeriesStore) -> None:
    writer = StreamWriter("a")
    steps = [*range(0, 60, 2), *range(1, 60, 2), 7, 7, 7]
    rows = [(step, {"x": n} if n % 3 else {"y": n}) for n, step in enumerate(steps)]
    for start in range(0, len(rows), 10):
        store.append(1, [writer.batch(1, rows[start : start + 10])])
    for paths in (None, ["x"], ["y", "absent"], ["absent"]):
        whole, more = store.scan(1, Range(1, 3, 50), paths)
        assert not more
        for limit in (1, 7, len(whole), 100):
            after, found = None, []
            while True:
                page, more = store.scan(1, Range(1, 3, 50), paths, after, limit)
                assert len(page) <= limit
                found += page
                if not more:
                    break
                after = page[-1][0]
            assert found == whole
        assert [position for position, _ in whole] == sorted(position for position, _ in whole)


def test_parts_and_system_samples_stay_what_they_are(store: SeriesStore) -> None:
    writer = StreamWriter("a")
    rows = [(0, {"a": 1}), (0, {"b": 2}), (1, {"a": 3})]
    kinds = [Kind.ROW, Kind.ROW_PART, Kind.SYSTEM]
    store.append(1, [writer.batch(1, rows, kinds=kinds)])
    found = [row for _, row in store.scan(1, Range(1))[0]]
    assert [type(row) for row in found] == [Row, Row, System]
    assert [row.is_part for row in found if isinstance(row, Row)] == [False, True]


def test_keys_in_the_order_of_their_first_appearance(store: SeriesStore) -> None:
    writer = StreamWriter("a")
    store.append(1, [writer.batch(1, [(3, {"b": 1, "a": "text"}), (5, {"c": None, "a": "x"})])])
    store.append(1, [writer.batch(1, [(1, {"d": True, "b": math.nan}), (9, {"c": [1], "a": 2})])])
    stats = [(k.path, k.kind, k.count, k.first_step, k.last_step) for k in store.keys(1, [1])[1]]
    assert stats == [
        ("b", "number", 2, 1, 3), ("a", "number", 3, 3, 9), ("c", "other", 2, 5, 9),
        ("d", "number", 1, 1, 1),
    ]  # fmt: skip


def test_rows_that_cannot_be_understood_are_left_out(store: SeriesStore) -> None:
    writer = StreamWriter("a")
    rows = [(i, {"x": i, "y": float(i)}) for i in range(8)]
    store.append(1, [writer.batch(1, rows, garbage=True, configs=3)])
    assert [row.step for _, row in store.scan(1, Range(1))[0]] == list(range(8))


def test_lines_are_replaced_and_found(store: SeriesStore) -> None:
    # the same (stream, number) again replaces the text; its place stays
    writer = StreamWriter("a")
    texts = [f"line {n}" for n in range(20)]
    lines = [Line("stdout", n, n, text) for n, text in enumerate(texts)]
    store.append(1, [writer.batch(1, [], lines=[*lines[:10], Line("stderr", 0, 5, "ÄRGER")])])
    store.append(1, [writer.batch(1, [], lines=[Line("stdout", 3, 99, "100 %"), *lines[10:]])])
    found, total = store.lines(1, 1)
    assert total == 21
    assert [index for index, _ in found] == list(range(21))
    assert found[3] == (3, Line("stdout", 3, 99, "100 %", updates=1))
    assert store.updates(1, 1, 3) == [(3, "line 3")]
    assert store.updates(1, 1, 4) == store.updates(1, 1, 500) == store.updates(9, 1, 3) == []
    assert found[10][1].stream == "stderr"
    assert [i for i, _ in store.lines(1, 1, after=4, limit=3)[0]] == [5, 6, 7]
    assert [i for i, _ in store.lines(1, 1, tail=True, limit=3)[0]] == [18, 19, 20]
    assert [i for i, _ in store.lines(1, 1, tail=True, limit=3, after=19)[0]] == [20]
    again = StreamWriter(
        "again"
    )  # a resumed run, or another writer of a shared one, counts from 0 too
    labelled = Line("stdout", 0, 6, "of a node", "node 1")
    store.append(1, [again.batch(1, [], lines=[Line("stdout", 0, 6, "resumed"), labelled])])
    assert store.lines(1, 1, search="resumed") == (
        [(len(texts) + 1, Line("stdout", 0, 6, "resumed"))], 1
    )  # fmt: skip
    assert store.lines(1, 1, after=len(texts) + 1)[0] == [(len(texts) + 2, labelled)]
    assert store.lines(1, 1, search="ärg") == ([(10, Line("stderr", 0, 5, "ÄRGER"))], 1)
    assert [line.number for _, line in store.lines(1, 1, search="LINE 1", limit=2)[0]] == [1, 10]
    assert store.lines(1, 1, search="%")[1] == 1
    assert store.lines(1, 1, stream="stderr")[1] == 1
    assert store.lines(1, 1, label="node 1") == ([(len(texts) + 2, labelled)], 1)
    assert store.lines(1, 1, label="")[1] == len(texts) + 2
    before, total = store.lines(1, 1, tail=True, limit=1, before=10, search="line")
    assert [i for i, _ in before] == [9]
    assert total == 19  # of all, whatever the window
    assert [i for i, _ in store.lines(1, 1, tail=True, limit=1, until_us=7)[0]] == [22]
    assert [i for i, _ in store.lines(1, 1, tail=True, limit=1, until_us=7, before=20)[0]] == [10]
    assert store.lines(1, 1, after=3, before=4)[0] == []


def test_a_line_remembers_its_last_texts(store: SeriesStore) -> None:
    writer = StreamWriter("a")
    count = UPDATES_MAX + 30
    texts = [(n, f"{n} of {count}") for n in range(count)]
    for piece in (texts[:1], texts[1:400], texts[400:]):
        lines = [Line("stderr", 0, at, text) for at, text in piece]
        store.append(1, [writer.batch(1, [], lines=lines)])
    (found,), total = store.lines(1, 1)
    assert (found, total) == ((0, Line("stderr", 0, *texts[-1], updates=count - 1)), 1)
    assert store.updates(1, 1, 0) == texts[-1 - UPDATES_MAX : -1]
    pieces = [Line("stderr", 1, 5, "epo"), Line("stderr", 1, 6, "epoch 2")]  # not redrawn
    store.append(1, [writer.batch(1, [], lines=pieces)])
    assert store.lines(1, 1, after=0)[0] == [(1, pieces[1])]
    store.drop(1, [1])
    assert store.updates(1, 1, 0) == []


def test_dropped_segments_are_gone_for_good(store: SeriesStore) -> None:
    a, b = StreamWriter("a"), StreamWriter("b")
    store.append(1, [a.batch(1, [(0, {"x": 1})], lines=[Line("stdout", 0, 0, "one")])])
    store.append(1, [b.batch(2, [(0, {"x": 2})])])
    store.drop(1, [1])
    assert store.rows(1, [1, 2]) == {1: 0, 2: 1}
    assert store.keys(1, [1]) == {1: []}
    assert store.scan(1, Range(1)) == ([], False)
    assert store.lines(1, 1) == ([], 0)
    assert store.cursor(1, "a") == a.next  # what was sent once is not taken again
    assert values_of(store.points(1, "x", [Range(2)])[0]) == [(0, 2.0)]
    store.append(1, [a.batch(1, [(7, {"x": 3})])])
    assert values_of(store.points(1, "x", [Range(1)])[0]) == [(7, 3.0)]


def test_a_dropped_stream_is_not_known_any_more(store: SeriesStore) -> None:
    a, b = StreamWriter("a"), StreamWriter("b")
    store.append(1, [a.batch(1, [(0, {"x": 1})]), b.batch(2, [(0, {"y": 2})])])
    store.drop(1, [1], ["a", "unknown"])
    store.drop(1, [1], ["a"])  # a purge that was cut short does it again
    assert store.cursor(1, "a") == 0 and store.shapes(1, "a") == {}
    assert store.cursor(1, "b") == b.next and list(store.shapes(1, "b").values()) == [("y",)]
    assert values_of(store.points(1, "y", [Range(2)])[0]) == [(0, 2.0)]
    store.append(1, [StreamWriter("a").batch(3, [(5, {"x": 3})])])
    assert values_of(store.points(1, "x", [Range(3)])[0]) == [(5, 3.0)]


def test_what_was_read_of_a_dropped_stream_is_not_taken_for_another_one(
    store: SeriesStore,
) -> None:
    """The next stream may be given its number, and then has a batch at the same place."""
    store.append(1, [StreamWriter("a").batch(1, [(0, {"x": 1})])])
    assert values_of(store.points(1, "x", [Range(1)])[0]) == [(0, 1.0)]
    store.drop(1, [1], ["a"])
    store.append(1, [StreamWriter("b").batch(2, [(5, {"x": 3})])])
    assert values_of(store.points(1, "x", [Range(2)])[0]) == [(5, 3.0)]


def test_a_dropped_project_begins_anew(store: SeriesStore) -> None:
    store.append(1, [StreamWriter("a").batch(1, [(0, {"x": 1})])])
    store.append(2, [StreamWriter("a").batch(1, [(0, {"x": 2})])])
    assert values_of(store.points(1, "x", [Range(1)])[0]) == [(0, 1.0)]
    store.drop(1)
    assert store.cursor(1, "a") == 0
    store.append(1, [StreamWriter("a").batch(1, [(0, {"x": 3})])])
    assert values_of(store.points(1, "x", [Range(1)])[0]) == [(0, 3.0)]
    assert values_of(store.points(2, "x", [Range(1)])[0]) == [(0, 2.0)]


def test_readers_and_a_compactor_beside_a_writer(tmp_path: Path) -> None:
    """Readers see all of what was acknowledged before they asked, each row once, at any moment."""
    store = EmbeddedSeries(tmp_path / "history", cache_bytes_max=200_000)
    writer = StreamWriter("a")
    acknowledged = 0
    done = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not done.is_set():
            least = acknowledged
            (points,) = store.points(1, "x", [Range(1)])
            steps = points.steps.tolist()
            if len(steps) < least or steps != list(range(len(steps))):
                wrong.append(f"{len(steps)} points, {least} acknowledged")
            found = store.cells(1, "x", [Range(1)], 64)
            cells = found[0] if found is not None else None
            if cells is not None and cells.count.sum() < least:
                wrong.append(f"{cells.count.sum()} in cells, {least} acknowledged")

    def compact() -> None:
        turn = 0
        while not done.is_set():
            store.applied(1, {"a": store.cursor(1, "a")})
            store.compact(1, idle=turn % 3 == 0)
            turn += 1

    threads = [threading.Thread(target=target) for target in (read, read, compact)]
    for thread in threads:
        thread.start()
    for start in range(0, 20_000, 100):
        rows = [(step, {"x": float(step), "y": step}) for step in range(start, start + 100)]
        store.append(1, [writer.batch(1, rows)])
        acknowledged = start + 100
    done.set()
    for thread in threads:
        thread.join()
    store.close()
    assert not wrong


# Against the oracle ---------------------------------------------------------------------------

PATHS = ("a", "b", "c.d", "e", "f")
numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(width=32),
    st.integers(-100, 100),
    st.sampled_from([0.5, 0.25, 1.1, 2.2, -0.0, math.nan, math.inf]),
)
odd = st.one_of(
    st.booleans(), st.none(), st.text(max_size=5), st.integers(),
    st.sampled_from([2**63, 2**80, -(2**70), [1, 2.5, None], {"k": [1]}, {}]),
)  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Return operations: batches of several streams in several segments, compactions, reopenings."""
    operations: list[tuple[str, Any]] = []
    values = st.one_of(numbers, numbers, odd) if draw(st.booleans()) else numbers
    paths = st.lists(st.sampled_from(PATHS), min_size=0, max_size=5, unique=True)
    step = 0
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["batch"] * 6 + ["compact", "idle", "reopen", "drop"]))
        if kind != "batch":
            operations.append((kind, draw(st.integers(1, 3))))
            continue
        layouts = draw(st.lists(paths, min_size=1, max_size=3))
        rows = []
        for _ in range(draw(st.integers(0, 25))):
            step = step + draw(st.sampled_from([1, 1, 1, 1, 0, 3, -4]))
            held = draw(st.sampled_from(layouts))
            rows.append((max(0, step), {path: draw(values) for path in held}))
        operations.append(("batch", (draw(st.integers(0, 2)), draw(st.integers(1, 2)), rows)))
    return operations


def compare(store: SeriesStore, oracle: SeriesStore, spans: list[Range]) -> None:
    segments = [1, 2]
    assert repr(store.keys(1, segments)) == repr(oracle.keys(1, segments))
    assert store.rows(1, segments) == oracle.rows(1, segments)
    for span in spans:
        assert repr(store.scan(1, span)) == repr(oracle.scan(1, span))
        assert repr(store.scan(1, span, ["a", "c.d"])) == repr(oracle.scan(1, span, ["a", "c.d"]))
        page, more = store.scan(1, span, limit=7)
        assert repr((page, more)) == repr(oracle.scan(1, span, limit=7))
        if page:
            after = page[-1][0]
            assert repr(store.scan(1, span, None, after, 5)) == repr(
                oracle.scan(1, span, None, after, 5)
            )
    for path in PATHS:
        for x in ("step", "time", "runtime"):
            answers = store.points(1, path, spans, x)  # type: ignore[arg-type]
            wanted = oracle.points(1, path, spans, x)  # type: ignore[arg-type]
            for own, right in zip(answers, wanted, strict=True):
                assert own.steps.tolist() == right.steps.tolist()
                assert own.values.view(np.int64).tolist() == right.values.view(np.int64).tolist()
                assert own.x.tolist() == right.x.tolist()
        for size in (16, 40, 5000):
            found = store.cells(1, path, spans, size)
            if found is None:
                continue
            cells, ends = found
            for start, stop, right in zip([0, *ends[:-1]], ends, wanted, strict=True):
                own = Cells(*[getattr(cells, one.name)[start:stop] for one in fields(Cells)])
                check_cells(own, right, size)


def check_cells(cells: Cells, points: Points, size: int) -> None:
    """Assert that cells merged say the same as the points, and that they lie in order."""
    assert (cells.count >= 1).all() and (cells.count <= size).all()
    assert cells.count.sum() == len(points.steps)
    values = points.values
    start = 0
    for place, count in enumerate(cells.count.tolist()):
        own = values[start : start + count]
        steps = points.steps[start : start + count]
        start += count
        finite = own[np.isfinite(own)]
        assert cells.nan[place] == np.isnan(own).sum()
        assert cells.pinf[place] == (own == np.inf).sum()
        assert cells.ninf[place] == (own == -np.inf).sum()
        assert (cells.x_first[place], cells.x_last[place]) == (steps[0], steps[-1])
        assert steps[0] <= cells.x_min[place] <= steps[-1]
        assert steps[0] <= cells.x_max[place] <= steps[-1]
        with np.errstate(all="ignore"):
            total = finite.sum()
            assert (
                cells.total[place] == total
                or (np.isnan(total) or np.isinf(total))
                or abs(cells.total[place] - total) <= 1e-9 * np.abs(finite).sum()
            )
        if not len(finite):
            assert np.isnan([cells.min[place], cells.max[place], cells.first[place]]).all()
            continue
        assert cells.min[place] == finite.min() and cells.max[place] == finite.max()
        assert cells.first[place] == finite[0] and cells.last[place] == finite[-1]


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=histories(), data=st.data())
def test_embedded_agrees_with_the_oracle(
    history: list[tuple[str, Any]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("history")
    store: SeriesStore = EmbeddedSeries(folder)
    oracle = MemorySeries()
    streams = [StreamWriter(name) for name in ("s0", "s1", "s2")]
    try:
        for kind, argument in history:
            if kind == "batch":
                stream, segment, rows = argument
                batch = streams[stream].batch(segment, rows)
                store.append(1, [batch])
                oracle.append(1, [batch])
            elif kind == "reopen":
                store.close()
                store = EmbeddedSeries(folder)
            elif kind == "drop":
                store.drop(1, [argument])
                oracle.drop(1, [argument])
            else:
                store.applied(1, {stream.name: stream.next for stream in streams})
                store.compact(1, idle=kind == "idle")
        bounds = st.one_of(st.none(), st.integers(0, 40))
        spans = [Range(1), Range(2), Range(1, data.draw(bounds), data.draw(bounds))]
        compare(store, oracle, spans)
        for stream in streams:
            assert store.cursor(1, stream.name) == oracle.cursor(1, stream.name)
            assert store.shapes(1, stream.name) == oracle.shapes(1, stream.name)
    finally:
        store.close()


@pytest.mark.parametrize("seed", range(4))
def test_long_histories_agree_with_the_oracle(seed: int, tmp_path: Path) -> None:
    """Several row chunks, stored cells, sparse keys, late rows, a tail of batches."""
    random = np.random.default_rng(seed)
    store, oracle = EmbeddedSeries(tmp_path / "history"), MemorySeries()
    writer = StreamWriter("a")
    step = 0
    for turn in range(60):
        rows = []
        for _ in range(int(random.integers(1, 400))):
            late = seed % 2 and random.random() < 0.001
            step += 1
            at = max(0, step - 300) if late else step
            values: dict[str, Any] = {"a": float(np.float32(random.normal())), "b": step // 50}
            if seed >= 2 and random.random() < 0.02:
                values["c.d"] = math.nan if random.random() < 0.3 else random.normal()
            if seed >= 2 and random.random() < 0.01:
                values["a"] = math.inf
            rows.append((at, values))
        batch = writer.batch(1, rows)
        store.append(1, [batch])
        oracle.append(1, [batch])
        if turn % 10 == 9 and turn < 55:
            store.applied(1, {"a": writer.next})
            store.compact(1, idle=turn % 20 == 9)
    compare(store, oracle, [Range(1), Range(1, 1000, 9000), Range(1, 4095, 4097), Range(2)])
    store.close()
