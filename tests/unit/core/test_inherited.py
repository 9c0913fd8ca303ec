"""Charts are told which part of a run another run logged (ui-spec 5.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kiseki.core.query.queries import Queries
from kiseki.core.query.series_request import SeriesRequest
from kiseki.core.query.wire import parse
from kiseki.record.types import Finish
from tests.unit.core.kit import Kit, Writer


def begun(kit: Kit, run: str, steps: list[int], **options: Any) -> None:
    writer = Writer(kit, run, **options)
    writer.send(writer.start() + writer.rows(steps))
    writer.send(writer.records(Finish(exit_code=0, time_us=kit.now_us, runtime_us=9)))


def test_what_a_run_inherited_is_told(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    begun(kit, "r1", [*range(10)])
    begun(kit, "r2", [6, 7, 8], parent_run="r1", parent_step=5)
    begun(kit, "r3", [9], parent_run="r2", parent_step=8)
    begun(kit, "r2", [8], parent_run="r2", parent_step=7)  # rewound: what it inherited stays
    begun(kit, "r1", [5], parent_run="r1", parent_step=4)  # rewound rows are its own
    begun(kit, "r4", [6, 7], parent_run="r1", parent_step=5)
    begun(kit, "r4", [4], parent_run="r4", parent_step=3)  # rewound to before the fork
    queries = Queries(kit.meta, kit.series, kit.runs)
    project, _ = kit.runs.find(kit.ada, "ada", "digits", "r1")
    chains = queries.chains(project, ["r1", "r2", "r3", "r4"], "history")
    inherited = queries.inherited(chains)
    assert inherited == queries.inherited(chains) == {"r2": 5, "r3": 8, "r4": 3}

    def told(x: str, metric: str = "loss") -> dict[str, float | None]:
        request = SeriesRequest([metric], chains, x=x, inherited=inherited)
        header, _ = parse(queries.chart(project, request))
        return {one["run"]: one.get("inherited") for one in header["series"]}

    assert told("_step") == {"r1": None, "r2": 5.0, "r3": 8.0, "r4": 3.0}
    # Rows take a microsecond of run time a step here.
    assert told("_runtime", "= loss * 2") == {
        "r1": None, "r2": pytest.approx(5e-6), "r3": pytest.approx(8e-6), "r4": pytest.approx(3e-6),
    }  # fmt: skip
    start = kit.now_us / 1e6
    origins = queries.origins(project, ["r1", "r2", "r3", "r4"])
    assert origins == {run: pytest.approx(start) for run in origins} and len(origins) == 4
    request = SeriesRequest(["loss"], chains, x="_elapsed", inherited=inherited, origins=origins)
    header, columns = parse(queries.chart(project, request))
    # Times are microseconds behind the start, which Unix seconds tell to a fraction of one.
    assert columns[0]["x"].tolist() == pytest.approx([n / 1e6 for n in range(6)], abs=5e-7)
    assert header["series"][1]["inherited"] == pytest.approx(5e-6, abs=5e-7)
    # Of time since the start runs show what they logged themselves; rewound rows are among that.
    own = queries.own_rows(chains)
    request = SeriesRequest(["loss"], own, x="_elapsed", inherited=inherited, origins=origins)
    header, _ = parse(queries.chart(project, request))
    told_own = {one["run"]: (one["total"], one.get("inherited")) for one in header["series"]}
    assert told_own == {"r1": (6, None), "r2": (3, None), "r3": (1, None), "r4": (1, None)}
    assert told("loss") == {"r1": None, "r2": None, "r3": None, "r4": None}
    kit.close()
