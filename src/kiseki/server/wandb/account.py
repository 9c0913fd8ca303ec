"""Operations about who asks, owners, projects and what this server can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kiseki.errors import NotFound
from kiseki.server.wandb.context import Context, connection, page, project_name
from kiseki.server.wandb.nodes import EntityNode, ProjectNode, UserNode

FEATURES: Mapping[str, bool] = {
    "STRUCTURED_CONSOLE_LOGS": True,
    "FILESTREAM_GZIP": True,
    "MARK_RUN_FILES_UPLOADED": True,
    "LARGE_FILENAMES": True,
    "CLIENT_IDS": True,
    "ARTIFACT_TAGS": True,
    "ARTIFACT_COLLECTIONS_FILTERING_SORTING": True,
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILES": True,
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE": True,
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP": True,
    "TOTAL_COUNT_IN_FILE_CONNECTION": True,
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION": True,
}
"""What of the client's optional wire is understood; a name that is not here counts as off."""

PROJECTS_MAX = 1_000
CLIENT_MAX = "99.0.0"  # no release of the client is too new
CLIENT_MIN = "0.13.0"


def viewer(_root: Any, info: Any) -> UserNode:
    context: Context = info.context
    teams = [name for name, role in context.who.entities.items() if role != "owner"]
    return UserNode(context.who.user, [context.who.user.entity, *teams], is_self=True)


def server_info(_root: Any, _info: Any) -> dict[str, Any]:
    return {
        "features": [{"name": name, "isEnabled": on} for name, on in FEATURES.items()],
        "cliVersionInfo": {"max_cli_version": CLIENT_MAX, "min_cli_version": CLIENT_MIN},
        "latestLocalVersionInfo": None,
    }


def entity(_root: Any, info: Any, name: str | None = None) -> EntityNode | None:
    context: Context = info.context
    wanted = context.entity(name)
    if wanted not in context.who.entities and not context.who.user.is_admin:
        return None
    return EntityNode(wanted, is_team=wanted != context.who.user.entity)


def project(
    _root: Any, info: Any, name: str | None = None, entityName: str | None = None
) -> ProjectNode | None:
    context: Context = info.context
    try:
        found = context.core.projects.find(
            context.who, context.entity(entityName), project_name(name)
        )
    except NotFound:
        return None
    return ProjectNode(context, found)


def models(
    _root: Any,
    info: Any,
    entityName: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> dict[str, Any]:
    context: Context = info.context
    wanted = context.entity(entityName)
    found = [one for one in context.core.projects.visible(context.who) if one.entity == wanted]
    chosen, cursors, more = page(found, after, first, PROJECTS_MAX)
    return connection([ProjectNode(context, one) for one in chosen], cursors, more)


def users(_root: Any, info: Any, query: str | None = None) -> dict[str, Any]:
    """Return the one who asks if the query means them: others' names are not told."""
    user = info.context.who.user
    found = [viewer(None, info)] if query in (user.name, user.email) and query else []
    return connection(list(found), ["1"] * len(found), False)


def upsert_model(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    context: Context = info.context
    owner, name = context.entity(input.get("entityName")), project_name(input.get("name"))
    _, known = context.core.projects.writable(context.who, owner, name)
    made = known or context.core.projects.make(context.who, owner, name)
    node = ProjectNode(context, made)
    return {"project": node, "model": node, "inserted": known is None}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.viewer": viewer,
    "Query.serverInfo": server_info,
    "Query.entity": entity,
    "Query.project": project,
    "Query.model": project,
    "Query.models": models,
    "Query.users": users,
    "Mutation.upsertModel": upsert_model,
}
