"""Ten thousand rows of ten metrics through a live server: every value as it was (issue 2, done-when 3)."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest

import kiseki
from tests.e2e.run_scripts import QUIET
from tests.fakes.live_server import LiveServer

ROWS = 10_000
SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]


def row(i: int) -> dict[str, Any]:
    """Ten keys: what each holds is of another kind, and changes with every row."""
    return {
        "loss": 1 / (i + 1),
        "special": SPECIAL[i % len(SPECIAL)],
        "whole": float(i),  # L-19: stays a float
        "count": 2**53 + 1 + i,  # not exact as a float
        "huge": (-1) ** i * (2**64 + i) ** (1 + i % 3),  # beyond 64 bits
        "text": f"row {i} \N{BRAIN} \x00 é\n" if i % 2 else "",
        "flag": i % 3 == 0,
        "list": [i, float(i), None, [f"{i}"], {"a": math.nan}],
        "nested": {"train": {"loss": -i / 7, "step.with.dots": i}, "empty": {}, "n": None},
        "mixed/é": [i, i / 3, "text", None, True][i % 5],  # another kind from row to row
    }


def bits(value: Any) -> Any:
    """Return a value so that `==` compares kinds, and floats bit by bit."""
    if isinstance(value, float):
        return "NaN" if value != value else struct.pack(">d", value)
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    if isinstance(value, list):
        return [bits(item) for item in value]
    return (type(value), value)


def own(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if not key.startswith("_")}


def test_every_value_comes_back_exactly_in_order_and_once(
    logged_in: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # L-09, L-10, L-16, L-19, F-07; reliability 2.3, 2.10
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    with kiseki.init(project="exact", mode="online") as run:
        for i in range(ROWS):
            run.log(row(i))
            if i % 1000 == 500:
                for bad in ({"loss": object()}, {"loss": 1.0, "text": b"x"}, {3: 1}):
                    with pytest.raises(TypeError):
                        run.log(bad)  # type: ignore[arg-type]
                with pytest.raises(ValueError):
                    run.log({"loss": 1.0}, step=-1)
    stored = kiseki.Api().run(run.path)
    assert stored.state == "finished"
    exact = list(stored.scan_history())
    assert len(exact) == ROWS
    for i, found in enumerate(exact):
        assert found["_step"] == i
        assert list(own(found)) == list(row(i))
        assert bits(own(found)) == bits(row(i))
    times = [found["_timestamp"] for found in exact]
    assert times == sorted(times)
    assert bits(list(stored.history())) == bits(exact)
    local = kiseki.open(run.sync_dir)
    assert bits(list(local.scan_history())) == bits(exact) and not local.damage
    summary = {key: value for key, value in stored.summary.items() if not key.startswith("_")}
    assert bits(summary) == bits(row(ROWS - 1))
    chosen = list(stored.history(keys=["special", "nested.train.loss"]))
    assert [bits(found["special"]) for found in chosen] == [
        bits(row(i)["special"]) for i in range(ROWS)
    ]
