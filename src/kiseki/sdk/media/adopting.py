"""Media from what other libraries call a figure, an image or a data frame (M-03, M-11).

No library is imported: whoever holds an object of one has it loaded.
"""

from __future__ import annotations

import sys
from typing import Any

from kiseki.sdk.media.base import Media
from kiseki.sdk.values import is_figure, is_media


def adopted(value: Any) -> Media | None:
    """Return the media object that a logged value is or stands for; None if it is something else."""
    if is_media(value):
        return value if isinstance(value, Media) else None
    if not is_figure(value):
        return None
    if is_matplotlib(value):
        from kiseki.sdk.media.image import Image

        return Image(value)
    if _is_a(value, "PIL.Image", "Image"):
        from kiseki.sdk.media.image import Image

        return Image(value)
    if is_data_frame(value):
        from kiseki.sdk.media.table import Table

        return Table(dataframe=value)
    if _is_a(value, "plotly.basedatatypes", "BaseFigure"):
        from kiseki.sdk.media.plotly import Plotly

        return Plotly(value)
    if _is_a(value, "bokeh.model", "Model") or _is_a(value, "bokeh.document", "Document"):
        from kiseki.sdk.media.bokeh import Bokeh

        return Bokeh(value)
    return None


def is_matplotlib(value: Any) -> bool:
    """Return whether `value` is a matplotlib figure, axes, or `matplotlib.pyplot` itself."""
    return value is sys.modules.get("matplotlib.pyplot", _NOTHING) or (
        _is_a(value, "matplotlib.figure", "FigureBase") or _is_a(value, "matplotlib.axes", "Axes")
    )


def is_data_frame(value: Any) -> bool:
    """Return whether `value` is a data frame of pandas or polars."""
    return _is_a(value, "pandas", "DataFrame") or _is_a(value, "polars", "DataFrame")


def _is_a(value: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


_NOTHING = object()
