"""Records beyond the limits are set aside or cut, with a notice; the others go on (reliability §4)."""

from __future__ import annotations

from typing import Any

import pytest

from kiseki.core import limits
from kiseki.record import codec, frame
from kiseki.record.types import (
    Alert,
    Config,
    Console,
    Describe,
    Environment,
    File,
    Kind,
    Metric,
    Record,
    Shape,
    Summary,
)
from kiseki.storage.interface import Range
from tests.unit.core.kit import Kit, Writer


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def notices(kit: Kit) -> list[tuple[str, str]]:
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    return [(notice.code, notice.text) for notice in kit.runs.state(run).notices]


def test_long_names_and_tags_are_cut_once(kit: Kit) -> None:
    writer = Writer(kit, name="n" * 600, tags=["ok", "t" * 100, "t" * 90, ""], group="g" * 513)
    receipt = writer.send(writer.start())
    assert receipt.rejected == () and receipt.opened is not None
    assert receipt.opened.name == "n" * 511 + "…"
    writer.send(writer.records(writer.open))  # written again now and then
    long = Describe(notes="x" * 100_001, name="m" * 512, tags=["é" * 64])
    writer.send(writer.records(long))
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert (run.name, run.tags, run.group) == ("m" * 512, ("é" * 64,), "g" * 511 + "…")
    assert len(run.notes) == 100_000
    [first, second] = notices(kit)
    assert first[0] == second[0] == "shortened"
    assert "name" in first[1] and "tags" in first[1] and "512" in first[1] and "notes" in second[1]
    again = kit.again()  # and so it is when the log is folded again
    _, run = again.runs.find(again.ada, "ada", "digits", "r1")
    assert run.name == "m" * 512 and notices(again) == [first, second]
    again.close()


def test_tags_are_cut_and_stay_different(kit: Kit) -> None:
    writer = Writer(kit, tags=["ok", "t" * 100, "t" * 90, ""])
    writer.send(writer.start())
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert run.tags == ("ok", "t" * 63 + "…")


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (Shape(shape=1, paths=[f"k{n}" for n in range(100_001)]), "100,001 keys"),
        (Shape(shape=1, paths=["k" * 10_001]), "10,001 characters"),
        (Shape(shape=1, paths=["a." + "k" * 10_001]), "10,001 characters"),
        (Config(set={"k" * 10_001: 1}), "10,001 characters"),
        (Config(set={"a": {"k" * 10_001: 1}}), "10,001 characters"),
        (Config(set={"a": nested(65)}), "64 levels"),
        (Summary(set={"a": nested(65)}), "64 levels"),
        (Environment(values={"a": nested(65)}), "64 levels"),
        (Metric(name="k" * 10_001), "10,001 characters"),
        (Metric(name="k", step_metric="k" * 10_001), "10,001 characters"),
        (File(path="k" * 10_001), "4,096 characters"),
        (File(path="../../etc/passwd"), "the part '..'"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_cut_is_set_aside(kit: Kit, record: Record, says: str) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    body = writer.rows([0]) + writer.records(record) + writer.rows([1])
    receipt = writer.send(body)
    assert receipt.next == writer.next
    [rejected] = receipt.rejected
    assert rejected.seq == 3 and says in rejected.reason and len(rejected.reason) < 300
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert run.rows == 2 and run.config == {}
    assert notices(kit) == [("rejected", rejected.reason)]


def test_rows_are_limited(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    body = writer.rows([0], "x" * (limits.ROW_BYTES_MAX + 1)) + writer.rows([1], nested(65))
    body += writer.rows([2], nested(64)) + writer.rows([3], "x" * (limits.ROW_BYTES_MAX - 100))
    receipt = writer.send(body)
    assert [item.seq for item in receipt.rejected] == [2, 3]
    assert "10,485,760" in receipt.rejected[0].reason and "64 levels" in receipt.rejected[1].reason
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert run.rows == 2 and run.next_step == 4


def test_a_shape_that_is_too_large_takes_its_rows_with_it_but_no_other(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    body = writer.records(Shape(shape=1, paths=["k" * 10_001])) + writer.rows([0], shape=1)
    body += frame.pack(int(Kind.ROW), writer.next, codec.encode_row(0, 1, 0, 0, [1.0]))
    writer.next += 1
    receipt = writer.send(body)
    assert [item.seq for item in receipt.rejected] == [2, 3]
    _, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    assert (run.rows, run.next_step) == (1, 2)


def test_long_lines_and_alerts_are_cut(kit: Kit) -> None:
    writer = Writer(kit)
    writer.send(writer.start())
    writer.send(
        writer.records(
            Console(stream="stdout", line=0, text="y" * 200_000, time_us=1),
            Alert(title="t" * 600, text="x" * 200_000, level="INFO", time_us=1),
        )
    )
    project, run = kit.runs.find(kit.ada, "ada", "digits", "r1")
    [(_, line)], _ = kit.series.lines(project.number, Range(run.history).segment)
    assert line.text.startswith("yyy") and len(line.text) < 70_000
    [alert] = kit.runs.state(run).alerts
    assert (len(alert.title), len(alert.text)) == (512, 100_000)
    assert [code for code, _ in notices(kit)] == ["shortened", "shortened"]
