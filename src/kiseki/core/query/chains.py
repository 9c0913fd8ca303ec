"""Where the rows of a run lie: ranges of segments, one behind the other (`core/lineage.py` follows them)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from kiseki.storage.interface import Points, Range

Chain = tuple[Range, ...]


def clipped(chain: Chain, lo: int | None, hi: int | None) -> Chain:
    """Return what of a chain lies within `lo <= step <= hi`."""
    found = []
    for link in chain:
        low = lo if link.lo is None else link.lo if lo is None else max(lo, link.lo)
        high = hi if link.hi is None else link.hi if hi is None else min(hi, link.hi)
        if low is None or high is None or low <= high:
            found.append(Range(link.segment, low, high))
    return tuple(found)


def is_disjoint(chain: Chain) -> bool:
    """Return whether no step can be in two links."""
    return all(
        left.hi is not None and right.lo is not None and left.hi < right.lo
        for left, right in itertools.pairwise(chain)
    )


def join_points(parts: Sequence[Points]) -> Points:
    """Return the points of a chain: by step, of one step the later link's."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        none = np.zeros(0)
        return Points(np.zeros(0, np.int64), none, none)
    steps = np.concatenate([part.steps for part in parts])
    values = np.concatenate([part.values for part in parts])
    x = np.concatenate([part.x for part in parts])
    if bool(np.all(steps[1:] > steps[:-1])):
        return Points(steps, values, x)
    order = np.argsort(steps, kind="stable")
    steps = steps[order]
    latest = np.append(steps[1:] != steps[:-1], True)
    order = order[latest]
    return Points(steps[latest], values[order], x[order])
