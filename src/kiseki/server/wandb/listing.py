"""The runs of a project as the client's API lists them. Filters are in `mongo.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kiseki.server.wandb import mongo
from kiseki.server.wandb.context import Context, connection, offset_of
from kiseki.server.wandb.nodes import ProjectNode, RunNode

RUNS_MAX = 1_000


def runs(
    source: ProjectNode,
    info: Any,
    filters: str | None = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    context: Context = info.context
    begin, limit = offset_of(after), max(1, min(RUNS_MAX, 50 if first is None else first))
    matching, found = context.core.queries.find_runs(
        source.project,
        mongo.parse(filters),
        mongo.parse_order(order),
        offset=begin,
        limit=limit,
        user=context.who.user.name,
    )
    nodes = [RunNode(context, source.project, run) for run in found]
    cursors = [str(begin + index + 1) for index in range(len(nodes))]
    made = connection(nodes, cursors, begin + len(nodes) < matching)
    return made | {"totalCount": matching}


def run_count(source: ProjectNode, info: Any, filters: str | None = None) -> int:
    context: Context = info.context
    matching, _ = context.core.queries.find_runs(
        source.project, mongo.parse(filters), [], offset=0, limit=1, user=context.who.user.name
    )
    return matching


RESOLVERS: dict[str, Callable[..., Any]] = {"Project.runs": runs, "Project.runCount": run_count}
