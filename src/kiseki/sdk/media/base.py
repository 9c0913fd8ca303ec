"""What all media have in common."""

from __future__ import annotations

import importlib
import os
from collections.abc import MutableMapping, MutableSequence
from typing import Any, ClassVar, NamedTuple, Protocol

from kiseki.errors import Error, UsageTypeError, UsageValueError
from kiseki.sdk.values import Ready, clean_text, type_name

CAPTION_CHARACTERS_MAX = 100_000


class Content(NamedTuple):
    """The bytes of a media file, or the file to copy them from."""

    extension: str  # "png", "pts.json"
    data: bytes = b""
    source: str = ""


class Draft(Protocol):
    """A media file that is written and waits for its name."""

    sha256: str
    size: int

    def name_into(self, holder: MutableMapping[str, Any], key: str) -> None:
        """Have the path (below `files/`) put into `holder[key]` once it is known."""

    def append_to(self, names: MutableSequence[str]) -> None:
        """Have the path put at the end of a list once it is known."""

    def settle(self, step: int | None) -> None:
        """Decide the name; None: without a step."""


class Shelf(Protocol):
    """Where media put their files."""

    def keep(self, content: Content, folder: str, key: str) -> Draft:
        """Write a file that will be `media/<folder>/<key>_<step>_<hash>.<extension>`.

        Raises:
            OSError: it cannot be written or, with a `source`, read.
        """

    def tell(self, text: str) -> None:
        """Tell the person, and whoever reads the run, something about the value."""

    @property
    def run(self) -> str:
        """Something that is the same for all calls of one run, and for no other run."""


class Media:
    """Base of everything that can be logged beside plain values."""

    is_kiseki_media: ClassVar[bool] = True
    kind: ClassVar[str]  # the `_type` of its values

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of this value; its files go to `shelf`. Called by `log()`."""
        raise NotImplementedError

    @classmethod
    def list_to_value(cls, items: list[Any], shelf: Shelf, key: str) -> Ready | None:
        """Return one value for a list of this class; None: each item is a value of its own."""
        return None

    def parts(self, key: str) -> dict[str, Media]:
        """Return what is logged for it: itself under `key`, and what goes beside it."""
        return {key: self}


def file_value(
    kind: str, content: Content, folder: str, shelf: Shelf, key: str, fields: dict[str, Any]
) -> Ready:
    """Return the value of a media file: `_type`, `path`, `sha256`, `size`, and `fields` (M-00)."""
    draft = shelf.keep(content, folder, key)
    value = Ready({"_type": kind, "path": "", "sha256": draft.sha256, "size": draft.size})
    value.update((name, item) for name, item in fields.items() if item is not None)
    draft.name_into(value, "path")
    return value


def library(name: str, purpose: str, package: str = "") -> Any:
    """Return an optional library, imported now.

    Raises:
        Error: it is not installed; says how to get it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        wanted = package or "kiseki[media]"
        raise Error(f'{purpose}: not installed here. pip install "{wanted}"') from error


def checked_caption(caption: Any) -> str | None:
    """Return a caption as it is stored."""
    if caption is None:
        return None
    if not isinstance(caption, str):
        raise UsageTypeError(f"caption must be text, got {type_name(caption)}")
    return clean_text(caption[:CAPTION_CHARACTERS_MAX])


def is_path(value: Any) -> bool:
    return isinstance(value, (str, os.PathLike))


def checked_file(path: Any, what: str) -> str:
    """Return the absolute path of a file that is there; it is read when it is logged."""
    found = os.path.abspath(str(os.fspath(path)))
    if not os.path.isfile(found):
        raise UsageValueError(f"{what}: there is no file {os.fspath(path)!r}")
    return found


def extension_of(path: str) -> str:
    """Return the extension of a path in small letters, without its dot."""
    return os.path.splitext(path)[1].lstrip(".").lower()
