"""What every resolver is given: who asks, of which server, and what this door keeps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from kiseki.core.rights import Principal
from kiseki.core.service import Core
from kiseki.server.wandb.signing import Signer
from kiseki.server.wandb.writers import Writers

log = logging.getLogger(__name__)

PROJECT_DEFAULT = "uncategorized"


@dataclass(frozen=True, slots=True)
class Door:
    """What the requests of this door share."""

    core: Core
    writers: Writers
    signer: Signer


@dataclass(frozen=True, slots=True)
class Context:
    """One request.

    Attributes:
        url: how the client reaches this server; addresses for it begin so.
        headers: of the request.
    """

    door: Door
    who: Principal
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    on_fault: Callable[[BaseException], None] | None = None

    @property
    def core(self) -> Core:
        return self.door.core

    @property
    def is_shared(self) -> bool:
        """Whether the run is written by several clients at once."""
        return self.headers.get("x-wandb-use-async-filestream", "").lower() == "true"

    @property
    def client(self) -> str:
        """Which of several clients this is."""
        return self.headers.get("x-wandb-client-id", "")[:200] if self.is_shared else ""

    def entity(self, name: str | None) -> str:
        """Return an entity's name; none or an empty one means the default of who asks."""
        return name or self.who.project.partition("/")[0] or self.who.user.entity

    def fault(self, error: BaseException) -> None:
        """Note an error of our own."""
        log.error("a resolver failed", exc_info=error)


def project_name(name: str | None) -> str:
    """Return a project's name; none or an empty one means the default one."""
    return name or PROJECT_DEFAULT


def iso(time_us: int | None) -> str | None:
    """Return a time as the client reads it."""
    if not time_us:
        return None
    moment = datetime.fromtimestamp(time_us / 1e6, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def connection(nodes: list[Any], cursors: list[str], has_next: bool) -> dict[str, Any]:
    """Return nodes as a page of a connection."""
    return {
        "edges": [
            {"node": node, "cursor": cursor} for node, cursor in zip(nodes, cursors, strict=True)
        ],
        "pageInfo": {
            "__typename": "PageInfo",
            "endCursor": cursors[-1] if cursors else None,
            "hasNextPage": has_next,
        },
    }


def offset_of(cursor: str | None) -> int:
    """Return where a page begins; cursors of this door are the number of what came before."""
    return int(cursor) if cursor and cursor.isdecimal() and len(cursor) < 12 else 0


def page(
    items: list[Any], after: str | None, first: int | None, limit_max: int
) -> tuple[list[Any], list[str], bool]:
    """Return a page of a list, the cursor behind each item, and whether there is more."""
    begin = offset_of(after)
    count = limit_max if first is None else max(0, min(first, limit_max))
    found = items[begin : begin + count]
    cursors = [str(begin + index + 1) for index in range(len(found))]
    return found, cursors, begin + len(found) < len(items)
