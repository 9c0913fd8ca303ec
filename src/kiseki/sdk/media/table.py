"""Tables (M-10 … M-12, M-15)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.media.adopting import adopted, is_data_frame
from kiseki.sdk.media.base import Content, Draft, Media, Shelf, file_value, library
from kiseki.sdk.media.columns import Columns, kind_of_column
from kiseki.sdk.values import PLAIN, Normaliser, Ready, type_name

ROWS_MAX = 200_000  # of one file
EXTENSION = "table.json"
FOLDER = "table"
LogMode = Literal["IMMUTABLE", "MUTABLE", "INCREMENTAL"]
LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")
COLUMNS = ("Input", "Output", "Expected")  # of a table that is given nothing


class Table(Media):
    """Rows and columns to log. Cells are plain values, or media, whose files are kept too.

    Args:
        columns: names; default: those of a data frame, else `0`, `1`, … as many as `data` has.
        data: rows, as lists or as an array of two dimensions; or a data frame.
        dataframe: a data frame of pandas or polars.
        rows: another name of `data`.
        dtype, optional, allow_mixed_types: what the columns may hold; see `columns.Columns`.
        log_mode: what logging it again means: IMMUTABLE (default): what it held when it was first logged;
            MUTABLE: what it holds now; INCREMENTAL: the rows added since, as one more file.

    Attributes:
        columns: names.
        data: rows, as lists.

    Raises:
        UsageValueError: a row of another width, an unknown log_mode.
        UsageTypeError: a cell that cannot be stored or is of another kind than its column.
    """

    kind: ClassVar[str] = "table-file"

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        dataframe: Any = None,
        rows: Any = None,
        dtype: Any = None,
        optional: Any = True,
        allow_mixed_types: bool = False,
        log_mode: LogMode = "IMMUTABLE",
    ) -> None:
        if log_mode not in LOG_MODES:
            raise UsageValueError(
                f"Table: log_mode must be one of {', '.join(LOG_MODES)}, got {log_mode!r}"
            )
        given = [item for item in (data, dataframe, rows) if item is not None]
        if len(given) > 1:
            raise UsageTypeError("Table: give one of data, dataframe and rows")
        names, body = _opened(given[0]) if given else (None, [])
        if columns is None:
            columns = names if names is not None else _numbered(body)
        self.log_mode = log_mode
        self.data: list[list[Any]] = []
        self._is_mixed = allow_mixed_types
        self._columns = Columns(columns, dtype, optional, allow_mixed_types)
        self._frozen: tuple[int, int] | None = None  # (rows, columns) when first logged
        self._logged: dict[tuple[str, str], _Logged] = {}
        for row in body:
            self.add_data(*row)

    @property
    def columns(self) -> list[str | int]:
        return self._columns.names

    def add_data(self, *row: Any) -> None:
        """Add a row: as many cells as there are columns.

        Raises:
            UsageValueError: another number. UsageTypeError: a cell that its column cannot hold.
        """
        if len(row) != len(self.columns):
            raise UsageValueError(
                f"Table: a row of {len(row)} cells for {len(self.columns)} columns: {self.columns}"
            )
        cells = [_cell(cell) for cell in row]
        self._columns.accept(cells)
        self.data.append(cells)

    def add_row(self, *row: Any) -> None:
        """Old name of `add_data`."""
        self.add_data(*row)

    def add_column(self, name: str, data: Any, optional: bool = True) -> None:
        """Add a column: as many cells as there are rows.

        Raises:
            UsageValueError: another number, or there is a column of this name.
            UsageTypeError: a cell that cannot be stored, several kinds of cells, or a missing one.
        """
        cells = [_cell(cell) for cell in data]
        if name in self.columns:
            raise UsageValueError(f"Table: there is a column {name!r} already")
        if len(cells) != len(self.data) and (self.data or self.columns):
            raise UsageValueError(
                f"Table: a column of {len(cells)} cells for {len(self.data)} rows"
            )
        if not optional and None in cells:
            raise UsageTypeError(f"Table: {name!r} is not optional, got None")
        self._columns.add(name, kind_of_column(cells, self._is_mixed))
        if not self.data:
            self.data = [[] for _ in cells]
        for row, cell in zip(self.data, cells, strict=True):
            row.append(cell)

    def get_column(self, name: str, convert_to: Literal["numpy"] | None = None) -> Any:
        """Return the cells of a column as a list, or as a NumPy array.

        Raises:
            UsageValueError: there is no such column, or `convert_to` is something else.
        """
        index = self._columns.index(name)
        cells = [row[index] for row in self.data]
        if convert_to is None:
            return cells
        if convert_to != "numpy":
            raise UsageValueError(f"Table: convert_to must be None or 'numpy', got {convert_to!r}")
        import numpy

        return numpy.array(cells)

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield (number, cells) of every row."""
        yield from enumerate(self.data)

    def get_dataframe(self) -> Any:
        """Return a data frame of pandas. Raises Error if that is not installed."""
        pandas = library("pandas", "Table.get_dataframe()", "pandas")
        return pandas.DataFrame(self.data, columns=self.columns)

    # -- logging ---------------------------------------------------------------------------------------

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the table; see `Media.to_value`."""
        place = (shelf.run, key)
        before = self._logged.get(place, _NEVER)
        if self.log_mode == "INCREMENTAL":
            last = before.last()
            value = self._write(shelf, key, last.stop, len(self.data), len(self.columns))
            value.update(start=last.stop, increment=last.increment + 1)
            self._logged[place] = _Logged(
                last.stop + value["nrows"], last.increment + 1, value, last
            )
            return value
        rows, columns = size = len(self.data), len(self.columns)
        if self.log_mode == "IMMUTABLE":
            if self._frozen is None:
                self._frozen = size
            elif self._frozen != size:
                shelf.tell(
                    f"the table {key!r} changed after it was logged, which its log_mode IMMUTABLE "
                    "does not show; log a MUTABLE or INCREMENTAL one"
                )
            rows, columns = self._frozen
            if before.stands:
                return Ready(before.value)
        value = self._write(shelf, key, 0, rows, columns)
        self._logged[place] = _Logged(rows, 1, value, None)
        return value

    def _write(self, shelf: Shelf, key: str, start: int, stop: int, columns: int) -> Ready:
        kept = min(stop, start + ROWS_MAX)
        if kept < stop:
            shelf.tell(
                f"the table {key!r} has {stop - start:,} rows; the first {ROWS_MAX:,} are kept"
            )
        cells = _CellShelf(shelf)
        data = [
            [
                cell.to_value(cells, key) if isinstance(cell, Media) else cell
                for cell in row[:columns]
            ]
            for row in self.data[start:kept]
        ]
        fields = {
            "ncols": columns,
            "nrows": len(data),
            "log_mode": self.log_mode,
            "omitted": stop - kept or None,
        }
        content = Content(
            EXTENSION,
            _encode(self.columns[:columns], self._columns.kinds[:columns], data),
        )
        return file_value(self.kind, content, FOLDER, shelf, key, fields)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_logged": {}}


class JoinedTable(Media):
    """Two tables to be shown side by side (M-09).

    Args:
        table1, table2: the tables.
        join_key: name of the column that both have, or of one column of each.
    """

    kind: ClassVar[str] = "joined-table"

    def __init__(self, table1: Table, table2: Table, join_key: str | Sequence[str]) -> None:
        keys = (join_key, join_key) if isinstance(join_key, str) else tuple(join_key)
        if len(keys) != 2:
            raise UsageValueError("JoinedTable: join_key must be one column, or one of each table")
        for table, key in ((table1, keys[0]), (table2, keys[1])):
            if not isinstance(table, Table):
                raise UsageTypeError(f"JoinedTable: {type_name(table)} is no Table")
            table._columns.index(key)
        self._tables, self._keys = (table1, table2), keys

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of both tables; see `Media.to_value`."""
        first, second = (
            table.to_value(shelf, f"{key}_{number}") for number, table in enumerate(self._tables, 1)
        )
        return Ready(_type=self.kind, table1=first, table2=second, join_key=list(self._keys))


class _Logged:
    """What was logged of a table under one key.

    Attributes:
        stop: rows that are in files.
        increment: number of files.
        value: of the last one; it stands once the file has its name.
    """

    def __init__(self, stop: int, increment: int, value: Ready, before: _Logged | None) -> None:
        self.stop = stop
        self.increment = increment
        self.value = value
        self._before = before

    @property
    def stands(self) -> bool:
        return bool(self.value.get("path"))

    def last(self) -> _Logged:
        """Return the last one that stands: what the disk did not take comes with the next file."""
        if not self.stands and self._before is not None:
            return self._before.last()
        self._before = None
        return self


_NEVER = _Logged(0, 0, Ready(), None)


class _CellShelf:
    """Keeps the files of cells under names without a step: the table's own bytes name them, and an image
    that is logged with every version of a table is stored once.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.run = shelf.run

    def keep(self, content: Content, folder: str, key: str) -> Draft:
        draft = self._shelf.keep(content, folder, key)
        draft.settle(None)
        return draft

    def tell(self, text: str) -> None:
        self._shelf.tell(text)


class _CellNormaliser(Normaliser):
    """Makes plain cells: arrays whole, NaN and ±Inf kept."""

    def _number(self, value: float) -> float | None:
        return value


_CELLS = _CellNormaliser(lambda path, reason: None, is_json=True)


def _cell(value: Any) -> Any:
    media = None if type(value) in PLAIN else adopted(value)
    if media is None:
        return _CELLS.plain(value, "Table")
    if len(media.parts("")) > 1:
        raise UsageTypeError("Table: a plot cannot be a cell")
    return media


def _opened(data: Any) -> tuple[list[Any] | None, Sequence[Any]]:
    """Return (names or None, rows) of what may be given as data."""
    if is_data_frame(data):
        return _frame(data)
    if hasattr(data, "tolist") and getattr(data, "ndim", 0) == 2:
        return None, data.tolist()
    if isinstance(data, str) or not hasattr(data, "__iter__"):
        raise UsageTypeError(f"Table: data must be rows or a data frame, got {type_name(data)}")
    rows = list(data)
    for row in rows:
        if isinstance(row, str) or not hasattr(row, "__iter__"):
            raise UsageTypeError(f"Table: a row must be a list of cells, got {type_name(row)}")
    return None, rows


def _numbered(rows: Sequence[Any]) -> Sequence[str]:
    return [str(number) for number in range(len(rows[0]))] if len(rows) else COLUMNS


def _frame(frame: Any) -> tuple[list[Any], list[Any]]:
    if hasattr(frame, "iter_rows"):  # polars
        return list(frame.columns), list(frame.iter_rows())
    names = [name if isinstance(name, str) else str(name) for name in frame.columns]
    columns = [_series(frame.iloc[:, index]) for index in range(len(names))]
    return names, [list(row) for row in zip(*columns, strict=True)]


def _series(series: Any) -> list[Any]:
    """Return the cells of a column of pandas; what is missing is None, except NaN among floats."""
    cells: list[Any] = series.tolist()
    if getattr(series.dtype, "kind", "") in "biuf" and hasattr(series.dtype, "newbyteorder"):
        return cells
    return [None if gone else cell for cell, gone in zip(cells, series.isna(), strict=True)]


def _encode(columns: list[str | int], kinds: list[str], data: list[list[Any]]) -> bytes:
    table = {"columns": columns, "data": data, "column_types": kinds}
    try:
        return json.dumps(table, allow_nan=False).encode()
    except ValueError:  # JSON has no NaN
        return json.dumps({**table, "data": _without_nan(data)}).encode()


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return value
