"""Rows as the reader of a run sees them: plain dicts with `_step`, `_timestamp`, `_runtime` (L-13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kiseki.record import keypath
from kiseki.record.types import Row


def _finish(step: int, time_us: int, runtime_us: int, flat: dict[str, Any]) -> dict[str, Any]:
    row = keypath.unflatten(flat.items())
    row["_step"] = step
    row["_timestamp"] = time_us / 1e6
    row["_runtime"] = runtime_us / 1e6
    return row


def _put(flat: dict[str, Any], row: Row) -> None:
    """Add a later row's values. Put last, so that `unflatten` lets them win over what they replace."""
    for path, value in zip(row.paths, row.values, strict=True):
        flat.pop(path, None)
        flat[path] = value


def exact(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Yield one dict per `log()` commit in the given order; the parts of a row are joined."""
    current: tuple[int, int, int, dict[str, Any]] | None = None
    for row in rows:
        if row.is_part and current is not None and current[0] == row.step:
            _put(current[3], row)
            current = (row.step, row.time_us, row.runtime_us, current[3])
            continue
        if current is not None:
            yield _finish(*current)
        current = (
            row.step, row.time_us, row.runtime_us, dict(zip(row.paths, row.values, strict=True))
        )  # fmt: skip
    if current is not None:
        yield _finish(*current)


def merged(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return one dict per step, in the order of steps; within a step the later value wins (L-04, L-05)."""
    steps: dict[int, tuple[int, int, int, dict[str, Any]]] = {}
    for row in rows:
        known = steps.get(row.step)
        flat = known[3] if known is not None else {}
        _put(flat, row)
        steps[row.step] = (row.step, row.time_us, row.runtime_us, flat)
    return [_finish(*steps[step]) for step in sorted(steps)]
