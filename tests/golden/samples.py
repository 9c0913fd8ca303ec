"""The records whose bytes are fixed. Entries are added, never changed (see README.md)."""

from __future__ import annotations

import math

from kiseki.record import codec
from kiseki.record.types import (
    Alert,
    AnyRecord,
    Config,
    Console,
    Describe,
    End,
    Environment,
    File,
    Finish,
    Kind,
    Lost,
    Metric,
    Note,
    Open,
    Record,
    Row,
    Shape,
    State,
    Summary,
    System,
)

STREAM = "000102030405060708090a0b0c0d0e0f"
CREATED_US = 1_767_225_600_000_000
PATHS = ("loss", "val/acc", r"a\.b", "nested.deep.x", "")
SHAPES = {1: PATHS, 2: ("cpu",)}

OPEN = Open(
    stream=STREAM,
    run="3f9a0c1x",
    project="digits",
    started_us=CREATED_US,
    entity="ada",
    name="quiet-river-12",
    notes="why",
    tags=["baseline", "größe"],
    group="g",
    job_type="train",
    sweep_id="s1",
    resume="allow",
    parent_run="0a0a0a0a",
    parent_step=41,
    host="lab3",
    pid=4711,
    process_started_us=CREATED_US - 1_000_000,
    program="train.py",
    sdk="0.1.0",
    label="node-1",
    primary=False,
)

SAMPLES: dict[str, AnyRecord] = {
    "open": OPEN,
    "open-least": Open(stream=STREAM, run="r", project="p", started_us=0),
    "open-uploader": Open(
        stream="ff" * 16, run="r", project="p", started_us=1, role="uploader", writer=STREAM
    ),
    "shape": Shape(shape=1, paths=list(PATHS)),
    "shape-system": Shape(shape=2, paths=["cpu"]),
    "row": Row(PATHS, 0, CREATED_US, 1_500_000, [0.5, 1, "text", True, None]),
    "row-floats": Row(PATHS, 1, CREATED_US, 2, [math.nan, math.inf, -math.inf, -0.0, 1.0]),
    "row-integers": Row(PATHS, 2**40, 0, 0, [2**63, -(2**63), 2**64, -(10**30), 0]),
    "row-values": Row(
        PATHS, 3, 0, 0, [[1, [2.0]], {"_type": "histogram", "bins": [0, 1]}, {}, "日本\0🙂", ""]
    ),
    "row-part": Row(PATHS, 3, 0, 0, [0, 0, 0, 0, 0], True),
    "system": System(("cpu",), 7, CREATED_US, 3, [12.5]),
    "config": Config(set={"lr": 0.1, "model": {"depth": 50, "x.y": [1, None]}}, delete=["old"]),
    "summary": Summary(set={"best.acc": 0.9}, delete=["loss", r"a\.b"]),
    "metric": Metric(
        name="val/*",
        step_metric="epoch",
        step_sync=True,
        hidden=False,
        summary=["min", "max"],
        goal="minimize",
        overwrite=True,
    ),
    "console": Console(stream="stdout", line=3, text="50%", time_us=CREATED_US, label="node-1"),
    "describe": Describe(name="n", notes="", tags=[], group="g", job_type="eval"),
    "environment": Environment(
        values={"python": "3.11.2", "git": {"commit": "abc"}}, packages={"numpy": "2.0"}
    ),
    "alert": Alert(title="t", text="x", level="WARN", time_us=CREATED_US, step=5),
    "file": File(path="media/a.png", policy="live", size=10, sha256="ab" * 32),
    "state": State(state="preempting", time_us=CREATED_US),
    "note": Note(code="disk-full", text="3 rows dropped", count=3, time_us=CREATED_US),
    "lost": Lost(),
    "end": End(state="killed", cause="signal 9", time_us=CREATED_US, exit_code=-9),
    "finish": Finish(exit_code=0, time_us=CREATED_US, runtime_us=9_000_000),
}

# Entries that today's encoder writes differently; decoded only.
OLD: frozenset[str] = frozenset()


def kind_of(record: AnyRecord) -> int:
    """Return the kind number of a sample."""
    if isinstance(record, Record):
        return int(record.kind)
    if isinstance(record, System):
        return int(Kind.SYSTEM)
    return int(Kind.ROW_PART if record.is_part else Kind.ROW)


def payload_of(record: AnyRecord) -> bytes:
    """Return the payload today's encoder makes of a sample."""
    if isinstance(record, Record):
        return codec.encode(record)
    shape = next(number for number, paths in SHAPES.items() if paths == record.paths)
    return codec.encode_row(shape, record.step, record.time_us, record.runtime_us, record.values)
