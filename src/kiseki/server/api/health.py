"""Is it up, is it ready, what is it."""

from __future__ import annotations

import msgspec

from kiseki.base.version import __version__
from kiseki.server.api.routing import Call, Routes

routes = Routes()


class Health(msgspec.Struct):
    status: str


class Version(msgspec.Struct):
    version: str


@routes.get("/-/health", answer=Health, is_public=True)
async def show_health(call: Call) -> Health:
    """Return that the process answers."""
    return Health("ok")


@routes.get("/-/ready", answer=Health, is_public=True)
def show_ready(call: Call) -> Health:
    """Return that the stores answer."""
    call.core.meta.has_entity("")
    return Health("ok")


@routes.get("/-/version", answer=Version)
async def show_version(call: Call) -> Version:
    """Return which Kiseki this is."""
    return Version(__version__)
