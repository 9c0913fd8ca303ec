"""Rows of a run, exactly as logged, page by page and in bounded memory.

The chain of a run's segments is merged by (step, link, arrival). A page ends between steps (`merged`) or
between `log()` commits (`exact`), never within, and its cursor names the last row it holds.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kiseki.core.query.chains import Chain, clipped
from kiseki.errors import Invalid
from kiseki.record import history, keypath
from kiseki.record.types import Row
from kiseki.storage.interface import Range, SeriesStore

LIMIT_MAX = 100_000  # rows of a page
WEIGHT_MAX = 1_000_000  # values of a page (long text and lists count more)
SCAN_ROWS = 1_000  # asked of the store at once
FOLD_ROWS = 1_000  # of one step, kept before they are folded into one
OWN_KEYS = ("_step", "_timestamp", "_runtime")

Position = tuple[int, int, int]  # step, link, arrival


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a run, and the cursor of the next page (None: that was all)."""

    rows: list[dict[str, Any]]
    next: str | None


def page(
    series: SeriesStore,
    project: int,
    chain: Chain,
    *,
    keys: Sequence[str] = (),
    min_step: int | None = None,
    max_step: int | None = None,
    after: str = "",
    limit: int = 10_000,
    is_exact: bool = False,
) -> Page:
    """Return rows in the order of their steps.

    Args:
        keys: only rows that hold one of these, cut down to them: key paths, or names as they are shown.
            A name that has keys below it means all of them.
        min_step, max_step: both inclusive.
        after: the cursor of the page before.
        is_exact: one row per `log()` commit; else one per step, in which the later value of a key wins.

    Raises:
        Invalid: a limit or cursor that is not one.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise Invalid(f"`limit` is a number from 1 to {LIMIT_MAX:,}", code="limit")
    paths = _resolve(series, project, chain, keys)
    if paths is not None and not paths:
        return Page([], None)
    start = _read_cursor(after, chain)
    within = clipped(chain, min_step, max_step)
    rows = _walk(series, project, chain, within, paths, start)
    found: list[dict[str, Any]] = []
    weight = 0
    last: Position | None = None
    for positions, group in _groups(rows, is_exact):
        if len(found) >= limit or weight >= WEIGHT_MAX:
            assert last is not None
            return Page(found, _write_cursor(last, chain))
        (row,) = history.merged(group)
        found.append({key: row[key] for key in OWN_KEYS} if _wants_own_only(keys) else row)
        weight += sum(_weight(row) for row in group)
        last = positions
    return Page(found, None)


def _wants_own_only(keys: Sequence[str]) -> bool:
    return bool(keys) and set(keys).issubset(OWN_KEYS)


def _resolve(
    series: SeriesStore, project: int, chain: Chain, keys: Sequence[str]
) -> list[str] | None:
    """Return the paths that the keys mean, None for all of them."""
    wanted = [key for key in keys if key not in OWN_KEYS]
    if not wanted:
        return None
    stats = series.keys(project, [link.segment for link in chain])
    known = dict.fromkeys(stat.path for of_segment in stats.values() for stat in of_segment)
    found: dict[str, None] = {}
    for key in wanted:
        found.update(dict.fromkeys(_meant(key, known)))
    return list(found)


def _meant(key: str, known: Iterable[str]) -> list[str]:
    tests: list[Callable[[str], bool]] = [
        lambda path: path == key,
        lambda path: path == keypath.escape(key),
        lambda path: ".".join(keypath.split(path)) == key,
        lambda path: path.startswith((key + ".", keypath.escape(key) + ".")),
    ]
    return next((paths for test in tests if (paths := [path for path in known if test(path)])), [])


def _walk(
    series: SeriesStore,
    project: int,
    chain: Chain,
    within: Chain,
    paths: Sequence[str] | None,
    start: Position | None,
) -> Iterator[tuple[Position, Row]]:
    order = {link.segment: index for index, link in enumerate(chain)}
    walks = [
        _walk_link(series, project, link, order[link.segment], paths, start) for link in within
    ]
    return heapq.merge(*walks, key=lambda found: found[0])


def _walk_link(
    series: SeriesStore,
    project: int,
    link: Range,
    index: int,
    paths: Sequence[str] | None,
    start: Position | None,
) -> Iterator[tuple[Position, Row]]:
    after = None
    if start is not None:
        step, of_link, arrival = start
        # Rows of this step in earlier links are behind us, in later ones before us.
        after = (step, arrival if index == of_link else -1 if index > of_link else 2**62)
    more = True
    while more:
        found, more = series.scan(project, link, paths, after, SCAN_ROWS)
        for after, row in found:
            yield (after[0], index, after[1]), row if isinstance(row, Row) else Row(*row)
        more = more and bool(found)


def _groups(
    rows: Iterator[tuple[Position, Row]], is_exact: bool
) -> Iterator[tuple[Position, list[Row]]]:
    """Yield what becomes one row, with the position of its last part."""
    group: list[Row] = []
    last: Position = (0, 0, 0)
    for position, row in rows:
        if group and not (row.step == group[0].step and (row.is_part or not is_exact)):
            yield last, group
            group = []
        group.append(row)
        last = position
        if len(group) >= FOLD_ROWS:
            group = [_folded(group)]
    if group:
        yield last, group


def _folded(rows: Sequence[Row]) -> Row:
    """Return rows of one step as one row, so that a million rows at a step need the memory of one."""
    flat: dict[str, Any] = {}
    for row in rows:
        for path, value in zip(row.paths, row.values, strict=True):
            flat.pop(path, None)
            flat[path] = value
    return rows[-1]._replace(paths=tuple(flat), values=list(flat.values()), is_part=False)


def _weight(row: Row) -> int:
    return 1 + sum(
        1 + len(value) // 8 if isinstance(value, (str, list, dict)) else 1 for value in row.values
    )


def _write_cursor(position: Position, chain: Chain) -> str:
    step, link, arrival = position
    return f"{step}.{chain[link].segment}.{arrival}"


def _read_cursor(text: str, chain: Chain) -> Position | None:
    if not text:
        return None
    try:
        step, segment, arrival = (int(part) for part in text.split("."))
    except ValueError as error:
        raise Invalid(f"{text!r} is not a cursor of this answer", code="cursor") from error
    order = {link.segment: index for index, link in enumerate(chain)}
    if segment not in order:
        raise Invalid("the run was rewound meanwhile: begin again", code="cursor")
    return step, order[segment], arrival
