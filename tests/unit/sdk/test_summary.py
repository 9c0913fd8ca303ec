"""`run.summary` (S-*)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kiseki.errors import UsageError
from kiseki.record.types import Summary as SummaryRecord
from kiseki.sdk.summary import Summary
from kiseki.sdk.values import Normaliser
from tests.unit.sdk.recording import Recording, fold_of


@pytest.fixture
def summary(recording: Recording) -> Summary:
    def write(record: SummaryRecord) -> None:
        with recording.stream.lock:
            recording.rows.claim(record.set)
            recording.rows.change(record)

    read: Callable[[], dict[str, object]] = lambda: recording.rows.fold().summary  # noqa: E731
    normaliser = Normaliser(lambda path, reason: None)
    return Summary(read, write, normaliser, recording.rows.keep_media)


def test_last_values(recording: Recording, summary: Summary) -> None:  # S-01, S-05, S-08
    recording.log({"loss": 1.0, "val": {"acc": 0.5}})
    recording.log({"loss": 0.5})
    assert summary["loss"] == summary.loss == summary.get("loss") == 0.5
    assert summary["val"] == {"acc": 0.5} and summary.val.acc == 0.5
    assert set(summary) == set(summary.keys()) == {"loss", "val", "_step", "_runtime", "_timestamp"}
    assert len(summary) == 5 and "loss" in summary and "x" not in summary
    assert dict(summary.items())["_step"] == 1 and dict(summary)["loss"] == 0.5  # N-02
    with pytest.raises(KeyError):
        summary["x"]
    with pytest.raises(AttributeError):
        _ = summary.x


def test_writing_by_hand(recording: Recording, summary: Summary) -> None:  # S-02, S-03, S-06, S-07
    recording.log({"loss": 1.0, "val": {"acc": 0.5, "f1": 0.1}})
    summary["best"] = np.float32(0.5)
    summary.loss = 9
    summary.update({"a": 1}, b={"c": 2})
    summary["val"]["acc"] = 0.9
    summary.val.new = [1]
    summary["histogram"] = np.arange(100)
    recording.log({"other": 1})
    assert summary["loss"] == 9 and summary["best"] == 0.5 and summary["b"] == {"c": 2}
    assert summary["val"] == {"acc": 0.9, "f1": 0.1, "new": [1]}
    assert summary["histogram"]["_type"] == "histogram"
    recording.log({"loss": 0.1})
    assert summary["loss"] == 0.1
    summary["val"] = {"only": 1}
    assert summary["val"] == {"only": 1}
    assert fold_of(recording.records()).summary == summary.as_dict()


def test_deleting(recording: Recording, summary: Summary) -> None:  # S-04
    recording.log({"a": 1, "val": {"x": 1, "y": 2}})
    del summary["a"]
    del summary.val["x"]
    assert "a" not in summary and summary["val"] == {"y": 2}
    del summary.val
    assert "val" not in summary
    with pytest.raises(KeyError):
        del summary["a"]
    assert fold_of(recording.records()).summary == summary.as_dict()


def test_what_is_refused(recording: Recording, summary: Summary) -> None:
    for key, value in (("_step", 1), ("x", object())):
        with pytest.raises(UsageError):
            summary[key] = value
    with pytest.raises(UsageError):
        summary.update({3: 1})
    assert len(summary) == 0
