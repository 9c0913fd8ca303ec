"""The fold: what records mean (D-*, S-*, L-04), whatever way they were batched."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiseki.record import codec, fold
from kiseki.record.fold import RunState
from kiseki.record.types import (
    Alert,
    AnyRecord,
    Config,
    Describe,
    End,
    Environment,
    File,
    Finish,
    Metric,
    Note,
    Open,
    Row,
    Shape,
    State,
    Summary,
)
from tests.unit.record.strategies import exact, scalars

OPEN = Open(stream="a" * 32, run="r1", project="p", entity="ada", started_us=5)


def folded(*records: AnyRecord) -> RunState:
    state = RunState()
    for record in records:
        fold.apply(state, record)
    return state


def log(step: int, *, time_us: int = 0, is_part: bool = False, **values: Any) -> Row:
    return Row(tuple(values), step, time_us, step, list(values.values()), is_part)


def same(one: RunState, two: RunState) -> bool:
    return exact(msgspec.structs.asdict(one)) == exact(msgspec.structs.asdict(two))


# --- independence of batching -----------------------------------------------------------------

PATHS = ("loss", "acc", "val.loss", "note")
points = st.one_of(scalars, st.integers(0, 5), st.floats(0, 5))
rows = st.builds(
    Row,
    st.just(PATHS),
    st.integers(0, 6),
    st.integers(-5, 5),
    st.integers(0, 9),
    st.tuples(points, points, points, points).map(list),
    st.booleans(),
)
definitions = st.lists(
    st.builds(
        Metric,
        name=st.sampled_from(["loss", "val.*", "*", "acc"]),
        summary=st.one_of(
            st.none(),
            st.lists(
                st.sampled_from(["min", "max", "mean", "last", "first", "best", "copy", "none"]),
                max_size=3,
            ),
        ),
        goal=st.sampled_from([None, "minimize", "maximize"]),
        overwrite=st.booleans(),
    ),
    max_size=3,
)


@given(definitions, st.lists(rows, min_size=1, max_size=12), st.data())
def test_rows_fold_the_same_in_any_batches(defined, batch, data) -> None:
    single, batched = folded(*defined), folded(*defined)
    for row in batch:
        fold.apply(single, row)
    cuts = data.draw(st.lists(st.integers(1, len(batch)), unique=True, max_size=4))
    edges = sorted({0, *cuts, len(batch)})
    for start, end in pairwise(edges):
        fold.apply_rows(batched, PATHS, batch[start:end])
    assert same(single, batched)


records = st.one_of(
    rows,
    st.just(OPEN),
    st.just(Open(stream="b" * 32, run="r1", project="p", started_us=9, tags=["x"])),
    st.just(Shape(shape=1, paths=list(PATHS))),
    st.builds(Config, set=st.dictionaries(st.sampled_from("ab"), scalars), delete=st.just(["a"])),
    st.builds(
        Summary,
        set=st.dictionaries(st.sampled_from(["loss", "val", "val.loss", "val.loss.x"]), scalars),
        delete=st.lists(st.sampled_from(["loss", "val", "none"]), max_size=2),
    ),
    st.builds(Describe, name=st.sampled_from([None, "n"]), tags=st.sampled_from([None, ["t"]])),
    st.just(Environment(values={"python": "3.11"}, packages={"numpy": "2"})),
    st.just(State(state="preempting", time_us=1)),
    st.builds(Finish, exit_code=st.integers(0, 1), time_us=st.just(7), runtime_us=st.just(7)),
    st.just(End(state="killed", cause="SIGKILL", time_us=8)),
)


@given(st.lists(records, max_size=15), st.data())
def test_open_shape_and_environment_again_change_nothing(items, data) -> None:
    once = folded(OPEN, *items)
    repeated: list[AnyRecord] = [OPEN]
    seen: list[AnyRecord] = [OPEN]
    for item in items:
        repeated.append(item)
        if isinstance(item, (Open, Shape, Environment)):
            seen.append(item)
        repeated += data.draw(st.lists(st.sampled_from(seen), max_size=2))
    assert same(once, folded(*repeated))


@given(st.lists(records, max_size=15), st.integers(0, 15))
def test_a_state_can_be_stored_and_taken_up_again(items, at) -> None:
    """A store keeps the fold with a cursor; going on from there equals going through."""
    state = codec.decode_state(codec.encode_state(folded(*items[:at])))
    for item in items[at:]:
        fold.apply(state, item)
    assert same(folded(*items), state)


@given(st.lists(records, max_size=20))
def test_no_summary_path_lies_below_a_value(items) -> None:
    state = folded(*items)
    for path in state.values:
        assert not any(other.startswith(path + ".") for other in state.values)
    assert len(_leaves(state.summary)) >= len(state.values)


def _leaves(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for item in tree.values() for leaf in _leaves(item)]
    return [tree]


# --- summary rules ----------------------------------------------------------------------------

LOSSES = [log(step, loss=value) for step, value in enumerate([4.0, 1.0, math.nan, 3.0])]


@pytest.mark.parametrize(
    ("rules", "summary"),
    [
        (None, 3.0),  # D-02
        (["copy"], 3.0),
        (["min", "max"], {"min": 1.0, "max": 4.0}),  # D-01
        (["mean"], {"mean": 8 / 3}),
        (["last", "first"], {"last": 3.0, "first": 4.0}),
        (["best"], {"best": 1.0}),  # D-10
    ],
)
def test_summary_rules(rules, summary) -> None:
    state = folded(Metric(name="loss", summary=rules), *LOSSES)
    assert state.summary["loss"] == summary


def test_summary_none_makes_no_entry() -> None:  # D-02
    state = folded(Metric(name="loss", summary=["none"]), *LOSSES)
    assert "loss" not in state.summary
    assert state.tracked["loss"].count == 4


def test_best_with_a_goal() -> None:  # D-10
    metric = Metric(name="loss", summary=["best"], goal="maximize")
    assert folded(metric, *LOSSES).summary["loss"] == {"best": 4.0}


def test_an_exact_name_beats_a_pattern_and_a_long_pattern_a_short_one() -> None:  # D-03
    state = folded(
        Metric(name="*", summary=["max"]),
        Metric(name="val/*", summary=["min"]),
        Metric(name="val/loss", summary=["first"]),
        log(0, **{"a": 1, "val/acc": 2, "val/loss": 3}),
        log(1, **{"a": 0, "val/acc": 1, "val/loss": 2}),
    )
    assert state.values == {"a.max": 1, "val/acc.min": 1, "val/loss.first": 3}


def test_definitions_apply_to_keys_first_logged_later() -> None:  # D-03
    state = folded(log(0, loss=1), Metric(name="loss", summary=["max"]), log(1, loss=0))
    assert state.summary["loss"] == 0


def test_definitions_merge_and_overwrite_forgets() -> None:  # D-06
    state = folded(
        Metric(name="loss", step_metric="epoch", hidden=True),
        Metric(name="loss", summary=["min"]),
    )
    assert state.definitions["loss"] == fold.Definition(
        "loss", step_metric="epoch", hidden=True, summary=["min"]
    )
    fold.apply(state, Metric(name="loss", goal="maximize", overwrite=True))
    assert state.definitions["loss"] == fold.Definition("loss", goal="maximize")


def test_a_path_addresses_a_key_of_a_dict_and_an_escaped_dot_a_literal_key() -> None:  # D-07
    state = folded(
        Metric(name="a.b", summary=["max"]),
        Metric(name=r"a\.b", summary=["min"]),
        Row(("a.b", r"a\.b"), 0, 0, 0, [1, 1]),
        Row(("a.b", r"a\.b"), 1, 0, 0, [2, 2]),
    )
    assert state.summary["a"] == {"b": {"max": 2}}
    assert state.summary["a.b"] == {"min": 1}


def test_numbers_of_any_size_and_text_do_not_break_the_rules() -> None:  # L-10
    rules = ["min", "max", "mean", "last"]
    state = folded(
        Metric(name="x", summary=rules),
        log(0, x=10**400),
        log(1, x="text"),
        log(2, x=-math.inf),
        log(3, x=None),
    )
    assert state.summary["x"]["max"] == 10**400
    assert state.summary["x"]["min"] == -math.inf
    assert math.isnan(state.summary["x"]["mean"])
    assert state.summary["x"]["last"] is None


# --- summary by hand --------------------------------------------------------------------------


def test_a_hand_set_value_stays_until_its_key_is_logged_again() -> None:  # S-06
    state = folded(log(0, loss=1, acc=2), Summary(set={"loss": "mine"}), log(1, acc=3))
    assert state.summary["loss"] == "mine"
    fold.apply(state, log(2, loss=5))
    assert state.summary["loss"] == 5


def test_a_hand_set_aggregate_is_no_input_of_the_rule() -> None:
    state = folded(Metric(name="loss", summary=["min"]), log(0, loss=3))
    fold.apply(state, Summary(set={"loss.min": "three"}))
    fold.apply(state, log(1, loss=4))
    assert state.summary["loss"] == {"min": 3}


def test_nested_values_are_set_and_deleted() -> None:  # S-03, S-04
    state = folded(log(0, **{"v.a": 1, "v.b": 2, "v.c.d": 3, "vx": 4}))
    fold.apply(state, Summary(delete=["v.c"], set={"v.b": {"_type": "histogram"}}))
    assert state.values == {"v.a": 1, "vx": 4, "v.b": {"_type": "histogram"}}
    fold.apply(state, Summary(delete=["v"]))
    assert state.values == {"vx": 4}
    fold.apply(state, Summary(set={"vx.y": 1}))
    assert state.values == {"vx.y": 1}
    fold.apply(state, log(1, vx=2))
    assert state.values == {"vx": 2}


def test_a_summary_of_many_nested_keys_is_set_in_time() -> None:
    """One pass, not one per key: 20,000 × 20,000 comparisons would take minutes."""
    many = {f"a.{n}.b": n for n in range(20_000)}
    state = folded(Summary(set=many))
    fold.apply(state, Summary(set={f"a.{n}": n for n in range(20_000)}))
    assert len(state.values) == 20_000


def test_the_summary_carries_step_runtime_and_timestamp() -> None:  # S-08
    state = folded(log(4, time_us=2_000_000, loss=1))
    assert state.summary == {"loss": 1, "_step": 4, "_runtime": 4e-06, "_timestamp": 2.0}
    assert RunState().summary == {}


# --- steps ------------------------------------------------------------------------------------


def test_a_late_row_does_not_move_the_last_value_back() -> None:  # L-04
    state = folded(log(5, loss=5, acc=5), log(3, loss=3), log(5, acc=55))
    assert state.summary["loss"] == 5
    assert state.summary["acc"] == 55
    assert state.next_step == 6
    assert state.rows == 3


def test_parts_of_a_row_are_one_row() -> None:
    state = folded(log(0, a=1), log(0, b=2, is_part=True))
    assert (state.rows, state.next_step) == (1, 1)
    assert state.values == {"a": 1, "b": 2}


def test_a_key_that_was_ever_a_number_is_one() -> None:
    state = folded(log(0, a=None, b="x", c=1), log(1, a="x", b=True, c="x"))
    assert [state.tracked[key].kind for key in "abc"] == ["text", "number", "number"]


# --- how a run ends (F-25) --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endings", "state", "exit_code"),
    [
        ([], "running", None),
        ([Finish(exit_code=0, time_us=9, runtime_us=4)], "finished", 0),
        ([Finish(exit_code=2, time_us=9, runtime_us=4)], "failed", 2),
        ([End(state="crashed", cause="gone", time_us=9)], "crashed", None),
        ([End(state="killed", cause="SIGKILL", time_us=9, exit_code=-9)], "killed", -9),
        ([State(state="preempting", time_us=1)], "preempting", None),
        (
            [State(state="preempting", time_us=1), State(state="running", time_us=2)],
            "running",
            None,
        ),
        (
            [State(state="preempting", time_us=1), End(state="killed", cause="", time_us=9)],
            "preempted",
            None,
        ),
        (
            [
                Finish(exit_code=0, time_us=9, runtime_us=4),
                End(state="killed", cause="", time_us=9),
            ],
            "finished",
            0,
        ),
    ],
)
def test_states(endings, state, exit_code) -> None:
    found = folded(OPEN, *endings)
    assert (found.state, found.exit_code) == (state, exit_code)


def test_a_second_writer_continues_the_run() -> None:  # I-69, I-26
    state = folded(
        Open(stream="a", run="r", project="p", started_us=5, name="n", tags=["t"], notes="x"),
        log(0, loss=1),
        Finish(exit_code=1, time_us=9, runtime_us=4),
        Open(stream="b", run="r", project="p", started_us=50, tags=["u"], pid=7),
    )
    assert (state.state, state.exit_code, state.started_us, state.pid) == ("running", None, 5, 7)
    assert (state.name, state.tags, state.notes) == ("n", ["u"], "x")


def test_a_forked_child_joins_the_run_and_does_not_restart_it() -> None:  # T-02
    state = folded(OPEN, Finish(exit_code=0, time_us=9, runtime_us=4))
    child = msgspec.structs.replace(OPEN, stream="c" * 32, pid=99, primary=False)
    fold.apply(state, child)
    assert (state.state, state.exit_code, state.pid) == ("finished", 0, 0)
    fold.apply(state, log(3, loss=1))
    assert state.next_step == 4


def test_an_uploader_opens_no_run() -> None:
    state = folded(OPEN, Finish(exit_code=0, time_us=9, runtime_us=1))
    fold.apply(state, Open(stream="u", run="r1", project="p", started_us=9, role="uploader"))
    assert state.state == "finished"


def test_what_else_is_kept() -> None:
    state = folded(
        OPEN,
        Config(set={"lr": 0.1, "model": {"depth": 2}}),
        Config(set={"model": {"width": 3}}, delete=["lr"]),
        Environment(values={"os": "linux"}, packages={"numpy": "1"}),
        Environment(packages={"numpy": "2"}),
        Alert(title="t", text="x", level="WARN", time_us=1),
        File(path="a.txt", policy="now"),
        File(path="a.txt", policy="live", size=3),
        Note(code="rejected", text="x", count=2),
    )
    assert state.config == {"model": {"width": 3}}  # C-07
    assert state.environment == {"os": "linux"}
    assert state.packages == {"numpy": "2"}
    assert [alert.title for alert in state.alerts] == ["t"]
    assert state.files == {"a.txt": fold.StoredFile("live")}
    assert [note.count for note in state.notices] == [2]


def test_the_content_of_a_file_stays_known_when_it_is_named_again() -> None:
    """The streams of writer and uploader are folded in any order."""
    named = File(path="m.pt", policy="live", time_us=1)
    told = File(path="m.pt", policy="live", size=3, sha256="ab" * 32, time_us=2)
    expected = {"m.pt": fold.StoredFile("live", 3, "ab" * 32, 2)}
    assert folded(OPEN, named, told).files == folded(OPEN, told, named).files == expected
    changed = File(path="m.pt", policy="live", size=4, sha256="cd" * 32, time_us=3)
    assert folded(OPEN, told, changed).files["m.pt"].size == 4


def test_a_deleted_file_comes_back_when_it_is_named_again() -> None:
    told = File(path="m.pt", size=3, sha256="ab" * 32)
    gone = File(path="m.pt", deleted=True)
    assert folded(OPEN, told, gone).files == folded(OPEN, gone).files == {}
    assert folded(OPEN, told, gone, File(path="m.pt")).files == {"m.pt": fold.StoredFile()}


def test_states_of_the_first_version_can_still_be_read() -> None:
    """They kept nothing but the policy of a file."""
    state = folded(OPEN, Config(set={"big": 2**70}))
    raw = msgspec.to_builtins(state)
    raw["files"] = {"a.txt": "live", "b.txt": "end"}
    again = codec.decode_state(codec.encode_value(raw))
    assert again.files == {"a.txt": fold.StoredFile("live"), "b.txt": fold.StoredFile("end")}
    assert again.config == state.config and again.id == state.id
