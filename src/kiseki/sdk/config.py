"""`run.config`: what went into the run (C-01 … C-12, I-29 … I-37)."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from kiseki.errors import ConfigError, Error, UsageTypeError, UsageValueError
from kiseki.record import codec
from kiseki.record.types import Config as ConfigRecord
from kiseki.sdk.values import Normaliser, type_name

VALUE_BYTES_MAX = 10 * 1024 * 1024
TEXT_CHARACTERS_MAX = 10_000  # of the text that stands for an object
DEFAULTS_FILE = "config-defaults.yaml"

_ABSENT: Any = object()


class Config(Mapping[str, Any]):
    """The config of a run: by item or by attribute; what is set is recorded at once.

    Nested dicts are values: `config["model"] = {…}` replaces the whole (C-07). What is read is a copy.

    Args:
        write: takes each change; raises when the run has ended.
        allow_val_change: whether a key that is set may get another value (I-36).
        values: plain values that are recorded already.
    """

    _values: dict[str, Any]
    _write: Callable[[ConfigRecord], None]
    _allow_val_change: bool
    _locked: frozenset[str]
    _warn: Callable[[str], None]

    def __init__(
        self,
        write: Callable[[ConfigRecord], None],
        allow_val_change: bool,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        object.__setattr__(self, "_values", copy.deepcopy(dict(values or {})))
        object.__setattr__(self, "_write", write)
        object.__setattr__(self, "_allow_val_change", allow_val_change)
        object.__setattr__(self, "_locked", frozenset())

    def update(self, values: Any = None, allow_val_change: bool | None = None, **more: Any) -> None:
        """Set several keys; none of them if one is refused.

        Args:
            values: dict, `argparse.Namespace`, `absl.flags.FLAGS`, an object with attributes, or the path
                of a YAML file.
            allow_val_change: overrides the rule of the run for this call (I-37).

        Raises:
            ConfigError: a key that is set would get another value.
            UsageValueError, UsageTypeError: a key or value that is not allowed.
        """
        given = {} if values is None else pairs_of(values)
        given.update(more)
        allowed = self._allow_val_change if allow_val_change is None else allow_val_change
        changed: dict[str, Any] = {}
        for name, value in given.items():
            key, plain = checked_pair(name, value)
            known = self._values.get(key, _ABSENT)
            if known is not _ABSENT and known == plain:
                continue
            if key in self._locked:
                self._warn(f"config[{key!r}] stays {known!r}, as its sweep says, and not {plain!r}")
                continue
            if known is not _ABSENT and not allowed:
                raise ConfigError(
                    f"config[{key!r}] is {known!r} and may not become {plain!r}. For values that change "
                    "during training use run.log(); to allow it: config.update(…, allow_val_change=True)"
                )
            changed[key] = plain
        if changed:
            self._write(ConfigRecord(set=changed))
            self._values.update(changed)

    def setdefaults(self, values: Any) -> None:
        """Set the keys that are not set yet (C-06)."""
        self.update({key: value for key, value in pairs_of(values).items() if key not in self})

    def go_on_from(self, values: Mapping[str, Any]) -> None:
        """Know the values that the run had before; what was set since stays (C-13)."""
        for key, value in copy.deepcopy(dict(values)).items():
            self._values.setdefault(key, value)

    def _lock_keys(self, keys: Iterable[str], warn: Callable[[str], None]) -> None:
        """Keep keys as a sweep set them: who sets them otherwise is warned (C-13)."""
        object.__setattr__(self, "_locked", frozenset(keys))
        object.__setattr__(self, "_warn", warn)

    def as_dict(self) -> dict[str, Any]:
        """Return a copy as plain dict."""
        return copy.deepcopy(self._values)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a key and return its value."""
        if key not in self._values:
            if default:
                return default[0]
            raise KeyError(key)
        value = self[key]
        del self[key]
        return value

    def __getitem__(self, key: str) -> Any:
        value = self._values[key]
        return copy.deepcopy(value) if isinstance(value, (dict, list)) else value

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        if key not in self._values:
            raise KeyError(key)
        if not self._allow_val_change:
            raise ConfigError(f"config[{key!r}] is set and may not be removed")
        self._write(ConfigRecord(delete=[key]))
        del self._values[key]

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):  # asked for by copy and pickle, before there are values
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"the config has no key {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        del self[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def __deepcopy__(self, memo: dict[int, Any]) -> Config:
        return self


def checked_pair(name: Any, value: Any) -> tuple[str, Any]:
    """Return a key and its plain value as config stores them (I-31, I-32, C-08)."""
    key = name if isinstance(name, str) else str(name)
    key = key.strip("-")
    if "." in key:
        raise UsageValueError(
            f"config keys must not contain a period: {key!r}; use {key.replace('.', '_')!r} or a nested dict"
        )
    plain = _PLAIN.plain(value, key)
    size = len(codec.encode_value(plain))
    if size >= VALUE_BYTES_MAX:
        raise UsageValueError(f"config[{key!r}] has {size:,} bytes; it must be smaller than 10 MB")
    return key, plain


def pairs_of(values: Any) -> dict[str, Any]:
    """Return the pairs of what may be given as config (I-29, I-30).

    Raises:
        UsageTypeError: a number, a list, or something else without names.
        Error: a YAML file that is missing or cannot be read.
    """
    if isinstance(values, Mapping):
        return dict(values)
    if isinstance(values, str):
        return from_yaml(values)
    if isinstance(values, os.PathLike):
        return from_yaml(os.fspath(values))
    if hasattr(values, "flag_values_dict"):  # absl.flags.FLAGS
        return dict(values.flag_values_dict())
    if not isinstance(values, type) and hasattr(values, "__dict__") and not callable(values):
        return {key: value for key, value in vars(values).items() if not key.startswith("_")}
    raise UsageTypeError(
        f"config must be a dict, an argparse.Namespace, absl flags or the path of a YAML file, "
        f"got {type_name(values)}"
    )


def from_yaml(path: str) -> dict[str, Any]:
    """Return the pairs of a YAML file: a plain mapping, or `key: {desc: …, value: …}`."""
    import yaml

    from kiseki.sdk import yaml_files

    try:
        with open(path, encoding="utf-8") as file:
            found = yaml_files.load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Error(f"the config file {path!r} cannot be read: {error}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Error(f"the config file {path!r} holds no mapping")
    return {
        str(key): value["value"] if _is_described(value) else value
        for key, value in found.items()
        if key != "wandb_version"
    }


def _is_described(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value and set(value) <= {"desc", "value"}


def _text_of(value: Any) -> str:
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if inspect.isroutine(value) or isinstance(value, type):
        name = getattr(value, "__qualname__", None) or repr(value)
        module = getattr(value, "__module__", None)
        return f"{module}.{name}" if module and module != "builtins" else str(name)
    return str(value)[:TEXT_CHARACTERS_MAX]


_PLAIN = Normaliser(lambda path, reason: None, text_of=_text_of, is_json=True)
