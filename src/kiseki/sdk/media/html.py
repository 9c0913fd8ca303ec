"""Pages (M-07)."""

from __future__ import annotations

import os
import re
from typing import Any, ClassVar

from kiseki.errors import UsageTypeError
from kiseki.sdk.media.base import Content, Media, Shelf, checked_file, extension_of, file_value
from kiseki.sdk.values import Ready, clean_text, type_name

# Links leave the frame the page is shown in; plain text looks as in the rest of the web app.
STYLE = '<base target="_blank"><style>body{font-family:system-ui,sans-serif;margin:8px}</style>'
PATH_CHARACTERS_MAX = 1_000


class Html(Media):
    """An HTML page to log. It is shown in a frame of its own, without access to anything.

    Args:
        data: the text of the page; the path of an `.html` file that is there; or an open file.
        inject: add a small style sheet, so that plain text is readable.

    Raises:
        UsageTypeError: none of these. UsageValueError: a `pathlib.Path` without a file.
    """

    kind: ClassVar[str] = "html-file"

    def __init__(self, data: Any, inject: bool = True) -> None:
        if isinstance(data, os.PathLike) or (isinstance(data, str) and _is_file(data)):
            with open(checked_file(data, "Html"), encoding="utf-8", errors="replace") as file:
                text = file.read()
        elif isinstance(data, str):
            text = data
        elif hasattr(data, "read"):
            if hasattr(data, "seek"):
                data.seek(0)
            read = data.read()
            text = read.decode("utf-8", "replace") if isinstance(read, bytes) else str(read)
        else:
            raise UsageTypeError(f"Html: {type_name(data)} is neither text nor a file")
        self.html = _with_style(clean_text(text)) if inject else clean_text(text)

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the page; see `Media.to_value`."""
        return file_value(self.kind, Content("html", self.html.encode()), "html", shelf, key, {})


def _is_file(text: str) -> bool:
    return (
        len(text) <= PATH_CHARACTERS_MAX
        and extension_of(text) in ("html", "htm")
        and "\0" not in text
        and os.path.isfile(text)
    )


def _with_style(text: str) -> str:
    found = (re.search(rf"<{tag}(\s[^>]*)?>", text, re.IGNORECASE) for tag in ("head", "html"))
    at = next((tag.end() for tag in found if tag), 0)
    return text[:at] + STYLE + text[at:]
