"""Large binary answers: compressed where a network is in between."""

from __future__ import annotations

import gzip

import zstandard
from starlette.responses import Response

from kiseki.server.gate import is_loopback
from kiseki.server.routing import Call

COMPRESSED_FROM = 32 * 1024  # bytes
MSGPACK = "application/x-msgpack"


def binary(call: Call, body: bytes, media_type: str) -> Response:
    """Return an answer of bytes, compressed if it is large and does not stay on this machine."""
    headers = {**call.headers, "Vary": "Accept, Accept-Encoding"}
    accepted = call.request.headers.get("accept-encoding", "")
    client = call.request.client
    if len(body) >= COMPRESSED_FROM and not (client is not None and is_loopback(client.host)):
        if "zstd" in accepted:
            body, headers["Content-Encoding"] = zstandard.compress(body, 1), "zstd"
        elif "gzip" in accepted:
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
    return Response(body, media_type=media_type, headers=headers)
