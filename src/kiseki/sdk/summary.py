"""`run.summary`: the last value of every key, changed by hand where wanted (S-01 … S-08)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.record import keypath
from kiseki.record.types import Summary as SummaryRecord
from kiseki.sdk.values import MediaFound, Normaliser, key_text

KeepMedia = Callable[[Mapping[str, Any], tuple[str, ...]], dict[str, Any]]
RESERVED = ("_step", "_timestamp", "_runtime")


class Summary(MutableMapping[str, Any]):
    """The summary of a run, or a level of it: by item or by attribute; what is set is recorded at once.

    Args:
        read: returns the whole summary as a nested dict.
        write: takes each change; raises when the run has ended.
        normaliser: makes plain values.
        keep_media: keeps the files of the media in a mapping, to which the given keys lead; returns it plain.
        keys: the keys that lead to this level.
    """

    _read: Callable[[], dict[str, Any]]
    _write: Callable[[SummaryRecord], None]
    _normaliser: Normaliser
    _keep_media: KeepMedia
    _keys: tuple[str, ...]

    def __init__(
        self,
        read: Callable[[], dict[str, Any]],
        write: Callable[[SummaryRecord], None],
        normaliser: Normaliser,
        keep_media: KeepMedia,
        keys: tuple[str, ...] = (),
    ) -> None:
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_write", write)
        object.__setattr__(self, "_normaliser", normaliser)
        object.__setattr__(self, "_keep_media", keep_media)
        object.__setattr__(self, "_keys", keys)

    def as_dict(self) -> dict[str, Any]:
        """Return a copy as plain nested dict."""
        level: Any = self._read()
        for key in self._keys:
            level = level.get(key) if isinstance(level, dict) else None
        return level if isinstance(level, dict) else {}

    def update(self, *args: Any, **more: Any) -> None:
        """Set several keys; none of them if one value is refused."""
        self._set(dict(*args, **more))

    def __getitem__(self, key: str) -> Any:
        value = self.as_dict()[key]
        if keypath.is_level(value):
            keys = (*self._keys, key)
            return Summary(self._read, self._write, self._normaliser, self._keep_media, keys)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self._set({key: value})

    def __delitem__(self, key: str) -> None:
        if key not in self.as_dict():
            raise KeyError(key)
        self._write(SummaryRecord(delete=[self._path(key)]))

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):  # asked for by copy and pickle, before there are values
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"the summary has no key {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        del self[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def __len__(self) -> int:
        return len(self.as_dict())

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def __deepcopy__(self, memo: dict[int, Any]) -> Summary:
        return self

    def _path(self, key: str) -> str:
        return keypath.join((*self._keys, key))

    def _set(self, given: dict[Any, Any]) -> None:
        try:
            values, paths = self._plain(given)
        except MediaFound:
            values, paths = self._plain(self._keep_media(given, self._keys))
        if values:
            self._write(SummaryRecord(set=values, delete=paths))

    def _plain(self, given: dict[Any, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return the values by path, and the paths they replace with all below them."""
        values: dict[str, Any] = {}
        paths: list[str] = []
        for name, value in given.items():
            if not isinstance(name, str):
                raise UsageTypeError(f"summary keys must be text, got {name!r}")
            if not self._keys and name in RESERVED:
                raise UsageValueError(f"the summary key {name!r} is set by Kiseki")
            if isinstance(value, Summary):
                value = value.as_dict()
            path = self._path(key_text(name))
            plain = self._normaliser.plain(value, path)
            paths.append(path)
            if keypath.is_level(plain):
                values.update(keypath.flatten(plain, path + "."))
            else:
                values[path] = plain
        return values, paths
