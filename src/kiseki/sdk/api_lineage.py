"""Where the history of a run on a server comes from: attempts, rewinds, forks, writers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

_Kind = TypeVar("_Kind")
Rows = Callable[[str, str, "Iterable[str] | None", "int | None"], Iterator[dict[str, Any]]]
Lines = Callable[["int | None"], list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Parent:
    """The moment that a run was rewound to or forked from: `step` of `run`, in its attempt `attempt`."""

    run: str
    name: str
    attempt: int
    step: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a run's history: what `run` logged in its attempt, from and to a step (None: unbounded)."""

    run: str
    name: str
    attempt: int
    from_step: int | None
    to_step: int | None


@dataclass(frozen=True, slots=True)
class Fork:
    """A run that begins with the history of this one, up to and with `step`."""

    run: str
    name: str
    step: int


@dataclass(frozen=True, slots=True)
class Writer:
    """A process that logged to the latest attempt; `opened_us` is when it began, Unix microseconds."""

    stream: str
    label: str
    host: str
    pid: int
    primary: bool
    opened_us: int
    state: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One beginning of a run; a run that starts again under its id, or is rewound, has several.

    Attributes:
        attempt: its number, from 1.
        kind: start, again, rewind or fork.
        parent_step: of a rewind or fork: the last step taken over.
        state: as of runs.
        started_us: Unix microseconds.
        rows: `log()` commits in it.
    """

    attempt: int
    kind: str
    parent_step: int | None
    state: str
    started_us: int
    rows: int
    _rows_of: Rows = field(repr=False, compare=False)
    _lines_of: Lines = field(repr=False, compare=False)

    def history(self, keys: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Return one dict per step, as of the run's `history`, of this attempt."""
        return list(self._rows_of("history", "merged", keys, self.attempt))

    def scan_history(self, keys: Iterable[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield one dict per `log()`, ordered by (step, arrival); nothing is merged."""
        return self._rows_of("history", "exact", keys, self.attempt)

    @property
    def summary(self) -> dict[str, Any]:
        """The last value of each key of the attempt's history, nested. Asks for the whole history."""
        found: dict[str, Any] = {}
        for row in self._rows_of("history", "merged", None, self.attempt):
            _merge(found, row)
        return found

    def console(self) -> list[tuple[str, str]]:
        """Return the console as (stream, text) per line."""
        return self._lines_of(self.attempt)


def _merge(tree: dict[str, Any], row: Mapping[str, Any]) -> None:
    """Put a later row over a nested dict; a dict with a `_type` is a value."""
    for key, value in row.items():
        known = tree.get(key)
        if isinstance(known, dict) and isinstance(value, dict) and "_type" not in value:
            _merge(known, value)
        else:
            tree[key] = _copied(value)


def _copied(value: Any) -> Any:
    return {key: _copied(item) for key, item in value.items()} if isinstance(value, dict) else value


def attempts_of(raw: Mapping[str, Any], rows_of: Rows, lines_of: Lines) -> list[Attempt]:
    """Return the attempts that an answer about a whole run tells of, oldest first."""
    return [
        known(Attempt, {**item, "_rows_of": rows_of, "_lines_of": lines_of})
        for item in raw.get("attempts") or ()
    ]


def known(kind: type[_Kind], raw: Mapping[str, Any]) -> _Kind:
    """Return an answer as a dataclass: the fields that it knows; a newer server may say more."""
    names = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in raw.items() if name in names})
