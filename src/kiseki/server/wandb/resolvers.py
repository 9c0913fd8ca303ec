"""Every resolver of the schema, by type and field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kiseki.server.wandb import account, listing, runs, uploads

RESOLVERS: Mapping[str, Callable[..., Any]] = {
    **account.RESOLVERS,
    **listing.RESOLVERS,
    **runs.RESOLVERS,
    **uploads.RESOLVERS,
}
