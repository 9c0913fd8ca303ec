"""The last lines of a run on the terminal: how each metric went, and where it ended (G-08)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kiseki.record import codec, keypath
from kiseki.record.fold import AGGREGATES
from kiseki.record.frame import Frame, scan
from kiseki.record.types import Kind

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40
METRICS_MAX = 20
WINDOWS = 48
WINDOW_BYTES = 16 * 1024
NAME_CHARACTERS_MAX = 40
VALUE_CHARACTERS_MAX = 24

Samples = dict[str, list[float]]


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Return up to `width` bars; each shows the largest value of its part. A gap where nothing is finite."""
    count = min(width, len(values))
    parts = [
        values[len(values) * i // count : len(values) * (i + 1) // count] for i in range(count)
    ]
    tops = [max((v for v in part if math.isfinite(v)), default=math.nan) for part in parts]
    finite = [top for top in tops if math.isfinite(top)]
    if not finite:
        return ""
    # Halved first: the difference of two large floats may be beyond the range of floats.
    low, span = min(finite) / 2, max(finite) / 2 - min(finite) / 2
    return "".join(
        BARS[int((top / 2 - low) / span * (len(BARS) - 1) + 0.5) if span > 0 else 0]
        if math.isfinite(top)
        else " "
        for top in tops
    )


def sample(path: str, shapes: Mapping[int, tuple[str, ...]]) -> Samples:
    """Return numbers by key path from windows spread over a journal: the same effort for any length."""
    samples: Samples = {}
    for frame in _frames(path):
        if frame.kind not in (Kind.ROW, Kind.ROW_PART):
            continue
        number, _, _, _, *values = codec.decode_row(frame.payload)
        for key, value in zip(shapes.get(number, ()), values, strict=False):
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                samples.setdefault(key, []).append(_number(value))
    return samples


def _frames(path: str) -> Iterator[Frame]:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = WINDOW_BYTES if size > WINDOWS * WINDOW_BYTES else size // WINDOWS + 1
        if size <= WINDOWS * WINDOW_BYTES:
            starts, length = [0], size
        else:
            starts = [(size - length) * i // (WINDOWS - 1) for i in range(WINDOWS)]
        for start in starts:
            file.seek(start)
            for _, found in scan(file.read(length)):
                if isinstance(found, Frame):
                    yield found


def table(samples: Samples, values: Mapping[str, Any]) -> list[str]:
    """Return one line per metric: name, bars, last value."""
    shown = {key: _shown(value) for key, value in values.items()}
    metrics = [key for key, value in shown.items() if value]
    rows = [
        (_name(key), sparkline(_values(samples, key)), shown[key]) for key in metrics[:METRICS_MAX]
    ]
    if not rows:
        return []
    name_width = max(len(name) for name, _, _ in rows)
    bar_width = max(len(bars) for _, bars, _ in rows)
    lines = [f"  {name:<{name_width}}  {bars:<{bar_width}}  {last}" for name, bars, last in rows]
    if len(metrics) > METRICS_MAX:
        lines.append(f"  … and {len(metrics) - METRICS_MAX:,} more")
    return [line.rstrip() for line in lines]


def _values(samples: Samples, key: str) -> list[float]:
    """Return the numbers of a summary path; those of `loss` for its `loss.min` (D-01)."""
    if key in samples:
        return samples[key]
    metric, _, rule = key.rpartition(".")
    return samples.get(metric, []) if rule in AGGREGATES else []


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    return _short(f"{value:.6g}" if isinstance(value, float) else str(value), VALUE_CHARACTERS_MAX)


def _name(path: str) -> str:
    return _short(".".join(keypath.split(path)).replace("\n", " "), NAME_CHARACTERS_MAX)


def _short(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond the range of floats
        return math.inf if value > 0 else -math.inf
