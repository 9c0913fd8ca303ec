"""What the columns of a table hold: one kind of cell each, so that it can be sorted, filtered and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.media.base import Media

ANY = "any"
UNKNOWN = "none"  # nothing but None so far
BY_TYPE = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    list: "list",
    dict: "dict",
}
KINDS = frozenset({ANY, *BY_TYPE.values()})


def kind_of_cell(cell: Any) -> str:
    """Return the kind of a plain cell or a media object."""
    if cell is None:
        return UNKNOWN
    return BY_TYPE.get(type(cell)) or str(cell.kind)


class Columns:
    """Names and kinds of a table's columns.

    Args:
        names: of the columns.
        dtype: kinds, one for all or one for each: Python types, media classes, None for anything, or names of
            kinds. Default: that of the first cell that is not None.
        optional: whether cells may be None; one for all or one for each.
        allow_mixed_types: do not look at kinds at all.
    """

    def __init__(
        self, names: Sequence[Any], dtype: Any, optional: Any, allow_mixed_types: bool
    ) -> None:
        self.names: list[str | int] = [_checked_name(name) for name in names]
        self.kinds = [_kind(item) for item in _each(dtype, len(names), "dtype", UNKNOWN)]
        self._optional = [bool(item) for item in _each(optional, len(names), "optional", True)]
        self._allow_mixed_types = allow_mixed_types
        if allow_mixed_types:
            self.kinds = [ANY] * len(names)

    def add(self, name: Any, kind: str = UNKNOWN) -> None:
        """Add a column at the end."""
        self.names.append(_checked_name(name))
        self.kinds.append(ANY if self._allow_mixed_types else kind)
        self._optional.append(True)

    def index(self, name: Any) -> int:
        """Return the number of a column. Raises UsageValueError if there is none of this name."""
        try:
            return self.names.index(name)
        except ValueError:
            raise UsageValueError(f"Table: no column {name!r}; there are {self.names}") from None

    def accept(self, row: Sequence[Any]) -> None:
        """Check a row of plain cells against the kinds, and learn those that are not known yet.

        Raises:
            UsageTypeError: a cell of another kind. Nothing was learnt then.
        """
        kinds = list(self.kinds)
        for index, cell in enumerate(row):
            kind, known = kind_of_cell(cell), kinds[index]
            if kind == UNKNOWN:
                if not self._optional[index]:
                    raise UsageTypeError(f"Table: {self.names[index]!r} is not optional, got None")
            elif known == UNKNOWN:
                kinds[index] = kind
            elif known not in (kind, ANY):
                raise UsageTypeError(
                    f"Table: the column {self.names[index]!r} holds {known}, got {cell!r}; "
                    "for columns of anything: Table(…, allow_mixed_types=True)"
                )
        self.kinds = kinds


def kind_of_column(cells: Sequence[Any], is_mixed: bool) -> str:
    """Return the kind that all cells have. Raises UsageTypeError for several, unless they may be mixed."""
    kinds = {kind_of_cell(cell) for cell in cells} - {UNKNOWN}
    if len(kinds) > 1 and not is_mixed:
        raise UsageTypeError(
            f"Table: a column of {', '.join(sorted(kinds))}; for columns of anything: "
            "Table(…, allow_mixed_types=True)"
        )
    return ANY if is_mixed else next(iter(kinds), UNKNOWN)


def _checked_name(name: Any) -> str | int:
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise UsageTypeError(f"Table: the name of a column must be text, got {name!r}")
    return name


def _kind(given: Any) -> str:
    if given is None or given is Any or given is object:
        return ANY
    if isinstance(given, str) and (given in KINDS or given == UNKNOWN):
        return given
    if isinstance(given, type) and given in BY_TYPE:
        return BY_TYPE[given]
    if isinstance(given, type) and issubclass(given, Media):
        return given.kind
    raise UsageTypeError(
        f"Table: a dtype must be one of Python's types or a media class, got {given!r}"
    )


def _each(given: Any, count: int, name: str, default: Any) -> list[Any]:
    if given is None and default == UNKNOWN:
        return [default] * count
    if not isinstance(given, (list, tuple)):
        return [given] * count
    if len(given) != count:
        raise UsageValueError(f"Table: {count} columns, but {len(given)} of {name}")
    return list(given)
