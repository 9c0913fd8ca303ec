"""Steps, values and the summary, as the journal holds them (L-*, D-*)."""

from __future__ import annotations

import math
import os
import random
import sys
import threading
from collections import UserDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiseki.errors import RunStateError, UsageTypeError, UsageValueError
from kiseki.record.types import Kind, Open, Shape
from kiseki.record.types import Summary as SummaryRecord
from kiseki.sdk import stream as stream_module
from kiseki.sdk.metrics import metric_record
from kiseki.sdk.rows import STEP_MAX
from tests.unit.sdk.recording import Recording, fold_of


def test_each_call_is_a_row_with_its_own_step(recording: Recording) -> None:  # L-01
    for i in range(5):
        recording.log({"loss": i})
        assert recording.rows.step == i + 1
    assert recording.steps() == [(i, False) for i in range(5)]


def test_an_open_row_takes_more_and_is_written_at_once(recording: Recording) -> None:  # L-02
    recording.log({"a": 1}, commit=False)
    assert recording.steps() == [(0, False)]  # nothing is kept back
    assert recording.rows.step == 0  # L-06
    recording.log({"b": 2}, commit=False)
    recording.log({"c": 3})
    recording.log({"a": 4})
    assert recording.steps() == [(0, False), (0, True), (0, True), (1, False)]


def test_commit_is_a_bool(recording: Recording) -> None:  # L-02
    recording.log({"a": 1})
    for wrong in ("no", [], 0.0):
        for data in ({"a": 1}, {}, {"new": 1}):
            with pytest.raises(UsageTypeError, match="commit"):
                recording.log(data, commit=wrong)
    recording.log({"a": 1}, commit=np.bool_(False))
    recording.log({"b": 1}, commit=0)
    recording.log({"c": 1}, commit=1)
    assert recording.steps() == [(0, False), (1, False), (1, True), (1, True)]


def test_an_explicit_step_opens_a_row(recording: Recording) -> None:  # L-03
    recording.log({"a": 1}, step=7)
    assert recording.rows.step == 7
    recording.log({"b": 1}, step=7)
    recording.log({"c": 1})  # closes row 7
    recording.log({"a": 2})
    recording.log({"a": 3}, step=20, commit=True)
    recording.log({"a": 4})
    assert recording.steps() == [
        (7, False), (7, True), (7, True), (8, False), (20, False), (21, False),
    ]  # fmt: skip


def test_a_smaller_step_is_kept_and_moves_nothing_back(recording: Recording) -> None:  # L-04
    recording.log({"a": 10}, step=10)
    recording.log({"a": 3, "late": True}, step=3)
    assert recording.rows.step == 3
    recording.log({"b": 1}, commit=True)  # closes row 3
    assert recording.rows.step == 11
    recording.log({"c": 1})
    assert recording.steps() == [(10, False), (3, False), (3, True), (11, False)]
    summary = recording.rows.fold().summary
    assert summary["a"] == 10 and summary["late"] is True and summary["_step"] == 11


def test_empty_rows_count(recording: Recording) -> None:  # L-07
    recording.log({})
    recording.log({})
    assert recording.steps() == [(0, False), (1, False)]


@pytest.mark.parametrize(
    ("data", "step"),
    [
        (None, None), (3, None), ([1], None), ("a", None), ({1: 2}, None), ({None: 2}, None),
        ({"a": 1}, 1.0), ({"a": 1}, "1"), ({"a": 1}, True), ({"a": object()}, None),
        ({"a": b"bytes"}, None), ({"a": {"b": [1, {2, b"x"}]}}, None), ({"a": print}, None),
        ({"ok": 1, "a": Path(".")}, None),
    ],
)  # fmt: skip
def test_wrong_types_raise_and_store_nothing(recording: Recording, data: Any, step: Any) -> None:
    before = recording.records()  # L-08, L-12
    with pytest.raises(UsageTypeError):
        recording.log(data, step=step)
    assert recording.records() == before
    assert recording.rows.step == 0


def test_wrong_values_raise_and_store_nothing(recording: Recording) -> None:
    circle: dict[str, Any] = {}
    circle["circle"] = circle
    deep: Any = 1
    for _ in range(70):
        deep = [deep]
    before = recording.records()
    for data, step in [
        ({"a": circle}, None), ({"a": deep}, None), ({"a": 1}, -1), ({"a": 1}, STEP_MAX + 1),
        ({"_step": 3}, None), ({"_timestamp": 3}, None), ({"k" * 10_001: 1}, None),
        ({str(i): i for i in range(100_001)}, None), ({"a": ["x" * 999_999] * 11}, None),
    ]:  # fmt: skip
        with pytest.raises(UsageValueError):
            recording.log(data, step=step)
    assert [r for r in recording.records() if not isinstance(r, Shape)] == before
    recording.log({"a": 1}, step=np.int64(4))
    assert recording.steps() == [(4, False)]


@pytest.mark.parametrize("limit", [0, 4300])
def test_no_integer_is_written_that_could_not_be_read(recording: Recording, limit: int) -> None:
    recording.log({"a": 10**4300 - 1})  # reliability 2.10; 4,300 digits: the limit of Python's own
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(limit)
    try:
        for data in ({"a": 10**4300}, {"a": -(10**5000)}, {"b": 10**5000}, {"a": [10**5000]}):
            with pytest.raises(UsageValueError, match=r"4,300 digits|4300 digits"):
                recording.log(data)
    finally:
        sys.set_int_max_str_digits(before)
    assert recording.values() == [{"a": 10**4300 - 1}] and recording.rows.step == 1


def test_values_come_back_exactly(recording: Recording) -> None:  # L-09, L-10, L-19
    row = {
        "int": 3, "float": 1.0, "nan": math.nan, "inf": math.inf, "ninf": -math.inf, "zero": -0.0,
        "text": "tést\x00 🙂", "none": None, "yes": True, "big": 2**70, "neg": -(2**64),
        "list": [1, 2.0, "x", [None]], "tuple": (1, 2), "empty": {}, "a.b": 1, "a\\": 2,
        "nested": {"x": {"y.z": 1}, "w": [{"k": 1}]}, "media": {"_type": "thing", "n": 1}, "": 0,
    }  # fmt: skip
    for _ in range(2):  # the long way, then the short one where there is one
        recording.log(row)
    wanted = {
        "int": 3, "float": 1.0, "nan": math.nan, "inf": math.inf, "ninf": -math.inf, "zero": -0.0,
        "text": "tést\x00 🙂", "none": None, "yes": True, "big": 2**70, "neg": -(2**64),
        "list": [1, 2.0, "x", [None]], "tuple": [1, 2], "empty": {}, "a\\.b": 1, "a\\\\": 2,
        "nested.x.y\\.z": 1, "nested.w": [{"k": 1}], "media": {"_type": "thing", "n": 1}, "": 0,
    }  # fmt: skip
    for found in recording.values():
        assert repr(found) == repr(wanted)  # types, NaN and the sign of zero included


def test_numpy_values(recording: Recording) -> None:  # L-09, L-11
    row = {
        "f32": np.float32(0.5), "f64": np.float64(0.1), "i": np.int64(-3), "b": np.bool_(True),
        "u": np.uint64(2**64 - 1), "long": np.longdouble(0.5), "zero_d": np.array(7),
        "small": np.arange(32).reshape(4, 8), "s": np.str_("text"), "half": np.float16(0.5),
        "when": np.datetime64("2024-05-01T10:00:00.000000001"),
    }  # fmt: skip
    for _ in range(3):
        recording.log(row)
    for found in recording.values():
        assert found["f32"] == 0.5 and type(found["f64"]) is float and found["i"] == -3
        assert found["b"] is True and found["u"] == 2**64 - 1 and found["long"] == 0.5
        assert found["zero_d"] == 7 and found["s"] == "text" and found["half"] == 0.5
        assert found["small"] == np.arange(32).reshape(4, 8).tolist()
        assert found["when"].startswith("2024-05-01T10:00:00")


def test_a_large_array_becomes_a_histogram(recording: Recording) -> None:  # L-11
    array = np.concatenate([np.linspace(0, 1, 320), [np.nan, np.inf, -np.inf]])
    recording.log({"h": array, "ints": np.arange(33), "words": np.array(["x"] * 40)})
    found = recording.values()[0]
    assert found["h"]["_type"] == "histogram"
    assert found["h"]["values"] == [10] * 32 and len(found["h"]["bins"]) == 33
    assert (found["h"]["nan"], found["h"]["pinf"], found["h"]["ninf"]) == (1, 1, 1)
    assert sum(found["ints"]["values"]) == 33 and "nan" not in found["ints"]
    assert found["words"] == ["x"] * 40


def test_the_callers_dict_is_his_own(recording: Recording) -> None:  # L-14, L-15
    inner = [1, 2]
    row = {"a": 1, "list": inner, "nested": {"b": 2}}
    recording.log(row)
    assert row == {"a": 1, "list": [1, 2], "nested": {"b": 2}}
    inner.append(3)
    row["nested"]["b"] = 5  # type: ignore[index]
    assert recording.values()[0] == {"a": 1, "list": [1, 2], "nested.b": 2}
    assert recording.rows.fold().summary["list"] == [1, 2]


def test_any_mapping_is_taken(recording: Recording) -> None:
    recording.log(UserDict({"a": {"b": 1}}))
    assert recording.values() == [{"a.b": 1}]


def test_text_that_is_too_long_is_replaced(recording: Recording) -> None:  # reliability 2.10
    for _ in range(2):
        recording.log({"t": "x" * 1_000_001, "n": 1})
    recording.log({"t": "é" * 400_000, "n": 2})  # 800 kB
    first, second, third = recording.values()
    assert first == second and first["t"]["_type"] == "replaced" and first["n"] == 1
    assert "1,000,001" in first["t"]["reason"] and len(third["t"]) == 400_000
    assert {path for path, _ in recording.replaced} == {"t"}


def test_lone_surrogates_become_replacement_characters(recording: Recording) -> None:
    for _ in range(2):
        recording.log({"t": "a\ud800b", "k\udfff": "\U0001f642"})
    for found in recording.values():
        assert found == {"t": "a\ufffdb", "k\ufffd": "\U0001f642"}


def test_2000_keys_and_5000_rows(recording: Recording) -> None:  # L-16, L-17
    wide = {f"k{i}": i for i in range(2000)}
    recording.log(wide)
    for i in range(5000):
        recording.log({"i": i})
    rows = recording.logged()
    assert rows[0].values == list(range(2000))
    assert [row.values[0] for row in rows[1:]] == list(range(5000))
    assert [row.step for row in rows] == list(range(5001))


def test_times_grow(recording: Recording) -> None:  # L-13
    for _ in range(3):
        recording.log({})
    times = [(row.time_us, row.runtime_us) for row in recording.logged()]
    assert times == sorted(times) and times[0][0] > 1_600_000_000_000_000 and times[0][1] >= 0


def test_open_and_shapes_come_twice_and_again(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "REPEAT_BYTES", 2_000)
    for i in range(400):
        recording.log({"a": i, "b": "x" * 20})
    records = recording.records()
    kinds = [type(record).__name__ for record in records[:5]]
    assert kinds == ["Open", "Open", "Shape", "Shape", "Row"]
    size = recording.path.stat().st_size
    shapes = sum(isinstance(record, Shape) for record in records)
    assert size / 2_000 - 2 <= shapes <= size / 2_000 + 2
    recording.rows.forget_forms()
    recording.log({"a": 1, "b": "x"})
    numbers = {record.shape for record in recording.records() if isinstance(record, Shape)}
    assert numbers == {0, 1}  # never reused


def test_a_mebibyte_repeats_what_everything_depends_on(recording: Recording) -> None:
    for i in range(30):
        recording.log({"i": i, "text": "x" * 100_000})
    records = recording.records()
    assert sum(isinstance(record, Open) for record in records) >= 4
    assert sum(isinstance(record, Shape) for record in records) >= 4


def test_many_threads_lose_nothing(recording: Recording) -> None:  # T-01
    def work(name: int) -> None:
        for i in range(300):
            recording.log({"thread": name, "i": i} if i % 3 else {"i": i, "thread": name})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(0.005)
    assert [step for step, _ in recording.steps()] == list(range(2400))
    for name in range(8):
        mine = [row["i"] for row in recording.values() if row["thread"] == name]
        assert mine == list(range(300))


def test_logging_from_within_logging_is_deferred(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a signal handler or `__del__` does: it runs between any two instructions of `log`."""
    inner = iter(range(1000))
    plain = recording.stream.append

    def append(kind: int, payload: bytes) -> None:
        if kind == Kind.ROW and recording.rows.step % 10 == 1:
            recording.log({"inner": next(inner)})
            recording.stream.write(SummaryRecord(set={"by hand": 1}))
        plain(kind, payload)

    monkeypatch.setattr(recording.stream, "append", append)
    for i in range(50):
        recording.log({"outer": i})
    values = recording.values()
    assert [row["outer"] for row in values if "outer" in row] == list(range(50))
    assert [step for step, _ in recording.steps()] == list(range(len(values)))
    assert sum("inner" in row for row in values) > 3


@pytest.mark.parametrize("point", ["before", "after"])
def test_an_interrupt_inside_log_leaves_a_sound_journal(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:  # F-22
    recording.log({"i": 0})
    append = recording.stream._append
    strikes = iter([False, True, False, True])

    def struck(kind: int, payload: bytes) -> int:
        if not next(strikes, False):
            return append(kind, payload)
        if point == "after":
            append(kind, payload)
            recording.stream._writer.next_seq -= 1  # between the write and the counting
        raise KeyboardInterrupt

    monkeypatch.setattr(recording.stream, "_append", struck)
    done = []
    for i in range(1, 6):
        try:
            recording.log({"i": i})
            done.append(i)
        except KeyboardInterrupt:
            continue
    found = [row["i"] for row in recording.values()]
    assert set(done) < set(found) | set(done) and found == sorted(set(found))
    steps = [step for step, _ in recording.steps()]
    assert len(steps) == len(set(steps))
    assert not recording.stream.busy


def test_a_closed_run_takes_no_rows(recording: Recording) -> None:  # F-05
    recording.log({"a": 1})
    recording.rows.close()
    for data in ({"a": 2}, {"b": 2}):
        with pytest.raises(RunStateError, match="finish"):
            recording.log(data)
    assert len(recording.logged()) == 1


def test_step_metrics_are_filled_in(recording: Recording) -> None:  # D-04
    recording.log({"epoch": 5})
    recording.rows.define(metric_record("val/*", step_metric="epoch"))
    recording.rows.define(metric_record("other", step_metric="never"))
    recording.rows.define(metric_record("unsynced", step_metric="epoch", step_sync=False))
    recording.log({"val/acc": 0.5})
    recording.log({"epoch": 6, "val/acc": 0.6})
    recording.log({"val/acc": 0.7, "other": 1})
    recording.log({"train": 1, "unsynced": 2})
    assert recording.values()[1:] == [
        {"val/acc": 0.5, "epoch": 5},
        {"epoch": 6, "val/acc": 0.6},
        {"val/acc": 0.7, "other": 1, "epoch": 6, "never": 0},
        {"train": 1, "unsynced": 2},
    ]


def test_summary_rules(recording: Recording) -> None:  # D-01, D-02, D-03
    recording.log({"early": 1})
    recording.rows.define(metric_record("l*", summary="MIN, max,mean"))
    recording.rows.define(metric_record("loss", summary="min,last,first"))
    recording.rows.define(metric_record("quiet", summary="none"))
    recording.rows.define(metric_record("early", summary="max"))
    for i in range(300):  # more than are kept for one fold
        recording.log({"loss": abs(150 - i), "lr": i / 2, "quiet": i, "early": i})
    summary = recording.rows.fold().summary
    assert summary["loss"] == {"min": 0, "last": 149, "first": 150}
    assert summary["lr"] == {"min": 0.0, "max": 149.5, "mean": pytest.approx(74.75)}
    assert "quiet" not in summary
    assert summary["early"] == 299  # it was logged before it was defined
    assert summary == fold_of(recording.records()).summary


def test_many_different_rows_need_bounded_memory(recording: Recording) -> None:
    for i in range(10_050):
        recording.log({f"key{i}": i})
    assert len(recording.rows._by_paths) < 100 and len(recording.rows._by_keys) < 100
    assert recording.rows.fold().summary["key3"] == 3


PATHS = ["a", "b", "c", "loss"]
LEAVES = st.one_of(
    st.integers(-5, 5), st.floats(), st.booleans(), st.none(), st.text(max_size=3),
    st.just(2**80), st.lists(st.integers(0, 3), max_size=3), st.just({}),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.dictionaries(st.sampled_from(PATHS), inner, max_size=3), max_leaves=6
)
LOGS = st.tuples(
    st.just("log"),
    st.dictionaries(st.sampled_from(PATHS), VALUES, max_size=4),
    st.one_of(st.none(), st.none(), st.integers(0, 12)),
    st.sampled_from([None, None, True, False]),
)
HANDS = st.tuples(
    st.just("summary"), st.sampled_from(["a", "a.b", "loss", "c.a.b"]), st.integers(), st.booleans()
)
DEFINES = st.tuples(
    st.just("define"), st.sampled_from(["a", "loss", "*", "a.*", "c"]),
    st.sampled_from(["min", "max,last", "first,mean", "none", "copy", "best", None]),
    st.sampled_from([None, "b", "loss"]),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
@given(st.lists(st.one_of(LOGS, LOGS, LOGS, HANDS, DEFINES, st.just(("read",))), max_size=25))
def test_the_summary_is_the_fold_of_the_journal(
    tmp_path_factory: pytest.TempPathFactory, acts: list[Any]
) -> None:  # S-01, S-06, L-04, L-05
    recording = Recording(tmp_path_factory.mktemp("run"))
    for act in acts:
        if act[0] == "log":
            recording.log(act[1], step=act[2], commit=act[3])
        elif act[0] == "summary":
            record = SummaryRecord(set={} if act[3] else {act[1]: act[2]}, delete=[act[1]])
            with recording.stream.lock:
                recording.rows.claim(record.set)
                recording.rows.change(record)
        elif act[0] == "define":
            recording.rows.define(metric_record(act[1], summary=act[2], step_metric=act[3]))
        else:
            recording.rows.fold()
    mine, theirs = recording.rows.fold(), fold_of(recording.records())
    recording.stream.close()
    assert repr(sorted(mine.values.items())) == repr(sorted(theirs.values.items()))
    for field in ("rows", "next_step", "last_us", "runtime_us", "definitions"):
        assert getattr(mine, field) == getattr(theirs, field)
    os.unlink(recording.path)


@given(st.integers(0, 2**32))
def test_random_rows_take_both_ways_to_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """What the short way writes is what the long way would have written."""
    dice = random.Random(seed)
    rows = [
        {key: dice.choice([1, 2.5, "x", True, None, np.float64(3)]) for key in "abc"}
        for _ in range(4)
    ]
    short, long = (Recording(tmp_path_factory.mktemp("run")) for _ in range(2))
    for row in rows:
        short.log(row)
        long.log(UserDict(row))
    assert repr(short.values()) == repr(long.values())
    for recording in (short, long):
        recording.stream.close()
        os.unlink(recording.path)
