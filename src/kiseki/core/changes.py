"""What a commit changed: the seam between ingest and whoever shows things live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

Part = Literal["history", "system", "console", "summary", "config", "state", "files"]
EVERY_PART: frozenset[Part] = frozenset(get_args(Part))


@dataclass(frozen=True, slots=True)
class Change:
    """What changed in one run.

    `history`, `system`, `console` and `files` are told when they are committed; `summary`, `config` and
    `state` when lists show them too, so that who asks after a change never sees less than it announced.
    """

    project: int
    entity: str
    project_name: str
    run: str
    next_step: int
    rows: int
    state: str
    parts: frozenset[Part] = field(default_factory=frozenset)
    is_new: bool = False  # the run appeared
    is_gone: bool = False  # …or was deleted


class Listener(Protocol):
    """Told of changes from the committing thread, so it must not wait for anything."""

    def publish(self, changes: Sequence[Change]) -> None: ...
