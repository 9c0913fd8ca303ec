"""Is it up, is it ready, what is it."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from kiseki.base.version import __version__
from kiseki.server.problems import problem
from kiseki.server.routing import Call, Routes

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
def show_ready(call: Call) -> Health | Response:
    """Return that the stores answer and records are being taken."""
    call.core.meta.has_entity("")
    if not call.core.ingest.is_running:
        return problem(503, "the server is ending", "ending")
    return Health("ok")


@routes.get("/-/version", answer=Version)
async def show_version(call: Call) -> Version:
    """Return which Kiseki this is."""
    return Version(__version__)
