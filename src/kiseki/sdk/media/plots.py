"""A chart of a table (P-01)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from kiseki.errors import UsageTypeError
from kiseki.sdk.media.base import Media, Shelf
from kiseki.sdk.media.table import Table
from kiseki.sdk.values import Ready, clean_text, type_name

OLD_PREFIX = "wandb/"
TABLE_SUFFIX = "_table"


class Plot(Media):
    """How a table is drawn. Logged under a key, its table goes beside it, under `<key>_table`.

    Args:
        spec: name of the drawing, such as `line/v0`; `docs/format/values.md` lists those that Kiseki draws.
        table: what is drawn.
        fields: names of the drawing's channels → columns of the table.
        strings: names of the drawing's texts, such as `title` → texts.

    Raises:
        UsageValueError: a field is no column of the table. UsageTypeError: an argument of another type.
    """

    kind: ClassVar[str] = "plot"

    def __init__(
        self,
        spec: str,
        table: Table,
        fields: Mapping[str, str],
        strings: Mapping[str, str] | None = None,
    ) -> None:
        if not isinstance(spec, str) or not spec:
            raise UsageTypeError(f"plot: the spec must be text, got {spec!r}")
        if not isinstance(table, Table):
            raise UsageTypeError(f"plot: the table must be a kiseki.Table, got {type_name(table)}")
        for name, column in fields.items():
            if column not in table.columns:
                table.get_column(column)  # raises, and says which columns there are
            if not isinstance(name, str):
                raise UsageTypeError(f"plot: the name of a field must be text, got {name!r}")
        self.spec = spec[len(OLD_PREFIX) :] if spec.startswith(OLD_PREFIX) else spec
        self.table = table
        self.fields = dict(fields)
        self.strings = {str(name): clean_text(str(text)) for name, text in (strings or {}).items()}

    def parts(self, key: str) -> dict[str, Media]:
        """Return the plot and its table."""
        return {key: self, key + TABLE_SUFFIX: self.table}

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the plot; see `Media.to_value`."""
        return Ready(
            _type=self.kind,
            spec=self.spec,
            table=key + TABLE_SUFFIX,
            fields=dict(self.fields),
            strings=dict(self.strings),
        )
