"""The media of one `log()` call: from objects to plain dicts and files (M-00, M-13, M-14).

    take     no lock is held      media ──► bytes ──► tmp/media-…      the slow part
    place    the step is known    tmp/media-… ──► files/media/images/<key>_<step>_<hash>.png
                                  and a `File` record for each, which goes before the row

So a row never names a file that is not there, and no other thread waits while an image is encoded. What the
disk does not take is replaced by a dict that says so: the training goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    Set,
)
from typing import Any

from kiseki.base.clock import wall_us
from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.record import keypath
from kiseki.record.types import File
from kiseki.sdk.media.adopting import adopted
from kiseki.sdk.media.base import Content, Media
from kiseki.sdk.values import DEPTH_MAX, PLAIN, OnReplaced, Ready, check_key, key_text, ordered

BLOCK_BYTES = 1 << 20
DIGEST_CHARACTERS = 20  # of the SHA-256, in file names
SEGMENT_BYTES_MAX = 160  # with step, digest and extension below the 255 of file systems
SEGMENTS_MAX = 8
POLICY = "now"

_numbers = itertools.count()
_UNSAFE = re.compile(r"[^\w.\- ]")


class Draft:
    """A media file in the folder for drafts.

    Attributes:
        value, key: the logged value it belongs to, and its key path.
        name: its path below `files/`; "" as long as that depends on a step that is not known.
    """

    def __init__(self, path: str, stem: str, extension: str, sha256: str, size: int) -> None:
        self.path = path
        self.sha256 = sha256
        self.size = size
        self.value = Ready()
        self.key = ""
        self.name = ""
        self._stem = stem
        self._extension = extension
        self._waiting: list[Callable[[str], object]] = []

    def name_into(self, holder: MutableMapping[str, Any], key: str) -> None:
        """Have the path put into `holder[key]` once it is known."""
        self._tell(lambda name: holder.__setitem__(key, name))

    def append_to(self, names: MutableSequence[str]) -> None:
        """Have the path put at the end of `names` once it is known."""
        names.append("")
        index = len(names) - 1
        self._tell(lambda name: names.__setitem__(index, name))

    def settle(self, step: int | None) -> None:
        """Decide the name, with the step or, for what belongs to no single row, without."""
        if self.name:
            return
        number = "" if step is None else f"_{step}"
        digest = self.sha256[:DIGEST_CHARACTERS]
        self.name = f"{self._stem}{number}_{digest}.{self._extension}"
        for tell in self._waiting:
            tell(self.name)
        self._waiting.clear()

    def remove(self) -> None:
        """Remove the file, if it still is a draft."""
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def _tell(self, listener: Callable[[str], object]) -> None:
        if self.name:
            listener(self.name)
        else:
            self._waiting.append(listener)


class Batch:
    """Takes the media of one call out of a mapping and keeps their files.

    Args:
        files, tmp: folders of the run; files are moved from the second into the first.
        on_replaced: hears (key, reason) of a value that could not be kept.
        on_note: hears (key, text) of anything else worth knowing.
        is_synced: have every file reach the disk before the row (setting `fsync`).

    Attributes:
        tree: the mapping, with plain dicts in the place of media. Set by `take`.
    """

    def __init__(
        self,
        files: str,
        tmp: str,
        on_replaced: OnReplaced,
        on_note: OnReplaced,
        is_synced: bool = False,
    ) -> None:
        self.tree: dict[str, Any] = {}
        self.run = files
        self._tmp = tmp
        self._on_replaced = on_replaced
        self._on_note = on_note
        self._is_synced = is_synced
        self._drafts: list[Draft] = []
        self._key = ""

    def take(self, data: Mapping[str, Any], keys: Iterable[str] = ()) -> Batch:
        """Write drafts of all media in `data`; `keys` lead to it, and name the files with its own.

        Raises:
            UsageTypeError, UsageValueError, Error: a value that cannot be made a file. No draft is left.
        """
        try:
            self.tree = self._level(data, tuple(keys), 1)
        except BaseException:
            self.discard()
            raise
        return self

    def place(self, step: int) -> Iterator[File]:
        """Give the drafts their names; yield the record of each file that stands."""
        for draft in self._drafts:
            draft.settle(step)
            target = os.path.join(self.run, *draft.name.split("/"))
            try:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.replace(draft.path, target)
            except OSError as error:
                draft.remove()
                self._replace(draft.value, draft.key, error)
                continue
            yield File(
                path=draft.name,
                policy=POLICY,
                size=draft.size,
                sha256=draft.sha256,
                time_us=wall_us(),
            )

    def discard(self) -> None:
        """Remove the drafts that were not placed."""
        for draft in self._drafts:
            draft.remove()

    # -- Shelf -----------------------------------------------------------------------------------------

    def keep(self, content: Content, folder: str, key: str) -> Draft:
        """Write a file that will be `media/<folder>/<key>_<step>_<hash>.<extension>`."""
        path = os.path.join(self._tmp, f"media-{os.getpid()}-{next(_numbers)}")
        sha256, size = _write(path, content, self._is_synced)
        stem = f"media/{folder}/{file_stem(key)}"
        draft = Draft(path, stem, content.extension, sha256, size)
        self._drafts.append(draft)
        return draft

    def tell(self, text: str) -> None:
        """Tell the person something about the value that is being taken."""
        self._on_note(self._key, text)

    # -- inside ----------------------------------------------------------------------------------------

    def _level(self, data: Mapping[Any, Any], keys: tuple[str, ...], depth: int) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for name, value in data.items():
            if depth == 1:
                check_key(name)
            key = key_text(name)
            media = _media(value)
            if media is None:
                tree[key] = self._plain(value, (*keys, key), depth)
                continue
            for other, part in media.parts(key).items():
                if other != key and other in data:
                    raise UsageValueError(f"{other!r} is taken: {key!r} keeps its table there")
                tree[other] = self._value(part.to_value, (*keys, other), part)
        return tree

    def _plain(self, value: Any, keys: tuple[str, ...], depth: int) -> Any:
        """Return `value` with all media in it replaced; what has none comes back as it is."""
        if depth > DEPTH_MAX:
            return value  # the normaliser refuses it, and says why
        if isinstance(value, Mapping):
            return value if isinstance(value, Ready) else self._level(value, keys, depth + 1)
        if isinstance(value, (list, tuple, Set)):
            return self._list(value, keys, depth)
        media = _media(value)
        if media is None:
            return value
        if len(media.parts("")) > 1:
            raise UsageTypeError(
                f"{keys[-1]!r}: a plot must have a key of its own, not lie in a list"
            )
        return self._value(media.to_value, keys, media)

    def _list(self, items: Collection[Any], keys: tuple[str, ...], depth: int) -> Any:
        if isinstance(items, Set):
            items = ordered(items)
        found = [item if (media := _media(item)) is None else media for item in items]
        kinds = {type(item) for item in found}
        if len(kinds) == 1 and issubclass(kind := kinds.pop(), Media):
            group = self._value(
                lambda shelf, key: kind.list_to_value(found, shelf, key), keys, found[0]
            )
            if group is not None:
                return group
        return [self._plain(item, keys, depth + 1) for item in found]

    def _value(self, make: Callable[[Batch, str], Any], keys: tuple[str, ...], media: Media) -> Any:
        before = len(self._drafts)
        self._key = keypath.join(keys)
        try:
            value = make(self, self._key)
        except OSError as error:
            for draft in self._drafts[before:]:
                draft.remove()
            del self._drafts[before:]
            value = Ready(_type=media.kind)
            self._replace(value, self._key, error)
        for draft in self._drafts[before:]:
            draft.value, draft.key = value, self._key
        return value

    def _replace(self, value: Ready, key: str, error: OSError) -> None:
        """Have a value say that it could not be kept, in the place of what it would have said."""
        reason = f"its file cannot be kept: {error.strerror or error}"
        was = value["_type"]
        value.clear()
        value.update(_type="replaced", reason=reason, was=was)
        self._on_replaced(key, reason)


def _media(value: Any) -> Media | None:
    return None if type(value) in PLAIN else adopted(value)


def file_stem(key: str) -> str:
    """Return a key path as the beginning of a path: `/` makes folders, what is unsafe becomes `_`."""
    literal = ".".join(keypath.split(key))
    segments = [_segment(part) for part in re.split(r"[/\\]", literal)]
    if len(segments) > SEGMENTS_MAX:
        rest = "_".join(segments[SEGMENTS_MAX - 1 :])
        segments = [*segments[: SEGMENTS_MAX - 1], _segment(rest)]
    return "/".join(segments)


def _segment(text: str) -> str:
    safe = _UNSAFE.sub("_", text).encode()[:SEGMENT_BYTES_MAX].decode("utf-8", "ignore")
    return safe.strip(". ") or "_"


def _write(path: str, content: Content, is_synced: bool) -> tuple[str, int]:
    """Write a draft; return its SHA-256 and its size. Leaves nothing behind when it fails."""
    digest, size = hashlib.sha256(), 0
    try:
        with open(path, "xb", buffering=0) as file:
            for block in _blocks(content):
                digest.update(block)
                size += len(block)
                view = memoryview(block)
                while view:
                    view = view[file.write(view) :]
            if is_synced:
                os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
    return digest.hexdigest(), size


def _blocks(content: Content) -> Iterator[bytes]:
    if not content.source:
        yield content.data
        return
    with open(content.source, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
