"""What a full disk does to a stream (reliability 2.8), and sparklines (G-08)."""

from __future__ import annotations

import errno
import math
import os
from pathlib import Path

import pytest

from kiseki.record.types import Note, Row
from kiseki.sdk import stream as stream_module
from kiseki.sdk.sparkline import sample, sparkline, table
from tests.unit.sdk.recording import Recording


class FullDisk:
    """Stands where the journal's `append` was; takes nothing while `is_full`."""

    def __init__(self, recording: Recording) -> None:
        self.is_full = True
        self._append = recording.stream._append
        recording.stream._append = self  # type: ignore[assignment]

    def __call__(self, kind: int, payload: bytes) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._append(kind, payload)


def test_rows_wait_for_space(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "RETRY_SECONDS", 0.0)
    recording.log({"i": 0})
    disk = FullDisk(recording)
    for i in range(1, 50):
        recording.log({"i": i})
    disk.is_full = False
    recording.log({"i": 50})
    assert [row["i"] for row in recording.values()] == list(range(51))
    assert recording.stream.dropped == 0


def test_what_does_not_fit_is_counted(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(stream_module, "WAITING_BYTES_MAX", 2_000)
    disk = FullDisk(recording)
    for i in range(200):
        recording.log({"i": i, "text": "x" * 50})
    dropped = recording.stream.dropped
    assert dropped > 100
    disk.is_full = False
    recording.log({"i": 200, "text": "x" * 50})
    records = recording.records()
    (note,) = [record for record in records if isinstance(record, Note)]
    assert note.code == "disk-full" and note.count == dropped
    rows = [record.values[0] for record in records if isinstance(record, Row)]
    assert rows == [*range(200 - dropped), 200]
    recording.log({"i": 201, "text": ""})
    assert len([r for r in recording.records() if isinstance(r, Note)]) == 1


def test_closing_writes_what_waits(recording: Recording) -> None:
    disk = FullDisk(recording)
    recording.log({"i": 0})
    disk.is_full = False
    recording.stream.close()
    assert [row["i"] for row in recording.values()] == [0]


def test_sparkline() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, 1, 1]) == "▁▁▁"
    assert sparkline([]) == sparkline([math.nan]) == ""
    assert sparkline([0, math.nan, math.inf, 1]) == "▁  █"
    assert len(sparkline(list(range(1000)))) == 40
    assert sparkline([0.0] * 500 + [9.0] + [0.0] * 499).count("█") == 1  # the spike is there
    assert sparkline([-1.7e308, 0, 1.7e308]) == "▁▅█"  # their difference is no float


def test_the_last_lines_stay_lines(recording: Recording) -> None:  # L-09, G-08
    recording.log({"huge": 10**400, "x" * 9000: 1, "a.b": 2, "c\nd": 3})
    values = {"huge": 10**400, "x" * 9000: 1, "a\\.b": 2, "c\nd": 3}
    lines = table(sample(str(recording.path), recording.rows.shapes), values)
    assert [line.split()[0] for line in lines] == ["huge", "x" * 39 + "…", "a.b", "c"]
    assert max(map(len, lines)) < 80
    assert table({}, {f"k{i}": i for i in range(30)} | {"text": "t"})[-1] == "  … and 10 more"


def test_an_interrupt_while_one_is_dealt_with(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:  # 1.6: a launcher that passes Ctrl-C on sends two
    writer, size_of = recording.stream._writer, os.fstat
    interrupts = [KeyboardInterrupt(), KeyboardInterrupt()]

    def interrupted_append(kind: int, payload: bytes) -> int:
        before = writer.next_seq
        writer.append(kind, payload)
        if interrupts:
            writer.next_seq = before  # written, and not yet counted
            raise interrupts.pop()
        return before

    def interrupted_fstat(fd: int) -> os.stat_result:
        if interrupts:
            raise interrupts.pop()
        return size_of(fd)

    recording.log({"i": 0})
    monkeypatch.setattr(recording.stream, "_append", interrupted_append)
    monkeypatch.setattr(os, "fstat", interrupted_fstat)
    with pytest.raises(KeyboardInterrupt):
        recording.log({"i": 1})
    assert not interrupts
    for i in (2, 3):
        recording.log({"i": i})
    assert [row["i"] for row in recording.values()] == [0, 1, 2, 3]


@pytest.mark.parametrize("rows", [30, 60_000])
def test_samples_of_a_journal(recording: Recording, rows: int) -> None:  # G-08
    for i in range(rows):
        recording.log({"up": i, "name": "x", "ok": True})
    samples = sample(str(recording.path), recording.rows.shapes)
    assert set(samples) == {"up"} and samples["up"] == sorted(samples["up"])
    assert samples["up"][0] == 0 and samples["up"][-1] == rows - 1
    assert len(samples["up"]) <= 20_000
    lines = table(samples, {"up": rows - 1, "name": "x"})
    assert len(lines) == 1 and lines[0].startswith("  up  ▁") and lines[0].endswith(str(rows - 1))


def test_the_path_is_told(recording: Recording, tmp_path: Path) -> None:
    assert recording.stream.path == str(tmp_path / "run-abc.kslog")


def test_a_metric_with_rules_shows_its_bars() -> None:  # G-08, D-01
    lines = table({"loss": [0.0, 1.0]}, {"loss.min": 0.0, "loss.last": 1.0, "other.min": 2.0})
    assert [line.split() for line in lines] == [
        ["loss.min", "▁█", "0"],
        ["loss.last", "▁█", "1"],
        ["other.min", "2"],
    ]
