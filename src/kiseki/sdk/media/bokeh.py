"""Figures of bokeh (M-09)."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from kiseki.errors import UsageTypeError
from kiseki.sdk.media.base import Content, Media, Shelf, file_value, library
from kiseki.sdk.values import Ready, type_name


class Bokeh(Media):
    """A bokeh figure or document to log; in `log()` a bare one does the same.

    Args:
        data_or_path: a model (such as a figure) or a `Document` of bokeh.
    """

    kind: ClassVar[str] = "bokeh-file"

    def __init__(self, data_or_path: Any) -> None:
        documents = library("bokeh.document", "Bokeh", "bokeh")
        models = library("bokeh.model", "Bokeh", "bokeh")
        owner = documents.Document()
        document = data_or_path
        if isinstance(data_or_path, models.Model):
            document = data_or_path.document or owner
        if not isinstance(document, documents.Document):
            raise UsageTypeError(f"Bokeh: {type_name(data_or_path)} is no figure of bokeh")
        if document is owner:
            owner.add_root(data_or_path)
        text = json.dumps(document.to_json(deferred=False))
        owner.clear()  # a figure has one document: somebody else's, later
        self._content = Content("bokeh.json", text.encode())

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the figure; see `Media.to_value`."""
        return file_value(self.kind, self._content, "bokeh", shelf, key, {})
