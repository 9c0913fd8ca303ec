"""Ids as the official client keeps them: opaque texts that name a thing for good, and back."""

from __future__ import annotations

import base64
import binascii
import json

from kiseki.errors import NotFound


def storage_id(kind: str, *parts: str) -> str:
    """Return canonical padded base64 (which the client demands of artifacts' ids) of a kind and names."""
    return base64.b64encode(json.dumps([kind, *parts], separators=(",", ":")).encode()).decode()


def names_of(kind: str, id: str, count: int) -> list[str]:
    """Return the names in an id.

    Raises:
        NotFound: it is no id of this kind.
    """
    try:
        found = json.loads(base64.b64decode(id, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, list)
        or len(found) != count + 1
        or found[0] != kind
        or not all(isinstance(part, str) for part in found)
    ):
        raise NotFound(f"{id[:100]!r} is no id of a {kind}", code="absent")
    return found[1:]
