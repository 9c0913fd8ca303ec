"""Every resolver of the schema, by type and field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kiseki.server.wandb import (
    account,
    artifact_nodes,
    artifacts,
    listing,
    runs,
    sweeps,
    uploads,
)

RESOLVERS: Mapping[str, Callable[..., Any]] = {
    **account.RESOLVERS,
    **artifact_nodes.RESOLVERS,
    **artifacts.RESOLVERS,
    **listing.RESOLVERS,
    **runs.RESOLVERS,
    **sweeps.RESOLVERS,
    **uploads.RESOLVERS,
}

TYPES = artifact_nodes.TYPES
