"""Tables: M-10 … M-12, M-15, N-02."""

from __future__ import annotations

import datetime
import json
import pickle
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image as Pil

import kiseki
from kiseki.sdk.media import table as tables
from kiseki.sdk.media.plots import Plot
from tests.unit.sdk_media.conftest import Logged


def content(logged: Logged, value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(logged.bytes_of(value))
    return found


def test_a_table(logged: Logged) -> None:  # M-10
    table = kiseki.Table(columns=["name", "loss", "ok"], data=[["a", 1.5, True]])
    table.add_data("b", 2, np.bool_(False))
    table.add_row(None, np.float32(0.5), True)
    value = logged.value(table, "eval/t", step=5)
    assert value == {
        "_type": "table-file",
        "path": f"media/table/eval/t_5_{value['sha256'][:20]}.table.json",
        "sha256": value["sha256"],
        "size": len(logged.bytes_of(value)),
        "ncols": 3,
        "nrows": 3,
        "log_mode": "IMMUTABLE",
    }
    assert content(logged, value) == {
        "columns": ["name", "loss", "ok"],
        "data": [["a", 1.5, True], ["b", 2, False], [None, 0.5, True]],
        "column_types": ["string", "number", "boolean"],
    }


def test_reading_it(logged: Logged) -> None:  # M-10
    table = kiseki.Table(["a", "b"], [[1, "x"], [2, "y"]])
    table.add_column("c", np.array([0.5, 0.25]))
    assert table.columns == ["a", "b", "c"]
    assert table.get_column("c") == [0.5, 0.25]
    assert table.get_column("a", convert_to="numpy").tolist() == [1, 2]
    assert list(table.iterrows()) == [(0, [1, "x", 0.5]), (1, [2, "y", 0.25])]
    frame = table.get_dataframe()
    assert frame["b"].tolist() == ["x", "y"] and list(frame.columns) == ["a", "b", "c"]
    for wrong in ("z", 0):
        with pytest.raises(ValueError):
            table.get_column(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        table.get_column("a", convert_to="torch")  # type: ignore[arg-type]


def test_a_table_that_grows_by_columns() -> None:
    table = kiseki.Table(columns=[])
    table.add_column("a", [1, 2])
    table.add_column("b", ["x", None])
    assert table.data == [[1, "x"], [2, None]]
    for name, cells, error in (
        ("b", [1, 2], ValueError),
        ("c", [1], ValueError),
        ("c", [1, "x"], TypeError),
    ):
        with pytest.raises(error):
            table.add_column(name, cells)
    with pytest.raises(TypeError):
        table.add_column("c", [1, None], optional=False)


def test_ways_to_give_rows() -> None:  # M-10, N-02
    rows = [[1, 2], [3, 4]]
    for table in (
        kiseki.Table(columns=["0", "1"], data=rows),
        kiseki.Table(rows=rows),
        kiseki.Table(data=np.array(rows)),
        kiseki.Table(data=[(1, 2), np.array([3, 4])]),
        kiseki.Table(data=pandas.DataFrame(rows)),
        kiseki.Table(dataframe=pandas.DataFrame(rows)),
    ):
        assert table.columns == ["0", "1"] and table.data == rows
    assert kiseki.Table().columns == ["Input", "Output", "Expected"]
    renamed = kiseki.Table(columns=["x", "y"], data=pandas.DataFrame(rows))
    assert renamed.columns == ["x", "y"]


def test_wrong_rows() -> None:  # M-10
    table = kiseki.Table(["a", "b"])
    for row in ((1,), (1, 2, 3), ()):
        with pytest.raises(ValueError, match="cells for 2 columns"):
            table.add_data(*row)
    with pytest.raises(ValueError):
        kiseki.Table(["a"], [[1], [1, 2]])
    for wrong in ("text", 3, [1, 2], ["ab"]):
        with pytest.raises(TypeError):
            kiseki.Table(["a"], wrong)
    with pytest.raises(TypeError):
        kiseki.Table(["a"], [[1]], rows=[[2]])
    with pytest.raises(TypeError):
        kiseki.Table([1.5])
    with pytest.raises(TypeError):
        table.add_data(object(), 1)
    assert table.data == []


def test_kinds_of_columns() -> None:  # M-10: dtype, optional, allow_mixed_types
    table = kiseki.Table(["a"])
    table.add_data(None)
    table.add_data(1)
    table.add_data(2.5)
    for wrong in ("x", True, [1], {"a": 1}):
        with pytest.raises(TypeError, match="allow_mixed_types"):
            table.add_data(wrong)
    assert table.data == [[None], [1], [2.5]]
    mixed = kiseki.Table(["a"], [[1], ["x"], [None], [[1, "y"]]], allow_mixed_types=True)
    mixed.add_column("b", [1, "x", None, True])
    assert len(mixed.data) == 4
    typed = kiseki.Table(["a", "b"], dtype=[str, None], optional=[False, True])
    typed.add_data("x", 1)
    typed.add_data("x", "y")
    for row in ((1, 1), (None, 1)):
        with pytest.raises(TypeError):
            typed.add_data(*row)
    assert kiseki.Table(["a"], [[1]], dtype="number").data == [[1]]
    for dtype in ([int, int], "what", 3):
        with pytest.raises((TypeError, ValueError)):
            kiseki.Table(["a"], dtype=dtype)


def test_cells_of_every_kind(logged: Logged) -> None:
    cells = [
        float("nan"), float("inf"), -float("inf"), 2**80, np.arange(40), "é",
        datetime.date(2026, 1, 2), {"a": float("nan")}, complex(1, 2),
    ]  # fmt: skip
    table = kiseki.Table(["v"], [[cell] for cell in cells], allow_mixed_types=True)
    found = content(logged, logged.value(table))
    assert found["data"] == [
        ["NaN"], ["Infinity"], ["-Infinity"], [2**80], [list(range(40))], ["é"],
        ["2026-01-02"], [{"a": "NaN"}], ["(1+2j)"],
    ]  # fmt: skip
    assert found["column_types"] == ["any"]


def test_data_frames(logged: Logged) -> None:  # M-11
    frame = pandas.DataFrame(
        {
            "number": [1.5, float("nan")],
            "text": ["a", None],
            "whole": pandas.array([1, None], dtype="Int64"),
            "when": pandas.to_datetime(["2026-01-02", None]),
            3: [True, False],
        }
    )
    for given in (frame, kiseki.Table(dataframe=frame)):
        found = content(logged, logged.value(given))
        assert found["columns"] == ["number", "text", "whole", "when", "3"]
        assert found["data"] == [
            [1.5, "a", 1, "2026-01-02T00:00:00", True],
            ["NaN", None, None, None, False],
        ]
    assert logged.value(pandas.DataFrame())["nrows"] == 0


def test_media_in_cells(logged: Logged) -> None:  # M-12
    image = kiseki.Image(np.zeros((2, 3), np.uint8), masks={"m": {"mask_data": [[1, 2, 3]] * 2}})
    table = kiseki.Table(["id", "image"], [[1, image], [2, image], [3, None]])
    table.add_data(4, Pil.new("L", (3, 2), 7))
    value = logged.value(table, "t", step=3)
    found = content(logged, value)
    assert found["column_types"] == ["number", "image-file"]
    first, second, third, fourth = (row[1] for row in found["data"])
    assert first == second and third is None
    assert first["path"] == f"media/images/t_{first['sha256'][:20]}.png"
    assert first["masks"]["m"]["path"].startswith("media/images/mask/t_m_")
    recorded = {record.path for record in logged.file_records()}
    assert {first["path"], first["masks"]["m"]["path"], fourth["path"], value["path"]} == recorded
    # The next version of the table refers to the same file.
    again = kiseki.Table(["id", "image"], [[1, image]])
    assert content(logged, logged.value(again, "t", step=4))["data"][0][1] == first
    with pytest.raises(TypeError):
        table.add_data(5, kiseki.Audio(np.zeros(3), 8000))
    with pytest.raises(TypeError):
        table.add_data(5, kiseki.plot.histogram(kiseki.Table(["a"]), "a"))


def test_immutable(logged: Logged) -> None:  # M-15
    table = kiseki.Table(["a"], [[1]])
    first = logged.value(table)
    assert logged.value(table, step=4) == first and not logged.replaced
    table.add_data(2)
    table.add_column("b", ["x", "y"])
    assert logged.value(table, step=5) == first
    assert "changed after it was logged" in logged.replaced[0][1]
    other = logged.value(table, "other")
    assert other["path"] != first["path"] and other["sha256"] == first["sha256"]
    assert content(logged, other)["data"] == [[1]]
    assert len({record.path for record in logged.file_records()}) == 2


def test_mutable(logged: Logged) -> None:  # M-15
    table = kiseki.Table(["a"], [[1]], log_mode="MUTABLE")
    values = [logged.value(table)]
    table.add_data(2)
    values.append(logged.value(table))
    assert [content(logged, value)["data"] for value in values] == [[[1]], [[1], [2]]]
    assert values[1]["log_mode"] == "MUTABLE"


def test_incremental(logged: Logged) -> None:  # M-15
    table = kiseki.Table(["a"], log_mode="INCREMENTAL")
    values = []
    for batch in ([1, 2], [3], [], [4]):
        for number in batch:
            table.add_data(number)
        values.append(logged.value(table))
    assert [content(logged, value)["data"] for value in values] == [[[1], [2]], [[3]], [], [[4]]]
    assert [(v["start"], v["nrows"], v["increment"]) for v in values] == [
        (0, 2, 1), (2, 1, 2), (3, 0, 3), (3, 1, 4),
    ]  # fmt: skip
    assert logged.value(table, "other")["nrows"] == 4


def test_an_increment_the_disk_refused_comes_with_the_next(logged: Logged) -> None:  # M-15
    table = kiseki.Table(["a"], [[1]], log_mode="INCREMENTAL")
    logged.value(table)
    table.add_data(2)
    logged.tmp.rmdir()
    assert logged.log({"m": table}) is None and logged.values()[-1]["m"]["_type"] == "replaced"
    logged.tmp.mkdir()
    table.add_data(3)
    value = logged.value(table)
    assert content(logged, value)["data"] == [[2], [3]] and value["increment"] == 2


def test_log_modes_and_limits(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:  # M-15
    with pytest.raises(ValueError, match="log_mode"):
        kiseki.Table(log_mode="SOMETIMES")  # type: ignore[arg-type]
    assert tables.ROWS_MAX == 200_000
    monkeypatch.setattr(tables, "ROWS_MAX", 3)
    value = logged.value(kiseki.Table(["a"], [[n] for n in range(5)]))
    assert (value["nrows"], value["omitted"]) == (3, 2)
    assert content(logged, value)["data"] == [[0], [1], [2]]
    assert "the first 3 are kept" in logged.replaced[0][1]
    table = kiseki.Table(["a"], [[n] for n in range(5)], log_mode="INCREMENTAL")
    assert logged.value(table, "i")["nrows"] == 3
    second = logged.value(table, "i")
    assert (second["start"], second["nrows"]) == (3, 2) and "omitted" not in second


def test_joined_tables(logged: Logged) -> None:  # M-09
    left, right = kiseki.Table(["id", "a"], [[1, 2]]), kiseki.Table(["key", "b"], [[1, 3]])
    value = logged.value(kiseki.JoinedTable(left, right, ["id", "key"]))
    assert value["_type"] == "joined-table" and value["join_key"] == ["id", "key"]
    assert content(logged, value["table2"])["data"] == [[1, 3]]
    assert value["table1"]["path"].startswith("media/table/m_1_")
    with pytest.raises(ValueError):
        kiseki.JoinedTable(left, right, "id")
    with pytest.raises(TypeError):
        kiseki.JoinedTable(left, 3, "id")  # type: ignore[arg-type]


def test_it_can_be_pickled(logged: Logged) -> None:
    table = kiseki.Table(["a", "i"], [[1, kiseki.Image(np.zeros((2, 2)))]])
    first = logged.value(table)
    copy = pickle.loads(pickle.dumps(table))
    assert logged.value(copy, step=8)["sha256"] == first["sha256"]
    assert isinstance(kiseki.plot.histogram(copy, "a"), Plot)
