"""How large single records may be, whatever wrote them (reliability §4).

`admit` refuses a record that cannot be used without what is too much of it (a key, a row), and cuts text
that people read (a name, a tag, a line). The SDK holds these limits itself; other writers may not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from kiseki.base.paths import fault_of_name
from kiseki.errors import CorruptRecord
from kiseki.record import keypath
from kiseki.record.types import (
    Alert,
    AnyRecord,
    Config,
    Console,
    Describe,
    Environment,
    File,
    Metric,
    Open,
    Row,
    Shape,
    Summary,
    System,
)

RECORD_BYTES_MAX = 16 * 1024 * 1024
ROW_BYTES_MAX = 10 * 1024 * 1024
KEY_CHARS_MAX = 10_000  # at each level of a path
KEYS_MAX = 100_000  # in one row
DEPTH_MAX = 64  # of a value
NAME_CHARS_MAX = 512
TAG_CHARS_MAX = 64
TEXT_CHARS_MAX = 100_000  # notes, alerts
PROGRAM_CHARS_MAX = 10_000
LINE_CHARS_MAX = 64 * 1024 + 100  # the SDK cuts at 64 Ki and says how much is missing

_TEXTS = {
    Open: {
        "name": NAME_CHARS_MAX, "notes": TEXT_CHARS_MAX, "group": NAME_CHARS_MAX,
        "job_type": NAME_CHARS_MAX, "sweep_id": NAME_CHARS_MAX, "host": NAME_CHARS_MAX,
        "program": PROGRAM_CHARS_MAX,
    },
    Describe: {
        "name": NAME_CHARS_MAX, "notes": TEXT_CHARS_MAX, "group": NAME_CHARS_MAX,
        "job_type": NAME_CHARS_MAX,
    },
    Alert: {"title": NAME_CHARS_MAX, "text": TEXT_CHARS_MAX},
    Console: {"text": LINE_CHARS_MAX},
}  # fmt: skip
_SCALARS = frozenset({bool, int, float, str, type(None)})


def admit(record: AnyRecord) -> tuple[AnyRecord, str]:
    """Return a record as it may be kept, and what was cut of it ("" for nothing).

    Raises:
        CorruptRecord: it has to be set aside.
    """
    if isinstance(record, (Row, System)):
        if not _SCALARS.issuperset(map(type, record.values)):
            _check_values(record.values)
        return record, ""
    if isinstance(record, Shape):
        _check_shape(record.paths)
    elif isinstance(record, (Config, Summary)):
        _check_keys((*record.set, *record.delete), isinstance(record, Summary))
        _check_values(record.set.values())
    elif isinstance(record, Environment):
        _check_keys((*record.values, *record.packages))
        _check_values(record.values.values())
    elif isinstance(record, Metric):
        _check_keys((record.name, record.step_metric or ""), are_paths=True)
    elif isinstance(record, File) and (fault := fault_of_name(record.path)):
        raise CorruptRecord(f"no file can be called {record.path[:200]!r}: {fault}")
    texts = _TEXTS.get(type(record))
    return (record, "") if texts is None else _cut(record, texts)


def _check_shape(paths: list[str]) -> None:
    if len(paths) > KEYS_MAX:
        raise CorruptRecord(f"a row of {len(paths):,} keys; the limit is {KEYS_MAX:,}")
    _check_keys(paths, are_paths=True)


def _check_keys(keys: Iterable[str], are_paths: bool = False) -> None:
    for key in keys:
        if len(key) <= KEY_CHARS_MAX:
            continue
        longest = max(keypath.split(key), key=len) if are_paths else key
        if len(longest) > KEY_CHARS_MAX:
            raise CorruptRecord(
                f"a key of {len(longest):,} characters ({longest[:40]!r}…); "
                f"the limit is {KEY_CHARS_MAX:,}"
            )


def _check_values(values: Iterable[Any]) -> None:
    """Raise for values nested too deep, and for keys in them that are too long."""
    level = [value for value in values if isinstance(value, (list, dict))]
    depth = 0
    while level:
        depth += 1
        if depth > DEPTH_MAX:
            raise CorruptRecord(f"a value is nested deeper than {DEPTH_MAX} levels")
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                _check_keys(value)
                below += [item for item in value.values() if isinstance(item, (list, dict))]
            else:
                below += [item for item in value if isinstance(item, (list, dict))]
        level = below


def _cut(record: Any, texts: dict[str, int]) -> tuple[Any, str]:
    changes: dict[str, Any] = {}
    said: list[str] = []
    for field, most in texts.items():
        text = getattr(record, field)
        if text is not None and len(text) > most:
            changes[field] = _shortened(text, most)
            said.append(f"{field} of {len(text):,} characters (limit {most:,})")
    tags = getattr(record, "tags", None)
    if tags and not all(1 <= len(tag) <= TAG_CHARS_MAX for tag in tags):
        kept = [_shortened(tag, TAG_CHARS_MAX) for tag in tags if tag]
        changes["tags"] = list(dict.fromkeys(kept))
        said.append(f"tags that have not 1 to {TAG_CHARS_MAX} characters")
    if not changes:
        return record, ""
    return msgspec.structs.replace(record, **changes), "shortened: " + ", ".join(said)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
