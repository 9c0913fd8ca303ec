"""Figures of plotly (M-03). Plotly itself is not imported: a figure knows how to write itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from kiseki.errors import UsageTypeError
from kiseki.sdk.media.adopting import is_matplotlib
from kiseki.sdk.media.base import Content, Media, Shelf, file_value, library
from kiseki.sdk.values import Ready, type_name


class Plotly(Media):
    """A plotly figure to log; in `log()` a bare figure does the same.

    Args:
        val: a figure, or a dict with `data` and `layout`. A matplotlib figure is translated where plotly is
            installed and can; `Image` takes any.

    Raises:
        UsageTypeError: none of these.
    """

    kind: ClassVar[str] = "plotly-file"

    def __init__(self, val: Any) -> None:
        if is_matplotlib(val):
            tools = library("plotly.tools", "Plotly of a matplotlib figure", "plotly")
            val = tools.mpl_to_plotly(val if hasattr(val, "savefig") else val.gcf())
        if isinstance(val, Mapping) and "data" in val:
            text = json.dumps(val)
        elif hasattr(val, "to_json") and hasattr(val, "to_plotly_json"):
            text = val.to_json()
        else:
            raise UsageTypeError(f"Plotly: {type_name(val)} is no figure of plotly")
        self._content = Content("plotly.json", text.encode())

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the figure; see `Media.to_value`."""
        return file_value(self.kind, self._content, "plotly", shelf, key, {})
